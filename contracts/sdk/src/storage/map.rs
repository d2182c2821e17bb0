//! A value for each key.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::ops::RangeBounds;

use abi::Selector;
use abi::layout::StorageKindLayout;

use super::range::{Direction, Entries, Keys, Span};
use super::{Collection, Field};
use crate::key::KeyPrefix;
use crate::{Data, Key, encode, host};

/// A value for each key, in the order of the keys.
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
        self.field.read(&self.field.key(key))
    }

    pub fn contains(&self, key: &K) -> bool {
        host::has(&self.field.key(key))
    }

    pub fn set(&mut self, key: &K, value: V) {
        host::set(&self.field.key(key), &encode(&value));
    }

    /// Sets what `change` makes of the value, `None` when there is none, and answers with it.
    pub fn update(&mut self, key: &K, change: impl FnOnce(Option<V>) -> V) -> V {
        let storage_key = self.field.key(key);
        let value = change(self.field.read(&storage_key));
        host::set(&storage_key, &encode(&value));
        value
    }

    pub fn remove(&mut self, key: &K) {
        host::delete(&self.field.key(key));
    }

    /// The pairs of a range of keys, the least first: `range(..)`, `range(from..to)`.
    pub fn range(&self, range: impl RangeBounds<K>) -> Entries<'_, K, V> {
        Entries::new(self.field, &Span::of(&self.field.prefix, &range), Direction::Ascending)
    }

    /// The pairs of a range of keys, the greatest first.
    pub fn range_descending(&self, range: impl RangeBounds<K>) -> Entries<'_, K, V> {
        Entries::new(self.field, &Span::of(&self.field.prefix, &range), Direction::Descending)
    }

    /// The pairs whose keys, tuples, begin with this.
    pub fn prefix<P: KeyPrefix<K>>(&self, prefix: &P) -> Entries<'_, K, V> {
        Entries::new(self.field, &Span::below(self.field.key(prefix)), Direction::Ascending)
    }

    /// At most `limit` pairs behind a key, from the beginning when there is none. The last key of a
    /// page is where the next one goes on.
    pub fn page(&self, after: Option<&K>, limit: usize) -> Vec<(K, V)> {
        let span = Span::behind(&self.field.prefix, after);
        Entries::new(self.field, &span, Direction::Ascending).take(limit).collect()
    }

    /// At most `limit` of the pairs whose keys begin with this, behind a key, from the first of them
    /// when there is none.
    pub fn page_of<P: KeyPrefix<K>>(
        &self,
        prefix: &P,
        after: Option<&K>,
        limit: usize,
    ) -> Vec<(K, V)> {
        let span = Span::below(self.field.key(prefix)).rest(after.map(|key| self.field.key(key)));
        Entries::new(self.field, &span, Direction::Ascending).take(limit).collect()
    }

    /// All keys, the least first. Their values are read and paid for, but not decoded.
    pub fn keys(&self) -> Keys<'_, K> {
        Keys::new(self.field, &Span::below(self.field.prefix.to_vec()), Direction::Ascending)
    }
}

impl<K, V> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Map({})", self.field.name)
    }
}
