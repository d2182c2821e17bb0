//! The store as it is now, held still for a command while the node goes on.

use std::path::PathBuf;

use anyhow::bail;
use primitives::Genesis;
use state::{Retention, State, StateOptions};

use super::context::Context;
use super::db::Closed;
use crate::control::{self, Answer, Request};

/// Memory for the tree of a state that is read once, in bytes.
const TREE_BYTES: usize = 64 << 20;

/// A copy of the store in hard links, removed with this.
#[derive(Debug)]
pub struct Checkpoint {
    pub path: PathBuf,
}

impl Checkpoint {
    /// Asks the node for one, or makes it where no node runs.
    pub fn take(context: &Context) -> anyhow::Result<Self> {
        let path = match control::ask(&context.home, &Request::Checkpoint)? {
            Some(Answer::Checkpoint { path }) => path,
            Some(other) => bail!("the node answered something else: {other:?}"),
            None => {
                let closed = Closed::of(context)?;
                control::checkpoint(&context.home.checkpoints(), &closed.open(context)?)?
            }
        };
        Ok(Self { path })
    }

    pub fn open(&self, genesis: &Genesis) -> anyhow::Result<State> {
        let options = StateOptions { retention: Retention::All, tree_bytes: TREE_BYTES };
        Ok(State::open_with(&self.path, &replica::genesis_block(genesis), options)?)
    }
}

impl Drop for Checkpoint {
    fn drop(&mut self) {
        // One that stays is removed when the next ones are made.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
