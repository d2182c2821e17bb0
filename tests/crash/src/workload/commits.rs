//! Block after block, each in a write of its own, as a node in step with the others does.

use std::path::Path;

use anyhow::Result;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use state::Changes;

use super::{Workload, commit_to, next_multiple, open};
use crate::chain::{Chain, random_changes};

#[derive(Debug)]
pub struct Commits;

impl Workload for Commits {
    fn name(&self) -> &'static str {
        "commits"
    }

    fn blocks(&self) -> Vec<Changes> {
        let mut random = ChaCha20Rng::seed_from_u64(1);
        (0..20).map(|_| random_changes(&mut random, 800, 150, 200)).collect()
    }

    fn run(&self, chain: &Chain, path: &Path) -> Result<()> {
        let state = open(self, chain, path)?;
        while state.head().header.height < chain.last() {
            commit_to(chain, &state, next_multiple(chain, &state, 1))?;
        }
        Ok(())
    }
}
