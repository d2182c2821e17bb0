//! The open loop, and the watching of blocks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use primitives::Hash;
use rpc::ApiError;
use rpc::client::{ChainApiClient as _, ClientError, Subscription, TxApiClient as _};
use rpc::types::BlockEvent;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::accounts::Slot;
use super::live::Live;
use super::machine::{process_seconds, thread_seconds};
use super::{Plan, Target};

/// How often the loop looks which transfers are due.
const TICK: Duration = Duration::from_millis(2);
/// A transfer that could not be sent for this long is given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long after the last transfer the rest may take to commit, without any that does.
const DRAIN: Duration = Duration::from_secs(15);

/// What happened.
#[derive(Debug)]
pub struct Measured {
    pub due: u64,
    pub sent: u64,
    pub refused: BTreeMap<String, u64>,
    /// From the moment each was due until its validator told of its block; ascending.
    pub latencies: Vec<Duration>,
    /// From the first transfer's moment to the last one's block.
    pub took: Duration,
    /// From the first transfer's moment until the driver had no more to watch.
    pub watched: Duration,
    /// CPU seconds of each validator.
    pub validators: BTreeMap<String, f64>,
    /// CPU seconds of all validators' threads, by what they do.
    pub threads: BTreeMap<String, f64>,
    /// CPU seconds of this process.
    pub driver_seconds: f64,
}

/// Counts and times, shared by all tasks.
#[derive(Debug, Default)]
pub struct Board {
    pub due: AtomicU64,
    pub sent: AtomicU64,
    pub committed: AtomicU64,
    refused: Mutex<BTreeMap<String, u64>>,
    /// By validator: what it was given and has not told of, and since when it was due.
    under_way: Vec<Mutex<BTreeMap<Hash, Instant>>>,
    ended: Mutex<Vec<(Duration, Instant)>>,
    /// Changes when something commits or is refused.
    changed: watch::Sender<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Board {
    fn new(validators: usize) -> Self {
        Self { under_way: (0..validators).map(|_| Mutex::default()).collect(), ..Self::default() }
    }

    pub fn refusals(&self) -> u64 {
        lock(&self.refused).values().sum()
    }

    fn begin(&self, validator: usize, hash: Hash, due: Instant) {
        if let Some(place) = self.under_way.get(validator) {
            lock(place).insert(hash, due);
        }
    }

    fn refuse(&self, validator: usize, hash: &Hash, reason: String) {
        if let Some(place) = self.under_way.get(validator) {
            lock(place).remove(hash);
        }
        *lock(&self.refused).entry(reason).or_default() += 1;
        self.changed.send_replace(());
    }

    fn end(&self, validator: usize, hashes: &[Hash]) {
        let now = Instant::now();
        let Some(place) = self.under_way.get(validator) else { return };
        let mut ended = Vec::new();
        {
            let mut under_way = lock(place);
            for hash in hashes {
                ended.extend(under_way.remove(hash).map(|due| (now - due, now)));
            }
        }
        if !ended.is_empty() {
            self.committed.fetch_add(ended.len() as u64, Ordering::Relaxed);
            lock(&self.ended).append(&mut ended);
            self.changed.send_replace(());
        }
    }

    pub fn under_way(&self) -> usize {
        self.under_way.iter().map(|place| lock(place).len()).sum()
    }
}

/// CPU seconds at one moment.
struct Cpu {
    validators: Vec<f64>,
    threads: BTreeMap<String, f64>,
    driver: f64,
}

impl Cpu {
    fn look(targets: &[Target]) -> anyhow::Result<Self> {
        let mut threads: BTreeMap<String, f64> = BTreeMap::new();
        let mut validators = Vec::new();
        for target in targets {
            validators.push(process_seconds(target.pid)?);
            for (name, seconds) in thread_seconds(target.pid)? {
                *threads.entry(name).or_default() += seconds;
            }
        }
        Ok(Self { validators, threads, driver: process_seconds(std::process::id())? })
    }
}

/// Sends every slot's transfers when they are due and watches them end.
pub async fn run(plan: &Plan, targets: &[Target], slots: Vec<Slot>) -> anyhow::Result<Measured> {
    let board = Arc::new(Board::new(targets.len()));
    let mut watchers = JoinSet::new();
    for (index, target) in targets.iter().enumerate() {
        let blocks = target.blocks.chain_subscribe(None).await?;
        watchers.spawn(follow(index, blocks, Arc::clone(&board)));
    }
    let mut senders = JoinSet::new();
    let mut queues = Vec::new();
    let spread = targets.iter().enumerate().cycle();
    for (slot, (index, target)) in slots.into_iter().zip(spread) {
        let (queue, due) = mpsc::unbounded_channel();
        queues.push(queue);
        senders.spawn(send(slot, index, target.clone(), due, Arc::clone(&board)));
    }
    let live = Live::start(Arc::clone(&board));
    let before = Cpu::look(targets)?;
    let began = Instant::now();
    keep_pace(plan, began, &queues, &board).await;
    drop(queues);
    drain(&mut senders, &board).await;
    let watched = began.elapsed();
    let after = Cpu::look(targets)?;
    live.stop();
    watchers.abort_all();
    Ok(measured(targets, &board, began, watched, &before, &after))
}

/// Hands out each transfer at its moment.
async fn keep_pace(
    plan: &Plan,
    began: Instant,
    queues: &[mpsc::UnboundedSender<Instant>],
    board: &Board,
) {
    let total = plan.transfers();
    let mut ticks = tokio::time::interval(TICK);
    let (mut given, mut turn) = (0, queues.iter().cycle());
    while given < total {
        ticks.tick().await;
        let elapsed = began.elapsed().as_secs_f64();
        while given < total && given as f64 <= elapsed * plan.rate as f64 {
            let due = began + Duration::from_secs_f64(given as f64 / plan.rate as f64);
            if let Some(queue) = turn.next() {
                // A slot whose connection is lost has said so already.
                let _ = queue.send(due);
            }
            given += 1;
            board.due.store(given, Ordering::Relaxed);
        }
    }
}

/// Sends one account's transfers in order. One that is refused is tried again when the next is due:
/// those behind it cannot execute before it.
async fn send(
    mut slot: Slot,
    index: usize,
    target: Target,
    mut queue: mpsc::UnboundedReceiver<Instant>,
    board: Arc<Board>,
) {
    while let Some(due) = queue.recv().await {
        if due.elapsed() > PATIENCE {
            continue;
        }
        let Some(next) = slot.front() else { return };
        let hash = next.hash;
        board.begin(index, hash, due);
        board.sent.fetch_add(1, Ordering::Relaxed);
        match target.calls.tx_send(next.transaction.clone()).await {
            Ok(_) => {
                slot.pop_front();
            }
            Err(error) => {
                board.refuse(index, &hash, reason(&error));
                if ApiError::from_client(&error).is_none() {
                    return;
                }
            }
        }
    }
}

fn reason(error: &ClientError) -> String {
    let Some(refusal) = ApiError::from_client(error) else {
        return "no answer from the validator".to_owned();
    };
    let code = serde_json::to_value(refusal.code).unwrap_or_default();
    let code = code.as_str().unwrap_or_default().to_owned();
    match refusal.detail.get("reason").and_then(serde_json::Value::as_str) {
        Some(detail) if detail != code => format!("{code}: {detail}"),
        _ => code,
    }
}

/// Notes what each block of a validator ends.
async fn follow(index: usize, mut blocks: Subscription<BlockEvent>, board: Arc<Board>) {
    while let Some(event) = blocks.next().await {
        match event {
            Ok(BlockEvent::Block { block, .. }) => board.end(index, &block.transactions),
            Ok(other) => eprintln!("the blocks of a validator have a gap: {other:?}"),
            Err(error) => eprintln!("a validator tells of a block in another form: {error}"),
        }
    }
}

/// Waits for what is under way, as long as something moves.
async fn drain(senders: &mut JoinSet<()>, board: &Board) {
    let mut changed = board.changed.subscribe();
    loop {
        while senders.try_join_next().is_some() {}
        if senders.is_empty() && board.under_way() == 0 {
            return;
        }
        tokio::select! {
            moved = timeout(DRAIN, changed.changed()) => {
                if moved.is_err() {
                    return senders.abort_all();
                }
            }
            Some(_) = senders.join_next() => {}
        }
    }
}

fn measured(
    targets: &[Target],
    board: &Board,
    began: Instant,
    watched: Duration,
    before: &Cpu,
    after: &Cpu,
) -> Measured {
    let ended = lock(&board.ended);
    let mut latencies: Vec<_> = ended.iter().map(|(latency, _)| *latency).collect();
    latencies.sort_unstable();
    let last = ended.iter().map(|(_, at)| *at).max().unwrap_or(began);
    let used = before.validators.iter().zip(&after.validators).map(|(from, to)| to - from);
    let names = targets.iter().map(|target| target.name.clone());
    let threads = after.threads.iter().map(|(name, to)| {
        let from = before.threads.get(name).copied().unwrap_or_default();
        (name.clone(), (to - from).max(0.0))
    });
    Measured {
        due: board.due.load(Ordering::Relaxed),
        sent: board.sent.load(Ordering::Relaxed),
        refused: lock(&board.refused).clone(),
        latencies,
        took: last - began,
        watched,
        validators: names.zip(used).collect(),
        threads: threads.collect(),
        driver_seconds: after.driver - before.driver,
    }
}
