//! The genesis: one file, one hash, and a sentence for whatever is wrong with it.

use quorate_primitives::{
    Address, Amount, ChainParameters, Domain, Gas, Genesis, Hash, Height, SecretKey, TimestampMs,
    Validator, View,
};

fn genesis() -> Genesis {
    let validator = |number: u8| Validator {
        name: format!("validator-{number}"),
        key: SecretKey::from_seed([number; 32]).public_key(),
    };
    Genesis {
        chain_id: "quorate-test".parse().expect("a chain id"),
        timestamp_ms: TimestampMs(1_700_000_000_000),
        parameters: ChainParameters::default(),
        validators: (1..=4).map(validator).collect(),
        accounts: [(Address([1; 32]), Amount(u128::MAX / 2)), (Address([2; 32]), Amount(7))].into(),
    }
}

/// The sentence with which this text is refused holds `words`.
fn check_refused(text: &str, words: &str) {
    let error = Genesis::from_toml(text).expect_err(words).to_string();
    assert!(error.contains(words), "{error:?} does not say {words:?}");
}

#[test]
fn the_file_says_all_that_the_hash_covers() {
    let genesis = genesis();
    let text = genesis.to_toml();
    let read = Genesis::from_toml(&text).expect("it was just written");
    assert_eq!(read, genesis);
    assert_eq!(read.hash(), genesis.hash());
    assert_eq!(read.to_toml(), text);
}

#[test]
fn the_form_of_the_file_does_not_matter_and_its_meaning_does() {
    let genesis = genesis();
    let text = genesis.to_toml();
    let commented = format!("# A comment.\n\n{}", text.replace(" = ", "   =   "));
    let hash = Genesis::from_toml(&commented).expect("the same meaning").hash();
    assert_eq!(hash, genesis.hash());

    let changes: [fn(&mut Genesis); 10] = [
        |genesis| genesis.chain_id = "quorate-tesu".parse().expect("a chain id"),
        |genesis| genesis.timestamp_ms.0 += 1,
        |genesis| genesis.parameters.block_gas = Gas(1),
        |genesis| genesis.parameters.gas_price_min = Amount(1),
        |genesis| genesis.parameters.transaction_validity_ms += 1,
        |genesis| genesis.parameters.clock_drift_ms += 1,
        |genesis| genesis.parameters.heartbeat_ms += 1,
        |genesis| genesis.validators.swap(0, 1),
        |genesis| genesis.validators[0].name.push('x'),
        |genesis| {
            genesis.accounts.insert(Address([2; 32]), Amount(8));
        },
    ];
    let mut hashes = vec![genesis.hash()];
    for (position, change) in changes.into_iter().enumerate() {
        let mut other = genesis.clone();
        change(&mut other);
        assert!(!hashes.contains(&other.hash()), "change {position} does not show in the hash");
        hashes.push(other.hash());
    }
}

#[test]
fn parameters_and_accounts_may_be_left_out() {
    let text = genesis().to_toml();
    let (head, _) = text.split_once("[parameters]").expect("the parameters stand in the file");
    let validators: String = (1..=4u8)
        .map(|number| {
            let key = SecretKey::from_seed([number; 32]).public_key();
            format!("[[validators]]\nname = \"validator-{number}\"\nkey = \"{key}\"\n")
        })
        .collect();
    let short = Genesis::from_toml(&format!("{head}{validators}")).expect("all that is needed");
    assert_eq!(short.parameters, ChainParameters::default());
    assert_eq!(short.validators, genesis().validators);
    assert!(short.accounts.is_empty());
}

#[test]
fn the_genesis_block_carries_the_hash() {
    let header = genesis().header();
    assert_eq!((header.height, header.view), (Height::ZERO, View::ZERO));
    assert_eq!(header.parent, genesis().hash());
    assert_eq!(header.timestamp, genesis().timestamp_ms);
    assert!(header.payload.is_empty());
    assert_eq!(header.hash(), Hash::of(Domain::Block, &header));
}

#[test]
fn what_is_wrong_is_said() {
    let text = genesis().to_toml();
    check_refused("", "missing field `chain_id`");
    check_refused("chain_id = 1", "invalid type");
    check_refused(&format!("colour = \"red\"\n{text}"), "unknown field `colour`");
    check_refused(&text.replace("heartbeat_ms", "heartbeet_ms"), "unknown field `heartbeet_ms`");
    check_refused(&text.replace("quorate-test", "Quorate"), "a chain id is 1 to 32 of a-z");
    check_refused(&text.replace("\"7\"", "\"07\""), "expected a decimal number, got \"07\"");
    check_refused(&text.replace("\"7\"", "7"), "expected a");
    check_refused(&text.replace("0x0202", "0x02"), "expected 0x and 64 lowercase hex digits");
    check_refused(&text.replace("validator-2", "validator-1"), "\"validator-1\" appears twice");

    let refuse = |change: fn(&mut Genesis), words: &str| {
        let mut genesis = genesis();
        change(&mut genesis);
        check_refused(&genesis.to_toml(), words);
    };
    refuse(|genesis| genesis.validators.clear(), "1 to 100 validators, not 0");
    refuse(|genesis| genesis.validators[1].key = genesis.validators[0].key, "appears twice");
    refuse(|genesis| genesis.validators[0].key.0 = [0; 32], "no curve point of large order");
    refuse(|genesis| genesis.validators[0].name.clear(), "a validator's name has 1 to 64 bytes");
    refuse(|genesis| genesis.parameters.block_gas = Gas(0), "block_gas must not be zero");
    refuse(|genesis| genesis.parameters.heartbeat_ms = 0, "heartbeat_ms must not be zero");
    refuse(
        |genesis| genesis.parameters.transaction_validity_ms = 0,
        "transaction_validity_ms must not be zero",
    );
    refuse(
        |genesis| {
            genesis.accounts.insert(Address([3; 32]), Amount(u128::MAX));
        },
        "add up to more than an amount can hold",
    );
}
