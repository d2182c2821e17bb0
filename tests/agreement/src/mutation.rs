//! The mutation score: each rule is removed in turn, and schedules are played until an oracle catches it.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use consensus::Rule;

use crate::campaign::{Kind, play};
use crate::oracle::Violation;
use crate::twins::Scenarios;

/// The schedules that mutations are played under.
pub const KIND: Kind = Kind::Chance { validators: 4 };

/// What chance seldom meets is met by splitting everybody in every view: so many of the exhaustive twins, the last.
const TWINS_VIEWS: u32 = 4;
const TWINS_PLAYED: u64 = 20_000;

/// How the removal of one rule was noticed.
#[derive(Clone, Debug)]
pub struct Caught {
    pub kind: Kind,
    pub seed: u64,
    pub violation: Violation,
}

/// What came of the removal of one rule.
#[derive(Clone, Debug)]
pub struct Score {
    pub rule: Rule,
    pub caught: Option<Caught>,
    pub schedules: u64,
}

/// Plays the seeds `0..seeds` by chance and then twins without the rule, to the first violation.
pub fn hunt(rule: Rule, seeds: u64) -> Score {
    let twins = Kind::Twins { views: TWINS_VIEWS };
    let count = Scenarios::new(TWINS_VIEWS).count();
    let by_chance = (0..seeds).map(|seed| (KIND, seed));
    let split = (count - TWINS_PLAYED..count).map(|number| (twins, number));
    let mut schedules = 0;
    for (kind, seed) in by_chance.chain(split) {
        schedules += 1;
        if let Some(violation) = play(kind.plan(seed), Some(rule), false).violation {
            return Score { rule, caught: Some(Caught { kind, seed, violation }), schedules };
        }
    }
    Score { rule, caught: None, schedules }
}

/// The same for many rules, on all cores; in the order of the rules.
pub fn hunt_all(rules: &[Rule], seeds: u64) -> Vec<Score> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, scores) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(rule) = rules.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let score = hunt(*rule, seeds);
                    match scores.lock() {
                        Ok(mut scores) => scores.push(score),
                        Err(poisoned) => poisoned.into_inner().push(score),
                    }
                }
            });
        }
    });
    let mut scores = match scores.into_inner() {
        Ok(scores) => scores,
        Err(poisoned) => poisoned.into_inner(),
    };
    scores.sort_by_key(|score| score.rule);
    scores
}

/// The table for a document.
pub fn markdown(scores: &[Score]) -> String {
    let mut table = String::from(
        "| rule | of | what it says | caught by | in | schedules |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
    for Score { rule, caught, schedules } in scores {
        let (oracle, seed) = caught.as_ref().map_or(("**nobody**", "–".to_owned()), |caught| {
            let kind = if caught.kind == KIND { "seed" } else { "twins" };
            (caught.violation.oracle, format!("{kind} {}", caught.seed))
        });
        let (name, part, sentence) = (rule.name(), rule.part(), rule.sentence());
        let _ = writeln!(
            table,
            "| `{name}` | {part:?} | {sentence} | {oracle} | {seed} | {schedules} |"
        );
    }
    table
}
