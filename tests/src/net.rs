//! Nets of real processes: the program `quorate` as it is shipped, on a real disk, over real
//! sockets.
//!
//! A [`Net`] stands in a temporary directory, on ports that the system chooses, so that any number
//! of them run side by side. It waits for what the processes say (readiness, blocks, receipts), not
//! for time to pass. A test that panics prints the logs and keeps the directory.

pub mod dev;
pub mod directory;
pub mod process;
pub mod small_disk;
pub mod traffic;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use primitives::{Genesis, Height, SecretKey, SignedTransaction};
use rpc::client::{
    self, AccountApiClient as _, ChainApiClient as _, ConsensusApiClient as _, HttpClient,
    NodeApiClient as _, Subscription, TxApiClient as _, WsClient,
};
use rpc::types::{
    Anchor, At, BlockEvent, BlockView, ConsensusStatus, DiskStatus, ReceiptView, TransactionStatus,
};
use tempfile::TempDir;
use tokio::time::timeout;

pub use self::dev::Dev;
pub use self::directory::{Directory, Ports};
use self::process::Process;
pub use self::small_disk::SmallDisk;
pub use self::traffic::{Outcome, Traffic};
use crate::wallet::{self, Wallet};

/// How long anything may take. Generous: it ends a test that would hang, and measures nothing.
pub const DEADLINE: Duration = Duration::from_secs(90);
/// Milliseconds between the blocks of an idle net.
const HEARTBEAT_MS: u64 = 1_000;
/// How often a node is asked for what it tells nobody by itself.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// Units that a wallet is funded with.
const FUNDS: u128 = 1_000_000_000;
/// Lines shown of each log when a test fails.
const LOG_LINES: usize = 60;

/// Validators on this machine.
#[derive(Debug)]
pub struct Net {
    processes: Vec<Option<Process>>,
    /// Of each validator that is not the product: what the binary of the tests is told in its environment.
    seats: BTreeMap<usize, Vec<(&'static str, OsString)>>,
    /// Of each validator whose data lies on one.
    small_disks: BTreeMap<usize, SmallDisk>,
    directory: Directory,
    genesis: Genesis,
    /// Last, so that the processes end before their directory does. Absent once it is to be kept.
    temporary: Option<TempDir>,
}

impl Net {
    /// Makes the homes of a net, and starts nothing.
    pub fn new(validators: usize) -> anyhow::Result<Self> {
        let temporary = tempfile::Builder::new().prefix("quorate-net-").tempdir()?;
        let directory = Directory::at(temporary.path());
        let made = Command::new(process::binary("quorate")?)
            .args(["testnet", "new", "--chain-id", "test-net", "--dir"])
            .arg(directory.root())
            .args(["--validators", &validators.to_string()])
            .args(["--heartbeat-ms", &HEARTBEAT_MS.to_string()])
            .output()?;
        ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let genesis = directory.genesis()?;
        let processes = (0..validators).map(|_| None).collect();
        let (seats, small_disks) = (BTreeMap::new(), BTreeMap::new());
        let temporary = Some(temporary);
        Ok(Self { processes, seats, small_disks, directory, genesis, temporary })
    }

    /// A net whose validators all serve.
    pub async fn started(validators: usize) -> anyhow::Result<Self> {
        let mut net = Self::new(validators)?;
        let all: Vec<usize> = (0..validators).collect();
        net.start(&all).await?;
        Ok(net)
    }

    pub fn len(&self) -> usize {
        self.processes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.processes.is_empty()
    }

    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// From its next start, a validator is the binary of the tests with this in its environment.
    pub fn seat(
        &mut self,
        index: usize,
        told: Vec<(&'static str, OsString)>,
    ) -> anyhow::Result<()> {
        ensure!(index < self.len(), "there is no such validator");
        self.seats.insert(index, told);
        Ok(())
    }

    /// Sets settings of validators, as `section.key = value`; they hold from the next start on.
    pub fn set(&self, indices: &[usize], setting: &str) -> anyhow::Result<()> {
        for index in indices {
            let path = self.directory.home(*index).join("node.toml");
            let text = std::fs::read_to_string(&path)?;
            // Before all tables, where a dotted key says itself to which it belongs.
            std::fs::write(&path, format!("{setting}\n{text}"))?;
        }
        Ok(())
    }

    /// What a validator has written to its log.
    pub fn log(&self, index: usize) -> anyhow::Result<String> {
        Ok(std::fs::read_to_string(self.directory.log(index))?)
    }

    /// Puts the data of a validator that does not run on a disk of so many bytes. False where the system does not let
    /// us have one.
    pub fn put_on_small_disk(&mut self, index: usize, bytes: u64) -> anyhow::Result<bool> {
        let disk = SmallDisk::mount(&self.directory.home(index).join("data"), bytes)?;
        let is_there = disk.is_some();
        self.small_disks.extend(disk.map(|disk| (index, disk)));
        Ok(is_there)
    }

    pub fn small_disk(&self, index: usize) -> anyhow::Result<&SmallDisk> {
        self.small_disks.get(&index).context("its data is on no small disk")
    }

    /// Starts validators together, and answers with the moment at which the last one served.
    pub async fn start(&mut self, indices: &[usize]) -> anyhow::Result<Instant> {
        for index in indices {
            self.spawn(*index)?;
        }
        let mut last = Instant::now();
        for index in indices {
            let name = format!("validator-{}", index + 1);
            last = last.max(self.process(*index)?.ready().await.context(name)?);
        }
        Ok(last)
    }

    /// Starts a validator and does not wait until it serves.
    pub fn begin(&mut self, index: usize) -> anyhow::Result<()> {
        self.spawn(index)
    }

    /// Starts a validator that cannot run; answers with its exit code and its last words.
    pub async fn start_in_vain(&mut self, index: usize) -> anyhow::Result<(Option<i32>, String)> {
        let log = self.directory.log(index);
        let before = std::fs::read(&log)?.len();
        self.spawn(index)?;
        let ready = self.process(index)?.ready().await;
        ensure!(ready.is_err(), "it serves, and should not have started");
        let status = self.process(index)?.ended().await?;
        let words = std::fs::read(&log)?.split_off(before);
        Ok((status.code(), String::from_utf8_lossy(&words).into_owned()))
    }

    /// Waits until a validator has ended by itself; answers with its exit code and its log.
    pub async fn ended(&mut self, index: usize) -> anyhow::Result<(Option<i32>, String)> {
        let status = self.process(index)?.ended().await?;
        Ok((status.code(), std::fs::read_to_string(self.directory.log(index))?))
    }

    /// Kills validators with SIGKILL, all before it waits for the end of any.
    pub async fn kill(&mut self, indices: &[usize]) -> anyhow::Result<()> {
        for index in indices {
            self.process(*index)?.strike()?;
        }
        for index in indices {
            self.process(*index)?.ended().await?;
        }
        Ok(())
    }

    /// Asks a validator to stop, which it must do in good order.
    pub async fn terminate(&mut self, index: usize) -> anyhow::Result<()> {
        let status = self.process(index)?.terminate().await?;
        ensure!(status.success(), "validator-{} stopped with {status}", index + 1);
        Ok(())
    }

    /// The process of a validator that was started.
    pub fn pid(&self, index: usize) -> anyhow::Result<u32> {
        let process = self.processes.get(index).and_then(Option::as_ref);
        Ok(process.context("it was never started")?.pid())
    }

    /// Where a validator that serves was told to be found.
    pub fn ports(&self, index: usize) -> anyhow::Result<Ports> {
        self.directory.ports(index)?.context("it has not said where it serves")
    }

    pub fn http(&self, index: usize) -> anyhow::Result<HttpClient> {
        Ok(client::http(&format!("http://{}", self.ports(index)?.rpc))?)
    }

    pub async fn websocket(&self, index: usize) -> anyhow::Result<WsClient> {
        Ok(client::websocket(&format!("ws://{}", self.ports(index)?.rpc)).await?)
    }

    /// The blocks that commit from now on, as a validator tells them.
    pub async fn blocks(&self, index: usize) -> anyhow::Result<Blocks> {
        self.blocks_from(index, None).await
    }

    /// The blocks from a height on.
    pub async fn blocks_from(&self, index: usize, from: Option<Height>) -> anyhow::Result<Blocks> {
        let client = self.websocket(index).await?;
        let subscription = client.chain_subscribe(from).await?;
        Ok(Blocks { subscription, _client: Some(client) })
    }

    /// Waits until a validator has committed a height.
    pub async fn reach(&self, index: usize, height: Height) -> anyhow::Result<()> {
        reach(&self.websocket(index).await?, height).await
    }

    /// A committed block.
    pub async fn block(&self, index: usize, height: Height) -> anyhow::Result<(BlockView, Anchor)> {
        let answer = self.http(index)?.chain_get_block(Some(At::Height(height))).await?;
        Ok((answer.body, answer.at))
    }

    /// Asks a validator how agreement stands until the answer is as wanted.
    pub async fn status_until(
        &self,
        index: usize,
        mut wanted: impl FnMut(&ConsensusStatus) -> bool,
    ) -> anyhow::Result<ConsensusStatus> {
        let client = self.http(index)?;
        let deadline = Instant::now() + DEADLINE;
        // That something does not happen is no event; this is the one thing that must be asked for.
        let mut ticks = tokio::time::interval(ASK_EVERY);
        loop {
            ticks.tick().await;
            let status = client.consensus_status().await?.body;
            if wanted(&status) {
                return Ok(status);
            }
            ensure!(Instant::now() < deadline, "this did not come to be: {status:?}");
        }
    }

    /// Asks a validator how its disk stands until the answer is as wanted.
    pub async fn disk_until(
        &self,
        index: usize,
        wanted: impl Fn(&DiskStatus) -> bool,
    ) -> anyhow::Result<DiskStatus> {
        let client = self.http(index)?;
        let deadline = Instant::now() + DEADLINE;
        // It tells nobody by itself.
        let mut ticks = tokio::time::interval(ASK_EVERY);
        loop {
            ticks.tick().await;
            let disk = client.node_status().await?.body.disk;
            if wanted(&disk) {
                return Ok(disk);
            }
            ensure!(Instant::now() < deadline, "this did not come to be: {disk:?}");
        }
    }

    /// Sends a transaction and waits for its receipt.
    pub async fn commit(
        &self,
        index: usize,
        transaction: &SignedTransaction,
    ) -> anyhow::Result<ReceiptView> {
        let waited_ms = u64::try_from(DEADLINE.as_millis())?;
        let (client, transaction) = (self.http(index)?, wallet::blob(transaction));
        let sent = client.tx_send_and_wait(transaction, None, Some(waited_ms)).await?.body;
        ensure!(sent.status == TransactionStatus::Committed, "{sent:?}");
        sent.receipt.context("a committed transaction has a receipt")
    }

    /// A wallet of the net's richest key, where it stands now in its first lane.
    pub async fn faucet(&self, index: usize) -> anyhow::Result<Wallet> {
        let faucet = Wallet::new(self.directory.key("faucet")?, self.genesis.chain_id.clone());
        let next = self.http(index)?.account_next_nonce(faucet.address(), None).await?;
        Ok(faucet.at(next.body.nonce))
    }

    /// New accounts with money, which all running validators know of.
    pub async fn wallets(&self, index: usize, count: u8) -> anyhow::Result<Vec<Wallet>> {
        let client = self.http(index)?;
        let mut faucet = self.faucet(index).await?;
        let mut wallets = Vec::new();
        let mut last = None;
        for number in 1..=count {
            let key = SecretKey::from_seed([number; 32]);
            let wallet = Wallet::new(key, self.genesis.chain_id.clone());
            let transfer = faucet.transfer(wallet.address(), FUNDS);
            client.tx_send(wallet::blob(&transfer)).await?;
            wallets.push(wallet);
            last = Some(transfer);
        }
        // One lane keeps its order: when the last is committed, all are.
        if let Some(last) = last {
            let height = self.commit(index, &last).await?.height;
            for (index, _) in self.processes.iter().enumerate().filter(|(_, one)| one.is_some()) {
                self.reach(index, height).await?;
            }
        }
        Ok(wallets)
    }

    /// Starts traffic of these wallets through these validators, in turn.
    pub fn traffic(&self, through: &[usize], wallets: &[Wallet]) -> anyhow::Result<Traffic> {
        self.paced_traffic(through, wallets, None)
    }

    /// [`Self::traffic`], where each account sends the next transfer no earlier than so long after the last.
    ///
    /// # Errors
    /// When one of these validators does not run.
    pub fn paced_traffic(
        &self,
        through: &[usize],
        wallets: &[Wallet],
        pace: Option<Duration>,
    ) -> anyhow::Result<Traffic> {
        let mut pairs = Vec::new();
        for (wallet, index) in wallets.iter().zip(through.iter().cycle()) {
            pairs.push((self.http(*index)?, wallet.clone()));
        }
        Ok(Traffic::start(pairs, pace))
    }

    fn spawn(&mut self, index: usize) -> anyhow::Result<()> {
        let (home, log) = (self.directory.home(index), self.directory.log(index));
        let told = self.seats.get(&index);
        let name = if told.is_some() { "quorate-attacker" } else { "quorate" };
        let binary = process::binary(name)?;
        let mut program = match self.small_disks.get(&index) {
            Some(disk) => disk.command(&binary),
            None => Command::new(binary),
        };
        program.envs(told.into_iter().flatten().map(|(name, value)| (name, value)));
        let process = Process::spawn(program, &home, &log)?;
        let place = self.processes.get_mut(index).context("there is no such validator")?;
        *place = Some(process);
        Ok(())
    }

    fn process(&mut self, index: usize) -> anyhow::Result<&mut Process> {
        let process = self.processes.get_mut(index).and_then(Option::as_mut);
        process.with_context(|| format!("validator-{} was not started", index + 1))
    }

    fn print_logs(&self) {
        for index in 0..self.genesis.validators.len() {
            let path = self.directory.log(index);
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<_> = text.lines().collect();
            let from = lines.len().saturating_sub(LOG_LINES);
            let tail = lines.get(from..).unwrap_or_default().join("\n");
            eprintln!("==> the end of {}\n{tail}\n", path.display());
        }
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        self.processes.clear();
        if std::thread::panicking() {
            self.print_logs();
            if let Some(temporary) = self.temporary.take() {
                eprintln!("the net is kept in {}", temporary.keep().display());
            }
        }
    }
}

/// Waits until a validator has committed a height.
///
/// # Errors
/// When it does not within [`DEADLINE`].
pub async fn reach(client: &WsClient, height: Height) -> anyhow::Result<()> {
    // Subscribed first, asked second: a block in between is seen by one of the two.
    let subscription = client.chain_subscribe(None).await?;
    if client.chain_info().await?.at.height >= height {
        return Ok(());
    }
    let mut blocks = Blocks { subscription, _client: None };
    while blocks.next().await?.at.height < height {}
    Ok(())
}

/// Committed blocks, one after the other.
#[derive(Debug)]
pub struct Blocks {
    subscription: Subscription<BlockEvent>,
    /// The connection that it needs, where nobody else keeps it.
    _client: Option<WsClient>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct Block {
    pub block: BlockView,
    pub at: Anchor,
}

impl Blocks {
    /// The next block; an error when none comes in time.
    pub async fn next(&mut self) -> anyhow::Result<Block> {
        let next = timeout(DEADLINE, self.subscription.next()).await;
        let event = next.with_context(|| format!("no block for {DEADLINE:?}"))?;
        match event.context("the subscription ended")?? {
            BlockEvent::Block { block, at, .. } => Ok(Block { block, at }),
            other => bail!("the subscription lost its place: {other:?}"),
        }
    }
}
