//! Pages that are not in memory: the values as the store has them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use primitives::Hash;

use crate::family::{Family, flat};
use crate::store::{Reading, Scanner, Store, StoreError};
use crate::tree::LeafSource;
use crate::tree::page::Leaf;

/// Reads pages as they stand in the store.
pub(crate) struct StoredLeaves<'a> {
    store: &'a dyn Store,
    reading: Reading,
    /// To be taken up again: making one costs more than reading a page with it.
    idle: Mutex<Vec<Scanner<'a>>>,
}

impl<'a> StoredLeaves<'a> {
    pub(crate) fn new(store: &'a dyn Store, reading: Reading) -> Self {
        Self { store, reading, idle: Mutex::default() }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Scanner<'a>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LeafSource for StoredLeaves<'_> {
    fn leaves(&self, path: &Hash, depth: usize) -> Result<Vec<Leaf>, StoreError> {
        let idle = self.idle().pop();
        let mut rows = match idle {
            Some(rows) => rows,
            None => self.store.scanner(Family::Flat, self.reading)?,
        };
        let leaves = flat::leaves(&mut *rows, path, depth);
        self.idle().push(rows);
        leaves
    }
}
