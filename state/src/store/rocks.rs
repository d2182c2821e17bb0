//! The store on RocksDB.

use std::ffi::CStr;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use librocksdb_sys::{rocksdb_free, rocksdb_verify_checksum};
use primitives::Height;
use rocksdb::checkpoint::Checkpoint;
use rocksdb::{
    AsRawPtr, BottommostLevelCompaction, ColumnFamily, CompactOptions, DB, DBRawIterator,
    ErrorKind, WriteBatch,
};

use super::background::BackgroundError;
use super::{
    Batch, Reading, Row, RowVisitor, Scan, Scanner, Store, StoreError, TryVisitor, Visitor,
};
use crate::family::{Family, height_key};
use crate::floor::Floors;
use crate::options;

#[derive(Debug)]
pub(crate) struct RocksStore {
    database: DB,
    background: BackgroundError,
}

impl RocksStore {
    /// Opens the database at `path`, which must be there with all its families, unless `create`.
    /// Compactions drop what lies below `floors`.
    pub(crate) fn open(path: &Path, create: bool, floors: &Floors) -> Result<Self, rocksdb::Error> {
        let families = options::families(floors);
        let background = BackgroundError::default();
        let mut options = options::database(create);
        background.listen(&mut options);
        let database = DB::open_cf_descriptors(&options, path, families)?;
        Ok(Self { database, background })
    }

    /// Opens what nobody writes, and changes nothing of it.
    pub(crate) fn open_to_read(path: &Path) -> Result<Self, rocksdb::Error> {
        let (options, families) = (options::database(false), options::families(&Floors::default()));
        let database = DB::open_cf_descriptors_read_only(&options, path, families, false)?;
        Ok(Self { database, background: BackgroundError::default() })
    }

    /// Reads all files once, and compares every block in them with its checksum: those of indices
    /// and filters too, which reading rows may never come to.
    pub(crate) fn verify_files(&self) -> Result<(), StoreError> {
        let mut error = std::ptr::null_mut();
        #[expect(
            unsafe_code,
            reason = "RocksDB can do it, and its Rust interface has no word for it"
        )]
        // SAFETY: the database is open for as long as `self` lives; an error comes as a string that
        // RocksDB allocated and that is freed here.
        let error = unsafe {
            rocksdb_verify_checksum(self.database.as_raw_ptr(), &raw mut error);
            if error.is_null() {
                return Ok(());
            }
            let text = CStr::from_ptr(error).to_string_lossy().into_owned();
            rocksdb_free(error.cast());
            text
        };
        Err(StoreError::Damaged(error))
    }

    fn compact_all(&self) -> Result<(), StoreError> {
        let mut options = CompactOptions::default();
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        for family in Family::ALL {
            let family = self.family(family)?;
            self.database.flush_cf(family)?;
            self.database.compact_range_cf_opt(family, None::<&[u8]>, None::<&[u8]>, &options);
        }
        Ok(())
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

    fn scanner(&self, family: Family, reading: Reading) -> Result<Scanner<'_>, StoreError> {
        let options = options::reading(reading);
        let rows = self.database.raw_iterator_cf_opt(self.family(family)?, options);
        Ok(Box::new(RocksScan { rows }))
    }

    fn get_many(
        &self,
        family: Family,
        keys: &[&[u8]],
        visit: RowVisitor<'_>,
    ) -> Result<(), StoreError> {
        let rows = self.database.batched_multi_get_cf(self.family(family)?, keys, true);
        rows.into_iter().try_for_each(|row| visit(row?.as_deref()))
    }

    fn read_all(&self, family: Family, visit: TryVisitor<'_>) -> Result<(), StoreError> {
        let options = options::reading(Reading::Onward);
        let mut rows = self.database.raw_iterator_cf_opt(self.family(family)?, options);
        rows.seek_to_first();
        while let Some((key, value)) = rows.item() {
            visit(key, value)?;
            rows.next();
        }
        Ok(rows.status()?)
    }

    fn free_below(&self, family: Family, height: Height) -> Result<(), StoreError> {
        // The end of the range is in it.
        let Some(last) = height.0.checked_sub(1) else { return Ok(()) };
        let (family, last) = (self.family(family)?, height_key(Height(last)));
        Ok(self.database.delete_file_in_range_cf(family, &[][..], &last)?)
    }

    fn compact(&self) -> Result<(), StoreError> {
        let is_over = AtomicBool::new(false);
        let compacted = thread::scope(|scope| {
            // Else what meets a full disk waits for room without an end.
            scope.spawn(|| {
                if self.background.wait(&is_over) {
                    self.database.cancel_all_background_work(false);
                }
            });
            let compacted = self.compact_all();
            self.background.stop_waiting(&is_over);
            compacted
        });
        match self.background.first() {
            Some(error) => Err(StoreError::Failed(error)),
            None => compacted,
        }
    }

    fn write(&self, batch: Batch) -> Result<(), StoreError> {
        let mut writes = WriteBatch::with_capacity_bytes(batch.bytes() * 5 / 4);
        let mut handles = Family::ALL.map(|_| None);
        for Row { family, key, value } in batch.rows() {
            let Some(handle) = handles.get_mut(family as usize) else { continue };
            let handle = match handle {
                Some(handle) => *handle,
                None => *handle.insert(self.family(family)?),
            };
            match value {
                Some(value) => writes.put_cf(handle, key, value),
                None => writes.delete_cf(handle, key),
            }
        }
        Ok(self.database.write_opt(writes, &options::synced())?)
    }

    /// In hard links. Nothing is flushed, which would starve commits (nearcore#16106): the log is
    /// copied.
    fn checkpoint(&self, path: &Path) -> Result<(), StoreError> {
        Ok(Checkpoint::new(&self.database)?.create_checkpoint_with_log_size(path, u64::MAX)?)
    }

    fn copy(&self) -> Option<Arc<dyn Store>> {
        None
    }
}

struct RocksScan<'a> {
    rows: DBRawIterator<'a>,
}

impl Scan for RocksScan<'_> {
    fn scan(&mut self, from: &[u8], visit: Visitor<'_>) -> Result<(), StoreError> {
        self.rows.seek(from);
        while let Some((key, value)) = self.rows.item() {
            if visit(key, value) == ControlFlow::Break(()) {
                break;
            }
            self.rows.next();
        }
        // An iterator that met an error looks like one that has come to the end.
        Ok(self.rows.status()?)
    }

    fn scan_back(&mut self, end: &[u8], visit: Visitor<'_>) -> Result<(), StoreError> {
        self.rows.seek_for_prev(end);
        while let Some((key, value)) = self.rows.item() {
            // It begins at the end itself, if that is there.
            if key < end && visit(key, value) == ControlFlow::Break(()) {
                break;
            }
            self.rows.prev();
        }
        Ok(self.rows.status()?)
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
