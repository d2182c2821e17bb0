//! The binary `quorate`: a node and everything a person does with one.

mod backend;
mod cli;
mod commits;
mod config;
mod driver;
mod failure;
mod inbox;
mod network;
mod node;
mod status;
mod vote_log;
mod workers;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
