//! What a closed database is, without putting a state together from it.

use std::path::Path;

use primitives::{Hash, Height};

use crate::floor::Floors;
use crate::recovery::{self, OpenError};

/// Whose database it is, and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    pub genesis: Hash,
    /// The head's.
    pub height: Height,
    pub block: Hash,
    pub root: Hash,
    /// The lowest height that can be read.
    pub floor: Height,
    pub keys: u64,
}

/// Reads what the database at `path` says of itself; nobody else has it open.
pub fn summary(path: &Path) -> Result<Summary, OpenError> {
    let store = recovery::open_existing(path, &Floors::default())?;
    let meta = recovery::read_meta(&store).map_err(|error| recovery::refused(path, error))?;
    Ok(Summary {
        genesis: meta.genesis,
        height: meta.height,
        block: meta.block,
        root: meta.root,
        floor: meta.floor,
        keys: meta.usage.values().map(|usage| usage.keys).sum(),
    })
}

/// Reads every file of the database at `path` against its checksums, and what it says of itself;
/// nobody else has it open. For copies: the rest is what [`crate::check`] is for.
pub fn verify_files(path: &Path) -> Result<Summary, OpenError> {
    let store = recovery::open_existing(path, &Floors::default())?;
    store.verify_files().map_err(|error| recovery::refused(path, error))?;
    drop(store);
    summary(path)
}
