//! What a round is worth while few enough publishers are wrong, and that nothing counts where it
//! was not signed for.

#![allow(clippy::indexing_slicing, reason = "publishers are told by their numbers")]

mod signing;

use oracle::oracle::{Error, OracleClient};
use proptest::prelude::*;
use quorate_sdk::Address;
use quorate_sdk::testing::natively_and_as_wasm;
use signing::{Place, ordered, publics};

const PUBLISHERS: u8 = 7;

/// The reports of one round: a threshold, and for each publisher that reports its value and time.
#[derive(Clone, Debug)]
struct Case {
    threshold: u32,
    reports: Vec<(u8, i128, u64)>,
    /// How many of the first reports are wrong: fewer than half of the threshold.
    wrong: usize,
}

fn case() -> impl Strategy<Value = Case> {
    let publishers: Vec<u8> = (0..PUBLISHERS).collect();
    let publishers = Just(publishers).prop_shuffle();
    let values = prop::collection::vec(-9..9_i128, usize::from(PUBLISHERS));
    let times = prop::collection::vec(1_000..1_009_u64, usize::from(PUBLISHERS));
    // Whatever wrong publishers like, and what hurts most.
    let lie = || prop_oneof![Just(i128::MIN), Just(i128::MAX), any::<i128>(), -12..12_i128];
    let lies = prop::collection::vec((lie(), any::<u64>()), usize::from(PUBLISHERS));
    let counts = (1..=PUBLISHERS).prop_flat_map(|threshold| {
        (Just(threshold), threshold..=PUBLISHERS, 0..=(threshold - 1) / 2)
    });
    (publishers, values, times, lies, counts).prop_map(
        |(publishers, values, times, lies, (threshold, count, wrong))| {
            let wrong = usize::from(wrong);
            let honest = values.into_iter().zip(times).skip(wrong);
            let said = lies.into_iter().take(wrong).chain(honest);
            let reports = publishers.into_iter().zip(said).take(count.into());
            let reports = reports.map(|(publisher, (value, time))| (publisher, value, time));
            Case { threshold: threshold.into(), reports: reports.collect(), wrong }
        },
    )
}

/// One thing that a signature is for, and that is another where it is submitted.
#[derive(Clone, Copy, Debug)]
enum Moved {
    Chain { byte: usize, bit: u8 },
    Contract { byte: usize, bit: u8 },
    Feed(&'static str),
    Round(u64),
}

fn moved() -> impl Strategy<Value = Moved> {
    prop_oneof![
        (0..32_usize, 0..8_u8).prop_map(|(byte, bit)| Moved::Chain { byte, bit }),
        (0..32_usize, 0..8_u8).prop_map(|(byte, bit)| Moved::Contract { byte, bit }),
        prop::sample::select(vec!["", "E", "EU", "EURO", "eur", "EUR\0"]).prop_map(Moved::Feed),
        any::<u64>().prop_filter("another round", |round| *round != 1).prop_map(Moved::Round),
    ]
}

impl Moved {
    fn apply(self, place: &Place) -> Place {
        let mut place = place.clone();
        match self {
            Self::Chain { byte, bit } => place.chain[byte] ^= 1 << bit,
            Self::Contract { byte, bit } => {
                let Address(bytes) = &mut place.contract;
                bytes[byte] ^= 1 << bit;
            }
            Self::Feed(feed) => place.feed = feed.into(),
            Self::Round(round) => place.round = round,
        }
        place
    }
}

/// Each case is two chains of a few blocks.
fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) }
}

proptest! {
    #![proptest_config(config())]

    /// Value and time lie between the least and the greatest that honest publishers reported.
    #[test]
    fn few_wrong_publishers_move_nothing(case in case()) {
        natively_and_as_wasm(|chain| {
            let alice = chain.account("alice");
            let oracle = OracleClient::new(publics(PUBLISHERS), case.threshold);
            let oracle = chain.deploy(&alice, oracle);
            let place = Place::of(chain, oracle);
            let reports = case.reports.iter();
            let reports = reports.map(|(who, value, time_ms)| place.report(*who, *value, *time_ms));
            let call = oracle.submit("EUR".into(), 1, ordered(reports.collect()));
            let round = chain.call(&alice, call).value();
            assert_eq!(round.reports as usize, case.reports.len());
            let honest = &case.reports[case.wrong..];
            let values = || honest.iter().map(|(_, value, _)| *value);
            assert!(Some(round.value) >= values().min(), "{round:?}");
            assert!(Some(round.value) <= values().max(), "{round:?}");
            let times = || honest.iter().map(|(_, _, time_ms)| *time_ms);
            assert!(Some(round.time_ms) >= times().min(), "{round:?}");
            assert!(Some(round.time_ms) <= times().max(), "{round:?}");
        });
    }

    /// One signature of a round that is of another chain, contract, feed or round is as good as
    /// none.
    #[test]
    fn a_signature_counts_where_it_was_signed_for(
        moved in moved(),
        count in 1..PUBLISHERS,
        bad in any::<prop::sample::Index>(),
    ) {
        natively_and_as_wasm(|chain| {
            let alice = chain.account("alice");
            let oracle = chain.deploy(&alice, OracleClient::new(publics(PUBLISHERS), 1));
            let place = Place::of(chain, oracle);
            let elsewhere = moved.apply(&place);
            let bad = u8::try_from(bad.index(count.into())).expect("they are few");
            let reports = (0..count).map(|publisher| {
                let place = if publisher == bad { &elsewhere } else { &place };
                place.report(publisher, 1, 1)
            });
            let call = oracle.submit("EUR".into(), 1, ordered(reports.collect()));
            assert_eq!(chain.call(&alice, call).error(), Error::BadSignature);
            assert_eq!(chain.query(oracle.latest("EUR".into())), None);
        });
    }
}
