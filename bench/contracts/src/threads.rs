//! Blocks of token transfers on several threads, beside one after the other: what running ahead wins where transfers
//! meet nobody, and what it takes where all of them meet.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use primitives::SignedTransaction;
use vm::{Executor, ExecutorOptions};

use crate::contenders::ours::{Holders, apply, check};
use crate::machine::{Processors, cpu_of_all};
use crate::race::Plan;
use crate::results::median;
use crate::store::Store;
use crate::workload::{Transfer, Workload};

/// Who sends to whom within a block.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Nobody stands in two transfers.
    Independent,
    /// Any to any other account, as in the race.
    Random,
    /// All send to one.
    Conflicting,
}

/// Executes each block twice, in turns first on one and first on many threads, and prints medians of the blocks.
pub fn run(plan: &Plan, threads: usize) -> Result<()> {
    ensure!(plan.block * 2 < plan.accounts as usize, "there are too few accounts for the block");
    println!("blocks of {} token transfers, {} accounts", plan.block, plan.accounts);
    for kind in [Kind::Independent, Kind::Random, Kind::Conflicting] {
        measure(plan, threads, kind).with_context(|| format!("{kind:?}"))?;
    }
    Ok(())
}

fn measure(plan: &Plan, threads: usize, kind: Kind) -> Result<()> {
    let executor = |threads| Executor::new(ExecutorOptions { threads, ..Default::default() });
    let executors = [executor(1), executor(threads)];
    let mut store = Store::default();
    let mut holders = Holders::new(&mut store, plan.accounts)?;
    let mut workload = Workload::new(plan.accounts, plan.seed);
    let (mut ms, mut cpus, mut ratios) = ([Vec::new(), Vec::new()], Vec::new(), Vec::new());
    let before = Processors::now()?;
    // The first block warms up.
    for number in 0..=plan.rounds {
        let transfers = kind.transfers(&mut workload, plan.block);
        let block: Result<Vec<SignedTransaction>> =
            transfers.iter().map(|transfer| holders.transaction(transfer)).collect();
        let block = block?;
        let run = |executor: &Executor| {
            let (began, before) = (Instant::now(), cpu_of_all());
            let outcome = executor.execute_block(&store, &holders.chain.block, &block);
            let (time, cpu) = (began.elapsed(), cpu_of_all().saturating_sub(before));
            (outcome, time.as_secs_f64() * 1e3, cpu.as_secs_f64() * 1e3)
        };
        let [one, many] = &executors;
        let ((expected, alone, alone_cpu), (outcome, together, together_cpu)) = if number % 2 == 0 {
            (run(one), run(many))
        } else {
            let first = run(many);
            (run(one), first)
        };
        ensure!(outcome == expected, "the outcomes of block {number} differ");
        check(&outcome.receipts)?;
        apply(&mut store, outcome.changes);
        if number > 0 {
            let [ones, manys] = &mut ms;
            ones.push(alone);
            manys.push(together);
            ratios.push(alone / together);
            cpus.push(together_cpu / alone_cpu);
        }
    }
    let others = Processors::now()?.others_since(&before);
    println!(
        "{kind:?}: one thread {:.1} ms, {threads} threads {:.1} ms, {:.2} times as fast, \
         {:.2} times the processor's time; \
         others used {:.0} % of the cores",
        median(&ms[0]),
        median(&ms[1]),
        median(&ratios),
        median(&cpus),
        others * 100.0,
    );
    Ok(())
}

impl Kind {
    fn transfers(self, workload: &mut Workload, count: usize) -> Vec<Transfer> {
        let numbered = (1..).zip(workload.next(count));
        let transfer = |(number, drawn): (u32, Transfer)| match self {
            Self::Independent => Transfer { from: 2 * number, to: 2 * number + 1, ..drawn },
            Self::Random => drawn,
            Self::Conflicting => Transfer { from: number, to: 0, ..drawn },
        };
        numbered.map(transfer).collect()
    }
}
