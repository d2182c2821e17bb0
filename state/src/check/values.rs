//! The flat map against the root, and the keys' order against the flat map.

use super::*;
use crate::family::{flat, nodes, order};
use crate::store::{Reading, StoreError};
use crate::stored_leaves::StoredLeaves;
use crate::tree::node::{Leaves, PageSlot, Slot};
use crate::tree::page::{Leaf, subtree_hash};
use crate::tree::units::{UNIT_DEPTH, Unit, first_path, unit_of};
use crate::tree::{LeafSource, Memory, Tree, Update, Work, build};

pub(super) fn check(
    store: &dyn Store,
    meta: &Meta,
    report: &mut CheckReport,
) -> Result<(), StoreError> {
    let mut units = Units::default();
    let (mut values, mut keys) = (Sum::default(), Sum::default());
    let mut usage = BTreeMap::<_, Usage>::new();
    store.read_all(Family::Flat, &mut |row_key, bytes| {
        match flat::read_record(row_key, bytes) {
            Ok(record) => {
                report.keys += 1;
                values.add(&[&order::row_key(&record.key)]);
                let usage = usage.entry(record.key.namespace).or_default();
                usage.replace(&record.key, None, Some(&record.value));
                units.add(record.leaf(), meta.height);
            }
            Err(error) => report.add(error.to_string()),
        }
        Ok(())
    })?;
    let root = units.root(store, meta.height)?;
    store.read_all(Family::Order, &mut |row_key, _| {
        keys.add(&[row_key]);
        Ok(())
    })?;
    if keys != values {
        name_unordered(store, report)?;
    }
    let used = |usage: &BTreeMap<_, Usage>| -> Vec<_> {
        let used = usage.iter().filter(|(_, usage)| usage.keys > 0);
        used.map(|(namespace, usage)| (*namespace, *usage)).collect()
    };
    report.expect(used(&usage) == used(&meta.usage), || {
        "what it says each namespace holds is not what each holds".to_owned()
    });
    if root != meta.root {
        let (height, expected) = (meta.height, meta.root);
        report.add(format!(
            "its values have the root {root}, and block {height} was committed with {expected}"
        ));
        name_pages(store, report)?;
    }
    Ok(())
}

/// The tree, unit by unit as the rows come.
#[derive(Default)]
struct Units {
    done: BTreeMap<Unit, Slot>,
    unit: Unit,
    leaves: Vec<Leaf>,
}

impl Units {
    fn add(&mut self, leaf: Leaf, height: Height) {
        if unit_of(&leaf.path) != self.unit {
            self.finish(height);
            self.unit = unit_of(&leaf.path);
        }
        self.leaves.push(leaf);
    }

    fn finish(&mut self, height: Height) {
        let leaves = std::mem::take(&mut self.leaves);
        if !leaves.is_empty() {
            self.done.insert(self.unit, build(&leaves, UNIT_DEPTH, height, Leaves::Dropped));
        }
    }

    fn root(mut self, store: &dyn Store, height: Height) -> Result<Hash, StoreError> {
        self.finish(height);
        let (source, memory) = (&StoredLeaves::new(store, Reading::Onward), &Memory::new(0));
        let how = Update { work: Work::Reload, source, height, committed: height, memory };
        Ok(Tree::of_units(self.done, &how)?.root())
    }
}

/// Says which keys only one of `flat` and `order` has.
fn name_unordered(store: &dyn Store, report: &mut CheckReport) -> Result<(), StoreError> {
    store.read_all(Family::Order, &mut |row_key, _| {
        let key = order::read_row(row_key)?;
        let has_value = flat::get(store, &key.path(), &key)?.is_some();
        report.expect(has_value, || format!("{} stands in the order and has no value", name(&key)));
        Ok(())
    })?;
    store.read_all(Family::Flat, &mut |row_key, bytes| {
        let Ok(record) = flat::read_record(row_key, bytes) else { return Ok(()) };
        let ordered = store.get(Family::Order, &order::row_key(&record.key))?.is_some();
        let key = &record.key;
        report.expect(ordered, || format!("{} has a value and no place in the order", name(key)));
        Ok(())
    })
}

/// Says which keys lie in pages whose stored hash is another one, where no block changed the page
/// since it was stored.
fn name_pages(store: &dyn Store, report: &mut CheckReport) -> Result<(), StoreError> {
    let source = StoredLeaves::new(store, Reading::Onward);
    for (unit, nodes) in nodes::all(store)? {
        let mut pages = Vec::new();
        pages_of(&Slot::Node(nodes.nodes), first_path(unit), UNIT_DEPTH, &mut pages);
        for (path, depth, page) in pages {
            let mut records = Vec::new();
            for leaf in source.leaves(&path, depth)? {
                records.extend(flat::at(store, &leaf.path)?);
            }
            let leaves: Vec<Leaf> = records.iter().map(FlatRecord::leaf).collect();
            let changed_since = records.iter().any(|record| record.changed > nodes.height);
            if subtree_hash(&leaves, depth) != page.hash && !changed_since {
                let names: Vec<String> = records.iter().map(|record| name(&record.key)).collect();
                report.add(format!(
                    "one of these differs, or one beside them is missing, since block {}: {}",
                    nodes.height,
                    names.join(", ")
                ));
            }
        }
    }
    Ok(())
}

fn pages_of(slot: &Slot, path: Hash, depth: usize, pages: &mut Vec<(Hash, usize, PageSlot)>) {
    match slot {
        Slot::Empty => {}
        Slot::Page(page) => pages.push((path, depth, page.clone())),
        Slot::Node(node) => {
            for (at, slot) in node.below(1) {
                let (path, below) = crate::tree::child(&path, depth, at);
                pages_of(slot, path, below, pages);
            }
        }
    }
}
