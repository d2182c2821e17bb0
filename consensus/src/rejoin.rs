//! Coming back without the vote log.
//!
//! A vote log says from which view on its owner may sign: its *floor*. A validator that has never signed begins with
//! the floor 0, written when its home is made. A validator that finds no floor has lost its log, knows nothing of
//! what it signed, and is an **observer**: it follows, executes and commits, and signs nothing. It asks the others in
//! which view they are. Once q *others* have answered, with the certificates that prove it, it writes down as its
//! floor the view after the highest of theirs, and signs again in the views above it.
//!
//! # Why it cannot sign twice
//!
//! Let V be the highest view in which this validator X ever signed. Everything that it signed is of a view ≤ V (a late
//! commit is of a lower one). X was in view V, so it held a certificate for V − 1, or V = 1. Of that certificate's q
//! signers at least q − f are honest, so at least q − f − 1 are honest and not X. Each of them had signed in V − 1
//! before X entered V; what it signed is in its log, so it never again stands below V − 1, and it holds the certificate
//! that proves where it stands. Of the n − 1 others, q have answered after X came back, and n − 1 − q = f − 1 have not.
//! Since n > 3f, f − 1 < n − 2f − 1 = q − f − 1: one of those honest signers is among those who answered. Its view is
//! at least V − 1, so the floor is at least V.
//!
//! * A liar can claim less, which the count above allows for, and not more: an answer counts by its certificate. So
//!   nobody can push the floor beyond the reach of the chain.
//! * An observer answers nobody, and neither does a validator that has not come above its floor: what it could show
//!   may be older than what it signed. If more than f logs are lost at once, nobody rejoins: a stop, not a fork.
//! * An answer carries the number of its question, so that one to an earlier life does not count.
//!
//! # Why it comes back
//!
//! q others who answered are a quorum without X: the chain moves on by itself, and passes the floor two views later.
//! This is also why q are asked for, although 2f + 1 would be safe: with fewer, a chain that needs X's vote to reach
//! the floor would wait for X, and X for the chain. Sets of one to three validators tolerate no fault, and not this one
//! either: none of their validators can rejoin, and the status says so.

use std::collections::BTreeSet;

use primitives::{ValidatorIndex, View};

use crate::core::Core;
use crate::message::{Certificate, Message};
use crate::pacemaker::RESEND_MS;
use crate::record::Record;
use crate::rules::Rule;

/// From which view on a validator may sign, and what it knows while it does not know that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Floor {
    /// Signatures are given only in views above; none while it is not known.
    above: Option<View>,
    /// Whether the log was lost, in this life or an earlier one.
    lost: bool,
    /// Those who have shown where they stand.
    answered: BTreeSet<ValidatorIndex>,
    /// The number of this life's question.
    nonce: u64,
    asked_ms: Option<u64>,
}

impl Floor {
    /// Of a validator whose log is whole.
    pub fn known(above: View) -> Self {
        let lost = above > View::ZERO;
        Self { above: Some(above), lost, answered: BTreeSet::new(), nonce: 0, asked_ms: None }
    }

    /// Of a validator whose log is lost. The number differs from that of every other life.
    pub fn lost(nonce: u64) -> Self {
        Self { above: None, lost: true, answered: BTreeSet::new(), nonce, asked_ms: None }
    }

    /// The record that keeps it.
    pub fn record(&self) -> Option<Record> {
        self.above.map(Record::Floor)
    }
}

/// How far a validator is that lost its vote log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejoin {
    /// Who has shown in which view it is.
    pub answered: Vec<ValidatorIndex>,
    /// How many others must.
    pub needed: usize,
    /// It signs in the views above this one; unknown until enough have answered.
    pub floor: Option<View>,
}

impl Core {
    /// Whether anything may be signed in a view.
    pub(crate) fn may_sign(&self, view: View) -> bool {
        Rule::FloorAfterLoss.permits(self.floor.above.is_some_and(|above| view > above))
    }

    /// What a validator that lost its log waits for before it signs again.
    pub fn rejoin(&self) -> Option<Rejoin> {
        let waits = self.floor.lost && !self.may_sign(self.view);
        waits.then(|| Rejoin {
            answered: self.floor.answered.iter().copied().collect(),
            needed: self.config.validators.quorum(),
            floor: self.floor.above,
        })
    }

    /// Asks the others where they stand, and again while too few have answered; and, while the floor is not passed,
    /// for what lets this validator follow: it signs no timeouts, which would tell the others what it lacks.
    pub(crate) fn ask_views(&mut self) {
        if self.may_sign(self.view) || self.now.uptime_ms < self.ask_views_ms() {
            return;
        }
        self.floor.asked_ms = Some(self.now.uptime_ms);
        if self.floor.above.is_none() {
            return self.broadcast(Message::ViewRequest { nonce: self.floor.nonce });
        }
        let from = self.decided().next();
        self.broadcast(Message::CertificateRequest { from, to: self.view });
    }

    /// When to ask next; never for a validator that may sign.
    pub(crate) fn ask_views_ms(&self) -> u64 {
        if self.may_sign(self.view) {
            return u64::MAX;
        }
        self.floor.asked_ms.map_or(self.now.uptime_ms, |asked| asked.saturating_add(RESEND_MS))
    }

    /// Shows a peer in which view this validator is, if it may vouch for that.
    pub(crate) fn on_view_request(&mut self, peer: ValidatorIndex, nonce: u64) {
        if self.may_sign(self.view) && self.may_answer(peer) {
            let certificate = self.entry_certificate().map(Box::new);
            self.send(peer, Message::ViewAnswer { nonce, certificate });
        }
    }

    /// Counts a peer that shows where it stands. Without a certificate it stands in the first view.
    pub(crate) fn on_view_answer(
        &mut self,
        from: ValidatorIndex,
        nonce: u64,
        certificate: Option<Certificate>,
    ) {
        if self.floor.above.is_some() || nonce != self.floor.nonce {
            return;
        }
        if let Some(certificate) = certificate {
            let view = certificate.view();
            self.on_certificate(from, certificate);
            // A certificate that is kept enters the view after it.
            if self.view <= view {
                return;
            }
        }
        self.floor.answered.insert(from);
        if self.floor.answered.len() >= self.config.validators.quorum() {
            self.floor.above = Some(self.view.next());
            for record in self.records() {
                self.persist(record);
            }
        }
    }
}
