//! The arithmetic of quorums, and what is a validator set.

use quorate_primitives::validators::ValidatorSetError;
use quorate_primitives::{SecretKey, Validator, ValidatorIndex, ValidatorSet, limits};

fn validator(number: usize) -> Validator {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&(number as u64).to_le_bytes());
    let key = SecretKey::from_seed(seed).public_key();
    Validator { name: format!("validator-{number}"), key }
}

fn validators(count: usize) -> Vec<Validator> {
    (0..count).map(validator).collect()
}

fn set(count: usize) -> ValidatorSet {
    ValidatorSet::new(validators(count)).expect("a valid set")
}

/// Not only for n = 3f + 1 (commonware#733).
#[test]
fn quorums_share_an_honest_validator_and_need_no_faulty_one() {
    let all = validators(limits::VALIDATORS_MAX);
    for count in 1..=limits::VALIDATORS_MAX {
        let set = ValidatorSet::new(all[..count].to_vec()).expect("a valid set");
        let (n, f, q) = (set.len(), set.faulty_max(), set.quorum());
        assert!(n > 3 * f, "n {n}, f {f}: more faults than any protocol bears");
        assert!(n <= 3 * (f + 1), "n {n}, f {f}: it could bear one more");
        assert!(2 * q > n + f, "n {n}, f {f}, q {q}: two quorums may share only faulty ones");
        assert!(q + f <= n, "n {n}, f {f}, q {q}: the faulty ones alone can stop the chain");
        // A quorum's honest members alone are more than the faulty ones.
        assert!(q > 2 * f, "n {n}, f {f}, q {q}: f + 1 of a quorum may all be faulty");
    }
}

#[test]
fn indices_go_both_ways() {
    let set = set(limits::VALIDATORS_MAX);
    assert_eq!(set.indices().count(), set.len());
    for (index, validator) in set.iter() {
        assert_eq!(set.get(index), Some(validator));
        assert_eq!(set.index_of(&validator.key), Some(index));
    }
    assert_eq!(set.get(ValidatorIndex(100)), None);
    assert_eq!(set.get(ValidatorIndex(u16::MAX)), None);
    assert_eq!(set.index_of(&validator(100).key), None);
}

#[test]
fn the_hash_of_a_set_fixes_keys_names_and_order() {
    let hash = |validators| ValidatorSet::new(validators).expect("a valid set").hash();
    let plain = validators(4);
    let mut swapped = plain.clone();
    swapped.swap(1, 2);
    let mut renamed = plain.clone();
    renamed[0].name.push('x');
    let mut rekeyed = plain.clone();
    rekeyed[0].key = validator(9).key;
    let hashes = [plain, swapped, renamed, rekeyed].map(hash);
    for (position, hash) in hashes.iter().enumerate() {
        assert!(!hashes[..position].contains(hash), "{position}");
    }
}

#[test]
fn what_is_no_set_is_refused() {
    let refused = |validators| ValidatorSet::new(validators).expect_err("no set");
    assert_eq!(refused(Vec::new()), ValidatorSetError::Size(0));
    let many = limits::VALIDATORS_MAX + 1;
    assert_eq!(refused(validators(many)), ValidatorSetError::Size(many));

    let same_name = Validator { name: "validator-0".to_owned(), ..validator(1) };
    let error = ValidatorSetError::Duplicate("validator-0".to_owned());
    assert_eq!(refused(vec![validator(0), same_name]), error);
    let same_key = Validator { name: "another".to_owned(), ..validator(0) };
    let error = ValidatorSetError::Duplicate("another".to_owned());
    assert_eq!(refused(vec![validator(0), same_key]), error);

    for name in [String::new(), "n".repeat(limits::VALIDATOR_NAME_BYTES_MAX + 1)] {
        assert_eq!(refused(vec![Validator { name, ..validator(0) }]), ValidatorSetError::Name);
    }
}
