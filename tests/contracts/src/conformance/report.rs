//! What came of the suite.

use std::collections::BTreeMap;
use std::fmt;

use super::Counted;

/// Failures that are kept; a broken build has thousands.
const FAILURES_MAX: usize = 100;

/// Counts of one version of the suite.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub files: u64,
    /// Files of a later text format.
    pub unreadable: Vec<String>,
    /// Modules that ran.
    pub modules: u64,
    /// Modules that the suite calls invalid or malformed, all refused.
    pub refused: u64,
    pub assertions: BTreeMap<Counted, u64>,
    /// Modules and assertions that do not apply, by reason.
    pub skipped_modules: BTreeMap<String, u64>,
    pub skipped: BTreeMap<String, u64>,
    pub failures: Vec<String>,
}

impl Report {
    pub(super) fn count(&mut self, counted: Counted) {
        *self.assertions.entry(counted).or_default() += 1;
    }

    pub(super) fn skip(&mut self, why: &str) {
        *self.skipped.entry(why.to_owned()).or_default() += 1;
    }

    pub(super) fn skip_module(&mut self, why: &str) {
        *self.skipped_modules.entry(why.to_owned()).or_default() += 1;
    }

    pub(super) fn fail(&mut self, file: &str, line: usize, what: &str) {
        if self.failures.len() < FAILURES_MAX {
            self.failures.push(format!("{file}:{line}: {what}"));
        }
    }

    /// Assertions in one column.
    pub fn counted(&self, column: Counted) -> u64 {
        self.assertions.get(&column).copied().unwrap_or_default()
    }

    /// Assertions that hold as the script has them, metered and not.
    pub fn passed(&self) -> u64 {
        [Counted::Value, Counted::Trap, Counted::Exhaustion].map(|c| self.counted(c)).iter().sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = |column| self.counted(column);
        writeln!(f, "  {} files, {} modules run", self.files, self.modules)?;
        writeln!(
            f,
            "  passed {}: {} values, {} traps, {} exhausted stacks",
            self.passed(),
            counted(Counted::Value),
            counted(Counted::Trap),
            counted(Counted::Exhaustion),
        )?;
        writeln!(
            f,
            "  executing floats, and so out of gas: {}; differing in a module after that: {}",
            counted(Counted::Floats),
            counted(Counted::AfterFloats),
        )?;
        writeln!(f, "  beyond the cap of memory: {}", counted(Counted::BeyondCap))?;
        writeln!(f, "  invalid modules refused: {}", self.refused)?;
        let list = |counts: &BTreeMap<String, u64>| {
            let parts = counts.iter().map(|(why, count)| format!("{why} {count}"));
            parts.collect::<Vec<_>>().join(", ")
        };
        let sum: u64 = self.skipped_modules.values().sum();
        writeln!(f, "  modules that upload refuses: {sum} ({})", list(&self.skipped_modules))?;
        let sum: u64 = self.skipped.values().sum();
        writeln!(f, "  assertions that do not apply: {sum} ({})", list(&self.skipped))?;
        if !self.unreadable.is_empty() {
            writeln!(f, "  files of a later text format: {}", self.unreadable.join(", "))?;
        }
        for failure in &self.failures {
            writeln!(f, "  FAILED {failure}")?;
        }
        Ok(())
    }
}
