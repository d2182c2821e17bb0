//! What the operator of this machine asks a running node to do: a socket in the home that only its
//! owner can open. One request in JSON, one line; one answer, one line; the connection ends.
//!
//! Nothing here is for clients: it is what a command cannot do itself while the node has the store.

use std::fs::{self, File, Permissions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use primitives::Height;
use serde::{Deserialize, Serialize};
use state::State;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Mutex;

use crate::config::Home;
use crate::config::home::create_private;
use crate::failure;

/// Bytes of a request or an answer.
const LINE_BYTES_MAX: u64 = 4 << 10;
/// Checkpoints that stand at one time. Each keeps files on the disk that compactions have replaced.
const CHECKPOINTS_MAX: usize = 2;
/// After a failed accept, such as one for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "request")]
pub enum Request {
    /// A consistent copy of the store, in hard links, that stays as it is while the node goes on.
    Checkpoint,
    /// Rewrites the store's files without what is below the floor; answered when that is done.
    Compact,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer")]
pub enum Answer {
    /// Whoever asked removes it when done; at the latest the node does, when others are asked for.
    Checkpoint {
        path: PathBuf,
    },
    Compacted {
        floor: Height,
    },
    Failed {
        message: String,
    },
}

/// Asks the node of a home, and waits for as long as it works. Nothing when none runs there.
///
/// # Errors
/// When the node runs and does not answer, or could not do it.
pub fn ask(home: &Home, request: &Request) -> anyhow::Result<Option<Answer>> {
    if !home.is_running() {
        return Ok(None);
    }
    let path = home.control_socket();
    let context = || {
        let path = path.display();
        format!("a node runs in this home and does not answer at {path}; is it starting?")
    };
    let answer = exchange(&path, request).with_context(context)?;
    match answer {
        Answer::Failed { message } => bail!("the node could not do it: {message}"),
        answer => Ok(Some(answer)),
    }
}

fn exchange(path: &Path, request: &Request) -> anyhow::Result<Answer> {
    let (near, _directory) = near(path)?;
    let mut stream = StdUnixStream::connect(near)?;
    writeln!(stream, "{}", serde_json::to_string(request)?)?;
    let mut line = String::new();
    BufReader::new(io::Read::take(stream, LINE_BYTES_MAX)).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}

/// A short name for a socket, good while the file lives: a socket's path has at most 107 bytes, and
/// a home may lie deeper.
fn near(path: &Path) -> io::Result<(PathBuf, File)> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    };
    let directory = File::open(parent)?;
    let near = format!("/proc/self/fd/{}", directory.as_raw_fd());
    Ok((Path::new(&near).join(name), directory))
}

/// The running node's end.
#[derive(Debug)]
pub struct Socket(UnixListener);

impl Socket {
    /// Listens in a home whose lock the caller holds.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn open(home: &Home) -> anyhow::Result<Self> {
        let path = home.control_socket();
        // That of a node that was killed.
        let _ = fs::remove_file(&path);
        let bind = || {
            let (near, _directory) = near(&path)?;
            let listener = UnixListener::bind(near)?;
            fs::set_permissions(&path, Permissions::from_mode(0o600))?;
            io::Result::Ok(Self(listener))
        };
        bind().with_context(|| format!("{} cannot be made", path.display()))
    }

    /// Serves the operator's requests, one at a time, for as long as it is polled.
    pub async fn serve(self, home: Home, state: State) {
        let turn = Arc::new(Mutex::new(()));
        loop {
            let stream = match self.0.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!("a request of the operator cannot be accepted: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let (home, state, turn) = (home.clone(), state.clone(), Arc::clone(&turn));
            tokio::spawn(async move {
                if let Err(error) = answer(stream, home, state, &turn).await {
                    tracing::warn!("a request of the operator came to nothing: {error:#}");
                }
            });
        }
    }
}

async fn answer(
    stream: UnixStream,
    home: Home,
    state: State,
    turn: &Mutex<()>,
) -> anyhow::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    tokio::io::BufReader::new(read.take(LINE_BYTES_MAX)).read_line(&mut line).await?;
    let answer = match serde_json::from_str(&line) {
        Err(error) => Answer::Failed { message: format!("this is no request: {error}") },
        Ok(request) => {
            let _turn = turn.lock().await;
            let work = move || perform(&home, &state, &request);
            match tokio::task::spawn_blocking(work).await? {
                Ok(answer) => answer,
                Err(error) => Answer::Failed { message: format!("{error:#}") },
            }
        }
    };
    let line = serde_json::to_string(&answer)? + "\n";
    Ok(write.write_all(line.as_bytes()).await?)
}

fn perform(home: &Home, state: &State, request: &Request) -> anyhow::Result<Answer> {
    match request {
        Request::Compact => {
            tracing::info!("rewriting the store, as the operator asked");
            if let Err(error) = state.compact() {
                // The store has given up its work in the background.
                failure::stop(&format!("the store could not be rewritten: {error}"));
            }
            Ok(Answer::Compacted { floor: state.floor() })
        }
        Request::Checkpoint => {
            let path = checkpoint(&home.checkpoints(), state)?;
            tracing::info!(path = %path.display(), "made a checkpoint, as the operator asked");
            Ok(Answer::Checkpoint { path })
        }
    }
}

/// Makes a checkpoint, and removes those that are too many. No name comes twice: whoever removes its
/// checkpoint must not remove another's.
pub fn checkpoint(directory: &Path, state: &State) -> anyhow::Result<PathBuf> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    create_private(directory)?;
    let (height, process) = (state.head().header.height, std::process::id());
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = directory.join(format!("{height}-{process}-{number}"));
    let mut standing = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        standing.push((entry.metadata()?.modified()?, entry.path()));
    }
    standing.sort();
    let too_many = (standing.len() + 1).saturating_sub(CHECKPOINTS_MAX);
    for (_, old) in standing.into_iter().take(too_many) {
        fs::remove_dir_all(&old).with_context(|| old.display().to_string())?;
    }
    state.checkpoint(&path)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use primitives::{Hash, Header, TimestampMs};
    use state::GenesisBlock;

    use super::*;

    fn state(path: &Path) -> State {
        let genesis = GenesisBlock {
            header: Header::genesis(Hash([1; 32]), TimestampMs(1)),
            genesis_hash: Hash([1; 32]),
            changes: BTreeMap::new(),
            next_validators: Hash::ZERO,
        };
        State::open(path, &genesis).unwrap()
    }

    #[test]
    fn checkpoints_are_bounded_and_the_oldest_goes_first() {
        let directory = tempfile::tempdir().unwrap();
        let state = state(&directory.path().join("db"));
        let checkpoints = directory.path().join("checkpoints");
        let made: Vec<_> = (0..4).map(|_| checkpoint(&checkpoints, &state).unwrap()).collect();
        let stands: Vec<_> = made.iter().map(|path| path.exists()).collect();
        assert_eq!(stands, [false, false, true, true]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_running_node_answers_its_operator_however_deep_its_home_lies() {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::new(directory.path().join("a".repeat(80)).join("b".repeat(80)));
        home.create().unwrap();
        assert_eq!(ask(&home, &Request::Checkpoint).unwrap(), None, "no node runs");
        let _lock = home.lock().unwrap();
        assert!(ask(&home, &Request::Checkpoint).is_err(), "it does not listen yet");
        let state = state(&home.database());
        let socket = Socket::open(&home).unwrap();
        let served = tokio::spawn(socket.serve(home.clone(), state));
        let asked = {
            let home = home.clone();
            tokio::task::spawn_blocking(move || ask(&home, &Request::Checkpoint).unwrap())
        };
        let Some(Answer::Checkpoint { path }) = asked.await.unwrap() else {
            panic!("another answer")
        };
        assert!(path.join("CURRENT").exists());
        let mode = fs::metadata(home.control_socket()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        served.abort();
    }
}
