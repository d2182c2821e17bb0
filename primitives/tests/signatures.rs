//! One rule for all signatures, ZIP-215, however they are checked: one by one, in a batch, in whatever company.

use quorate_primitives::codec::FormatVersion;
use quorate_primitives::key::SignatureBatch;
use quorate_primitives::validators::ValidatorSetError;
use quorate_primitives::{
    Action, Address, Amount, Gas, Nonce, PublicKey, SecretKey, Signature, SignedTransaction,
    TimestampMs, Transaction, Validator, ValidatorSet,
};

const MESSAGE: &[u8] = b"what is signed";

/// All encodings of the eight points of small order: the canonical ones, then those with a superfluous sign bit or
/// a y of at least p (ZIP-215, "small order" test vectors).
const SMALL_ORDER: [&str; 14] = [
    "0x0100000000000000000000000000000000000000000000000000000000000000",
    "0xc7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "0x0000000000000000000000000000000000000000000000000000000000000080",
    "0x26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "0xecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0x26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "0x0000000000000000000000000000000000000000000000000000000000000000",
    "0xc7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "0x0100000000000000000000000000000000000000000000000000000000000080",
    "0xeeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0xeeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0xedffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0xedffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0xecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

/// The group's order, little-endian: the smallest s that is not canonical.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn small_order() -> Vec<PublicKey> {
    SMALL_ORDER.iter().map(|text| text.parse().expect("32 bytes of hex")).collect()
}

fn key(number: u8) -> SecretKey {
    SecretKey::from_seed([number; 32])
}

fn signature(r: [u8; 32], s: [u8; 32]) -> Signature {
    let mut bytes = [0; 64];
    let (first, second) = bytes.split_at_mut(32);
    first.copy_from_slice(&r);
    second.copy_from_slice(&s);
    Signature(bytes)
}

fn parts(signature: &Signature) -> ([u8; 32], [u8; 32]) {
    let (r, s) = signature.0.split_at(32);
    (r.try_into().expect("32 bytes"), s.try_into().expect("32 bytes"))
}

/// Checks one signature in every way there is, and that all of them agree.
fn check(key: &PublicKey, message: &[u8], signature: &Signature, valid: bool) {
    let what = format!("key {key}, signature {signature}");
    assert_eq!(key.verifies(message, signature), valid, "alone: {what}");
    let mut alone = SignatureBatch::default();
    alone.push(key, message, signature);
    assert_eq!(alone.verify(), valid, "in a batch of one: {what}");
    let honest = self::key(200);
    for position in 0..3 {
        let mut batch = SignatureBatch::default();
        for place in 0..3 {
            if place == position {
                batch.push(key, message, signature);
            } else {
                batch.push(&honest.public_key(), &[place], &honest.sign(&[place]));
            }
        }
        assert_eq!(batch.verify(), valid, "in a batch at {position}: {what}");
        let invalid = if valid { Vec::new() } else { vec![usize::from(position)] };
        assert_eq!(batch.invalid(), invalid, "named in a batch at {position}: {what}");
    }
}

/// R and A of small order with s = 0 satisfy 8·s·B = 8·R + 8·k·A, for every message.
#[test]
fn small_order_points_are_valid_alone_and_in_batches() {
    for a in small_order() {
        for r in small_order() {
            check(&a, MESSAGE, &signature(r.0, [0; 32]), true);
            check(&a, b"", &signature(r.0, [0; 32]), true);
        }
    }
}

/// Two such signatures whose errors cancel would pass a batch that left out the cofactor.
#[test]
fn batches_of_nothing_but_small_order_points_agree_too() {
    for a in small_order() {
        let mut batch = SignatureBatch::default();
        for r in small_order() {
            batch.push(&a, MESSAGE, &signature(r.0, [0; 32]));
        }
        assert!(batch.verify(), "key {a}");
    }
}

#[test]
fn a_small_order_point_in_an_honest_signature_is_invalid() {
    let honest = key(1).sign(MESSAGE);
    let (r, s) = parts(&honest);
    check(&key(1).public_key(), MESSAGE, &honest, true);
    for point in small_order() {
        check(&key(1).public_key(), MESSAGE, &signature(point.0, s), false);
        check(&key(1).public_key(), MESSAGE, &signature(point.0, [0; 32]), false);
        check(&point, MESSAGE, &signature(r, [0; 32]), false);
    }
}

/// Adding the order to s gives the same point: accepting it would give every signature a twin.
#[test]
fn s_must_be_canonical() {
    let point = small_order().remove(0);
    check(&point, MESSAGE, &signature(point.0, ORDER), false);
    let (r, s) = parts(&key(1).sign(MESSAGE));
    let mut carry = 0;
    let sum: Vec<u8> = s
        .iter()
        .zip(ORDER)
        .map(|(a, b)| {
            let sum = u16::from(*a) + u16::from(b) + carry;
            carry = sum >> 8;
            sum.to_le_bytes()[0]
        })
        .collect();
    let twin = signature(r, sum.try_into().expect("32 bytes"));
    check(&key(1).public_key(), MESSAGE, &twin, false);
}

/// Half of all strings are no points. A key that is one verifies nothing, and neither does such an R.
#[test]
fn what_is_no_point_is_invalid() {
    let small = small_order();
    let none: Vec<PublicKey> = (2u8..40)
        .map(|y| PublicKey(std::array::from_fn(|place| if place == 0 { y } else { 0 })))
        .filter(PublicKey::is_weak)
        .collect();
    assert!(none.len() > 5, "y below 40 without a point: {none:?}");
    for point in none {
        check(&point, MESSAGE, &signature(small[0].0, [0; 32]), false);
        check(&small[0], MESSAGE, &signature(point.0, [0; 32]), false);
    }
}

#[test]
fn every_bit_of_a_signature_its_key_and_its_message_counts() {
    let (public, signed) = (key(1).public_key(), key(1).sign(MESSAGE));
    for bit in 0..512 {
        let mut damaged = signed;
        damaged.0[bit / 8] ^= 1 << (bit % 8);
        check(&public, MESSAGE, &damaged, false);
    }
    for bit in 0..256 {
        let mut damaged = public;
        damaged.0[bit / 8] ^= 1 << (bit % 8);
        check(&damaged, MESSAGE, &signed, false);
    }
    check(&public, &MESSAGE[1..], &signed, false);
    check(&public, &[MESSAGE, b"\0"].concat(), &signed, false);
}

#[test]
fn a_batch_names_exactly_its_invalid_signatures() {
    // Each bit of the pattern is a place in the batch; 1 is a bad signature.
    for count in 0..=8u32 {
        for pattern in 0..1u32 << count {
            let mut batch = SignatureBatch::default();
            let mut bad = Vec::new();
            for place in 0..count {
                let message = place.to_le_bytes();
                let is_bad = pattern >> place & 1 == 1;
                let signer = if is_bad { key(2) } else { key(1) };
                batch.push(&key(1).public_key(), &message, &signer.sign(&message));
                bad.extend(is_bad.then_some(place as usize));
            }
            assert_eq!(batch.verify(), bad.is_empty(), "{count} signatures, pattern {pattern:b}");
            assert_eq!(batch.invalid(), bad, "{count} signatures, pattern {pattern:b}");
        }
    }
}

#[test]
fn weak_keys_are_refused_as_validators() {
    let set = |key| ValidatorSet::new(vec![Validator { name: "one".to_owned(), key }]);
    for weak in small_order() {
        assert!(weak.is_weak(), "{weak}");
        assert_eq!(set(weak), Err(ValidatorSetError::WeakKey("one".to_owned())), "{weak}");
    }
    assert!(!key(1).public_key().is_weak());
    assert!(set(key(1).public_key()).is_ok());
}

#[test]
fn many_transactions_are_checked_each_for_itself() {
    let transaction = |sequence| {
        Transaction {
            version: FormatVersion::V1,
            chain_id: "chain".parse().expect("a chain id"),
            sender: key(1).public_key(),
            nonce: Nonce { lane: 0, sequence },
            valid_until: TimestampMs(1),
            gas_limit: Gas(1),
            gas_price: Amount(1),
            action: Action::Transfer { to: Address([1; 32]), amount: Amount(1) },
        }
        .sign(&key(1))
    };
    let mut many: Vec<SignedTransaction> = (0..9).map(transaction).collect();
    let stolen = many[3].signature;
    many[4].signature = stolen;
    let other = Transaction { gas_limit: Gas(70), ..many[7].transaction().clone() };
    many[7] = SignedTransaction::new(other, many[7].signature);
    let one_by_one: Vec<bool> = many.iter().map(|one| one.clone().verify().is_ok()).collect();
    let together: Vec<bool> =
        SignedTransaction::verify_all(many).iter().map(Result::is_ok).collect();
    assert_eq!(together, one_by_one);
    assert_eq!(together, [true, true, true, true, false, true, true, false, true]);
}

/// However many there are and wherever they stand, exactly the bad ones are named.
#[test]
fn a_bisection_names_every_bad_signature_of_a_large_batch() {
    let all: Vec<usize> = (0..100).collect();
    let cases: [&[usize]; 6] = [&[0], &[99], &[49, 50], &[3, 60, 61], &[1, 2, 3, 5, 8, 77], &all];
    for bad in cases {
        let mut batch = SignatureBatch::default();
        for position in 0..100u8 {
            let signer = if bad.contains(&usize::from(position)) { key(2) } else { key(1) };
            batch.push(&key(1).public_key(), &[position], &signer.sign(&[position]));
        }
        assert_eq!(batch.invalid(), bad, "{bad:?}");
    }
}
