//! Load: signed transfers at a fixed rate through all validators of a running net, and a report
//! that says what came of them and where the time went.
//!
//! The loop is open: transfers are due at fixed moments whatever the net does, and latency counts
//! from those moments, so that a net that falls behind cannot hide it. A transfer is sent with
//! `tx_send`, and its end is seen in the block subscription of the validator that took it: that
//! is one read of each block for each validator, where `tx_sendAndWait` would hold a call open and
//! read a receipt for each transfer. Everything is signed before the clock starts.

pub mod accounts;
mod drive;
mod live;
pub mod machine;
pub mod report;

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use rpc::client::{self, WsClient};

use self::accounts::Accounts;
pub use self::report::Report;
use crate::net::Directory;

/// Transfers of one run: they are signed before it and lie in memory.
pub const TRANSFERS_MAX: u64 = 2_000_000;
/// Seconds of one run; the signatures are made before it and must stay valid.
pub const SECONDS_MAX: u64 = 1_800;
/// Accounts: each is a wait less for the one before it, and more set-up.
pub const ACCOUNTS_MAX: u64 = 10_000;

/// What to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Transfers a second.
    pub rate: u64,
    pub seconds: u64,
    pub accounts: usize,
}

impl Plan {
    /// Checks the caps. Without a number of accounts each sends about five transfers a second.
    pub fn new(rate: u64, seconds: u64, accounts: Option<u64>) -> anyhow::Result<Self> {
        let accounts = accounts.unwrap_or((rate / 5).clamp(32, 2_000));
        ensure!((1..=SECONDS_MAX).contains(&seconds), "seconds are 1 to {SECONDS_MAX}");
        ensure!((1..=ACCOUNTS_MAX).contains(&accounts), "accounts are 1 to {ACCOUNTS_MAX}");
        let within = rate.checked_mul(seconds).is_some_and(|count| count <= TRANSFERS_MAX);
        ensure!(rate > 0 && within, "rate × seconds is 1 to {TRANSFERS_MAX} transfers");
        Ok(Self { rate, seconds, accounts: usize::try_from(accounts)? })
    }

    pub fn transfers(&self) -> u64 {
        self.rate * self.seconds
    }

    pub fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

/// One validator under load.
#[derive(Clone, Debug)]
pub struct Target {
    pub name: String,
    pub pid: u32,
    /// For what is sent.
    pub calls: Arc<WsClient>,
    /// For the blocks, so that they do not wait behind calls.
    pub blocks: Arc<WsClient>,
}

/// Runs the plan against the net in this directory, through all of its validators.
///
/// # Errors
/// When a validator does not answer, or the accounts cannot be funded.
pub async fn run(plan: &Plan, directory: &Directory) -> anyhow::Result<Report> {
    run_through(plan, directory, &[]).await
}

/// The same with nothing sent to some of the validators.
///
/// # Errors
/// As [`run`].
pub async fn run_through(
    plan: &Plan,
    directory: &Directory,
    avoided: &[usize],
) -> anyhow::Result<Report> {
    let targets = connect(directory, avoided).await?;
    let machine = machine::measure(directory.root(), targets.len())?;
    eprintln!(
        "{} validators on {} cores; a batched signature check costs {:.1} µs",
        targets.len(),
        machine.cores,
        machine.signature_us
    );
    let accounts = Accounts::funded(plan, directory, &targets).await?;
    eprintln!("signing {} transfers of {} accounts", plan.transfers(), plan.accounts);
    let (slots, before) = accounts.sign(plan)?;
    let measured = drive::run(plan, &targets, slots).await?;
    let executed = accounts.executed(&targets).await?.saturating_sub(before);
    Ok(Report::new(plan, machine, measured, executed))
}

async fn connect(directory: &Directory, avoided: &[usize]) -> anyhow::Result<Vec<Target>> {
    let mut targets = Vec::new();
    for (index, ports) in directory.all_ports()?.into_iter().enumerate() {
        if avoided.contains(&index) {
            continue;
        }
        let url = format!("ws://{}", ports.rpc);
        targets.push(Target {
            name: ports.name,
            pid: ports.pid,
            calls: Arc::new(client::websocket(&url).await?),
            blocks: Arc::new(client::websocket(&url).await?),
        });
    }
    Ok(targets)
}
