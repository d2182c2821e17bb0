//! The binary `quorate`: a node and everything a person does with one.

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

use std::process::ExitCode;

// Cargo unites features; no build of the node may ever hold the simulations' signatures or removable rules.
const _: () = assert!(!primitives::key::LOGICAL, "built with signatures that anybody can make");
const _: () = assert!(!consensus::rules::REMOVABLE, "built with rules that can be removed");

fn main() -> ExitCode {
    cli::main()
}
