//! What is done to the store while its disk fails.
//!
//! A workload is one file in `workload` and its line in [`WORKLOADS`]. It begins wherever a crash left the store, so
//! that the same code runs undisturbed, up to a crash, and on from there.

mod commits;
mod flushes;
mod ranges;
mod reopens;

use std::fmt::Debug;
use std::path::Path;

use anyhow::Result;
use primitives::Height;
use state::{Changes, State};

use crate::chain::Chain;

pub const WORKLOADS: [&dyn Workload; 4] =
    [&commits::Commits, &ranges::Ranges, &reopens::Reopens, &flushes::Flushes];

pub trait Workload: Debug + Sync {
    fn name(&self) -> &'static str;

    /// What each block changes, from height 1 on; always the same.
    fn blocks(&self) -> Vec<Changes>;

    /// What a process does with the directory when it starts.
    fn open(&self, chain: &Chain, path: &Path) -> Result<State> {
        Ok(State::open(path, &chain.genesis)?)
    }

    /// Brings the store from wherever it stands to the chain's last block. It says so with [`begin`] and [`done`].
    fn run(&self, chain: &Chain, path: &Path) -> Result<()>;

    fn chain(&self) -> Chain {
        Chain::new(self.blocks())
    }
}

/// Says that from now on the store may stand at this height, after a crash.
fn begin(height: Height) {
    println!("begin {height}");
}

/// Says that the store stands at this height, and never below it again: this is what a node relies on.
fn done(height: Height) {
    println!("done {height}");
}

/// Opens the store; the first time it begins with the genesis.
fn open(workload: &dyn Workload, chain: &Chain, path: &Path) -> Result<State> {
    let state = workload.open(chain, path)?;
    done(state.head().header.height);
    Ok(state)
}

/// Commits the blocks up to a height in one write.
fn commit_to(chain: &Chain, state: &State, height: Height) -> Result<()> {
    begin(height);
    chain.commit_to(state, height)?;
    done(height);
    Ok(())
}

/// The next height that `step` divides, or the last.
fn next_multiple(chain: &Chain, state: &State, step: u64) -> Height {
    let next = (state.head().header.height.0 / step + 1) * step;
    Height(next.min(chain.last().0))
}

/// Where a process had come to when it ended, from what it said on standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The last height that was begun.
    pub begun: u64,
    /// The last height that was done; `None` before the store was open.
    pub done: Option<u64>,
}

impl Progress {
    pub fn read(said: &str) -> Self {
        let mut progress = Self::default();
        for line in said.lines() {
            let height = |word| line.strip_prefix(word)?.parse().ok();
            progress.begun = height("begin ").unwrap_or(progress.begun);
            progress.done = height("done ").or(progress.done);
        }
        progress
    }
}
