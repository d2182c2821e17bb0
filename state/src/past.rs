//! Reading what was: any key at any height that is kept, and what changed between two of them.
//!
//! A block leaves behind what it overwrote. The value at a height is therefore what the first
//! change above it overwrote, or else the newest. The newest is read first: whoever changes the key
//! after that has left the old value by the time `history` is read.

use std::collections::BTreeSet;

use primitives::{Height, StateKey};

use crate::family::{changes, flat, history};
use crate::floor::Pin;
use crate::store::{Store, StoreError};

/// A committed state of the past, which stays readable while this lives.
#[derive(Debug)]
pub(crate) struct Past {
    pub(crate) pin: Pin,
}

/// What happened to a key between two heights; `None` is absence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub key: StateKey,
    pub before: Option<Vec<u8>>,
    pub after: Option<Vec<u8>>,
}

impl Past {
    pub(crate) fn get(
        &self,
        store: &dyn Store,
        key: &StateKey,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        value_at(store, key, self.pin.height)
    }

    /// The first `limit` keys after `after` whose values at `to` are others than here.
    pub(crate) fn differences(
        &self,
        store: &dyn Store,
        to: Height,
        after: Option<&StateKey>,
        limit: usize,
    ) -> Result<Vec<Difference>, StoreError> {
        let from = self.pin.height;
        let mut found = Vec::new();
        let mut after = after.cloned();
        while found.len() < limit {
            let keys = changed(store, from, to, after.as_ref(), limit)?;
            for key in &keys {
                let (old, new) = (value_at(store, key, from)?, value_at(store, key, to)?);
                if old != new && found.len() < limit {
                    found.push(Difference { key: key.clone(), before: old, after: new });
                }
            }
            if keys.len() < limit {
                break;
            }
            after = keys.last().cloned();
        }
        Ok(found)
    }
}

fn value_at(
    store: &dyn Store,
    key: &StateKey,
    height: Height,
) -> Result<Option<Vec<u8>>, StoreError> {
    let path = key.path();
    let newest = flat::get(store, &path, key)?;
    Ok(match history::first_above(store, &path, height)? {
        Some(old) => old.map(|old| old.value),
        None => newest.map(|record| record.value),
    })
}

/// The first `limit` keys after `after` that a block above `from`, up to `to`, changed.
fn changed(
    store: &dyn Store,
    from: Height,
    to: Height,
    after: Option<&StateKey>,
    limit: usize,
) -> Result<BTreeSet<StateKey>, StoreError> {
    let mut keys = BTreeSet::new();
    for height in from.0 + 1..=to.0 {
        for change in changes::get(store, Height(height))? {
            if after.is_none_or(|after| change.key > *after) {
                keys.insert(change.key);
            }
            if keys.len() > limit {
                keys.pop_last();
            }
        }
    }
    Ok(keys)
}
