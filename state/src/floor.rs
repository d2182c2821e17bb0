//! The floor: the lowest height that can be read. One setting moves it for state, blocks, receipts
//! and indices; what lies below goes in the background, when RocksDB rewrites its files.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use primitives::Height;
use thiserror::Error;

/// How many heights can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retention {
    #[default]
    All,
    /// The head and this many blocks below it.
    Blocks(u64),
}

/// Why a height cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HeightError {
    #[error("height {height} is pruned; the lowest that this node keeps is {floor}")]
    Pruned { height: Height, floor: Height },
    #[error("height {height} is not committed; the head is {head}")]
    AboveHead { height: Height, head: Height },
}

/// What compactions go by. It follows what is durable: a floor that a commit raised comes here when
/// the commit is on the disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Floors {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    floor: AtomicU64,
    /// That of `changes`, which the units of the tree need a little longer.
    changes: AtomicU64,
    readers: Mutex<Readers>,
}

#[derive(Debug, Default)]
struct Readers {
    /// Heights that somebody reads, with the number of readers.
    pins: BTreeMap<Height, usize>,
    /// The floor that the next commit brings.
    coming: Height,
}

/// Keeps a height readable while it lives.
#[derive(Debug)]
pub(crate) struct Pin {
    floors: Floors,
    pub(crate) height: Height,
}

impl Floors {
    pub(crate) fn floor(&self) -> Height {
        Height(self.inner.floor.load(Ordering::Acquire))
    }

    pub(crate) fn changes(&self) -> Height {
        Height(self.inner.changes.load(Ordering::Acquire))
    }

    /// To be called when both are durable.
    pub(crate) fn raise(&self, floor: Height, changes: Height) {
        self.inner.floor.fetch_max(floor.0, Ordering::AcqRel);
        self.inner.changes.fetch_max(changes.0, Ordering::AcqRel);
    }

    /// The floor that the next commit brings, when `head` is durable.
    pub(crate) fn next(&self, retention: Retention, head: Height) -> Height {
        let mut readers = self.readers();
        if let Retention::Blocks(count) = retention {
            let wanted = Height(head.0.saturating_sub(count));
            let lowest = readers.pins.keys().next().map_or(wanted, |lowest| wanted.min(*lowest));
            readers.coming = lowest.max(self.floor());
        }
        readers.coming.max(self.floor())
    }

    /// Keeps `height` readable.
    pub(crate) fn pin(&self, height: Height, head: Height) -> Result<Pin, HeightError> {
        if height > head {
            return Err(HeightError::AboveHead { height, head });
        }
        let mut readers = self.readers();
        let floor = readers.coming.max(self.floor());
        if height < floor {
            return Err(HeightError::Pruned { height, floor });
        }
        *readers.pins.entry(height).or_default() += 1;
        drop(readers);
        Ok(Pin { floors: self.clone(), height })
    }

    fn readers(&self) -> MutexGuard<'_, Readers> {
        self.inner.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut readers = self.floors.readers();
        if let Some(count) = readers.pins.get_mut(&self.height) {
            *count -= 1;
            if *count == 0 {
                readers.pins.remove(&self.height);
            }
        }
    }
}
