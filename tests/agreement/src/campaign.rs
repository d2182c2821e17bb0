//! Many schedules, on all cores, each from its number alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use consensus::Rule;
use rustix::time::{ClockId, clock_gettime};

use crate::oracle::Violation;
use crate::plan::Plan;
use crate::run::{Report, Run};
use crate::twins::Scenarios;

/// A kind of schedule, and how many validators it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`Plan::from_seed`]
    Chance { validators: usize },
    /// [`Plan::sampled_twins`]
    SampledTwins { validators: usize },
    /// [`Scenarios`] of so many views.
    Twins { views: u32 },
}

impl Kind {
    pub fn plan(self, seed: u64) -> Plan {
        match self {
            Self::Chance { validators } => Plan::from_seed(seed, validators),
            Self::SampledTwins { validators } => Plan::sampled_twins(seed, validators),
            Self::Twins { views } => Scenarios::new(views).plan(seed),
        }
    }

    /// The command that plays one seed again and says everything that happens.
    pub fn replay(self, seed: u64, without: Option<Rule>) -> String {
        let command = match self {
            Self::Chance { validators } => format!("chance --validators {validators}"),
            Self::SampledTwins { validators } => {
                format!("twins --sampled 1 --validators {validators}")
            }
            Self::Twins { views } => format!("twins --views {views}"),
        };
        let without = without.map_or(String::new(), |rule| format!(" --without {}", rule.name()));
        format!("cargo agreement {command} --first {seed}{without} --log")
    }
}

/// Plays one plan without a rule; a panic is a violation like any other.
pub fn play(plan: Plan, without: Option<Rule>, keeps_log: bool) -> Report {
    consensus::rules::remove(without);
    let report = catch_unwind(AssertUnwindSafe(|| Run::new(plan, keeps_log).play()));
    consensus::rules::remove(None);
    report.unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_else(|| "a panic without words".to_owned());
        Report {
            height: 0,
            settled_ms: 0,
            goal_ms: 0,
            events: 0,
            violation: Some(Violation { oracle: "assertion", text }),
            fingerprint: 0,
            log: String::new(),
        }
    })
}

/// What came of many schedules.
#[derive(Debug, Default)]
pub struct Totals {
    pub schedules: u64,
    pub blocks: u64,
    pub events: u64,
    /// The longest time to progress in a good network, and the seed that took it.
    pub worst: (u64, u64),
    pub failures: Vec<(u64, Violation)>,
    pub took: Duration,
    /// Time of all cores together.
    pub cpu: Duration,
}

impl Totals {
    pub fn add(&mut self, number: u64, report: Report) {
        self.schedules += 1;
        self.blocks += report.height;
        self.events += report.events;
        self.worst = self.worst.max((report.settled_ms, number));
        self.failures.extend(report.violation.map(|violation| (number, violation)));
    }

    /// Schedules in a second of one core.
    pub fn rate(&self) -> f64 {
        self.schedules as f64 / self.cpu.as_secs_f64()
    }
}

/// Plays the plans of all numbers from `first` on, `count` of them.
pub fn play_all(first: u64, count: u64, plan: impl Fn(u64) -> Plan + Sync) -> Totals {
    let (began, cpu) = (Instant::now(), cpu_time());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicU64::new(first);
    let totals = Mutex::new(Totals::default());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number - first >= count {
                        return;
                    }
                    let report = play(plan(number), None, false);
                    let mut totals = match totals.lock() {
                        Ok(totals) => totals,
                        Err(poisoned) => poisoned.into_inner(),
                    };
                    totals.add(number, report);
                }
            });
        }
    });
    let mut totals = match totals.into_inner() {
        Ok(totals) => totals,
        Err(poisoned) => poisoned.into_inner(),
    };
    totals.failures.sort_by_key(|(number, _)| *number);
    totals.took = began.elapsed();
    totals.cpu = cpu_time().saturating_sub(cpu);
    totals
}

/// What this process has used of all cores.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), nanoseconds)
}
