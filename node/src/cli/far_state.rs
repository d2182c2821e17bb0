//! Another node's state, to execute on here.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use primitives::StateKey;
use primitives::state_key::{Direction, KeyVisitor};
use rpc::client::{ClientError, StateApiClient as _};
use rpc::types::{Answer, At, Blob, EntryView, KeyView};
use tokio::runtime::Runtime;

use super::remote::Remote;

/// The state of a node at a block. Execution asks for values where it is, and waits for each.
pub struct FarState<'a> {
    runtime: &'a Runtime,
    remote: &'a Remote,
    at: At,
    /// The first question that had no answer. From then on nothing is there.
    failed: Mutex<Option<anyhow::Error>>,
}

impl<'a> FarState<'a> {
    pub fn new(runtime: &'a Runtime, remote: &'a Remote, at: At) -> Self {
        Self { runtime, remote, at, failed: Mutex::default() }
    }

    /// Whether all questions had an answer; if not, what was executed means nothing.
    pub fn check(&self) -> anyhow::Result<()> {
        self.failed().take().map_or(Ok(()), Err).context("the state was not to be had")
    }

    fn failed(&self) -> MutexGuard<'_, Option<anyhow::Error>> {
        // Nothing panics half-way through a change.
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask<T>(&self, asked: impl Future<Output = Result<Answer<T>, ClientError>>) -> Option<T> {
        if self.failed().is_some() {
            return None;
        }
        match self.runtime.block_on(self.remote.ask(asked)) {
            Ok(answer) => Some(answer.body),
            Err(error) => {
                *self.failed() = Some(error);
                None
            }
        }
    }
}

impl vm::Storage for FarState<'_> {
    fn get(&self, key: &StateKey) -> Option<Vec<u8>> {
        let asked = self.remote.http.state_get(KeyView::from(key), Some(self.at));
        self.ask(asked)?.value.map(|Blob(value)| value)
    }

    fn walk(&self, range: &Range<StateKey>, direction: Direction, visit: KeyVisitor<'_>) {
        let (mut from, mut to) = (KeyView::from(&range.start), KeyView::from(&range.end));
        let descending = direction == Direction::Descending;
        loop {
            let (start, end) = (from.clone(), Some(to.clone()));
            let http = &self.remote.http;
            let page = http.state_scan(start, end, Some(descending), None, Some(self.at));
            let Some(page) = self.ask(page) else { return };
            for EntryView { key, value: Blob(value) } in page.entries {
                if visit(StateKey::from(&key), value).is_break() {
                    return;
                }
            }
            match page.next {
                Some(next) if descending => to = next,
                Some(next) => from = next,
                None => return,
            }
        }
    }
}
