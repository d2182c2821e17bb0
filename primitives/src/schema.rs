//! JSON schemas of the vocabulary's JSON forms, for the interface's own description.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{
    Address, Amount, ChainId, Epoch, Gas, Hash, Height, Nonce, PublicKey, Signature, TimestampMs,
    ValidatorIndex, View,
};

macro_rules! schema {
    ($($name:ident: $schema:tt),* $(,)?) => { $(
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )* };
}

schema! {
    Hash: { "type": "string", "pattern": "^0x[0-9a-f]{64}$", "description": "32 bytes, BLAKE3" },
    Address: {
        "type": "string",
        "pattern": "^0x[0-9a-f]{64}$",
        "description": "32 bytes that name an account or a contract"
    },
    PublicKey: {
        "type": "string",
        "pattern": "^0x[0-9a-f]{64}$",
        "description": "An Ed25519 public key"
    },
    Signature: {
        "type": "string",
        "pattern": "^0x[0-9a-f]{128}$",
        "description": "An Ed25519 signature"
    },
    ChainId: { "type": "string", "pattern": "^[a-z0-9-]{1,32}$" },
    Height: {
        "type": "integer",
        "minimum": 0,
        "description": "The number of a block; genesis is 0"
    },
    View: {
        "type": "integer",
        "minimum": 0,
        "description": "One attempt of one leader to propose"
    },
    Epoch: { "type": "integer", "minimum": 0, "description": "One validator set's reign" },
    TimestampMs: {
        "type": "integer",
        "minimum": 0,
        "description": "Milliseconds since the Unix epoch"
    },
    ValidatorIndex: {
        "type": "integer",
        "minimum": 0,
        "maximum": 65535,
        "description": "A position in the validator set"
    },
    Gas: {
        "type": "string",
        "pattern": "^(0|[1-9][0-9]*)$",
        "description": "An amount of metered work, 64 bits"
    },
    Amount: {
        "type": "string",
        "pattern": "^(0|[1-9][0-9]*)$",
        "description": "An amount of the native unit, 128 bits"
    },
    Nonce: {
        "type": "object",
        "properties": {
            "lane": { "type": "string", "pattern": "^(0|[1-9][0-9]*)$" },
            "sequence": { "type": "string", "pattern": "^(0|[1-9][0-9]*)$" }
        },
        "required": ["lane", "sequence"],
        "additionalProperties": false
    },
}
