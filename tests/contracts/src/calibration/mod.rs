//! What operators and host functions take on this machine, beside what they cost.
//!
//! Each is measured inside a unit: a short text that uses it once and carries its result into the
//! next unit, so that the processor can't run two at once or leave one out. A contract runs the unit
//! many times and more times; gas and time of one unit are what the difference says. The price that
//! the calibration would choose is what makes the unit as dear, for its time, as the scale wants:
//! all that the unit is too cheap or too dear is laid to the one operator.

mod units;

use std::fmt;
use std::time::{Duration, Instant};

use crate::chain::{Chain, Difference};
use crate::corpus::{Attack, Bound};
use crate::text::{Text, repeat};
use units::Unit;

/// Units in a line.
const LINE: u32 = 100;
/// How long a measurement lasts.
const TIME: Duration = Duration::from_millis(20);
/// Measurements; the fastest counts.
const ROUNDS: usize = 5;

/// Figures of one unit.
#[derive(Clone, Debug)]
pub struct Figure {
    pub name: &'static str,
    /// What the operator, or the host function's whole call, costs now.
    pub price: u64,
    pub unit_gas: f64,
    pub unit_ns: f64,
}

/// All figures.
#[derive(Clone, Debug)]
pub struct Calibration {
    pub figures: Vec<Figure>,
    /// Gas that a nanosecond shall cost.
    pub gas_per_ns: f64,
}

impl Figure {
    pub fn gas_per_ns(&self) -> f64 {
        self.unit_gas / self.unit_ns
    }

    /// The price at which the unit's time is paid for.
    pub fn chosen(&self, gas_per_ns: f64) -> f64 {
        let rest = self.unit_gas - self.price as f64;
        (gas_per_ns * self.unit_ns - rest).max(1.0)
    }
}

/// Measures every unit. `gas_per_ns`: what a nanosecond shall cost; the median of all units when it
/// is `None`.
///
/// # Errors
///
/// When a unit does not run.
pub fn calibrate(gas_per_ns: Option<f64>) -> Result<Calibration, Difference> {
    let mut figures = Vec::new();
    for unit in units::all() {
        figures.push(figure(&unit)?);
    }
    let median = || {
        let mut scales: Vec<f64> = figures.iter().map(Figure::gas_per_ns).collect();
        scales.sort_by(f64::total_cmp);
        scales.get(scales.len() / 2).copied().unwrap_or(1.0)
    };
    let gas_per_ns = gas_per_ns.unwrap_or_else(median);
    Ok(Calibration { figures, gas_per_ns })
}

fn figure(unit: &Unit) -> Result<Figure, Difference> {
    // The line once, to learn how often it fits into the time, and then so often.
    let (gas, time) = run(unit, 8)?;
    let lines = (8 * TIME.as_nanos() / time.as_nanos().max(1)).clamp(8, 1_000_000);
    let lines = u32::try_from(lines).unwrap_or(8);
    let (more_gas, more_time) = run(unit, 8 + lines)?;
    let units = f64::from(lines) * f64::from(LINE);
    let unit_gas = (more_gas - gas) as f64 / units;
    let unit_ns = more_time.saturating_sub(time).as_nanos() as f64 / units;
    // A host function is the whole of its unit, but for the constants.
    #[expect(clippy::cast_possible_truncation, reason = "a price has no fractions")]
    let measured = unit_gas as u64;
    let price = unit.price.unwrap_or(measured);
    Ok(Figure { name: unit.name, price, unit_gas, unit_ns })
}

/// Gas and time of so many lines of units.
fn run(unit: &Unit, lines: u32) -> Result<(u64, Duration), Difference> {
    let line = repeat(LINE, unit.text);
    let body = format!(
        "(local.set $y (i64.const 5)) (local.set $d (i32.const {lines}))
         (loop {line}
            (br_if 0 (local.tee $d (i32.sub (local.get $d) (i32.const 1))))) i32.const 0"
    );
    let text = Text { memory: unit.memory, ..Text::new(units::BESIDE, body) };
    let attack = Attack::of(&text, 1 << 60, Bound::Ends);
    let mut chain = Chain::alone();
    let contract = attack.deploy(&mut chain)?;
    let transaction = chain.transaction(2, attack.gas, attack.action(contract));
    let (mut gas, mut best) = (0, Duration::MAX);
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let outcome = chain.execute(&transaction)?;
        best = best.min(began.elapsed());
        let Some(receipt) = outcome.receipts.first() else { continue };
        let checked = attack.check(receipt);
        checked.map_err(|what| Difference(format!("{}: {what}", unit.name)))?;
        gas = receipt.gas_used.0;
    }
    Ok((gas, best))
}

impl fmt::Display for Calibration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| unit | ns | gas/ns | price | it would choose |")?;
        writeln!(f, "| --- | --: | --: | --: | --: |")?;
        for figure in &self.figures {
            let Figure { name, price, unit_ns, .. } = figure;
            let chosen = figure.chosen(self.gas_per_ns);
            let scale = figure.gas_per_ns();
            writeln!(f, "| {name} | {unit_ns:.2} | {scale:.0} | {price} | {chosen:.0} |")?;
        }
        writeln!(f, "\nA nanosecond costs {:.0} gas.", self.gas_per_ns)
    }
}
