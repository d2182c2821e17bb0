//! Reading one state: a committed one, one with overlays, or one of the past.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use primitives::StateKey;

use crate::family::{Family, order};
use crate::overlay::Base;
use crate::past::Past;
use crate::store::{Store, StoreError, or_panic};

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
    of: Of,
}

#[derive(Clone)]
enum Of {
    Base(Base),
    Past(Arc<Past>),
}

impl Of {
    fn get(&self, store: &dyn Store, key: &StateKey) -> Result<Option<Vec<u8>>, StoreError> {
        match self {
            Self::Base(base) => base.get(store, key),
            Self::Past(past) => past.get(store, key),
        }
    }

    /// The keys from `from` on, while `within`, that this state may have and `order` may not name.
    fn touched(
        &self,
        store: &dyn Store,
        from: &StateKey,
        within: impl Fn(&StateKey) -> bool,
    ) -> Result<Vec<StateKey>, StoreError> {
        match self {
            Self::Base(base) => Ok(base.touched(from, within)),
            Self::Past(_) => keys(store, Family::Deleted, from, within, usize::MAX),
        }
    }
}

impl StateView {
    pub(crate) fn new(store: Arc<dyn Store>, base: Base) -> Self {
        Self { store, of: Of::Base(base) }
    }

    pub(crate) fn of_past(store: Arc<dyn Store>, past: Past) -> Self {
        Self { store, of: Of::Past(Arc::new(past)) }
    }

    /// The value of a key; `None` when it is absent.
    pub fn get(&self, key: &StateKey) -> Option<Vec<u8>> {
        or_panic(self.of.get(self.store.as_ref(), key))
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
        or_panic(self.try_scan(prefix, after, limit))
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
        let store = self.store.as_ref();
        let mut found = Vec::new();
        while found.len() < limit {
            // The store's keys first: whoever changes them meanwhile is then among the touched.
            let stored = keys(store, Family::Order, &from, begins, limit)?;
            let last = if stored.len() == limit { stored.last().cloned() } else { None };
            let within =
                |key: &StateKey| begins(key) && last.as_ref().is_none_or(|last| key <= last);
            let mut keys: BTreeSet<StateKey> =
                self.of.touched(store, &from, within)?.into_iter().collect();
            keys.extend(stored);
            for key in keys {
                if found.len() == limit {
                    break;
                }
                if let Some(value) = self.of.get(store, &key)? {
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
}

/// At most `limit` keys of a family from `from` on, while `within`.
fn keys(
    store: &dyn Store,
    family: Family,
    from: &StateKey,
    within: impl Fn(&StateKey) -> bool,
    limit: usize,
) -> Result<Vec<StateKey>, StoreError> {
    let mut keys = Vec::new();
    let mut outcome = Ok(());
    store.scan(family, &order::row_key(from), &mut |row_key, _| {
        if keys.len() == limit {
            return ControlFlow::Break(());
        }
        match order::read_row(row_key) {
            Ok(key) if within(&key) => {
                keys.push(key);
                return ControlFlow::Continue(());
            }
            Ok(_) => {}
            Err(error) => outcome = Err(error),
        }
        ControlFlow::Break(())
    })?;
    outcome?;
    Ok(keys)
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
