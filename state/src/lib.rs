//! The authenticated store: flat map, Merkle tree, proofs, recovery, on one RocksDB.
