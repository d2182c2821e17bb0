//! A node and everything a person does with one: all of the binary `quorate` but its `main`, which names what sits in
//! the replica's seat.

mod backend;
mod cli;
mod commits;
mod config;
mod driver;
mod evidence;
mod failure;
mod inbox;
mod network;
mod node;
mod status;
mod vote_log;
mod workers;

pub use cli::main;
pub use node::{Seat, honest};
