//! RocksDB without a tree: what is left of ours when nothing is hashed. No authenticated store on RocksDB that keeps
//! the same rows can be faster than this.
//!
//! | family | key → value | written |
//! | --- | --- | --- |
//! | `flat` | path → key, height of last change, value | always |
//! | `changes` | height → (path, hash of the value) of each change | always |
//! | `history` | path ‖ height → the old row, or nothing | where old values are kept |
//! | `order` | namespace ‖ key → nothing | where old values are kept, when a key comes or goes |

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use borsh::{BorshDeserialize, BorshSerialize};
use primitives::{Hash, Height, StateKey, codec};
use rocksdb::WriteBatch;
use state::Changes;

use super::rocks::{Rocks, Rows};
use super::{Applied, Contender, Proof, Settings};

const FLAT: &str = "flat";
const CHANGES: &str = "changes";
const HISTORY: &str = "history";
const ORDER: &str = "order";
const FAMILIES: [(&str, Rows); 4] = [
    (FLAT, Rows::Values),
    (CHANGES, Rows::Archive),
    (HISTORY, Rows::Archive),
    (ORDER, Rows::Index),
];

/// What becomes of the values that are overwritten.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Old {
    /// They are read, and go into the history.
    Kept,
    /// Nobody looks.
    Lost,
}

pub(super) struct Raw {
    rocks: Rocks,
    height: Height,
    old: Old,
}

/// A row of `flat`; the same bytes as that of ours.
#[derive(BorshSerialize, BorshDeserialize)]
struct FlatRow {
    key: StateKey,
    changed: Height,
    value: Vec<u8>,
}

/// A change with the path of its key.
struct Change {
    path: Hash,
    key: StateKey,
    value: Option<Vec<u8>>,
}

impl Raw {
    pub(super) fn open(directory: &Path, settings: &Settings, old: Old) -> Result<Self> {
        let rocks = Rocks::open(directory, settings, &FAMILIES)?;
        let mut rows = rocks.database().raw_iterator_cf(rocks.family(CHANGES)?);
        rows.seek_to_last();
        let last = rows.key().map(<[u8; 8]>::try_from).transpose()?;
        rows.status()?;
        drop(rows);
        let height = last.map_or(Height::ZERO, |bytes| Height(u64::from_be_bytes(bytes)));
        Ok(Self { rocks, height, old })
    }

    /// The rows of `flat` that stand there now, in the order of the changes.
    fn old_rows(&self, changes: &[Change]) -> Result<Vec<Option<Vec<u8>>>> {
        let flat = self.rocks.family(FLAT)?;
        let paths = changes.iter().map(|change| &change.path.0);
        let rows = self.rocks.database().batched_multi_get_cf(flat, paths, true);
        rows.into_iter().map(|row| Ok(row?.map(|bytes| bytes.to_vec()))).collect()
    }

    fn keep_old(&self, writes: &mut WriteBatch, changes: &[Change]) -> Result<()> {
        let (history, order) = (self.rocks.family(HISTORY)?, self.rocks.family(ORDER)?);
        for (change, old) in changes.iter().zip(self.old_rows(changes)?) {
            let at = [&change.path.0[..], &self.height.0.to_be_bytes()].concat();
            writes.put_cf(history, at, old.as_deref().unwrap_or_default());
            match (&old, &change.value) {
                (None, Some(_)) => writes.put_cf(order, order_key(&change.key), []),
                (Some(_), None) => writes.delete_cf(order, order_key(&change.key)),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Contender for Raw {
    fn apply(&mut self, changes: Changes) -> Result<Applied> {
        let began = Instant::now();
        self.height = self.height.next();
        let with_path = |(key, value): (StateKey, _)| Change { path: key.path(), key, value };
        let mut changes: Vec<Change> = changes.into_iter().map(with_path).collect();
        changes.sort_unstable_by_key(|change| change.path);
        let mut writes = WriteBatch::default();
        if self.old == Old::Kept {
            self.keep_old(&mut writes, &changes)?;
        }
        let (flat, mut digest) = (self.rocks.family(FLAT)?, Vec::with_capacity(changes.len()));
        for Change { path, key, value } in changes {
            match value {
                Some(value) => {
                    digest.push((path, Hash(*blake3::hash(&value).as_bytes())));
                    let row = FlatRow { key, changed: self.height, value };
                    writes.put_cf(flat, path.0, codec::encode(&row));
                }
                None => {
                    digest.push((path, Hash::ZERO));
                    writes.delete_cf(flat, path.0);
                }
            }
        }
        let changes = self.rocks.family(CHANGES)?;
        writes.put_cf(changes, self.height.0.to_be_bytes(), codec::encode(&digest));
        self.rocks.write(writes)?;
        Ok(Applied { root: None, commit: began.elapsed() })
    }

    fn get(&mut self, key: &StateKey) -> Result<Option<Vec<u8>>> {
        let Some(bytes) = self.rocks.get(FLAT, &key.path().0)? else { return Ok(None) };
        let row: FlatRow = codec::decode(&bytes, bytes.len()).context("a row of `flat`")?;
        Ok(Some(row.value))
    }

    fn prove(&mut self, _key: &StateKey) -> Result<Option<Proof>> {
        Ok(None)
    }

    fn verify(&mut self, _key: &StateKey, _proof: &Proof) -> Result<()> {
        bail!("nothing is proved where there is no tree")
    }
}

fn order_key(key: &StateKey) -> Vec<u8> {
    [&[key.namespace as u8], &key.key[..]].concat()
}
