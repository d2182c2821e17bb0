//! A store that was away: it restores a later state from pieces that others give, beginning with what it holds, and
//! goes on with blocks. Half way the others have a still later state, as in a net that goes on meanwhile.

use std::path::Path;

use anyhow::{Context as _, Result};
use primitives::{Height, View};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use state::{Changes, Restore, State};

use super::{Workload, begin, beside, commit_to, done, next_multiple, open};
use crate::chain::{Chain, random_changes};

/// Blocks in one write; it is away from `AWAY` on, aims at `FIRST`, and comes back at `BACK`, which is no multiple.
const STEP: u64 = 3;
const AWAY: u64 = 6;
const FIRST: u64 = 11;
const BACK: u64 = 14;
/// Bytes of values in a piece, and how many pieces it takes of the first state.
const PIECE_BYTES: usize = 4 << 10;
const FIRST_PIECES: usize = 12;

#[derive(Debug)]
pub struct Syncs;

impl Workload for Syncs {
    fn name(&self) -> &'static str {
        "syncs"
    }

    fn blocks(&self) -> Vec<Changes> {
        let mut random = ChaCha20Rng::seed_from_u64(7);
        (0..18).map(|_| random_changes(&mut random, 800, 100, 200)).collect()
    }

    fn run(&self, chain: &Chain, path: &Path) -> Result<()> {
        loop {
            let state = open(self, chain, path)?;
            while state.head().header.height.0 != AWAY {
                if state.head().header.height == chain.last() {
                    return Ok(());
                }
                commit_to(chain, &state, next_multiple(chain, &state, STEP))?;
            }
            drop(state);
            begin(Height(BACK));
            let mut restore = Restore::begin(&beside(path, "syncing"), Some(path))?;
            take(&mut restore, &chain.state(Height(FIRST))?, FIRST_PIECES)?;
            take(&mut restore, &chain.state(Height(BACK))?, usize::MAX)?;
            restore.finish(path, chain.genesis.genesis_hash)?;
            done(Height(BACK));
        }
    }
}

/// Takes so many pieces of a state at most.
fn take(restore: &mut Restore, from: &State, pieces: usize) -> Result<()> {
    let snapshot = from.snapshot();
    let height = snapshot.head().header.height;
    restore.aim(from.snapshot_head(height, View::ZERO).context("no certified state")?)?;
    for _ in 0..pieces {
        let Some(prefix) = restore.wanted().next().copied() else { break };
        restore.accept(&prefix, snapshot.piece(&prefix, PIECE_BYTES))??;
    }
    Ok(())
}
