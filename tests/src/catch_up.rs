//! A validator far behind: how fast it catches up with a net under load, and what that costs the net.
//!
//! The long chain is made by the real ledger in one go, with certificates of the validators' real keys, and copied to
//! all validators but the last. That one starts with nothing and takes everything from its peers.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use primitives::codec::FormatVersion;
use primitives::{
    Address, Batch, CommitCertificate, CommitVote, Epoch, ExecutionResult, Genesis, Hash, Header,
    Height, SecretKey, Signatures, SignedBatch, SigningContext, ValidatorIndex, View,
};
use replica::{Ledger, genesis_block};
use rpc::client::ChainApiClient as _;
use state::State;

use crate::net::{Net, Traffic};
use crate::wallet::{self, Wallet};

/// Validators of the net. The last is the one that is behind; the others are a quorum.
const VALIDATORS: u16 = 4;
/// One transfer every so many blocks of the chain that is made.
const TRANSFER_EVERY: u64 = 10;
/// Blocks below one certificate, as when commits come a few blocks after proposals.
const CERTIFICATE_EVERY: usize = 4;
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
    let began = Instant::now();
    let tip = tokio::task::spawn_blocking({
        let (genesis, homes) = (net.genesis().clone(), homes(&net));
        let keys = keys(&net)?;
        let faucet = Wallet::new(net.directory().key("faucet")?, genesis.chain_id.clone());
        move || make_chain(&genesis, &keys, faucet, &homes, plan.blocks)
    })
    .await??;
    let made_in = began.elapsed();
    // Blocks cannot be older than their parents, and must not be ahead of the clock.
    let ahead_ms = tip.timestamp.0.saturating_sub(wallet::now().0);
    tokio::time::sleep(Duration::from_millis(ahead_ms)).await;

    let behind = usize::from(VALIDATORS) - 1;
    let serving: Vec<usize> = (0..behind).collect();
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

fn homes(net: &Net) -> Vec<PathBuf> {
    (0..usize::from(VALIDATORS) - 1)
        .map(|index| net.directory().home(index).join("data/db"))
        .collect()
}

fn keys(net: &Net) -> anyhow::Result<Vec<SecretKey>> {
    (0..usize::from(VALIDATORS)).map(|index| net.directory().validator_key(index)).collect()
}

/// Transactions a second while something else happens.
async fn throughput(traffic: &Traffic, meanwhile: impl Future<Output = ()>) -> f64 {
    let (began, before) = (Instant::now(), traffic.committed());
    meanwhile.await;
    (traffic.committed() - before) as f64 / began.elapsed().as_secs_f64()
}

/// Waits until a validator has committed a height. It asks for the height: to be told of each of so many blocks would
/// be work that disturbs the measure.
async fn reach(net: &Net, index: usize, goal: Height, blocks: u64) -> anyhow::Result<()> {
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

/// Writes a chain of so many blocks into the first home, and copies it to the others. Answers with its last block.
fn make_chain(
    genesis: &Genesis,
    keys: &[SecretKey],
    mut faucet: Wallet,
    homes: &[PathBuf],
    blocks: u64,
) -> anyhow::Result<Header> {
    let (first, others) = homes.split_first().context("a net has validators")?;
    let state = State::open(first, &genesis_block(genesis))?;
    let executor = Arc::new(vm::Executor::new(vm::ExecutorOptions::default()));
    let mut ledger = Ledger::new(state, executor, genesis);
    let mut tip = genesis.header();
    let mut uncommitted = Vec::new();
    for height in 1..=blocks {
        let author = ValidatorIndex(u16::try_from(height % u64::from(VALIDATORS))?);
        let batches = if height.is_multiple_of(TRANSFER_EVERY) {
            vec![transfer(genesis, keys, &mut faucet, author, height)?]
        } else {
            Vec::new()
        };
        let header = Header {
            version: FormatVersion::V1,
            epoch: Epoch::ZERO,
            view: View(height),
            height: Height(height),
            parent: tip.hash(),
            parent_view: tip.view,
            payload: batches.iter().map(SignedBatch::reference).collect(),
            timestamp: tip.timestamp.plus(1),
            proposer: author,
        };
        let result = ledger.execute(header.clone(), batches.into_iter().map(Arc::new).collect());
        uncommitted.push(header.clone());
        tip = header;
        if uncommitted.len() == CERTIFICATE_EVERY || height == blocks {
            let certificate = certify(genesis, keys, &tip, result);
            ledger.commit(&uncommitted, &certificate)?;
            uncommitted.clear();
        }
    }
    drop(ledger);
    for other in others {
        copy(first, other)?;
    }
    Ok(tip)
}

fn transfer(
    genesis: &Genesis,
    keys: &[SecretKey],
    faucet: &mut Wallet,
    author: ValidatorIndex,
    sequence: u64,
) -> anyhow::Result<SignedBatch> {
    let transactions = vec![faucet.transfer(Address([0xcc; 32]), 1)];
    let (version, system) = (FormatVersion::V1, Vec::new());
    let batch = Batch { version, author, sequence, system, transactions };
    let key = keys.get(author.as_usize()).context("an author has a key")?;
    Ok(batch.sign(&genesis.hash(), key))
}

/// The commit certificate of all validators but the last, who will not know of it.
fn certify(
    genesis: &Genesis,
    keys: &[SecretKey],
    tip: &Header,
    result: ExecutionResult,
) -> CommitCertificate {
    let context = SigningContext { chain: genesis.hash(), epoch: tip.epoch };
    let (view, block): (View, Hash) = (tip.view, tip.hash());
    let signers = (0u16..).map(ValidatorIndex).zip(keys).take(usize::from(VALIDATORS) - 1);
    let signed = signers.map(|(signer, key)| {
        let vote = CommitVote::new(&context, view, block, result, signer, key);
        (signer, vote.signature)
    });
    let signatures = Signatures(signed.collect());
    CommitCertificate { epoch: tip.epoch, view, block, result, signatures }
}

/// Copies a closed store.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
