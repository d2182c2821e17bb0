//! The one store behind all contenders: a map of bytes, in memory, that can be walked in order.

use std::collections::BTreeSet;
use std::ops::Range;

use hashbrown::HashMap;
use smallvec::SmallVec;

/// Has room for what every contender keeps of an account: ours takes 69 bytes of a key, `revm` 72 of a value.
type Bytes = SmallVec<[u8; 72]>;

/// Keys and values of whatever encoding a contender has. They are found by hash and lie in the table itself, so that a
/// race is one of machines: in an ordered map of vectors, waiting for memory was two fifths of the fastest one's time.
#[derive(Clone, Debug, Default)]
pub struct Store {
    values: HashMap<Bytes, Bytes>,
    order: BTreeSet<Bytes>,
}

impl Store {
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.values.get(key).map(SmallVec::as_slice)
    }

    pub fn set(&mut self, key: &[u8], value: Vec<u8>) {
        let value = Bytes::from_slice(&value);
        match self.values.get_mut(key) {
            Some(place) => *place = value,
            None => {
                let key = Bytes::from_slice(key);
                self.order.insert(key.clone());
                self.values.insert(key, value);
            }
        }
    }

    pub fn remove(&mut self, key: &[u8]) {
        if self.values.remove(key).is_some() {
            self.order.remove(key);
        }
    }

    pub fn range(&self, range: Range<Vec<u8>>) -> impl Iterator<Item = (&[u8], &[u8])> {
        let range = Bytes::from(range.start)..Bytes::from(range.end);
        let keys = (range.start < range.end).then(|| self.order.range(range));
        self.with_values(keys.into_iter().flatten())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.with_values(self.order.iter())
    }

    fn with_values<'a>(
        &'a self,
        keys: impl Iterator<Item = &'a Bytes>,
    ) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        keys.filter_map(|key| Some((key.as_slice(), self.get(key)?)))
    }
}
