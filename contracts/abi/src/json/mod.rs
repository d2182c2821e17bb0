//! JSON to canonical binary and back, by a contract's description. JSON exists only at the node's
//! edge.
//!
//! | type | JSON |
//! | --- | --- |
//! | `()` | `null` |
//! | `bool` | `true`, `false` |
//! | `u8`…`u32`, `i8`…`i32` | a number |
//! | `u64`, `u128`, `i64`, `i128` | a decimal string; an exact number is accepted too |
//! | `String` | a string |
//! | `Bytes` | base64; `0x` hex is accepted too |
//! | `Address`, `Hash`, `[u8; N]` | lowercase `0x` hex |
//! | `Option` | `null` or the value; the value in an array of one, when it could be `null` itself |
//! | `Vec`, arrays, tuples | an array |
//! | `Map` | an object when keys are strings, else an array of `[key, value]` |
//! | struct | an object; a tuple struct an array, of one field that field itself |
//! | enum | `"Variant"`, or `{"Variant": …}` with the fields like a struct's |
//!
//! Large numbers are strings since JavaScript loses digits above 2^53.
//!
//! Decoding is as strict as borsh: no bytes may follow, booleans are 0 or 1, map keys ascend.

mod decode;
mod describe;
mod encode;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde_json::{Map, Value};
use thiserror::Error;

pub use decode::{decode_arguments, decode_error, decode_event, decode_output, decode_value};
pub use encode::{encode_arguments, encode_call, encode_value};

use crate::Field;

/// Why JSON could not be made into a call or a value. Written for whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JsonError {
    #[error("the contract has no method `{method}`; it has {known}")]
    UnknownMethod { method: String, known: String },
    #[error("arguments are an object of names and values or an array, got {got}")]
    NotArguments { got: String },
    #[error("`{method}` takes {expected} arguments ({signature}), got {got}")]
    ArgumentCount { method: String, signature: String, expected: usize, got: usize },
    #[error("`{method}` has no argument `{argument}`; it takes ({signature})")]
    UnknownArgument { method: String, signature: String, argument: String },
    #[error("argument `{argument}` is missing: expected {expected}")]
    MissingArgument { argument: String, expected: String },
    #[error("{place}: expected {expected}, got {got}")]
    Value { place: Place, expected: String, got: String },
}

/// Which part of the JSON was wrong: ``argument `orders[2].price` ``, or `the value`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place(String);

impl Place {
    fn field(&self, name: &str) -> Self {
        let dot = if self.0.is_empty() { "" } else { "." };
        Self(alloc::format!("{}{dot}{name}", self.0))
    }

    fn index(&self, index: usize) -> Self {
        Self(alloc::format!("{}[{index}]", self.0))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            f.write_str("the value")
        } else {
            write!(f, "argument `{}`", self.0)
        }
    }
}

/// Why bytes are no value of a type. Of a contract's output, it means that the contract belies its
/// ABI.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    #[error("the bytes end within a {0}")]
    CutShort(String),
    #[error("{0} bytes follow the value")]
    Trailing(usize),
    #[error("a {ty} cannot be {found}")]
    Invalid { ty: String, found: String },
    #[error("the contract has no method with this selector")]
    UnknownMethod,
    #[error("the method never reverts with a value")]
    NoError,
}

/// What JSON shows of a value, cut to a length that fits a message.
fn shown(value: &Value) -> String {
    const CHARACTERS_MAX: usize = 60;
    let text = match value {
        Value::Array(items) => return alloc::format!("an array of {}", items.len()),
        Value::Object(_) => return "an object".into(),
        scalar => scalar.to_string(),
    };
    if text.chars().count() <= CHARACTERS_MAX {
        return text;
    }
    text.chars().take(CHARACTERS_MAX).chain("…".chars()).collect()
}

/// Whether a value of the type may be `null`, so that an option of it needs more than `null` to
/// tell.
fn may_be_null(ty: &crate::Type) -> bool {
    use crate::Type;
    match ty {
        Type::Unit | Type::Option(_) => true,
        Type::Struct { fields, .. } => match fields.as_slice() {
            [only] => crate::types::are_positional(fields) && may_be_null(&only.ty),
            _ => false,
        },
        _ => false,
    }
}

/// The JSON of fields whose values are given in order.
fn fields_json(fields: &[Field], mut values: Vec<Value>) -> Value {
    if !crate::types::are_positional(fields) {
        let named = fields.iter().map(|field| field.name.clone()).zip(values);
        return Value::Object(Map::from_iter(named));
    }
    match (values.len(), values.pop()) {
        (1, Some(only)) => only,
        (_, last) => Value::Array(values.into_iter().chain(last).collect()),
    }
}
