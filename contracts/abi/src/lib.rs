//! What a contract and its surroundings agree on: the [`host`] interface, and the [`Abi`] that
//! every module carries in a custom section, so that any node can decode its calls, results,
//! events, errors and state.
//!
//! - [`Abi`] and its parts, [`Type`]: the description, owned; decoded strictly and within bounds.
//! - [`layout`]: the same description as constants, and its encoder that runs in the compiler. This
//!   is how the SDK puts it into the module without running anything.
//! - [`module`]: finding and embedding the section.
//! - [`testing`] (feature `testing`): what a test of a contract and the chain that runs it say to
//!   each other.
//! - [`json`] (feature `json`): JSON to canonical binary and back, by the description.
//!
//! The crate knows nothing of chains, accounts or execution.
#![no_std]

extern crate alloc;

mod description;
pub mod host;
#[cfg(feature = "json")]
pub mod json;
pub mod layout;
pub mod module;
#[cfg(feature = "selector")]
mod selector;
#[cfg(feature = "testing")]
pub mod testing;
mod types;
mod upgrade;
mod validate;

pub use description::{
    Abi, Event, EventField, Method, MethodKind, Parameter, Storage, StorageKind,
};
#[cfg(feature = "selector")]
pub use selector::{selector, storage_prefix};
pub use types::{Field, Type, Variant};
pub use upgrade::Incompatible;
pub use validate::AbiError;

/// What leads the input of a call, and is the first topic of an event.
pub type Selector = [u8; 4];

/// Caps of a description. They bound what an upload can make a node keep and decode.
pub mod limits {
    /// Bytes of an encoded description.
    pub const ABI_BYTES_MAX: usize = 64 << 10;
    /// Bytes of a name: of the contract, a method, a parameter, a type, a field.
    pub const NAME_BYTES_MAX: usize = 64;
    /// Bytes of the documentation of the contract, a method or an event.
    pub const DOCS_BYTES_MAX: usize = 8 << 10;
    /// Methods, events, error types and storage fields, each.
    pub const ITEMS_MAX: usize = 256;
    /// Parameters of a method, fields of an event.
    pub const PARAMETERS_MAX: usize = 32;
    /// Indexed fields of an event; the selector is a topic too.
    pub const EVENT_INDEXED_MAX: usize = 3;
    /// Bytes of one indexed field.
    pub const EVENT_TOPIC_BYTES_MAX: usize = 64;
    /// Fields of a struct or a variant, elements of a tuple, variants of an enum.
    pub const FIELDS_MAX: usize = 256;
    /// Indexes of an indexed map.
    pub const INDEXES_MAX: usize = 16;
    /// Types within types.
    pub const TYPE_DEPTH_MAX: usize = 16;
    /// Elements of a fixed-length array.
    pub const ARRAY_LENGTH_MAX: u32 = 64 << 10;
}
