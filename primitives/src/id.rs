//! Numbers and names with a meaning, one type each.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize, io};
use serde::{Deserialize, Serialize};

use crate::codec::{self, ParseError};
use crate::limits;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash,
            BorshSerialize, BorshDeserialize,
        )]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl $name {
            pub const ZERO: Self = Self(0);

            /// `None` on overflow.
            #[must_use]
            pub fn checked_add(self, other: Self) -> Option<Self> {
                self.0.checked_add(other.0).map(Self)
            }

            /// `None` when `other` is larger.
            #[must_use]
            pub fn checked_sub(self, other: Self) -> Option<Self> {
                self.0.checked_sub(other.0).map(Self)
            }

            /// Zero when `other` is larger.
            #[must_use]
            pub fn saturating_sub(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }
        }
    };
}

/// A JSON number.
macro_rules! json_number {
    ($($name:ident),*) => { $(
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                Serialize::serialize(&self.0, s)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                Deserialize::deserialize(d).map(Self)
            }
        }
    )* };
}

/// A decimal string in JSON, since JavaScript loses digits above 2^53.
macro_rules! json_decimal {
    ($($name:ident),*) => { $(
        impl FromStr for $name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                parse_decimal(text).map(Self)
            }
        }
        codec::serde_text!($name);
    )* };
}

/// Parses a decimal number without sign and leading zeros, so that each number has one spelling.
fn parse_decimal<T: FromStr>(text: &str) -> Result<T, ParseError> {
    let is_canonical =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    let number = if is_canonical { text.parse().ok() } else { None };
    number.ok_or_else(|| ParseError::Number(text.chars().take(80).collect()))
}

number! {
    /// The number of a block in the chain; genesis is 0.
    Height(u64)
}
number! {
    /// One attempt of one leader to propose. Grows within an epoch; several views may pass for one block.
    View(u64)
}
number! {
    /// One validator set's reign. The first is 0.
    Epoch(u64)
}
number! {
    /// The unit of metered work.
    Gas(u64)
}
number! {
    /// An amount of the chain's native unit.
    Amount(u128)
}
number! {
    /// Milliseconds since the Unix epoch, or a span of them.
    TimestampMs(u64)
}
number! {
    /// A validator's position in its [`crate::ValidatorSet`].
    ValidatorIndex(u16)
}

json_number!(Height, View, Epoch, TimestampMs, ValidatorIndex);
json_decimal!(Gas, Amount);

impl Height {
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl View {
    /// The following view. Views come from outside, so the last one is its own successor.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl TimestampMs {
    /// The moment `span_ms` later; the end of time when that overflows.
    #[must_use]
    pub fn plus(self, span_ms: u64) -> Self {
        Self(self.0.saturating_add(span_ms))
    }

    /// Milliseconds from `earlier` to here; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl ValidatorIndex {
    pub fn as_usize(self) -> usize {
        usize::from(self.0)
    }
}

/// Where a transaction stands among those of its sender. Each lane counts for itself from 0, so that one key
/// can send in parallel; within a lane the sequences are used without a gap.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize,
)]
pub struct Nonce {
    pub lane: u32,
    pub sequence: u64,
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.lane, self.sequence)
    }
}

/// `lane` and `sequence` as decimal strings.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NonceJson {
    lane: String,
    sequence: String,
}

impl Serialize for Nonce {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json = NonceJson { lane: self.lane.to_string(), sequence: self.sequence.to_string() };
        Serialize::serialize(&json, serializer)
    }
}

impl<'de> Deserialize<'de> for Nonce {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json: NonceJson = Deserialize::deserialize(deserializer)?;
        let lane = parse_decimal(&json.lane).map_err(serde::de::Error::custom)?;
        let sequence = parse_decimal(&json.sequence).map_err(serde::de::Error::custom)?;
        Ok(Self { lane, sequence })
    }
}

/// The name of a chain: 1 to 32 of `a-z`, `0-9` and `-`. It stands in every transaction, so that none can be
/// replayed elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct ChainId(String);

impl ChainId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ChainId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=limits::CHAIN_ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed) {
            return Ok(Self(text.to_owned()));
        }
        let max = limits::CHAIN_ID_BYTES_MAX;
        Err(ParseError::Invalid(format!("a chain id is 1 to {max} of a-z, 0-9 and '-'")))
    }
}

impl BorshDeserialize for ChainId {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let text = String::deserialize_reader(reader)?;
        text.parse().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("{error}")))
    }
}

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

codec::serde_text!(ChainId);

/// An account or a contract: 32 bytes, `0x` hex in JSON.
///
/// An account's address is the hash of its key's algorithm tag and bytes ([`crate::PublicKey::address`]); a
/// contract's is the hash of chain, creator, code and salt.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Address(pub [u8; 32]);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", crate::Hash(self.0).short())
    }
}

codec::hex_text!(Address, 32);
