//! The one canonical binary encoding (borsh), strict and bounded.
//!
//! Decoding refuses trailing bytes, unknown enum tags, booleans other than 0 and 1, invalid UTF-8 and maps
//! out of order. A length prefix never allocates more than the input could fill, or a MiB (borsh grows
//! collections as it reads, and strings of bytes in steps of that size), and every caller names the largest input it
//! accepts. `cargo fuzz-decoders` holds all decoders to it.

use borsh::{BorshDeserialize, BorshSerialize, io};
use thiserror::Error;

/// Why bytes from outside were refused.
#[derive(Debug, Error)]
pub enum DecodeError {
    #[error("the encoding has {length} bytes, and at most {limit} are accepted")]
    TooLong { length: usize, limit: usize },
    #[error("the encoding is malformed: {0}")]
    Malformed(#[from] io::Error),
}

/// Bytes that most values take at most: room from the beginning, so that they need not move.
const ENCODED_BYTES: usize = 64;

/// Encodes a value. Writing to memory cannot fail.
pub fn encode<T: BorshSerialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(ENCODED_BYTES);
    encode_into(value, &mut bytes);
    bytes
}

/// Appends a value's encoding to `bytes`.
pub fn encode_into<T: BorshSerialize + ?Sized>(value: &T, bytes: &mut Vec<u8>) {
    if let Err(error) = value.serialize(bytes) {
        panic!("encoding to memory failed: {error}");
    }
}

/// Decodes a value that must fill `bytes` to the last one and be no longer than `limit`.
pub fn decode<T: BorshDeserialize>(bytes: &[u8], limit: usize) -> Result<T, DecodeError> {
    if bytes.len() > limit {
        return Err(DecodeError::TooLong { length: bytes.len(), limit });
    }
    Ok(T::try_from_slice(bytes)?)
}

/// The format version that leads every signed or stored envelope. Only version 1 exists; another byte is
/// refused, so that a later format can never be misread as this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum FormatVersion {
    #[default]
    V1 = 1,
}

/// Refuses a collection longer than `limit` while decoding.
pub fn check_length(what: &str, length: usize, limit: usize) -> io::Result<()> {
    if length > limit {
        let message = format!("{what} has {length} entries, and at most {limit} are accepted");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    Ok(())
}

/// Why a text form was refused.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum ParseError {
    #[error("expected 0x and {expected} lowercase hex digits, got {got:?}")]
    Hex { expected: usize, got: String },
    #[error("expected a decimal number, got {0:?}")]
    Number(String),
    #[error("{0}")]
    Invalid(String),
}

/// Parses exactly `N` bytes of `0x`-prefixed lowercase hex.
pub fn parse_hex<const N: usize>(text: &str) -> Result<[u8; N], ParseError> {
    let refuse = || ParseError::Hex { expected: N * 2, got: text.chars().take(80).collect() };
    let digits = text.strip_prefix("0x").ok_or_else(refuse)?;
    if digits.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(refuse());
    }
    let mut bytes = [0; N];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| refuse())?;
    Ok(bytes)
}

/// `FromStr` and serde through the strict `0x` hex form, for a tuple struct over `[u8; N]`.
macro_rules! hex_text {
    ($name:ident, $length:literal) => {
        impl std::str::FromStr for $name {
            type Err = $crate::codec::ParseError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::codec::parse_hex::<$length>(text).map(Self)
            }
        }

        $crate::codec::serde_text!($name);
    };
}
pub(crate) use hex_text;

/// serde through `Display` and `FromStr`.
macro_rules! serde_text {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text: std::borrow::Cow<'de, str> =
                    serde::Deserialize::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use serde_text;
