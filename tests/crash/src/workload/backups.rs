//! Backups into one directory, each of what is new, until the oldest goes; and an earlier one that is made the store.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use archive::backup::{self, About, store_files};
use primitives::Height;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use state::{Changes, State, Summary};

use super::{Progress, Workload, begin, beside, commit_to, done, next_multiple, open};
use crate::chain::{Chain, random_changes};

/// Blocks in one write, and between two backups.
const STEP: u64 = 3;
/// The backup that is restored, where that happens, and where the first write from there ends.
const OF: u64 = 9;
const AT: u64 = 12;
const ON: u64 = 16;
/// Backups that are kept.
const KEPT: usize = 2;

#[derive(Debug)]
pub struct Backups;

impl Workload for Backups {
    fn name(&self) -> &'static str {
        "backups"
    }

    fn blocks(&self) -> Vec<Changes> {
        let mut random = ChaCha20Rng::seed_from_u64(9);
        (0..18).map(|_| random_changes(&mut random, 800, 100, 200)).collect()
    }

    fn run(&self, chain: &Chain, path: &Path) -> Result<()> {
        let backups = backup::Backups::open_or_make(&directory(path))?;
        loop {
            let state = open(self, chain, path)?;
            loop {
                let head = state.head().header.height;
                if head == chain.last() {
                    return Ok(());
                }
                // Where there is a later backup, the store has been restored.
                let newest = newest(&backups)?;
                if newest < head {
                    back_up(chain, &state, &backups, path)?;
                }
                if head.0 == AT {
                    break;
                }
                let is_back = head.0 == OF && newest > head;
                commit_to(
                    chain,
                    &state,
                    if is_back { Height(ON) } else { next_multiple(chain, &state, STEP) },
                )?;
            }
            drop(state);
            begin(Height(OF));
            restore(&backups, path)?;
            done(Height(OF));
        }
    }

    fn look(&self, _: &Chain, path: &Path, progress: Progress) -> Result<()> {
        if !directory(path).join("files").is_dir() {
            return Ok(());
        }
        let backups = backup::Backups::open(&directory(path))?;
        let all = backups.all()?;
        // Each is made before the block after it is begun.
        let newest = progress.begun.min(AT).saturating_sub(STEP) / STEP * STEP;
        let mut found = Height::ZERO;
        for (number, generation) in all {
            let generation = generation.with_context(|| format!("backup {number}"))?;
            let problems = backups.verify(&generation);
            ensure!(problems.is_empty(), "backup {number}: {problems:?}");
            backups.restore(&generation, &beside(path, "of-the-backup"), |_| None)?;
            found = found.max(generation.about.height);
        }
        ensure!(found.0 >= newest, "the backup of height {newest}, which was made, is gone");
        Ok(())
    }
}

fn directory(path: &Path) -> PathBuf {
    beside(path, "backups")
}

/// The height of the newest backup.
fn newest(backups: &backup::Backups) -> Result<Height> {
    let all = backups.all()?;
    let Some((_, newest)) = all.into_iter().next_back() else { return Ok(Height::ZERO) };
    Ok(newest?.about.height)
}

fn back_up(chain: &Chain, state: &State, backups: &backup::Backups, path: &Path) -> Result<()> {
    let checkpoint = beside(path, "checkpoint");
    if checkpoint.exists() {
        std::fs::remove_dir_all(&checkpoint)?;
    }
    state.checkpoint(&checkpoint)?;
    backups.make(&store_files(&checkpoint)?, KEPT, || {
        let Summary { height, root, floor, .. } = state::verify_files(&checkpoint)?;
        let genesis = chain.genesis.genesis_hash;
        Ok(About { made_ms: 0, genesis, height, state_root: root, floor })
    })?;
    Ok(std::fs::remove_dir_all(&checkpoint)?)
}

/// Makes the backup of height [`OF`] the store.
fn restore(backups: &backup::Backups, path: &Path) -> Result<()> {
    for (_, generation) in backups.all()? {
        let generation = generation?;
        if generation.about.height.0 == OF {
            let unpacked = beside(path, "backup");
            backups.restore(&generation, &unpacked, |_| None)?;
            return Ok(state::put_in_place(&unpacked, path)?);
        }
    }
    anyhow::bail!("there is no backup of height {OF}")
}
