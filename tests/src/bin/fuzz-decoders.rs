//! `cargo fuzz-decoders`: damages valid encodings and says what broke, with the line that replays it.

use std::time::Duration;

use clap::Parser;
use quorate_tests::fuzz::{Report, Span, allocation::Counting, decoders, fuzz};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Fuzzes every decoder that reads bytes from a peer or from disk, one after the other.
#[derive(Debug, Parser)]
struct Arguments {
    /// Seconds in all.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Only this decoder.
    #[arg(long)]
    decoder: Option<String>,
    /// Only this execution of the decoder named.
    #[arg(long, requires = "decoder")]
    execution: Option<u64>,
}

fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    let chosen: Vec<_> = decoders()
        .into_iter()
        .filter(|decoder| arguments.decoder.as_deref().is_none_or(|name| name == decoder.name))
        .collect();
    let share = u32::try_from(chosen.len().max(1)).unwrap_or(u32::MAX);
    let span = match arguments.execution {
        Some(first) => Span::Executions { first, count: 1 },
        None => Span::For(Duration::from_secs(arguments.seconds) / share),
    };
    // What a decoder that panics says is told below, once.
    std::panic::set_hook(Box::new(|_| {}));
    println!(
        "{:<20} {:>11} {:>10} {:>10} {:>11}  most allocated",
        "decoder", "executions", "a second", "accepted", "refused"
    );
    let reports: Vec<Report> =
        chosen.iter().map(|decoder| tell(fuzz(decoder, arguments.seed, span))).collect();
    let total: u64 = reports.iter().map(|report| report.executions).sum();
    println!("{total} executions, seed {}", arguments.seed);
    let failed: Vec<_> = reports.iter().filter(|report| report.failure.is_some()).collect();
    for report in &failed {
        if let Some((number, what)) = &report.failure {
            let (name, seed) = (report.decoder, arguments.seed);
            println!("FAILED {name}: {what}");
            println!(
                "  replay: cargo fuzz-decoders --decoder {name} --seed {seed} --execution {number}"
            );
        }
    }
    let good = failed.is_empty() && !reports.is_empty();
    if good { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}

fn tell(report: Report) -> Report {
    let refused = report.executions.saturating_sub(report.accepted);
    let a_second = report.executions as f64 / report.took.as_secs_f64().max(1e-9);
    println!(
        "{:<20} {:>11} {a_second:>10.0} {:>10} {refused:>11}  {} bytes, of an input of {}",
        report.decoder, report.executions, report.accepted, report.worst.0, report.worst.1
    );
    report
}
