//! Iterators over ranges of keys, in batches that the host brings.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::ops::{Bound, RangeBounds};

use abi::host::FLAG_DESCENDING;

use super::Field;
use crate::{Data, Key, host};

/// Bytes of the first batch, and of the largest unless one pair alone needs more. Whoever stops
/// after a few pairs has paid for few; whoever goes on crosses seldom.
const BATCH_BYTES: usize = 512;
const BATCH_BYTES_MAX: usize = 16 << 10;

/// Which end comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Ascending,
    Descending,
}

/// Storage keys from one on and below another; an empty end is the end of all.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) start: Vec<u8>,
    pub(super) end: Vec<u8>,
}

impl Span {
    /// Those that begin with these bytes.
    pub(super) fn below(prefix: Vec<u8>) -> Self {
        let end = successor(&prefix);
        Self { start: prefix, end }
    }

    /// Those of a range of keys behind a prefix. No key is the beginning of another, so that the
    /// one with a zero appended stands right behind it.
    pub(super) fn of<K: Key>(prefix: &[u8], range: &impl RangeBounds<K>) -> Self {
        let at = |key: &K| {
            let mut bytes = prefix.to_vec();
            key.write(&mut bytes);
            bytes
        };
        let behind = |key: &K| {
            let mut bytes = at(key);
            bytes.push(0);
            bytes
        };
        let start = match range.start_bound() {
            Bound::Unbounded => prefix.to_vec(),
            Bound::Included(key) => at(key),
            Bound::Excluded(key) => behind(key),
        };
        let end = match range.end_bound() {
            Bound::Unbounded => successor(prefix),
            Bound::Included(key) => behind(key),
            Bound::Excluded(key) => at(key),
        };
        Self { start, end }
    }

    /// Those behind a key, or all.
    pub(super) fn behind<K: Key>(prefix: &[u8], after: Option<&K>) -> Self {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        Self::of::<K>(prefix, &(from, Bound::Unbounded))
    }

    /// Those of this span that stand behind a storage key, or all of it.
    pub(super) fn rest(self, after: Option<Vec<u8>>) -> Self {
        let Some(mut from) = after else { return self };
        from.push(0);
        Self { start: self.start.max(from), end: self.end }
    }
}

/// The least bytes above all that begin with these; none when there are none.
fn successor(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            break;
        }
    }
    end
}

/// Raw pairs of a span.
pub(super) struct Scan {
    cursor: i32,
    batch: Vec<u8>,
    /// What of the batch was given out.
    at: usize,
    capacity: usize,
}

impl Scan {
    fn new(span: &Span, direction: Direction) -> Self {
        let flags = if direction == Direction::Descending { FLAG_DESCENDING } else { 0 };
        let cursor = host::scan(&span.start, &span.end, flags);
        Self { cursor, batch: Vec::new(), at: 0, capacity: BATCH_BYTES }
    }

    /// The next storage key and its value.
    fn next(&mut self) -> Option<(&[u8], &[u8])> {
        if self.at == self.batch.len() && !self.fill() {
            return None;
        }
        let rest = self.batch.get(self.at..).unwrap_or_default();
        let Some((key_length, rest)) = rest.split_first_chunk() else { malformed() };
        let Some((value_length, rest)) = rest.split_first_chunk() else { malformed() };
        let length =
            |bytes: &[u8; 4]| usize::try_from(u32::from_le_bytes(*bytes)).unwrap_or(usize::MAX);
        let (key_length, value_length) = (length(key_length), length(value_length));
        let Some((key, rest)) = rest.split_at_checked(key_length) else { malformed() };
        let Some(value) = rest.get(..value_length) else { malformed() };
        self.at += 8 + key_length + value_length;
        Some((key, value))
    }

    /// Fetches the next batch. False at the end.
    fn fill(&mut self) -> bool {
        self.at = 0;
        loop {
            self.batch = vec![0; self.capacity];
            let answer = host::next_batch(self.cursor, &mut self.batch);
            if let Ok(length) = usize::try_from(answer) {
                self.batch.truncate(length);
                self.capacity = (self.capacity * 2).clamp(BATCH_BYTES, BATCH_BYTES_MAX);
                return length != 0;
            }
            // One pair alone needs more.
            self.capacity = usize::try_from(answer.unsigned_abs()).unwrap_or(usize::MAX);
        }
    }
}

fn malformed() -> ! {
    panic!("the host's batch is malformed")
}

/// The pairs of a range, fetched as they are asked for. Borrows the map, which cannot be written to
/// meanwhile.
#[must_use = "nothing is read until it is asked for"]
pub struct Entries<'a, K, V> {
    field: Field,
    scan: Scan,
    /// Bytes of the field's own between its prefix and the key.
    more: usize,
    of: PhantomData<&'a (K, V)>,
}

impl<K: Key, V: Data> Entries<'_, K, V> {
    pub(super) fn new(field: Field, span: &Span, direction: Direction) -> Self {
        Self::within(field, span, direction, 0)
    }

    /// Of keys with some more bytes of the field's own before them.
    pub(super) fn within(field: Field, span: &Span, direction: Direction, more: usize) -> Self {
        Self { field, scan: Scan::new(span, direction), more, of: PhantomData }
    }
}

impl<K: Key, V: Data> Iterator for Entries<'_, K, V> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        let (key, value) = self.scan.next()?;
        Some((read_key(self.field, key, self.more), self.field.decode(value)))
    }
}

/// The keys of a range, fetched as they are asked for. Borrows the collection, which cannot be
/// written to meanwhile.
#[must_use = "nothing is read until it is asked for"]
pub struct Keys<'a, K> {
    field: Field,
    scan: Scan,
    of: PhantomData<&'a K>,
}

impl<K: Key> Keys<'_, K> {
    pub(super) fn new(field: Field, span: &Span, direction: Direction) -> Self {
        Self { field, scan: Scan::new(span, direction), of: PhantomData }
    }

    /// The next key, whose storage key has some more bytes of the field's own before it.
    pub(super) fn next_behind(&mut self, more: usize) -> Option<K> {
        let (key, _) = self.scan.next()?;
        Some(read_key(self.field, key, more))
    }
}

impl<K: Key> Iterator for Keys<'_, K> {
    type Item = K;

    fn next(&mut self) -> Option<K> {
        self.next_behind(0)
    }
}

/// The key behind the field's prefix and some more bytes.
fn read_key<K: Key>(field: Field, storage_key: &[u8], more: usize) -> K {
    let mut bytes = storage_key.get(field.prefix.len() + more..).unwrap_or_default();
    match K::read(&mut bytes) {
        Some(key) if bytes.is_empty() => key,
        _ => field.other_type(),
    }
}

impl<K, V> fmt::Debug for Entries<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entries({})", self.field.name)
    }
}

impl<K> fmt::Debug for Keys<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.field.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The span of a range of bytes behind the prefix 7.
    fn check(range: impl RangeBounds<u8>, start: &[u8], end: &[u8]) {
        let span = Span::of(&[7], &range);
        assert_eq!((span.start.as_slice(), span.end.as_slice()), (start, end));
    }

    #[test]
    fn bounds_are_those_of_the_range() {
        check(.., &[7], &[8]);
        check(3.., &[7, 3], &[8]);
        check(3..5, &[7, 3], &[7, 5]);
        check(..=5, &[7], &[7, 5, 0]);
        check((Bound::Excluded(3), Bound::Unbounded), &[7, 3, 0], &[8]);
    }

    #[test]
    fn the_rest_of_a_span_does_not_begin_before_it() {
        let rest =
            |after: Option<&[u8]>| Span::below(vec![7]).rest(after.map(<[u8]>::to_vec)).start;
        assert_eq!(rest(None), [7]);
        assert_eq!(rest(Some(&[7, 3])), [7, 3, 0]);
        assert_eq!(rest(Some(&[6, 3])), [7]);
    }

    #[test]
    fn what_begins_with_bytes_ends_before_their_successor() {
        let check = |prefix: &[u8], end: &[u8]| assert_eq!(successor(prefix), end);
        check(&[1, 2], &[1, 3]);
        check(&[1, 255], &[2]);
        check(&[255, 255], &[]);
    }
}
