//! A testnet on disk, as `quorate testnet new` lays it out: a home for each validator, and one
//! for a client with funded keys.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use primitives::{Genesis, Hash, SecretKey};
use serde::Deserialize;

/// Where it lies.
#[derive(Clone, Debug)]
pub struct Directory {
    root: PathBuf,
}

/// Where a validator serves: what it says in `run/ports.json`. One that was killed leaves the file
/// behind.
#[derive(Clone, Debug, Deserialize)]
pub struct Ports {
    pub name: String,
    pub rpc: SocketAddr,
    pub pid: u32,
}

/// The part of a key file that a net's unencrypted keys have.
#[derive(Deserialize)]
struct KeyFile {
    unencrypted: Seed,
}

#[derive(Deserialize)]
struct Seed {
    /// 32 bytes, written as a hash is.
    seed: Hash,
}

impl Directory {
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A validator's home; the first is 0, as in the genesis, and named `validator-1`.
    pub fn home(&self, index: usize) -> PathBuf {
        self.root.join(format!("validator-{}", index + 1))
    }

    /// A validator's log.
    pub fn log(&self, index: usize) -> PathBuf {
        self.home(index).join("run/log")
    }

    pub fn genesis(&self) -> anyhow::Result<Genesis> {
        let path = self.root.join("client/genesis.toml");
        let text = std::fs::read_to_string(&path).with_context(|| {
            format!("{}: there is no testnet; `quorate testnet up` makes one", path.display())
        })?;
        Ok(Genesis::from_toml(&text)?)
    }

    /// A key of the client's: `faucet`, `alice` or `bob`.
    pub fn key(&self, name: &str) -> anyhow::Result<SecretKey> {
        read_key(&self.root.join(format!("client/keys/{name}.key")))
    }

    /// The key with which a validator votes.
    pub fn validator_key(&self, index: usize) -> anyhow::Result<SecretKey> {
        read_key(&self.home(index).join("keys/validator.key"))
    }

    /// Where a validator says that it serves; `None` when it does not run.
    pub fn ports(&self, index: usize) -> anyhow::Result<Option<Ports>> {
        let path = self.home(index).join("run/ports.json");
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.with_context(|| path.display().to_string())?,
        };
        Ok(Some(serde_json::from_str(&text).with_context(|| path.display().to_string())?))
    }

    /// Where every validator of the genesis serves.
    pub fn all_ports(&self) -> anyhow::Result<Vec<Ports>> {
        let validators = self.genesis()?.validators;
        let mut all = Vec::with_capacity(validators.len());
        for (index, validator) in validators.iter().enumerate() {
            let Some(ports) = self.ports(index)? else {
                bail!("{} does not run; start the net first", validator.name);
            };
            all.push(ports);
        }
        Ok(all)
    }
}

fn read_key(path: &Path) -> anyhow::Result<SecretKey> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let file: KeyFile = toml::from_str(&text).with_context(|| path.display().to_string())?;
    Ok(SecretKey::from_seed(file.unencrypted.seed.0))
}
