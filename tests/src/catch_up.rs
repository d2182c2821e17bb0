//! A validator far behind: how fast it catches up with a net under load, and what that costs the net.
//!
//! The long chain is made by the real ledger in one go, with certificates of the validators' real keys, and copied to
//! all validators but the last. That one starts with nothing and takes everything from its peers.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::ensure;
use primitives::{Address, Height};
use rpc::client::ChainApiClient as _;

use crate::chain;
use crate::net::{Net, Traffic};

/// Validators of the net. The last is the one that is behind; the others are a quorum.
const VALIDATORS: u16 = 4;
/// One transfer every so many blocks of the chain that is made.
const TRANSFER_EVERY: u64 = 10;
/// Accounts that load the net.
const WALLETS: u8 = 24;
/// How often the heights are looked at.
const LOOK: Duration = Duration::from_millis(100);
/// Blocks a second that are the least to expect; ends a run that would never end.
const RATE_MIN: u64 = 50;

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How far the last validator is behind.
    pub blocks: u64,
    /// How long the net's throughput is measured before.
    pub before: Duration,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    pub blocks: u64,
    /// Making the chain; nothing that a net does.
    pub made_in: Duration,
    /// From the start of the process until it has committed what the net had at that moment.
    pub caught_up_in: Duration,
    /// Transactions a second of the net before, and while it serves the one behind.
    pub throughput: (f64, f64),
}

impl Report {
    pub fn blocks_per_second(&self) -> f64 {
        self.blocks as f64 / self.caught_up_in.as_secs_f64()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, during) = self.throughput;
        writeln!(f, "chain made in      {:>9.1} s", self.made_in.as_secs_f64())?;
        writeln!(f, "behind by          {:>9} blocks", self.blocks)?;
        writeln!(f, "caught up in       {:>9.1} s", self.caught_up_in.as_secs_f64())?;
        writeln!(f, "                   {:>9.0} blocks/s", self.blocks_per_second())?;
        writeln!(f, "net before         {before:>9.0} transactions/s")?;
        write!(
            f,
            "net meanwhile      {during:>9.0} transactions/s ({:.0} %)",
            100.0 * during / before
        )
    }
}

/// Makes the chain, starts the net, loads it, starts the validator that has nothing, and waits until it has caught up.
///
/// # Errors
/// When a validator fails, disagrees, or is slower than anybody would wait for.
pub async fn run(plan: Plan) -> anyhow::Result<Report> {
    let mut net = Net::new(usize::from(VALIDATORS))?;
    let behind = usize::from(VALIDATORS) - 1;
    let serving: Vec<usize> = (0..behind).collect();
    let made_in = chain::make(&net, &serving, plan.blocks, |faucet, height| {
        let transfer = || faucet.transfer(Address([0xcc; 32]), 1);
        height.is_multiple_of(TRANSFER_EVERY).then(transfer).into_iter().collect()
    })
    .await?;
    // What is measured is catching up block by block.
    net.set(&[behind], "sync.mode = \"blocks\"")?;

    net.start(&serving).await?;
    let wallets = net.wallets(0, WALLETS).await?;
    let traffic = net.traffic(&serving, &wallets)?;
    traffic.more(usize::from(WALLETS)).await?;
    let before = throughput(&traffic, tokio::time::sleep(plan.before)).await;

    let goal = net.http(0)?.chain_info().await?.at;
    let began = net.start(&[behind]).await?;
    let caught_up = reach(&net, behind, goal.height, plan.blocks);
    let mut outcome = Ok(());
    let during = throughput(&traffic, async { outcome = caught_up.await }).await;
    outcome?;
    let caught_up_in = began.elapsed();
    let (_, same) = net.block(behind, goal.height).await?;
    ensure!(same == goal, "it has {same:?}, and the others have {goal:?}");
    let refusals = traffic.stop().await?.refusals;
    ensure!(refusals.is_empty(), "the net refused load: {refusals:?}");
    let blocks = goal.height.0;
    Ok(Report { blocks, made_in, caught_up_in, throughput: (before, during) })
}

/// Transactions a second while something else happens.
pub(crate) async fn throughput(traffic: &Traffic, meanwhile: impl Future<Output = ()>) -> f64 {
    let (began, before) = (Instant::now(), traffic.committed());
    meanwhile.await;
    (traffic.committed() - before) as f64 / began.elapsed().as_secs_f64()
}

/// Waits until a validator has committed a height. It asks for the height: to be told of each of so many blocks would
/// be work that disturbs the measure.
pub(crate) async fn reach(
    net: &Net,
    index: usize,
    goal: Height,
    blocks: u64,
) -> anyhow::Result<()> {
    let client = net.http(index)?;
    let deadline = Instant::now() + Duration::from_secs(60 + blocks / RATE_MIN);
    let mut looks = tokio::time::interval(LOOK);
    loop {
        looks.tick().await;
        let height = client.chain_info().await?.at.height;
        if height >= goal {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "it has come to height {height} of {goal}");
    }
}
