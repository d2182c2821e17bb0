//! What a description must keep to beyond being well encoded.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};

use borsh::io;
use thiserror::Error;

use crate::host::{ABI_SECTION, VERSION};
use crate::limits::{
    ABI_BYTES_MAX, ARRAY_LENGTH_MAX, DOCS_BYTES_MAX, EVENT_INDEXED_MAX, FIELDS_MAX, INDEXES_MAX,
    ITEMS_MAX, NAME_BYTES_MAX, PARAMETERS_MAX,
};
use crate::{Abi, Event, Field, Method, MethodKind, Selector, StorageKind, Type};

/// Why a module's description was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AbiError {
    #[error("this is not a WebAssembly module: {0}")]
    NotAModule(&'static str),
    #[error("the module has no `{ABI_SECTION}` section; build it with the contract SDK")]
    Missing,
    #[error("the module has more than one `{ABI_SECTION}` section")]
    Repeated,
    #[error("the ABI has {length} bytes, and at most {ABI_BYTES_MAX} are accepted")]
    TooLong { length: usize },
    #[error("the ABI is malformed: {0}")]
    Malformed(String),
    #[error("the contract is built for interface {found}, and this is interface {VERSION}")]
    Interface { found: u32 },
    #[error("the ABI is invalid: {0}")]
    Invalid(String),
}

impl AbiError {
    pub(crate) fn malformed(error: &io::Error) -> Self {
        Self::Malformed(error.to_string())
    }
}

type Checked = Result<(), AbiError>;

fn refuse(message: String) -> Checked {
    Err(AbiError::Invalid(message))
}

impl Abi {
    /// Checks names, lengths, uniqueness of selectors, and that every type can be decoded in
    /// bounded space.
    pub fn validate(&self) -> Checked {
        if self.interface != VERSION {
            return Err(AbiError::Interface { found: self.interface });
        }
        name("the contract", &self.name)?;
        if self.version.len() > NAME_BYTES_MAX {
            return refuse(format!("the version has more than {NAME_BYTES_MAX} bytes"));
        }
        docs(&self.name, &self.docs)?;
        at_most("methods", self.methods.len(), ITEMS_MAX)?;
        at_most("events", self.events.len(), ITEMS_MAX)?;
        at_most("errors", self.errors.len(), ITEMS_MAX)?;
        at_most("storage", self.storage.len(), ITEMS_MAX)?;
        distinct("method", self.methods.iter().map(|m| (m.name.as_str(), m.selector)))?;
        distinct("event", self.events.iter().map(|e| (e.name.as_str(), e.selector)))?;
        distinct("storage field", self.storage.iter().map(|s| (s.name.as_str(), s.prefix)))?;
        for (kind, what) in [(MethodKind::Init, "constructor"), (MethodKind::Migrate, "migration")]
        {
            if self.methods_of(kind).count() > 1 {
                return refuse(format!("it has more than one {what}"));
            }
        }
        self.methods.iter().try_for_each(method)?;
        self.events.iter().try_for_each(event)?;
        self.errors.iter().try_for_each(ty)?;
        for storage in &self.storage {
            name("a storage field", &storage.name)?;
            match &storage.kind {
                StorageKind::Item(value) => ty(value)?,
                StorageKind::Map { key, value } => {
                    ty(key)?;
                    ty(value)?;
                }
                StorageKind::Set(element) => ty(element)?,
                StorageKind::IndexedMap { key, value, indexes } => {
                    ty(key)?;
                    ty(value)?;
                    indexes_of(&storage.name, value, indexes)?;
                }
            }
        }
        Ok(())
    }
}

/// Each index is a field of the value, and stands there once.
fn indexes_of(map: &str, value: &Type, indexes: &[Field]) -> Checked {
    at_most("indexes of a map", indexes.len(), INDEXES_MAX)?;
    let Type::Struct { fields, .. } = value else {
        return refuse(format!("the values of `{map}` are no struct, and cannot be indexed"));
    };
    let mut names = BTreeSet::new();
    for index in indexes {
        if !fields.contains(index) {
            return refuse(format!("`{}` is no field of the values of `{map}`", index.name));
        }
        if !names.insert(&index.name) {
            return refuse(format!("`{map}` has two indexes `{}`", index.name));
        }
    }
    Ok(())
}

fn method(method: &Method) -> Checked {
    name("a method", &method.name)?;
    docs(&method.name, &method.docs)?;
    at_most("parameters of a method", method.parameters.len(), PARAMETERS_MAX)?;
    if method.payable && matches!(method.kind, MethodKind::Query | MethodKind::Migrate) {
        return refuse(format!(
            "`{}` is payable, but queries and migrations move nothing",
            method.name
        ));
    }
    let mut names = BTreeSet::new();
    for parameter in &method.parameters {
        name("a parameter", &parameter.name)?;
        ty(&parameter.ty)?;
        if !names.insert(&parameter.name) {
            return refuse(format!("`{}` has two parameters `{}`", method.name, parameter.name));
        }
    }
    ty(&method.returns)?;
    method.error.iter().try_for_each(ty)
}

fn event(event: &Event) -> Checked {
    name("an event", &event.name)?;
    docs(&event.name, &event.docs)?;
    at_most("fields of an event", event.fields.len(), PARAMETERS_MAX)?;
    let indexed = event.fields.iter().filter(|field| field.indexed).count();
    at_most("indexed fields of an event", indexed, EVENT_INDEXED_MAX)?;
    let mut names = BTreeSet::new();
    for field in &event.fields {
        name("a field", &field.name)?;
        ty(&field.ty)?;
        if !names.insert(&field.name) {
            return refuse(format!("`{}` has two fields `{}`", event.name, field.name));
        }
    }
    Ok(())
}

/// The recursion is bounded, since decoding bounds the depth; a description made in memory comes
/// from us.
fn ty(outer: &Type) -> Checked {
    match outer {
        Type::Option(inner) => ty(inner),
        Type::Vec(element) => {
            has_bytes(outer, element)?;
            ty(element)
        }
        Type::Array(element, length) => {
            if *length > ARRAY_LENGTH_MAX {
                return refuse(format!("{outer} has more than {ARRAY_LENGTH_MAX} elements"));
            }
            has_bytes(outer, element)?;
            ty(element)
        }
        Type::Tuple(types) => {
            at_most("elements of a tuple", types.len(), FIELDS_MAX)?;
            types.iter().try_for_each(ty)
        }
        Type::Map(key, value) => {
            if !key.is_key() {
                return refuse(format!("{key} cannot be the key of a map"));
            }
            ty(value)
        }
        Type::Struct { name: of, fields } => {
            name("a struct", of)?;
            fields_of(of, fields)
        }
        Type::Enum { name: of, variants } => {
            name("an enum", of)?;
            at_most("variants of an enum", variants.len(), FIELDS_MAX)?;
            let mut names = BTreeSet::new();
            for variant in variants {
                name("a variant", &variant.name)?;
                fields_of(&variant.name, &variant.fields)?;
                if !names.insert(&variant.name) {
                    return refuse(format!("`{of}` has two variants `{}`", variant.name));
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn has_bytes(collection: &Type, element: &Type) -> Checked {
    if element.encoded_len_min() == 0 {
        return refuse(format!("the elements of {collection} have no bytes"));
    }
    Ok(())
}

/// Either all names are identifiers, or they are `0`, `1`, … in order.
fn fields_of(of: &str, fields: &[Field]) -> Checked {
    at_most("fields of a type", fields.len(), FIELDS_MAX)?;
    let mut names = BTreeSet::new();
    for field in fields {
        ty(&field.ty)?;
        if !names.insert(&field.name) {
            return refuse(format!("`{of}` has two fields `{}`", field.name));
        }
    }
    if crate::types::are_positional(fields) {
        return Ok(());
    }
    fields.iter().try_for_each(|field| name("a field", &field.name))
}

/// A name is an identifier of Rust, with `-` allowed after the first character.
fn name(of: &str, name: &str) -> Checked {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let further = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let valid = name.starts_with(first) && name.chars().all(further);
    if valid && name.len() <= NAME_BYTES_MAX {
        return Ok(());
    }
    let shown: String = name.chars().take(NAME_BYTES_MAX).collect();
    refuse(format!("{shown:?} is no name for {of}"))
}

fn docs(of: &str, docs: &str) -> Checked {
    if docs.len() > DOCS_BYTES_MAX {
        return refuse(format!(
            "the documentation of `{of}` is longer than {DOCS_BYTES_MAX} bytes"
        ));
    }
    Ok(())
}

fn at_most(what: &str, length: usize, limit: usize) -> Checked {
    if length > limit {
        return refuse(format!("it has {length} {what}, and at most {limit} are accepted"));
    }
    Ok(())
}

fn distinct<'a>(what: &str, items: impl Iterator<Item = (&'a str, Selector)>) -> Checked {
    let mut names = BTreeSet::new();
    let mut selectors = BTreeSet::new();
    for (name, selector) in items {
        if !names.insert(name) {
            return refuse(format!("the {what} `{name}` stands there twice"));
        }
        if !selectors.insert(selector) {
            return refuse(format!("the {what} `{name}` has the selector of another"));
        }
    }
    Ok(())
}
