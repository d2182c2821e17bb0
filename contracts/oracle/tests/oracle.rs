//! Feeds, as publishers and readers see them.

#![allow(clippy::indexing_slicing, reason = "reports are told by their places")]

mod signing;

use oracle::oracle::{
    ABI, Error, FEED_BYTES_MAX, OracleClient, PUBLISHERS_MAX, PublisherAdded, PublisherRemoved,
    ROUNDS_MAX, Report, Round, Updated,
};
use quorate_sdk::abi::Abi;
use quorate_sdk::testing::{Failure, TestChain, contract_test};
use quorate_sdk::{Address, Client};
use signing::{Place, ordered, public, publics};

impl Place {
    fn round(&self, round: u64) -> Self {
        Self { round, ..self.clone() }
    }

    /// Reports of the first publishers with these values, in the order that the contract wants.
    fn reports(&self, values: &[i128]) -> Vec<Report> {
        let reports = (0..).zip(values).map(|(publisher, value)| self.report(publisher, *value, 7));
        ordered(reports.collect())
    }
}

/// An oracle of alice's with five publishers, of whom three have to report.
fn open(chain: &mut TestChain) -> (OracleClient, Place, [Address; 2]) {
    let accounts = ["alice", "bob"].map(|name| chain.account(name));
    let oracle = chain.deploy(&accounts[0], OracleClient::new(publics(5), 3));
    let place = Place::of(chain, oracle);
    (oracle, place, accounts)
}

/// Submits reports to the place's feed and round.
fn submit(oracle: OracleClient, place: &Place, reports: Vec<Report>) -> Submit {
    oracle.submit(place.feed.clone(), place.round, reports)
}

type Submit = quorate_sdk::Call<Round, Error>;

#[contract_test]
fn what_is_signed_is_what_the_description_says(chain: &mut TestChain) {
    let (oracle, place, _) = open(chain);
    let message = chain.query(oracle.message("EUR".into(), 1, -2, 3));
    assert_eq!(message, place.message(-2, 3));
}

#[contract_test]
fn anybody_submits_what_enough_publishers_have_signed(chain: &mut TestChain) {
    let (oracle, place, [_, bob]) = open(chain);
    let reports = vec![place.report(0, 10, 1), place.report(3, -30, 3), place.report(4, 20, 2)];
    let receipt = chain.call(&bob, submit(oracle, &place, ordered(reports)));
    let round = Round { value: 10, time_ms: 2, reports: 3 };
    let expected = Updated { feed: "EUR".into(), number: 1, round };
    assert_eq!(receipt.events::<Updated>(), [expected]);
    assert_eq!(receipt.value(), round);
    assert_eq!(chain.query(oracle.latest("EUR".into())), Some((1, round)));
    assert_eq!(chain.query(oracle.latest("USD".into())), None);

    // Of two in the middle, the less; the greatest numbers are as good as others.
    for (number, values, value) in [
        (2, [4, 1, 3, 2].as_slice(), 2),
        (3, &[i128::MIN, i128::MAX, i128::MIN], i128::MIN),
        (9, &[i128::MAX, i128::MAX, i128::MIN], i128::MAX),
        (u64::MAX, &[5, 5, 5, 5, 5], 5),
    ] {
        let place = place.round(number);
        let round = chain.call(&bob, submit(oracle, &place, place.reports(values))).value();
        assert_eq!((round.value, round.reports as usize), (value, values.len()));
    }
}

#[contract_test]
fn only_different_publishers_count(chain: &mut TestChain) {
    let (oracle, place, [alice, bob]) = open(chain);
    let mut refused = |reports| chain.call(&bob, submit(oracle, &place, reports)).error();
    let too_few = Error::TooFewReports { threshold: 3 };
    assert_eq!(refused(Vec::new()), too_few);
    assert_eq!(refused(place.reports(&[1, 2])), too_few);
    let twice = vec![place.report(0, 1, 1), place.report(1, 1, 1), place.report(1, 2, 2)];
    assert_eq!(refused(ordered(twice)), Error::NotInOrder);
    let mut reports = place.reports(&[1, 2, 3]);
    reports.reverse();
    assert_eq!(refused(reports), Error::NotInOrder);
    // A good signature, of nobody in particular.
    let stranger = vec![place.report(0, 1, 1), place.report(1, 1, 1), place.report(5, 1, 1)];
    let unknown = Error::Unknown { publisher: public(5) };
    assert_eq!(refused(ordered(stranger.clone())), unknown);

    chain.call(&alice, oracle.add_publisher(public(5))).value();
    let signed_before = place.reports(&[1, 2, 3]);
    chain.call(&alice, oracle.remove_publisher(public(2))).value();
    let refused = chain.call(&bob, submit(oracle, &place, signed_before)).error();
    assert_eq!(refused, Error::Unknown { publisher: public(2) });
    chain.call(&bob, submit(oracle, &place, ordered(stranger))).value();
}

/// One report of three is signed for something else.
#[contract_test]
fn a_signature_counts_for_one_report_only(chain: &mut TestChain) {
    let (oracle, place, [alice, bob]) = open(chain);
    let other = chain.deploy(&alice, OracleClient::new(publics(5), 3));
    let mut refuse = |bad: Report| {
        let reports = vec![place.report(0, 1, 1), place.report(1, 1, 1), bad];
        let refused = chain.call(&bob, submit(oracle, &place, ordered(reports)));
        assert_eq!(refused.error(), Error::BadSignature);
    };
    let elsewhere = [
        Place { chain: [7; 32], ..place.clone() },
        Place { contract: other.address(), ..place.clone() },
        Place { feed: "USD".into(), ..place.clone() },
        Place { feed: "EUR ".into(), ..place.clone() },
        Place { feed: String::new(), ..place.clone() },
        place.round(0),
        place.round(2),
    ];
    for elsewhere in elsewhere {
        refuse(elsewhere.report(2, 1, 1));
    }
    let good = place.report(2, 1, 1);
    refuse(Report { value: 2, ..good.clone() });
    refuse(Report { time_ms: 2, ..good.clone() });
    refuse(Report { publisher: public(3), ..good.clone() });
    refuse(Report { signature: [0; 64], ..good.clone() });
    refuse(Report { signature: place.report(3, 1, 1).signature, ..good.clone() });

    let reports = vec![place.report(0, 1, 1), place.report(1, 1, 1), good];
    chain.call(&bob, submit(oracle, &place, ordered(reports.clone()))).value();
    // What is good here is not good there.
    let refused = chain.call(&bob, submit(other, &place, ordered(reports)));
    assert_eq!(refused.error(), Error::BadSignature);
}

#[contract_test]
fn rounds_go_forward_only(chain: &mut TestChain) {
    let (oracle, place, [_, bob]) = open(chain);
    let at = |number| (place.round(number), place.round(number).reports(&[1, 2, 3]));
    let (fifth, reports) = at(5);
    chain.call(&bob, submit(oracle, &fifth, reports.clone())).value();
    assert_eq!(chain.call(&bob, submit(oracle, &fifth, reports)).error(), Error::Past { last: 5 });
    for number in [0, 4, 5] {
        let (place, reports) = at(number);
        let refused = chain.call(&bob, submit(oracle, &place, reports));
        assert_eq!(refused.error(), Error::Past { last: 5 });
    }
    let (sixth, reports) = at(6);
    chain.call(&bob, submit(oracle, &sixth, reports)).value();
    // Each feed has its own rounds, also where one name begins another.
    for feed in ["EU", "EURO"] {
        let place = Place { feed: feed.into(), ..place.clone() };
        chain.call(&bob, submit(oracle, &place, place.reports(&[4, 5, 6]))).value();
        assert_eq!(chain.query(oracle.history(feed.into(), None, 10)).len(), 1);
    }
    assert_eq!(chain.query(oracle.history("EUR".into(), None, 10)).len(), 2);
    for feed in [String::new(), "f".repeat(FEED_BYTES_MAX + 1)] {
        let place = Place { feed, ..place.clone() };
        let refused = chain.call(&bob, submit(oracle, &place, place.reports(&[4, 5, 6])));
        assert_eq!(refused.error(), Error::BadFeed);
    }
    let place = Place { feed: "\0".repeat(FEED_BYTES_MAX), ..place.clone() };
    chain.call(&bob, submit(oracle, &place, place.reports(&[4, 5, 6]))).value();
}

#[contract_test]
fn only_the_admin_chooses_publishers(chain: &mut TestChain) {
    let (oracle, _, [alice, bob]) = open(chain);
    assert_eq!(chain.call(&bob, oracle.add_publisher(public(9))).error(), Error::NotTheAdmin);
    let refused = chain.call(&bob, oracle.remove_publisher(public(0)));
    assert_eq!(refused.error(), Error::NotTheAdmin);
    assert_eq!(chain.call(&alice, oracle.add_publisher(public(0))).error(), Error::Known);
    let refused = chain.call(&alice, oracle.remove_publisher(public(9)));
    assert_eq!(refused.error(), Error::Unknown { publisher: public(9) });

    for publisher in [public(0), public(1)] {
        let receipt = chain.call(&alice, oracle.remove_publisher(publisher));
        assert_eq!(receipt.events::<PublisherRemoved>(), [PublisherRemoved { publisher }]);
        receipt.value();
    }
    // As many as have to report stay.
    let refused = chain.call(&alice, oracle.remove_publisher(public(2)));
    assert_eq!(refused.error(), Error::BadThreshold);
    let publisher = public(9);
    let receipt = chain.call(&alice, oracle.add_publisher(publisher));
    assert_eq!(receipt.events::<PublisherAdded>(), [PublisherAdded { publisher }]);
    receipt.value();
    let mut publishers = [2, 3, 4, 9].map(public);
    publishers.sort_unstable();
    assert_eq!(chain.query(oracle.publishers(None, 2)), publishers[..2]);
    assert_eq!(chain.query(oracle.publishers(Some(publishers[1]), 10)), publishers[2..]);
    assert_eq!(chain.query(oracle.threshold()), 3);

    for (publishers, threshold) in [(publics(3), 0), (publics(3), 4), (vec![], 0)] {
        let refused = chain.try_deploy(&alice, OracleClient::new(publishers, threshold));
        assert_eq!(refused.error(), Error::BadThreshold);
    }
    let refused = chain.try_deploy(&alice, OracleClient::new(vec![public(1), public(1)], 1));
    assert_eq!(refused.error(), Error::Known);
}

/// The host verifies no more at once, and the contract has no more.
#[contract_test]
fn all_publishers_there_can_be_report_at_once(chain: &mut TestChain) {
    let alice = chain.account("alice");
    let most = u8::try_from(PUBLISHERS_MAX).expect("they are few");
    let refused = chain.try_deploy(&alice, OracleClient::new(publics(most + 1), 1));
    assert_eq!(refused.error(), Error::TooManyPublishers);
    let oracle = chain.deploy(&alice, OracleClient::new(publics(most), PUBLISHERS_MAX));
    let refused = chain.call(&alice, oracle.add_publisher(public(most)));
    assert_eq!(refused.error(), Error::TooManyPublishers);
    let place = Place::of(chain, oracle);
    let values: Vec<i128> = (0..most).map(i128::from).collect();
    let mut reports = place.reports(&values);
    let value = chain.call(&alice, submit(oracle, &place, reports.clone())).value().value;
    assert_eq!(value, i128::from(most) / 2 - 1);
    // One bad signature among so many.
    let next = place.round(2);
    reports = next.reports(&values);
    reports[40].value += 1;
    assert_eq!(chain.call(&alice, submit(oracle, &next, reports)).error(), Error::BadSignature);
}

#[contract_test]
fn the_last_rounds_are_kept_and_come_in_pages(chain: &mut TestChain) {
    let (oracle, place, [_, bob]) = open(chain);
    let mut expected = Vec::new();
    // Numbers may be left out.
    for number in (1..).step_by(3).take(ROUNDS_MAX as usize + 5) {
        let place = place.round(number);
        let reports = place.reports(&[number.into(), 0, i128::MAX]);
        let round = chain.call(&bob, submit(oracle, &place, reports)).value();
        expected.insert(0, (number, round));
    }
    expected.truncate(ROUNDS_MAX as usize);
    assert_eq!(chain.query(oracle.history("EUR".into(), None, 1_000)), expected);
    let mut seen: Vec<(u64, Round)> = Vec::new();
    for _ in 0..=expected.len() / 10 {
        let before = seen.last().map(|(number, _)| *number);
        seen.extend(chain.query(oracle.history("EUR".into(), before, 10)));
    }
    assert_eq!(seen, expected);
    assert_eq!(chain.query(oracle.history("EUR".into(), Some(0), 10)), []);
}

#[contract_test]
fn no_method_takes_native_units(chain: &mut TestChain) {
    let (oracle, place, [_, bob]) = open(chain);
    let call = submit(oracle, &place, place.reports(&[1, 2, 3]));
    assert_eq!(chain.call(&bob, call.value(1)).failure(), Failure::NotPayable);
}

/// Fails when `oracle.wasm` is not of this source's interface. Renew it with
/// `cargo run -p quorate-contract-build --example build -- contracts/oracle`.
#[test]
fn the_module_describes_this_source() {
    let module = include_bytes!("../oracle.wasm");
    assert_eq!(Abi::from_module(module), Abi::decode(&ABI));
}
