//! Doing what a core asks for, as the driver of a node does it: sign, write, sync, send.
#![expect(
    clippy::indexing_slicing,
    reason = "instances are numbered by the plan; a wrong number is the harness's own bug"
)]

use std::collections::VecDeque;
use std::rc::Rc;

use consensus::{Effect, Input, Message, Payload, TimeoutReason};
use primitives::{CommitCertificate, Hash, Header, ValidatorIndex, View, Vote};

use crate::byzantine::{EVERYBODY, Outgoing, Surroundings};
use crate::oracle::violation;
use crate::payload::execute;
use crate::plan::Role;
use crate::run::{Event, Run};

impl Run {
    /// Gives a core an input, and does what it answers.
    pub(crate) fn feed(&mut self, instance: usize, input: Input) {
        self.turn(instance, VecDeque::from([input]));
    }

    /// One turn of the driver's loop: an input and what follows from it at once, then one sync for all of it.
    pub(crate) fn turn(&mut self, instance: usize, mut inputs: VecDeque<Input>) {
        let now = self.clock(instance);
        loop {
            let Some(running) = &mut self.instances[instance].running else { return };
            let Some(input) = inputs.pop_front().or_else(|| running.work_changed(self.now_ms))
            else {
                break;
            };
            let effects = running.core.step(now, input);
            self.fingerprint = (self.fingerprint ^ (self.now_ms << 8) ^ effects.len() as u64)
                .wrapping_mul(0x0100_0000_01b3)
                .wrapping_add(instance as u64);
            for effect in effects {
                self.perform(instance, effect, &mut inputs);
            }
        }
        if !self.instances[instance].disk.has_unsynced() {
            return self.after(instance);
        }
        let takes_ms = self.chance.below(self.plan.sync_ms_max + 1);
        if self.instances[instance].dies_in_sync {
            return self.crash(instance);
        }
        if takes_ms == 0 {
            return self.synced(instance);
        }
        if let Some(running) = &mut self.instances[instance].running {
            running.busy_until_ms = Some(self.now_ms + takes_ms);
            self.schedule(self.now_ms + takes_ms, instance, Event::Synced);
        }
    }

    /// What a driver does between two turns: compacts its log, and waits for the next deadline.
    pub(crate) fn after(&mut self, instance: usize) {
        let one = &mut self.instances[instance];
        let Some(running) = &mut one.running else { return };
        // A log that is compacted while a commit is not yet on disk would forget votes that a restart needs.
        if one.disk.is_long(self.plan.compact_above) && !one.disk.has_pending_commits() {
            one.disk.compact(running.core.records());
        }
        let at = running.core.deadline_ms().max(self.now_ms + 1);
        if at < running.tick_at_ms {
            running.tick_at_ms = at;
            self.schedule(at, instance, Event::Tick);
        }
        if self.fingerprint.is_multiple_of(8) {
            self.check_memory(instance);
        }
    }

    /// From the first record of a turn on, what leaves waits for the sync.
    fn perform(&mut self, instance: usize, effect: Effect, inputs: &mut VecDeque<Input>) {
        self.follow(instance, &effect);
        match effect {
            Effect::Persist(record) => {
                self.observe_record(instance, &record);
                self.note(|| format!("{instance} logs {record:?}"));
                let one = &mut self.instances[instance];
                if let Some(actor) = &mut one.actor {
                    actor.learn(&record);
                }
                one.disk.append(record);
            }
            Effect::CheckPayload { header, .. } => self.check_payload(instance, header, inputs),
            Effect::BuildPayload { view, parent } => {
                let Some(running) = &self.instances[instance].running else { return };
                let payload = Payload { batches: running.build(parent), inline: Vec::new() };
                inputs.push_back(Input::Payload { view, payload });
            }
            effect if self.instances[instance].disk.has_unsynced() => {
                if let Some(running) = &mut self.instances[instance].running {
                    running.waiting.push_back(effect);
                }
            }
            effect => self.act(instance, effect, inputs),
        }
    }

    /// What waited for the sync takes effect.
    pub(crate) fn synced(&mut self, instance: usize) {
        let one = &mut self.instances[instance];
        let mut verdict = Ok(());
        if one.is_honest() {
            for record in one.disk.unsynced() {
                verdict = verdict.and_then(|()| self.oracles.certificates.written(record));
            }
        }
        one.disk.sync();
        self.judge(verdict);
        let one = &mut self.instances[instance];
        let Some(running) = &mut one.running else { return };
        running.busy_until_ms = None;
        let mut inputs = VecDeque::new();
        for effect in std::mem::take(&mut running.waiting) {
            self.act(instance, effect, &mut inputs);
        }
        self.turn(instance, inputs);
    }

    fn act(&mut self, instance: usize, effect: Effect, inputs: &mut VecDeque<Input>) {
        match effect {
            Effect::Persist(_) | Effect::CheckPayload { .. } | Effect::BuildPayload { .. } => {}
            Effect::Send { to, message } => self.leave(instance, 1 << to.0, message),
            Effect::Broadcast(message) => self.leave(instance, EVERYBODY, message),
            Effect::Execute { header } => self.execute(instance, &header, inputs),
            Effect::Commit { blocks, certificate } => self.commit(instance, blocks, certificate),
            Effect::Discard { blocks } => {
                if let Some(running) = &mut self.instances[instance].running {
                    running.forget(&blocks);
                }
            }
            Effect::CatchUp { certificate } => {
                if let Some(running) = &mut self.instances[instance].running {
                    running.catch_up = running.catch_up.max(certificate.result.height.0);
                    self.schedule(self.now_ms + 2, instance, Event::CatchUp);
                }
            }
            Effect::Evidence(evidence) => self.observe_evidence(instance, &evidence),
            Effect::Misbehaviour { peer, what } => self.observe_blame(instance, peer, what),
            Effect::EnteredView { view, leader, .. } => self.entered(instance, view, leader),
            Effect::TimedOut { view, reason } => {
                self.note(|| format!("{instance} gives view {view} up: {reason}"));
                if reason == TimeoutReason::NoProposal {
                    self.check_duty(instance, view);
                }
            }
            Effect::BatchWithheld { .. } => {}
            Effect::Stop { reason } => {
                self.note(|| format!("{instance} stops: {reason}"));
                let place = self.instances[instance].place;
                self.crash(instance);
                if place.role == Role::Honest {
                    self.judge(violation("stopped", format!("instance {instance}: {reason}")));
                }
            }
        }
    }

    fn entered(&mut self, instance: usize, view: View, leader: ValidatorIndex) {
        self.note(|| format!("{instance} enters view {view}"));
        if self.instances[instance].actor.is_some() {
            let leads = leader == self.instances[instance].place.validator;
            let outgoing =
                self.with_actor(instance, |actor, around| actor.enters(around, view, leads));
            self.deliver_all(instance, outgoing);
        }
    }

    fn with_actor(
        &mut self,
        instance: usize,
        act: impl FnOnce(&mut crate::byzantine::Actor, &mut Surroundings<'_>) -> Outgoing,
    ) -> Outgoing {
        let wall = self.clock(instance).wall;
        let Some(actor) = &mut self.instances[instance].actor else { return Vec::new() };
        let mut around = Surroundings {
            world: &self.world,
            chance: &mut self.chance,
            payloads: &mut self.payloads,
            wall,
        };
        act(actor, &mut around)
    }

    fn check_payload(&mut self, instance: usize, header: Header, inputs: &mut VecDeque<Input>) {
        let (block, author) = (header.hash(), header.proposer);
        let one = &mut self.instances[instance];
        if let Some(actor) = &mut one.actor {
            actor.learn_header(&header);
        }
        let bit = one.bit();
        let Some(running) = &mut one.running else { return };
        running.headers.insert(block, header);
        running.is_stale = true;
        if running.held.contains(&block) {
            return inputs.push_back(Input::PayloadReady { block });
        }
        if self.payloads.is_invalid(&block) {
            return inputs.push_back(Input::PayloadInvalid { block });
        }
        if !self.payloads.is_given(&block, bit) {
            inputs.push_back(Input::PayloadMissing { block, author });
            return self.retry(instance, Event::Payload(block));
        }
        let (least, most) = (self.plan.payload_ms_min, self.plan.payload_ms_max);
        let takes_ms = self.chance.between(least, most);
        if takes_ms == 0 {
            running.held.insert(block);
            return inputs.push_back(Input::PayloadReady { block });
        }
        self.schedule(self.now_ms + takes_ms, instance, Event::Payload(block));
    }

    /// A payload arrives; one that was held back only where it can be had.
    pub(crate) fn look_for_payload(&mut self, instance: usize, block: Hash) {
        let bit = self.instances[instance].bit();
        let is_given = self.payloads.is_given(&block, bit);
        let holds = |other: usize| {
            let running = self.instances[other].running.as_ref();
            running.is_some_and(|running| running.held.contains(&block))
                && !self.network.is_cut(other, instance)
        };
        let is_found = is_given || (0..self.instances.len()).any(holds);
        let Some(running) = &mut self.instances[instance].running else { return };
        if !running.headers.contains_key(&block) {
            return;
        }
        if !is_found {
            return self.retry(instance, Event::Payload(block));
        }
        running.held.insert(block);
        self.feed(instance, Input::PayloadReady { block });
    }

    fn execute(&mut self, instance: usize, header: &Header, inputs: &mut VecDeque<Input>) {
        let block = header.hash();
        let one = &mut self.instances[instance];
        let wrong = one.place.role == Role::Diverging;
        let Some(running) = &mut one.running else { return };
        let Some(parent) = running.results.get(&header.parent) else {
            let text = format!("instance {instance} executes {block} before its parent");
            return self.judge(violation("execution order", text));
        };
        let result = execute(header, &block, &parent.state_root, wrong);
        running.results.insert(block, result);
        let takes_ms = self.chance.below(self.plan.execute_ms_max + 1);
        let input = Input::Executed { block, result };
        if takes_ms == 0 {
            return inputs.push_back(input);
        }
        self.schedule(self.now_ms + takes_ms, instance, Event::Input(Box::new(input)));
    }

    fn commit(&mut self, instance: usize, blocks: Vec<Header>, certificate: CommitCertificate) {
        let one = &mut self.instances[instance];
        let Some(running) = &mut one.running else { return };
        let executed = running.results.get(&certificate.block).copied();
        let verdict =
            self.oracles.ledger.committed(instance, &blocks, &certificate, executed.as_ref());
        running.commit(&blocks);
        one.disk.begin_commit(blocks, certificate);
        let height = self.oracles.ledger.height_of(instance);
        if one.place.role == Role::Honest || one.place.role == Role::Diverging {
            self.judge(verdict);
        }
        self.note(|| format!("{instance} commits up to height {height}"));
        let takes_ms = self.chance.below(self.plan.store_ms_max + 1);
        if takes_ms == 0 {
            self.instances[instance].disk.finish_commit();
        } else {
            self.schedule(self.now_ms + takes_ms, instance, Event::Stored);
        }
    }

    /// Asks some peer for the blocks above the own ones, until the height aimed at is reached.
    pub(crate) fn fetch_range(&mut self, instance: usize) {
        let own = self.oracles.ledger.height_of(instance);
        let Some(running) = &self.instances[instance].running else { return };
        if running.catch_up <= own {
            return;
        }
        let found =
            self.random_peer(instance).and_then(|peer| self.instances[peer].disk.chain_above(own));
        if let Some((headers, certificate)) = found
            && let Some(running) = &mut self.instances[instance].running
        {
            running.held.extend(headers.iter().map(Header::hash));
            self.feed(instance, Input::Chain { headers, certificate });
        }
        self.retry(instance, Event::CatchUp);
    }

    /// A message leaves a process.
    fn leave(&mut self, instance: usize, to: u128, message: Message) {
        self.observe_message(instance, &message);
        if self.instances[instance].actor.is_some() {
            let outgoing =
                self.with_actor(instance, |actor, around| actor.says(around, to, message));
            return self.deliver_all(instance, outgoing);
        }
        self.deliver(instance, to, message);
    }

    fn deliver_all(&mut self, instance: usize, outgoing: Outgoing) {
        for (to, message) in outgoing {
            self.deliver(instance, to, message);
        }
    }

    fn deliver(&mut self, instance: usize, to: u128, message: Message) {
        let is_proposal = matches!(message, Message::Proposal(_));
        let message = Rc::new(message);
        let mut late_ms = 0;
        if is_proposal {
            self.oracles.proposals.sent(&message);
            if self.network.is_mute(instance) {
                return;
            }
            late_ms = self.network.late_ms(instance);
        }
        let validator = self.instances[instance].place.validator;
        let by_views = self.by_views(instance, &message);
        for other in 0..self.instances.len() {
            let place = self.instances[other].place;
            let is_meant = place.validator != validator && to & (1 << place.validator.0) != 0;
            if !is_meant || self.instances[other].running.is_none() {
                continue;
            }
            if by_views.is_some_and(|(view, again)| !self.passes(view, again, instance, other)) {
                continue;
            }
            for delay in
                self.network.delays(&mut self.chance, instance, other).into_iter().flatten()
            {
                let message = Rc::clone(&message);
                let event = Event::Message { from: validator, message };
                self.schedule(self.now_ms + late_ms + delay, other, event);
            }
        }
    }

    /// In a run by views: the view whose groups a message obeys, and whether it was said before.
    fn by_views(&mut self, instance: usize, message: &Message) -> Option<(View, bool)> {
        if self.plan.groups.is_empty() {
            return None;
        }
        let running = self.instances[instance].running.as_mut()?;
        let (kind, view) = match message {
            Message::Proposal(proposal) => return Some((proposal.header.view, false)),
            Message::Vote(Vote::Prepare(vote)) => (0, vote.view),
            Message::Vote(Vote::Commit(vote)) => (1, vote.view),
            Message::Vote(Vote::Timeout(vote)) | Message::Timeout { vote, .. } => (2, vote.view),
            _ => return Some((running.view, false)),
        };
        Some((view, !running.said.insert((kind, view))))
    }
}
