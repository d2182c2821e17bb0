//! What any store must hold after some batches: a plain map that was given the same ones.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use primitives::StateKey;
use state::Changes;

use crate::contenders::{Contender, Kind};
pub use crate::protocol::Step;
use crate::workload::{Cursor, key};

/// A map, and every key that it has ever held.
#[derive(Debug)]
pub struct Model {
    values: BTreeMap<StateKey, Vec<u8>>,
    cursor: Cursor,
}

impl Model {
    pub fn new(seed: u64) -> Self {
        Self { values: BTreeMap::new(), cursor: Cursor::new(seed) }
    }

    /// The model after these steps.
    pub fn after(seed: u64, steps: &[Step]) -> Result<Self> {
        let mut model = Self::new(seed);
        for step in steps {
            for _ in 0..step.batches {
                model.step(step)?;
            }
        }
        Ok(model)
    }

    /// Makes the changes of a step's next batch, and returns them for others to make.
    pub fn step(&mut self, step: &Step) -> Result<Changes> {
        let changes = match step.workload {
            None => self.cursor.load(step.size),
            Some(workload) => self.cursor.batch(workload, step.size)?,
        };
        for (key, value) in &changes {
            match value {
                Some(value) => self.values.insert(key.clone(), value.clone()),
                None => self.values.remove(key),
            };
        }
        Ok(changes)
    }

    /// Holds a store against the model, every key that there ever was; with a tree also every `proved`-th key's proof,
    /// of presence or of absence.
    pub fn check(&self, kind: Kind, store: &mut dyn Contender, proved: usize) -> Result<()> {
        for (number, place) in (0..self.cursor.next).zip(0_usize..) {
            let key = key(number);
            let expected = self.values.get(&key);
            let value = store.get(&key)?;
            ensure!(value.as_ref() == expected, "key {number} is {value:?}, not {expected:?}");
            if !kind.is_authenticated() || place % proved != 0 {
                continue;
            }
            let proof = store.prove(&key)?.context("there is no proof")?;
            ensure!(proof.value.as_ref() == expected, "the proof of key {number} has other bytes");
            store.verify(&key, &proof).with_context(|| format!("the proof of key {number}"))?;
        }
        Ok(())
    }
}
