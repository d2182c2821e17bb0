//! How long to wait: measured, not configured, so that one binary serves a LAN and a WAN.

use std::collections::VecDeque;

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

/// Timers from the delays of recent proposals and certificates.
#[derive(Clone, Debug, Default)]
pub struct Pacemaker {
    proposal_delays_ms: VecDeque<u64>,
    prepare_delays_ms: VecDeque<u64>,
    /// Views that timed out since the last commit; those skipped for a silent leader are not counted.
    consecutive_timeouts: u32,
}

impl Pacemaker {
    /// How long after a view began a proposal may take.
    pub fn leader_timer_ms(&self) -> u64 {
        self.grown(timer(&self.proposal_delays_ms))
    }

    /// How long after a view began its prepare certificate may take.
    pub fn view_timer_ms(&self) -> u64 {
        self.grown(timer(&self.proposal_delays_ms) + timer(&self.prepare_delays_ms))
    }

    /// How long a leader may be unheard before it is skipped while a quorum is active.
    pub fn silence_ms(&self) -> u64 {
        (2 * timer(&self.proposal_delays_ms)).max(INITIAL_MS)
    }

    pub fn proposal_took(&mut self, delay_ms: u64) {
        remember(&mut self.proposal_delays_ms, delay_ms);
    }

    pub fn prepare_took(&mut self, delay_ms: u64) {
        remember(&mut self.prepare_delays_ms, delay_ms);
    }

    pub fn view_timed_out(&mut self) {
        self.consecutive_timeouts = self.consecutive_timeouts.saturating_add(1);
    }

    pub fn committed(&mut self) {
        self.consecutive_timeouts = 0;
    }

    /// Half as much again for each view in a row that timed out, up to the cap.
    fn grown(&self, mut timer_ms: u64) -> u64 {
        for _ in 0..self.consecutive_timeouts {
            if timer_ms >= CAP_MS {
                break;
            }
            timer_ms += timer_ms / 2;
        }
        timer_ms.min(CAP_MS)
    }
}

/// 1.5 × p99 of the samples, between floor and cap.
fn timer(samples: &VecDeque<u64>) -> u64 {
    if samples.is_empty() {
        return INITIAL_MS;
    }
    let mut sorted: Vec<u64> = samples.iter().copied().collect();
    sorted.sort_unstable();
    let p99 = sorted.get((sorted.len() * 99).div_ceil(100) - 1).copied().unwrap_or(INITIAL_MS);
    (p99 + p99 / 2).clamp(FLOOR_MS, CAP_MS)
}

fn remember(samples: &mut VecDeque<u64>, delay_ms: u64) {
    if samples.len() == SAMPLES {
        samples.pop_front();
    }
    samples.push_back(delay_ms.min(CAP_MS));
}
