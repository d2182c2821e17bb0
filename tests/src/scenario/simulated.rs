//! A scenario in the simulator.

use super::{Kind, Name, Outcome, Scenario, ScenarioError};
use crate::sim::plan::{Fault, Plan};
use crate::sim::{Cluster, Report};

/// Plays a scenario; the seed decides latencies, losses and which client speaks when.
///
/// # Errors
/// When the scenario is none.
pub fn run(
    scenario: &Scenario,
    seed: u64,
    keeps_log: bool,
) -> Result<(Outcome, Report), ScenarioError> {
    scenario.check()?;
    let report = Cluster::new(plan(scenario, seed)?, keeps_log).run();
    let violations = report.violation.iter().map(|violation| violation.0.clone()).collect();
    let outcome = Outcome {
        commits: report.commits.clone(),
        transactions: report.committed_transactions,
        accused: report.accused.iter().map(|index| usize::from(*index)).collect(),
        violations,
    };
    Ok((outcome, report))
}

fn plan(scenario: &Scenario, seed: u64) -> Result<Plan, ScenarioError> {
    let attackers = scenario.attackers()?.into_iter().map(|(name, kind)| (name.0, kind)).collect();
    let links = &scenario.network;
    let [base, jitter] = links.latency_ms;
    let far_ms = |name: &Name| links.far_ms.get(name).copied().unwrap_or(0);
    let names: Vec<Name> = (0..).map(Name).take(scenario.validators).collect();
    let detours = |from: &Name| names.iter().map(|to| far_ms(from) + far_ms(to)).collect();
    let machines = &scenario.machines;
    let ahead_ms = |name: &Name| machines.clock_ahead_ms.get(name).copied().unwrap_or(0);
    Ok(Plan {
        run_ms: Some(scenario.run_ms),
        clients: scenario.clients,
        attackers,
        latency_ms: (base, jitter),
        lost: links.lost_of_1000,
        doubled: links.doubled_of_1000,
        detours_ms: names.iter().map(detours).collect(),
        skew_ms: names.iter().map(ahead_ms).collect(),
        sync_ms_max: machines.sync_ms_max,
        faults: faults(scenario)?,
        ..Plan::calm(seed, scenario.validators)
    })
}

fn faults(scenario: &Scenario) -> Result<Vec<(u64, Fault)>, ScenarioError> {
    let mut faults = Vec::new();
    for fault in &scenario.faults {
        let (at, end) = (fault.at_ms, fault.ends_ms());
        match fault.kind()? {
            Kind::Crash(names) => {
                faults.extend(deaths(&names, |instance| Fault::Crash { instance }, (at, end)));
            }
            Kind::LoseLog(names) => {
                faults.extend(deaths(&names, |instance| Fault::LoseLog { instance }, (at, end)));
            }
            Kind::Freeze(names) => {
                let freeze = |name: &Name| Fault::Freeze { instance: name.index(), until_ms: end };
                faults.extend(names.iter().map(|name| (at, freeze(name))));
            }
            kind @ (Kind::Partition(_) | Kind::OneWay(..)) => {
                faults.push((at, Fault::Cut { unheard: kind.unheard(scenario.validators) }));
                faults.push((end, Fault::Heal));
            }
        }
    }
    Ok(faults)
}

/// These die in this way at the first time, and start again at the second.
fn deaths(
    names: &[Name],
    way: impl Fn(usize) -> Fault,
    (at, end): (u64, u64),
) -> impl Iterator<Item = (u64, Fault)> {
    names
        .iter()
        .map(|name| name.index())
        .flat_map(move |instance| [(at, way(instance)), (end, Fault::Restart { instance })])
}
