//! The replica's thread: takes events, does what the replica asks.
//!
//! A turn takes what has come, one after the other; writes all records to the vote log and syncs once; and only
//! then lets anything leave.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use consensus::Status;
use primitives::{Hash, Height, TimestampMs, ValidatorSet, codec};
use replica::{Action, Event, Machine, Message, Now, Record, Refusal, RequestId};
use tokio::sync::{oneshot, watch};

use crate::failure;
use crate::gauge::WriteGauge;
use crate::giver::Giver;
use crate::inbox::Command;
use crate::network::{Class, NetworkHandle};
use crate::status;
use crate::syncing;
use crate::vote_log::VoteLog;
use crate::workers::{Job, Jobs, LedgerWork};

/// Events of one turn. More would make votes wait for the turn's sync.
const TURN_EVENTS_MAX: usize = 64;
/// How often the published state of agreement is renewed at most, in milliseconds.
const STATUS_MS: u64 = 500;
/// How often a stalled chain says why, in milliseconds.
const STALL_LOG_MS: u64 = 10_000;

/// A write of the vote log that takes longer is worth a line in the log, in milliseconds.
const SLOW_WRITE_MS: u64 = 1_000;

/// Clients of this node that wait for the mempool's answer.
pub type Replies = std::sync::Arc<std::sync::Mutex<BTreeMap<RequestId, Reply>>>;
type Reply = oneshot::Sender<Result<Hash, Refusal>>;

/// Everything that the replica's actions reach.
#[derive(Debug)]
pub struct Driver {
    pub machine: Box<dyn Machine>,
    pub log: VoteLog,
    pub network: NetworkHandle,
    pub ledger: Sender<LedgerWork>,
    pub pool: Jobs,
    pub giver: Giver,
    /// Where a snapshot is demanded: see [`syncing::demand`].
    pub restoring: PathBuf,
    pub replies: Replies,
    pub clock: Clock,
    pub validators: ValidatorSet,
    pub watched: Watched,
    pub gauge: Arc<WriteGauge>,
}

/// The state of agreement for those who may not wait for the replica's thread, and what the log says of it.
#[derive(Debug)]
pub struct Watched {
    pub status: watch::Sender<Status>,
    published_ms: u64,
    stall_logged_ms: u64,
}

impl Watched {
    pub fn new(status: Status) -> Self {
        Self { status: watch::Sender::new(status), published_ms: 0, stall_logged_ms: 0 }
    }
}

/// The node's clocks.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Clock {
    pub fn start() -> Self {
        Self(Instant::now())
    }

    pub fn now(&self) -> Now {
        Now { wall: wall_clock(), uptime_ms: self.uptime_ms() }
    }

    pub fn uptime_ms(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

fn wall_clock() -> TimestampMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimestampMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// How the transport treats a message.
pub fn class(message: &Message) -> Class {
    match message.class() {
        replica::Class::Vote => Class::Vote,
        replica::Class::Proposal => Class::Proposal,
        replica::Class::Bulk => Class::Bulk,
    }
}

impl Driver {
    /// Runs until told to stop.
    pub fn run(mut self, commands: &Receiver<Command>) {
        let mut actions = self.machine.on_event(self.clock.now(), Event::Start);
        loop {
            self.perform(actions);
            self.watch();
            actions = Vec::new();
            let wait_ms = self.machine.deadline_ms().saturating_sub(self.clock.uptime_ms());
            let wait = Duration::from_millis(wait_ms.min(STATUS_MS));
            match commands.recv_timeout(wait) {
                Ok(command) => {
                    if !self.turn(command, commands, &mut actions) {
                        break;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    actions = self.machine.on_event(self.clock.now(), Event::Tick);
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
    }

    /// Takes one command and what else has come. False when told to stop.
    fn turn(
        &mut self,
        first: Command,
        commands: &Receiver<Command>,
        actions: &mut Vec<Action>,
    ) -> bool {
        let mut next = Some(first);
        let mut taken = 0;
        while let Some(command) = next {
            match command {
                Command::Event { event, _permit } => {
                    actions.extend(self.machine.on_event(self.clock.now(), event));
                }
                Command::Look(look) => look(self.machine.replica()),
                Command::Stop => return false,
            }
            taken += 1;
            next = if taken < TURN_EVENTS_MAX { commands.try_recv().ok() } else { None };
        }
        if self.machine.deadline_ms() <= self.clock.uptime_ms() {
            actions.extend(self.machine.on_event(self.clock.now(), Event::Tick));
        }
        true
    }

    fn perform(&mut self, actions: Vec<Action>) {
        let mut records: Vec<Record> = Vec::new();
        let mut rest = Vec::with_capacity(actions.len());
        for action in actions {
            match action {
                Action::Persist(record) => records.push(record),
                other => rest.push(other),
            }
        }
        if !records.is_empty() {
            self.write(&records);
        }
        for action in rest {
            self.act(action);
        }
    }

    /// Writes records to the vote log. Votes wait for that, so a slow disk is told at once.
    fn write(&mut self, records: &[Record]) {
        self.gauge.begin(self.clock.uptime_ms());
        if let Err(error) = self.log.write(records).and_then(|()| self.log.sync()) {
            failure::stop(&error.to_string());
        }
        if self.log.is_worth_compacting()
            && let Some(records) = self.machine.compacted()
            && let Err(error) = self.log.compact(&records)
        {
            failure::stop(&error.to_string());
        }
        let took_ms = self.gauge.end(self.clock.uptime_ms());
        if took_ms >= SLOW_WRITE_MS {
            tracing::warn!(took_ms, "the disk is slow: votes waited for a write of the vote log");
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Persist(_) => {}
            Action::Send { to, message } => {
                self.network.send(to, class(&message), codec::encode(&message).into());
            }
            Action::Broadcast(message) => {
                self.network.broadcast(class(&message), codec::encode(&message).into());
            }
            Action::Gossip(batch) => self.network.gossip(codec::encode(&batch)),
            Action::Verify(batch) => expect(self.pool.give(Job::Verify(batch))),
            Action::ServeSync { to, range } => expect(self.pool.give(Job::Sync { to, range })),
            Action::ServeSnapshot { to, request } => expect(self.giver.give(to, request)),
            Action::NeedsSnapshot { floor } => self.demand_snapshot(floor),
            Action::Execute { header, batches } => {
                give(&self.ledger, LedgerWork::Execute { header, batches });
            }
            Action::Commit { blocks, certificate } => {
                for block in &blocks {
                    tracing::debug!(height = %block.height, view = %block.view, "block is final");
                }
                give(&self.ledger, LedgerWork::Commit { blocks, certificate });
            }
            Action::Discard { blocks } => give(&self.ledger, LedgerWork::Discard { blocks }),
            Action::Reply { request, answer } => self.reply(request, answer),
            Action::Evidence(evidence) => {
                let culprit = self.name(evidence.culprit());
                tracing::error!(culprit, view = %evidence.view(), "a validator signed a conflicting pair");
            }
            Action::Misbehaviour { peer, what } => {
                let until = self.machine.replica().core().status(self.clock.uptime_ms()).bans;
                let banned_ms =
                    until.iter().find(|ban| ban.peer == peer).map(|ban| ban.remaining_ms);
                tracing::warn!(
                    peer = self.name(peer),
                    banned_ms,
                    "a validator sent {what}; nothing of it is taken for a while"
                );
            }
            Action::Withholder { author, view } => {
                let author = self.name(author);
                tracing::warn!(author, %view, "batches of this validator could not be had; own blocks carry them now");
            }
            Action::EnteredView { view, leader, after_timeout } => {
                tracing::debug!(%view, leader = self.name(leader), after_timeout, "entered view");
            }
            Action::TimedOut { view, reason } => {
                let reason = status::reason(reason, &self.validators);
                tracing::info!(%view, "gave the view up: {reason}");
            }
            Action::Stop { reason } => failure::stop(&reason),
        }
    }

    /// Ends the process: what would bring it on is fetched at a start, before there is a replica.
    fn demand_snapshot(&self, floor: Height) {
        let demanded = syncing::demand(&self.restoring);
        let next = match demanded {
            Ok(()) => "start again, and it fetches a snapshot first".to_owned(),
            Err(error) => {
                format!(
                    "make the directory {} ({error}), and start again",
                    self.restoring.display()
                )
            }
        };
        failure::stop(&format!(
            "all connected validators have pruned the next block, and keep those from height {floor} on: {next}"
        ));
    }

    fn reply(&self, request: RequestId, answer: Result<Hash, Refusal>) {
        let reply = match self.replies.lock() {
            Ok(mut replies) => replies.remove(&request),
            Err(poisoned) => poisoned.into_inner().remove(&request),
        };
        if let Some(reply) = reply {
            // The client may have gone away.
            let _ = reply.send(answer);
        }
    }

    fn name(&self, index: primitives::ValidatorIndex) -> &str {
        self.validators.get(index).map_or("unknown", |validator| validator.name.as_str())
    }

    /// Publishes the state of agreement, and says every ten seconds of a stall what it waits for and who is missing.
    fn watch(&mut self) {
        let uptime_ms = self.clock.uptime_ms();
        if uptime_ms < self.watched.published_ms.saturating_add(STATUS_MS) {
            return;
        }
        self.watched.published_ms = uptime_ms;
        let status = self.machine.replica().core().status(uptime_ms);
        self.watched.status.send_replace(status.clone());
        let quiet = uptime_ms < self.watched.stall_logged_ms.saturating_add(STALL_LOG_MS);
        if quiet || status.waiting_ms < STALL_LOG_MS {
            return;
        }
        self.watched.stall_logged_ms = uptime_ms;
        tracing::warn!(
            height = %status.committed_height,
            view = %status.view,
            "no block for {} s: {}",
            status.waiting_ms / 1_000,
            status::line(&status, &self.validators, &self.gauge.here(uptime_ms)),
        );
    }
}

fn give<T>(worker: &Sender<T>, work: T) {
    expect(worker.send(work).is_ok());
}

/// A worker's thread ends only with the process.
fn expect(taken: bool) {
    if !taken {
        failure::stop("a worker thread has ended");
    }
}
