//! The store on RocksDB.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use rocksdb::{ColumnFamily, DB, ErrorKind, WriteBatch};

use super::{Batch, Store, StoreError, Visitor};
use crate::family::Family;
use crate::options;

#[derive(Debug)]
pub(crate) struct RocksStore {
    database: DB,
}

impl RocksStore {
    /// Opens the database at `path`, which must be there with all its families, unless `create`.
    pub(crate) fn open(path: &Path, create: bool) -> Result<Self, rocksdb::Error> {
        let families = options::families();
        let database = DB::open_cf_descriptors(&options::database(create), path, families)?;
        Ok(Self { database })
    }

    fn family(&self, family: Family) -> Result<&ColumnFamily, StoreError> {
        let missing = || StoreError::Damaged(format!("the family `{}` is missing", family.name()));
        self.database.cf_handle(family.name()).ok_or_else(missing)
    }
}

impl Store for RocksStore {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.database.get_cf(self.family(family)?, key)?)
    }

    fn scan(&self, family: Family, from: &[u8], visit: Visitor<'_>) -> Result<(), StoreError> {
        let mut rows = self.database.raw_iterator_cf_opt(self.family(family)?, options::scan());
        rows.seek(from);
        while let Some((key, value)) = rows.item() {
            if visit(key, value) == ControlFlow::Break(()) {
                break;
            }
            rows.next();
        }
        // An iterator that met an error looks like one that has come to the end.
        Ok(rows.status()?)
    }

    fn write(&self, batch: Batch) -> Result<(), StoreError> {
        let mut writes = WriteBatch::default();
        for operation in &batch.operations {
            let family = self.family(operation.family)?;
            match &operation.value {
                Some(value) => writes.put_cf(family, &operation.key, value),
                None => writes.delete_cf(family, &operation.key),
            }
        }
        Ok(self.database.write_opt(writes, &options::synced())?)
    }

    fn copy(&self) -> Option<Arc<dyn Store>> {
        None
    }
}

impl From<rocksdb::Error> for StoreError {
    fn from(error: rocksdb::Error) -> Self {
        match error.kind() {
            ErrorKind::Corruption => Self::Damaged(error.into_string()),
            _ => Self::Failed(error.into_string()),
        }
    }
}
