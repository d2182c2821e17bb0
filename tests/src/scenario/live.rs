//! A scenario on real processes: every validator is a process, crashes are SIGKILL, a freeze is SIGSTOP, and a cut is a
//! validator that does not listen to some others.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use primitives::Hash;
use rpc::client::ConsensusApiClient as _;
use rustix::process::{Pid, Signal, kill_process};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Kind, Name, Outcome, Scenario};
use crate::net::{Blocks, Net};
use crate::sim::Commit;

/// What all validators were seen to commit.
#[derive(Debug, Default)]
struct Seen {
    commits: Vec<Commit>,
    chain: BTreeMap<u64, (usize, Hash)>,
    violations: Vec<String>,
}

impl Seen {
    fn block(&mut self, index: usize, ms: u64, height: u64, hash: Hash) {
        self.commits.push(Commit { instance: index, at_ms: ms, height });
        let (first, other) = *self.chain.entry(height).or_insert((index, hash));
        if other != hash {
            let text = format!(
                "at height {height}, v{} has {other} and v{} has {hash}",
                first + 1,
                index + 1
            );
            self.violations.push(text);
        }
    }
}

/// A run under way.
struct Run<'a> {
    scenario: &'a Scenario,
    net: Net,
    honest: Vec<usize>,
    began: Instant,
    seen: Arc<Mutex<Seen>>,
    watchers: JoinSet<()>,
}

/// Plays a scenario on real processes.
///
/// # Errors
/// When the scenario is none, or a process does not do what it was told.
pub async fn run(scenario: &Scenario) -> anyhow::Result<Outcome> {
    scenario.check()?;
    let attackers = scenario.attackers()?;
    let is_honest = |index: &usize| attackers.keys().all(|name| name.index() != *index);
    let honest: Vec<usize> = (0..scenario.validators).filter(is_honest).collect();
    let mut net = Net::new(scenario.validators)?;
    let all = attackers.keys().map(|name| name.0.to_string()).collect::<Vec<_>>().join(",");
    for index in 0..scenario.validators {
        let mut variables = vec![("QUORATE_CUT", OsString::from(cut_file(&net, index)))];
        if let Some((_, kind)) = attackers.iter().find(|(name, _)| name.index() == index) {
            variables.push(("QUORATE_ATTACK", kind.name().into()));
            variables.push(("QUORATE_ATTACKERS", all.clone().into()));
        }
        net.seat(index, variables)?;
    }
    net.start(&(0..scenario.validators).collect::<Vec<_>>()).await?;
    let through = *honest.first().context("a scenario has an honest validator")?;
    let wallets = net.wallets(through, scenario.clients).await?;
    let traffic = net.traffic(&honest, &wallets)?;
    let (seen, watchers) = (Arc::default(), JoinSet::new());
    let mut run = Run { scenario, net, honest, began: Instant::now(), seen, watchers };
    for index in run.honest.clone() {
        run.watch(index).await?;
    }
    run.play().await?;
    let accused = run.accused().await?;
    run.watchers.shutdown().await;
    let transactions = traffic.abandon().receipts.len() as u64;
    let seen = std::mem::take(&mut *run.seen.lock().unwrap_or_else(PoisonError::into_inner));
    let mut violations = seen.violations;
    for culprit in accused.intersection(&run.honest.iter().copied().collect()) {
        violations.push(format!("honest v{} is accused", culprit + 1));
    }
    Ok(Outcome { commits: seen.commits, transactions, accused, violations })
}

impl Run<'_> {
    /// Notes what an honest validator commits from now on.
    async fn watch(&mut self, index: usize) -> anyhow::Result<()> {
        let mut blocks: Blocks = self.net.blocks(index).await?;
        let (seen, began) = (Arc::clone(&self.seen), self.began);
        self.watchers.spawn(async move {
            // It ends with its process.
            while let Ok(block) = blocks.next().await {
                let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen.block(index, ms, block.at.height.0, block.at.block_hash);
            }
        });
        Ok(())
    }

    /// Lets every fault begin and end at its time, and waits for the end.
    async fn play(&mut self) -> anyhow::Result<()> {
        let mut moments = Vec::new();
        for fault in &self.scenario.faults {
            moments.push((fault.at_ms, true, fault.kind()?));
            moments.push((fault.ends_ms(), false, fault.kind()?));
        }
        moments.sort_by_key(|(ms, begins, _)| (*ms, *begins));
        for (ms, begins, kind) in moments {
            tokio::time::sleep_until(self.began + Duration::from_millis(ms)).await;
            if begins { self.begin(&kind).await? } else { self.end(&kind).await? }
        }
        tokio::time::sleep_until(self.began + Duration::from_millis(self.scenario.run_ms)).await;
        Ok(())
    }

    async fn begin(&mut self, kind: &Kind) -> anyhow::Result<()> {
        match kind {
            Kind::Crash(names) => self.net.kill(&indices(names)).await,
            Kind::LoseLog(names) => {
                self.net.kill(&indices(names)).await?;
                for index in indices(names) {
                    let log = self.net.directory().home(index).join("data/votes.log");
                    std::fs::remove_file(&log).with_context(|| log.display().to_string())?;
                }
                Ok(())
            }
            Kind::Freeze(names) => self.signal(names, Signal::STOP),
            Kind::Partition(_) | Kind::OneWay(..) => {
                self.cut(&kind.unheard(self.scenario.validators))
            }
        }
    }

    async fn end(&mut self, kind: &Kind) -> anyhow::Result<()> {
        match kind {
            Kind::Crash(names) | Kind::LoseLog(names) => {
                self.net.start(&indices(names)).await?;
                for index in indices(names) {
                    if self.honest.contains(&index) {
                        self.watch(index).await?;
                    }
                }
                Ok(())
            }
            Kind::Freeze(names) => self.signal(names, Signal::CONT),
            Kind::Partition(_) | Kind::OneWay(..) => {
                self.cut(&vec![BTreeSet::new(); self.scenario.validators])
            }
        }
    }

    fn signal(&self, names: &[Name], signal: Signal) -> anyhow::Result<()> {
        for name in names {
            let pid = i32::try_from(self.net.pid(name.index())?)?;
            kill_process(Pid::from_raw(pid).context("no process has pid 0")?, signal)?;
        }
        Ok(())
    }

    fn cut(&self, unheard: &[BTreeSet<usize>]) -> anyhow::Result<()> {
        for (index, unheard) in unheard.iter().enumerate() {
            let text: Vec<String> = unheard.iter().map(ToString::to_string).collect();
            std::fs::write(cut_file(&self.net, index), text.join(" "))?;
        }
        Ok(())
    }

    /// Against whom honest validators have proof.
    async fn accused(&self) -> anyhow::Result<BTreeSet<usize>> {
        let mut accused = BTreeSet::new();
        for index in &self.honest {
            let answer = self.net.http(*index)?.consensus_evidence().await?;
            let culprits = answer.body.evidence.iter().map(|one| one.culprit_index.as_usize());
            accused.extend(culprits);
        }
        Ok(accused)
    }
}

/// Where it stands whom a validator does not hear.
fn cut_file(net: &Net, index: usize) -> PathBuf {
    net.directory().root().join(format!("cut-{index}"))
}

fn indices(names: &[Name]) -> Vec<usize> {
    names.iter().map(|name| name.index()).collect()
}
