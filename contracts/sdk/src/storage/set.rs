//! Keys without values.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::ops::RangeBounds;

use abi::Selector;
use abi::layout::StorageKindLayout;

use super::range::{Direction, Keys, Span};
use super::{Collection, Field};
use crate::key::KeyPrefix;
use crate::{Key, host};

/// Elements in their order, each once.
pub struct Set<K> {
    field: Field,
    of: PhantomData<K>,
}

impl<K: Key> Collection for Set<K> {
    const KIND: StorageKindLayout = StorageKindLayout::Set(K::TYPE);

    fn at(name: &'static str, prefix: Selector) -> Self {
        Self { field: Field { name, prefix }, of: PhantomData }
    }
}

impl<K: Key> Set<K> {
    pub fn contains(&self, element: &K) -> bool {
        host::has(&self.field.key(element))
    }

    /// Whether the element is new.
    pub fn insert(&mut self, element: &K) -> bool {
        let key = self.field.key(element);
        let is_new = !host::has(&key);
        if is_new {
            host::set(&key, &[]);
        }
        is_new
    }

    /// Whether the element was there.
    pub fn remove(&mut self, element: &K) -> bool {
        let key = self.field.key(element);
        let was_there = host::has(&key);
        if was_there {
            host::delete(&key);
        }
        was_there
    }

    /// All elements, the least first.
    pub fn iter(&self) -> Keys<'_, K> {
        self.range(..)
    }

    /// The elements of a range, the least first.
    pub fn range(&self, range: impl RangeBounds<K>) -> Keys<'_, K> {
        Keys::new(self.field, &Span::of(&self.field.prefix, &range), Direction::Ascending)
    }

    /// The elements of a range, the greatest first.
    pub fn range_descending(&self, range: impl RangeBounds<K>) -> Keys<'_, K> {
        Keys::new(self.field, &Span::of(&self.field.prefix, &range), Direction::Descending)
    }

    /// The elements, tuples, that begin with this.
    pub fn prefix<P: KeyPrefix<K>>(&self, prefix: &P) -> Keys<'_, K> {
        Keys::new(self.field, &Span::below(self.field.key(prefix)), Direction::Ascending)
    }

    /// At most `limit` elements behind one, from the beginning when there is none. The last of a
    /// page is where the next one goes on.
    pub fn page(&self, after: Option<&K>, limit: usize) -> Vec<K> {
        let span = Span::behind(&self.field.prefix, after);
        Keys::new(self.field, &span, Direction::Ascending).take(limit).collect()
    }

    /// At most `limit` of the elements that begin with this, behind one, from the first of them when
    /// there is none.
    pub fn page_of<P: KeyPrefix<K>>(&self, prefix: &P, after: Option<&K>, limit: usize) -> Vec<K> {
        let span = Span::below(self.field.key(prefix)).rest(after.map(|key| self.field.key(key)));
        Keys::new(self.field, &span, Direction::Ascending).take(limit).collect()
    }
}

impl<'a, K: Key> IntoIterator for &'a Set<K> {
    type Item = K;
    type IntoIter = Keys<'a, K>;

    fn into_iter(self) -> Keys<'a, K> {
        self.iter()
    }
}

impl<K> fmt::Debug for Set<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Set({})", self.field.name)
    }
}
