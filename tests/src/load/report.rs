//! What a run found, for people and for machines.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Plan;
use super::drive::Measured;
use super::machine::Machine;

/// The report. Milliseconds and seconds are as their names say; counts are transfers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Transfers due in a second.
    pub rate: u64,
    pub seconds: u64,
    pub accounts: usize,
    pub due: u64,
    /// Given to a validator, each attempt counted.
    pub sent: u64,
    /// Seen in a block by the subscription of the validator that took it.
    pub committed: u64,
    /// What the accounts' own records say was executed.
    pub executed: u64,
    /// Attempts that a validator refused, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Accepted, and in no block when the watching ended.
    pub lost: u64,
    /// Never sent, because the transfers before them were not answered in time.
    pub unsent: u64,
    /// Committed transfers by the seconds from the first one's moment to the last one's block.
    pub committed_per_second: f64,
    pub latency: Latency,
    pub machine: Machine,
    pub cpu: Cpu,
}

/// From the moment a transfer was due to its block's coming through the subscription.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Latency {
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

/// CPU time during the run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cpu {
    /// Seconds in which the readings were taken.
    pub elapsed_seconds: f64,
    pub validator_seconds: BTreeMap<String, f64>,
    pub driver_seconds: f64,
    /// Microseconds of all validators together for each committed transfer.
    pub us_per_transaction: f64,
    /// Of these, checking signatures: every validator checks each once, in batches.
    pub signature_us_per_transaction: f64,
    /// By what the validators' threads do; see the node's thread names.
    pub threads_us_per_transaction: BTreeMap<String, f64>,
}

impl Report {
    pub fn new(plan: &Plan, machine: Machine, measured: Measured, executed: u64) -> Self {
        let committed = measured.latencies.len() as u64;
        let refusals: u64 = measured.refused.values().sum();
        let per_transaction = |seconds: f64| match committed {
            0 => 0.0,
            _ => seconds * 1e6 / committed as f64,
        };
        let used: f64 = measured.validators.values().sum();
        let signature_us_per_transaction = machine.signature_us * measured.validators.len() as f64;
        let threads = measured.threads.iter();
        let cpu = Cpu {
            elapsed_seconds: measured.watched.as_secs_f64(),
            driver_seconds: measured.driver_seconds,
            us_per_transaction: per_transaction(used),
            signature_us_per_transaction,
            threads_us_per_transaction: threads
                .map(|(name, seconds)| (name.clone(), per_transaction(*seconds)))
                .collect(),
            validator_seconds: measured.validators,
        };
        let took = measured.took.as_secs_f64();
        Self {
            rate: plan.rate,
            seconds: plan.seconds,
            accounts: plan.accounts,
            due: measured.due,
            sent: measured.sent,
            committed,
            executed,
            lost: measured.sent.saturating_sub(refusals + committed),
            unsent: measured.due.saturating_sub(measured.sent),
            refused: measured.refused,
            committed_per_second: if took > 0.0 { committed as f64 / took } else { 0.0 },
            latency: Latency::of(&measured.latencies),
            machine,
            cpu,
        }
    }
}

impl Latency {
    /// Of ascending values.
    fn of(sorted: &[Duration]) -> Self {
        let at = |percent: usize| {
            let position = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
            sorted.get(position).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
        };
        Self { p50_ms: at(50), p95_ms: at(95), p99_ms: at(99), max_ms: at(100) }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (machine, cpu, latency) = (&self.machine, &self.cpu, &self.latency);
        let mut row = |name: &str, text: String| writeln!(f, "{name:<12}{text}");
        let (rate, seconds, accounts) = (self.rate, self.seconds, self.accounts);
        row(
            "load",
            format!("{rate}/s for {seconds} s from {accounts} accounts, all signed before"),
        )?;
        row("sent", format!("{} of {} due", self.sent, self.due))?;
        row(
            "committed",
            format!("{}; {} executed by their records", self.committed, self.executed),
        )?;
        for (reason, count) in &self.refused {
            row("refused", format!("{count} × {reason}"))?;
        }
        for (name, count) in [("lost", self.lost), ("unsent", self.unsent)] {
            if count > 0 {
                row(name, count.to_string())?;
            }
        }
        let share = 100.0 * self.committed_per_second / machine.signature_bound;
        row(
            "throughput",
            format!(
                "{:.0} committed/s: {share:.0} % of the {:.0}/s at which checking signatures alone \
                 would fill this machine",
                self.committed_per_second, machine.signature_bound
            ),
        )?;
        row(
            "latency",
            format!(
                "p50 {:.0} ms, p95 {:.0} ms, p99 {:.0} ms, max {:.0} ms, from due to in a block",
                latency.p50_ms, latency.p95_ms, latency.p99_ms, latency.max_ms
            ),
        )?;
        let validators = cpu.validator_seconds.len();
        row(
            "machine",
            format!(
                "{} cores for {validators} validators and this driver; {:.1} µs a signature in \
                 batches, {:.2} ms a write with sync",
                machine.cores, machine.signature_us, machine.sync_ms
            ),
        )?;
        let all = cpu.validator_seconds.values().sum::<f64>() + cpu.driver_seconds;
        let busy = 100.0 * all / (cpu.elapsed_seconds * machine.cores as f64);
        row(
            "cpu",
            format!(
                "{:.1} s validators, {:.1} s this driver: {busy:.0} % of the machine in {:.1} s",
                all - cpu.driver_seconds,
                cpu.driver_seconds,
                cpu.elapsed_seconds
            ),
        )?;
        row(
            "",
            format!(
                "{:.0} µs a transfer in all validators together, {:.0} µs of them signatures; by \
                 thread:",
                cpu.us_per_transaction, cpu.signature_us_per_transaction
            ),
        )?;
        let mut threads: Vec<_> = cpu.threads_us_per_transaction.iter().collect();
        threads.sort_by(|left, right| right.1.total_cmp(left.1));
        let told = threads.iter().filter(|(_, us)| **us >= 1.0);
        let told: Vec<_> = told.map(|(name, us)| format!("{name} {us:.0} µs")).collect();
        write!(f, "{:<12}{}", "", told.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let sorted: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        let latency = Latency::of(&sorted);
        assert_eq!((latency.p50_ms, latency.p95_ms), (100.0, 190.0));
        assert_eq!((latency.p99_ms, latency.max_ms), (198.0, 200.0));
        assert_eq!(Latency::of(&[]).max_ms, 0.0);
    }
}
