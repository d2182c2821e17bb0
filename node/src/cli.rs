//! The command line: one file for each noun.

mod arguments;
mod backup;
mod checkpoint;
mod compile_module;
mod configuration;
mod context;
mod contract;
mod db;
mod dev;
mod failure;
mod far_state;
mod genesis;
mod init;
mod keys;
mod output;
mod prove;
mod query;
mod remote;
mod scan;
mod snapshot;
mod testnet;
mod tx;
mod value;
mod workshop;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use self::context::Context;
use crate::config::layers::Profile;
use crate::config::log;
use crate::node::{self, Seat};

/// A permissioned blockchain node, and everything a person does with one.
#[derive(Debug, Parser)]
#[command(name = "quorate", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = failure::EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// The help's title over [`Global`].
const EVERYWHERE: &str = "Options of every command";

/// What every command understands.
#[derive(Clone, Debug, Args)]
struct Global {
    /// Where keys, genesis, settings and data stand [default: ~/.quorate]
    #[arg(
        long,
        global = true,
        help_heading = EVERYWHERE,
        env = "QUORATE_HOME",
        hide_env_values = true,
        value_name = "DIR"
    )]
    home: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    json: bool,
    /// The set of settings to begin from: validator, testnet or dev
    #[arg(
        long,
        global = true,
        help_heading = EVERYWHERE,
        value_name = "PROFILE",
        hide_possible_values = true
    )]
    profile: Option<Profile>,
    /// Set a setting; see `quorate config show`
    #[arg(long, short, global = true, help_heading = EVERYWHERE, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
    /// The node to ask, as http://host:port
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "URL")]
    rpc: Option<String>,
    /// The name of the key that signs transactions
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "NAME")]
    key: Option<String>,
    /// A file whose first line is the key's passphrase
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a home: settings, a validator's key, directories
    Init(init::Init),
    /// Run the node of this home
    Run(Run),
    /// Run a one-node chain with funded keys, for development
    Dev(dev::Dev),
    /// Make and show keys
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Make, show and check a genesis
    #[command(subcommand)]
    Genesis(genesis::Command),
    /// Validators side by side on this machine
    #[command(subcommand)]
    Testnet(testnet::Testnet),
    /// Send transactions and see what came of them
    #[command(subcommand)]
    Tx(tx::Tx),
    /// Make, deploy and call contracts
    #[command(subcommand)]
    Contract(contract::Contract),
    /// Ask a node
    #[command(subcommand)]
    Query(query::Query),
    /// Check the store, take blocks back, make it smaller
    #[command(subcommand)]
    Db(db::Db),
    /// The state as a file that proves itself, to begin a node with
    #[command(subcommand)]
    Snapshot(snapshot::Snapshot),
    /// Copies of the store, for the day on which the disk dies
    #[command(subcommand)]
    Backup(backup::Backup),
    /// Show and check the settings
    #[command(subcommand)]
    Config(configuration::Config),
    /// Print completions for a shell
    Completions { shell: Shell },
    #[command(hide = true)]
    CompileModule(compile_module::CompileModule),
}

#[derive(Debug, Args)]
struct Run {
    /// Where to serve RPC: rpc.listen
    #[arg(long, value_name = "ADDRESS")]
    rpc_listen: Option<String>,
    /// What to log: log.level
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
}

impl Run {
    /// The flags as settings, beside `--set`.
    fn settings(&self) -> Vec<String> {
        let rpc_listen = self.rpc_listen.as_ref().map(|value| format!("rpc.listen={value}"));
        let log_level = self.log_level.as_ref().map(|value| format!("log.level={value}"));
        rpc_listen.into_iter().chain(log_level).collect()
    }
}

/// Parses, runs, and says how it ended. A node that it runs is seated by `seat`.
pub fn main(seat: Seat) -> ExitCode {
    let cli = Cli::parse();
    let json = cli.global.json;
    match run(cli, seat) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error, json),
    }
}

fn run(cli: Cli, seat: Seat) -> anyhow::Result<()> {
    let mut global = cli.global;
    if let Command::Run(run) = &cli.command {
        global.set.extend(run.settings());
    }
    let context = || Context::load(&global);
    match cli.command {
        Command::Init(init) => init.run(&context()?),
        Command::Run(_) => run_node(&context()?, seat),
        Command::Dev(dev) => dev.run(&global),
        Command::Keys(keys) => keys.run(&context()?),
        Command::Genesis(genesis) => genesis.run(&context()?),
        Command::Testnet(testnet) => testnet.run(&global),
        Command::Tx(tx) => tx.run(&context()?),
        Command::Contract(contract) => contract.run(&context()?),
        Command::Query(query) => query.run(&context()?),
        Command::Db(db) => db.run(&context()?),
        Command::Snapshot(snapshot) => snapshot.run(&context()?),
        Command::Backup(backup) => backup.run(&context()?),
        Command::Config(config) => config.run(&global),
        Command::CompileModule(compile) => compile.run(),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "quorate", &mut script);
            output::print(&String::from_utf8_lossy(&script))
        }
    }
}

fn run_node(context: &Context, seat: Seat) -> anyhow::Result<()> {
    let level = &context.settings.log.level;
    log::start(&context.settings.log).with_context(|| format!("log.level is {level:?}"))?;
    node::run(context.home.clone(), context.settings.clone(), seat)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_of_all_commands_may_stand_anywhere() {
        for line in [
            "quorate --json query status --rpc http://127.0.0.1:1",
            "quorate query --rpc http://127.0.0.1:1 status --json",
        ] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert!(cli.global.json && cli.global.rpc.is_some(), "{line}");
        }
    }

    #[test]
    fn arguments_of_contracts_are_taken_as_they_stand() {
        let contract = format!("0x{}", "11".repeat(32));
        let line = format!("quorate contract call {contract} set by=-5 --arg who=alice --gas 7");
        let cli = Cli::try_parse_from(line.split(' ')).unwrap();
        let Command::Contract(contract::Contract::Call(call)) = cli.command else {
            panic!("another command was read")
        };
        assert_eq!(call.words(), ["by=-5", "who=alice"]);
    }
}
