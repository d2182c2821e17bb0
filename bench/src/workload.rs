//! What every contender is given: batches of changes, drawn from one seed.
//!
//! A batch is a function of the seed and the [`Cursor`] alone, so every contender gets the same ones, whichever process
//! asks and however far it came. Keys are storage keys of one contract, numbered in the order of their creation. Paths
//! are hashes, so neighbouring numbers are no neighbours in any store.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use clap::ValueEnum;
use primitives::{Address, StateKey};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use state::Changes;

use crate::zipf::Zipf;

/// Of the workload `zipf`. From 1.0 to 1.2 is what is seen of accounts in public chains.
pub const ZIPF_EXPONENT: f64 = 1.1;

/// Bytes of every value: the key's number, the batch that wrote it, and 16 that do not compress.
pub const VALUE_BYTES: usize = 32;

/// Which keys a batch changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Workload {
    /// New values for live keys, all alike likely.
    Uniform,
    /// New values for live keys, by Zipf's law. A batch holds distinct keys, as a block's changes do: those drawn twice
    /// count once, and it is drawn on until the batch is full.
    Zipf,
    /// A quarter new keys, a quarter removed, half new values for live keys, all alike likely.
    Mix,
}

impl Workload {
    pub const ALL: [Self; 3] = [Self::Uniform, Self::Zipf, Self::Mix];

    pub fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Zipf => "zipf",
            Self::Mix => "mix",
        }
    }
}

/// How far a contender has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    pub seed: u64,
    /// Batches so far.
    pub batches: u64,
    /// The live keys' numbers: from `oldest` to below `next`. Keys go in the order in which they came, which costs no
    /// memory to remember.
    pub oldest: u64,
    pub next: u64,
}

impl Cursor {
    pub fn new(seed: u64) -> Self {
        Self { seed, batches: 0, oldest: 0, next: 0 }
    }

    pub fn live(&self) -> u64 {
        self.next - self.oldest
    }

    /// A batch of so many new keys.
    pub fn load(&mut self, count: u64) -> Changes {
        self.batches += 1;
        let mut changes = Changes::new();
        self.insert(&mut changes, count);
        changes
    }

    /// The next batch, of `size` distinct keys.
    pub fn batch(&mut self, workload: Workload, size: u64) -> Result<Changes> {
        ensure!(size * 2 <= self.live(), "{size} of {} keys cannot be distinct", self.live());
        self.batches += 1;
        let mut random = self.random(b"batch");
        let mut changes = Changes::new();
        match workload {
            Workload::Uniform => {
                let numbers = distinct(size, || self.oldest + below(&mut random, self.live()));
                self.update(&mut changes, numbers);
            }
            Workload::Zipf => {
                let zipf = Zipf::new(self.live(), ZIPF_EXPONENT);
                let numbers = distinct(size, || self.oldest + zipf.draw(&mut random) - 1);
                self.update(&mut changes, numbers);
            }
            Workload::Mix => {
                let quarter = size / 4;
                for number in self.oldest..self.oldest + quarter {
                    changes.insert(key(number), None);
                }
                self.oldest += quarter;
                let updates = size - 2 * quarter;
                let numbers = distinct(updates, || self.oldest + below(&mut random, self.live()));
                self.update(&mut changes, numbers);
                self.insert(&mut changes, quarter);
            }
        }
        Ok(changes)
    }

    /// Numbers of live keys to read, distinct; other ones for each `salt`.
    pub fn sample(&self, salt: u8, count: u64) -> Vec<u64> {
        let mut random = self.random(&[b's', salt]);
        let count = count.min(self.live() / 2);
        let numbers = distinct(count, || self.oldest + below(&mut random, self.live()));
        let mut numbers: Vec<u64> = numbers.into_iter().collect();
        // In the order of numbers, the first reads would be of the keys that were loaded together.
        for last in (1..numbers.len()).rev() {
            let other = usize::try_from(below(&mut random, last as u64 + 1)).unwrap_or(last);
            numbers.swap(last, other);
        }
        numbers
    }

    fn update(&self, changes: &mut Changes, numbers: BTreeSet<u64>) {
        changes.extend(numbers.into_iter().map(|number| self.written(number)));
    }

    fn insert(&mut self, changes: &mut Changes, count: u64) {
        changes.extend((self.next..self.next + count).map(|number| self.written(number)));
        self.next += count;
    }

    fn written(&self, number: u64) -> (StateKey, Option<Vec<u8>>) {
        let noise = mix(mix(self.seed ^ number) ^ self.batches);
        let words = [number, self.batches, noise, mix(noise)];
        (key(number), Some(words.iter().flat_map(|word| word.to_le_bytes()).collect()))
    }

    fn random(&self, purpose: &[u8]) -> ChaCha8Rng {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.seed.to_le_bytes()).update(&self.batches.to_le_bytes()).update(purpose);
        ChaCha8Rng::from_seed(*hasher.finalize().as_bytes())
    }
}

/// The key with this number.
pub fn key(number: u64) -> StateKey {
    StateKey::storage(&Address([7; 32]), &number.to_be_bytes())
}

/// Whether a value is one that was written for the key with this number, and the batch that wrote it.
pub fn written_by(number: u64, value: &[u8]) -> Option<u64> {
    let (of, rest) = value.split_first_chunk::<8>()?;
    let (batch, _) = rest.split_first_chunk::<8>()?;
    let fits = value.len() == VALUE_BYTES && u64::from_le_bytes(*of) == number;
    fits.then(|| u64::from_le_bytes(*batch))
}

fn distinct(count: u64, mut draw: impl FnMut() -> u64) -> BTreeSet<u64> {
    let mut numbers = BTreeSet::new();
    while (numbers.len() as u64) < count {
        numbers.insert(draw());
    }
    numbers
}

/// A number below `end`, all alike likely but for a part in 2^64 / `end`.
fn below(random: &mut impl Rng, end: u64) -> u64 {
    let product = u128::from(random.next_u64()) * u128::from(end);
    u64::try_from(product >> 64).unwrap_or(0)
}

/// SplitMix64's last step: bytes that look like noise, at the price of two multiplications.
fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
