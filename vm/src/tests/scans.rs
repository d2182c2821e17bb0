//! Ordered scans, and additions.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use primitives::receipt::{Failure, Status};
use primitives::state_key::Direction;
use primitives::{Address, Receipt, StateKey};

use crate::testing::{ASK, GAS, RUN, TestChain, calling, text_bytes};
use crate::{Storage, walk_changed};

/// Where what a scan shows is put, behind the eight bytes of what `next_batch` answered.
const OUT: usize = 30_008;

/// A contract that writes `b`, deletes `c`, then scans as its input says: selector, flags, capacity,
/// lengths of start and end, and these two. It answers with what `next_batch` answered, and wrote.
fn scanner() -> Vec<u8> {
    calling(
        r#"(data (i32.const 20000) "bc")"#,
        &format!(
            "(local i64)
             (call $input (i32.const 0))
             (if (i32.eq (i32.load (i32.const 0)) (i32.const 0x5f6e7572)) (then
                (call $set (i32.const 20000) (i32.const 1) (i32.const 20000) (i32.const 2))
                (call $delete (i32.const 20001) (i32.const 1))))
             (local.set 1 (call $next_batch
                (call $scan
                    (i32.const 20) (i32.load (i32.const 12))
                    (i32.add (i32.const 20) (i32.load (i32.const 12))) (i32.load (i32.const 16))
                    (i32.load (i32.const 4)))
                (i32.const {OUT}) (i32.load (i32.const 8))))
             (i64.store (i32.const {answer}) (local.get 1))
             (call $set_output (i32.const {answer}) (i32.add (i32.const 8)
                (select (i32.wrap_i64 (local.get 1)) (i32.const 0)
                    (i64.gt_s (local.get 1) (i64.const 0)))))
             i32.const 0",
            answer = OUT - 8,
        ),
    )
}

#[derive(Clone, Copy, Debug)]
struct Scan<'a> {
    selector: [u8; 4],
    start: &'a [u8],
    end: &'a [u8],
    flags: u32,
    capacity: u32,
}

const WHOLE: Scan<'_> = Scan { selector: RUN, start: b"", end: b"", flags: 0, capacity: 10_000 };

impl Scan<'_> {
    fn input(&self) -> Vec<u8> {
        let length = |part: &[u8]| u32::try_from(part.len()).unwrap();
        let numbers = [self.flags, self.capacity, length(self.start), length(self.end)];
        let numbers = numbers.map(u32::to_le_bytes).concat();
        [&self.selector[..], &numbers, self.start, self.end].concat()
    }
}

/// A chain with the scanner, which has stored `a`, `c`, `d` and the two bytes 255; and another
/// contract beside it, whose keys are not its own.
fn scene() -> (TestChain, Address) {
    let mut chain = TestChain::new();
    let contract = chain.deploy(scanner());
    let mut store = |contract: &Address, key: &[u8]| {
        chain.state.insert(StateKey::storage(contract, key), [b"value of ", key].concat());
    };
    for key in [&b"a"[..], b"c", b"d", &[255, 255]] {
        store(&contract, key);
    }
    let (mut before, mut after) = (contract, contract);
    before.0[31] = before.0[31].wrapping_sub(1);
    after.0[31] = after.0[31].wrapping_add(1);
    store(&before, b"z");
    store(&after, b"a");
    (chain, contract)
}

/// A key and its value.
type Pair = (Vec<u8>, Vec<u8>);

/// What `next_batch` answered, and the pairs that it wrote.
fn shown(output: &[u8]) -> (i64, Vec<Pair>) {
    let (answer, mut rest) = output.split_at(8);
    let mut pairs = Vec::new();
    while !rest.is_empty() {
        let length = |at: usize| {
            usize::try_from(u32::from_le_bytes(rest[at..at + 4].try_into().unwrap())).unwrap()
        };
        let (key, value) = (length(0), length(4));
        pairs.push((rest[8..8 + key].to_vec(), rest[8 + key..8 + key + value].to_vec()));
        rest = &rest[8 + key + value..];
    }
    (i64::from_le_bytes(answer.try_into().unwrap()), pairs)
}

fn scan(chain: &mut TestChain, contract: Address, scan: Scan<'_>) -> (i64, Vec<Vec<u8>>) {
    let receipt = chain.call(contract, &scan.input(), 0);
    assert_eq!(receipt.status, Status::Success, "{scan:?}");
    let (answer, pairs) = shown(&receipt.output);
    for (key, value) in &pairs {
        let expected = if key == b"b" { b"bc".to_vec() } else { [b"value of ", &key[..]].concat() };
        assert_eq!(*value, expected);
    }
    (answer, pairs.into_iter().map(|(key, _)| key).collect())
}

#[test]
fn a_scan_sees_the_state_as_the_call_has_left_it_in_either_order() {
    for (start, end, expected) in [
        (&b""[..], &b""[..], &[&b"a"[..], b"b", b"d", &[255, 255]][..]),
        (b"a", b"d", &[b"a", b"b"]),
        (b"aa", b"e", &[b"b", b"d"]),
        (b"b", b"b\0", &[b"b"]),
        (b"c", b"d", &[]),
        (b"d", b"b", &[]),
        (b"b", b"b", &[]),
        (&[255, 255, 0], b"", &[]),
    ] {
        let (mut chain, contract) = scene();
        let forward = Scan { start, end, ..WHOLE };
        let (_, mut keys) = scan(&mut chain, contract, forward);
        assert_eq!(keys, expected, "{start:?} {end:?}");
        let backward = Scan { flags: 1, ..forward };
        let (_, backward) = scan(&mut chain, contract, backward);
        keys.reverse();
        assert_eq!(backward, keys, "{start:?} {end:?}");
    }
}

/// A query scans too, and sees what is committed.
#[test]
fn a_query_scans() {
    let (chain, contract) = scene();
    let asked = chain.query(contract, &Scan { selector: ASK, ..WHOLE }.input());
    assert_eq!(asked.status, Status::Success);
    let keys: Vec<_> = shown(&asked.output).1.into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [&b"a"[..], b"c", b"d", &[255, 255]]);
}

/// Of the pairs as many are written as fit. Where the first alone does not, it is told what it
/// needs: 8 bytes of lengths, 1 of key, 10 of value.
#[test]
fn a_batch_is_as_large_as_its_place() {
    for (capacity, answer, keys) in [
        (0, -19, 0),
        (18, -19, 0),
        (19, 19, 1),
        (29, 19, 1),
        (30, 30, 2),
        (31, 30, 2),
        (49, 49, 3),
        (u32::MAX, 70, 4),
    ] {
        let (mut chain, contract) = scene();
        let (answered, shown) = scan(&mut chain, contract, Scan { capacity, ..WHOLE });
        assert_eq!((answered, shown.len()), (answer, keys), "capacity {capacity}");
    }
    let (mut chain, contract) = scene();
    let nothing = Scan { start: b"x", end: b"y", ..WHOLE };
    assert_eq!(scan(&mut chain, contract, nothing), (0, Vec::new()), "the end is not a need");
}

fn run(extra: &str, body: &str) -> Receipt {
    let mut chain = TestChain::new();
    let contract = chain.deploy(calling(extra, body));
    chain.call(contract, &RUN, 0)
}

/// Batches follow one another to the end, and see what was written meanwhile, if it lies ahead.
#[test]
fn a_cursor_goes_on_where_it_was() {
    let set = |key: char| {
        let at = u32::from(key) + 256;
        format!("(call $set (i32.const {at}) (i32.const 1) (i32.const {at}) (i32.const 1))")
    };
    let letters: Vec<u8> = (0..=255).collect();
    let extra = format!(r#"(data (i32.const 256) "{}")"#, text_bytes(&letters));
    let next = |place: u32| {
        format!(
            "(if (i64.ne (call $next_batch (local.get 1) (i32.const {place}) (i32.const 10))
                (i64.const 10)) (then unreachable))"
        )
    };
    let scan = "(local.set 1 (call $scan (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 0)))";
    let body = format!(
        "(local i32) {} {} {} {scan} {} {} {} {} {} {}
         (if (i64.ne (call $next_batch (local.get 1) (i32.const 2000) (i32.const 10)) (i64.const 0))
            (then unreachable))
         (call $set_output (i32.const 1000) (i32.const 40)) i32.const 0",
        set('b'),
        set('d'),
        set('f'),
        next(1_000),
        set('a'),
        set('c'),
        next(1_010),
        next(1_020),
        next(1_030),
    );
    let receipt = run(&extra, &body);
    assert_eq!(receipt.status, Status::Success);
    let keys: Vec<u8> = receipt.output.chunks(10).map(|pair| pair[8]).collect();
    assert_eq!(keys, b"bcdf");
}

fn check_misuse(body: &str, expected: &str) {
    let receipt = run("", &format!("{body} i32.const 0"));
    assert_eq!(receipt.status, Status::Failed(Failure::HostMisuse(expected.to_owned())));
    assert!(receipt.gas_used.0 < GAS);
}

#[test]
fn cursors_are_few_and_their_calls_own() {
    let open = |flags: u32| {
        format!(
            "(drop (call $scan (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                (i32.const {flags})))"
        )
    };
    assert_eq!(run("", &format!("{} i32.const 0", open(0).repeat(16))).status, Status::Success);
    check_misuse(&open(0).repeat(17), "a call opens at most 16 cursors");
    check_misuse(&open(2), "scan with unknown flags");
    let next = |cursor: i32| {
        format!("(drop (call $next_batch (i32.const {cursor}) (i32.const 0) (i32.const 9)))")
    };
    check_misuse(&next(0), "there is no cursor 0");
    check_misuse(&format!("{} {}", open(0), next(1)), "there is no cursor 1");
    check_misuse(&format!("{} {}", open(0), next(-1)), "there is no cursor -1");
}

/// Reading costs, also where nothing fits: else a large value could be read for nothing, again and
/// again.
#[test]
fn what_does_not_fit_is_paid_for() {
    let gas = |length: usize| {
        let (mut chain, contract) = scene();
        chain.state.insert(StateKey::storage(&contract, b""), vec![0; length]);
        let receipt = chain.call(contract, &Scan { capacity: 0, ..WHOLE }.input(), 0);
        assert_eq!(shown(&receipt.output).0, -i64::try_from(length + 8).unwrap());
        receipt.gas_used.0
    };
    assert_eq!(gas(60_000) - gas(10_000), 50_000 * crate::cost::READ_BYTE);
}

/// A contract that adds `amount` to the value under `k`, up to `max`, and answers with what `add`
/// answered and with the value.
fn add(before: Option<&[u8]>, amount: i128, max: u128) -> (Receipt, Option<Vec<u8>>) {
    let mut chain = TestChain::new();
    let extra = format!(
        r#"(data (i32.const 0) "k") (data (i32.const 16) "{}") (data (i32.const 32) "{}")"#,
        text_bytes(&amount.to_le_bytes()),
        text_bytes(&max.to_le_bytes()),
    );
    let contract = chain.deploy(calling(
        &extra,
        "(i32.store (i32.const 64)
            (call $add (i32.const 0) (i32.const 1) (i32.const 16) (i32.const 32)))
         (call $set_output (i32.const 64) (i32.const 4)) i32.const 0",
    ));
    let key = StateKey::storage(&contract, b"k");
    if let Some(before) = before {
        chain.state.insert(key.clone(), before.to_vec());
    }
    let receipt = chain.call(contract, &RUN, 0);
    (receipt, chain.state.get(&key).cloned())
}

#[test]
fn an_addition_is_done_within_its_bounds_or_not_at_all() {
    for (before, amount, max, after) in [
        (None, 5, 5, Some(5)),
        (None, 0, 0, Some(0)),
        (None, 6, 5, None),
        (None, -1, u128::MAX, None),
        (Some(7), -7, 0, Some(0)),
        (Some(7), -8, u128::MAX, None),
        // What is above the maximum already may come down to it, and no less far.
        (Some(100), -10, 50, None),
        (Some(100), -60, 50, Some(40)),
        (Some(u128::MAX), 0, u128::MAX, Some(u128::MAX)),
        (Some(u128::MAX), 1, u128::MAX, None),
        (Some(u128::MAX - 1), i128::MAX, u128::MAX, None),
        (Some(1 << 127), i128::MIN, u128::MAX, Some(0)),
        (Some((1 << 127) - 1), i128::MIN, u128::MAX, None),
        (Some(1), i128::MAX, u128::MAX, Some(1 << 127)),
    ] {
        let stored = before.map(u128::to_le_bytes);
        let (receipt, value) = add(stored.as_ref().map(|bytes| &bytes[..]), amount, max);
        assert_eq!(receipt.status, Status::Success);
        assert_eq!(receipt.output, u32::from(after.is_none()).to_le_bytes(), "{before:?} {amount}");
        let expected = after.or(before).map(|value| value.to_le_bytes().to_vec());
        assert_eq!(value, expected, "{before:?} {amount} {max}");
    }
}

#[test]
fn an_addition_needs_a_value_of_sixteen_bytes() {
    for before in [&b""[..], &[0; 8], &[0; 15], &[0; 17]] {
        let (receipt, value) = add(Some(before), 1, 100);
        let misuse = "add to a value that has not 16 bytes".to_owned();
        assert_eq!(receipt.status, Status::Failed(Failure::HostMisuse(misuse)));
        assert_eq!(value.as_deref(), Some(before));
    }
}

/// Numbers that look random and are always the same.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Layers upon layers show what a map shows to which all was applied, in either order, however early
/// the visitor has enough.
#[test]
fn changes_over_a_store_look_like_the_changed_store() {
    for seed in 0..400 {
        let mut numbers = Numbers(seed);
        let key = |number: u64| StateKey::system(&format!("{number:03}"));
        let mut base = BTreeMap::new();
        for _ in 0..numbers.below(40) {
            base.insert(key(numbers.below(50)), vec![0]);
        }
        let (mut model, mut changes) = (base.clone(), BTreeMap::new());
        for _ in 0..numbers.below(40) {
            let key = key(numbers.below(50));
            let value = (numbers.below(3) > 0).then(|| vec![1]);
            match &value {
                Some(value) => model.insert(key.clone(), value.clone()),
                None => model.remove(&key),
            };
            changes.insert(key, value);
        }
        let range = key(numbers.below(50))..key(numbers.below(60));
        let limit = usize::try_from(1 + numbers.below(30)).unwrap();
        for direction in [Direction::Ascending, Direction::Descending] {
            let (mut seen, mut expected) = (Vec::new(), Vec::new());
            let mut visit = |key: StateKey, value: Vec<u8>| {
                seen.push((key, value));
                if seen.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            };
            let below = |visit: primitives::state_key::KeyVisitor<'_>| {
                Storage::walk(&base, &range, direction, visit);
            };
            walk_changed(&changes, below, (&range, direction), &mut visit);
            if range.start < range.end {
                expected =
                    model.range(range.clone()).map(|(k, v)| (k.clone(), v.clone())).collect();
            }
            if direction == Direction::Descending {
                expected.reverse();
            }
            expected.truncate(limit);
            assert_eq!(seen, expected, "seed {seed}, {direction:?}");
        }
    }
}
