//! How long to wait: measured, not configured, so that one binary serves a LAN and a WAN.

use std::collections::{BTreeMap, VecDeque};

use primitives::{ValidatorIndex, ValidatorSet};

use crate::rules::Rule;

/// The first guess, before anything was measured.
const INITIAL_MS: u64 = 1_000;
/// No timer is shorter: a scheduler's hiccup is not a faulty leader.
const FLOOR_MS: u64 = 250;
/// No timer is longer, unless very many views in a row timed out.
const CAP_MS: u64 = 10_000;
/// After each so many, the cap doubles. The next proposal must carry a timeout certificate for every one of these
/// views, and what a proposal can carry ([`primitives::limits::JUSTIFICATION_TIMEOUTS_MAX`], or its bytes in a large
/// set) must not be used up by a trouble that lasts for days. The end of the trouble is met within the view that goes
/// on.
const CAP_VIEWS: u32 = 128;
/// Delays of one leader that are remembered.
const SAMPLES: usize = 32;
/// The timers of the f slowest leaders are no longer than this many times those of all others: f may be faulty, and one
/// that comes a little later each time would drive its own timer up.
const SPREAD: u64 = 2;

/// Own messages are resent this often while a view is stuck.
pub const RESEND_MS: u64 = 400;

/// The delays of one kind of message of one leader, and the timer that follows from them.
#[derive(Clone, Debug)]
struct Delays {
    samples_ms: VecDeque<u64>,
    /// 1.5 × p99 of the samples, between floor and cap.
    timer_ms: u64,
}

impl Default for Delays {
    fn default() -> Self {
        Self { samples_ms: VecDeque::new(), timer_ms: INITIAL_MS }
    }
}

impl Delays {
    fn remember(&mut self, delay_ms: u64) {
        if self.samples_ms.len() == SAMPLES {
            self.samples_ms.pop_front();
        }
        self.samples_ms.push_back(delay_ms.min(CAP_MS));
        let mut sorted: Vec<u64> = self.samples_ms.iter().copied().collect();
        sorted.sort_unstable();
        let p99 = sorted.get((sorted.len() * 99).div_ceil(100) - 1).copied().unwrap_or(INITIAL_MS);
        self.timer_ms = (p99 + p99 / 2).clamp(FLOOR_MS, CAP_MS);
    }
}

/// The delays of one kind of message by leader, of all but this validator itself.
#[derive(Clone, Debug)]
struct Leaders {
    delays: BTreeMap<ValidatorIndex, Delays>,
    /// How many of the slowest do not count: f.
    slow: usize,
    /// The longest timer of all leaders but those.
    usual_ms: u64,
}

impl Leaders {
    fn new(validators: &ValidatorSet, own: ValidatorIndex) -> Self {
        let others = validators.indices().filter(|leader| *leader != own);
        let delays = others.map(|leader| (leader, Delays::default())).collect();
        Self { delays, slow: validators.faulty_max(), usual_ms: INITIAL_MS }
    }

    fn remember(&mut self, leader: ValidatorIndex, delay_ms: u64) {
        let Some(delays) = self.delays.get_mut(&leader) else { return };
        delays.remember(delay_ms);
        let mut timers: Vec<u64> = self.delays.values().map(|delays| delays.timer_ms).collect();
        timers.sort_unstable();
        let usual = timers.iter().rev().nth(self.slow);
        self.usual_ms = usual.copied().unwrap_or(INITIAL_MS);
    }

    fn timer_ms(&self, leader: ValidatorIndex) -> u64 {
        let own_ms = self.delays.get(&leader).map_or(INITIAL_MS, |delays| delays.timer_ms);
        let bounded = Rule::SlowLeadersBounded.holds();
        if bounded { own_ms.min(SPREAD * self.usual_ms) } else { own_ms }
    }
}

/// Timers from the delays of recent proposals and certificates.
#[derive(Clone, Debug)]
pub struct Pacemaker {
    proposals: Leaders,
    prepares: Leaders,
    /// Views that timed out since the last commit; those skipped for a silent leader are not counted.
    consecutive_timeouts: u32,
}

impl Pacemaker {
    pub fn new(validators: &ValidatorSet, own: ValidatorIndex) -> Self {
        let leaders = Leaders::new(validators, own);
        Self { proposals: leaders.clone(), prepares: leaders, consecutive_timeouts: 0 }
    }

    /// How long after a view began its leader's proposal may take.
    pub fn leader_timer_ms(&self, leader: ValidatorIndex) -> u64 {
        self.grown(self.proposals.timer_ms(leader))
    }

    /// How long after a view began its prepare certificate may take.
    pub fn view_timer_ms(&self, leader: ValidatorIndex) -> u64 {
        self.grown(self.proposals.timer_ms(leader) + self.prepares.timer_ms(leader))
    }

    /// How long a leader may be unheard before it is skipped while a quorum is active.
    pub fn silence_ms(&self) -> u64 {
        (SPREAD * self.proposals.usual_ms).max(INITIAL_MS)
    }

    pub fn proposal_took(&mut self, leader: ValidatorIndex, delay_ms: u64) {
        self.proposals.remember(leader, delay_ms);
    }

    pub fn prepare_took(&mut self, leader: ValidatorIndex, delay_ms: u64) {
        self.prepares.remember(leader, delay_ms);
    }

    pub fn view_timed_out(&mut self) {
        let step = u32::from(Rule::TimersGrow.holds());
        self.consecutive_timeouts = self.consecutive_timeouts.saturating_add(step);
    }

    pub fn committed(&mut self) {
        if Rule::TimersReset.holds() {
            self.consecutive_timeouts = 0;
        }
    }

    /// Half as much again for each view in a row that timed out, up to the cap.
    fn grown(&self, mut timer_ms: u64) -> u64 {
        let doublings = (self.consecutive_timeouts / CAP_VIEWS).min(16);
        let cap_ms = if Rule::TimersCapped.holds() { CAP_MS << doublings } else { u64::MAX / 2 };
        for _ in 0..self.consecutive_timeouts {
            if timer_ms >= cap_ms {
                break;
            }
            timer_ms += timer_ms / 2;
        }
        timer_ms.min(cap_ms)
    }
}
