//! Every cap of the protocol, in one place. Changing one changes which blocks are valid.
//!
//! Caps of one node only (queue lengths, connection counts) stand in that node's settings; those of the RPC in
//! `rpc::limits`.

/// Bytes of a chain id.
pub const CHAIN_ID_BYTES_MAX: usize = 32;
/// Validators of one set. Votes are all-to-all, so this bounds the square of it.
pub const VALIDATORS_MAX: usize = 100;
/// Accounts that a genesis may fund.
pub const GENESIS_ACCOUNTS_MAX: usize = 100_000;
/// Bytes of a validator's name.
pub const VALIDATOR_NAME_BYTES_MAX: usize = 64;

/// Bytes of an uploaded module; also the largest part of a transaction.
pub const CODE_BYTES_MAX: usize = 1 << 20;
/// Bytes of a call's or an instantiation's arguments, and of a contract's output.
pub const ARGUMENTS_BYTES_MAX: usize = 64 << 10;
/// Bytes of one encoded signed transaction.
pub const TRANSACTION_BYTES_MAX: usize = CODE_BYTES_MAX + (4 << 10);
/// Bytes of an instantiation's salt.
pub const SALT_BYTES_MAX: usize = 64;
/// Nonce lanes of one account.
pub const LANES_MAX: usize = 64;

/// Encoded bytes at which a validator closes a batch; one larger transaction fills a batch alone.
pub const BATCH_BYTES_TARGET: usize = 128 << 10;
/// Encoded bytes of one signed batch.
pub const BATCH_BYTES_MAX: usize = TRANSACTION_BYTES_MAX + (4 << 10);
/// Transactions of one batch.
pub const BATCH_TRANSACTIONS_MAX: usize = 2_048;
/// System actions of one batch.
pub const BATCH_SYSTEM_ACTIONS_MAX: usize = 4;
/// Encoded bytes of one piece of evidence: two headers with as many batches as a block may name fit.
pub const EVIDENCE_BYTES_MAX: usize = 8 << 10;
/// Pieces of evidence against one validator of one epoch, on the chain and in a validator's memory; more tell nothing
/// new of it.
pub const EVIDENCE_PER_VALIDATOR_MAX: usize = 16;
/// Batches named by one block.
pub const BLOCK_BATCHES_MAX: usize = 32;
/// Encoded bytes of a block's batches together.
pub const BLOCK_BYTES_MAX: usize = 4 << 20;
/// Encoded bytes of batches that ride inside the proposal instead of being fetched.
pub const PROPOSAL_INLINE_BYTES_MAX: usize = 128 << 10;
/// Timeout certificates in one justification: the views that may pass between two prepared blocks.
pub const JUSTIFICATION_TIMEOUTS_MAX: usize = 4_096;
/// Encoded bytes of one proposal with its justification and inline batches.
pub const PROPOSAL_BYTES_MAX: usize = 8 << 20;
/// Prepared blocks that may stand above the last committed one. Bounds overlays and kept votes; at the cap
/// validators prepare nothing until a commit.
pub const UNCOMMITTED_BLOCKS_MAX: u64 = 16;

/// Events of one transaction.
pub const EVENTS_MAX: usize = 256;
/// Topics of one event.
pub const EVENT_TOPICS_MAX: usize = 4;
/// Bytes of one event topic.
pub const EVENT_TOPIC_BYTES_MAX: usize = 64;
/// Bytes of one event's data.
pub const EVENT_DATA_BYTES_MAX: usize = 16 << 10;
/// Bytes of a contract's storage key.
pub const STORAGE_KEY_BYTES_MAX: usize = 256;
/// Bytes of a key of the state: a contract's address and its key.
pub const STATE_KEY_BYTES_MAX: usize = 32 + STORAGE_KEY_BYTES_MAX;
/// Bytes of a contract's stored value.
pub const STORAGE_VALUE_BYTES_MAX: usize = 64 << 10;
/// Nested calls between contracts.
pub const CALL_DEPTH_MAX: u32 = 64;

/// Gas of one block when the genesis names none.
pub const BLOCK_GAS_DEFAULT: u64 = 1_000_000_000_000;
/// Milliseconds from now within which a transaction must expire, when the genesis names none.
pub const TRANSACTION_VALIDITY_MS_DEFAULT: u64 = 3_600_000;
/// Milliseconds by which a proposal's timestamp may be ahead of a validator's clock.
pub const CLOCK_DRIFT_MS_DEFAULT: u64 = 500;
/// Milliseconds between blocks of an idle chain.
pub const HEARTBEAT_MS_DEFAULT: u64 = 30_000;

/// Blocks of one answer to a catch-up request.
pub const SYNC_BLOCKS_MAX: usize = 64;
/// Encoded bytes of one answer to a catch-up request; a single larger block is sent alone.
pub const SYNC_BYTES_MAX: usize = 4 << 20;
/// Prefixes of one request for pieces of a snapshot.
pub const SNAPSHOT_PREFIXES_MAX: usize = 64;
/// Bytes of keys and values in one piece of a snapshot; a single larger value is a piece alone.
pub const SNAPSHOT_PIECE_BYTES_MAX: usize = 1 << 20;
/// Encoded bytes of the pieces of one answer before they are packed. An answer is closed at half of it, and the last
/// piece has room in the rest.
pub const SNAPSHOT_ANSWER_BYTES_MAX: usize = 4 << 20;
/// Snapshots that a validator offers.
pub const SNAPSHOTS_OFFERED_MAX: usize = 8;
/// Bytes of one message between validators.
pub const MESSAGE_BYTES_MAX: usize = PROPOSAL_BYTES_MAX + (1 << 20);
