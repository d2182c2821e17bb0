//! A deterministic simulator around the real replica: real rules, codec, signatures, execution and state tree; a
//! simulated network, clock and disk.
//!
//! One `u64` decides everything that happens: [`Plan::from_seed`] draws the faults, [`Cluster::run`] plays them and
//! asks the [`checkers`] after every step. Two runs of a seed write the same log, byte for byte.

mod actions;
pub mod checkers;
pub mod clients;
pub mod cluster;
pub mod disk;
mod faults;
pub mod meter;
pub mod network;
pub mod node;
pub mod plan;
pub mod report;
mod senders;

pub use cluster::Cluster;
pub use plan::Plan;
pub use report::{Commit, Report};
