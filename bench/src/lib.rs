//! Authenticated key-value stores side by side, in one run: ours, the published crates `jmt` and `nomt`, and RocksDB
//! with the same rows and no tree, which is the floor that none of them can be below.
//!
//! Each contender runs in processes of its own ([`child`]), so that memory, bytes written and processor time are its
//! alone. [`race`] says to them what to do, takes them in turns, one at a time, and measures from outside what they
//! cannot know. What is done comes from one seed ([`workload`]) and so is the same for all. Results are JSON lines
//! ([`results`]), from which table and plot are made.
//!
//! What is fair about it, and what is not: `bench/README.md`.

pub mod child;
pub mod contenders;
mod lane;
mod machine;
pub mod model;
pub mod plot;
mod protocol;
pub mod race;
pub mod results;
pub mod table;
pub mod workload;
mod zipf;
