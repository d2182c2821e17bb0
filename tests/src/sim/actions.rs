//! What replicas ask for, done: records synced, messages on their way, blocks executed and committed.
#![expect(
    clippy::indexing_slicing,
    reason = "instances are numbered by the plan; a wrong number is the harness's own bug"
)]

use std::collections::VecDeque;

use primitives::{Domain, Hash, ValidatorIndex, Vote, codec};
use replica::{Action, Event, Message};

use crate::sim::checkers::Violation;
use crate::sim::cluster::{Cluster, Happening, LedgerWork};
use crate::sim::disk::Unsynced;
use crate::sim::plan::SyncCrash;
use crate::sim::report::{Commit, describe};

impl Cluster {
    /// Does what a replica asked for; from the first record on, everything waits for the sync.
    pub(super) fn perform(&mut self, instance: usize, actions: VecDeque<Action>) {
        let life = self.nodes[instance].life;
        let (mut records, mut rest) = (Vec::new(), VecDeque::new());
        for action in actions {
            match action {
                Action::Persist(record) => {
                    self.note(format_args!("{instance} logs {}", describe(&record)));
                    records.push(record);
                }
                other if !records.is_empty() => rest.push_back(other),
                other => self.act(instance, other),
            }
        }
        if records.is_empty() {
            return self.after_actions(instance, life);
        }
        let Some(running) = &mut self.nodes[instance].running else { return };
        if let Err(error) = running.log.write(&records) {
            self.note(format_args!("{instance} stops: {error}"));
            return self.crash(instance, Unsynced::Torn);
        }
        let crash = self.next_sync_crash(instance);
        if let Some(SyncCrash::BeforeSync(unsynced)) = crash {
            return self.crash_and_restart(instance, unsynced);
        }
        self.nodes[instance].crashes_after_sync = crash.is_some();
        let done = self.now_ms + self.chance.below(self.plan.sync_ms_max + 1);
        if let Some(running) = &mut self.nodes[instance].running {
            running.busy_until_ms = done;
            running.is_syncing = true;
        }
        self.schedule(done, Happening::Synced { instance, life, actions: rest });
    }

    fn after_actions(&mut self, instance: usize, life: u64) {
        let node = &mut self.nodes[instance];
        let Some(running) = &mut node.running else { return };
        if running.log.is_worth_compacting()
            && let Some(records) = running.machine.compacted()
            && let Err(error) = running.log.compact(&records)
        {
            self.note(format_args!("{instance} stops: {error}"));
            return self.crash(instance, Unsynced::Torn);
        }
        let at = running.machine.deadline_ms().max(self.now_ms + 1);
        if at < running.tick_at_ms {
            running.tick_at_ms = at;
            self.schedule(at, Happening::Tick { instance, life });
        }
    }

    fn act(&mut self, instance: usize, action: Action) {
        let life = self.nodes[instance].life;
        match action {
            Action::Persist(_) => {}
            Action::Send { to, message } => self.send(instance, Some(to), &message),
            Action::Broadcast(message) => self.send(instance, None, &message),
            Action::Gossip(batch) => {
                let from = self.nodes[instance].validator;
                for other in self.others(instance, None) {
                    let event = || Event::Gossip { from, batch: batch.clone() };
                    self.deliver(instance, other, event);
                }
            }
            Action::Verify(batch) => {
                let digest = batch.digest();
                let set = self.genesis.validator_set().expect("a checked genesis");
                let key = Hash::of(Domain::Batch, &batch);
                let known = self.verified.get(&key).cloned();
                let batch = known.map_or_else(|| batch.verify(&self.genesis.hash(), &set), Ok);
                if let Ok(batch) = &batch {
                    self.verified.insert(key, batch.clone());
                }
                let at = self.now_ms + self.chance.below(3);
                let event = Event::Verified { digest, batch };
                self.schedule(at, Happening::Event { instance, life, event });
            }
            Action::Execute { header, batches } => {
                self.queue_ledger(instance, LedgerWork::Execute(header, batches));
            }
            Action::Commit { blocks, certificate } => {
                self.queue_ledger(instance, LedgerWork::Commit(blocks, certificate));
            }
            Action::Discard { blocks } => {
                self.queue_ledger(instance, LedgerWork::Discard(blocks));
            }
            Action::ServeSync { to, range } => {
                let view = self.nodes[instance].running.as_ref().map(|r| r.ledger.view());
                if let Some(blocks) = view.and_then(|view| view.sync(range)) {
                    self.send(instance, Some(to), &Message::Sync(Box::new(blocks)));
                }
            }
            Action::ServeSnapshot { to, request } => {
                let view = self.nodes[instance].running.as_ref().map(|r| r.ledger.view());
                if let Some(view) = view {
                    let answer = view.snapshots().answer(&request);
                    self.send(instance, Some(to), &Message::Snapshot(answer));
                }
            }
            // Nobody prunes here.
            Action::NeedsSnapshot { floor } => {
                let text = format!("{instance} is told that all have pruned below {floor}");
                self.judge(Err(Violation(text)));
            }
            Action::Reply { request, answer } => {
                let client = usize::try_from(request.0).ok().and_then(|i| self.clients.get_mut(i));
                if let (Some(client), Ok(hash)) = (client, answer) {
                    client.admitted(hash, instance, life);
                }
            }
            Action::Evidence(evidence) => {
                self.note(format_args!("{instance} accuses {}", evidence.culprit()));
                let validator = evidence.culprit().0;
                if self.plan.is_honest(instance) {
                    self.checkers.accused.insert((validator, evidence.view().0));
                }
                if self.is_honest_validator(validator) {
                    let text = format!("honest validator {validator} is accused: {evidence:?}");
                    self.judge(Err(Violation(text)));
                }
            }
            Action::Misbehaviour { peer, what } => {
                self.note(format_args!("{instance} says of {peer}: {what}"));
                if self.plan.is_honest(instance) && self.is_honest_validator(peer.0) {
                    let text = format!("{instance} bans the honest validator {peer}: {what}");
                    self.judge(Err(Violation(text)));
                }
            }
            Action::Withholder { author, .. } => {
                self.note(format_args!("{instance} suspects {author} of withholding batches"));
            }
            Action::EnteredView { view, .. } => {
                self.note(format_args!("{instance} enters view {view}"));
            }
            Action::TimedOut { view, reason } => {
                self.note(format_args!("{instance} gives view {view} up: {reason}"));
            }
            Action::Stop { reason } if self.plan.is_honest(instance) => {
                self.judge(Err(Violation(reason)));
            }
            Action::Stop { reason } => self.note(format_args!("{instance} would stop: {reason}")),
        }
    }

    fn is_honest_validator(&self, validator: u16) -> bool {
        let instance = self.plan.instances.iter().position(|index| *index == validator);
        instance.is_some_and(|instance| self.plan.is_honest(instance))
    }

    fn others(&self, instance: usize, to: Option<ValidatorIndex>) -> Vec<usize> {
        let own = self.nodes[instance].validator;
        (0..self.nodes.len())
            .filter(|other| {
                let index = self.nodes[*other].validator;
                *other != instance && index != own && to.is_none_or(|to| to == index)
            })
            .collect()
    }

    fn send(&mut self, instance: usize, to: Option<ValidatorIndex>, message: &Message) {
        if self.plan.is_honest(instance) {
            self.observe(message);
        } else if self.plan.is_provably_faulty(instance) {
            self.checkers.culprit_said(message);
        }
        let from = self.nodes[instance].validator;
        let bytes = codec::encode(message);
        for other in self.others(instance, to) {
            self.meter.sent(bytes.len());
            let event = || {
                let message = Message::decode(&bytes).expect("what was encoded decodes");
                Event::Message { from, message }
            };
            self.deliver(instance, other, event);
        }
    }

    fn deliver(&mut self, from: usize, to: usize, event: impl Fn() -> Event) {
        let life = self.nodes[to].life;
        for delay in self.network.delays(&mut self.chance, from, to) {
            let happening = Happening::Event { instance: to, life, event: event() };
            self.schedule(self.now_ms + delay, happening);
        }
    }

    /// Shows the oracle what an honest validator signs.
    fn observe(&mut self, message: &Message) {
        let Message::Consensus(message) = message else { return };
        let verdict = match message {
            consensus::Message::Vote(vote) => self.checkers.voted(vote),
            consensus::Message::Timeout { vote, .. } => self.checkers.voted(&Vote::Timeout(*vote)),
            consensus::Message::Proposal(proposal) => self.checkers.proposed(&proposal.header),
            _ => Ok(()),
        };
        self.judge(verdict);
    }

    fn queue_ledger(&mut self, instance: usize, work: LedgerWork) {
        let takes = 1 + self.chance.below(4);
        let life = self.nodes[instance].life;
        let Some(running) = &mut self.nodes[instance].running else { return };
        running.ledger_busy_until_ms = running.ledger_busy_until_ms.max(self.now_ms) + takes;
        let at = running.ledger_busy_until_ms;
        self.schedule(at, Happening::Ledger { instance, life, work });
    }

    pub(super) fn ledger(&mut self, instance: usize, life: u64, work: LedgerWork) {
        if !self.is_alive(instance, life) {
            return;
        }
        let Some(running) = &mut self.nodes[instance].running else { return };
        let event = match work {
            LedgerWork::Discard(blocks) => return running.ledger.discard(&blocks),
            LedgerWork::Execute(header, batches) => {
                let block = header.hash();
                let ledger = &mut running.ledger;
                let result = self.meter.time(|| ledger.execute(header, batches));
                let verdict = self.checkers.result(instance, block, result);
                self.judge(verdict);
                Event::Executed { block, result }
            }
            LedgerWork::Commit(blocks, certificate) => {
                let ledger = &mut running.ledger;
                let committed = self.meter.time(|| ledger.commit(&blocks, &certificate));
                let answers = committed.expect("memory does not fail");
                if self.plan.is_honest(instance) {
                    let height = certificate.result.height.0;
                    self.commits.push(Commit { instance, at_ms: self.now_ms, height });
                }
                for block in &answers {
                    let height = block.header.height;
                    let hash = block.header.hash();
                    self.note(format_args!("{instance} commits {height} {hash:?}"));
                    let verdict = self.checkers.committed(instance, &block.header, &block.receipts);
                    self.judge(verdict);
                }
                Event::Committed { blocks: answers }
            }
        };
        self.schedule(self.now_ms, Happening::Event { instance, life, event });
    }
}
