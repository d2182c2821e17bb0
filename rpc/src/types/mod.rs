//! The JSON forms, shared by server and clients.
//!
//! Hashes, keys, addresses and signatures are lowercase `0x` hex; blobs are base64; heights, counts
//! and milliseconds are numbers; amounts, gas and nonces are decimal strings. Field names are
//! camelCase. What a contract takes and gives is JSON by its ABI.

mod chain;
mod consensus;
mod contract;
mod evidence;
mod node;
mod state;
mod transaction;

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use primitives::codec::ParseError;
use primitives::{Hash, Height, TimestampMs};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use chain::{
    BlockEvent, BlockView, CertificateView, ChainSummary, CommitView, HeaderView, ParametersView,
    PayloadView, ResultView, SignatureView, ValidatorView,
};
pub use consensus::{
    BannedValidator, ConsensusState, ConsensusStatus, LastTimeout, Leader, MissingValidator,
    Readiness, ResultVotes, TimeoutVoteView,
};
pub use contract::{AbiView, AccountView, NextNonce, QueryResult};
pub use evidence::{EvidenceList, EvidenceView, SignedMessageKind, SignedMessageView};
pub use node::{DiskLevel, DiskStatus, NamespaceUsage, NodeStatus};
pub use state::{
    DifferenceView, DifferencesView, EntryView, KeyView, NamespaceView, PiecesView, PrefixView,
    ProvedView, ScanView, ValueView,
};
pub use transaction::{
    ActionView, EventView, FailureView, ReceiptStatus, ReceiptView, SendAndWaitResult, SendResult,
    TransactionStatus, TransactionView, TxView, Until,
};

/// Where an answer holds: the block at this height, and the state after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Anchor {
    pub height: Height,
    pub block_hash: Hash,
    pub state_root: Hash,
    /// The block's timestamp.
    pub time_ms: TimestampMs,
}

/// An answer, its fields beside an `at` that says where it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "{T}Answer")]
pub struct Answer<T> {
    #[serde(flatten)]
    pub body: T,
    pub at: Anchor,
}

impl<T> Deref for Answer<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.body
    }
}

/// Which block a read asks about: `"latest"`, a height as a number, or a block hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum At {
    #[default]
    Latest,
    Height(Height),
    Hash(Hash),
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Height(height) => fmt::Display::fmt(height, f),
            Self::Hash(hash) => fmt::Display::fmt(hash, f),
        }
    }
}

/// The form of the command line: a height is written in digits.
impl FromStr for At {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text.parse() {
            Ok(height) => Ok(Self::Height(Height(height))),
            Err(_) => Self::from_json_text(text),
        }
    }
}

impl At {
    fn from_json_text(text: &str) -> Result<Self, ParseError> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        let hash = text.parse().map_err(|error| {
            ParseError::Invalid(format!("expected \"latest\", a height or a block hash; {error}"))
        })?;
        Ok(Self::Hash(hash))
    }
}

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Latest => serializer.serialize_str("latest"),
            Self::Height(height) => height.serialize(serializer),
            Self::Hash(hash) => hash.serialize(serializer),
        }
    }
}

impl JsonSchema for At {
    fn schema_name() -> Cow<'static, str> {
        "At".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Which block: \"latest\", a height, or a block hash",
            "oneOf": [
                { "const": "latest" },
                generator.subschema_for::<Height>(),
                generator.subschema_for::<Hash>(),
            ]
        })
    }
}

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = At;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"latest\", a height or a block hash")
            }

            fn visit_u64<E: de::Error>(self, height: u64) -> Result<At, E> {
                Ok(At::Height(Height(height)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<At, E> {
                At::from_json_text(text).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// Bytes: standard base64 with padding, strict.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Blob(pub Vec<u8>);

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({} bytes)", self.0.len())
    }
}

impl fmt::Display for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(&self.0))
    }
}

impl FromStr for Blob {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let decoded = BASE64.decode(text);
        decoded.map(Self).map_err(|error| ParseError::Invalid(format!("not base64: {error}")))
    }
}

impl JsonSchema for Blob {
    fn schema_name() -> Cow<'static, str> {
        "Blob".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "contentEncoding": "base64" })
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text: Cow<'de, str> = Deserialize::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}
