//! The authenticated store: a flat map and the Merkle tree over it on one RocksDB.
//!
//! The state is a map from [`primitives::StateKey`] to bytes. Its root, which every commit
//! certificate signs, is a pure function of the keys, their values and the heights of their last
//! changes: a sparse binary Merkle tree (`tree`). Blocks that are not final live in [`Overlay`]s;
//! committing them is one atomic synced write of everything: values, blocks, receipts,
//! certificates, indices and head. There is no second store that could be ahead or behind. Opening
//! checks all of it (`recovery`).
//!
//! Reading order: `state`, `overlay`, `tree`, `version`, `commit`, `recovery`, then `store` and
//! `family` below; `past`, `floor`, `check`, `rollback`, `snapshot` and `restore` are what an
//! operator and a joining node need. What a root proves, and to whom, is the `proof` crate's.
//! `fault` names the steps on the disk for the tests that end the process there.
//!
//! This crate knows nothing of consensus, of contracts, or of what the bytes mean.

mod check;
mod commit;
mod compare;
mod family;
pub mod fault;
mod floor;
mod hashing;
mod in_two;
mod options;
mod overlay;
mod past;
mod prove;
mod recovery;
mod restore;
mod rollback;
mod snapshot;
mod state;
mod store;
mod stored_leaves;
mod summary;
mod tree;
mod turns;
mod version;
mod view;

pub use check::{CheckPart, CheckReport, check, check_telling};
pub use commit::CommittedBlock;
pub use compare::{Comparison, Divergence};
pub use family::meta::Usage;
pub use floor::{HeightError, Retention};
pub use hashing::claim;
pub use overlay::{Changes, Overlay};
pub use past::Difference;
pub use proof::{ProofError, StateProof, Terminal};
pub use prove::{ProvedBatch, ProvedPage, ProvedValue};
pub use recovery::{GenesisBlock, OpenError, put_in_place};
pub use restore::{HeadError, PieceError, Restore};
pub use rollback::{RollbackError, rollback};
pub use snapshot::{Child, Entry, Piece, Prefix, Snapshot, SnapshotError, SnapshotHead};
pub use state::{CommitError, State, StateOptions, StoredBlock};
pub use store::StoreError;
pub use summary::{Summary, summary, verify_files};
pub use version::Head;
pub use view::StateView;
