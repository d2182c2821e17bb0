//! What a closed database is, without putting a state together from it.

use std::path::Path;

use primitives::{Hash, Height};

use crate::recovery::{self, OpenError};
use crate::store::rocks::RocksStore;

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

/// Reads what the database at `path` says of itself; nobody writes it meanwhile.
pub fn summary(path: &Path) -> Result<Summary, OpenError> {
    let store = recovery::open_to_read(path)?;
    summary_of(&store, path)
}

fn summary_of(store: &RocksStore, path: &Path) -> Result<Summary, OpenError> {
    let meta = recovery::read_meta(store).map_err(|error| recovery::refused(path, error))?;
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
/// nobody writes it meanwhile. For copies: the rest is what [`crate::check`] is for.
pub fn verify_files(path: &Path) -> Result<Summary, OpenError> {
    let store = recovery::open_to_read(path)?;
    store.verify_files().map_err(|error| recovery::refused(path, error))?;
    summary_of(&store, path)
}
