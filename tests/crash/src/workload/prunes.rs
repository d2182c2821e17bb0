//! A store that keeps the last blocks only, and is compacted now and then: what lies below the floor goes, row by row
//! and in whole files.

use std::path::Path;

use anyhow::Result;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use state::{Changes, Retention, State, StateOptions};

use super::{Workload, commit_to, next_multiple, open};
use crate::chain::{Chain, random_changes};

/// Blocks that stay readable below the head.
const KEPT: u64 = 3;
/// The first write has so many blocks: the store frees whole files when the floor passes a multiple of 256.
const FIRST: u64 = 254;
/// Blocks between two compactions.
const COMPACT_EVERY: u64 = 8;

#[derive(Debug)]
pub struct Prunes;

impl Workload for Prunes {
    fn name(&self) -> &'static str {
        "prunes"
    }

    fn blocks(&self) -> Vec<Changes> {
        let mut random = ChaCha20Rng::seed_from_u64(5);
        let count = |height| if height < FIRST { 5 } else { 200 };
        (1..=266).map(|height| random_changes(&mut random, 600, count(height), 200)).collect()
    }

    fn open(&self, chain: &Chain, path: &Path) -> Result<State> {
        let options =
            StateOptions { retention: Retention::Blocks(KEPT), ..StateOptions::default() };
        Ok(State::open_with(path, &chain.genesis, options)?)
    }

    fn run(&self, chain: &Chain, path: &Path) -> Result<()> {
        let state = open(self, chain, path)?;
        loop {
            let head = state.head().header.height;
            if head.0 % COMPACT_EVERY == 0 {
                state.compact()?;
            }
            if head == chain.last() {
                return Ok(());
            }
            let step = if head.0 < FIRST { FIRST } else { 1 };
            commit_to(chain, &state, next_multiple(chain, &state, step))?;
        }
    }
}
