//! `quorate testnet`: validators side by side on this machine, as plain processes.

mod demo;
mod layout;
mod process;
mod up;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use primitives::ChainId;
use serde_json::json;

use self::layout::{Net, Plan};
use self::process::Stopped;
use super::Global;
use super::failure::Failure;
use super::output::Output;
use super::remote::block_on;

#[derive(Debug, Subcommand)]
pub enum Testnet {
    /// Make keys, genesis and homes for n validators and a client, without starting them
    New(New),
    /// Start the validators that are not running, making the net if it is not there
    Up(Up),
    /// Stop the validators that `up` started
    Down(Directory),
    /// Show which validators run, where, and how far they are
    Status(Directory),
    /// Print a validator's log
    Logs {
        #[command(flatten)]
        net: Directory,
        /// Which one [default: the last lines of all]
        validator: Option<String>,
    },
}

/// Where the net stands.
#[derive(Clone, Debug, Args)]
pub struct Directory {
    /// The net's directory
    #[arg(
        long,
        env = "QUORATE_TESTNET_DIR",
        default_value = "quorate-testnet",
        value_name = "DIR"
    )]
    dir: PathBuf,
}

#[derive(Clone, Debug, Args)]
pub struct New {
    #[command(flatten)]
    net: Directory,
    /// How many validators; four survive the failure of one
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=100))]
    validators: u16,
    /// The chain's name
    #[arg(long, default_value = "testnet")]
    chain_id: ChainId,
    /// Milliseconds between blocks of the idle chain
    #[arg(long)]
    heartbeat_ms: Option<u64>,
}

#[derive(Clone, Debug, Args)]
pub struct Up {
    #[command(flatten)]
    new: New,
    /// Throw away the data of an earlier net, and begin a new chain
    #[arg(long)]
    fresh: bool,
    /// Deploy this counter (a module, or a directory to build), call it through one validator, read
    /// it from another, prove it
    #[arg(long, value_name = "MODULE")]
    counter: Option<PathBuf>,
}

impl New {
    fn plan(&self) -> Plan {
        Plan {
            validators: self.validators,
            chain_id: self.chain_id.clone(),
            heartbeat_ms: self.heartbeat_ms,
        }
    }
}

/// Log lines of each validator when all are shown.
const LOG_LINES_OF_EACH: usize = 10;

impl Testnet {
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        let out = Output::new(global.json);
        match self {
            Self::New(new) => {
                let net = Net::at(&new.net.dir)?;
                net.create(&new.plan())?;
                let answer = json!({ "directory": net.directory(), "validators": new.validators });
                out.show(&answer, || {
                    format!("made {} validators in {}", new.validators, net.directory().display())
                })
            }
            Self::Up(up) => up.run(global, out),
            Self::Down(Directory { dir }) => down(&Net::existing(&dir)?, out),
            Self::Status(Directory { dir }) => {
                let net = Net::existing(&dir)?;
                block_on(async {
                    let rows = up::survey(&net).await?;
                    out.show(&json!({ "directory": net.directory(), "validators": rows }), || {
                        up::table_of(&rows)
                    })
                })
            }
            Self::Logs { net, validator } => logs(&Net::existing(&net.dir)?, validator, out),
        }
    }
}

impl Up {
    fn run(self, global: &Global, out: Output) -> anyhow::Result<()> {
        let net = Net::at(&self.new.net.dir)?;
        let _lock = net.lock()?;
        if self.fresh && net.exists() {
            stop_all(&net, out)?;
            net.remove()?;
        }
        if !net.exists() {
            out.progress(&format!("making {} validators' keys and genesis", self.new.validators));
            net.create(&self.new.plan())?;
        }
        let started = up::start(&net, out)?;
        block_on(async {
            let shown = match &self.counter {
                None => None,
                Some(wasm) => Some(demo::run(&net, global, wasm, out).await?),
            };
            let rows = up::survey(&net).await?;
            let answer = json!({
                "directory": net.directory(),
                "client": net.client().root(),
                "started": started,
                "validators": rows,
                "counter": shown,
            });
            out.show(&answer, || {
                let note = match started.len() {
                    0 => "The net was running already.\n\n".to_owned(),
                    n if n < rows.len() => format!("Started {}.\n\n", started.join(", ")),
                    _ => String::new(),
                };
                let counter = shown.map(|shown| format!("\n\n{}", shown.text()));
                let home = net.client().root().display().to_string();
                format!(
                    "{note}{}{}\n\nTry:  quorate --home {home} query status",
                    up::table_of(&rows),
                    counter.unwrap_or_default()
                )
            })
        })
    }
}

fn down(net: &Net, out: Output) -> anyhow::Result<()> {
    let _lock = net.lock()?;
    let stopped = stop_all(net, out)?;
    let answer: Vec<_> =
        stopped.iter().map(|(name, how)| json!({ "name": name, "was": how.to_string() })).collect();
    out.show(&answer, || {
        if stopped.is_empty() {
            return "nothing was running".to_owned();
        }
        let lines = stopped.iter().map(|(name, how)| format!("{name} {how}"));
        lines.collect::<Vec<_>>().join("\n")
    })
}

/// Stops what `up` started, all at once, and forgets it.
fn stop_all(net: &Net, out: Output) -> anyhow::Result<Vec<(String, Stopped)>> {
    let processes = net.processes()?;
    if !processes.is_empty() {
        out.progress(&format!("stopping {} validators", processes.len()));
    }
    let stopped = process::stop(processes)?;
    net.forget_processes()?;
    Ok(stopped)
}

fn logs(net: &Net, validator: Option<String>, out: Output) -> anyhow::Result<()> {
    let all = net.homes()?;
    let names: Vec<_> = all.iter().map(|(name, _)| name.as_str()).collect();
    if let Some(wanted) = &validator
        && !names.contains(&wanted.as_str())
    {
        let message = format!("there is no {wanted}; the net has {}", names.join(", "));
        return Err(Failure::NotFound(message).into());
    }
    let mut answer = serde_json::Map::new();
    let mut text = String::new();
    for (name, home) in &all {
        let path = layout::log_file(home);
        let (chosen, lines) = match &validator {
            Some(wanted) => (wanted == name, usize::MAX),
            None => (true, LOG_LINES_OF_EACH),
        };
        if chosen {
            let tail = layout::tail(&path, lines).with_context(|| path.display().to_string())?;
            text.push_str(&format!("==> {}\n{tail}\n", path.display()));
            answer.insert(name.clone(), tail.into());
        }
    }
    out.show(&answer, || text)
}
