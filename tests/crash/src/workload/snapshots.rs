//! A snapshot that is written into a file, and later made the store.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use archive::snapshot_file::{self, Label, Reader};
use primitives::{Height, View};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use state::{Changes, State};

use super::{Progress, Workload, begin, beside, commit_to, done, next_multiple, open};
use crate::chain::{Chain, random_changes};

/// Blocks in one write.
const STEP: u64 = 3;
/// Where the file is written, where it is made the store, and where the first write from there ends.
const OF: u64 = 9;
const AT: u64 = 12;
const ON: u64 = 16;

#[derive(Debug)]
pub struct Snapshots;

impl Workload for Snapshots {
    fn name(&self) -> &'static str {
        "snapshots"
    }

    fn blocks(&self) -> Vec<Changes> {
        let mut random = ChaCha20Rng::seed_from_u64(8);
        (0..18).map(|_| random_changes(&mut random, 800, 100, 200)).collect()
    }

    fn run(&self, chain: &Chain, path: &Path) -> Result<()> {
        loop {
            let state = open(self, chain, path)?;
            while state.head().header.height.0 != AT {
                let head = state.head().header.height;
                if head == chain.last() {
                    return Ok(());
                }
                // Where there is a file at its height, the store has been restored from it, or need not be.
                let next = if head.0 != OF {
                    next_multiple(chain, &state, STEP)
                } else if file(path).exists() {
                    Height(ON)
                } else {
                    save(chain, &state, &file(path))?;
                    next_multiple(chain, &state, STEP)
                };
                commit_to(chain, &state, next)?;
            }
            drop(state);
            begin(Height(OF));
            snapshot_file::restore(reader(path)?, path, |_| ())?;
            done(Height(OF));
        }
    }

    fn look(&self, chain: &Chain, path: &Path, progress: Progress) -> Result<()> {
        if !file(path).exists() {
            ensure!(progress.begun <= OF, "the snapshot, which was written, is gone");
            return Ok(());
        }
        let place = beside(path, "of-the-snapshot");
        snapshot_file::restore(reader(path)?, &place, |_| ()).context("the snapshot")?;
        let restored = State::open(&place, &chain.genesis)?.head();
        ensure!(
            restored == chain.state(Height(OF))?.head(),
            "the snapshot is another: {restored:?}"
        );
        Ok(())
    }
}

fn file(path: &Path) -> PathBuf {
    beside(path, "snapshot")
}

fn reader(path: &Path) -> Result<Reader<BufReader<File>>> {
    Ok(Reader::open(BufReader::new(File::open(file(path))?))?)
}

fn save(chain: &Chain, state: &State, path: &Path) -> Result<()> {
    let snapshot = state.snapshot();
    let height = snapshot.head().header.height;
    let head = state.snapshot_head(height, View::ZERO).context("no certified state")?;
    let keys = state.usage().iter().map(|(_, usage)| usage.keys).sum();
    let genesis = chain.genesis.genesis_hash;
    let label = Label { genesis, height, root: head.result.state_root, keys };
    Ok(snapshot_file::save(path, &label, &head, &snapshot, |_| ())?)
}
