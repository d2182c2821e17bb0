//! Sums that are added to without being read.
//!
//! The host does the addition. Two transactions that only add to a sum do not depend on each
//! other's order, as two that read and set it do: that is what lets a node run them side by side.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::ops::RangeBounds;

use abi::Selector;
use abi::layout::{StorageKindLayout, TypeLayout};
use thiserror::Error;

use super::range::{Direction, Entries, Span};
use super::{Collection, Field};
use crate::key::KeyPrefix;
use crate::{Key, encode, host};

/// The sum would be below zero, or above its maximum. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the sum would leave its range")]
pub struct OutOfRange;

/// One sum. It is 0 until something is added.
pub struct Total {
    field: Field,
}

impl Collection for Total {
    const KIND: StorageKindLayout = StorageKindLayout::Item(TypeLayout::U128);

    fn at(name: &'static str, prefix: Selector) -> Self {
        Self { field: Field { name, prefix } }
    }
}

impl Total {
    pub fn get(&self) -> u128 {
        self.field.read(&self.field.prefix).unwrap_or(0)
    }

    /// Replaces the sum.
    pub fn set(&mut self, sum: u128) {
        host::set(&self.field.prefix, &encode(&sum));
    }

    /// Adds, up to `u128::MAX`.
    pub fn add(&mut self, amount: u128) -> Result<(), OutOfRange> {
        change(&self.field.prefix, amount, Sign::Plus, u128::MAX)
    }

    /// Adds, as long as the sum is not above `max`.
    pub fn add_up_to(&mut self, amount: u128, max: u128) -> Result<(), OutOfRange> {
        change(&self.field.prefix, amount, Sign::Plus, max)
    }

    /// Subtracts, as long as the sum is not below zero.
    pub fn sub(&mut self, amount: u128) -> Result<(), OutOfRange> {
        change(&self.field.prefix, amount, Sign::Minus, u128::MAX)
    }
}

/// A sum for each key. It is 0 until something is added.
pub struct Totals<K> {
    field: Field,
    of: PhantomData<K>,
}

impl<K: Key> Collection for Totals<K> {
    const KIND: StorageKindLayout =
        StorageKindLayout::Map { key: K::TYPE, value: TypeLayout::U128 };

    fn at(name: &'static str, prefix: Selector) -> Self {
        Self { field: Field { name, prefix }, of: PhantomData }
    }
}

impl<K: Key> Totals<K> {
    pub fn get(&self, key: &K) -> u128 {
        self.field.read(&self.field.key(key)).unwrap_or(0)
    }

    /// Replaces the sum. One of 0 is kept all the same; [`Self::remove`] takes it away.
    pub fn set(&mut self, key: &K, sum: u128) {
        host::set(&self.field.key(key), &encode(&sum));
    }

    /// Adds, up to `u128::MAX`.
    pub fn add(&mut self, key: &K, amount: u128) -> Result<(), OutOfRange> {
        change(&self.field.key(key), amount, Sign::Plus, u128::MAX)
    }

    /// Adds, as long as the sum is not above `max`.
    pub fn add_up_to(&mut self, key: &K, amount: u128, max: u128) -> Result<(), OutOfRange> {
        change(&self.field.key(key), amount, Sign::Plus, max)
    }

    /// Subtracts, as long as the sum is not below zero.
    pub fn sub(&mut self, key: &K, amount: u128) -> Result<(), OutOfRange> {
        change(&self.field.key(key), amount, Sign::Minus, u128::MAX)
    }

    pub fn remove(&mut self, key: &K) {
        host::delete(&self.field.key(key));
    }

    /// The sums of a range of keys, the least key first.
    pub fn range(&self, range: impl RangeBounds<K>) -> Entries<'_, K, u128> {
        Entries::new(self.field, &Span::of(&self.field.prefix, &range), Direction::Ascending)
    }

    /// The sums whose keys, tuples, begin with this.
    pub fn prefix<P: KeyPrefix<K>>(&self, prefix: &P) -> Entries<'_, K, u128> {
        Entries::new(self.field, &Span::below(self.field.key(prefix)), Direction::Ascending)
    }

    /// At most `limit` sums behind a key, from the beginning when there is none.
    pub fn page(&self, after: Option<&K>, limit: usize) -> Vec<(K, u128)> {
        let span = Span::behind(&self.field.prefix, after);
        Entries::new(self.field, &span, Direction::Ascending).take(limit).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Plus,
    Minus,
}

fn change(key: &[u8], amount: u128, sign: Sign, max: u128) -> Result<(), OutOfRange> {
    let signed = match (i128::try_from(amount), sign) {
        (Ok(amount), Sign::Plus) => amount,
        (Ok(amount), Sign::Minus) => -amount,
        // The host takes 127 bits and a sign. What has more is rare, and is read and set.
        (Err(_), sign) => return replace(key, amount, sign, max),
    };
    if host::add(key, signed, max) { Ok(()) } else { Err(OutOfRange) }
}

fn replace(key: &[u8], amount: u128, sign: Sign, max: u128) -> Result<(), OutOfRange> {
    let sum = host::get(key, |value| value.and_then(|bytes| bytes.try_into().ok()));
    let sum = sum.map_or(0, u128::from_le_bytes);
    let sum = match sign {
        Sign::Plus => sum.checked_add(amount).filter(|sum| *sum <= max),
        Sign::Minus => sum.checked_sub(amount),
    };
    host::set(key, &encode(&sum.ok_or(OutOfRange)?));
    Ok(())
}

impl fmt::Debug for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Total({})", self.field.name)
    }
}

impl<K> fmt::Debug for Totals<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Totals({})", self.field.name)
    }
}
