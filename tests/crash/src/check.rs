//! What a store must be that a crash has left, in front of a disk that works again.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use primitives::{Height, Namespace, StateKey};
use state::{Head, State};

use crate::chain::Chain;
use crate::workload::{Progress, Workload};

/// Every so many keys are proved, beside being read.
const PROVED_OF: usize = 16;

/// Opens what a crash has left, compares all of it with the model, and has the workload go on to the end.
pub fn check(workload: &dyn Workload, path: &Path, progress: Progress) -> Result<()> {
    let chain = workload.chain();
    let heads = chain.heads()?;
    let state = workload.open(&chain, path).context("the store does not open")?;
    let height = state.head().header.height;
    let done = progress.done.unwrap_or(0);
    ensure!(
        height.0 == done || height.0 == progress.begun,
        "the store stands at {height}: neither at {done}, done last, nor at {}, begun last",
        progress.begun
    );
    compare(&state, &chain, &heads)?;
    drop(state);
    workload.look(&chain, path, progress)?;
    workload.run(&chain, path).context("the store does not go on")?;
    let state = workload.open(&chain, path).context("the store does not open again")?;
    let (height, last) = (state.head().header.height, chain.last());
    ensure!(height == last, "the store has gone on to {height}, not to {last}");
    compare(&state, &chain, &heads).context("after it has gone on")
}

/// Compares a store, at whatever height it stands, with the chain.
fn compare(state: &State, chain: &Chain, heads: &[Head]) -> Result<()> {
    let head = state.head();
    let height = head.header.height;
    ensure!(heads.get(index(height)) == Some(&head), "the head at {height} is another: {head:?}");
    compare_values(state, chain, &head)?;
    let floor = state.floor();
    ensure!(floor <= height, "the floor {floor} is above the head {height}");
    compare_past(state, chain, floor)?;
    compare_past(state, chain, Height(floor.0.midpoint(height.0)))?;
    let kept = (0..).map(Height).zip(heads).take(index(height) + 1).skip(index(floor));
    for (at, head) in kept {
        let block = state.block(at).with_context(|| format!("block {at} is missing"))?;
        let is_same = (block.hash, block.result) == (head.hash, head.result);
        ensure!(is_same && block.certificate == head.certificate, "block {at} is another");
        let receipts = state.receipts(at).map(|receipts| receipts.len());
        ensure!(receipts == Some(usize::from(at > Height::ZERO)), "receipts of {at}: {receipts:?}");
        ensure!(state.height_of(&block.hash) == Some(at), "block {at} is not found by its hash");
    }
    ensure!(state.block(height.next()).is_none(), "there is a block above the head");
    Ok(())
}

/// Compares the values that can be read at a height with the chain's.
fn compare_past(state: &State, chain: &Chain, height: Height) -> Result<()> {
    let past = state.view_at(height).with_context(|| format!("the state at {height}"))?;
    for (key, value) in chain.values(height) {
        ensure!(past.get(key).as_ref() == value, "the value of {key:?} at {height} is another");
    }
    Ok(())
}

fn compare_values(state: &State, chain: &Chain, head: &Head) -> Result<()> {
    let height = head.header.height;
    let values = chain.values(height);
    for (number, (key, value)) in values.iter().enumerate() {
        let found = state.get(key);
        ensure!(found.as_ref() == *value, "the value of {key:?} at {height} is another");
        if number % PROVED_OF == 0 {
            let proof = state.prove(key).proof;
            let claim = state::claim(key, value.map(Vec::as_slice));
            proof.verify(&head.result.state_root.0, &claim).context("a proof does not hold")?;
        }
    }
    let all = StateKey { namespace: Namespace::Storage, key: Vec::new() };
    let stored = state.view(None).scan(&all, None, values.len() + 1);
    let expected = values.iter().filter_map(|(key, value)| Some((*key, (*value)?)));
    ensure!(
        stored.iter().map(|(key, value)| (key, value)).eq(expected),
        "a scan of the values at {height} finds others"
    );
    Ok(())
}

fn index(height: Height) -> usize {
    usize::try_from(height.0).unwrap_or(usize::MAX)
}
