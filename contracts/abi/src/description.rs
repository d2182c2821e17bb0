//! The description of a contract, as nodes and tools hold it.

use alloc::string::String;
use alloc::vec::Vec;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::{AbiError, Field, Selector, Type, limits};

/// All that a caller, an explorer or a node needs to know of a contract. Encoded with borsh, field
/// by field.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Abi {
    /// The version of the host interface: [`crate::host::VERSION`].
    pub interface: u32,
    pub name: String,
    /// The version of the contract's package.
    pub version: String,
    pub docs: String,
    /// Grows when the stored state changes its meaning; an upgrade from another number must
    /// migrate.
    pub state_version: u32,
    pub methods: Vec<Method>,
    pub events: Vec<Event>,
    /// The error types that methods answer with, each a struct or an enum.
    pub errors: Vec<Type>,
    pub storage: Vec<Storage>,
}

/// One method that can be called from outside.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Method {
    pub name: String,
    /// Leads the input; unique in the contract.
    pub selector: Selector,
    pub kind: MethodKind,
    /// Whether native units may be sent along. The host refuses them otherwise.
    pub payable: bool,
    /// Whether it may be entered while the contract is being called already. The host refuses it
    /// otherwise.
    pub reentrant: bool,
    pub docs: String,
    pub parameters: Vec<Parameter>,
    /// The output of a success.
    pub returns: Type,
    /// The output of a revert. `None`: the method never reverts.
    pub error: Option<Type>,
}

/// Through which export a method is reached, and so what it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum MethodKind {
    /// `init`: once, when the contract is instantiated.
    Init,
    /// `call`: by a transaction or another contract.
    Call,
    /// `query`: reads only; writing ends it.
    Query,
    /// `migrate`: once, when the contract gets this code in place of another whose state version
    /// differs.
    Migrate,
}

/// A named argument.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Parameter {
    pub name: String,
    pub ty: Type,
}

/// What a contract may emit: the first topic is the selector, the indexed fields are further topics
/// in their order, the others follow one another in the data.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Event {
    pub name: String,
    pub selector: Selector,
    pub docs: String,
    pub fields: Vec<EventField>,
}

/// A field of an event.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct EventField {
    pub name: String,
    pub ty: Type,
    /// Whether it is a topic of its own, to search by.
    pub indexed: bool,
}

/// A collection of the contract's storage.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Storage {
    pub name: String,
    /// Leads every storage key of the collection; unique in the contract.
    pub prefix: Selector,
    pub kind: StorageKind,
}

/// How a collection lies in the storage. Values are canonical binary.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum StorageKind {
    /// One value, under the prefix itself.
    Item(Type),
    /// One value a key, under the prefix and the key in an encoding that keeps the keys' order.
    Map { key: Type, value: Type },
    /// The elements, as keys of a map whose values are empty.
    Set(Type),
    /// One value a key, under the prefix, a zero byte and the key. For each index, counted from 1,
    /// an empty value under the prefix, the index's number as a byte, that field of the value, and
    /// the key. An index is a field of the value, which is a struct.
    IndexedMap { key: Type, value: Type, indexes: Vec<Field> },
}

impl Abi {
    /// Decodes and checks a description. Never panics, whatever the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, AbiError> {
        if bytes.len() > limits::ABI_BYTES_MAX {
            return Err(AbiError::TooLong { length: bytes.len() });
        }
        let abi = Self::try_from_slice(bytes).map_err(|error| AbiError::malformed(&error))?;
        abi.validate()?;
        Ok(abi)
    }

    /// The canonical encoding.
    pub fn encode(&self) -> Vec<u8> {
        match borsh::to_vec(self) {
            Ok(bytes) => bytes,
            Err(error) => panic!("encoding to memory failed: {error}"),
        }
    }

    /// The method that an input's first four bytes name.
    pub fn method(&self, selector: Selector) -> Option<&Method> {
        self.methods.iter().find(|method| method.selector == selector)
    }

    pub fn method_named(&self, name: &str) -> Option<&Method> {
        self.methods.iter().find(|method| method.name == name)
    }

    /// The event that a first topic names.
    pub fn event(&self, selector: Selector) -> Option<&Event> {
        self.events.iter().find(|event| event.selector == selector)
    }

    /// Methods of one kind, in the order of the source.
    pub fn methods_of(&self, kind: MethodKind) -> impl Iterator<Item = &Method> {
        self.methods.iter().filter(move |method| method.kind == kind)
    }
}
