//! Values that are found by their fields too.
//!
//! Each value stands once, under its key. Each index keeps, for every value, an entry of the
//! indexed field and the key, without a value; it is written and removed with the value, so that an
//! index never lies.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::ops::{Bound, RangeBounds};

use abi::Selector;
use abi::layout::{FieldLayout, StorageKindLayout};

use super::range::{Direction, Entries, Keys, Span};
use super::{Collection, Field};
use crate::{Data, Key, encode, host};

/// The values' own part of the field's keys; those of the indexes count from 1.
const VALUES: u8 = 0;

/// A struct with fields to find it by. `#[data]` implements it for structs that mark fields with
/// `#[index]`.
#[diagnostic::on_unimplemented(
    message = "the values of an `IndexedMap` need an index, and `{Self}` has none",
    note = "mark the fields to find it by with `#[index]`, in a struct marked with `#[data]`; \
            without an index, use a `Map`"
)]
pub trait Indexed: Data {
    /// The indexed fields, in the order of their numbers.
    const INDEXES: &'static [FieldLayout];

    /// Appends the encoded field of one index, which is counted from 0.
    fn write_index(&self, index: usize, out: &mut Vec<u8>);
}

/// An index over a field of type `I` of the values `V`. `#[data]` makes one for each field marked
/// with `#[index]`: for the field `owner` of `Offer`, the constant `Offer::BY_OWNER`.
pub struct Index<V, I> {
    /// Counted from 0.
    number: u8,
    of: PhantomData<fn() -> (V, I)>,
}

impl<V, I> Index<V, I> {
    #[doc(hidden)]
    pub const fn new(number: u8) -> Self {
        Self { number, of: PhantomData }
    }
}

impl<V, I> Clone for Index<V, I> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V, I> Copy for Index<V, I> {}

/// A value for each key, found by its indexed fields too.
///
/// ```
/// # use quorate_sdk::contract;
/// #[contract]
/// mod market {
///     #[data]
///     pub struct Offer {
///         #[index]
///         pub owner: Address,
///         #[index]
///         pub price: u128,
///     }
///
///     #[storage]
///     struct Market {
///         offers: IndexedMap<u64, Offer>,
///     }
///
///     impl Market {
///         #[init]
///         fn new(&mut self) {}
///
///         /// The ten cheapest.
///         #[query]
///         fn cheapest(&self) -> Vec<(u64, Offer)> {
///             self.offers.by(Offer::BY_PRICE).range(..).take(10).collect()
///         }
///
///         /// How many offers one owner has.
///         #[query]
///         fn count(&self, owner: Address) -> u64 {
///             self.offers.by(Offer::BY_OWNER).keys_of(&owner).count() as u64
///         }
///     }
/// }
/// ```
pub struct IndexedMap<K, V> {
    field: Field,
    of: PhantomData<(K, V)>,
}

impl<K: Key, V: Indexed> Collection for IndexedMap<K, V> {
    const KIND: StorageKindLayout =
        StorageKindLayout::IndexedMap { key: K::TYPE, value: V::TYPE, indexes: V::INDEXES };

    fn at(name: &'static str, prefix: Selector) -> Self {
        Self { field: Field { name, prefix }, of: PhantomData }
    }
}

impl<K: Key, V: Indexed> IndexedMap<K, V> {
    pub fn get(&self, key: &K) -> Option<V> {
        self.field.read(&self.value_key(key))
    }

    pub fn contains(&self, key: &K) -> bool {
        host::has(&self.value_key(key))
    }

    /// Stores a value, and its entries in the indexes in place of those of the value before.
    pub fn set(&mut self, key: &K, value: V) {
        let storage_key = self.value_key(key);
        let before: Option<V> = self.field.read(&storage_key);
        for index in 0..V::INDEXES.len() {
            let entry = self.entry(index, &value, key);
            let old = before.as_ref().map(|before| self.entry(index, before, key));
            if old.as_ref() == Some(&entry) {
                continue;
            }
            if let Some(old) = old {
                host::delete(&old);
            }
            host::set(&entry, &[]);
        }
        host::set(&storage_key, &encode(&value));
    }

    /// Sets what `change` makes of the value, `None` when there is none.
    pub fn update(&mut self, key: &K, change: impl FnOnce(Option<V>) -> V) {
        let value = change(self.get(key));
        self.set(key, value);
    }

    /// Removes a value with its entries in the indexes, and answers with it.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let storage_key = self.value_key(key);
        let value: V = self.field.read(&storage_key)?;
        for index in 0..V::INDEXES.len() {
            host::delete(&self.entry(index, &value, key));
        }
        host::delete(&storage_key);
        Some(value)
    }

    /// The pairs of a range of keys, the least first.
    pub fn range(&self, range: impl RangeBounds<K>) -> Entries<'_, K, V> {
        let span = Span::of(&self.part(VALUES), &range);
        Entries::within(self.field, &span, Direction::Ascending, 1)
    }

    /// The pairs of a range of keys, the greatest first.
    pub fn range_descending(&self, range: impl RangeBounds<K>) -> Entries<'_, K, V> {
        let span = Span::of(&self.part(VALUES), &range);
        Entries::within(self.field, &span, Direction::Descending, 1)
    }

    /// At most `limit` pairs behind a key, from the beginning when there is none.
    pub fn page(&self, after: Option<&K>, limit: usize) -> Vec<(K, V)> {
        let span = Span::behind(&self.part(VALUES), after);
        Entries::within(self.field, &span, Direction::Ascending, 1).take(limit).collect()
    }

    /// The map as one of its indexes orders it: `offers.by(Offer::BY_OWNER)`.
    pub fn by<I: Key>(&self, index: Index<V, I>) -> By<'_, K, V, I> {
        By { map: self, number: index.number, of: PhantomData }
    }

    /// What the keys of the values, or of one index, begin with.
    fn part(&self, part: u8) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(&self.field.prefix);
        bytes.push(part);
        bytes
    }

    fn value_key(&self, key: &K) -> Vec<u8> {
        let mut bytes = self.part(VALUES);
        key.write(&mut bytes);
        bytes
    }

    /// The storage key of a value's entry in an index.
    fn entry(&self, index: usize, value: &V, key: &K) -> Vec<u8> {
        let mut bytes = self.part(part_of(index));
        value.write_index(index, &mut bytes);
        key.write(&mut bytes);
        bytes
    }
}

/// Indexes are few: [`abi::limits::INDEXES_MAX`].
fn part_of(index: usize) -> u8 {
    u8::try_from(index).map_or(u8::MAX, |index| index + 1)
}

/// A map as one of its indexes orders it: by the indexed field, then by the key.
pub struct By<'a, K, V, I> {
    map: &'a IndexedMap<K, V>,
    number: u8,
    of: PhantomData<I>,
}

impl<'a, K: Key, V: Indexed, I: Key> By<'a, K, V, I> {
    /// The pairs whose field is in a range, the least field first.
    pub fn range(self, range: impl RangeBounds<I>) -> ByEntries<'a, K, V, I> {
        ByEntries { keys: self.scan(&range, Direction::Ascending) }
    }

    /// The pairs whose field is in a range, the greatest field first.
    pub fn range_descending(self, range: impl RangeBounds<I>) -> ByEntries<'a, K, V, I> {
        ByEntries { keys: self.scan(&range, Direction::Descending) }
    }

    /// The pairs with this field, the least key first.
    pub fn of(self, field: &I) -> ByEntries<'a, K, V, I> {
        ByEntries { keys: self.keys_of(field) }
    }

    /// The keys of the values with this field. Reads no value.
    pub fn keys_of(self, field: &I) -> ByKeys<'a, K, V, I> {
        let span = Span::below(self.at(field));
        self.over(&span, Direction::Ascending)
    }

    /// The fields in a range and the keys they belong to, the least field first. Reads no value.
    pub fn keys(self, range: impl RangeBounds<I>) -> ByKeys<'a, K, V, I> {
        self.scan(&range, Direction::Ascending)
    }

    /// At most `limit` pairs behind one of this index, from the beginning when there is none. The
    /// last pair's field and key are where the next page goes on.
    pub fn page(self, after: Option<(&I, &K)>, limit: usize) -> Vec<(K, V)> {
        let after = after.map(|(field, key)| self.entry(field, key));
        let span = Span::below(self.part()).rest(after);
        ByEntries { keys: self.over(&span, Direction::Ascending) }.take(limit).collect()
    }

    /// At most `limit` of the pairs with this field, behind a key, from the first of them when there
    /// is none. The last pair's key is where the next page goes on.
    pub fn page_of(self, field: &I, after: Option<&K>, limit: usize) -> Vec<(K, V)> {
        let after = after.map(|key| self.entry(field, key));
        let span = Span::below(self.at(field)).rest(after);
        ByEntries { keys: self.over(&span, Direction::Ascending) }.take(limit).collect()
    }

    /// What the entries of values with this field begin with.
    fn at(&self, field: &I) -> Vec<u8> {
        let mut bytes = self.part();
        field.write(&mut bytes);
        bytes
    }

    fn entry(&self, field: &I, key: &K) -> Vec<u8> {
        let mut bytes = self.at(field);
        key.write(&mut bytes);
        bytes
    }

    fn part(&self) -> Vec<u8> {
        self.map.part(part_of(self.number.into()))
    }

    /// A bound that takes a field in, or leaves it out, does so with all keys behind it.
    fn scan(self, range: &impl RangeBounds<I>, direction: Direction) -> ByKeys<'a, K, V, I> {
        let below = |field: &I| Span::below(self.at(field));
        let all = Span::below(self.part());
        let start = match range.start_bound() {
            Bound::Unbounded => all.start,
            Bound::Included(field) => below(field).start,
            Bound::Excluded(field) => below(field).end,
        };
        let end = match range.end_bound() {
            Bound::Unbounded => all.end,
            Bound::Included(field) => below(field).end,
            Bound::Excluded(field) => below(field).start,
        };
        self.over(&Span { start, end }, direction)
    }

    fn over(self, span: &Span, direction: Direction) -> ByKeys<'a, K, V, I> {
        ByKeys { map: self.map, keys: Keys::new(self.map.field, span, direction) }
    }
}

/// Fields of an index and the keys they belong to.
#[must_use = "nothing is read until it is asked for"]
pub struct ByKeys<'a, K, V, I> {
    map: &'a IndexedMap<K, V>,
    keys: Keys<'a, (I, K)>,
}

impl<K: Key, V, I: Key> Iterator for ByKeys<'_, K, V, I> {
    type Item = (I, K);

    fn next(&mut self) -> Option<(I, K)> {
        self.keys.next_behind(1)
    }
}

/// The pairs of an index, each value read when it is asked for.
#[must_use = "nothing is read until it is asked for"]
pub struct ByEntries<'a, K, V, I> {
    keys: ByKeys<'a, K, V, I>,
}

impl<K: Key, V: Indexed, I: Key> Iterator for ByEntries<'_, K, V, I> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        let (_, key) = self.keys.next()?;
        let map = self.keys.map;
        match map.get(&key) {
            Some(value) => Some((key, value)),
            None => panic!("an index of `{}` names a value that is gone", map.field.name),
        }
    }
}

impl<K, V> fmt::Debug for IndexedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IndexedMap({})", self.field.name)
    }
}

impl<V, I> fmt::Debug for Index<V, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Index({})", self.number)
    }
}

impl<K, V, I> fmt::Debug for By<'_, K, V, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "By({}, {})", self.map.field.name, self.number)
    }
}

impl<K, V, I> fmt::Debug for ByKeys<'_, K, V, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ByKeys({})", self.map.field.name)
    }
}

impl<K, V, I> fmt::Debug for ByEntries<'_, K, V, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ByEntries({})", self.keys.map.field.name)
    }
}
