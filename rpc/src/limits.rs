//! Every cap of the interface. Those of the protocol stand in `primitives::limits`.

use primitives::limits;

/// Headers in one answer of `chain_getCommit`: blocks between two certificates.
pub const COMMIT_HEADERS_MAX: usize = limits::UNCOMMITTED_BLOCKS_MAX as usize + 1;
