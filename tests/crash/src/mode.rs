//! What happens at a point.

use crate::disk::Blow;

/// A way to end.
#[derive(Debug)]
pub struct Mode {
    pub name: &'static str,
    /// What happens to the process; its operations that count are the points.
    pub blow: Blow,
    /// What happens to the next process, at one of its first operations: while it recovers.
    pub next: Option<Blow>,
    pub ends: Ends,
}

/// How a process ends that met its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    Killed,
    /// By itself, and says why, with these words; or, where the operation did not matter, as if nothing had happened.
    ByItself {
        says: &'static str,
    },
}

/// Neither a sync nor a hint changes what a killed process leaves.
const KILLED: Blow = Blow { counts: "change remove write", effect: "kill" };
const TORN: Blow = Blow { counts: "write", effect: "torn" };
/// Between two syncs what is on the disk is the same; what was acknowledged there is so before the second.
const LOST: Blow = Blow { counts: "sync end", effect: "lost" };
const LOST_SOME: Blow = Blow { counts: "change remove write sync end", effect: "lost-some" };
const BROKEN: Blow = Blow { counts: "change remove write sync hint", effect: "broken" };
/// To remove needs no room.
const FULL: Blow = Blow { counts: "change write sync hint", effect: "full" };
const KILLED_AT_STEP: Blow = Blow { counts: "step", effect: "kill" };
const LOST_AT_STEP: Blow = Blow { counts: "step", effect: "lost" };

pub const MODES: [Mode; 10] = [
    Mode::new("kill", KILLED),
    Mode::new("torn", TORN),
    Mode::new("lost", LOST),
    Mode::new("lost-some", LOST_SOME),
    Mode { next: Some(LOST_SOME), ..Mode::new("lost-twice", LOST_SOME) },
    // What the first process had not synced is still there for the second, until the power fails.
    Mode { next: Some(LOST_SOME), ..Mode::new("kill-lost", KILLED) },
    Mode { ends: Ends::ByItself { says: "Input/output error" }, ..Mode::new("broken", BROKEN) },
    Mode { ends: Ends::ByItself { says: "No space left on device" }, ..Mode::new("full", FULL) },
    Mode::new("step-kill", KILLED_AT_STEP),
    Mode::new("step-lost", LOST_AT_STEP),
];

/// No mode: nothing happens, and every operation is a point.
pub const UNDISTURBED: Mode = Mode::new(
    "undisturbed",
    Blow { counts: "change remove write sync hint step end", effect: "kill" },
);

impl Mode {
    const fn new(name: &'static str, blow: Blow) -> Self {
        Self { name, blow, next: None, ends: Ends::Killed }
    }
}
