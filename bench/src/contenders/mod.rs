//! The stores that are measured, one file each, behind one trait.

mod jmt;
mod nomt;
mod ours;
mod raw;
mod rocks;

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;
use primitives::StateKey;
use serde::{Deserialize, Serialize};
use state::Changes;

/// A key-value store on disk. One thread uses it.
pub trait Contender {
    /// Makes the changes durable: when this returns, they and the new root have been synced.
    fn apply(&mut self, changes: Changes) -> Result<Applied>;

    fn get(&mut self, key: &StateKey) -> Result<Option<Vec<u8>>>;

    /// The value and a proof of it, encoded as it would be sent; `None` where there is no tree.
    fn prove(&mut self, key: &StateKey) -> Result<Option<Proof>>;

    /// Checks a proof against the current root; an error says what is wrong with it.
    fn verify(&mut self, key: &StateKey, proof: &Proof) -> Result<()>;
}

/// What a batch took.
#[derive(Clone, Copy, Debug)]
pub struct Applied {
    /// Until the new root was known; `None` where there is no tree.
    pub root: Option<Duration>,
    /// Until all of it was on the disk, the root's time included.
    pub commit: Duration,
}

/// What a key's value is, and why.
#[derive(Clone, Debug)]
pub struct Proof {
    pub value: Option<Vec<u8>>,
    pub encoded: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// `quorate-state`.
    Ours,
    /// The crate `jmt` on RocksDB.
    Jmt,
    /// The crate `nomt`.
    Nomt,
    /// RocksDB with the rows of ours and no tree; old values are read and kept.
    RawRead,
    /// RocksDB with the values alone.
    Raw,
}

/// What a contender may need to know of the run.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Keys at most, at any time.
    pub keys_max: u64,
    /// Of every cache that can be set; see bench/README.md.
    pub cache_mib: usize,
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::Ours, Self::Jmt, Self::Nomt, Self::RawRead, Self::Raw];

    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Jmt => "jmt",
            Self::Nomt => "nomt",
            Self::RawRead => "raw-read",
            Self::Raw => "raw",
        }
    }

    pub fn is_authenticated(self) -> bool {
        matches!(self, Self::Ours | Self::Jmt | Self::Nomt)
    }

    /// Why this machine cannot run it; `None` where it can.
    pub fn obstacle(self) -> Option<&'static str> {
        match self {
            Self::Nomt => nomt::obstacle(),
            Self::Ours | Self::Jmt | Self::RawRead | Self::Raw => None,
        }
    }

    /// Opens the store in `directory`, which is there and is its alone.
    pub fn open(self, directory: &Path, settings: &Settings) -> Result<Box<dyn Contender>> {
        Ok(match self {
            Self::Ours => Box::new(ours::Ours::open(directory)?),
            Self::Jmt => Box::new(jmt::Jmt::open(directory, settings)?),
            Self::Nomt => Box::new(nomt::OnNomt::open(directory, settings)?),
            Self::RawRead => Box::new(raw::Raw::open(directory, settings, raw::Old::Kept)?),
            Self::Raw => Box::new(raw::Raw::open(directory, settings, raw::Old::Lost)?),
        })
    }
}
