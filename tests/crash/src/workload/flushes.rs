//! Large values, so that the store's buffer of writes is full within a few blocks: it begins a new log and writes the
//! old buffer to a table in the background, while the next blocks are committed.

use std::path::Path;

use anyhow::Result;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use state::Changes;

use super::{Workload, commit_to, next_multiple, open};
use crate::chain::{Chain, key};

/// RocksDB's buffer of a family holds 64 MiB: eight blocks of this.
const VALUE_BYTES: usize = 256 << 10;
const VALUES: u32 = 32;
/// Of each value; the rest is zeros, which cost nothing in a table. So a table is a dozen of writes.
const RANDOM_BYTES: usize = VALUE_BYTES / 8;

#[derive(Debug)]
pub struct Flushes;

impl Workload for Flushes {
    fn name(&self) -> &'static str {
        "flushes"
    }

    fn blocks(&self) -> Vec<Changes> {
        let mut random = ChaCha20Rng::seed_from_u64(4);
        (0..12)
            .map(|_| {
                let number = random.next_u32();
                (0..VALUES)
                    .map(|at| {
                        let is_kept = !random.next_u32().is_multiple_of(8);
                        let mut value = vec![0; RANDOM_BYTES];
                        random.fill_bytes(&mut value);
                        value.resize(VALUE_BYTES, 0);
                        (key((number % 7) * VALUES + at), is_kept.then_some(value))
                    })
                    .collect()
            })
            .collect()
    }

    fn run(&self, chain: &Chain, path: &Path) -> Result<()> {
        let state = open(self, chain, path)?;
        while state.head().header.height < chain.last() {
            commit_to(chain, &state, next_multiple(chain, &state, 1))?;
        }
        Ok(())
    }
}
