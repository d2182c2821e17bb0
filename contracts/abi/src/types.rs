//! The types of arguments, results, events and state.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use borsh::{BorshDeserialize, BorshSerialize, io};

use crate::limits::{FIELDS_MAX, TYPE_DEPTH_MAX};

/// A type, whole: named types stand inline, with the names of their fields. The encoding of its
/// values is borsh's.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub enum Type {
    /// `()`; no bytes.
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
    /// UTF-8 with its length in bytes.
    String,
    /// `Vec<u8>`; base64 in JSON.
    Bytes,
    /// 32 bytes that name an account or a contract; `0x` hex in JSON.
    Address,
    /// 32 bytes; `0x` hex in JSON.
    Hash,
    Option(Box<Type>),
    Vec(Box<Type>),
    /// A fixed number of elements; of bytes it is `0x` hex in JSON.
    Array(Box<Type>, u32),
    Tuple(Vec<Type>),
    /// Entries in the order of their keys, each key once. A key is a number, a boolean, a string,
    /// bytes, an address or a hash.
    Map(Box<Type>, Box<Type>),
    Struct {
        name: String,
        fields: Vec<Field>,
    },
    /// One byte that counts the variants from 0, then the variant's fields.
    Enum {
        name: String,
        variants: Vec<Variant>,
    },
}

/// A field of a struct or a variant. Those of a tuple struct are called `0`, `1`, ….
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Field {
    pub name: String,
    pub ty: Type,
}

/// A variant of an enum.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub struct Variant {
    pub name: String,
    pub fields: Vec<Field>,
}

impl Type {
    /// Whether a map may have it as its key: its order is clear and JSON can show it.
    pub fn is_key(&self) -> bool {
        !matches!(
            self,
            Self::Unit
                | Self::Option(_)
                | Self::Vec(_)
                | Self::Array(..)
                | Self::Tuple(_)
                | Self::Map(..)
                | Self::Struct { .. }
                | Self::Enum { .. }
        )
    }

    /// The fewest bytes that a value can have. Collections of elements without bytes are refused,
    /// since four bytes of length would then make billions of elements.
    pub fn encoded_len_min(&self) -> usize {
        let all = |fields: &[Field]| {
            fields.iter().fold(0, |sum: usize, f| sum.saturating_add(f.ty.encoded_len_min()))
        };
        match self {
            Self::Unit => 0,
            Self::Bool | Self::U8 | Self::I8 | Self::Option(_) => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::String | Self::Bytes | Self::Vec(_) | Self::Map(..) => 4,
            Self::U64 | Self::I64 => 8,
            Self::U128 | Self::I128 => 16,
            Self::Address | Self::Hash => 32,
            Self::Array(element, length) => {
                element.encoded_len_min().saturating_mul(usize::try_from(*length).unwrap_or(0))
            }
            Self::Tuple(types) => {
                types.iter().fold(0, |sum, ty| sum.saturating_add(ty.encoded_len_min()))
            }
            Self::Struct { fields, .. } => all(fields),
            Self::Enum { variants, .. } => {
                variants.iter().map(|v| all(&v.fields)).min().unwrap_or(0).saturating_add(1)
            }
        }
    }
}

/// Whether these are the fields of a tuple struct or a tuple variant: `0`, `1`, … in order, and not
/// none.
pub(crate) fn are_positional(fields: &[Field]) -> bool {
    let is_index = |(index, field): (usize, &Field)| field.name.parse() == Ok(index);
    !fields.is_empty() && fields.iter().enumerate().all(is_index)
}

/// As Rust would write it: `Option<u64>`, `(String, [u8; 4])`, the bare name of a struct or an
/// enum.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unit => f.write_str("()"),
            Self::Option(inner) => write!(f, "Option<{inner}>"),
            Self::Vec(element) => write!(f, "Vec<{element}>"),
            Self::Array(element, length) => write!(f, "[{element}; {length}]"),
            Self::Map(key, value) => write!(f, "Map<{key}, {value}>"),
            Self::Tuple(types) => {
                f.write_str("(")?;
                for (index, ty) in types.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{ty}")?;
                }
                f.write_str(if types.len() == 1 { ",)" } else { ")" })
            }
            Self::Struct { name, .. } | Self::Enum { name, .. } => f.write_str(name),
            Self::Bool => f.write_str("bool"),
            Self::U8 => f.write_str("u8"),
            Self::U16 => f.write_str("u16"),
            Self::U32 => f.write_str("u32"),
            Self::U64 => f.write_str("u64"),
            Self::U128 => f.write_str("u128"),
            Self::I8 => f.write_str("i8"),
            Self::I16 => f.write_str("i16"),
            Self::I32 => f.write_str("i32"),
            Self::I64 => f.write_str("i64"),
            Self::I128 => f.write_str("i128"),
            Self::String => f.write_str("String"),
            Self::Bytes => f.write_str("Bytes"),
            Self::Address => f.write_str("Address"),
            Self::Hash => f.write_str("Hash"),
        }
    }
}

/// Written by hand because a derived one would recurse as deeply as the input says.
impl BorshDeserialize for Type {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        read_type(reader, TYPE_DEPTH_MAX)
    }
}

fn read_type<R: io::Read>(reader: &mut R, depth: usize) -> io::Result<Type> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(invalid(format!("types are nested deeper than {TYPE_DEPTH_MAX}")));
    };
    Ok(match u8::deserialize_reader(reader)? {
        0 => Type::Unit,
        1 => Type::Bool,
        2 => Type::U8,
        3 => Type::U16,
        4 => Type::U32,
        5 => Type::U64,
        6 => Type::U128,
        7 => Type::I8,
        8 => Type::I16,
        9 => Type::I32,
        10 => Type::I64,
        11 => Type::I128,
        12 => Type::String,
        13 => Type::Bytes,
        14 => Type::Address,
        15 => Type::Hash,
        16 => Type::Option(Box::new(read_type(reader, depth)?)),
        17 => Type::Vec(Box::new(read_type(reader, depth)?)),
        18 => {
            let element = Box::new(read_type(reader, depth)?);
            Type::Array(element, u32::deserialize_reader(reader)?)
        }
        19 => Type::Tuple(read_list(reader, |reader| read_type(reader, depth))?),
        20 => {
            let key = Box::new(read_type(reader, depth)?);
            Type::Map(key, Box::new(read_type(reader, depth)?))
        }
        21 => {
            let name = String::deserialize_reader(reader)?;
            Type::Struct { name, fields: read_fields(reader, depth)? }
        }
        22 => {
            let name = String::deserialize_reader(reader)?;
            let variants = read_list(reader, |reader| {
                let name = String::deserialize_reader(reader)?;
                Ok(Variant { name, fields: read_fields(reader, depth)? })
            })?;
            Type::Enum { name, variants }
        }
        tag => return Err(invalid(format!("there is no type with the tag {tag}"))),
    })
}

fn read_fields<R: io::Read>(reader: &mut R, depth: usize) -> io::Result<Vec<Field>> {
    read_list(reader, |reader| {
        let name = String::deserialize_reader(reader)?;
        Ok(Field { name, ty: read_type(reader, depth)? })
    })
}

fn read_list<R: io::Read, T>(
    reader: &mut R,
    mut read: impl FnMut(&mut R) -> io::Result<T>,
) -> io::Result<Vec<T>> {
    let length = u32::deserialize_reader(reader)?;
    if usize::try_from(length).is_ok_and(|length| length <= FIELDS_MAX) {
        return (0..length).map(|_| read(reader)).collect();
    }
    Err(invalid(format!("a type has {length} parts, and at most {FIELDS_MAX} are accepted")))
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}
