//! The store from outside: what its users rely on.

// These are tests throughout, helpers included.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod agreement;
mod chain;
mod commits;
mod compare;
mod damage;
mod model;
mod overlays;
mod proofs;
mod scans;
mod snapshots;
