//! Attackers as live validators in nets of real processes, under load: do the honest agree, do they go on, and at what
//! speed beside a net without attackers?

use std::collections::BTreeMap;
use std::fmt;

use anyhow::ensure;
use attackers::AttackKind;
use primitives::Height;
use rpc::client::{ChainApiClient as _, ConsensusApiClient as _};

use crate::load::{self, Plan, Report};
use crate::net::Net;

/// What the last f validators do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Faulty {
    /// Nothing that the others do not.
    Honest,
    /// They are killed before the load begins.
    Crashed,
    Attack(AttackKind),
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Honest => f.write_str("none"),
            Self::Crashed => f.write_str("crashed"),
            Self::Attack(kind) => f.write_str(kind.name()),
        }
    }
}

/// One net, with f faulty validators or none.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    pub validators: usize,
    pub faulty: Faulty,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub trial: Trial,
    pub report: Report,
    /// The height at which the honest were compared.
    pub height: Height,
    /// Cases that honest validators have proof of, by the attacker's name.
    pub evidence: BTreeMap<String, usize>,
}

impl Trial {
    fn faulty(&self) -> Vec<usize> {
        let faulty_max = (self.validators - 1) / 3;
        match self.faulty {
            Faulty::Crashed | Faulty::Attack(_) => {
                (self.validators - faulty_max..self.validators).collect()
            }
            Faulty::Honest => Vec::new(),
        }
    }

    /// Who is down during the load: to lie about the past takes somebody who has missed it.
    fn absent(&self) -> Option<usize> {
        (self.faulty == Faulty::Attack(AttackKind::LyingSyncPeer)).then_some(0)
    }

    /// Starts the net, sends transfers through its honest validators, and compares these.
    ///
    /// # Errors
    /// When the honest differ, when a transfer that one of them admitted does not commit, or when an honest validator
    /// is accused.
    pub async fn run(self, plan: &Plan) -> anyhow::Result<Outcome> {
        let attackers = self.faulty();
        let mut net = Net::new(self.validators)?;
        if let Faulty::Attack(kind) = self.faulty {
            let indices: Vec<String> = attackers.iter().map(ToString::to_string).collect();
            for index in &attackers {
                let told = [
                    ("QUORATE_ATTACK", kind.to_string().into()),
                    ("QUORATE_ATTACKERS", indices.join(",").into()),
                ];
                net.seat(*index, told.to_vec())?;
            }
        }
        let all: Vec<usize> = (0..self.validators).collect();
        let absent: Vec<usize> = self.absent().into_iter().collect();
        net.start(&all).await?;
        net.kill(&absent).await?;
        if self.faulty == Faulty::Crashed {
            net.kill(&attackers).await?;
        }
        let idle = [&attackers[..], &absent].concat();
        let report = load::run_through(plan, net.directory(), &idle).await?;
        net.start(&absent).await?;
        ensure!(report.refused.is_empty(), "refused: {:?}", report.refused);
        ensure!(report.lost == 0, "{} admitted transfers are in no block", report.lost);
        ensure!(report.committed == report.due, "{} of {}", report.committed, report.due);
        let honest: Vec<usize> = all.into_iter().filter(|i| !attackers.contains(i)).collect();
        let height = agreed(&net, &honest).await?;
        let evidence = evidence(&net, &honest, &attackers).await?;
        Ok(Outcome { trial: self, report, height, evidence })
    }
}

/// The height up to which all of these hold the same blocks and the same state. A block's hash fixes all before it.
async fn agreed(net: &Net, honest: &[usize]) -> anyhow::Result<Height> {
    let mut height = Height::ZERO;
    for index in honest {
        height = height.max(net.http(*index)?.chain_info().await?.at.height);
    }
    let mut first = None;
    for index in honest {
        net.reach(*index, height).await?;
        let (_, at) = net.block(*index, height).await?;
        let expected = first.get_or_insert(at);
        ensure!(*expected == at, "validator {index} holds {at:?}, another {expected:?}");
    }
    Ok(height)
}

/// What any of these has proof of; only of attackers.
async fn evidence(
    net: &Net,
    honest: &[usize],
    attackers: &[usize],
) -> anyhow::Result<BTreeMap<String, usize>> {
    let mut most = BTreeMap::new();
    for index in honest {
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        for one in net.http(*index)?.consensus_evidence().await?.body.evidence {
            let culprit = one.culprit_index.as_usize();
            ensure!(attackers.contains(&culprit), "validator {culprit} is honest and accused");
            *found.entry(one.culprit).or_default() += 1;
        }
        for (culprit, count) in found {
            let place = most.entry(culprit).or_insert(count);
            *place = count.max(*place);
        }
    }
    Ok(most)
}

/// The outcomes of one size of net beside its good case, as a table in Markdown.
#[derive(Debug)]
pub struct Table<'a> {
    pub good: &'a Outcome,
    pub attacked: &'a [Outcome],
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| faulty | of n | transfers/s | of good | p50 ms | p99 ms | evidence |")?;
        writeln!(f, "| --- | ---: | ---: | ---: | ---: | ---: | ---: |")?;
        let good = self.good.report.committed_per_second;
        for outcome in std::iter::once(self.good).chain(self.attacked) {
            let Outcome { trial, report, evidence, .. } = outcome;
            let (name, count) = (trial.faulty, trial.faulty().len());
            let (rate, latency) = (report.committed_per_second, report.latency);
            writeln!(
                f,
                "| {name} | {count} of {} | {rate:.0} | {:.2} | {:.0} | {:.0} | {} |",
                trial.validators,
                rate / good,
                latency.p50_ms,
                latency.p99_ms,
                evidence.values().sum::<usize>(),
            )?;
        }
        Ok(())
    }
}
