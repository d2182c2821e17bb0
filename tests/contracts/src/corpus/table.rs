//! The corpus's figures as a table, the slowest first.

use std::fmt;

use super::{Attack, Measured};

/// The figures of a run over the corpus.
#[derive(Clone, Debug)]
pub struct Table {
    /// Gas per nanosecond, name; the slowest first.
    runs: Vec<(f64, &'static str)>,
    compiles: Vec<(f64, &'static str)>,
    loads: Vec<(f64, &'static str)>,
    all: Vec<Measured>,
}

impl Table {
    pub fn new(measured: &[(Attack, Measured)]) -> Self {
        let ran = measured.iter().filter_map(|(attack, measured)| {
            let ran = measured.ran.filter(|ran| ran.is_comparable(attack.bound))?;
            Some((ran.gas_per_ns(), attack.name))
        });
        let compiled = measured.iter().filter(|(_, measured)| measured.ran.is_some());
        let compiled = compiled.map(|(attack, one)| (one.compiled.gas_per_ns(), attack.name));
        let loaded = measured
            .iter()
            .filter_map(|(attack, measured)| Some((measured.loaded?.gas_per_ns(), attack.name)));
        let sorted = |mut figures: Vec<(f64, &'static str)>| {
            figures.sort_by(|a, b| a.0.total_cmp(&b.0));
            figures
        };
        Self {
            runs: sorted(ran.collect()),
            compiles: sorted(compiled.collect()),
            loads: sorted(loaded.collect()),
            all: measured.iter().map(|(_, measured)| measured.clone()).collect(),
        }
    }

    /// How many times as long as the median the slowest runs for the same gas.
    pub fn spread(&self) -> f64 {
        spread(&self.runs)
    }

    /// The same of check and compilation, by the gas of the upload, against the median of runs.
    pub fn compile_spread(&self) -> f64 {
        median(&self.runs) / slowest(&self.compiles)
    }

    /// The same of calls whose code is on the disk only.
    pub fn load_spread(&self) -> f64 {
        median(&self.runs) / slowest(&self.loads)
    }
}

fn median(figures: &[(f64, &'static str)]) -> f64 {
    figures.get(figures.len() / 2).map_or(0.0, |(figure, _)| *figure)
}

fn spread(figures: &[(f64, &'static str)]) -> f64 {
    median(figures) / slowest(figures)
}

fn slowest(figures: &[(f64, &'static str)]) -> f64 {
    figures.first().map_or(f64::INFINITY, |(figure, _)| *figure)
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        writeln!(
            f,
            "| attack | G gas | ms | gas/ns | MiB | KiB code | compile ms | gas/ns | MiB | load ms | gas/ns |"
        )?;
        writeln!(f, "| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |")?;
        for Measured { name, compiled, loaded, ran } in &self.all {
            match ran {
                Some(ran) => write!(
                    f,
                    "| {name} | {:.1} | {:.2} | {:.0} | {:.0} ",
                    ran.gas.0 as f64 / 1e9,
                    ran.time.as_secs_f64() * 1e3,
                    ran.gas_per_ns(),
                    mib(ran.peak_bytes),
                )?,
                None => write!(f, "| {name} | refused | | | ")?,
            }
            let time = compiled.check + compiled.compile.unwrap_or_default();
            write!(
                f,
                "| {:.0} | {:.1} | {:.0} | {:.0} ",
                compiled.bytes as f64 / 1024.0,
                time.as_secs_f64() * 1e3,
                compiled.gas_per_ns(),
                mib(compiled.peak_bytes),
            )?;
            match loaded {
                Some(loaded) => writeln!(
                    f,
                    "| {:.2} | {:.0} |",
                    loaded.time.as_secs_f64() * 1e3,
                    loaded.gas_per_ns()
                )?,
                None => writeln!(f, "| | |")?,
            }
        }
        let list = |figures: &[(f64, &'static str)]| {
            let worst = figures.iter().take(10).map(|(figure, name)| format!("{name} {figure:.0}"));
            worst.collect::<Vec<_>>().join(", ")
        };
        writeln!(f)?;
        writeln!(f, "Slowest, in gas per nanosecond: {}.", list(&self.runs))?;
        writeln!(
            f,
            "Median {:.0}; from the slowest to the median: {:.1}.",
            median(&self.runs),
            self.spread(),
        )?;
        writeln!(f)?;
        writeln!(f, "Slowest to compile, in gas of the upload: {}.", list(&self.compiles))?;
        writeln!(f, "From the slowest to the median of runs: {:.1}.", self.compile_spread())?;
        writeln!(f)?;
        writeln!(f, "Slowest to come from the disk, by a call: {}.", list(&self.loads))?;
        writeln!(f, "From the slowest to the median of runs: {:.1}.", self.load_spread())
    }
}
