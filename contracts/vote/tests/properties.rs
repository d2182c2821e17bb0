//! The tallies against a model that follows each voter's choice from the beginning: whatever is
//! called in whatever order, they are the sums of the weights that count.

#![allow(clippy::indexing_slicing, reason = "voters and options are told by their numbers")]

use proptest::prelude::*;
use quorate_sdk::Address;
use quorate_sdk::testing::{Problem, natively_and_as_wasm};
use vote::vote::{Choice, Error, State, VoteClient};

/// Each set of them has a sum of its own.
const WEIGHTS: [u128; 6] = [1, 2, 4, 8, 16, 32];
const OPTIONS: usize = 3;

/// What a voter, told by its number, wants from now on.
#[derive(Clone, Copy, Debug)]
enum Want {
    Nothing,
    Option(usize),
    Delegate(usize),
}

fn step() -> impl Strategy<Value = (usize, Want)> {
    let who = || 0..WEIGHTS.len();
    let want = prop_oneof![
        1 => Just(Want::Nothing),
        // One of them does not exist.
        3 => (0..=OPTIONS).prop_map(Want::Option),
        5 => who().prop_map(Want::Delegate),
    ];
    (who(), want)
}

/// The option that a voter's weight is for.
fn follow(wants: &[Want], voter: usize) -> Option<usize> {
    match wants[voter] {
        Want::Nothing => None,
        Want::Option(option) => Some(option),
        Want::Delegate(to) => follow(wants, to),
    }
}

/// Whether a delegation to `to` would come to `voter`.
fn leads_to(wants: &[Want], to: usize, voter: usize) -> bool {
    match wants[to] {
        _ if to == voter => true,
        Want::Delegate(next) => leads_to(wants, next, voter),
        _ => false,
    }
}

fn apply(wants: &mut [Want], voter: usize, want: Want) -> Result<(), Error> {
    match want {
        Want::Option(option) if option >= OPTIONS => return Err(Error::NoSuchOption),
        Want::Delegate(to) if leads_to(wants, to, voter) => return Err(Error::Cycle),
        _ => wants[voter] = want,
    }
    Ok(())
}

fn tallies(wants: &[Want]) -> Vec<u128> {
    let mut tallies = vec![0; OPTIONS];
    for (voter, weight) in WEIGHTS.iter().enumerate() {
        if let Some(option) = follow(wants, voter) {
            tallies[option] += weight;
        }
    }
    tallies
}

fn decision(tallies: &[u128], quorum: u128) -> State {
    let most = tallies.iter().max().expect("there are options");
    let leading: Vec<u32> =
        (0..).zip(tallies).filter(|(_, tally)| *tally == most).map(|(option, _)| option).collect();
    match leading[..] {
        _ if tallies.iter().sum::<u128>() < quorum => State::NoQuorum,
        [option] => State::Decided(option),
        _ => State::Tied,
    }
}

/// Each case is two chains of some dozen blocks.
fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) }
}

proptest! {
    #![proptest_config(config())]

    /// Each call answers as the model does, after each the tallies are the model's, and what they
    /// are at the deadline decides.
    #[test]
    fn tallies_are_the_weights_that_count(
        steps in prop::collection::vec(step(), 1..32),
        quorum in 1..=63_u128,
    ) {
        natively_and_as_wasm(|chain| {
            let chair = chain.account("chair");
            let voters: Vec<Address> =
                (0..WEIGHTS.len()).map(|voter| chain.account(&format!("voter {voter}"))).collect();
            let vote = chain.deploy(&chair, VoteClient::new());
            let options = vec![String::new(); OPTIONS];
            chain.call(&chair, vote.propose(String::new(), options)).value();
            let weights = voters.iter().copied().zip(WEIGHTS).collect();
            chain.call(&chair, vote.register(0, weights)).value();
            let deadline_ms = chain.time_ms() + 60_000;
            chain.call(&chair, vote.open(0, quorum, deadline_ms)).value();

            let mut wants = [Want::Nothing; WEIGHTS.len()];
            for (voter, want) in &steps {
                let call = match *want {
                    Want::Nothing => vote.withdraw(0),
                    Want::Option(option) => vote.vote(0, u32::try_from(option).expect("small")),
                    Want::Delegate(to) => vote.delegate(0, voters[to]),
                };
                let result = chain.call(&voters[*voter], call).result();
                let expected = apply(&mut wants, *voter, *want).map_err(Problem::Refused);
                assert_eq!(result, expected, "{voter} {want:?}");
                assert_eq!(chain.query(vote.outcome(0)).tallies, tallies(&wants));
            }
            for (voter, want) in wants.iter().enumerate() {
                let expected = match *want {
                    Want::Nothing => None,
                    Want::Option(option) => {
                        Some(Choice::Option(u32::try_from(option).expect("small")))
                    }
                    Want::Delegate(to) => Some(Choice::Delegate(voters[to])),
                };
                assert_eq!(chain.query(vote.choice(0, voters[voter])), expected);
                let delegated = (0..WEIGHTS.len()).filter(|from| leads_to(&wants, *from, voter));
                let power: u128 = delegated.map(|from| WEIGHTS[from]).sum();
                assert_eq!(chain.query(vote.power(0, voters[voter])), power);
            }
            chain.advance_ms(60_000);
            let outcome = chain.query(vote.outcome(0));
            assert_eq!(outcome.state, decision(&tallies(&wants), quorum));
        });
    }
}
