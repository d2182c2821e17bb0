//! Changes seen over what is below them, key after key.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};

use primitives::StateKey;
use primitives::state_key::{Direction, KeyVisitor};

/// Visits the keys of a range as the changes leave them, until the visitor breaks. `below` visits
/// what lies below, in the same range and direction.
pub fn walk_changed(
    changes: &BTreeMap<StateKey, Option<Vec<u8>>>,
    below: impl FnOnce(KeyVisitor<'_>),
    within: (&Range<StateKey>, Direction),
    visit: KeyVisitor<'_>,
) {
    walk_with_deleted(changes, below, within, &mut |key, value| match value {
        Some(value) => visit(key, value),
        None => ControlFlow::Continue(()),
    });
}

/// The same, and visits without a value those that the changes delete: passing by them takes time
/// as well.
pub(crate) fn walk_with_deleted(
    changes: &BTreeMap<StateKey, Option<Vec<u8>>>,
    below: impl FnOnce(KeyVisitor<'_>),
    (range, direction): (&Range<StateKey>, Direction),
    visit: &mut dyn FnMut(StateKey, Option<Vec<u8>>) -> ControlFlow<()>,
) {
    if range.is_empty() {
        return;
    }
    let changes = changes.range(range.clone());
    let mut changes: Box<dyn Iterator<Item = (&StateKey, &Option<Vec<u8>>)>> = match direction {
        Direction::Ascending => Box::new(changes),
        Direction::Descending => Box::new(changes.rev()),
    };
    let mut next = changes.next();
    let comes_before = |one: &StateKey, other: &StateKey| match direction {
        Direction::Ascending => one < other,
        Direction::Descending => one > other,
    };
    let mut flow = ControlFlow::Continue(());
    below(&mut |key, value| {
        while let Some((changed, change)) = next
            && comes_before(changed, &key)
        {
            next = changes.next();
            flow = visit(changed.clone(), change.clone());
            if flow.is_break() {
                return flow;
            }
        }
        flow = match next {
            Some((changed, change)) if *changed == key => {
                next = changes.next();
                visit(key, change.clone())
            }
            _ => visit(key, Some(value)),
        };
        flow
    });
    while flow.is_continue()
        && let Some((changed, change)) = next
    {
        next = changes.next();
        flow = visit(changed.clone(), change.clone());
    }
}
