//! RocksDB's options, each with its reason. To be revised by measurement only.
//!
//! What was tried with `cargo stores` at a million keys and made commits no cheaper: write buffers of
//! 8, 16 and 32 MiB instead of RocksDB's 64 (up to twice as many bytes written), a bloom filter over
//! the write buffer, a hash index in the blocks of values.

use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompressionType, DBRecoveryMode, LogLevel,
    Options, ReadOptions, WriteBufferManager, WriteOptions,
};

use crate::family::Family;
use crate::floor::Floors;
use crate::store::Reading;
use crate::store::pruning::Pruning;

/// Memory for blocks read and for writes not yet in files, together.
const CACHE_BYTES: usize = 256 << 20;
/// The part of it that writes may take.
const WRITE_BUFFERS_BYTES: usize = 128 << 20;
/// Write-ahead logs kept at most. A family that is hardly written pins all logs since its last
/// flush; beyond this, it is flushed.
const LOGS_BYTES: u64 = 256 << 20;
/// Files open at a time: half of the usual limit of a process, since sockets need the rest.
const OPEN_FILES: i32 = 512;
/// With 16 KiB a cold read of a value takes twice as long, and commits are no cheaper.
const BLOCK_BYTES: usize = 4 << 10;
/// For families that are read and written in the order of their keys.
const LARGE_BLOCK_BYTES: usize = 32 << 10;
/// A file is rewritten at least this often, so that what is below the floor goes. RocksDB's own
/// default is 30 days.
const PRUNING_SECONDS: u64 = 24 * 60 * 60;
/// Without a filter a cold read of a value takes twice as long.
const BLOOM_BITS: f64 = 10.0;

/// The whole database's. Without `create` a missing database, or a missing family, is an error:
/// RocksDB would start an empty one in the middle of what is left of the old.
pub(crate) fn database(create: bool) -> Options {
    let mut options = Options::default();
    options.create_if_missing(create);
    options.create_missing_column_families(create);
    // A file that does not fit the manifest is an error at start, not a surprise at a read.
    options.set_paranoid_checks(true);
    // A write cut short by a crash is dropped with all after it; what was synced before stands. The
    // absolute mode calls the same torn tail corruption (rocksdb#1351).
    options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    // A log that vanished is an error, not an older state.
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_max_total_wal_size(LOGS_BYTES);
    options.set_max_open_files(OPEN_FILES);
    // Spreads the writing of large files out, so that a commit's sync does not wait for it.
    options.set_bytes_per_sync(1 << 20);
    // Its own log, beside ours: warnings, in a few small files.
    options.set_log_level(LogLevel::Warn);
    options.set_keep_log_file_num(4);
    options.set_max_log_file_size(4 << 20);
    options
}

/// Every family with its options. They share one cache, and the write buffers are charged to it, so
/// that there is one number for the memory.
pub(crate) fn families(floors: &Floors) -> Vec<ColumnFamilyDescriptor> {
    // No estimate of the size of an entry: the charge for write buffers makes any estimate wrong.
    let cache = Cache::new_hyper_clock_cache(CACHE_BYTES, 0);
    // Writers are not stalled at the bound: it starts flushes, and one batch is bounded by its
    // blocks.
    let buffers = WriteBufferManager::new_write_buffer_manager_with_cache(
        WRITE_BUFFERS_BYTES,
        false,
        cache.clone(),
    );
    Family::ALL
        .map(|family| {
            let mut options = family_options(family, &cache);
            options.set_write_buffer_manager(&buffers);
            if let Some(pruning) = Pruning::new(family, floors) {
                options.set_compaction_filter_factory(pruning);
                options.set_periodic_compaction_seconds(PRUNING_SECONDS);
            }
            ColumnFamilyDescriptor::new(family.name(), options)
        })
        .into()
}

fn family_options(family: Family, cache: &Cache) -> Options {
    let mut options = Options::default();
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    // Else indices and filters live outside the cache, without a bound (rocksdb#1555).
    table.set_cache_index_and_filter_blocks(true);
    // The newest level is asked first at every read.
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    table.set_block_size(BLOCK_BYTES);
    match family {
        // Read by key, at random, and often for keys that are not there.
        Family::Flat | Family::Transactions | Family::BlockHashes => {
            table.set_bloom_filter(BLOOM_BITS, false);
            // Uncompressed values cost commits the same, and a tenth more bytes written.
            options.set_compression_type(DBCompressionType::Lz4);
        }
        // Large, written once, read seldom and in order.
        Family::Blocks | Family::Receipts => {
            table.set_block_size(LARGE_BLOCK_BYTES);
            options.set_compression_type(DBCompressionType::Zstd);
        }
        Family::Order | Family::Deleted => {
            options.set_compression_type(DBCompressionType::Lz4);
        }
        // Read by a seek to a path's first row above a height.
        Family::History => {
            options.set_compression_type(DBCompressionType::Zstd);
        }
        Family::Changes => {
            table.set_block_size(LARGE_BLOCK_BYTES);
            options.set_compression_type(DBCompressionType::Zstd);
        }
        // Hashes, signatures and a single row: nothing to gain.
        Family::Nodes | Family::Certificates | Family::Meta => {
            options.set_compression_type(DBCompressionType::None);
        }
    }
    options.set_block_based_table_factory(&table);
    options
}

/// Of a commit: it returns when the disk has it. There is one writer, so unordered, pipelined and
/// manually flushed writes, which all weaken that, would gain nothing.
pub(crate) fn synced() -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(true);
    options
}

/// Of reading in the order of the keys.
pub(crate) fn reading(reading: Reading) -> ReadOptions {
    let mut options = ReadOptions::default();
    if reading == Reading::Onward {
        // It would leave the cache full of what nobody asks for.
        options.fill_cache(false);
        // The disk is asked for the next blocks while these are decoded.
        options.set_readahead_size(2 << 20);
    }
    options
}
