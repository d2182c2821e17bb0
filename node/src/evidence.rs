//! Evidence as the interface gives it: what the chain holds, and what is on its way there.

use std::collections::BTreeMap;

use consensus::Evidence;
use consensus::evidence::SignedHeader;
use primitives::state_key::{EvidenceIndex, EvidenceRecord};
use primitives::{
    Epoch, Height, Proposal, SigningContext, StateKey, ValidatorIndex, ValidatorSet, View, Vote,
    codec,
};
use rpc::types::{Blob, EvidenceView, SignedMessageKind, SignedMessageView};
use state::State;

/// What the chain holds against an epoch's validators, with the heights of the blocks that brought it.
fn on_chain(state: &State, epoch: Epoch, validators: &ValidatorSet) -> Vec<(Evidence, Height)> {
    let mut found = Vec::new();
    for culprit in validators.indices() {
        let index: Option<EvidenceIndex> = read(state, &StateKey::evidence_index(epoch, culprit));
        for view in index.unwrap_or_default().views {
            let key = StateKey::evidence(epoch, view, culprit);
            let record: Option<EvidenceRecord> = read(state, &key);
            let Some(record) = record else { continue };
            if let Ok(evidence) = Evidence::decode(&record.evidence) {
                found.push((evidence, record.height));
            }
        }
    }
    found
}

fn read<T: borsh::BorshDeserialize>(state: &State, key: &StateKey) -> Option<T> {
    let bytes = state.get(key)?;
    codec::decode(&bytes, bytes.len()).ok()
}

/// Everything known, by culprit and view; `held` is what this node's consensus knows.
pub fn list(
    state: &State,
    context: &SigningContext,
    validators: &ValidatorSet,
    held: Vec<Evidence>,
) -> Vec<EvidenceView> {
    let case = |evidence: &Evidence| (evidence.culprit(), evidence.view());
    let mut all: BTreeMap<(ValidatorIndex, View), (Evidence, Option<Height>)> =
        held.into_iter().map(|evidence| (case(&evidence), (evidence, None))).collect();
    // Of two pairs for one view the chain's is the one that can be proved.
    for (evidence, height) in on_chain(state, context.epoch, validators) {
        all.insert(case(&evidence), (evidence, Some(height)));
    }
    all.into_values()
        .map(|(evidence, height)| view(&evidence, height, context, validators))
        .collect()
}

fn view(
    evidence: &Evidence,
    on_chain_height: Option<Height>,
    context: &SigningContext,
    validators: &ValidatorSet,
) -> EvidenceView {
    let culprit = evidence.culprit();
    let (first, second) = match evidence {
        Evidence::Proposals(first, second) => (proposal(first, context), proposal(second, context)),
        Evidence::Votes(first, second) => (vote(first, context), vote(second, context)),
    };
    EvidenceView {
        culprit: validators.get(culprit).map_or_else(String::new, |one| one.name.clone()),
        culprit_index: culprit,
        epoch: evidence.epoch(),
        view: evidence.view(),
        kind: evidence.kind().to_owned(),
        first,
        second,
        on_chain_height,
        encoded: Blob(codec::encode(evidence)),
    }
}

fn proposal(signed: &SignedHeader, context: &SigningContext) -> SignedMessageView {
    SignedMessageView {
        kind: SignedMessageKind::Proposal,
        block: Some(signed.header.hash()),
        result: None,
        encoded: Blob(codec::encode(signed)),
        signed_bytes: Blob(Proposal::signing_bytes(context, &signed.header)),
        signature: signed.signature,
    }
}

fn vote(vote: &Vote, context: &SigningContext) -> SignedMessageView {
    let (kind, block, result) = match vote {
        Vote::Prepare(vote) => (SignedMessageKind::Prepare, Some(vote.block), None),
        Vote::Commit(vote) => (SignedMessageKind::Commit, Some(vote.block), Some(vote.result)),
        Vote::Timeout(vote) => (SignedMessageKind::Timeout, vote.prepared, None),
    };
    SignedMessageView {
        kind,
        block,
        result: result.map(Into::into),
        encoded: Blob(codec::encode(vote)),
        signed_bytes: Blob(vote.signing_bytes(context)),
        signature: *vote.signature(),
    }
}
