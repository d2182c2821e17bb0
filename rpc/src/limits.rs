//! Every cap of the interface. Those of the protocol stand in `primitives::limits`.

use std::collections::BTreeSet;
use std::thread;

/// Bytes of one request: a body over HTTP, a message over WebSocket.
pub const REQUEST_BYTES_MAX: u32 = 2 << 20;
/// Bytes of one response; of a batch, of all its answers together.
pub const RESPONSE_BYTES_MAX: u32 = 10 << 20;
/// Calls in one batch.
pub const BATCH_CALLS_MAX: usize = 100;
/// Connections beyond [`Limits::connections`] that are told so; more are closed without a word.
pub const REFUSALS_MAX: usize = 64;

/// Milliseconds that `tx_sendAndWait` waits when not told.
pub const WAIT_MS_DEFAULT: u64 = 30_000;
/// Milliseconds that `tx_sendAndWait` waits at most.
pub const WAIT_MS_MAX: u64 = 120_000;
/// Milliseconds after which a client that met a passing shortage may try again.
pub const RETRY_AFTER_MS: u64 = 1_000;
/// Milliseconds after which a client may try a node again whose disk was full: somebody has to make
/// room there.
pub const RETRY_AFTER_DISK_FULL_MS: u64 = 60_000;

/// Seconds between pings on a WebSocket.
pub const PING_SECONDS: u64 = 15;
/// Seconds without an answer to a ping after which a WebSocket is closed.
pub const PING_SILENCE_SECONDS_MAX: u64 = 45;

/// Keys of one page of `state_diff` when not told, and at most.
pub const DIFF_KEYS_DEFAULT: usize = 30;
pub const DIFF_KEYS_MAX: usize = 100;
/// Bytes of values in one page of `state_diff`, unless the first key's alone are more.
pub const DIFF_BYTES_MAX: usize = 2 << 20;
/// Keys of one page of `state_scan` when not told, and at most.
pub const SCAN_KEYS_DEFAULT: usize = 30;
pub const SCAN_KEYS_MAX: usize = 1_000;
/// Bytes of keys and values in one page of `state_scan`, unless the first alone has more.
pub const SCAN_BYTES_MAX: usize = 2 << 20;
/// Blocks between the two heights of `state_diff`: what each changed is read.
pub const DIFF_BLOCKS_MAX: u64 = 10_000;
/// Prefixes of one `state_getPieces`.
pub const PIECES_MAX: usize = 256;
/// Bytes of its pieces, unless the first alone has more.
pub const PIECES_BYTES_MAX: usize = 4 << 20;

/// Gas of one query.
pub const QUERY_GAS_MAX: u64 = 10_000_000_000;
/// Decoded ABIs kept.
pub const ABIS_MAX: usize = 256;
/// Signatures checked together. More gain little: the cost of one is flat from here on.
pub const VERIFY_TOGETHER_MAX: usize = 128;

/// What an operator may set, with defaults that suit a validator.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Subscriptions of one connection.
    pub subscriptions_per_connection: u32,
    /// Messages that wait for a slow WebSocket client before its subscriptions wait for it.
    pub messages_per_connection: u32,
    /// Blocks by which a live subscription may fall behind before it is told that it lags.
    pub lag_blocks: u64,
    /// Calls under way at once, of all connections.
    pub calls: usize,
    /// Calls of `tx_sendAndWait` that wait at once.
    pub waits: usize,
    /// Threads that read state and blocks.
    pub read_threads: usize,
    /// Reads under way or waiting for a thread.
    pub reads: usize,
    /// Threads for heavy calls: queries and proofs.
    pub heavy_threads: usize,
    /// Heavy calls under way or waiting for a thread.
    pub heavy_calls: usize,
    /// Threads that check signatures of submitted transactions.
    pub verify_threads: usize,
    /// Transactions waiting for their signatures to be checked.
    pub verifications: usize,
    /// Methods, by full name, that this node does not offer.
    pub disabled: BTreeSet<String>,
}

impl Default for Limits {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self {
            connections: 1_000,
            subscriptions_per_connection: 32,
            messages_per_connection: 256,
            lag_blocks: 256,
            calls: 16_384,
            waits: 8_192,
            read_threads: cores.max(2),
            reads: 4_096,
            heavy_threads: (cores / 2).max(1),
            heavy_calls: 64,
            verify_threads: (cores / 2).max(1),
            verifications: 8_192,
            disabled: BTreeSet::new(),
        }
    }
}
