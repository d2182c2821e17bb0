//! Execution of contracts side by side, in one run and on one core: ours, the published crates `revm` and
//! `cosmwasm-vm`, each with the token that its own world knows.
//!
//! [`race`] gives each contender the same transfers of one [`workload`] over the same kind of [`store`], in turns.
//! [`parts`] measures what a call of ours is made of, beside what wasmer takes for it without host and metering.
//! `real` (feature `state`) executes and commits blocks of transfers on the real state. Results are JSON lines
//! ([`results`]), from which the tables are made. [`threads`] holds blocks on several threads beside blocks on one.
//!
//! What is fair about it, and what is not: `bench/contracts/README.md`.

pub mod contenders;
pub mod machine;
pub mod parts;
pub mod race;
#[cfg(feature = "state")]
pub mod real;
pub mod results;
pub mod store;
pub mod table;
pub mod threads;
pub mod workload;
