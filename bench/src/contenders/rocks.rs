//! RocksDB as `state/src/options.rs` sets it up, for the contenders that stand on it directly: the same log, cache,
//! filters and compression, so that what differs is the store and not its options.

use std::path::Path;

use anyhow::{Result, anyhow};
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBCompressionType,
    DBRecoveryMode, LogLevel, Options, SliceTransform, WriteBatch, WriteBufferManager,
    WriteOptions,
};

use super::Settings;

const LOGS_BYTES: u64 = 256 << 20;
const OPEN_FILES: i32 = 512;
const BLOCK_BYTES: usize = 4 << 10;
const LARGE_BLOCK_BYTES: usize = 32 << 10;
const BLOOM_BITS: f64 = 10.0;

/// How a family's rows are read, which decides its options.
#[derive(Clone, Copy)]
pub(super) enum Rows {
    /// By key, at random; values that compress.
    Values,
    /// By key, at random; hashes, which do not.
    Hashes,
    /// The first row from some point on, among those that share 32 bytes.
    Versions,
    /// In the order of keys, and seldom.
    Archive,
    /// In the order of keys, and short.
    Index,
}

pub(super) struct Rocks {
    database: DB,
}

impl Rocks {
    pub(super) fn open(
        directory: &Path,
        settings: &Settings,
        families: &[(&str, Rows)],
    ) -> Result<Self> {
        let cache = Cache::new_hyper_clock_cache(settings.cache_mib << 20, 0);
        let buffers = WriteBufferManager::new_write_buffer_manager_with_cache(
            (settings.cache_mib << 20) / 2,
            false,
            cache.clone(),
        );
        let descriptors = families.iter().map(|(name, rows)| {
            let mut options = family(*rows, &cache);
            options.set_write_buffer_manager(&buffers);
            ColumnFamilyDescriptor::new(*name, options)
        });
        let database = DB::open_cf_descriptors(&database(), directory, descriptors)?;
        Ok(Self { database })
    }

    pub(super) fn database(&self) -> &DB {
        &self.database
    }

    pub(super) fn family(&self, name: &str) -> Result<&ColumnFamily> {
        self.database.cf_handle(name).ok_or_else(|| anyhow!("the family `{name}` is missing"))
    }

    pub(super) fn get(&self, family: &str, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.database.get_cf(self.family(family)?, key)?)
    }

    /// Writes all or nothing, and returns when it is on the disk.
    pub(super) fn write(&self, batch: WriteBatch) -> Result<()> {
        let mut options = WriteOptions::default();
        options.set_sync(true);
        Ok(self.database.write_opt(batch, &options)?)
    }
}

fn database() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_paranoid_checks(true);
    options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_max_total_wal_size(LOGS_BYTES);
    options.set_max_open_files(OPEN_FILES);
    options.set_bytes_per_sync(1 << 20);
    options.set_log_level(LogLevel::Warn);
    options
}

fn family(rows: Rows, cache: &Cache) -> Options {
    let mut options = Options::default();
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    table.set_block_size(BLOCK_BYTES);
    match rows {
        Rows::Values => {
            table.set_bloom_filter(BLOOM_BITS, false);
            options.set_compression_type(DBCompressionType::Lz4);
        }
        Rows::Hashes => {
            table.set_bloom_filter(BLOOM_BITS, false);
            options.set_compression_type(DBCompressionType::None);
        }
        Rows::Versions => {
            options.set_prefix_extractor(SliceTransform::create_fixed_prefix(32));
            table.set_bloom_filter(BLOOM_BITS, false);
            table.set_whole_key_filtering(false);
            options.set_compression_type(DBCompressionType::Lz4);
        }
        Rows::Archive => {
            table.set_block_size(LARGE_BLOCK_BYTES);
            options.set_compression_type(DBCompressionType::Zstd);
        }
        Rows::Index => options.set_compression_type(DBCompressionType::Lz4),
    }
    options.set_block_based_table_factory(&table);
    options
}
