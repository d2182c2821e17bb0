//! Evidence on its way to the chain: from consensus into an own batch, and from a block into the state.

use std::collections::BTreeMap;

use consensus::{Core, Evidence};
use primitives::state_key::{EvidenceIndex, EvidenceRecord};
use primitives::{
    Epoch, Height, SigningContext, StateKey, SystemAction, ValidatorIndex, ValidatorSet, View,
    codec, limits,
};
use state::State;

use crate::action::Action;
use crate::message::Message;
use crate::replica::Replica;

/// Evidence that is not on the chain this long after it was put into a batch is put into another, in milliseconds.
const REPEAT_MS: u64 = 60_000;

/// What one validator of one epoch is accused of in one view. There is one piece of evidence for it.
type Case = (Epoch, ValidatorIndex, View);

#[derive(Debug)]
struct Accusation {
    evidence: Evidence,
    report_at_ms: u64,
}

/// Evidence that the chain does not hold yet. Bounded as consensus bounds it, by culprit.
#[derive(Debug, Default)]
pub struct Accusations {
    open: BTreeMap<Case, Accusation>,
}

impl Accusations {
    /// What a vote log held and the chain does not.
    pub fn restore(core: &Core, state: &State) -> Self {
        let mut accusations = Self::default();
        core.evidence().cloned().for_each(|evidence| accusations.add(evidence));
        accusations.settle(|key| state.get(key));
        accusations
    }

    pub fn add(&mut self, evidence: Evidence) {
        let case = (evidence.epoch(), evidence.culprit(), evidence.view());
        self.open.entry(case).or_insert(Accusation { evidence, report_at_ms: 0 });
    }

    /// What belongs into a batch now, as many as fit into one.
    pub fn due(&mut self, now_ms: u64) -> Vec<SystemAction> {
        let due = self.open.values_mut().filter(|one| one.report_at_ms <= now_ms);
        due.take(limits::BATCH_SYSTEM_ACTIONS_MAX)
            .map(|one| {
                one.report_at_ms = now_ms.saturating_add(REPEAT_MS);
                SystemAction::Evidence(codec::encode(&one.evidence))
            })
            .collect()
    }

    /// Drops what the committed state answers.
    pub fn settle(&mut self, committed: impl Fn(&StateKey) -> Option<Vec<u8>>) {
        self.open.retain(|case, _| !is_settled(case, &committed));
    }
}

impl Replica {
    /// Puts evidence that the chain lacks into an own batch: from there on it goes the way of transactions.
    pub(crate) fn report_evidence(&mut self) {
        loop {
            let due = self.accusations.due(self.now.uptime_ms);
            if due.is_empty() {
                return;
            }
            let batch = self.mempool.system_batch(self.now.wall, due);
            self.publish(batch);
        }
    }

    /// A validator that was away has not heard of what was found meanwhile.
    pub(crate) fn tell_evidence(&mut self, peer: ValidatorIndex) {
        for accusation in self.accusations.open.values() {
            let message = consensus::Message::Evidence(Box::new(accusation.evidence.clone()));
            self.actions.push(Action::Send { to: peer, message: Message::Consensus(message) });
        }
    }
}

/// Whether further evidence in this case would have no effect: the chain holds some, or enough against the culprit.
fn is_settled(case: &Case, read: &impl Fn(&StateKey) -> Option<Vec<u8>>) -> bool {
    let (epoch, culprit, view) = *case;
    read(&StateKey::evidence(epoch, view, culprit)).is_some()
        || index(read, epoch, culprit).views.len() >= limits::EVIDENCE_PER_VALIDATOR_MAX
}

fn index(
    read: &impl Fn(&StateKey) -> Option<Vec<u8>>,
    epoch: Epoch,
    culprit: ValidatorIndex,
) -> EvidenceIndex {
    let Some(bytes) = read(&StateKey::evidence_index(epoch, culprit)) else {
        return EvidenceIndex::default();
    };
    match codec::decode(&bytes, bytes.len()) {
        Ok(index) => index,
        Err(error) => panic!("the state's index of evidence cannot be read: {error}"),
    }
}

/// What a block's system action changes: nothing, unless it is evidence that convicts and that the state lacks. The
/// cheap checks stand first, since every validator may report the same.
pub(crate) fn apply(
    action: &SystemAction,
    height: Height,
    context: &SigningContext,
    validators: &ValidatorSet,
    read: impl Fn(&StateKey) -> Option<Vec<u8>>,
) -> Vec<(StateKey, Vec<u8>)> {
    let SystemAction::Evidence(bytes) = action;
    let Ok(evidence) = Evidence::decode(bytes) else { return Vec::new() };
    let case = (evidence.epoch(), evidence.culprit(), evidence.view());
    if is_settled(&case, &read) || !evidence.verify(context, validators) {
        return Vec::new();
    }
    let (epoch, culprit, view) = case;
    let mut index = index(&read, epoch, culprit);
    index.views.push(view);
    let record = EvidenceRecord { height, evidence: bytes.clone() };
    vec![
        (StateKey::evidence_index(epoch, culprit), codec::encode(&index)),
        (StateKey::evidence(epoch, view, culprit), codec::encode(&record)),
    ]
}

#[cfg(test)]
mod tests {
    use primitives::{Hash, PrepareVote, SecretKey, Validator, Vote};

    use super::*;

    type Written = BTreeMap<StateKey, Vec<u8>>;

    const CONTEXT: SigningContext = SigningContext { chain: Hash([7; 32]), epoch: Epoch(0) };

    fn pair(view: u64, epoch: u64) -> Evidence {
        let (key, context) =
            (SecretKey::from_seed([1; 32]), SigningContext { epoch: Epoch(epoch), ..CONTEXT });
        let vote = |block| {
            let block = Hash([block; 32]);
            Vote::Prepare(PrepareVote::new(&context, View(view), block, ValidatorIndex(0), &key))
        };
        Evidence::Votes(vote(1), vote(2))
    }

    fn report(state: &mut Written, bytes: Vec<u8>, height: u64) -> usize {
        let key = SecretKey::from_seed([1; 32]).public_key();
        let set = ValidatorSet::new(vec![Validator { name: "v0".into(), key }]);
        let validators = set.expect("one validator is a set");
        let (action, read) =
            (SystemAction::Evidence(bytes), |key: &StateKey| state.get(key).cloned());
        let written = apply(&action, Height(height), &CONTEXT, &validators, read);
        let count = written.len();
        state.extend(written);
        count
    }

    #[test]
    fn evidence_is_written_once_with_its_height_and_what_proves_nothing_is_not() {
        let mut state = Written::new();
        let evidence = codec::encode(&pair(5, 0));
        assert_eq!(report(&mut state, evidence.clone(), 3), 2);
        let before = state.clone();
        let other_order = match pair(5, 0) {
            Evidence::Votes(first, second) => codec::encode(&Evidence::Votes(second, first)),
            Evidence::Proposals(..) => panic!("a pair of votes"),
        };
        let mut forged = codec::encode(&pair(6, 0));
        if let Some(byte) = forged.last_mut() {
            *byte ^= 1;
        }
        let of_another_epoch = codec::encode(&pair(6, 1));
        let harmless = [evidence.clone(), other_order, forged, of_another_epoch, vec![9; 40]];
        for bytes in harmless {
            assert_eq!(report(&mut state, bytes, 4), 0);
        }
        assert_eq!(state, before);
        let record = state.get(&StateKey::evidence(Epoch(0), View(5), ValidatorIndex(0)));
        let expected = EvidenceRecord { height: Height(3), evidence };
        assert_eq!(record, Some(&codec::encode(&expected)));
    }

    #[test]
    fn the_chain_takes_so_much_of_one_validator_and_no_more() {
        let (mut state, mut accusations) = (Written::new(), Accusations::default());
        for view in 0..limits::EVIDENCE_PER_VALIDATOR_MAX as u64 {
            assert_eq!(report(&mut state, codec::encode(&pair(view, 0)), 1), 2);
        }
        assert_eq!(report(&mut state, codec::encode(&pair(99, 0)), 1), 0);
        accusations.add(pair(99, 0));
        assert_eq!(accusations.due(0).len(), 1);
        assert_eq!(accusations.due(1).len(), 0, "once, for a while");
        assert_eq!(accusations.due(REPEAT_MS).len(), 1);
        accusations.settle(|key| state.get(key).cloned());
        assert_eq!(accusations.due(u64::MAX).len(), 0);
    }
}
