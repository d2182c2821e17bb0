//! How much is being read for each validator that asked. What it asks for beyond is passed over: an honest one asks for
//! less, and whoever asks without end makes nobody wait.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use primitives::ValidatorIndex;

/// Answers to one validator that are under way at once.
const ANSWERS_MAX: usize = 4;

/// Counts answers under way, by who asked.
#[derive(Clone, Debug, Default)]
pub struct Answering(Arc<Mutex<BTreeMap<ValidatorIndex, usize>>>);

/// One answer under way; dropping it makes room.
#[derive(Debug)]
pub struct Answer {
    to: ValidatorIndex,
    answering: Answering,
}

impl Answering {
    /// A place for one more answer, if there is one.
    pub fn enter(&self, to: ValidatorIndex) -> Option<Answer> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(to).or_default();
        if *count >= ANSWERS_MAX {
            return None;
        }
        *count += 1;
        Some(Answer { to, answering: self.clone() })
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        let mut counts = self.answering.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.to) {
            *count -= 1;
        }
    }
}
