//! Collections: handles on the contract's storage that hold nothing themselves.
//!
//! Every read asks the host and every write tells it at once.
//!
//! | collection | what it keeps |
//! | --- | --- |
//! | [`Item<T>`] | one value |
//! | [`Total`] | one sum, added to without being read |
//! | [`Map<K, V>`] | a value for each key, in the keys' order |
//! | [`Totals<K>`] | a sum for each key |
//! | [`Set<K>`] | keys, in their order |
//! | [`IndexedMap<K, V>`] | a value for each key, found by some of its fields too |
//!
//! # Order, ranges and pages
//!
//! Keys are stored so that their order is kept: numbers by size, texts and bytes like words in a
//! dictionary, tuples by their first part, then the next. So a [`Map`] can be read by ranges:
//!
//! ```no_run
//! # use quorate_sdk::{Address, storage::Map};
//! # fn f(offers: Map<(Address, u64), u128>, owner: Address) {
//! for ((owner, number), amount) in offers.range(..) { /* all */ }
//! for (key, amount) in offers.range_descending(..).take(10) { /* the last ten */ }
//! for (key, amount) in offers.prefix(&owner) { /* those of one owner */ }
//! let page = offers.page(None, 50);
//! let next = offers.page(page.last().map(|(key, _)| key), 50);
//! let own = offers.page_of(&owner, None, 50);
//! # }
//! ```
//!
//! Iterators are lazy: pairs come from the host in batches, and each costs a read. A call may open
//! 16 of them. An iterator borrows its collection, so that nothing can be written to it meanwhile.

mod indexed;
mod map;
mod range;
mod set;
mod total;

use core::fmt;
use core::marker::PhantomData;

use abi::Selector;
use abi::layout::StorageKindLayout;
use alloc::vec::Vec;
use borsh::BorshDeserialize;

use crate::{Data, Key, encode, host};

pub use indexed::{By, ByEntries, ByKeys, Index, Indexed, IndexedMap};
pub use map::Map;
pub use range::{Entries, Keys};
pub use set::Set;
pub use total::{OutOfRange, Total, Totals};

/// A field of a `#[storage]` struct.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of the storage",
    note = "wrap it: `Item<{Self}>` keeps one value, `Map<K, {Self}>` one for each key"
)]
pub trait Collection {
    const KIND: StorageKindLayout;

    /// The handle of the field called `name`, whose keys begin with `prefix`. Touches no storage.
    fn at(name: &'static str, prefix: Selector) -> Self;
}

/// Which field a handle is of.
#[derive(Clone, Copy)]
struct Field {
    name: &'static str,
    prefix: Selector,
}

impl Field {
    fn key<K: Key>(self, key: &K) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(&self.prefix);
        key.write(&mut bytes);
        bytes
    }

    fn read<T: Data>(self, key: &[u8]) -> Option<T> {
        host::get(key, |value| value.map(|bytes| self.decode(bytes)))
    }

    fn decode<T: BorshDeserialize>(self, bytes: &[u8]) -> T {
        match T::try_from_slice(bytes) {
            Ok(value) => value,
            Err(_) => self.other_type(),
        }
    }

    fn other_type(self) -> ! {
        panic!("`{}` is stored in another type; it needs a migration", self.name)
    }
}

/// One value.
pub struct Item<T> {
    field: Field,
    of: PhantomData<T>,
}

impl<T: Data> Collection for Item<T> {
    const KIND: StorageKindLayout = StorageKindLayout::Item(T::TYPE);

    fn at(name: &'static str, prefix: Selector) -> Self {
        Self { field: Field { name, prefix }, of: PhantomData }
    }
}

impl<T: Data> Item<T> {
    /// The value.
    ///
    /// # Panics
    ///
    /// When it was never set. `#[init]` is the place to do so.
    pub fn get(&self) -> T {
        match self.try_get() {
            Some(value) => value,
            None => panic!("`{}` is not set", self.field.name),
        }
    }

    /// The value. `None` when it was never set.
    pub fn try_get(&self) -> Option<T> {
        self.field.read(&self.field.prefix)
    }

    pub fn set(&mut self, value: T) {
        host::set(&self.field.prefix, &encode(&value));
    }

    /// Sets what `change` makes of the value, and answers with it.
    ///
    /// # Panics
    ///
    /// When it was never set.
    pub fn update(&mut self, change: impl FnOnce(T) -> T) -> T {
        let value = change(self.get());
        host::set(&self.field.prefix, &encode(&value));
        value
    }

    pub fn remove(&mut self) {
        host::delete(&self.field.prefix);
    }
}

impl<T> fmt::Debug for Item<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Item({})", self.field.name)
    }
}
