//! Blocks that are taken back: an earlier one becomes the head, and others are committed from there.

use std::path::Path;

use anyhow::Result;
use primitives::Height;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use state::Changes;

use super::{Workload, begin, commit_to, done, next_multiple, open};
use crate::chain::{Chain, random_changes};

/// Blocks in one write. Neither of those where it goes back and goes on is a multiple, so that the height alone says
/// what comes next, after a crash as well.
const STEP: u64 = 3;
/// Where it goes back from, where to, and where the first write from there ends.
const FROM: u64 = 12;
const TO: u64 = 8;
const ON: u64 = 16;

#[derive(Debug)]
pub struct Rollbacks;

impl Workload for Rollbacks {
    fn name(&self) -> &'static str {
        "rollbacks"
    }

    fn blocks(&self) -> Vec<Changes> {
        let mut random = ChaCha20Rng::seed_from_u64(6);
        (0..21).map(|_| random_changes(&mut random, 800, 100, 200)).collect()
    }

    fn run(&self, chain: &Chain, path: &Path) -> Result<()> {
        loop {
            let state = open(self, chain, path)?;
            while state.head().header.height.0 != FROM {
                let head = state.head().header.height;
                if head == chain.last() {
                    return Ok(());
                }
                let next =
                    if head.0 == TO { Height(ON) } else { next_multiple(chain, &state, STEP) };
                commit_to(chain, &state, next)?;
            }
            drop(state);
            begin(Height(TO));
            state::rollback(path, Height(TO))?;
            done(Height(TO));
        }
    }
}
