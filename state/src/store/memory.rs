//! The store in memory: for simulations and tests, where a seed must cost milliseconds.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use primitives::Height;

use super::{
    Batch, Reading, Row, RowVisitor, Scan, Scanner, Store, StoreError, TryVisitor, Visitor,
};
use crate::family::Family;

type Rows = BTreeMap<(Family, Vec<u8>), Vec<u8>>;

#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    rows: RwLock<Rows>,
}

impl MemoryStore {
    fn read(&self) -> RwLockReadGuard<'_, Rows> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.read().get(&(family, key.to_vec())).cloned())
    }

    fn scanner(&self, family: Family, _: Reading) -> Result<Scanner<'_>, StoreError> {
        Ok(Box::new(MemoryScan { store: self, family }))
    }

    fn get_many(
        &self,
        family: Family,
        keys: &[&[u8]],
        visit: RowVisitor<'_>,
    ) -> Result<(), StoreError> {
        keys.iter().try_for_each(|key| visit(self.get(family, key)?.as_deref()))
    }

    fn read_all(&self, family: Family, visit: TryVisitor<'_>) -> Result<(), StoreError> {
        // Copied, since the visitor may ask for other rows.
        let rows: Vec<_> = self
            .read()
            .range((family, Vec::new())..)
            .take_while(|((at, _), _)| *at == family)
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .collect();
        rows.iter().try_for_each(|(key, value)| visit(key, value))
    }

    fn free_below(&self, _: Family, _: Height) -> Result<(), StoreError> {
        Ok(())
    }

    fn compact(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn write(&self, batch: Batch) -> Result<(), StoreError> {
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        for Row { family, key, value } in batch.rows() {
            match value {
                Some(value) => rows.insert((family, key.to_vec()), value.to_vec()),
                None => rows.remove(&(family, key.to_vec())),
            };
        }
        Ok(())
    }

    fn checkpoint(&self, _: &Path) -> Result<(), StoreError> {
        Err(StoreError::Failed("a state in memory has no files".to_owned()))
    }

    fn copy(&self) -> Option<Arc<dyn Store>> {
        Some(Arc::new(Self { rows: RwLock::new(self.read().clone()) }))
    }
}

struct MemoryScan<'a> {
    store: &'a MemoryStore,
    family: Family,
}

impl Scan for MemoryScan<'_> {
    fn scan(&mut self, from: &[u8], visit: Visitor<'_>) -> Result<(), StoreError> {
        for ((at, key), value) in self.store.read().range((self.family, from.to_vec())..) {
            if *at != self.family || visit(key, value) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }

    fn scan_back(&mut self, end: &[u8], visit: Visitor<'_>) -> Result<(), StoreError> {
        let rows = self.store.read();
        for ((at, key), value) in rows.range(..(self.family, end.to_vec())).rev() {
            if *at != self.family || visit(key, value) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }
}
