//! The home of a node on disk.
//!
//! ```text
//! node.toml      settings; may be absent
//! genesis.toml   what all validators agree on
//! keys/          one file a key, readable by its owner only
//! data/          the store, the vote log, checkpoints of the store
//! run/           while it runs: lock, ports.json, the operator's socket
//! ```

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use archive::files;
use primitives::genesis::GenesisError;
use primitives::{Genesis, SecretKey};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::keyfile::{KeyError, KeyStore};
use super::passphrase;
use super::settings::ValidatorSettings;

/// Bytes of a genesis file: 100,000 accounts have about 12 MB.
const GENESIS_FILE_BYTES_MAX: u64 = 64 << 20;
/// [`Home::is_running`] holds the lock for a moment; a node that starts just then must not give up.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(20);
/// Bytes of a `ports.json`.
const PORTS_FILE_BYTES_MAX: u64 = 64 << 10;

/// Where everything of one node stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

/// Where a running node listens; `run/ports.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// The validator's name in the genesis.
    pub name: String,
    pub rpc: SocketAddr,
    /// Multiaddresses, with the ports as the system chose them.
    pub p2p: Vec<String>,
    pub pid: u32,
}

impl Ports {
    /// The address for clients. A node that listens everywhere is asked on loopback.
    pub fn rpc_url(&self) -> String {
        let mut address = self.rpc;
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        format!("http://{address}")
    }
}

/// Why a home cannot be used.
#[derive(Debug, Error)]
pub enum HomeError {
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: io::Error },
    #[error("{0} is missing: make one with `quorate genesis new`, or copy the chain's")]
    NoGenesis(PathBuf),
    #[error("{path}: {error}")]
    Genesis { path: PathBuf, error: Box<GenesisError> },
    #[error("{path} has {length} bytes, and at most {limit} are read")]
    TooLarge { path: PathBuf, length: u64, limit: u64 },
    #[error("{path} is no list of ports: {error}")]
    Ports { path: PathBuf, error: serde_json::Error },
    #[error("a node is running in {0} already: stop it, or choose another home")]
    Running(PathBuf),
}

/// Held while a node runs in a home; taking it twice is impossible. Dropping it removes
/// `ports.json` and the operator's socket.
#[derive(Debug)]
pub struct HomeLock {
    home: Home,
    _file: File,
}

impl Drop for HomeLock {
    fn drop(&mut self) {
        // A file left behind is only stale: readers find nobody at its addresses.
        let _ = fs::remove_file(self.home.ports_file());
        let _ = fs::remove_file(self.home.control_socket());
    }
}

impl Home {
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn settings_file(&self) -> PathBuf {
        self.root.join("node.toml")
    }

    pub fn genesis_file(&self) -> PathBuf {
        self.root.join("genesis.toml")
    }

    pub fn keys(&self) -> KeyStore {
        KeyStore::new(self.root.join("keys"))
    }

    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// The store.
    pub fn database(&self) -> PathBuf {
        self.data().join("db")
    }

    /// Copies of the store that the node made for backups and snapshots.
    pub fn checkpoints(&self) -> PathBuf {
        self.data().join("checkpoints")
    }

    /// Where a running node takes requests of this machine's operator.
    pub fn control_socket(&self) -> PathBuf {
        self.run().join("control.sock")
    }

    /// What this validator has signed.
    pub fn vote_log(&self) -> PathBuf {
        self.data().join("votes.log")
    }

    pub fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    pub fn ports_file(&self) -> PathBuf {
        self.run().join("ports.json")
    }

    /// Makes the directories, open to their owner only.
    pub fn create(&self) -> Result<(), HomeError> {
        for path in [self.root.clone(), self.root.join("keys"), self.data(), self.run()] {
            create_private(&path)?;
        }
        Ok(())
    }

    pub fn genesis(&self) -> Result<Genesis, HomeError> {
        let path = self.genesis_file();
        let text = match read_bounded(&path, GENESIS_FILE_BYTES_MAX) {
            Err(HomeError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                return Err(HomeError::NoGenesis(path));
            }
            other => other?,
        };
        Genesis::from_toml(&text)
            .map_err(|error| HomeError::Genesis { path, error: Box::new(error) })
    }

    /// Opens the key with which this node votes, asking for its passphrase where it has one.
    pub fn validator_key(&self, settings: &ValidatorSettings) -> Result<SecretKey, KeyError> {
        self.keys().open(&settings.key, || {
            let prompt = format!("Passphrase of the key {}: ", settings.key);
            passphrase::find(settings.passphrase_file.as_deref(), &prompt)
        })
    }

    /// Claims the home for a running node. The system releases the lock of a node that dies.
    pub fn lock(&self) -> Result<HomeLock, HomeError> {
        create_private(&self.run())?;
        let path = self.run().join("lock");
        let io = |error| HomeError::Io { path: path.clone(), error };
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(false);
        let file = options.open(&path).map_err(io)?;
        let mut tries = LOCK_TRIES;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if tries > 0 => {
                    tries -= 1;
                    thread::sleep(LOCK_PAUSE);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(HomeError::Running(self.root.clone()));
                }
                Err(TryLockError::Error(error)) => return Err(io(error)),
            }
        }
        // What a killed node left is no longer true.
        let _ = fs::remove_file(self.ports_file());
        Ok(HomeLock { home: self.clone(), _file: file })
    }

    /// Whether a node runs in this home now.
    pub fn is_running(&self) -> bool {
        let lock = File::open(self.run().join("lock"));
        lock.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Publishes where the node listens. Called when RPC and network listen; whoever waits for the
    /// node is told by `ready::notify`.
    pub fn write_ports(&self, ports: &Ports) -> Result<(), HomeError> {
        let text = match serde_json::to_vec_pretty(ports) {
            Ok(text) => text,
            Err(error) => panic!("ports have a JSON form: {error}"),
        };
        write_atomically(&self.ports_file(), &text)
    }

    /// Where the node in this home listens, if it runs or ran until it was killed.
    pub fn ports(&self) -> Result<Option<Ports>, HomeError> {
        read_ports(&self.ports_file())
    }
}

/// Reads a `ports.json`; `None` when there is none.
pub fn read_ports(path: &Path) -> Result<Option<Ports>, HomeError> {
    let text = match read_bounded(path, PORTS_FILE_BYTES_MAX) {
        Err(HomeError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(None);
        }
        other => other?,
    };
    let ports = serde_json::from_str(&text);
    ports.map(Some).map_err(|error| HomeError::Ports { path: path.to_owned(), error })
}

/// A directory that only its owner may enter.
pub fn create_private(path: &Path) -> Result<(), HomeError> {
    files::create_private(path).map_err(|error| HomeError::Io { path: path.to_owned(), error })
}

/// Writes a whole file or nothing: readers never see a part of it.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), HomeError> {
    let written = files::write_atomically(path, bytes);
    written.map_err(|error| HomeError::Io { path: path.to_owned(), error })
}

fn read_bounded(path: &Path, limit: u64) -> Result<String, HomeError> {
    let io = |error| HomeError::Io { path: path.to_owned(), error };
    let length = fs::metadata(path).map_err(io)?.len();
    if length > limit {
        return Err(HomeError::TooLarge { path: path.to_owned(), length, limit });
    }
    fs::read_to_string(path).map_err(io)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_node_runs_in_a_home_and_its_ports_vanish_with_it() {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::new(directory.path());
        home.create().unwrap();
        assert!(!home.is_running());
        let lock = home.lock().unwrap();
        assert!(home.is_running());
        assert!(matches!(home.lock(), Err(HomeError::Running(_))));
        let rpc = SocketAddr::from(([0, 0, 0, 0], 7));
        let ports = Ports { name: "a".into(), rpc, p2p: vec!["/ip4/1.1.1.1/tcp/1".into()], pid: 1 };
        home.write_ports(&ports).unwrap();
        assert_eq!(ports.rpc_url(), "http://127.0.0.1:7");
        assert_eq!(home.ports().unwrap(), Some(ports));
        drop(lock);
        assert!(!home.is_running());
        assert_eq!(home.ports().unwrap(), None);
    }

    #[test]
    fn a_home_without_a_genesis_says_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let error = Home::new(directory.path()).genesis().unwrap_err();
        assert!(error.to_string().contains("quorate genesis new"), "{error}");
    }
}
