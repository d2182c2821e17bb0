//! A node and everything a person does with one: all of the binary `quorate` but its `main`, which names what sits in
//! the replica's seat.

mod answering;
mod backend;
mod cli;
mod commits;
pub mod compiler;
mod config;
mod control;
mod disk;
mod driver;
mod evidence;
mod failure;
mod gauge;
mod giver;
mod inbox;
mod metrics;
mod modules;
mod network;
mod node;
mod preparing;
mod status;
mod syncing;
mod vote_log;
mod workers;

// Cargo unites features; no build of the node may ever hold the simulations' signatures or removable rules.
const _: () = assert!(!primitives::key::LOGICAL, "built with signatures that anybody can make");
const _: () = assert!(!consensus::rules::REMOVABLE, "built with rules that can be removed");
const _: () = assert!(!state::fault::TOLD, "built with steps at which a test ends the process");

pub use cli::main;
pub use node::{Seat, honest};
