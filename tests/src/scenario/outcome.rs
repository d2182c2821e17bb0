//! What came of a run, and what of it was not as expected.

use std::collections::BTreeSet;
use std::fmt;

use super::{Name, Scenario};
use crate::sim::Commit;

/// What a runner saw.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Everything that honest validators committed.
    pub commits: Vec<Commit>,
    /// Transactions that the clients saw committed.
    pub transactions: u64,
    pub accused: BTreeSet<usize>,
    /// Promises that hold always and were broken: disagreement, an honest culprit.
    pub violations: Vec<String>,
}

/// An expectation that was not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet(pub String);

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A fault works after this many milliseconds: what was on its way still arrives.
const SETTLES_MS: u64 = 1_000;

impl Outcome {
    /// How long after the last fault the slowest honest validator committed, in milliseconds; `None` when one did not.
    pub fn recovery_ms(&self, scenario: &Scenario) -> Option<u64> {
        let (end_ms, attackers) = (scenario.faults_end_ms(), scenario.attackers().ok()?);
        let honest = (0..scenario.validators)
            .filter(|index| attackers.keys().all(|attacker| attacker.index() != *index));
        let first = |index: usize| {
            let after =
                self.commits.iter().filter(|one| one.instance == index && one.at_ms > end_ms);
            after.map(|one| one.at_ms - end_ms).min()
        };
        honest.map(first).collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// What is not as the scenario expects; nothing, if all is well.
    pub fn unmet(&self, scenario: &Scenario) -> Vec<Unmet> {
        let expected = &scenario.expect;
        let mut unmet: Vec<String> = self.violations.clone();
        if let Some(limit_ms) = expected.progress_within_ms {
            match self.recovery_ms(scenario) {
                None => {
                    unmet.push("an honest validator committed nothing after the last fault".into())
                }
                Some(ms) if ms > limit_ms => {
                    unmet.push(format!(
                        "progress took {ms} ms after the last fault, not {limit_ms}"
                    ));
                }
                Some(_) => {}
            }
        }
        if self.transactions < expected.transactions_min {
            let (got, min) = (self.transactions, expected.transactions_min);
            unmet.push(format!("{got} transactions were committed, at least {min} are expected"));
        }
        for name in expected.accused.iter().filter(|name| !self.accused.contains(&name.index())) {
            unmet.push(format!("nobody has proof against {name}"));
        }
        if expected.stalls {
            unmet.extend(self.progress_in_a_stall(scenario));
        }
        unmet.into_iter().map(Unmet).collect()
    }

    /// A block that is final somewhere for the first time, while none should be. What one validator has committed the
    /// others of its half may learn later.
    fn progress_in_a_stall(&self, scenario: &Scenario) -> Option<String> {
        let stalls = |at_ms: u64| {
            let lasts = |from: u64, to: u64| (from.saturating_add(SETTLES_MS)..to).contains(&at_ms);
            scenario.faults.iter().any(|fault| lasts(fault.at_ms, fault.ends_ms()))
        };
        let mut commits = self.commits.clone();
        commits.sort_by_key(|one| one.at_ms);
        let mut highest = 0;
        for Commit { instance, at_ms, height } in commits {
            if height > highest && stalls(at_ms) {
                let name = Name(u16::try_from(instance).ok()?);
                return Some(format!(
                    "{name} committed a block at {at_ms} ms, while the chain should stand still"
                ));
            }
            highest = highest.max(height);
        }
        None
    }
}
