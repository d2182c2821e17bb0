//! The short form of the fuzzer, and proof that it would notice. The long one is `cargo fuzz-decoders`.

use quorate_tests::fuzz::{Decoder, Outcome, Span, allocation::Counting, decoders, fuzz};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SHORT: Span = Span::Executions { first: 0, count: 4_000 };

#[test]
fn no_decoder_panics_over_allocates_or_accepts_two_encodings() {
    for decoder in decoders() {
        assert!(!decoder.corpus.is_empty(), "{} has nothing to begin from", decoder.name);
        let report = fuzz(&decoder, 7, SHORT);
        assert_eq!(report.failure, None, "{}", decoder.name);
        assert!(report.accepted > 0, "{} never accepts: it is not reached", decoder.name);
        assert!(report.accepted < report.executions, "{} accepts all damage", decoder.name);
    }
}

#[test]
fn one_execution_replays_what_many_found() {
    let decoders = decoders();
    let decoder = decoders.first().expect("there are decoders");
    let fails_late = Decoder {
        run: |bytes| {
            assert!(bytes.len() % 97 != 5, "found {}", bytes.len());
            Outcome::Refused
        },
        ..decoder.clone()
    };
    let (number, what) = fuzz(&fails_late, 3, SHORT).failure.expect("some input has this length");
    let again = fuzz(&fails_late, 3, Span::Executions { first: number, count: 1 });
    assert_eq!(again.failure, Some((number, what)));
}

/// Each promise is one that can be broken.
#[test]
fn a_panic_an_allocation_and_a_second_encoding_are_noticed() {
    let decoders = decoders();
    let decoder = decoders.first().expect("there are decoders");
    let check = |run: fn(&[u8]) -> Outcome, expected: &str| {
        let (_, what) =
            fuzz(&Decoder { run, ..decoder.clone() }, 1, SHORT).failure.expect(expected);
        assert!(what.contains(expected), "{what}");
    };
    check(|_| panic!("broken"), "panicked: broken");
    check(|_| Outcome::Accepted(Some(vec![1, 2, 3])), "encoded as other 3");
    check(
        |_| {
            let much: Vec<u8> = Vec::with_capacity(64 << 20);
            assert_eq!(much.len(), 0);
            Outcome::Refused
        },
        "were allocated",
    );
}
