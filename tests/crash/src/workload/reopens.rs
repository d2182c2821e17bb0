//! A store that is closed and opened again every few blocks. Opening replays the log and writes tables, and after four
//! of them the store compacts in the background while blocks are committed: old files go, new ones take their place.

use std::path::Path;

use anyhow::Result;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use state::Changes;

use super::{Workload, commit_to, next_multiple, open};
use crate::chain::{Chain, random_changes};

/// Blocks between two openings.
const BLOCKS: u64 = 2;

#[derive(Debug)]
pub struct Reopens;

impl Workload for Reopens {
    fn name(&self) -> &'static str {
        "reopens"
    }

    fn blocks(&self) -> Vec<Changes> {
        let mut random = ChaCha20Rng::seed_from_u64(3);
        (0..12).map(|_| random_changes(&mut random, 800, 100, 200)).collect()
    }

    fn run(&self, chain: &Chain, path: &Path) -> Result<()> {
        loop {
            let state = open(self, chain, path)?;
            let end = next_multiple(chain, &state, BLOCKS);
            while state.head().header.height < end {
                commit_to(chain, &state, next_multiple(chain, &state, 1))?;
            }
            if end == chain.last() {
                return Ok(());
            }
        }
    }
}
