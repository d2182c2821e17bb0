//! Showing the oracles what happens.
#![expect(
    clippy::indexing_slicing,
    reason = "instances are numbered by the plan; a wrong number is the harness's own bug"
)]

use consensus::{Effect, Evidence, Message, Record};
use primitives::{ValidatorIndex, View, Vote};

use crate::instance::Instance;
use crate::oracle::proposals::Standpoint;
use crate::oracle::signatures::Signatures;
use crate::oracle::violation;
use crate::plan::Role;
use crate::run::Run;
use crate::stages::Stage;

/// A peer answers no more often than this, in milliseconds, and once more for what came in between.
const ANSWER_INTERVAL_MS: u64 = 120;

/// After so many milliseconds whoever is stuck has said everything again.
const RESEND_MS: u64 = 500;

impl Run {
    /// Where a core stands changes with its effects, whenever they take effect.
    pub(crate) fn follow(&mut self, instance: usize, effect: &Effect) {
        let own = self.instances[instance].place.validator;
        if let Some(running) = &mut self.instances[instance].running {
            match effect {
                Effect::EnteredView { view, leader, .. } => {
                    running.view = *view;
                    running.entered_ms = self.now_ms;
                    running.is_leader = *leader == own;
                    running.joining.entered(*view);
                }
                Effect::Commit { certificate, .. } => {
                    running.height = certificate.result.height.0;
                }
                _ => {}
            }
        }
    }

    /// Shows the oracles what an honest validator writes.
    pub(crate) fn observe_record(&mut self, instance: usize, record: &Record) {
        let wall_ms = self.clock(instance).wall.0;
        let one = &mut self.instances[instance];
        let own = one.place.validator;
        let Some(running) = one.running.as_mut().filter(|_| one.place.role == Role::Honest) else {
            return;
        };
        let verdict = match record {
            Record::Vote(vote) => {
                running.joining.signed(vote);
                let verdict = match vote {
                    Vote::Prepare(prepare) => {
                        let holds_payload = running.held.contains(&prepare.block);
                        let height = running.height;
                        let standpoint = Standpoint { wall_ms, holds_payload, height };
                        let certificates = &self.oracles.certificates;
                        let header = running.headers.get(&prepare.block);
                        // An own block may be in the log and have died with the process before it left.
                        if header.is_some_and(|one| one.proposer == own) {
                            Ok(())
                        } else {
                            self.oracles.proposals.prepared(prepare, standpoint, certificates)
                        }
                    }
                    Vote::Commit(_) | Vote::Timeout(_) => Ok(()),
                };
                verdict.and_then(|()| Signatures::signs(vote, running.view))
            }
            Record::Certificate(_)
            | Record::Proposal(_)
            | Record::Evidence(_)
            | Record::Floor(_) => Ok(()),
        };
        self.judge(verdict);
    }

    /// Shows the oracles what an honest validator sends.
    pub(crate) fn observe_message(&mut self, instance: usize, message: &Message) {
        let one = &self.instances[instance];
        if one.place.role != Role::Honest {
            return;
        }
        let vote = match message {
            Message::Vote(vote) => *vote,
            Message::Timeout { vote, .. } => Vote::Timeout(*vote),
            Message::Proposal(proposal) => {
                let verdict = self.oracles.signatures.proposed(&proposal.header);
                self.judge(verdict);
                if self.must_be_idle() {
                    let text = format!("{instance} proposes in view {}", proposal.header.view);
                    self.judge(violation("idle", text));
                }
                return;
            }
            _ => return,
        };
        let committed = one.disk.committed().view();
        let verdict = self.oracles.signatures.voted(&vote, committed, one.disk.log());
        self.judge(verdict);
    }

    pub(crate) fn observe_evidence(&mut self, instance: usize, evidence: &Evidence) {
        let culprit = evidence.culprit();
        self.note(|| format!("{instance} accuses {culprit}"));
        self.blame(instance, culprit, "evidence");
    }

    pub(crate) fn observe_blame(
        &mut self,
        instance: usize,
        peer: ValidatorIndex,
        what: &'static str,
    ) {
        self.note(|| format!("{instance} says of {peer}: {what}"));
        self.blame(instance, peer, what);
    }

    /// No honest validator is blamed by an honest one.
    pub(crate) fn blame(&mut self, instance: usize, peer: ValidatorIndex, what: &str) {
        let is_honest = |one: &Instance| {
            one.place.validator == peer && matches!(one.place.role, Role::Honest | Role::Diverging)
        };
        if self.instances[instance].is_honest() && self.instances.iter().any(is_honest) {
            let text = format!("{instance} blames validator {peer}: {what}");
            self.judge(violation("honest blamed", text));
        }
    }

    /// In a good network nobody waits in vain for an honest leader that stands in its view and has work.
    pub(crate) fn check_duty(&mut self, instance: usize, view: View) {
        let slowest_ms =
            self.plan.links_ms.iter().max().map_or(0, |link| link + self.plan.jitter_ms);
        let enough_ms = 5 * slowest_ms
            + 4 * self.plan.sync_ms_max
            + self.plan.payload_ms_max
            + ANSWER_INTERVAL_MS;
        let asked_again_ms = self.progress.good_at_ms + RESEND_MS;
        // Slow execution fills the pipeline, and then a leader rightly waits.
        let is_slow = self.plan.execute_ms_max > 2 * ANSWER_INTERVAL_MS;
        let is_good = self.progress.stage != Stage::Faults;
        if !self.instances[instance].is_honest() || !is_good || is_slow {
            return;
        }
        let idle = self.instances.iter().position(|one| {
            let running = one.running.as_ref().filter(|_| one.is_honest());
            running.is_some_and(|running| {
                running.view == view
                    && running.is_leader
                    && running.core.rejoin().is_none()
                    && running.catch_up <= running.height
                    && !running.joining.has_signed()
                    && running.works_since_ms.is_some_and(|since| since + enough_ms < self.now_ms)
                    && running.entered_ms.max(asked_again_ms) + enough_ms < self.now_ms
                    && !running.headers.values().any(|header| header.view == view)
            })
        });
        if let Some(leader) = idle {
            let text = format!("{leader} leads view {view}, has work and proposes nothing");
            self.judge(violation("leader's duty", text));
        }
    }

    /// What a core keeps is bounded by the views above the committed one.
    pub(crate) fn check_memory(&mut self, instance: usize) {
        let Some(running) = &self.instances[instance].running else { return };
        let kept = running.core.kept() as u64;
        let committed = self.instances[instance].disk.committed().view();
        let open = running.view.0.saturating_sub(committed.0) + 2;
        let limit = open * (4 * self.plan.validators as u64 + 6) + 32;
        if kept > limit {
            let text = format!("instance {instance} keeps {kept} things, more than {limit}");
            self.judge(violation("memory", text));
        }
    }
}
