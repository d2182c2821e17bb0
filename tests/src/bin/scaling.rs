//! `cargo scaling`: what agreement costs as the set grows, from the simulator: messages, bytes and processor time a
//! block and a validator, and the throughput, when all is well and with f validators crashed.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use quorate_tests::sim::{Cluster, Plan, Report};

/// Measures agreement in the simulator for sets of many sizes.
#[derive(Debug, Parser)]
struct Arguments {
    /// Numbers of validators.
    #[arg(long, value_delimiter = ',', default_values_t = [4, 7, 10, 16, 31, 64, 100])]
    validators: Vec<usize>,
    /// Simulated milliseconds of a run with four validators; larger sets run for less, since each block costs more.
    #[arg(long, default_value_t = 120_000)]
    run_ms: u64,
    /// Write the table into this file.
    #[arg(long)]
    markdown: Option<PathBuf>,
    /// Draw the costs into this file, as SVG.
    #[arg(long)]
    plot: Option<PathBuf>,
}

const CLIENTS: u8 = 64;

/// One measured run.
struct Row {
    validators: usize,
    crashed: usize,
    run_ms: u64,
    report: Report,
}

impl Row {
    fn measure(plan: Plan, run_ms: u64) -> Self {
        let (validators, crashed) = (plan.validators, plan.faults.len());
        let plan = Plan { clients: CLIENTS, run_ms: Some(run_ms), ..plan };
        let report = Cluster::new(plan, false).run();
        Self { validators, crashed, run_ms, report }
    }

    /// A sum over all, for each block and each validator that is up.
    fn share(&self, sum: f64) -> f64 {
        sum / self.report.height.max(1) as f64 / (self.validators - self.crashed) as f64
    }

    fn messages(&self) -> f64 {
        self.share(self.report.meter.messages as f64)
    }

    fn bytes(&self) -> f64 {
        self.share(self.report.meter.bytes as f64)
    }

    fn cpu_us(&self) -> f64 {
        self.share(self.report.meter.cpu.as_secs_f64() * 1e6)
    }

    fn blocks_per_s(&self) -> f64 {
        self.report.height as f64 * 1e3 / self.run_ms as f64
    }

    fn transactions_per_s(&self) -> f64 {
        self.report.committed_transactions as f64 * 1e3 / self.run_ms as f64
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut rows = Vec::new();
    for validators in arguments.validators {
        let run_ms = (arguments.run_ms * 4 / validators as u64).max(2_000);
        let seed = validators as u64;
        for plan in [Plan::calm(seed, validators), Plan::with_f_crashed(seed, validators)] {
            let row = Row::measure(plan, run_ms);
            let crashed = row.crashed;
            if let Some(violation) = &row.report.violation {
                eprintln!("error: {validators} validators, {crashed} crashed: {}", violation.0);
                return ExitCode::FAILURE;
            }
            eprintln!(
                "{validators} validators, {crashed} crashed: {:.1} blocks/s, {:.0} µs a block and validator",
                row.blocks_per_s(),
                row.cpu_us()
            );
            rows.push(row);
        }
    }
    let table = table(&rows);
    println!("{table}");
    for (path, text) in [(arguments.markdown, table), (arguments.plot, plot(&rows))] {
        if let Some(path) = path
            && let Err(error) = std::fs::write(&path, text)
        {
            eprintln!("error: {}: {error}", path.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "Latency of each link 5 to 25 ms. A message is counted once for each receiver. Processor time is that of \
         replica and ledger,\nwith every vote's signature checked; batches are checked once for all. Shares are of \
         one block and one validator that is up.\nThose that crash do so at the start, so a run with them begins with \
         the first guess of every timer.\n\n\
         | n | crashed | blocks/s | of good | transactions/s | of good | messages | KiB | CPU µs |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for row in rows {
        let good = rows.iter().find(|one| one.validators == row.validators && one.crashed == 0);
        let of_good = |rate: Figure| good.map_or(1.0, |good| rate(row) / rate(good));
        let _ = writeln!(
            text,
            "| {} | {} | {:.1} | {:.2} | {:.0} | {:.2} | {:.1} | {:.1} | {:.0} |",
            row.validators,
            row.crashed,
            row.blocks_per_s(),
            of_good(Row::blocks_per_s),
            row.transactions_per_s(),
            of_good(Row::transactions_per_s),
            row.messages(),
            row.bytes() / 1024.0,
            row.cpu_us(),
        );
    }
    text
}

/// One of the figures of a row.
type Figure = fn(&Row) -> f64;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
const MARGIN: f64 = 60.0;

/// Costs over the number of validators, both axes logarithmic; each line begins at 1 for the smallest set.
fn plot(rows: &[Row]) -> String {
    let lines: [(&str, &str, Figure); 3] = [
        ("messages", "#1b6ca8", Row::messages),
        ("bytes", "#c2571a", Row::bytes),
        ("CPU time", "#3c8d40", Row::cpu_us),
    ];
    let good: Vec<&Row> = rows.iter().filter(|row| row.crashed == 0).collect();
    let (Some(first), Some(last)) = (good.first(), good.last()) else { return String::new() };
    let (left, right) = ((first.validators as f64).ln(), (last.validators as f64).ln());
    let growth = |value: Figure| good.iter().map(move |row| value(row) / value(first));
    let highest = lines.iter().flat_map(|(_, _, value)| growth(*value)).fold(2.0, f64::max);
    let x = |validators: f64| {
        MARGIN + (validators.ln() - left) / (right - left).max(1e-9) * (WIDTH - 2.0 * MARGIN)
    };
    let y = |growth: f64| HEIGHT - MARGIN - growth.ln() / highest.ln() * (HEIGHT - 2.0 * MARGIN);

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{MARGIN}\" y=\"26\" font-size=\"15\">Cost of a block for each validator, as a multiple of that with \
         {} validators</text>\n",
        first.validators
    );
    let mut mark = |at: f64, text: String, anchor: &str, row: f64| {
        let _ = writeln!(
            svg,
            "<text x=\"{at:.0}\" y=\"{row:.0}\" text-anchor=\"{anchor}\">{text}</text>"
        );
    };
    for row in &good {
        mark(
            x(row.validators as f64),
            row.validators.to_string(),
            "middle",
            HEIGHT - MARGIN + 20.0,
        );
    }
    mark(WIDTH / 2.0, "validators".into(), "middle", HEIGHT - 14.0);
    let mut power = 1.0;
    while power <= highest {
        mark(MARGIN - 8.0, format!("{power}"), "end", y(power) + 4.0);
        power *= 4.0;
    }
    for (position, (name, colour, value)) in lines.iter().enumerate() {
        let mut points = String::new();
        for (row, growth) in good.iter().zip(growth(*value)) {
            let _ = write!(points, "{:.1},{:.1} ", x(row.validators as f64), y(growth));
        }
        let legend = 60.0 + 20.0 * position as f64;
        let _ = write!(
            svg,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{points}\"/>\n\
             <text x=\"{}\" y=\"{legend}\" fill=\"{colour}\">{name}</text>\n",
            MARGIN + 20.0,
        );
    }
    svg.push_str("</svg>\n");
    svg
}
