//! The whole of a validator's decisions: [`Replica::on_event`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use consensus::leader::Schedule;
use consensus::{Committed, Config, Core, Effect, Input, Memory, Now};
use primitives::receipt::Rejection;
use primitives::state_key::Account;
use primitives::{
    Address, Genesis, Hash, Header, Height, Receipt, SecretKey, SignedBatch, SignedTransaction,
    SigningContext, StateKey, Status, ValidatorIndex, ValidatorSet, Verified, codec,
};
use state::State;

use crate::action::Action;
use crate::batches::Batches;
use crate::catch_up::CatchUp;
use crate::event::{CommittedReceipts, Event, RequestId};
use crate::evidence::Accusations;
use crate::ledger::block_context;
use crate::mempool::{Limits, Mempool};
use crate::message::Message;
use crate::ordering::RESEND_BATCHES_MS;
use crate::payloads::Payloads;
use crate::verifying::Verifying;
use crate::withholders::{Blame, Withholders};

/// One record of the vote log: what agreement may not forget, and the batches that an own prepare vote covers.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Record {
    Consensus(consensus::Record),
    Batch(Box<SignedBatch>),
}

/// What a replica is made of.
#[derive(Clone, Debug)]
pub struct Options {
    pub genesis: Genesis,
    pub key: SecretKey,
    pub own: ValidatorIndex,
    pub limits: Limits,
}

/// One validator, without its disk, its network and its clock.
#[derive(Debug)]
pub struct Replica {
    pub(crate) own: ValidatorIndex,
    pub(crate) key: SecretKey,
    pub(crate) chain: Hash,
    pub(crate) validators: ValidatorSet,
    pub(crate) core: Core,
    pub(crate) mempool: Mempool,
    /// See [`Event::Packing`].
    pub(crate) packing: bool,
    pub(crate) batches: Batches,
    pub(crate) verifying: Verifying,
    pub(crate) payloads: Payloads,
    pub(crate) withholders: Withholders,
    pub(crate) catch_up: CatchUp,
    pub(crate) connected: BTreeSet<ValidatorIndex>,
    /// The store, for reading committed accounts.
    pub(crate) state: State,
    /// Blocks above the committed one, to know what they order.
    pub(crate) headers: BTreeMap<Hash, Header>,
    /// The batches of uncommitted blocks whose payloads are complete.
    pub(crate) ready: BTreeMap<Hash, Vec<Arc<SignedBatch>>>,
    /// Evidence that is not on the chain.
    pub(crate) accusations: Accusations,
    /// Batches that are in the vote log.
    pub(crate) logged: BTreeSet<Hash>,
    pub(crate) head: Header,
    /// The height that is on disk; `head` may be ahead of it while the write is under way.
    pub(crate) durable: Height,
    pub(crate) work: bool,
    pub(crate) batches_resent_ms: u64,
    pub(crate) now: Now,
    pub(crate) actions: Vec<Action>,
}

impl Replica {
    /// Restores a replica from its store and its vote log.
    pub fn new(options: Options, state: State, log: Vec<Record>, now: Now) -> Self {
        let Options { genesis, key, own, limits } = options;
        let Ok(validators) = genesis.validator_set() else {
            panic!("a genesis is checked before a replica stands on it");
        };
        let head = state.head();
        let committed = Committed {
            header: head.header.clone(),
            hash: head.hash,
            certificate: head.certificate,
        };
        let config = Config {
            context: SigningContext { chain: genesis.hash(), epoch: head.header.epoch },
            validators: validators.clone(),
            own,
            key: key.clone(),
            genesis: genesis.header().hash(),
            clock_drift_ms: genesis.parameters.clock_drift_ms,
            heartbeat_ms: genesis.parameters.heartbeat_ms,
        };
        let (mut records, mut logged) = (Vec::new(), BTreeMap::new());
        for record in log {
            match record {
                Record::Consensus(record) => records.push(record),
                Record::Batch(batch) => {
                    logged.insert(batch.digest(), *batch);
                }
            }
        }
        let rules = block_context(&genesis, &head.header);
        let leaders = schedule(&state, &validators);
        let core = Core::new(config, committed, leaders, Memory::of_log(records), now);
        let accusations = Accusations::restore(&core, &state);
        let ordered: BTreeSet<Hash> = core.uncommitted().flat_map(digests).collect();
        let held: BTreeSet<Hash> = logged.keys().copied().collect();
        let mut batches = Batches::default();
        for (digest, batch) in logged {
            // What was committed before the restart is not to be ordered again.
            if ordered.contains(&digest) || !is_spent(&state, &batch) {
                batches.insert(digest, batch, true);
            }
        }
        Self {
            own,
            key,
            chain: genesis.hash(),
            core,
            accusations,
            mempool: Mempool::new(rules, own, limits),
            packing: true,
            validators,
            batches,
            verifying: Verifying::default(),
            payloads: Payloads::default(),
            withholders: Withholders::default(),
            catch_up: CatchUp::default(),
            connected: BTreeSet::new(),
            headers: BTreeMap::new(),
            ready: BTreeMap::new(),
            logged: held,
            durable: head.header.height,
            head: head.header,
            state,
            work: false,
            batches_resent_ms: now.uptime_ms,
            now,
            actions: Vec::new(),
        }
    }

    /// Takes one event and answers what is to be done, in order.
    pub fn on_event(&mut self, now: Now, event: Event) -> Vec<Action> {
        self.now = now;
        match event {
            Event::Start => self.step(Input::Start),
            Event::Message { from, message } => self.on_message(from, message),
            Event::Unreadable { from } => {
                self.step(Input::Misbehaved { peer: from, what: "a message that cannot be read" });
            }
            Event::Gossip { from, batch } => self.on_gossip(from, batch),
            Event::Verified { digest, batch } => self.on_verified(digest, batch),
            Event::Peer { peer, connected } => self.on_peer(peer, connected),
            Event::Transaction { request, transaction } => {
                self.on_transaction(request, transaction)
            }
            Event::Packing { allowed } => self.packing = allowed,
            Event::Executed { block, result } => self.step(Input::Executed { block, result }),
            Event::Committed { blocks } => self.on_committed(blocks),
            Event::Tick => self.step(Input::Tick),
        }
        self.pack();
        self.report_evidence();
        self.fetch();
        self.resend_batches();
        self.tell_work();
        std::mem::take(&mut self.actions)
    }

    /// The next moment at which [`Event::Tick`] may change something; on the uptime clock.
    pub fn deadline_ms(&self) -> u64 {
        let resend = self.work.then(|| self.batches_resent_ms.saturating_add(RESEND_BATCHES_MS));
        let batch_due_ms = self.mempool.batch_due_ms(self.batches.count_waiting(self.own));
        let others = [
            batch_due_ms.filter(|_| self.may_pack()),
            self.payloads.deadline_ms(),
            self.catch_up.deadline_ms(),
            resend,
        ];
        others.into_iter().flatten().fold(self.core.deadline_ms(), u64::min)
    }

    pub fn core(&self) -> &Core {
        &self.core
    }

    pub fn mempool(&self) -> &Mempool {
        &self.mempool
    }

    /// The sequence that an account's next transaction in a lane must carry, counting what waits here.
    pub fn next_sequence(&self, address: &Address, lane: u32) -> u64 {
        self.mempool.next_sequence_of(&self.account(address), address, lane)
    }

    /// What a compacted vote log must hold; from now on, what it holds. Nothing while something final is not on disk:
    /// a crash would bring back the store's head, and votes above it that are gone could be contradicted.
    pub fn compacted(&mut self) -> Option<Vec<Record>> {
        if self.durable != self.head.height {
            return None;
        }
        let ordered: BTreeSet<Hash> = self.core.uncommitted().flat_map(digests).collect();
        self.logged.retain(|digest| ordered.contains(digest));
        let batches: BTreeMap<Hash, &Arc<SignedBatch>> = self
            .ready
            .values()
            .flatten()
            .map(|batch| (batch.digest(), batch))
            .filter(|(digest, _)| self.logged.contains(digest))
            .collect();
        self.logged = batches.keys().copied().collect();
        let batches = batches.into_values().map(|one| Record::Batch(Box::new((**one).clone())));
        Some(batches.chain(self.core.records().into_iter().map(Record::Consensus)).collect())
    }

    fn on_message(&mut self, from: ValidatorIndex, message: Message) {
        if message.cost().is_some_and(|cost| !self.core.admits(from, cost)) {
            return;
        }
        match message {
            Message::Consensus(message) => self.step(Input::Message { from, message }),
            Message::BatchRequest { digests } => self.on_batch_request(from, &digests),
            Message::Batches(batches) => self.on_batches(from, batches),
            Message::SyncRequest(range) => self.on_sync_request(from, range),
            Message::Sync(blocks) => self.on_sync(from, *blocks),
            Message::SyncNothing { first, floor } => self.on_sync_nothing(from, first, floor),
            Message::SnapshotRequest(request) => self.on_snapshot_request(from, request),
            // It was asked before this replica began, by `StateSync`.
            Message::Snapshot(_) => {}
        }
    }

    fn on_peer(&mut self, peer: ValidatorIndex, connected: bool) {
        if connected {
            self.connected.insert(peer);
        } else {
            self.connected.remove(&peer);
        }
        self.step(Input::Peer { peer, connected });
        if connected {
            self.tell_evidence(peer);
        }
    }

    /// Runs consensus, and turns its effects into actions or into further inputs.
    pub(crate) fn step(&mut self, input: Input) {
        let effects = self.core.step(self.now, input);
        for effect in effects {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        let action = match effect {
            Effect::Persist(record) => Action::Persist(Record::Consensus(record)),
            Effect::Send { to, message } => {
                Action::Send { to, message: Message::Consensus(message) }
            }
            Effect::Broadcast(message) => Action::Broadcast(Message::Consensus(message)),
            Effect::CheckPayload { header, inline } => return self.check_payload(header, inline),
            Effect::BuildPayload { view, parent } => {
                let payload = self.build_payload(parent);
                return self.step(Input::Payload { view, payload });
            }
            Effect::Execute { header } => {
                let Some(batches) = self.ready.get(&header.hash()).cloned() else {
                    panic!("a block is executed before its payload is ready: {header:?}");
                };
                Action::Execute { header, batches }
            }
            Effect::Commit { blocks, certificate } => {
                self.on_final(&blocks);
                Action::Commit { blocks, certificate }
            }
            Effect::Discard { blocks } => {
                for block in &blocks {
                    self.forget(block);
                }
                Action::Discard { blocks }
            }
            Effect::CatchUp { certificate } => return self.catch_up.aim(certificate.result.height),
            Effect::Evidence(evidence) => {
                self.accusations.add(evidence.clone());
                Action::Evidence(evidence)
            }
            Effect::Misbehaviour { peer, what } => Action::Misbehaviour { peer, what },
            Effect::BatchWithheld { view, leader, author } => {
                let (blame, now_ms) = (Blame { view, leader, author }, self.now.uptime_ms);
                let faulty_max = self.validators.faulty_max();
                if !self.withholders.blame(now_ms, blame, self.own, faulty_max) {
                    return;
                }
                Action::Withholder { author, view }
            }
            Effect::EnteredView { view, leader, after_timeout } => {
                Action::EnteredView { view, leader, after_timeout }
            }
            Effect::TimedOut { view, reason } => Action::TimedOut { view, reason },
            Effect::Stop { reason } => Action::Stop { reason },
        };
        self.actions.push(action);
    }

    fn on_transaction(&mut self, request: RequestId, transaction: Verified<SignedTransaction>) {
        let account = self.account(&transaction.sender());
        // Validity is judged by the time at which a block could come, which is now.
        let now = self.now.wall.max(self.head.timestamp);
        let answer = self.mempool.admit(now, self.now.uptime_ms, &account, transaction);
        self.actions.push(Action::Reply { request, answer });
    }

    fn account(&self, address: &Address) -> Account {
        account(&self.state, address)
    }

    /// Tells consensus when it changes whether something waits that no block orders.
    fn tell_work(&mut self) {
        let work = self.batches.has_unordered(&self.ordered());
        if work || self.work != work {
            self.work = work;
            self.step(Input::Work(work));
        }
    }

    /// Asks for missing batches and missing blocks, when it is time to.
    fn fetch(&mut self) {
        let now_ms = self.now.uptime_ms;
        for request in self.payloads.due(now_ms, self.own, self.validators.len()) {
            let message = Message::BatchRequest { digests: request.digests };
            self.actions.push(Action::Send { to: request.to, message });
        }
        self.apply_range();
        self.ask_for_ranges();
    }

    /// Consensus has made blocks final; the write is about to happen.
    fn on_final(&mut self, blocks: &[Header]) {
        for header in blocks {
            let hash = header.hash();
            self.forget(&hash);
            self.batches.committed(&header.payload);
            for batch in &header.payload {
                self.logged.remove(&batch.digest);
            }
            self.head = header.clone();
        }
    }

    fn forget(&mut self, block: &Hash) {
        self.headers.remove(block);
        self.ready.remove(block);
        self.payloads.forget(block);
    }

    /// Blocks are on disk: settles the fate of this node's own transactions.
    fn on_committed(&mut self, blocks: Vec<CommittedReceipts>) {
        for CommittedReceipts { header, batches, receipts } in blocks {
            self.durable = header.height;
            let mut receipts = receipts.iter();
            for batch in &batches {
                let own = batch.batch.author == self.own;
                for (signed, receipt) in batch.batch.transactions.iter().zip(&mut receipts) {
                    self.settle(own, signed, receipt);
                }
            }
            for (sender, lane) in self.mempool.parked() {
                let next = self.account(&sender.address()).next_sequence(lane);
                self.mempool.unpark(sender, lane, next, self.now.uptime_ms);
            }
            self.mempool.expire(header.timestamp);
            let ordered = self.ordered();
            for batch in self.batches.expire(header.timestamp, &ordered) {
                for signed in &batch.batch.transactions {
                    self.mempool.forget(&signed.hash(), signed);
                }
            }
        }
        let state = &self.state;
        self.accusations.settle(|key| state.get(key));
        self.step(Input::Tick);
    }

    /// A transaction's block is committed. One of ours that came too early, or found the block full, waits again.
    fn settle(&mut self, own: bool, signed: &SignedTransaction, receipt: &Receipt) {
        let hash = receipt.transaction;
        let waits_again = matches!(
            receipt.status,
            Status::Rejected(Rejection::NonceGap { .. } | Rejection::BlockGasExhausted)
        );
        let ours = own && self.mempool.is_admitted(&hash);
        if receipt.status.is_executed() || ours {
            self.mempool.forget(&hash, signed);
        }
        if ours && waits_again {
            // What follows it in its lane was admitted too, so the lane's count stands.
            self.mempool.park(signed.clone());
        } else if !receipt.status.is_executed() {
            self.mempool.reset_lane(signed);
        }
    }
}

fn digests(header: &Header) -> impl Iterator<Item = Hash> {
    header.payload.iter().map(|batch| batch.digest)
}

/// An account as of the committed state.
fn account(state: &State, address: &Address) -> Account {
    let Some(bytes) = state.get(&StateKey::account(address)) else { return Account::default() };
    match codec::decode(&bytes, usize::MAX) {
        Ok(account) => account,
        Err(error) => panic!("the account record of {address} is corrupt: {error}"),
    }
}

/// Whether none of a batch's transactions can be executed any more, since each one's nonce is used.
pub(crate) fn is_spent(state: &State, batch: &SignedBatch) -> bool {
    let transactions = &batch.batch.transactions;
    let used = |signed: &SignedTransaction| {
        let (sender, nonce) = (&signed.transaction().sender, signed.transaction().nonce);
        nonce.sequence < account(state, &sender.address()).next_sequence(nonce.lane)
    };
    !transactions.is_empty() && batch.batch.system.is_empty() && transactions.iter().all(used)
}

/// The leaders that the committed blocks decide.
fn schedule(state: &State, validators: &ValidatorSet) -> Schedule {
    let head = state.head().header;
    let first = Schedule::first_needed(validators.len(), head.view);
    let mut headers = vec![head];
    while let Some(last) = headers.last().filter(|last| last.view >= first && last.height.0 > 0) {
        let below = Height(last.height.0 - 1);
        // Below a snapshot there are headers only.
        let Some(header) = state.header(below) else { break };
        headers.push(header);
    }
    let mut schedule = Schedule::new(validators.len());
    for header in headers.iter().rev() {
        schedule.committed(header);
    }
    schedule
}
