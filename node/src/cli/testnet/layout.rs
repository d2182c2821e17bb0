//! A testnet's directory: a home for each validator, and one for a client with funded keys.
//!
//! ```text
//! validator-1 …    homes; log in run/log
//! client/          keys faucet, alice, bob; asks whichever validator runs
//! processes.json   what `up` started: pid and starting time
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use primitives::{Amount, ChainId, ChainParameters, Genesis, Validator};

use super::process::Process;
use crate::cli::failure::Failure;
use crate::cli::genesis::now;
use crate::cli::init::template;
use crate::config::Home;
use crate::config::home::{create_private, write_atomically};
use crate::config::keyfile::Protection;
use crate::config::layers::Profile;
use crate::vote_log;

/// What the net's client keys own, in native units.
pub const FUNDED: [(&str, u128); 3] = [
    ("faucet", 1_000_000_000_000_000_000_000_000_000),
    ("alice", 1_000_000_000_000_000_000_000),
    ("bob", 1_000_000_000_000_000_000_000),
];
/// Bytes read of a log's end.
const LOG_BYTES_MAX: u64 = 1 << 20;

/// What kind of net to make.
#[derive(Clone, Debug)]
pub struct Plan {
    pub validators: u16,
    pub chain_id: ChainId,
    pub heartbeat_ms: Option<u64>,
}

/// A net on disk.
#[derive(Clone, Debug)]
pub struct Net {
    directory: PathBuf,
}

impl Net {
    pub fn at(directory: &Path) -> anyhow::Result<Self> {
        let directory = std::path::absolute(directory)?;
        Ok(Self { directory })
    }

    pub fn existing(directory: &Path) -> anyhow::Result<Self> {
        let net = Self::at(directory)?;
        if net.exists() {
            return Ok(net);
        }
        let message = format!(
            "there is no testnet in {}: make one with `quorate testnet up`, or name its \
             directory with --dir",
            net.directory.display()
        );
        Err(Failure::NotFound(message).into())
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The client's home is made last, so it tells a whole net from an interrupted one.
    pub fn exists(&self) -> bool {
        self.client().settings_file().exists()
    }

    pub fn client(&self) -> Home {
        Home::new(self.directory.join("client"))
    }

    /// Held by a command that starts or stops validators, so that two do not at once.
    pub fn lock(&self) -> anyhow::Result<File> {
        create_private(&self.directory)?;
        let path = self.directory.join("lock");
        let mut options = OpenOptions::new();
        let file = options.create(true).write(true).truncate(false).open(&path);
        let file = file.with_context(|| path.display().to_string())?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => {
                bail!("another command starts or stops the net in {}", self.directory.display())
            }
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// Makes keys, genesis and homes. The keys are unencrypted.
    pub fn create(&self, plan: &Plan) -> anyhow::Result<()> {
        if self.exists() {
            bail!("there is a testnet in {} already", self.directory.display());
        }
        self.remove()?;
        let (mut validators, mut homes) = (Vec::new(), Vec::new());
        for number in 1..=plan.validators {
            let name = format!("validator-{number}");
            let home = Home::new(self.directory.join(&name));
            home.create()?;
            let key = home.keys().generate("validator", &Protection::None)?;
            vote_log::create(&home.vote_log())?;
            validators.push(Validator { name, key: key.public_key });
            homes.push(home);
        }
        let client = self.client();
        client.create()?;
        let mut accounts = BTreeMap::new();
        for (name, amount) in FUNDED {
            let key = client.keys().generate(name, &Protection::None)?;
            accounts.insert(key.address, Amount(amount));
        }
        let defaults = ChainParameters::default();
        let heartbeat_ms = plan.heartbeat_ms.unwrap_or(defaults.heartbeat_ms);
        let parameters = ChainParameters { heartbeat_ms, ..defaults };
        let chain_id = plan.chain_id.clone();
        let genesis = Genesis { chain_id, timestamp_ms: now(), parameters, validators, accounts };
        genesis.check()?;
        let settings = template(Profile::Testnet, "");
        for home in &homes {
            write_atomically(&home.genesis_file(), genesis.to_toml().as_bytes())?;
            write_atomically(&home.settings_file(), settings.as_bytes())?;
        }
        write_atomically(&client.genesis_file(), genesis.to_toml().as_bytes())?;
        let settings = template(Profile::Testnet, "client.key = \"alice\"\n");
        Ok(write_atomically(&client.settings_file(), settings.as_bytes())?)
    }

    /// Removes what [`Net::create`] makes, and nothing else that may lie in the directory.
    pub fn remove(&self) -> anyhow::Result<()> {
        let client = self.client();
        // First the mark of a whole net, so that an interrupted removal is not taken for one.
        remove(|| fs::remove_file(client.settings_file()))?;
        for (_, home) in self.homes()? {
            remove(|| fs::remove_dir_all(home.root()))?;
        }
        remove(|| fs::remove_dir_all(client.root()))?;
        self.forget_processes()
    }

    /// The validators by name, in the order of their numbers.
    pub fn homes(&self) -> anyhow::Result<Vec<(String, Home)>> {
        let mut homes = BTreeMap::new();
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let number = name.strip_prefix("validator-").and_then(|n| n.parse::<u32>().ok());
            if let Some(number) = number {
                homes.insert(number, (name, Home::new(entry.path())));
            }
        }
        Ok(homes.into_values().collect())
    }

    /// What was started and not stopped, by name. Some may have died since.
    pub fn processes(&self) -> anyhow::Result<BTreeMap<String, Process>> {
        let path = self.processes_file();
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(error).with_context(|| path.display().to_string()),
            Ok(text) => serde_json::from_slice(&text).with_context(|| path.display().to_string()),
        }
    }

    pub fn remember_processes(&self, all: &BTreeMap<String, Process>) -> anyhow::Result<()> {
        let text = serde_json::to_vec_pretty(all)?;
        Ok(write_atomically(&self.processes_file(), &text)?)
    }

    pub fn forget_processes(&self) -> anyhow::Result<()> {
        remove(|| fs::remove_file(self.processes_file()))
    }

    fn processes_file(&self) -> PathBuf {
        self.directory.join("processes.json")
    }
}

/// What is gone already need not be removed.
fn remove(act: impl FnOnce() -> io::Result<()>) -> anyhow::Result<()> {
    match act() {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Where a validator's output goes.
pub fn log_file(home: &Home) -> PathBuf {
    home.run().join("log")
}

/// The last lines of a log, of at most its last mebibyte.
pub fn tail(path: &Path, lines: usize) -> io::Result<String> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        other => other?,
    };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_BYTES_MAX)))?;
    let mut bytes = Vec::new();
    file.take(LOG_BYTES_MAX).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<_> = text.lines().collect();
    let from = all.len().saturating_sub(lines);
    Ok(all.get(from..).unwrap_or_default().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_net_has_one_genesis_that_names_its_keys() {
        let directory = tempfile::tempdir().unwrap();
        let net = Net::at(directory.path()).unwrap();
        let chain_id: ChainId = "a-net".parse().unwrap();
        net.create(&Plan { validators: 11, chain_id, heartbeat_ms: Some(7) }).unwrap();
        assert!(net.exists());
        let homes = net.homes().unwrap();
        assert_eq!(homes.len(), 11);
        assert_eq!(homes.last().unwrap().0, "validator-11", "numbers are ordered as numbers");
        let genesis = net.client().genesis().unwrap();
        assert_eq!(genesis.parameters.heartbeat_ms, 7);
        for ((name, home), validator) in homes.iter().zip(&genesis.validators) {
            assert_eq!(home.genesis().unwrap().hash(), genesis.hash());
            assert_eq!(*name, validator.name);
            assert_eq!(home.keys().info("validator").unwrap().public_key, validator.key);
        }
        for (name, amount) in FUNDED {
            let address = net.client().keys().info(name).unwrap().address;
            assert_eq!(genesis.accounts[&address], Amount(amount));
        }
        fs::write(directory.path().join("notes.txt"), "mine").unwrap();
        net.remove().unwrap();
        assert!(!net.exists());
        let left: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "only what is not ours is left: {left:?}");
    }

    #[test]
    fn the_tail_is_the_last_lines() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        assert_eq!(tail(&path, 2).unwrap(), "");
        fs::write(&path, "a\nb\nc\n").unwrap();
        assert_eq!(tail(&path, 2).unwrap(), "b\nc");
    }
}
