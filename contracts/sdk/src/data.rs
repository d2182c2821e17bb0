//! What crosses a contract's border: values, answers, errors, events.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::convert::Infallible;
use core::fmt;

use abi::host;
use abi::layout::{EventLayout, TypeLayout};
use borsh::{BorshDeserialize, BorshSerialize};

use crate::call::Refusal;
use crate::{Output, encode, encode_into};

/// A value with a canonical encoding and a description: a parameter, a result, a field of an event,
/// a stored value. `#[data]` implements it for a struct or an enum.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter, a result, part of an event or stored",
    note = "mark a struct or an enum of yours with `#[data]`; \
            floats, `usize` and references have no canonical encoding"
)]
pub trait Data: BorshSerialize + BorshDeserialize {
    const TYPE: TypeLayout;
    /// Of a vector of them.
    const VEC: TypeLayout = TypeLayout::Vec(&Self::TYPE);
}

/// An account or a contract.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Address(pub [u8; 32]);

/// 32 bytes that name a block, a transaction, code or whatever was hashed.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Hash(pub [u8; 32]);

macro_rules! hex_debug {
    ($($name:ident)*) => { $(
        /// `0x` and lowercase hex.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("0x")?;
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )* };
}

hex_debug!(Address Hash);

macro_rules! scalars {
    ($($ty:ty => $layout:ident,)*) => { $(
        impl Data for $ty {
            const TYPE: TypeLayout = TypeLayout::$layout;
        }
    )* };
}

scalars! {
    () => Unit,
    bool => Bool,
    u16 => U16,
    u32 => U32,
    u64 => U64,
    u128 => U128,
    i8 => I8,
    i16 => I16,
    i32 => I32,
    i64 => I64,
    i128 => I128,
    String => String,
    Address => Address,
    Hash => Hash,
}

impl Data for u8 {
    const TYPE: TypeLayout = TypeLayout::U8;
    const VEC: TypeLayout = TypeLayout::Bytes;
}

impl<T: Data> Data for Vec<T> {
    const TYPE: TypeLayout = T::VEC;
}

impl<T: Data> Data for Option<T> {
    const TYPE: TypeLayout = TypeLayout::Option(&T::TYPE);
}

impl<T: Data, const N: usize> Data for [T; N] {
    const TYPE: TypeLayout = {
        assert!(N <= abi::limits::ARRAY_LENGTH_MAX as usize, "the array is too long");
        #[allow(clippy::cast_possible_truncation, reason = "checked above")]
        TypeLayout::Array(&T::TYPE, N as u32)
    };
}

impl<K: Data + Ord, V: Data> Data for BTreeMap<K, V> {
    const TYPE: TypeLayout = TypeLayout::Map(&K::TYPE, &V::TYPE);
}

macro_rules! tuples {
    ($(($($name:ident)*))*) => { $(
        impl<$($name: Data),*> Data for ($($name,)*) {
            const TYPE: TypeLayout = TypeLayout::Tuple(&[$($name::TYPE),*]);
        }
    )* };
}

tuples! { (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) }

/// What a method may return: a value, or a `Result` of a value and an error.
#[diagnostic::on_unimplemented(
    message = "a method cannot return `{Self}`",
    note = "it returns nothing, a value, or a `Result` whose error is marked with `#[error]`"
)]
pub trait Answer {
    /// What a success brings.
    type Value: Data;
    /// What it refuses with; [`Infallible`] when it never does.
    type Error: Refusal;

    const RETURNS: TypeLayout;
    const ERROR: Option<TypeLayout>;

    fn into_output(self) -> Output;
}

impl<T: Data> Answer for T {
    type Value = T;
    type Error = Infallible;

    const RETURNS: TypeLayout = T::TYPE;
    const ERROR: Option<TypeLayout> = None;

    fn into_output(self) -> Output {
        Output { status: host::OK, bytes: encode(&self) }
    }
}

impl<T: Data, E: ContractError> Answer for Result<T, E> {
    type Value = T;
    type Error = E;

    const RETURNS: TypeLayout = T::TYPE;
    const ERROR: Option<TypeLayout> = Some(E::TYPE);

    fn into_output(self) -> Output {
        match self {
            Ok(value) => value.into_output(),
            Err(error) => Output { status: host::REVERT, bytes: encode(&error) },
        }
    }
}

/// An error that a method may return. `#[error]` implements it.
#[diagnostic::on_unimplemented(
    message = "a method cannot fail with `{Self}`",
    note = "mark the error with `#[error]`"
)]
pub trait ContractError: Data {}

/// What a contract may emit. `#[event]` implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be emitted",
    note = "mark the struct with `#[event]`"
)]
pub trait Event {
    const LAYOUT: EventLayout;

    /// Adds the fields to a record that has the selector already.
    fn write(&self, record: &mut Record);

    /// The event of a record: what [`Record::of`] makes of it. `None` when it is another.
    fn read(topics: &[Vec<u8>], bytes: &[u8]) -> Option<Self>
    where
        Self: Sized;
}

/// The fields of a record that are still to be read; for what `#[event]` makes.
#[doc(hidden)]
#[derive(Debug)]
pub struct Reading<'a> {
    topics: core::slice::Iter<'a, Vec<u8>>,
    bytes: &'a [u8],
}

impl<'a> Reading<'a> {
    /// `None` when the first topic is not the selector.
    pub fn of<E: Event>(topics: &'a [Vec<u8>], bytes: &'a [u8]) -> Option<Self> {
        let mut topics = topics.iter();
        let selector = topics.next()?;
        (selector.as_slice() == E::LAYOUT.selector).then_some(Self { topics, bytes })
    }

    pub fn topic<T: Data>(&mut self) -> Option<T> {
        T::try_from_slice(self.topics.next()?).ok()
    }

    pub fn data<T: Data>(&mut self) -> Option<T> {
        T::deserialize(&mut self.bytes).ok()
    }

    /// Whether all was read.
    pub fn is_over(&self) -> bool {
        self.topics.as_slice().is_empty() && self.bytes.is_empty()
    }
}

/// An event in the host's form.
#[derive(Debug)]
pub struct Record {
    topics: Vec<Vec<u8>>,
    bytes: Vec<u8>,
}

impl Record {
    /// The record of an event.
    pub fn of<E: Event>(event: &E) -> Self {
        let mut record = Self { topics: Vec::new(), bytes: Vec::new() };
        record.topics.push(E::LAYOUT.selector.to_vec());
        event.write(&mut record);
        record
    }

    /// The selector, and the `#[topic]` fields in canonical binary.
    pub fn topics(&self) -> &[Vec<u8>] {
        &self.topics
    }

    /// The other fields in canonical binary.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Adds a topic.
    pub fn topic<T: Data>(&mut self, value: &T) {
        self.topics.push(encode(value));
    }

    /// Adds to the data.
    pub fn data<T: Data>(&mut self, value: &T) {
        encode_into(value, &mut self.bytes);
    }
}
