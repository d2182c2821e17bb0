//! Byzantine tests as text: validators, faults in time, and what is expected.
//!
//! A scenario is a TOML file. The same file runs in the simulator, where a second takes milliseconds and chance is
//! drawn from a seed, and on real processes. `tests/scenarios/README.md` explains the language with worked examples.

mod live;
mod outcome;
mod simulated;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use attackers::AttackKind;
use serde::Deserialize;
use thiserror::Error;

pub use live::run as run_live;
pub use outcome::{Outcome, Unmet};
pub use simulated::run as run_simulated;

/// Validators of a scenario at most; the simulator's cost grows with their square.
const VALIDATORS_MAX: usize = 31;
/// A run's length at most, in milliseconds.
const RUN_MS_MAX: u64 = 120_000;

/// A validator by its name in scenarios: `v1` is the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(pub u16);

/// What a validator may not be called.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} names no validator: they are v1, v2 and so on")]
pub struct NotAName(String);

impl FromStr for Name {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let number = text.strip_prefix('v').and_then(|digits| digits.parse::<u16>().ok());
        let index = number.and_then(|number| number.checked_sub(1));
        index.map(Self).ok_or_else(|| NotAName(text.to_owned()))
    }
}

impl TryFrom<String> for Name {
    type Error = NotAName;

    fn try_from(text: String) -> Result<Self, NotAName> {
        text.parse()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", u32::from(self.0) + 1)
    }
}

impl Name {
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// One scenario.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows, in a sentence.
    pub about: String,
    pub validators: usize,
    /// How long it runs, in milliseconds; all faults end within it.
    pub run_ms: u64,
    /// Clients, each of which sends a transfer to an honest validator, waits until it is committed, and sends the next.
    #[serde(default = "clients")]
    pub clients: u8,
    /// Validators that break the rules, and how.
    #[serde(default)]
    pub byzantine: BTreeMap<String, String>,
    #[serde(default)]
    pub network: Links,
    #[serde(default)]
    pub machines: Machines,
    #[serde(default, rename = "fault")]
    pub faults: Vec<Fault>,
    #[serde(default)]
    pub expect: Expectations,
}

fn clients() -> u8 {
    6
}

/// The simulated network; real processes have the loopback.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Links {
    /// A message takes at least the first and at most the sum of both, in milliseconds.
    pub latency_ms: [u64; 2],
    /// Messages lost, and messages that arrive twice, of 1,000.
    pub lost_of_1000: u64,
    pub doubled_of_1000: u64,
    /// What every link to and from a validator takes beyond that, in milliseconds.
    pub far_ms: BTreeMap<Name, u64>,
}

impl Default for Links {
    fn default() -> Self {
        Self { latency_ms: [5, 20], lost_of_1000: 0, doubled_of_1000: 0, far_ms: BTreeMap::new() }
    }
}

/// The simulated machines; real processes have the clock and the disk of this one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Machines {
    /// By how much a validator's clock is ahead (behind, when negative), in milliseconds.
    pub clock_ahead_ms: BTreeMap<Name, i64>,
    /// A sync of the vote log takes up to this many milliseconds.
    pub sync_ms_max: u64,
}

impl Default for Machines {
    fn default() -> Self {
        Self { clock_ahead_ms: BTreeMap::new(), sync_ms_max: 4 }
    }
}

/// Something that goes wrong at a time, for a time. Exactly one of the kinds is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fault {
    pub at_ms: u64,
    pub for_ms: u64,
    /// These die at once (SIGKILL), and start again at the end.
    pub crash: Option<Vec<Name>>,
    /// These die at once, and start again at the end without the log of what they signed.
    pub lose_log: Option<Vec<Name>>,
    /// These stand still (SIGSTOP), and go on at the end.
    pub freeze: Option<Vec<Name>>,
    /// Groups that hear only themselves; whoever is in none is alone.
    pub partition: Option<Vec<Vec<Name>>>,
    /// The first does not reach the second.
    pub one_way: Option<[Name; 2]>,
}

/// The kind of a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Crash(Vec<Name>),
    LoseLog(Vec<Name>),
    Freeze(Vec<Name>),
    Partition(Vec<Vec<Name>>),
    OneWay(Name, Name),
}

/// What must hold. That all honest validators agree, and that nobody honest is accused, is always expected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expectations {
    /// After the last fault, every honest validator commits a new block within this many milliseconds.
    pub progress_within_ms: Option<u64>,
    /// At least this many transactions of the clients commit.
    pub transactions_min: u64,
    /// An honest validator has proof against each of these.
    pub accused: Vec<Name>,
    /// No block commits while the faults last: from a second after each begins, until it ends.
    pub stalls: bool,
}

/// Why a scenario cannot be played.
#[derive(Debug, Error)]
pub enum ScenarioError {
    #[error("{path} cannot be read: {error}")]
    Read { path: String, error: std::io::Error },
    #[error("{path}: {error}")]
    Syntax { path: String, error: toml::de::Error },
    #[error("a scenario has 1 to {VALIDATORS_MAX} validators, not {0}")]
    Validators(usize),
    #[error("a scenario runs for up to {RUN_MS_MAX} ms, not {0}")]
    Length(u64),
    #[error(transparent)]
    Name(#[from] NotAName),
    #[error("there is no {name}: the scenario has {validators} validators")]
    Unknown { name: Name, validators: usize },
    #[error(transparent)]
    Attack(#[from] attackers::UnknownAttack),
    #[error(
        "{byzantine} of {validators} validators are Byzantine, but agreement holds with up to {faulty_max} only"
    )]
    TooMany { byzantine: usize, validators: usize, faulty_max: usize },
    #[error(
        "the fault at {at_ms} ms must be exactly one of crash, lose_log, freeze, partition and one_way"
    )]
    Kind { at_ms: u64 },
    #[error("the fault at {at_ms} ms ends after the run")]
    Late { at_ms: u64 },
    #[error(
        "the cuts at {first_ms} ms and {second_ms} ms overlap: say in one partition who hears whom"
    )]
    Overlap { first_ms: u64, second_ms: u64 },
    #[error("{name} is in two groups of the partition at {at_ms} ms")]
    TwoGroups { name: Name, at_ms: u64 },
}

impl Fault {
    pub fn ends_ms(&self) -> u64 {
        self.at_ms.saturating_add(self.for_ms)
    }

    /// The one kind that it has.
    pub fn kind(&self) -> Result<Kind, ScenarioError> {
        let kinds = [
            self.crash.clone().map(Kind::Crash),
            self.lose_log.clone().map(Kind::LoseLog),
            self.freeze.clone().map(Kind::Freeze),
            self.partition.clone().map(Kind::Partition),
            self.one_way.map(|[from, to]| Kind::OneWay(from, to)),
        ];
        let mut kinds = kinds.into_iter().flatten();
        match (kinds.next(), kinds.next()) {
            (Some(kind), None) => Ok(kind),
            _ => Err(ScenarioError::Kind { at_ms: self.at_ms }),
        }
    }
}

impl Kind {
    fn names(&self) -> Vec<Name> {
        match self {
            Self::Crash(names) | Self::LoseLog(names) | Self::Freeze(names) => names.clone(),
            Self::Partition(groups) => groups.concat(),
            Self::OneWay(from, to) => vec![*from, *to],
        }
    }

    /// Of every validator, whom it does not hear.
    pub fn unheard(&self, validators: usize) -> Vec<BTreeSet<usize>> {
        let group = |groups: &[Vec<Name>], index: usize| {
            groups.iter().position(|group| group.iter().any(|name| name.index() == index))
        };
        let hears = |listener: usize, speaker: usize| match self {
            Self::Partition(groups) => {
                let own = group(groups, listener);
                own.is_some() && own == group(groups, speaker)
            }
            Self::OneWay(from, to) => (speaker, listener) != (from.index(), to.index()),
            Self::Crash(_) | Self::LoseLog(_) | Self::Freeze(_) => true,
        };
        let of = |listener: usize| {
            (0..validators).filter(|one| *one != listener && !hears(listener, *one)).collect()
        };
        (0..validators).map(of).collect()
    }
}

impl Scenario {
    /// Reads a scenario from a file and checks it.
    pub fn load(path: &Path) -> Result<Self, ScenarioError> {
        let name = path.display().to_string();
        let read = |error| ScenarioError::Read { path: name.clone(), error };
        let text = std::fs::read_to_string(path).map_err(read)?;
        let syntax = |error| ScenarioError::Syntax { path: name, error };
        let scenario: Self = toml::from_str(&text).map_err(syntax)?;
        scenario.check()?;
        Ok(scenario)
    }

    /// Whether it can be played.
    pub fn check(&self) -> Result<(), ScenarioError> {
        if !(1..=VALIDATORS_MAX).contains(&self.validators) {
            return Err(ScenarioError::Validators(self.validators));
        }
        if self.run_ms > RUN_MS_MAX {
            return Err(ScenarioError::Length(self.run_ms));
        }
        let attackers = self.attackers()?;
        let (byzantine, faulty_max) = (attackers.len(), (self.validators - 1) / 3);
        if byzantine > faulty_max {
            let validators = self.validators;
            return Err(ScenarioError::TooMany { byzantine, validators, faulty_max });
        }
        let mut names: Vec<Name> = attackers.into_keys().collect();
        names.extend(&self.expect.accused);
        names.extend(self.network.far_ms.keys().chain(self.machines.clock_ahead_ms.keys()));
        let mut cuts: Vec<&Fault> = Vec::new();
        for fault in &self.faults {
            let (kind, at_ms) = (fault.kind()?, fault.at_ms);
            if fault.ends_ms() > self.run_ms {
                return Err(ScenarioError::Late { at_ms });
            }
            if let Kind::Partition(groups) = &kind {
                let mut seen = BTreeSet::new();
                if let Some(name) = groups.iter().flatten().find(|name| !seen.insert(**name)) {
                    return Err(ScenarioError::TwoGroups { name: *name, at_ms });
                }
            }
            if matches!(kind, Kind::Partition(_) | Kind::OneWay(..)) {
                let overlaps =
                    |other: &&&Fault| other.at_ms < fault.ends_ms() && at_ms < other.ends_ms();
                if let Some(other) = cuts.iter().find(overlaps) {
                    let (first_ms, second_ms) = (other.at_ms, at_ms);
                    return Err(ScenarioError::Overlap { first_ms, second_ms });
                }
                cuts.push(fault);
            }
            names.extend(kind.names());
        }
        match names.into_iter().find(|name| name.index() >= self.validators) {
            Some(name) => Err(ScenarioError::Unknown { name, validators: self.validators }),
            None => Ok(()),
        }
    }

    /// Who breaks the rules, and how.
    pub fn attackers(&self) -> Result<BTreeMap<Name, AttackKind>, ScenarioError> {
        let parsed =
            self.byzantine.iter().map(|(name, attack)| Ok((name.parse()?, attack.parse()?)));
        parsed.collect()
    }

    /// When the last fault ends.
    pub fn faults_end_ms(&self) -> u64 {
        self.faults.iter().map(Fault::ends_ms).max().unwrap_or(0)
    }
}
