//! The one store behind all contenders: an ordered map of bytes, in memory.

use std::collections::BTreeMap;
use std::ops::Range;

/// Keys and values of whatever encoding a contender has.
#[derive(Clone, Debug, Default)]
pub struct Store {
    map: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Store {
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.map.get(key).map(Vec::as_slice)
    }

    pub fn set(&mut self, key: &[u8], value: Vec<u8>) {
        match self.map.get_mut(key) {
            Some(place) => *place = value,
            None => {
                self.map.insert(key.to_vec(), value);
            }
        }
    }

    pub fn remove(&mut self, key: &[u8]) {
        self.map.remove(key);
    }

    pub fn range(&self, range: Range<Vec<u8>>) -> impl Iterator<Item = (&[u8], &[u8])> {
        let rows = (range.start < range.end).then(|| self.map.range(range));
        rows.into_iter().flatten().map(|(key, value)| (key.as_slice(), value.as_slice()))
    }

    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.map.iter().map(|(key, value)| (key.as_slice(), value.as_slice()))
    }
}
