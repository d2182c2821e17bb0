//! Proposals, as their voters see them.

use quorate_sdk::Address;
use quorate_sdk::abi::Abi;
use quorate_sdk::testing::{TestChain, contract_test};
use vote::vote::{ABI, Choice, Chosen, Error, OPTIONS_MAX, Opened, Proposed, State, VoteClient};

const NAMES: [&str; 5] = ["alice", "bob", "carol", "dave", "eve"];

fn options(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("option {number}")).collect()
}

/// A draft with the number 0 and two options. The chair has no weight; the others have 1, 2, 4, 8.
fn draft(chain: &mut TestChain) -> (VoteClient, [Address; 5]) {
    let accounts = NAMES.map(|name| chain.account(name));
    let [chair, ..] = accounts;
    let vote = chain.deploy(&chair, VoteClient::new());
    assert_eq!(chain.call(&chair, vote.propose("Paint it?".into(), options(2))).value(), 0);
    let weights = accounts.iter().skip(1).zip([1, 2, 4, 8]);
    let weights = weights.map(|(account, weight)| (*account, weight)).collect();
    chain.call(&chair, vote.register(0, weights)).value();
    (vote, accounts)
}

/// The draft, opened for a minute with a quorum of 5.
fn open(chain: &mut TestChain) -> (VoteClient, [Address; 5]) {
    let (vote, accounts) = draft(chain);
    let deadline_ms = chain.time_ms() + 60_000;
    let receipt = chain.call(&accounts[0], vote.open(0, 5, deadline_ms));
    let expected = Opened { proposal: 0, quorum: 5, deadline_ms };
    assert_eq!(receipt.events::<Opened>(), [expected]);
    receipt.value();
    (vote, accounts)
}

/// The options' tallies, and how the proposal stands.
#[track_caller]
fn check(chain: &mut TestChain, vote: VoteClient, tallies: [u128; 2], state: State) {
    let outcome = chain.query(vote.outcome(0));
    assert_eq!((outcome.tallies.as_slice(), outcome.state), (tallies.as_slice(), state));
}

#[contract_test]
fn only_the_chair_says_what_is_voted_on_and_by_whom(chain: &mut TestChain) {
    let (vote, [chair, bob, ..]) = draft(chain);
    let deadline_ms = chain.time_ms() + 60_000;
    let refused = chain.call(&bob, vote.propose("Mine?".into(), options(2)));
    assert_eq!(refused.error(), Error::NotTheChair);
    let refused = chain.call(&bob, vote.register(0, vec![(bob, 100)]));
    assert_eq!(refused.error(), Error::NotTheChair);
    assert_eq!(chain.call(&bob, vote.open(0, 1, deadline_ms)).error(), Error::NotTheChair);

    for count in [0, 1, OPTIONS_MAX + 1] {
        let refused = chain.call(&chair, vote.propose(String::new(), options(count)));
        assert_eq!(refused.error(), Error::BadOptions);
    }
    let receipt = chain.call(&chair, vote.propose("Why?".into(), options(OPTIONS_MAX)));
    let expected = Proposed { proposal: 1, text: "Why?".into(), options: options(OPTIONS_MAX) };
    assert_eq!(receipt.events::<Proposed>(), [expected]);
    assert_eq!(receipt.value(), 1);
    let proposal = chain.query(vote.proposal(0)).expect("it is there");
    assert_eq!((proposal.text.as_str(), proposal.options), ("Paint it?", options(2)));
    assert_eq!(chain.query(vote.proposal(2)), None);
    let unknown = chain.try_query(&bob, vote.outcome(2));
    assert_eq!(unknown.error(), Error::NoSuchProposal);
}

#[contract_test]
fn weights_are_replaced_until_voting_begins_and_settled_then(chain: &mut TestChain) {
    let (vote, [chair, bob, carol, dave, eve]) = draft(chain);
    chain.call(&chair, vote.register(0, vec![(bob, 10), (carol, 0)])).value();
    check(chain, vote, [0, 0], State::Draft);
    assert_eq!(chain.query(vote.outcome(0)).electorate, 22);
    assert_eq!(chain.query(vote.power(0, bob)), 10);
    let mut voters = [(bob, 10), (dave, 4), (eve, 8)];
    voters.sort();
    assert_eq!(chain.query(vote.voters(0, None, 10)), voters);
    assert_eq!(chain.query(vote.voters(0, Some(voters[0].0), 1)), [voters[1]]);
    assert_eq!(chain.query(vote.voters(0, Some(voters[2].0), 1)), []);

    let deadline_ms = chain.time_ms() + 60_000;
    for quorum in [0, 23] {
        let refused = chain.call(&chair, vote.open(0, quorum, deadline_ms));
        assert_eq!(refused.error(), Error::BadQuorum { electorate: 22 });
    }
    let now = chain.time_ms();
    assert_eq!(chain.call(&chair, vote.open(0, 22, now)).error(), Error::TooLate);
    assert_eq!(chain.call(&chair, vote.open(1, 1, deadline_ms)).error(), Error::NoSuchProposal);
    let refused = chain.call(&chair, vote.register(1, vec![(bob, 1)]));
    assert_eq!(refused.error(), Error::NoSuchProposal);
    assert_eq!(chain.call(&bob, vote.vote(0, 0)).error(), Error::NotOpen);

    chain.call(&chair, vote.open(0, 22, deadline_ms)).value();
    let refused = chain.call(&chair, vote.register(0, vec![(carol, 1)]));
    assert_eq!(refused.error(), Error::Settled);
    assert_eq!(chain.call(&chair, vote.open(0, 1, deadline_ms)).error(), Error::Settled);
    // Another proposal has its own voters.
    chain.call(&chair, vote.propose(String::new(), options(2))).value();
    assert_eq!(chain.query(vote.voters(1, None, 10)), []);
    chain.call(&chair, vote.register(1, vec![(carol, 1)])).value();
    assert_eq!(chain.query(vote.voters(0, None, 10)).len(), 3);
    assert_eq!(chain.call(&carol, vote.vote(0, 0)).error(), Error::NotAVoter);
}

/// All weights together are what a number can hold, so that no sum of some can be more.
#[contract_test]
fn the_electorate_is_what_a_number_can_hold(chain: &mut TestChain) {
    let (vote, [chair, bob, carol, ..]) = draft(chain);
    let refused = chain.call(&chair, vote.register(0, vec![(bob, u128::MAX)]));
    assert_eq!(refused.error(), Error::TooMuchWeight);
    assert_eq!(chain.query(vote.power(0, bob)), 1);
    chain.call(&chair, vote.register(0, vec![(bob, u128::MAX - 14)])).value();
    let deadline_ms = chain.time_ms() + 60_000;
    chain.call(&chair, vote.open(0, u128::MAX, deadline_ms)).value();
    chain.call(&carol, vote.delegate(0, bob)).value();
    chain.call(&bob, vote.vote(0, 1)).value();
    check(chain, vote, [0, u128::MAX - 12], State::Open);
    chain.call(&bob, vote.vote(0, 0)).value();
    check(chain, vote, [u128::MAX - 12, 0], State::Open);
}

#[contract_test]
fn a_vote_is_changed_and_withdrawn_until_the_deadline(chain: &mut TestChain) {
    let (vote, [chair, bob, carol, dave, eve]) = open(chain);
    let receipt = chain.call(&eve, vote.vote(0, 0));
    let choice = Some(Choice::Option(0));
    assert_eq!(receipt.events::<Chosen>(), [Chosen { proposal: 0, voter: eve, choice }]);
    receipt.value();
    assert_eq!(chain.query(vote.choice(0, eve)), choice);
    chain.call(&dave, vote.vote(0, 1)).value();
    chain.call(&dave, vote.vote(0, 1)).value();
    check(chain, vote, [8, 4], State::Open);
    chain.call(&eve, vote.vote(0, 1)).value();
    check(chain, vote, [0, 12], State::Open);
    chain.call(&dave, vote.withdraw(0)).value();
    chain.call(&carol, vote.withdraw(0)).value();
    check(chain, vote, [0, 8], State::Open);

    assert_eq!(chain.call(&bob, vote.vote(0, 2)).error(), Error::NoSuchOption);
    assert_eq!(chain.call(&bob, vote.vote(1, 0)).error(), Error::NotOpen);
    assert_eq!(chain.call(&chair, vote.vote(0, 0)).error(), Error::NotAVoter);
    assert_eq!(chain.call(&bob, vote.delegate(0, chair)).error(), Error::NotAVoter);
    assert_eq!(chain.call(&chair, vote.withdraw(0)).error(), Error::NotAVoter);
}

/// Lets time pass until the next block is so long before the deadline.
fn advance_to(chain: &mut TestChain, vote: VoteClient, before_deadline_ms: u64) {
    let deadline_ms = chain.query(vote.outcome(0)).terms.expect("it is open").deadline_ms;
    let rest = deadline_ms - before_deadline_ms - chain.time_ms();
    chain.advance_ms(rest);
}

#[contract_test]
fn the_last_millisecond_counts(chain: &mut TestChain) {
    let (vote, [_, bob, _, dave, _]) = open(chain);
    chain.call(&dave, vote.vote(0, 1)).value();
    advance_to(chain, vote, 1);
    check(chain, vote, [0, 4], State::Open);
    chain.call(&bob, vote.vote(0, 1)).value();
    check(chain, vote, [0, 5], State::Decided(1));
}

#[contract_test]
fn the_deadline_ends_the_voting_for_good(chain: &mut TestChain) {
    let (vote, [chair, bob, carol, dave, eve]) = open(chain);
    chain.call(&dave, vote.vote(0, 1)).value();
    chain.call(&bob, vote.vote(0, 1)).value();
    advance_to(chain, vote, 0);
    check(chain, vote, [0, 5], State::Decided(1));
    assert_eq!(chain.call(&eve, vote.vote(0, 0)).error(), Error::TooLate);
    assert_eq!(chain.call(&carol, vote.delegate(0, eve)).error(), Error::TooLate);
    assert_eq!(chain.call(&bob, vote.withdraw(0)).error(), Error::TooLate);
    let later = chain.time_ms() + 60_000;
    assert_eq!(chain.call(&chair, vote.open(0, 1, later)).error(), Error::Settled);
    let refused = chain.call(&chair, vote.register(0, vec![(eve, 0)]));
    assert_eq!(refused.error(), Error::Settled);
    chain.advance_blocks(100);
    check(chain, vote, [0, 5], State::Decided(1));
}

#[contract_test]
fn without_a_quorum_or_a_leader_nothing_is_decided(chain: &mut TestChain) {
    let (vote, [chair, _, _, dave, eve]) = open(chain);
    // All that is against 4 of 15 is not enough for a quorum of 5.
    chain.call(&dave, vote.vote(0, 0)).value();
    chain.advance_ms(60_000);
    check(chain, vote, [4, 0], State::NoQuorum);

    chain.call(&chair, vote.propose(String::new(), options(3))).value();
    chain.call(&chair, vote.register(1, vec![(dave, 3), (eve, 3)])).value();
    let deadline_ms = chain.time_ms() + 60_000;
    chain.call(&chair, vote.open(1, 6, deadline_ms)).value();
    chain.call(&dave, vote.vote(1, 1)).value();
    chain.call(&eve, vote.vote(1, 2)).value();
    chain.advance_ms(60_000);
    assert_eq!(chain.query(vote.outcome(1)).state, State::Tied);
}

#[contract_test]
fn delegated_weight_follows_whoever_chooses(chain: &mut TestChain) {
    let (vote, [_, bob, carol, dave, eve]) = open(chain);
    // A vote that stands, then a delegation in its place, to somebody who has not voted.
    chain.call(&bob, vote.vote(0, 0)).value();
    chain.call(&bob, vote.delegate(0, carol)).value();
    check(chain, vote, [0, 0], State::Open);
    chain.call(&carol, vote.vote(0, 1)).value();
    check(chain, vote, [0, 3], State::Open);
    // On to others, with all that came before.
    chain.call(&dave, vote.vote(0, 0)).value();
    chain.call(&carol, vote.delegate(0, dave)).value();
    check(chain, vote, [7, 0], State::Open);
    chain.call(&dave, vote.delegate(0, eve)).value();
    assert_eq!(chain.query(vote.power(0, eve)), 15);
    chain.call(&eve, vote.vote(0, 1)).value();
    check(chain, vote, [0, 15], State::Open);
    // In the middle of the chain: what is before it goes along.
    chain.call(&carol, vote.vote(0, 0)).value();
    check(chain, vote, [3, 12], State::Open);
    chain.call(&bob, vote.withdraw(0)).value();
    check(chain, vote, [2, 12], State::Open);
    assert_eq!(chain.query(vote.power(0, carol)), 2);
}

#[contract_test]
fn no_delegation_comes_back(chain: &mut TestChain) {
    let (vote, [_, bob, carol, dave, eve]) = open(chain);
    assert_eq!(chain.call(&bob, vote.delegate(0, bob)).error(), Error::Cycle);
    chain.call(&bob, vote.delegate(0, carol)).value();
    assert_eq!(chain.call(&carol, vote.delegate(0, bob)).error(), Error::Cycle);
    chain.call(&carol, vote.delegate(0, dave)).value();
    assert_eq!(chain.call(&dave, vote.delegate(0, bob)).error(), Error::Cycle);
    // What was refused changed nothing.
    assert_eq!(chain.query(vote.power(0, dave)), 7);
    assert_eq!(chain.query(vote.choice(0, dave)), None);
    chain.call(&dave, vote.delegate(0, eve)).value();
    chain.call(&eve, vote.vote(0, 0)).value();
    check(chain, vote, [15, 0], State::Open);
    // Once it leads elsewhere, the way back is free.
    chain.call(&carol, vote.withdraw(0)).value();
    chain.call(&dave, vote.delegate(0, bob)).value();
    check(chain, vote, [8, 0], State::Open);
    assert_eq!(chain.query(vote.power(0, carol)), 7);
}

/// Fails when `vote.wasm` is not of this source's interface. Renew it with
/// `cargo run -p quorate-contract-build --example build -- contracts/vote`.
#[test]
fn the_module_describes_this_source() {
    let module = include_bytes!("../vote.wasm");
    assert_eq!(Abi::from_module(module), Abi::decode(&ABI));
}
