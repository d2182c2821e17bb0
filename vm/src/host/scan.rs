//! Ordered scans over the contract's own storage.

use std::ops::ControlFlow;

use abi::host::{CURSORS_MAX, FLAG_DESCENDING};
use primitives::state_key::Direction;
use primitives::{StateKey, limits};

use super::{Cursor, Host, charge, misuse};
use crate::cost;
use crate::trap::Stop;

/// Lengths of key and value before each pair.
const LENGTHS_BYTES: usize = 8;
/// Bytes of a batch: the largest pair fits.
const BATCH_BYTES_MAX: usize = 1 << 20;

pub(crate) fn scan(
    host: &mut Host<'_, '_>,
    start: i32,
    start_len: i32,
    end: i32,
    end_len: i32,
    flags: i32,
) -> Result<i32, Stop> {
    host.charge(cost::SCAN)?;
    if flags & !FLAG_DESCENDING != 0 {
        return Err(misuse("scan with unknown flags".to_owned()));
    }
    let number = host.frame.cursors.len();
    if number >= CURSORS_MAX {
        return Err(misuse(format!("a call opens at most {CURSORS_MAX} cursors")));
    }
    let start = host.read("the start", start, start_len, limits::STORAGE_KEY_BYTES_MAX)?;
    let end = host.read("the end", end, end_len, limits::STORAGE_KEY_BYTES_MAX)?;
    let contract = &host.frame.contract;
    let below = match end.as_slice() {
        [] => StateKey::storage(contract, &[]).prefix_end(),
        end => StateKey::storage(contract, end),
    };
    let range = StateKey::storage(contract, &start)..below;
    let direction = match flags & FLAG_DESCENDING {
        0 => Direction::Ascending,
        _ => Direction::Descending,
    };
    host.frame.cursors.push(Cursor { range, direction });
    Ok(i32::try_from(number).unwrap_or(i32::MAX))
}

pub(crate) fn next_batch(
    host: &mut Host<'_, '_>,
    cursor: i32,
    out: i32,
    capacity: i32,
) -> Result<i64, Stop> {
    host.charge(cost::SCAN)?;
    let number = usize::try_from(cursor).unwrap_or(usize::MAX);
    let Some(cursor) = host.frame.cursors.get_mut(number) else {
        return Err(misuse(format!("there is no cursor {cursor}")));
    };
    let capacity = (capacity.cast_unsigned() as usize).min(BATCH_BYTES_MAX);
    let (guest, prefix) = (&mut *host.guest, host.frame.contract.0.len());
    let mut batch = Vec::new();
    let mut needed = 0;
    let mut paid = Ok(());
    host.machine.journal.walk(&cursor.range.clone(), cursor.direction, &mut |key, value| {
        // Each visit is paid for before the next; the first pair that does not fit, too.
        let price = match &value {
            Some(value) => cost::READ + (value.len() as u64).saturating_mul(cost::READ_BYTE),
            None => cost::SCAN_DELETED,
        };
        paid = charge(guest, price);
        if paid.is_err() {
            return ControlFlow::Break(());
        }
        let Some(value) = value else { return ControlFlow::Continue(()) };
        let own = key.key.get(prefix..).unwrap_or_default();
        let length = LENGTHS_BYTES + own.len() + value.len();
        if batch.len() + length > capacity {
            needed = length;
            return ControlFlow::Break(());
        }
        let length_of = |part: &[u8]| u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes();
        batch.extend_from_slice(&length_of(own));
        batch.extend_from_slice(&length_of(&value));
        batch.extend_from_slice(own);
        batch.extend_from_slice(&value);
        match cursor.direction {
            Direction::Ascending => cursor.range.start = key.next(),
            Direction::Descending => cursor.range.end = key,
        }
        ControlFlow::Continue(())
    });
    paid?;
    if batch.is_empty() {
        return Ok(-i64::try_from(needed).unwrap_or(i64::MAX));
    }
    host.write("the place for the batch", out, &batch)?;
    Ok(i64::try_from(batch.len()).unwrap_or(i64::MAX))
}
