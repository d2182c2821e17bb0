//! Reading one state: a committed one, or one with overlays.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use primitives::StateKey;

use crate::family::{Family, order};
use crate::overlay::Base;
use crate::store::{Store, StoreError, or_abort};

/// One state, the same for as long as the view lives, whatever is committed meanwhile.
///
/// A long-lived view costs memory: it keeps the old values of all that was overwritten since. Make
/// one for each piece of work.
///
/// Reads that the disk fails end the process with the reason: a broken disk is never a missing
/// account.
#[derive(Clone)]
pub struct StateView {
    store: Arc<dyn Store>,
    base: Base,
}

impl StateView {
    pub(crate) fn new(store: Arc<dyn Store>, base: Base) -> Self {
        Self { store, base }
    }

    /// The value of a key; `None` when it is absent.
    pub fn get(&self, key: &StateKey) -> Option<Vec<u8>> {
        or_abort(self.base.get(self.store.as_ref(), key))
    }

    /// The first `limit` keys, with their values, that begin with `prefix` in its namespace; in
    /// order, and beginning after `after` when it is given. The cost follows `limit`, not the size
    /// of the namespace, unless many keys have just been deleted.
    pub fn scan(
        &self,
        prefix: &StateKey,
        after: Option<&StateKey>,
        limit: usize,
    ) -> Vec<(StateKey, Vec<u8>)> {
        or_abort(self.try_scan(prefix, after, limit))
    }

    fn try_scan(
        &self,
        prefix: &StateKey,
        after: Option<&StateKey>,
        limit: usize,
    ) -> Result<Vec<(StateKey, Vec<u8>)>, StoreError> {
        let begins =
            |key: &StateKey| key.namespace == prefix.namespace && key.key.starts_with(&prefix.key);
        let mut from = match after {
            Some(after) if after >= prefix => successor(after),
            _ => prefix.clone(),
        };
        let mut found = Vec::new();
        while found.len() < limit {
            // The store's keys first: whoever changes them meanwhile is then among the touched.
            let (stored, more) = self.stored_keys(&from, begins, limit)?;
            let last = if more { stored.last().cloned() } else { None };
            let within =
                |key: &StateKey| begins(key) && last.as_ref().is_none_or(|last| key <= last);
            let mut keys: BTreeSet<StateKey> =
                self.base.touched(&from, within).into_iter().collect();
            keys.extend(stored);
            for key in keys {
                if found.len() == limit {
                    break;
                }
                if let Some(value) = self.base.get(self.store.as_ref(), &key)? {
                    found.push((key, value));
                }
            }
            match last {
                Some(last) => from = successor(&last),
                None => break,
            }
        }
        Ok(found)
    }

    /// At most `limit` keys of the store from `from` on while `begins`, and whether there may be
    /// more.
    fn stored_keys(
        &self,
        from: &StateKey,
        begins: impl Fn(&StateKey) -> bool,
        limit: usize,
    ) -> Result<(Vec<StateKey>, bool), StoreError> {
        let mut keys = Vec::new();
        let mut outcome = Ok(());
        self.store.scan(Family::Order, &order::row_key(from), &mut |row_key, _| {
            if keys.len() == limit {
                return ControlFlow::Break(());
            }
            match order::read_row(row_key) {
                Ok(key) if begins(&key) => {
                    keys.push(key);
                    ControlFlow::Continue(())
                }
                Ok(_) => ControlFlow::Break(()),
                Err(error) => {
                    outcome = Err(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        outcome?;
        let more = keys.len() == limit;
        Ok((keys, more))
    }
}

/// The least key above `key`.
fn successor(key: &StateKey) -> StateKey {
    let mut next = key.clone();
    next.key.push(0);
    next
}

impl fmt::Debug for StateView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StateView")
    }
}
