//! Starting, the first time or again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use primitives::{CommitCertificate, Hash, Header, View, Vote};

use crate::conduct::Conduct;
use crate::core::{Config, Core, Heard};
use crate::effect::Effect;
use crate::input::Now;
use crate::leader::Schedule;
use crate::message::Certificate;
use crate::pacemaker::Pacemaker;
use crate::record::Record;
use crate::rejoin::Floor;
use crate::rules::Rule;
use crate::tree::Tree;

/// The last committed block, as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    pub header: Header,
    pub hash: Hash,
    /// None only for the genesis block.
    pub certificate: Option<CommitCertificate>,
}

impl Committed {
    pub fn view(&self) -> View {
        self.header.view
    }
}

/// What a validator remembers of what it signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Memory {
    /// The whole vote log: everything that it ever signed above the committed view.
    Whole(Vec<Record>),
    /// The log is lost; these records, written since, do not say what was signed before.
    Lost(Vec<Record>),
}

impl Memory {
    /// What a vote log tells: it is whole if it says from which view on its owner may sign.
    pub fn of_log(records: Vec<Record>) -> Self {
        let whole = records.iter().any(|record| matches!(record, Record::Floor(_)));
        if whole { Self::Whole(records) } else { Self::Lost(records) }
    }
}

impl From<Vec<Record>> for Memory {
    /// Trusts the caller that nothing is missing.
    fn from(records: Vec<Record>) -> Self {
        Self::Whole(records)
    }
}

impl Core {
    /// Restores a validator from its store and its vote log. The view is the highest of all certificates, timeout
    /// certificates included, plus one; what was signed above the committed view is signed again, identically.
    pub fn new(
        config: Config,
        committed: Committed,
        schedule: Schedule,
        memory: impl Into<Memory>,
        now: Now,
    ) -> Self {
        let (records, floor) = match memory.into() {
            Memory::Whole(records) => (records, Floor::known(View::ZERO)),
            Memory::Lost(records) => (records, Floor::lost(now.wall.0)),
        };
        let faulty_max = config.validators.faulty_max();
        let pacemaker = Pacemaker::new(&config.validators, config.own);
        let mut core = Self {
            schedule,
            floor,
            view: committed.view().next(),
            config,
            committed,
            rounds: BTreeMap::new(),
            past: BTreeMap::new(),
            tree: Tree::default(),
            targets: BTreeMap::new(),
            wanted: BTreeSet::new(),
            pacemaker,
            work: false,
            now,
            entered_ms: now.uptime_ms,
            proposed_ms: None,
            needed_since_ms: None,
            needed_ms: 0,
            last_commit_ms: now.uptime_ms,
            last_resend_ms: now.uptime_ms,
            heard: BTreeMap::new(),
            disconnected_ms: BTreeMap::new(),
            answered_ms: BTreeMap::new(),
            conduct: Conduct::new(faulty_max),
            evidence: BTreeMap::new(),
            timed_out: VecDeque::new(),
            effects: Vec::new(),
        };
        for peer in core.config.validators.indices().filter(|index| *index != core.config.own) {
            core.disconnected_ms.insert(peer, now.uptime_ms);
            // Nobody is silent before there was time to speak.
            core.heard.insert(peer, Heard { uptime_ms: now.uptime_ms, needed_ms: 0 });
        }
        for record in records {
            core.restore(record);
        }
        core
    }

    fn restore(&mut self, record: Record) {
        let is_commit =
            matches!(&record, Record::Certificate(one) if matches!(**one, Certificate::Commit(_)));
        let done = if is_commit { self.committed.view() } else { self.decided() };
        if record.view().is_some_and(|view| view <= done) {
            return;
        }
        match record {
            Record::Floor(above) => self.floor = Floor::known(above),
            Record::Evidence(evidence) => {
                self.evidence.insert((evidence.culprit(), evidence.view()), *evidence);
            }
            Record::Proposal(signed) => {
                let header = signed.header.clone();
                self.round_mut(header.view).proposal.get_or_insert(*signed);
                self.tree.insert(header.hash(), header);
            }
            Record::Vote(_) if !Rule::VotesRestored.holds() => {}
            Record::Vote(vote) => {
                self.view = self.view.max(vote.view());
                let round = self.round_mut(vote.view());
                match vote {
                    Vote::Prepare(vote) => round.signed.prepare = Some(vote),
                    Vote::Commit(vote) => round.signed.commit = Some(vote),
                    Vote::Timeout(vote) => round.signed.timeout = Some(vote),
                }
                round.insert_unchecked(vote);
            }
            Record::Certificate(certificate) => {
                let view = certificate.view();
                if Rule::ViewRestored.holds() {
                    self.view = self.view.max(view.next());
                }
                match *certificate {
                    Certificate::Timeout(_) if !Rule::TimeoutCertificatesRestored.holds() => {}
                    Certificate::Prepare(certificate) => {
                        self.round_mut(view).prepare_certificate = Some(certificate);
                    }
                    Certificate::Timeout(certificate) => {
                        self.round_mut(view).timeout_certificate = Some(certificate);
                    }
                    Certificate::Commit(certificate) => {
                        self.aim(certificate);
                    }
                }
            }
        }
    }

    /// Asks for the payloads of the blocks that the log held, and says again what was signed.
    pub(crate) fn start(&mut self) {
        let headers: Vec<Header> =
            self.tree.iter().map(|(_, block)| block.header.clone()).collect();
        for header in headers {
            self.effects.push(Effect::CheckPayload { header, inline: Vec::new() });
        }
        for certificate in self.targets.values().cloned().collect::<Vec<_>>() {
            if self.tree.chain(self.committed.hash, certificate.block).is_err() {
                self.catch_up(certificate);
            }
        }
        // A lone validator's restored vote is a quorum, and no further vote will come to count it.
        for view in self.rounds.keys().copied().collect::<Vec<_>>() {
            self.certify(view);
        }
        for message in self.standpoint() {
            self.broadcast(message);
        }
    }

    /// What the vote log must still hold: a compacted log of these records restores the same core.
    pub fn records(&self) -> Vec<Record> {
        let mut records: Vec<Record> = self.floor.record().into_iter().collect();
        let evidence = self.evidence.values().cloned();
        records.extend(evidence.map(|one| Record::Evidence(Box::new(one))));
        let certificate = |certificate| Record::Certificate(Box::new(certificate));
        for round in self.rounds.values() {
            let logged = round.proposal.clone().filter(|signed| {
                signed.header.proposer == self.config.own || round.signed.prepare.is_some()
            });
            records.extend(logged.map(|signed| Record::Proposal(Box::new(signed))));
            let signed = &round.signed;
            records.extend(signed.prepare.map(|vote| Record::Vote(Vote::Prepare(vote))));
            records.extend(signed.commit.map(|vote| Record::Vote(Vote::Commit(vote))));
            records.extend(signed.timeout.map(|vote| Record::Vote(Vote::Timeout(vote))));
            let prepare = round.prepare_certificate.clone().map(Certificate::Prepare);
            let timeout = round.timeout_certificate.clone().map(Certificate::Timeout);
            records.extend(prepare.map(certificate));
            records.extend(timeout.map(certificate));
        }
        // The last committed one too: should the store be put back to an older state, the log still tells up to where
        // all is decided, and that what was signed there need not be known.
        let commits = self.committed.certificate.iter().chain(self.targets.values());
        records.extend(commits.cloned().map(Certificate::Commit).map(certificate));
        records
    }

    /// The blocks above the committed one, whose batches the log must hold too.
    pub fn uncommitted(&self) -> impl Iterator<Item = &Header> {
        self.tree.iter().map(|(_, block)| &block.header)
    }
}
