//! The race: the same transfers for each contender, in rounds, each in turn, every round with another one first. The
//! first round only warms up. In the end all must hold what a plain list of numbers holds.

use anyhow::{Context as _, Result, ensure};

use crate::contenders::{Contender, Kind, Settings};
use crate::machine::{Processors, measure};
use crate::results::{Row, Run, Transfers, median};
use crate::workload::{Model, Workload};

/// What is run.
#[derive(Clone, Debug)]
pub struct Plan {
    pub contenders: Vec<Kind>,
    pub accounts: u32,
    /// For each contender and round.
    pub transfers: usize,
    pub rounds: usize,
    /// Transactions of a block, where there are blocks.
    pub block: usize,
    /// Accounts whose contract is asked, in the end; the store is asked of all.
    pub asked: u32,
    pub seed: u64,
}

/// Who takes the rows as they come.
pub type Sink<'a> = &'a mut dyn FnMut(Row) -> Result<()>;

struct Lane {
    kind: Kind,
    contender: Box<dyn Contender>,
    per_s: Vec<f64>,
    cpu_us: Vec<f64>,
    gas: Vec<f64>,
    others: Vec<f64>,
}

impl Plan {
    pub fn settings(&self) -> Settings {
        Settings { accounts: self.accounts, block: self.block }
    }

    pub fn run_row(&self) -> Row {
        Row::Run(Run {
            machine: crate::machine::describe(),
            accounts: self.accounts,
            transfers: self.transfers,
            rounds: self.rounds,
            block: self.block,
            seed: self.seed,
        })
    }

    pub fn race(&self, sink: Sink<'_>) -> Result<()> {
        let mut lanes = Vec::new();
        for kind in &self.contenders {
            let contender = kind.open(&self.settings()).with_context(|| kind.name())?;
            lanes.push(Lane::new(*kind, contender));
        }
        let mut workload = Workload::new(self.accounts, self.seed);
        let mut model = Model::new(self.accounts);
        for round in 0..=self.rounds {
            let transfers = workload.next(self.transfers);
            model.apply(&transfers)?;
            let mut turns: Vec<&mut Lane> = lanes.iter_mut().collect();
            let first = round % turns.len().max(1);
            turns.rotate_left(first);
            for lane in turns {
                lane.contender.prepare(&transfers)?;
                lane.run(transfers.len(), round > 0).with_context(|| lane.kind.name())?;
            }
        }
        for lane in &mut lanes {
            self.check(lane, &model).with_context(|| lane.kind.name())?;
            sink(Row::Transfers(lane.row()))?;
        }
        Ok(())
    }

    /// Whether a contender holds what it must.
    fn check(&self, lane: &mut Lane, model: &Model) -> Result<()> {
        let supply = lane.contender.supply()?;
        ensure!(supply == model.supply(), "the supply is {supply}, not {}", model.supply());
        let mut sum = 0;
        for (account, expected) in model.balances() {
            let stored = lane.contender.stored(account)?;
            ensure!(stored == expected, "account {account} holds {stored}, not {expected}");
            sum += stored;
        }
        ensure!(sum == supply, "all accounts together hold {sum}, not {supply}");
        let step = (self.accounts / self.asked.max(1)).max(1);
        for (account, expected) in model.balances().step_by(step as usize) {
            let told = lane.contender.balance(account)?;
            ensure!(told == expected, "account {account} is told to hold {told}, not {expected}");
        }
        Ok(())
    }

    /// One contender without end, for a profiler to look at.
    pub fn profile(&self, kind: Kind, seconds: u64) -> Result<()> {
        let mut lane = Lane::new(kind, kind.open(&self.settings())?);
        let mut workload = Workload::new(self.accounts, self.seed);
        let began = std::time::Instant::now();
        while began.elapsed().as_secs() < seconds {
            let transfers = workload.next(self.transfers);
            lane.contender.prepare(&transfers)?;
            lane.run(transfers.len(), true)?;
        }
        let (per_s, cpu_us) = (median(&lane.per_s), median(&lane.cpu_us));
        eprintln!("{per_s:.0} transfers a second, {cpu_us:.2} µs of the processor each");
        Ok(())
    }
}

impl Lane {
    fn new(kind: Kind, contender: Box<dyn Contender>) -> Self {
        let (per_s, cpu_us, gas, others) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { kind, contender, per_s, cpu_us, gas, others }
    }

    fn run(&mut self, transfers: usize, counts: bool) -> Result<()> {
        let before = Processors::now()?;
        let (gas, taken) = measure(|| self.contender.execute());
        let (gas, transfers) = (gas?, transfers as f64);
        if counts {
            self.per_s.push(transfers / taken.time.as_secs_f64());
            self.cpu_us.push(taken.cpu.as_secs_f64() * 1e6 / transfers);
            self.gas.push(gas as f64 / transfers);
            self.others.push(Processors::now()?.others_since(&before));
        }
        Ok(())
    }

    fn row(&self) -> Transfers {
        Transfers {
            contender: self.kind,
            per_s: median(&self.per_s),
            per_s_of_rounds: self.per_s.clone(),
            cpu_us: median(&self.cpu_us),
            gas: median(&self.gas),
            others: median(&self.others),
        }
    }
}
