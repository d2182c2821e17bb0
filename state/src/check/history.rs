//! What blocks changed against what stands and what was overwritten.
//!
//! Every value that a block wrote, as `changes` says, either stands in `flat` still or stands in
//! `history`, where the next change of that key put it. And every change left one row in `history`.

use super::*;
use crate::family::changes::{self, Change};
use crate::family::{deleted, flat, history, order};

pub(super) fn check(
    store: &dyn Store,
    meta: &Meta,
    report: &mut CheckReport,
) -> Result<(), StoreError> {
    let floor = meta.floor;
    let (mut wrote, mut found) = (Sum::default(), Sum::default());
    let (mut changed, mut left) = (Sum::default(), Sum::default());
    let mut deletions = BTreeMap::new();
    let mut last = floor;
    changes::visit(store, floor.next(), |height, changes| {
        report.expect(height == last.next(), || format!("it does not say what {last} led to"));
        last = height;
        for Change { key, value_hash } in &changes {
            let path = key.path();
            changed.add(&[&path.0, &height.0.to_le_bytes()]);
            match value_hash {
                Some(hash) => wrote.add(&[&path.0, &height.0.to_le_bytes(), &hash.0]),
                None => {
                    deletions.insert(order::row_key(key), height);
                }
            }
        }
        Ok(())
    })?;
    let head = meta.height;
    report.expect(last == head, || format!("it says what blocks changed up to {last}, not {head}"));
    store.read_all(Family::Flat, &mut |_, bytes| {
        let Ok(record) = flat::decode_record(bytes) else { return Ok(()) };
        if record.changed > floor {
            let path = record.key.path();
            found.add(&[&path.0, &record.changed.0.to_le_bytes(), &record.value_hash().0]);
        }
        Ok(())
    })?;
    store.read_all(Family::History, &mut |row_key, bytes| {
        let (path, height) = history::read_key(row_key)?;
        if height <= floor {
            return Ok(());
        }
        left.add(&[&path.0, &height.0.to_le_bytes()]);
        if let Some(old) = history::read_value(bytes)?
            && old.changed > floor
        {
            found.add(&[&path.0, &old.changed.0.to_le_bytes(), &old.value_hash().0]);
        }
        Ok(())
    })?;
    if wrote != found || changed != left {
        report.add("what its blocks changed is not what stands or was overwritten");
        name_changes(store, floor, report)?;
    }
    check_deleted(store, floor, deletions, report)
}

/// Says which changes have lost their traces, or never made these.
fn name_changes(
    store: &dyn Store,
    floor: Height,
    report: &mut CheckReport,
) -> Result<(), StoreError> {
    changes::visit(store, floor.next(), |height, changes| {
        for Change { key, value_hash } in &changes {
            let path = key.path();
            if store.get(Family::History, &history::row_key(&path, height))?.is_none() {
                report.add(format!("what block {height} overwrote under {} is gone", name(key)));
            }
            let stands = match history::first_above(store, &path, height)? {
                Some(old) => old.map(|old| (old.changed, old.value_hash())),
                None => flat::get(store, &path, key)?
                    .map(|record| (record.changed, record.value_hash())),
            };
            report.expect(stands == value_hash.map(|hash| (height, hash)), || {
                format!("{} differs from what block {height} wrote", name(key))
            });
        }
        Ok(())
    })
}

fn check_deleted(
    store: &dyn Store,
    floor: Height,
    mut expected: BTreeMap<Vec<u8>, Height>,
    report: &mut CheckReport,
) -> Result<(), StoreError> {
    store.read_all(Family::Deleted, &mut |row_key, value| {
        let height = deleted::read_height(value)?;
        let key = order::read_row(row_key)?;
        if height > floor {
            report.expect(expected.remove(row_key) == Some(height), || {
                format!("{} was not last deleted at {height}, as it is noted", name(&key))
            });
        }
        Ok(())
    })?;
    for (row_key, height) in expected {
        let key = order::read_row(&row_key)?;
        report.add(format!("it is not noted that {} was deleted at {height}", name(&key)));
    }
    Ok(())
}
