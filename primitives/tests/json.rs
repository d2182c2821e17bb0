//! JSON and text forms have one spelling each: what is written comes back, and nothing else is read.

use std::fmt::Debug;
use std::str::FromStr;

use quorate_primitives::{
    Address, Amount, ChainId, Gas, Hash, Height, Nonce, PublicKey, Signature, ValidatorIndex, View,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value is written as `json` and read back from it.
fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, json: &str) {
    assert_eq!(serde_json::to_string(value).expect("it has a JSON form"), json);
    assert_eq!(&serde_json::from_str::<T>(json).expect("it was just written"), value);
}

/// None of these is read.
fn check_refused<T: DeserializeOwned + Debug>(what: &str, documents: &[&str]) {
    for json in documents {
        if let Ok(value) = serde_json::from_str::<T>(json) {
            panic!("{json} is read as the {what} {value:?}");
        }
    }
}

fn check_hex<T>(value: &T, length: usize)
where
    T: Serialize + DeserializeOwned + FromStr + PartialEq + Debug + ToString,
    T::Err: Debug + PartialEq + ToString,
{
    let text = format!("0x{}", "ab".repeat(length));
    check(value, &format!("\"{text}\""));
    assert_eq!(value.to_string(), text);
    for wrong in [
        text.replace("0x", ""),
        text.replace("0x", "0X"),
        text.to_uppercase().replace("0X", "0x"),
        text.replacen("ab", "Ab", 1),
        text.replacen("ab", "a", 1),
        text.replacen("ab", "", 1),
        text.replacen("ab", "ag", 1),
        text.replacen("ab", " b", 1),
        text.replacen("ab", "é", 1),
        format!("{text}ab"),
        format!("{text} "),
        format!(" {text}"),
        "0x".to_owned(),
        String::new(),
    ] {
        let error = wrong.parse::<T>().expect_err(&wrong).to_string();
        assert!(error.contains(&format!("{} lowercase hex digits", length * 2)), "{error}");
        check_refused::<T>("bytes", &[&format!("{wrong:?}")]);
    }
    check_refused::<T>("bytes", &["0", "null", "[]", "{}", "true"]);
}

#[test]
fn bytes_are_lowercase_hex_of_one_length() {
    check_hex(&Hash([0xab; 32]), 32);
    check_hex(&Address([0xab; 32]), 32);
    check_hex(&PublicKey([0xab; 32]), 32);
    check_hex(&Signature([0xab; 64]), 64);
}

const NO_DECIMALS: [&str; 14] = [
    r#""""#,
    r#""00""#,
    r#""01""#,
    r#""+1""#,
    r#""-1""#,
    r#"" 1""#,
    r#""1 ""#,
    r#""1_000""#,
    r#""1.0""#,
    r#""1e3""#,
    r#""0x1""#,
    r#""٣""#,
    "1",
    "null",
];

#[test]
fn amounts_and_gas_are_decimal_strings() {
    check(&Amount(0), r#""0""#);
    check(&Amount(u128::MAX), r#""340282366920938463463374607431768211455""#);
    check(&Gas(u64::MAX), r#""18446744073709551615""#);
    check_refused::<Amount>("amount", &NO_DECIMALS);
    check_refused::<Gas>("gas", &NO_DECIMALS);
    check_refused::<Amount>("amount", &[r#""340282366920938463463374607431768211456""#]);
    check_refused::<Gas>("gas", &[r#""18446744073709551616""#]);
}

#[test]
fn heights_views_and_indices_are_numbers() {
    check(&Height(u64::MAX), "18446744073709551615");
    check(&View(0), "0");
    check(&ValidatorIndex(u16::MAX), "65535");
    for wrong in [r#""1""#, "-1", "1.0", "18446744073709551616", "01", "null"] {
        check_refused::<Height>("height", &[wrong]);
    }
    check_refused::<ValidatorIndex>("index", &["65536"]);
}

#[test]
fn nonces_are_two_decimal_strings() {
    check(
        &Nonce { lane: 2, sequence: u64::MAX },
        r#"{"lane":"2","sequence":"18446744073709551615"}"#,
    );
    for part in NO_DECIMALS {
        check_refused::<Nonce>("nonce", &[&format!(r#"{{"lane":{part},"sequence":"0"}}"#)]);
        check_refused::<Nonce>("nonce", &[&format!(r#"{{"lane":"0","sequence":{part}}}"#)]);
    }
    check_refused::<Nonce>(
        "nonce",
        &[
            r#"{"lane":"0"}"#,
            r#"{"lane":"0","sequence":"0","more":"0"}"#,
            r#"{"lane":"4294967296","sequence":"0"}"#,
        ],
    );
}

#[test]
fn chain_ids_are_short_and_plain() {
    let longest = "a".repeat(32);
    for text in ["a", "0", "-", "quorate-1", longest.as_str()] {
        check(&text.parse::<ChainId>().expect("a chain id"), &format!("{text:?}"));
    }
    let too_long = "a".repeat(33);
    for text in ["", "A", "a_b", "a b", "é", "a\n", too_long.as_str()] {
        assert!(text.parse::<ChainId>().is_err(), "{text:?}");
        check_refused::<ChainId>("chain id", &[&format!("{text:?}")]);
    }
}
