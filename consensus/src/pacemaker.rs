//! How long to wait: measured, not configured, so that one binary serves a LAN and a WAN.

use std::collections::VecDeque;

use crate::rules::Rule;

/// The first guess, before anything was measured.
const INITIAL_MS: u64 = 1_000;
/// No timer is shorter: a scheduler's hiccup is not a faulty leader.
const FLOOR_MS: u64 = 250;
/// No timer is longer, however often views timed out.
const CAP_MS: u64 = 10_000;
/// Delays that are remembered.
const SAMPLES: usize = 100;

/// Own messages are resent this often while a view is stuck.
pub const RESEND_MS: u64 = 400;

/// The delays of one kind of message, and the timer that follows from them.
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

/// Timers from the delays of recent proposals and certificates.
#[derive(Clone, Debug, Default)]
pub struct Pacemaker {
    proposals: Delays,
    prepares: Delays,
    /// Views that timed out since the last commit; those skipped for a silent leader are not counted.
    consecutive_timeouts: u32,
}

impl Pacemaker {
    /// How long after a view began a proposal may take.
    pub fn leader_timer_ms(&self) -> u64 {
        self.grown(self.proposals.timer_ms)
    }

    /// How long after a view began its prepare certificate may take.
    pub fn view_timer_ms(&self) -> u64 {
        self.grown(self.proposals.timer_ms + self.prepares.timer_ms)
    }

    /// How long a leader may be unheard before it is skipped while a quorum is active.
    pub fn silence_ms(&self) -> u64 {
        (2 * self.proposals.timer_ms).max(INITIAL_MS)
    }

    pub fn proposal_took(&mut self, delay_ms: u64) {
        self.proposals.remember(delay_ms);
    }

    pub fn prepare_took(&mut self, delay_ms: u64) {
        self.prepares.remember(delay_ms);
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
        let cap_ms = if Rule::TimersCapped.holds() { CAP_MS } else { u64::MAX / 2 };
        for _ in 0..self.consecutive_timeouts {
            if timer_ms >= cap_ms {
                break;
            }
            timer_ms += timer_ms / 2;
        }
        timer_ms.min(cap_ms)
    }
}
