//! Several blocks in one write, as a node that catches up does: all of them are there, or none.

use std::path::Path;

use anyhow::Result;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use state::Changes;

use super::{Workload, commit_to, next_multiple, open};
use crate::chain::{Chain, random_changes};

/// Blocks in one write.
const RANGE: u64 = 4;

#[derive(Debug)]
pub struct Ranges;

impl Workload for Ranges {
    fn name(&self) -> &'static str {
        "ranges"
    }

    fn blocks(&self) -> Vec<Changes> {
        let mut random = ChaCha20Rng::seed_from_u64(2);
        (0..16).map(|_| random_changes(&mut random, 800, 150, 200)).collect()
    }

    fn run(&self, chain: &Chain, path: &Path) -> Result<()> {
        let state = open(self, chain, path)?;
        while state.head().header.height < chain.last() {
            commit_to(chain, &state, next_multiple(chain, &state, RANGE))?;
        }
        Ok(())
    }
}
