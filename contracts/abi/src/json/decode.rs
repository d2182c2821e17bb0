//! Canonical binary to JSON.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cmp::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value};

use super::{DecodeError, fields_json, may_be_null};
use crate::{Abi, Field, Method, Selector, Type};

/// A value that must fill `bytes` to the last one.
///
/// The JSON is larger than the bytes by no more than the names in the type ask for.
pub fn decode_value(ty: &Type, bytes: &[u8]) -> Result<Value, DecodeError> {
    let mut reader = Reader { rest: bytes };
    let value = reader.value(ty)?;
    reader.finish()?;
    Ok(value)
}

/// What a successful call of the method returned.
pub fn decode_output(method: &Method, output: &[u8]) -> Result<Value, DecodeError> {
    decode_value(&method.returns, output)
}

/// What a reverted call of the method says. An enum reads as `{"Insufficient": {"have": "1",
/// "need": "2"}}`.
pub fn decode_error(method: &Method, output: &[u8]) -> Result<Value, DecodeError> {
    decode_value(method.error.as_ref().ok_or(DecodeError::NoError)?, output)
}

/// The method that an input calls, and its arguments by name.
pub fn decode_arguments<'a>(
    abi: &'a Abi,
    input: &[u8],
) -> Result<(&'a Method, Value), DecodeError> {
    let mut reader = Reader { rest: input };
    let selector: Selector = reader.array("selector")?;
    let method = abi.method(selector).ok_or(DecodeError::UnknownMethod)?;
    let mut arguments = Map::new();
    for parameter in &method.parameters {
        arguments.insert(parameter.name.clone(), reader.value(&parameter.ty)?);
    }
    reader.finish()?;
    Ok((method, Value::Object(arguments)))
}

/// An event's name and its fields. `None` when the description does not know it or it does not fit.
pub fn decode_event(abi: &Abi, topics: &[Vec<u8>], data: &[u8]) -> Option<(String, Value)> {
    let (first, indexed) = topics.split_first()?;
    let event = abi.event(first.as_slice().try_into().ok()?)?;
    let mut indexed = indexed.iter();
    let mut reader = Reader { rest: data };
    let mut fields = Map::new();
    for field in &event.fields {
        let value = if field.indexed {
            decode_value(&field.ty, indexed.next()?)
        } else {
            reader.value(&field.ty)
        };
        fields.insert(field.name.clone(), value.ok()?);
    }
    reader.finish().ok()?;
    indexed.next().is_none().then(|| (event.name.clone(), Value::Object(fields)))
}

/// The order of two encoded keys of a map: that of the values.
pub(super) fn compare_keys(ty: &Type, one: &[u8], other: &[u8]) -> Ordering {
    let text = |bytes: &[u8]| bytes.get(4..).unwrap_or_default().to_vec();
    match ty {
        Type::I8 | Type::I16 | Type::I32 | Type::I64 | Type::I128 => {
            signed(one).cmp(&signed(other))
        }
        Type::String | Type::Bytes => text(one).cmp(&text(other)),
        Type::Address | Type::Hash => one.cmp(other),
        _ => one.iter().rev().cmp(other.iter().rev()),
    }
}

/// A little-endian two's complement number of up to 16 bytes.
fn signed(bytes: &[u8]) -> i128 {
    let fill = if bytes.last().is_some_and(|top| top & 0x80 != 0) { 0xff } else { 0 };
    let mut whole = [fill; 16];
    for (to, from) in whole.iter_mut().zip(bytes) {
        *to = *from;
    }
    i128::from_le_bytes(whole)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn finish(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::Trailing(self.rest.len())) }
    }

    fn take(&mut self, length: usize, of: impl ToString) -> Result<&'a [u8], DecodeError> {
        let cut = || DecodeError::CutShort(of.to_string());
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(cut)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, of: impl ToString) -> Result<[u8; N], DecodeError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, of)?);
        Ok(array)
    }

    fn length(&mut self, of: &Type) -> Result<usize, DecodeError> {
        let length = u32::from_le_bytes(self.array(of)?);
        Ok(usize::try_from(length).unwrap_or(usize::MAX))
    }

    fn value(&mut self, ty: &Type) -> Result<Value, DecodeError> {
        Ok(match ty {
            Type::Unit => Value::Null,
            Type::Bool => match u8::from_le_bytes(self.array(ty)?) {
                0 => false.into(),
                1 => true.into(),
                other => return Err(invalid(ty, &other)),
            },
            Type::U8 => u8::from_le_bytes(self.array(ty)?).into(),
            Type::U16 => u16::from_le_bytes(self.array(ty)?).into(),
            Type::U32 => u32::from_le_bytes(self.array(ty)?).into(),
            Type::I8 => i8::from_le_bytes(self.array(ty)?).into(),
            Type::I16 => i16::from_le_bytes(self.array(ty)?).into(),
            Type::I32 => i32::from_le_bytes(self.array(ty)?).into(),
            Type::U64 => u64::from_le_bytes(self.array(ty)?).to_string().into(),
            Type::U128 => u128::from_le_bytes(self.array(ty)?).to_string().into(),
            Type::I64 => i64::from_le_bytes(self.array(ty)?).to_string().into(),
            Type::I128 => i128::from_le_bytes(self.array(ty)?).to_string().into(),
            Type::String => {
                let length = self.length(ty)?;
                let text = core::str::from_utf8(self.take(length, ty)?);
                text.map_err(|_| invalid(ty, &"other than UTF-8"))?.into()
            }
            Type::Bytes => {
                let length = self.length(ty)?;
                BASE64.encode(self.take(length, ty)?).into()
            }
            Type::Address | Type::Hash => hex_text(self.take(32, ty)?),
            Type::Option(inner) => match u8::from_le_bytes(self.array(ty)?) {
                0 => Value::Null,
                1 if may_be_null(inner) => Value::Array(Vec::from([self.value(inner)?])),
                1 => self.value(inner)?,
                other => return Err(invalid(ty, &other)),
            },
            Type::Vec(element) => {
                let length = self.length(ty)?;
                self.items(ty, element, length)?
            }
            Type::Array(element, length) => {
                let length = usize::try_from(*length).unwrap_or(usize::MAX);
                if **element == Type::U8 {
                    return Ok(hex_text(self.take(length, ty)?));
                }
                self.items(ty, element, length)?
            }
            Type::Tuple(types) => {
                Value::Array(types.iter().map(|ty| self.value(ty)).collect::<Result<_, _>>()?)
            }
            Type::Map(key, value) => self.map(ty, key, value)?,
            Type::Struct { fields, .. } => self.fields(fields)?,
            Type::Enum { variants, .. } => {
                let tag = u8::from_le_bytes(self.array(ty)?);
                let variant = variants.get(usize::from(tag)).ok_or_else(|| invalid(ty, &tag))?;
                if variant.fields.is_empty() {
                    return Ok(variant.name.clone().into());
                }
                let content = self.fields(&variant.fields)?;
                Value::Object(Map::from_iter([(variant.name.clone(), content)]))
            }
        })
    }

    /// Memory is only taken for elements whose bytes are there.
    fn items(&mut self, of: &Type, element: &Type, length: usize) -> Result<Value, DecodeError> {
        if element.encoded_len_min() == 0 {
            return Err(invalid(of, &"of elements without bytes"));
        }
        let mut items = Vec::new();
        for _ in 0..length {
            items.push(self.value(element)?);
        }
        Ok(Value::Array(items))
    }

    fn map(&mut self, of: &Type, key: &Type, value: &Type) -> Result<Value, DecodeError> {
        if !key.is_key() {
            return Err(invalid(of, &format!("keyed by {key}")));
        }
        let mut last: Option<&[u8]> = None;
        let mut pairs = Vec::new();
        for _ in 0..self.length(of)? {
            let before = self.rest;
            let name = self.value(key)?;
            let key_bytes = before.get(..before.len() - self.rest.len()).unwrap_or_default();
            if last.is_some_and(|last| compare_keys(key, last, key_bytes) != Ordering::Less) {
                return Err(invalid(of, &"out of order"));
            }
            last = Some(key_bytes);
            pairs.push((name, self.value(value)?));
        }
        if *key != Type::String {
            let pairs = pairs.into_iter().map(|(name, value)| Value::from([name, value].to_vec()));
            return Ok(Value::Array(pairs.collect()));
        }
        let named = pairs.into_iter().filter_map(|(name, value)| match name {
            Value::String(name) => Some((name, value)),
            _ => None,
        });
        Ok(Value::Object(named.collect()))
    }

    fn fields(&mut self, fields: &[Field]) -> Result<Value, DecodeError> {
        let values = fields.iter().map(|field| self.value(&field.ty));
        Ok(fields_json(fields, values.collect::<Result<_, _>>()?))
    }
}

fn hex_text(bytes: &[u8]) -> Value {
    format!("0x{}", hex::encode(bytes)).into()
}

fn invalid(ty: &Type, found: &dyn core::fmt::Display) -> DecodeError {
    DecodeError::Invalid { ty: ty.to_string(), found: found.to_string() }
}
