//! A validator that joins: how fast it is there by a snapshot and by replaying all blocks, and what giving a snapshot
//! costs a net under constant load.

use std::array;
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use primitives::limits::BATCH_TRANSACTIONS_MAX;
use primitives::{Address, Height, SignedTransaction};
use rpc::client::ChainApiClient as _;

use crate::catch_up::{reach, throughput};
use crate::chain;
use crate::net::Net;
use crate::wallet::Wallet;

/// Validators of the net. The last two join; the others are a quorum.
const VALIDATORS: usize = 7;
const SERVING: usize = 5;
/// Accounts that load the net.
const WALLETS: u8 = 24;

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Accounts of the chain that is made, and its blocks.
    pub keys: u64,
    pub blocks: u64,
    /// How long the net's throughput is measured before.
    pub before: Duration,
    /// Transactions a second that are offered to the net; 0: each account sends the next one when the last is there.
    pub rate: u32,
}

/// One validator that joined.
#[derive(Clone, Copy, Debug)]
pub struct Joined {
    /// From the start of its process until it has committed what the net had at that moment.
    pub took: Duration,
    /// Transactions a second of the net meanwhile.
    pub throughput: f64,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    pub plan: Plan,
    /// Making the chain; nothing that a net does.
    pub made_in: Duration,
    /// Transactions a second of the net before.
    pub before: f64,
    pub by_snapshot: Joined,
    /// Packed, and on the way.
    pub snapshot_kib: u64,
    pub pieces: u64,
    pub by_blocks: Joined,
}

impl Report {
    /// The share of its throughput that a net loses meanwhile, in percent.
    fn dip(&self, joined: &Joined) -> f64 {
        100.0 * (1.0 - joined.throughput / self.before)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { keys, blocks, .. } = self.plan;
        writeln!(f, "{keys} keys in {blocks} blocks, made in {:.1} s", self.made_in.as_secs_f64())?;
        writeln!(f, "net before         {:>9.0} transactions/s", self.before)?;
        for (name, joined) in [("by snapshot", self.by_snapshot), ("by blocks", self.by_blocks)] {
            let (took, rate, dip) =
                (joined.took.as_secs_f64(), joined.throughput, self.dip(&joined));
            writeln!(f, "{name:<12}there in {took:>8.1} s; net {rate:.0}/s, {dip:.0} % less")?;
        }
        write!(f, "a snapshot is      {:>9} KiB in {} pieces", self.snapshot_kib, self.pieces)
    }
}

/// What the faucet does so that a chain of these blocks has about so many accounts, each of them new.
pub fn new_accounts(
    keys: u64,
    blocks: u64,
) -> impl FnMut(&mut Wallet, u64) -> Vec<SignedTransaction> + Send {
    move |faucet, height| {
        let (first, last) = (keys * (height - 1) / blocks, keys * height / blocks);
        let account = |number: u64| {
            Address(array::from_fn(|at| number.to_le_bytes().get(at).copied().unwrap_or(0xac)))
        };
        (first..last).map(|number| faucet.transfer(account(number), 1)).collect()
    }
}

/// Makes the chain, starts the net, loads it, lets one validator join by snapshot and then another by blocks.
///
/// # Errors
/// When a validator fails, disagrees, or is slower than anybody would wait for.
pub async fn run(plan: Plan) -> anyhow::Result<Report> {
    ensure!(
        plan.keys / plan.blocks < BATCH_TRANSACTIONS_MAX as u64,
        "more keys than blocks of one batch can make"
    );
    let mut net = Net::new(VALIDATORS)?;
    let serving: Vec<usize> = (0..SERVING).collect();
    let (snapshot, blocks) = (SERVING, SERVING + 1);
    let made_in =
        chain::make(&net, &serving, plan.blocks, new_accounts(plan.keys, plan.blocks)).await?;
    net.set(&[snapshot], "sync.behind_blocks = 100")?;
    net.set(&[blocks], "sync.mode = \"blocks\"")?;

    net.start(&serving).await?;
    let wallets = net.wallets(0, WALLETS).await?;
    let pace = (plan.rate > 0).then(|| Duration::from_secs(1) * u32::from(WALLETS) / plan.rate);
    let traffic = net.paced_traffic(&serving, &wallets, pace)?;
    traffic.more(usize::from(WALLETS)).await?;
    let before = throughput(&traffic, tokio::time::sleep(plan.before)).await;

    let mut joined = Vec::new();
    for index in [snapshot, blocks] {
        let goal = net.http(0)?.chain_info().await?.at;
        let began = Instant::now();
        let mut outcome = Ok(());
        let throughput = throughput(&traffic, async {
            outcome = async {
                net.start(&[index]).await?;
                reach(&net, index, goal.height, plan.blocks).await
            }
            .await;
        })
        .await;
        outcome?;
        let (_, same) = net.block(index, goal.height.max(floor(&net, index).await?)).await?;
        let (_, expected) = net.block(0, same.height).await?;
        ensure!(same == expected, "it has {same:?}, and the others have {expected:?}");
        joined.push(Joined { took: began.elapsed(), throughput });
        net.terminate(index).await?;
    }
    let refusals = traffic.stop().await?.refusals;
    ensure!(refusals.is_empty(), "the net refused load: {refusals:?}");
    let [by_snapshot, by_blocks] = joined[..] else { anyhow::bail!("two have joined") };
    let told = last_progress(&net.log(snapshot)?).context("it has restored nothing")?;
    let Progress { kib: snapshot_kib, pieces, .. } = told;
    Ok(Report { plan, made_in, before, by_snapshot, snapshot_kib, pieces, by_blocks })
}

/// The lowest height that a validator can answer for.
async fn floor(net: &Net, index: usize) -> anyhow::Result<Height> {
    Ok(net.http(index)?.chain_info().await?.body.floor)
}

/// What a joining validator says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The height of the state.
    pub block: u64,
    pub keys: u64,
    /// Of this life.
    pub pieces: u64,
    pub kib: u64,
}

/// The last line of a log about a restoration.
pub fn last_progress(log: &str) -> Option<Progress> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut fields = lines.filter_map(|line| {
        let is_it = line.get("message")?.as_str()? == "restoring the state";
        let number = |name: &str| match line.get(name)? {
            serde_json::Value::String(text) => text.parse().ok(),
            value => value.as_u64(),
        };
        is_it.then_some(())?;
        let (block, keys) = (number("block")?, number("keys")?);
        Some(Progress { block, keys, pieces: number("pieces")?, kib: number("kib")? })
    });
    fields.next_back()
}
