//! What is done to the store while its disk fails.
//!
//! A workload is one file in `workload` and its line in [`WORKLOADS`]. It begins wherever a crash left the store, so
//! that the same code runs undisturbed, up to a crash, and on from there.

mod backups;
mod commits;
mod flushes;
mod prunes;
mod ranges;
mod reopens;
mod rollbacks;
mod snapshots;
mod syncs;

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use anyhow::Result;
use primitives::Height;
use state::{Changes, State};

use crate::chain::Chain;

pub const WORKLOADS: [&dyn Workload; 9] = [
    &commits::Commits,
    &ranges::Ranges,
    &reopens::Reopens,
    &flushes::Flushes,
    &prunes::Prunes,
    &rollbacks::Rollbacks,
    &syncs::Syncs,
    &snapshots::Snapshots,
    &backups::Backups,
];

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

    /// What else a crash must have left, beside the store.
    fn look(&self, _chain: &Chain, _path: &Path, _progress: Progress) -> Result<()> {
        Ok(())
    }

    fn chain(&self) -> Chain {
        Chain::new(self.blocks())
    }
}

/// What stands beside the store under its name with this ending.
fn beside(path: &Path, ending: &str) -> PathBuf {
    path.with_extension(ending)
}

/// Says that from now on the store may stand at this height, after a crash.
fn begin(height: Height) {
    println!("begin {height}");
}

/// Says that the store stands at this height, and at no other before the next is begun: this is what a node relies on.
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

    /// Where the next process had come to, which found what this one left. Once it has opened the store, what it says
    /// counts alone: it may have gone back.
    pub fn followed_by(self, next: Self) -> Self {
        match next.done {
            Some(done) => Self { begun: if next.begun == 0 { done } else { next.begun }, ..next },
            None => Self { begun: self.begun.max(next.begun), ..self },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A store that the second process took back to 9 stands there, whatever the first had done.
    #[test]
    fn the_second_process_has_the_last_word_once_it_has_opened_the_store() {
        let check = |first: &str, second: &str, begun, done| {
            let progress = Progress::read(first).followed_by(Progress::read(second));
            assert_eq!(progress, Progress { begun, done: Some(done) });
        };
        check("done 9\nbegin 12\ndone 12", "done 12\nbegin 9\ndone 9", 9, 9);
        check("done 9\nbegin 12", "done 12", 12, 12);
        check("done 9\nbegin 12", "", 12, 9);
        check("done 9", "done 9\nbegin 12", 12, 9);
    }
}
