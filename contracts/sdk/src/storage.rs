//! Collections: handles on the contract's storage that hold nothing themselves.
//!
//! Every read asks the host and every write tells it at once.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use abi::Selector;
use abi::layout::StorageKindLayout;
use borsh::BorshDeserialize;

use crate::{Data, Key, encode, host};

/// A field of a `#[storage]` struct.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of the storage",
    note = "wrap it: `Item<{Self}>`, or use a `Map`"
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
    fn read<T: Data>(self, key: &[u8]) -> Option<T> {
        host::get(key, |value| value.map(|bytes| self.decode(bytes)))
    }

    fn decode<T: BorshDeserialize>(self, bytes: &[u8]) -> T {
        match T::try_from_slice(bytes) {
            Ok(value) => value,
            Err(_) => panic!("`{}` is stored in another type; it needs a migration", self.name),
        }
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

/// A value for each key.
pub struct Map<K, V> {
    field: Field,
    of: PhantomData<(K, V)>,
}

impl<K: Key, V: Data> Collection for Map<K, V> {
    const KIND: StorageKindLayout = StorageKindLayout::Map { key: K::TYPE, value: V::TYPE };

    fn at(name: &'static str, prefix: Selector) -> Self {
        Self { field: Field { name, prefix }, of: PhantomData }
    }
}

impl<K: Key, V: Data> Map<K, V> {
    pub fn get(&self, key: &K) -> Option<V> {
        self.field.read(&self.storage_key(key))
    }

    pub fn contains(&self, key: &K) -> bool {
        host::has(&self.storage_key(key))
    }

    pub fn set(&mut self, key: &K, value: V) {
        host::set(&self.storage_key(key), &encode(&value));
    }

    /// Sets what `change` makes of the value, `None` when there is none, and answers with it.
    pub fn update(&mut self, key: &K, change: impl FnOnce(Option<V>) -> V) -> V {
        let storage_key = self.storage_key(key);
        let value = change(self.field.read(&storage_key));
        host::set(&storage_key, &encode(&value));
        value
    }

    pub fn remove(&mut self, key: &K) {
        host::delete(&self.storage_key(key));
    }

    fn storage_key(&self, key: &K) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(&self.field.prefix);
        key.write(&mut bytes);
        bytes
    }
}

impl<T> fmt::Debug for Item<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Item({})", self.field.name)
    }
}

impl<K, V> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Map({})", self.field.name)
    }
}
