//! JSON to canonical binary.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value};

use super::{JsonError, Place, may_be_null, shown};
use crate::types::are_positional;
use crate::{Abi, Field, Method, Type, Variant};

/// The input of a call: the method's selector and its arguments.
///
/// `arguments` is an object by name (an optional argument may be left out), an array by position,
/// or `null` for none.
pub fn encode_call(abi: &Abi, method: &str, arguments: &Value) -> Result<Vec<u8>, JsonError> {
    let Some(method) = abi.method_named(method) else {
        let names: Vec<_> = abi.methods.iter().map(|known| format!("`{}`", known.name)).collect();
        let known = if names.is_empty() { "none".into() } else { names.join(", ") };
        return Err(JsonError::UnknownMethod { method: method.into(), known });
    };
    let mut input = method.selector.to_vec();
    input.extend(encode_arguments(method, arguments)?);
    Ok(input)
}

/// The arguments of a method, without its selector.
pub fn encode_arguments(method: &Method, arguments: &Value) -> Result<Vec<u8>, JsonError> {
    let mut out = Vec::new();
    let none = Map::new();
    match arguments {
        Value::Array(values) => positional(method, values, &mut out)?,
        Value::Object(values) => named(method, values, &mut out)?,
        Value::Null => named(method, &none, &mut out)?,
        other => return Err(JsonError::NotArguments { got: shown(other) }),
    }
    Ok(out)
}

/// One value in canonical binary.
pub fn encode_value(ty: &Type, value: &Value) -> Result<Vec<u8>, JsonError> {
    let mut out = Vec::new();
    Encoder { out: &mut out }.value(ty, value, &Place::default())?;
    Ok(out)
}

fn positional(method: &Method, values: &[Value], out: &mut Vec<u8>) -> Result<(), JsonError> {
    if values.len() != method.parameters.len() {
        return Err(JsonError::ArgumentCount {
            method: method.name.clone(),
            signature: signature(method),
            expected: method.parameters.len(),
            got: values.len(),
        });
    }
    for (parameter, value) in method.parameters.iter().zip(values) {
        let place = Place::default().field(&parameter.name);
        Encoder { out }.value(&parameter.ty, value, &place)?;
    }
    Ok(())
}

fn named(method: &Method, values: &Map<String, Value>, out: &mut Vec<u8>) -> Result<(), JsonError> {
    let is_known = |name: &&String| method.parameters.iter().any(|known| known.name == **name);
    if let Some(unknown) = values.keys().find(|name| !is_known(name)) {
        return Err(JsonError::UnknownArgument {
            method: method.name.clone(),
            signature: signature(method),
            argument: unknown.clone(),
        });
    }
    for parameter in &method.parameters {
        let place = Place::default().field(&parameter.name);
        let value = match values.get(&parameter.name) {
            Some(value) => value,
            None if matches!(parameter.ty, Type::Option(_)) => &Value::Null,
            None => {
                let argument = parameter.name.clone();
                return Err(JsonError::MissingArgument {
                    argument,
                    expected: wanted(&parameter.ty),
                });
            }
        };
        Encoder { out }.value(&parameter.ty, value, &place)?;
    }
    Ok(())
}

fn signature(method: &Method) -> String {
    let parameters = method.parameters.iter().map(|p| format!("{}: {}", p.name, p.ty));
    parameters.collect::<Vec<_>>().join(", ")
}

/// What a type wants, in words.
fn wanted(ty: &Type) -> String {
    match ty {
        Type::Unit => "null".into(),
        Type::Bool => "true or false".into(),
        Type::U8 | Type::U16 | Type::U32 | Type::I8 | Type::I16 | Type::I32 => {
            format!("{ty} as a number")
        }
        Type::U64 | Type::U128 | Type::I64 | Type::I128 => format!("{ty} as a decimal string"),
        Type::String => "a string".into(),
        Type::Bytes => "bytes as base64 or 0x hex".into(),
        Type::Address | Type::Hash => format!("{ty} as 0x and 64 lowercase hex digits"),
        Type::Option(inner) if may_be_null(inner) => format!("null or [{inner}]"),
        Type::Option(inner) => format!("null or {}", wanted(inner)),
        Type::Vec(element) => format!("an array of {element}"),
        Type::Array(element, length) if **element == Type::U8 => {
            format!("0x and {} lowercase hex digits", u64::from(*length) * 2)
        }
        Type::Array(element, length) => format!("an array of {length} {element}"),
        Type::Tuple(types) => format!("an array of {}: {ty}", types.len()),
        Type::Map(key, value) if **key == Type::String => format!("an object of {value}"),
        Type::Map(key, value) => format!("an array of [{key}, {value}]"),
        Type::Struct { name, fields } => format!("{name}: {}", fields_wanted(fields)),
        Type::Enum { name, variants } => {
            let variants: Vec<_> = variants.iter().map(|variant| variant.name.as_str()).collect();
            format!("{name}: one of {}", variants.join(", "))
        }
    }
}

fn fields_wanted(fields: &[Field]) -> String {
    match fields {
        [] => "{}".into(),
        [only] if are_positional(fields) => wanted(&only.ty),
        _ if are_positional(fields) => format!("an array of {}", fields.len()),
        _ => {
            let names: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
            format!("an object with {}", names.join(", "))
        }
    }
}

struct Encoder<'a> {
    out: &'a mut Vec<u8>,
}

impl Encoder<'_> {
    fn value(&mut self, ty: &Type, value: &Value, place: &Place) -> Result<(), JsonError> {
        let refuse = || refusal(place, wanted(ty), value);
        match ty {
            Type::Unit => value.as_null().ok_or_else(refuse)?,
            Type::Bool => self.out.push(value.as_bool().ok_or_else(refuse)?.into()),
            Type::U8 => self.put(&small::<u8>(value).ok_or_else(refuse)?.to_le_bytes()),
            Type::U16 => self.put(&small::<u16>(value).ok_or_else(refuse)?.to_le_bytes()),
            Type::U32 => self.put(&small::<u32>(value).ok_or_else(refuse)?.to_le_bytes()),
            Type::I8 => self.put(&small::<i8>(value).ok_or_else(refuse)?.to_le_bytes()),
            Type::I16 => self.put(&small::<i16>(value).ok_or_else(refuse)?.to_le_bytes()),
            Type::I32 => self.put(&small::<i32>(value).ok_or_else(refuse)?.to_le_bytes()),
            Type::U64 => self.put(&large::<u64>(value).ok_or_else(refuse)?.to_le_bytes()),
            Type::U128 => self.put(&large::<u128>(value).ok_or_else(refuse)?.to_le_bytes()),
            Type::I64 => self.put(&large::<i64>(value).ok_or_else(refuse)?.to_le_bytes()),
            Type::I128 => self.put(&large::<i128>(value).ok_or_else(refuse)?.to_le_bytes()),
            Type::String => self.text(value.as_str().ok_or_else(refuse)?.as_bytes()),
            Type::Bytes => self.text(&blob(value).ok_or_else(refuse)?),
            Type::Address | Type::Hash => self.put(&hex(value, 32).ok_or_else(refuse)?),
            Type::Option(inner) => return self.option(inner, value, place, refuse),
            Type::Vec(element) => {
                let items = value.as_array().ok_or_else(refuse)?;
                self.length(items.len());
                return self.items(element, items, place);
            }
            Type::Array(element, length) => {
                let length = usize::try_from(*length).unwrap_or(usize::MAX);
                if **element == Type::U8 {
                    self.put(&hex(value, length).ok_or_else(refuse)?);
                    return Ok(());
                }
                let items = value.as_array().filter(|items| items.len() == length);
                return self.items(element, items.ok_or_else(refuse)?, place);
            }
            Type::Tuple(types) => {
                let items = value.as_array().filter(|items| items.len() == types.len());
                let items = items.ok_or_else(refuse)?;
                for (index, (ty, item)) in types.iter().zip(items).enumerate() {
                    self.value(ty, item, &place.index(index))?;
                }
            }
            Type::Map(key, entry) => return self.map(key, entry, value, place),
            Type::Struct { name, fields } => return self.fields(name, fields, value, place),
            Type::Enum { variants, .. } => {
                let (tag, variant, content) = choose(variants, value).ok_or_else(refuse)?;
                self.out.push(tag);
                return self.fields(&variant.name, &variant.fields, content, place);
            }
        }
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// JSON of 4 GiB does not reach us; a longer one would be refused where its bytes are decoded.
    fn length(&mut self, length: usize) {
        self.put(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    }

    fn text(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.put(bytes);
    }

    fn option(
        &mut self,
        inner: &Type,
        value: &Value,
        place: &Place,
        refuse: impl Fn() -> JsonError,
    ) -> Result<(), JsonError> {
        if value.is_null() {
            self.out.push(0);
            return Ok(());
        }
        self.out.push(1);
        if !may_be_null(inner) {
            return self.value(inner, value, place);
        }
        match value.as_array().map(Vec::as_slice) {
            Some([only]) => self.value(inner, only, place),
            _ => Err(refuse()),
        }
    }

    fn items(&mut self, ty: &Type, items: &[Value], place: &Place) -> Result<(), JsonError> {
        for (index, item) in items.iter().enumerate() {
            self.value(ty, item, &place.index(index))?;
        }
        Ok(())
    }

    fn map(
        &mut self,
        key: &Type,
        entry: &Type,
        value: &Value,
        place: &Place,
    ) -> Result<(), JsonError> {
        let refuse =
            || refusal(place, wanted(&Type::Map(key.clone().into(), entry.clone().into())), value);
        let mut entries = Vec::new();
        let mut add = |name: &Value, value: &Value, place: &Place| {
            let (mut key_bytes, mut value_bytes) = (Vec::new(), Vec::new());
            Encoder { out: &mut key_bytes }.value(key, name, place)?;
            Encoder { out: &mut value_bytes }.value(entry, value, place)?;
            entries.push((key_bytes, value_bytes));
            Ok(())
        };
        match value {
            Value::Object(object) if *key == Type::String => {
                for (name, value) in object {
                    add(&Value::String(name.clone()), value, &place.field(name))?;
                }
            }
            Value::Array(pairs) => {
                for (index, pair) in pairs.iter().enumerate() {
                    let [name, value] = pair.as_array().ok_or_else(refuse)?.as_slice() else {
                        return Err(refuse());
                    };
                    add(name, value, &place.index(index))?;
                }
            }
            _ => return Err(refuse()),
        }
        entries.sort_by(|(one, _), (other, _)| super::decode::compare_keys(key, one, other));
        if entries.windows(2).any(|pair| matches!(pair, [one, other] if one.0 == other.0)) {
            return Err(refusal(place, "each key once".into(), value));
        }
        self.length(entries.len());
        for (key_bytes, value_bytes) in entries {
            self.put(&key_bytes);
            self.put(&value_bytes);
        }
        Ok(())
    }

    fn fields(
        &mut self,
        of: &str,
        fields: &[Field],
        value: &Value,
        place: &Place,
    ) -> Result<(), JsonError> {
        let refuse = || refusal(place, format!("{of}: {}", fields_wanted(fields)), value);
        if are_positional(fields) {
            if let [only] = fields {
                return self.value(&only.ty, value, place);
            }
            let items = value.as_array().filter(|items| items.len() == fields.len());
            for (index, (field, item)) in fields.iter().zip(items.ok_or_else(refuse)?).enumerate() {
                self.value(&field.ty, item, &place.index(index))?;
            }
            return Ok(());
        }
        if fields.is_empty() && value.is_null() {
            return Ok(());
        }
        let object = value.as_object().ok_or_else(refuse)?;
        if object.keys().any(|name| !fields.iter().any(|field| field.name == *name)) {
            return Err(refuse());
        }
        for field in fields {
            let inner = match object.get(&field.name) {
                Some(inner) => inner,
                None if matches!(field.ty, Type::Option(_)) => &Value::Null,
                None => {
                    let expected = wanted(&field.ty);
                    let place = place.field(&field.name);
                    return Err(JsonError::Value { place, expected, got: "nothing".into() });
                }
            };
            self.value(&field.ty, inner, &place.field(&field.name))?;
        }
        Ok(())
    }
}

fn refusal(place: &Place, expected: String, value: &Value) -> JsonError {
    JsonError::Value { place: place.clone(), expected, got: shown(value) }
}

/// The variant that JSON names, its tag, and the JSON of its fields.
fn choose<'a>(variants: &'a [Variant], value: &'a Value) -> Option<(u8, &'a Variant, &'a Value)> {
    let (name, content) = match value {
        Value::String(name) => (name, &Value::Null),
        Value::Object(object) if object.len() == 1 => object.iter().next()?,
        _ => return None,
    };
    let index = variants.iter().position(|variant| variant.name == *name)?;
    Some((u8::try_from(index).ok()?, variants.get(index)?, content))
}

fn small<T: TryFrom<i64>>(value: &Value) -> Option<T> {
    T::try_from(value.as_i64()?).ok()
}

/// A canonical decimal string, or a number that JSON holds exactly.
fn large<T>(value: &Value) -> Option<T>
where
    T: core::str::FromStr + TryFrom<i64> + TryFrom<u64> + ToString,
{
    match value {
        Value::String(text) => text.parse::<T>().ok().filter(|number| number.to_string() == *text),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => T::try_from(number).ok(),
            (None, Some(number)) => T::try_from(number).ok(),
            (None, None) => None,
        },
        _ => None,
    }
}

fn blob(value: &Value) -> Option<Vec<u8>> {
    let text = value.as_str()?;
    match text.strip_prefix("0x") {
        Some(digits) => hex::decode(digits).ok(),
        None => BASE64.decode(text).ok(),
    }
}

fn hex(value: &Value, length: usize) -> Option<Vec<u8>> {
    let digits = value.as_str()?.strip_prefix("0x")?;
    let is_strict = !digits.bytes().any(|byte| byte.is_ascii_uppercase());
    hex::decode(digits).ok().filter(|bytes| is_strict && bytes.len() == length)
}
