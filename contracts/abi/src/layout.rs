//! The description as constants, and its encoding inside the compiler.
//!
//! The SDK's macros write a [`ContractLayout`], and a static of [`encoded_len`] bytes, filled by
//! [`encode`], goes into the module's custom section. So no module has to be run, and no tool to be
//! trusted, to learn what a contract offers. The bytes are those of [`crate::Abi::encode`]; a test
//! compares them.
#![allow(clippy::indexing_slicing, reason = "const fn has no iterators; it fails in the compiler")]
#![allow(missing_docs, reason = "each type mirrors the one of the same name in the crate's root")]

use alloc::vec;
use alloc::vec::Vec;

use crate::{MethodKind, Selector, host};

/// Mirrors [`crate::Type`].
#[derive(Clone, Copy, Debug)]
pub enum TypeLayout {
    Unit,
    Bool,
    U8,
    U16,
    U32,
    U64,
    U128,
    I8,
    I16,
    I32,
    I64,
    I128,
    String,
    Bytes,
    Address,
    Hash,
    Option(&'static TypeLayout),
    Vec(&'static TypeLayout),
    Array(&'static TypeLayout, u32),
    Tuple(&'static [TypeLayout]),
    Map(&'static TypeLayout, &'static TypeLayout),
    Struct { name: &'static str, fields: &'static [FieldLayout] },
    Enum { name: &'static str, variants: &'static [VariantLayout] },
}

impl TypeLayout {
    /// Bytes of the shortest value in canonical binary.
    pub const fn bytes_min(&self) -> usize {
        match self {
            Self::Unit => 0,
            Self::Bool | Self::U8 | Self::I8 | Self::Option(_) => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 => 4,
            Self::U64 | Self::I64 => 8,
            Self::U128 | Self::I128 => 16,
            Self::String | Self::Bytes | Self::Vec(_) | Self::Map(..) => 4,
            Self::Address | Self::Hash => 32,
            Self::Array(of, length) => of.bytes_min().saturating_mul(*length as usize),
            Self::Tuple(parts) => {
                let (mut bytes, mut at) = (0, 0);
                while at < parts.len() {
                    bytes = parts[at].bytes_min().saturating_add(bytes);
                    at += 1;
                }
                bytes
            }
            Self::Struct { fields, .. } => fields_min(fields),
            Self::Enum { variants, .. } => {
                let (mut least, mut at) = (usize::MAX, 0);
                while at < variants.len() {
                    let bytes = fields_min(variants[at].fields).saturating_add(1);
                    if bytes < least {
                        least = bytes;
                    }
                    at += 1;
                }
                least
            }
        }
    }
}

const fn fields_min(fields: &[FieldLayout]) -> usize {
    let (mut bytes, mut at) = (0, 0);
    while at < fields.len() {
        bytes = fields[at].ty.bytes_min().saturating_add(bytes);
        at += 1;
    }
    bytes
}

/// Mirrors [`crate::Field`] and [`crate::Parameter`].
#[derive(Clone, Copy, Debug)]
pub struct FieldLayout {
    pub name: &'static str,
    pub ty: TypeLayout,
}

/// Mirrors [`crate::Variant`].
#[derive(Clone, Copy, Debug)]
pub struct VariantLayout {
    pub name: &'static str,
    pub fields: &'static [FieldLayout],
}

/// Mirrors [`crate::Abi`].
#[derive(Clone, Copy, Debug)]
pub struct ContractLayout {
    pub name: &'static str,
    pub version: &'static str,
    pub docs: &'static str,
    pub state_version: u32,
    pub methods: &'static [MethodLayout],
    pub events: &'static [EventLayout],
    pub errors: &'static [TypeLayout],
    pub storage: &'static [StorageLayout],
}

/// Mirrors [`crate::Method`].
#[derive(Clone, Copy, Debug)]
pub struct MethodLayout {
    pub name: &'static str,
    pub selector: Selector,
    pub kind: MethodKind,
    pub payable: bool,
    pub reentrant: bool,
    pub docs: &'static str,
    pub parameters: &'static [FieldLayout],
    pub returns: TypeLayout,
    pub error: Option<TypeLayout>,
}

/// Mirrors [`crate::Event`].
#[derive(Clone, Copy, Debug)]
pub struct EventLayout {
    pub name: &'static str,
    pub selector: Selector,
    pub docs: &'static str,
    pub fields: &'static [EventFieldLayout],
}

/// Mirrors [`crate::EventField`].
#[derive(Clone, Copy, Debug)]
pub struct EventFieldLayout {
    pub name: &'static str,
    pub ty: TypeLayout,
    pub indexed: bool,
}

/// Mirrors [`crate::Storage`].
#[derive(Clone, Copy, Debug)]
pub struct StorageLayout {
    pub name: &'static str,
    pub prefix: Selector,
    pub kind: StorageKindLayout,
}

/// Mirrors [`crate::StorageKind`].
#[derive(Clone, Copy, Debug)]
pub enum StorageKindLayout {
    Item(TypeLayout),
    Map { key: TypeLayout, value: TypeLayout },
    Set(TypeLayout),
    IndexedMap { key: TypeLayout, value: TypeLayout, indexes: &'static [FieldLayout] },
}

/// Bytes that [`encode`] writes.
pub const fn encoded_len(contract: &ContractLayout) -> usize {
    let mut sink = Sink { out: &mut [], at: 0 };
    sink.contract(contract);
    sink.at
}

/// The canonical encoding, of exactly [`encoded_len`] bytes.
///
/// # Panics
///
/// When `N` is another number; in a constant that is a compile error.
pub const fn encode<const N: usize>(contract: &ContractLayout) -> [u8; N] {
    let mut bytes = [0; N];
    let mut sink = Sink { out: &mut bytes, at: 0 };
    sink.contract(contract);
    assert!(sink.at == N, "the length is not that of the encoding");
    bytes
}

/// The canonical encoding, where its length is not known to the compiler.
pub fn to_vec(contract: &ContractLayout) -> Vec<u8> {
    let mut bytes = vec![0; encoded_len(contract)];
    Sink { out: &mut bytes, at: 0 }.contract(contract);
    bytes
}

/// Writes as far as there is room, and counts on.
struct Sink<'a> {
    out: &'a mut [u8],
    at: usize,
}

/// Writes each element of a slice after their number.
macro_rules! list {
    ($sink:ident, $items:expr, $write:ident) => {{
        let items = $items;
        $sink.length(items.len());
        let mut index = 0;
        while index < items.len() {
            $sink.$write(&items[index]);
            index += 1;
        }
    }};
}

impl Sink<'_> {
    const fn byte(&mut self, byte: u8) {
        if self.at < self.out.len() {
            self.out[self.at] = byte;
        }
        self.at += 1;
    }

    const fn bytes(&mut self, bytes: &[u8]) {
        let mut index = 0;
        while index < bytes.len() {
            self.byte(bytes[index]);
            index += 1;
        }
    }

    const fn number(&mut self, number: u32) {
        self.bytes(&number.to_le_bytes());
    }

    #[allow(clippy::cast_possible_truncation, reason = "nothing here has 4 GiB")]
    const fn length(&mut self, length: usize) {
        self.number(length as u32);
    }

    const fn text(&mut self, text: &str) {
        self.length(text.len());
        self.bytes(text.as_bytes());
    }

    const fn contract(&mut self, contract: &ContractLayout) {
        self.number(host::VERSION);
        self.text(contract.name);
        self.text(contract.version);
        self.text(contract.docs);
        self.number(contract.state_version);
        list!(self, contract.methods, method);
        list!(self, contract.events, event);
        list!(self, contract.errors, ty);
        list!(self, contract.storage, storage);
    }

    const fn method(&mut self, method: &MethodLayout) {
        self.text(method.name);
        self.bytes(&method.selector);
        self.byte(method.kind as u8);
        self.byte(method.payable as u8);
        self.byte(method.reentrant as u8);
        self.text(method.docs);
        list!(self, method.parameters, field);
        self.ty(&method.returns);
        match &method.error {
            None => self.byte(0),
            Some(error) => {
                self.byte(1);
                self.ty(error);
            }
        }
    }

    const fn event(&mut self, event: &EventLayout) {
        self.text(event.name);
        self.bytes(&event.selector);
        self.text(event.docs);
        list!(self, event.fields, event_field);
    }

    const fn event_field(&mut self, field: &EventFieldLayout) {
        self.text(field.name);
        self.ty(&field.ty);
        self.byte(field.indexed as u8);
    }

    const fn storage(&mut self, storage: &StorageLayout) {
        self.text(storage.name);
        self.bytes(&storage.prefix);
        match &storage.kind {
            StorageKindLayout::Item(value) => {
                self.byte(0);
                self.ty(value);
            }
            StorageKindLayout::Map { key, value } => {
                self.byte(1);
                self.ty(key);
                self.ty(value);
            }
            StorageKindLayout::Set(element) => {
                self.byte(2);
                self.ty(element);
            }
            StorageKindLayout::IndexedMap { key, value, indexes } => {
                self.byte(3);
                self.ty(key);
                self.ty(value);
                list!(self, *indexes, field);
            }
        }
    }

    const fn field(&mut self, field: &FieldLayout) {
        self.text(field.name);
        self.ty(&field.ty);
    }

    const fn variant(&mut self, variant: &VariantLayout) {
        self.text(variant.name);
        list!(self, variant.fields, field);
    }

    const fn ty(&mut self, ty: &TypeLayout) {
        match ty {
            TypeLayout::Unit => self.byte(0),
            TypeLayout::Bool => self.byte(1),
            TypeLayout::U8 => self.byte(2),
            TypeLayout::U16 => self.byte(3),
            TypeLayout::U32 => self.byte(4),
            TypeLayout::U64 => self.byte(5),
            TypeLayout::U128 => self.byte(6),
            TypeLayout::I8 => self.byte(7),
            TypeLayout::I16 => self.byte(8),
            TypeLayout::I32 => self.byte(9),
            TypeLayout::I64 => self.byte(10),
            TypeLayout::I128 => self.byte(11),
            TypeLayout::String => self.byte(12),
            TypeLayout::Bytes => self.byte(13),
            TypeLayout::Address => self.byte(14),
            TypeLayout::Hash => self.byte(15),
            TypeLayout::Option(inner) => {
                self.byte(16);
                self.ty(inner);
            }
            TypeLayout::Vec(element) => {
                self.byte(17);
                self.ty(element);
            }
            TypeLayout::Array(element, length) => {
                self.byte(18);
                self.ty(element);
                self.number(*length);
            }
            TypeLayout::Tuple(types) => {
                self.byte(19);
                list!(self, *types, ty);
            }
            TypeLayout::Map(key, value) => {
                self.byte(20);
                self.ty(key);
                self.ty(value);
            }
            TypeLayout::Struct { name, fields } => {
                self.byte(21);
                self.text(name);
                list!(self, *fields, field);
            }
            TypeLayout::Enum { name, variants } => {
                self.byte(22);
                self.text(name);
                list!(self, *variants, variant);
            }
        }
    }
}
