//! The authenticated store: a flat map and the Merkle tree over it on one RocksDB.
//!
//! The state is a map from [`primitives::StateKey`] to bytes. Its root, which every commit
//! certificate signs, is a pure function of the keys, their values and the heights of their last
//! changes: a sparse binary Merkle tree (`tree`). Blocks that are not final live in [`Overlay`]s;
//! committing them is one atomic synced write of everything: values, blocks, receipts,
//! certificates, indices and head. There is no second store that could be ahead or behind. Opening
//! checks all of it (`recovery`).
//!
//! Reading order: `state`, `overlay`, `tree`, `proof`, `version`, `commit`, `recovery`, then
//! `store` and `family` below. `fault` names the steps on the disk for the tests that end the
//! process there.
//!
//! This crate knows nothing of consensus, of contracts, or of what the bytes mean.

mod commit;
mod family;
pub mod fault;
mod hashing;
mod options;
mod overlay;
mod proof;
mod recovery;
mod state;
mod store;
mod tree;
mod version;
mod view;

pub use commit::CommittedBlock;
pub use overlay::{Changes, Overlay};
pub use proof::{ProofError, StateProof, Terminal};
pub use recovery::{GenesisBlock, OpenError};
pub use state::{CommitError, ProvedValue, State, StoredBlock};
pub use store::StoreError;
pub use version::Head;
pub use view::StateView;
