//! Reading one state: a committed one, one with overlays, or one of the past.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use primitives::StateKey;
use primitives::state_key::{Direction, KeyVisitor};

use crate::family::{Family, order};
use crate::overlay::Base;
use crate::past::Past;
use crate::store::{Reading, Store, StoreError, or_panic};

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
            Self::Past(_) => deleted(store, from, within),
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
    /// order, and beginning after `after` when it is given.
    pub fn scan(
        &self,
        prefix: &StateKey,
        after: Option<&StateKey>,
        limit: usize,
    ) -> Vec<(StateKey, Vec<u8>)> {
        let from = match after {
            Some(after) if after >= prefix => after.next(),
            _ => prefix.clone(),
        };
        let mut found = Vec::new();
        if limit > 0 {
            self.walk(&(from..prefix.prefix_end()), Direction::Ascending, &mut |key, value| {
                found.push((key, value));
                if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
        }
        found
    }

    /// Visits the keys of a range, with their values, until the visitor breaks. The cost follows
    /// the visits, not the size of the range, unless many keys have just been deleted.
    pub fn walk(&self, range: &Range<StateKey>, direction: Direction, visit: KeyVisitor<'_>) {
        or_panic(self.try_walk(range.clone(), direction, visit));
    }

    fn try_walk(
        &self,
        mut range: Range<StateKey>,
        direction: Direction,
        visit: KeyVisitor<'_>,
    ) -> Result<(), StoreError> {
        let store = self.store.as_ref();
        while range.start < range.end {
            // The store's keys first: whoever changes them meanwhile is then among the touched.
            let stored = stored(store, &range, direction)?;
            let last = if stored.len() == CHUNK { stored.last().cloned() } else { None };
            let (mut chunk, mut rest) = (range.clone(), range.start.clone()..range.start.clone());
            if let Some(last) = last {
                match direction {
                    Direction::Ascending => {
                        chunk.end = last.next();
                        rest = chunk.end.clone()..range.end;
                    }
                    Direction::Descending => {
                        rest = range.start..last.clone();
                        chunk.start = last;
                    }
                }
            }
            let mut keys: BTreeSet<StateKey> =
                self.of.touched(store, &chunk.start, |key| *key < chunk.end)?.into_iter().collect();
            keys.extend(stored);
            let mut keys: VecDeque<StateKey> = keys.into_iter().collect();
            while let Some(key) = match direction {
                Direction::Ascending => keys.pop_front(),
                Direction::Descending => keys.pop_back(),
            } {
                if let Some(value) = self.of.get(store, &key)?
                    && visit(key, value).is_break()
                {
                    return Ok(());
                }
            }
            range = rest;
        }
        Ok(())
    }
}

/// Keys that are asked of the store at a time.
const CHUNK: usize = 64;

/// The next keys of a range that the store has, at most [`CHUNK`].
fn stored(
    store: &dyn Store,
    range: &Range<StateKey>,
    direction: Direction,
) -> Result<Vec<StateKey>, StoreError> {
    let mut keys = Vec::new();
    let mut outcome = Ok(());
    let mut visit = |row_key: &[u8], _: &[u8]| {
        match order::read_row(row_key) {
            Ok(key) if range.contains(&key) => {
                keys.push(key);
                if keys.len() < CHUNK {
                    return ControlFlow::Continue(());
                }
            }
            Ok(_) => {}
            Err(error) => outcome = Err(error),
        }
        ControlFlow::Break(())
    };
    match direction {
        Direction::Ascending => {
            store.scan(Family::Order, &order::row_key(&range.start), &mut visit)?;
        }
        Direction::Descending => {
            let mut rows = store.scanner(Family::Order, Reading::Scattered)?;
            rows.scan_back(&order::row_key(&range.end), &mut visit)?;
        }
    }
    outcome?;
    Ok(keys)
}

/// The keys from `from` on, while `within`, that were ever deleted.
fn deleted(
    store: &dyn Store,
    from: &StateKey,
    within: impl Fn(&StateKey) -> bool,
) -> Result<Vec<StateKey>, StoreError> {
    let mut keys = Vec::new();
    let mut outcome = Ok(());
    store.scan(Family::Deleted, &order::row_key(from), &mut |row_key, _| {
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

impl fmt::Debug for StateView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StateView")
    }
}
