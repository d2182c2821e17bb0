//! What every attacker knows, and the small steps that attacks are made of.

use std::collections::BTreeSet;

use consensus::{Now, TimeoutReason};
use primitives::{
    CommitVote, Domain, ExecutionResult, Hash, PrepareVote, SecretKey, Signature, SigningContext,
    TimeoutVote, ValidatorIndex, ValidatorSet, View, Vote,
};
use replica::{Action, Message, Options};

/// One attacker's place in the set.
#[derive(Clone, Debug)]
pub struct Context {
    pub own: ValidatorIndex,
    pub key: SecretKey,
    pub validators: ValidatorSet,
    pub signing: SigningContext,
    /// Who attacks, itself included: they know of each other.
    pub attackers: BTreeSet<ValidatorIndex>,
    /// The time of the event at hand.
    pub now: Now,
}

/// Whom an attacker takes a validator for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The larger half of the honest validators.
    First,
    Second,
    Accomplice,
}

impl Context {
    /// The place that these options give to a replica, among these attackers.
    ///
    /// # Panics
    /// When the genesis has no valid validator set: a replica could not stand on it either.
    pub fn new(options: &Options, mut attackers: BTreeSet<ValidatorIndex>, now: Now) -> Self {
        attackers.insert(options.own);
        let Ok(validators) = options.genesis.validator_set() else {
            panic!("a genesis is checked before an attacker stands on it");
        };
        let signing =
            SigningContext { chain: options.genesis.hash(), epoch: options.genesis.header().epoch };
        let key = options.key.clone();
        Self { own: options.own, key, validators, signing, attackers, now }
    }

    /// Everybody else.
    pub fn others(&self) -> Vec<ValidatorIndex> {
        self.validators.indices().filter(|index| *index != self.own).collect()
    }

    /// The honest validators.
    pub fn victims(&self) -> Vec<ValidatorIndex> {
        self.validators.indices().filter(|index| !self.attackers.contains(index)).collect()
    }

    /// The honest validator whom it favours in a view.
    pub fn favourite(&self, view: View) -> Option<ValidatorIndex> {
        self.victims().into_iter().min_by_key(|victim| self.turn(*victim, view))
    }

    /// On which side a validator stands; all attackers agree on it, and it changes with the view.
    pub fn side(&self, of: ValidatorIndex, view: View) -> Side {
        if self.attackers.contains(&of) {
            return Side::Accomplice;
        }
        let victims = self.victims();
        let before =
            victims.iter().filter(|one| self.turn(**one, view) < self.turn(of, view)).count();
        if before < victims.len().div_ceil(2) { Side::First } else { Side::Second }
    }

    /// The victims in an order that rotates from view to view.
    fn turn(&self, victim: ValidatorIndex, view: View) -> u64 {
        let count = self.validators.len() as u64;
        (u64::from(victim.0) + view.0 % count) % count
    }

    /// A prepare vote of its own.
    pub fn prepare(&self, view: View, block: Hash) -> Message {
        vote(Vote::Prepare(PrepareVote::new(&self.signing, view, block, self.own, &self.key)))
    }

    /// A commit vote of its own.
    pub fn commit(&self, view: View, block: Hash, result: ExecutionResult) -> Message {
        vote(Vote::Commit(CommitVote::new(&self.signing, view, block, result, self.own, &self.key)))
    }

    /// A timeout vote of its own, which says that it has committed nothing yet.
    pub fn timeout(&self, view: View, prepared: Option<Hash>) -> Message {
        let vote = TimeoutVote::new(&self.signing, view, prepared, self.own, &self.key);
        let (reason, committed) = (TimeoutReason::NoQuorum, View::ZERO);
        Message::Consensus(consensus::Message::Timeout { vote, reason, committed })
    }
}

/// A vote as it is sent.
pub(crate) fn vote(vote: Vote) -> Message {
    Message::Consensus(consensus::Message::Vote(vote))
}

/// A hash of nothing that exists; the number makes several.
pub(crate) fn invented(view: View, number: u64) -> Hash {
    Hash::of_parts(Domain::Block, &[b"invented", &view.0.to_le_bytes(), &number.to_le_bytes()])
}

/// 64 bytes that are nobody's signature.
pub(crate) fn garbage(view: View, number: u64) -> Signature {
    let mut bytes = [0; 64];
    let halves = [invented(view, number), invented(view, number.wrapping_add(1))];
    for (to, from) in bytes.iter_mut().zip(halves.iter().flat_map(|half| half.0)) {
        *to = from;
    }
    Signature(bytes)
}

/// The same message to each.
pub(crate) fn send(to: &[ValidatorIndex], message: &Message) -> Vec<Action> {
    to.iter().map(|to| Action::Send { to: *to, message: message.clone() }).collect()
}

/// Rewrites what the replica sends, to whom it was to go and what; all else stays, in its order.
pub(crate) fn rewrite(
    context: &Context,
    actions: Vec<Action>,
    mut tamper: impl FnMut(&[ValidatorIndex], Message) -> Vec<Action>,
) -> Vec<Action> {
    let mut rewritten = Vec::with_capacity(actions.len());
    for action in actions {
        match action {
            Action::Broadcast(message) => rewritten.extend(tamper(&context.others(), message)),
            Action::Send { to, message } => rewritten.extend(tamper(&[to], message)),
            other => rewritten.push(other),
        }
    }
    rewritten
}

/// The same for agreement's messages only; batches and catch-up stay as they are.
pub(crate) fn rewrite_consensus(
    context: &Context,
    actions: Vec<Action>,
    mut tamper: impl FnMut(&[ValidatorIndex], consensus::Message) -> Vec<Action>,
) -> Vec<Action> {
    rewrite(context, actions, |to, message| match message {
        Message::Consensus(message) => tamper(to, message),
        other => send(to, &other),
    })
}

/// The views that the replica enters in this step.
pub(crate) fn entered(actions: &[Action]) -> Vec<View> {
    let entered = actions.iter().filter_map(|action| match action {
        Action::EnteredView { view, .. } => Some(*view),
        _ => None,
    });
    entered.collect()
}

#[cfg(test)]
mod tests {
    use primitives::{Epoch, TimestampMs, Validator};

    use super::*;

    fn context(validators: u8, attackers: &[u16]) -> Context {
        let key = |number: u8| SecretKey::from_seed([number + 1; 32]);
        let validator =
            |number| Validator { name: format!("v{number}"), key: key(number).public_key() };
        Context {
            own: ValidatorIndex(attackers[0]),
            key: key(0),
            validators: ValidatorSet::new((0..validators).map(validator).collect()).unwrap(),
            signing: SigningContext { chain: Hash::ZERO, epoch: Epoch::ZERO },
            attackers: attackers.iter().copied().map(ValidatorIndex).collect(),
            now: Now { wall: TimestampMs(0), uptime_ms: 0 },
        }
    }

    #[test]
    fn the_sides_are_halves_of_the_honest_and_every_honest_validator_changes_sides() {
        for (context, first) in [(context(4, &[3]), 2), (context(7, &[2, 5]), 3)] {
            for victim in context.victims() {
                let sides: Vec<Side> = (0..7).map(|v| context.side(victim, View(v))).collect();
                assert!(sides.contains(&Side::First) && sides.contains(&Side::Second));
            }
            for view in (0..9).map(View) {
                let side = |side| {
                    context.victims().into_iter().filter(|v| context.side(*v, view) == side).count()
                };
                assert_eq!(side(Side::First), first);
                assert_eq!(side(Side::Accomplice), 0);
                assert!(
                    context.favourite(view).is_some_and(|one| context.victims().contains(&one))
                );
            }
        }
    }
}
