//! The results as Markdown.

use std::fmt::Write as _;

use crate::contenders::Kind;
use crate::results::{Group, Part, Row, Run, State, Transfers};

/// Everything that a run has measured.
pub fn all(rows: &[Row]) -> String {
    let mut text = String::new();
    let runs = rows.iter().filter_map(|row| if let Row::Run(run) = row { Some(run) } else { None });
    for run in runs {
        introduction(&mut text, run);
    }
    let of = |row: &Row| if let Row::Transfers(found) = row { Some(found.clone()) } else { None };
    let lanes: Vec<Transfers> = rows.iter().filter_map(of).collect();
    if !lanes.is_empty() {
        transfers(&mut text, &lanes);
    }
    let of = |row: &Row| if let Row::State(found) = row { Some(found.clone()) } else { None };
    let states: Vec<State> = rows.iter().filter_map(of).collect();
    if !states.is_empty() {
        state(&mut text, &states);
    }
    let of = |row: &Row| if let Row::Part(found) = row { Some(found.clone()) } else { None };
    let parts: Vec<Part> = rows.iter().filter_map(of).collect();
    for (group, title, unit, ns) in [
        (Group::Calls, "Calls", "µs", 1e3),
        (Group::Host, "What a contract asks of the host", "ns", 1.0),
        (Group::Compilation, "Compilation, a KiB of the module", "µs", 1e3),
        (Group::Metering, "Metering, a turn of a loop", "ns", 1.0),
    ] {
        let of_group: Vec<&Part> = parts.iter().filter(|part| part.group == group).collect();
        if !of_group.is_empty() {
            table_of_parts(&mut text, &of_group, title, unit, ns);
        }
    }
    text
}

fn introduction(text: &mut String, run: &Run) {
    let _ = writeln!(
        text,
        "Measured on {}. {} accounts; {} rounds of {} transfers each in turns, after one that warms up; blocks of {}; \
         seed {}.\nFigures are medians of the rounds, with the least and the most of them.",
        run.machine,
        thousands(f64::from(run.accounts)),
        run.rounds,
        thousands(run.transfers as f64),
        thousands(run.block as f64),
        run.seed,
    );
}

fn transfers(text: &mut String, lanes: &[Transfers]) {
    text.push_str(
        "\n## Token transfers, the store in memory\n\n\
         | | transfers/s | least – most | CPU µs each | of cosmwasm-vm | of revm | its gas each \
         | others' share of the cores |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    let speed = |kind| lanes.iter().find(|lane| lane.contender == kind).map(|lane| lane.per_s);
    let times = |lane: &Transfers, kind| match speed(kind) {
        Some(other) if lane.contender != kind => format!("{:.2}", lane.per_s / other),
        _ => NOTHING.to_owned(),
    };
    for lane in lanes {
        let (least, most) = range(&lane.per_s_of_rounds);
        let _ = writeln!(
            text,
            "| {} | {} | {} – {} | {:.2} | {} | {} | {} | {:.0} % |",
            lane.contender.name(),
            thousands(lane.per_s),
            thousands(least),
            thousands(most),
            lane.cpu_us,
            times(lane, Kind::Cosmwasm),
            times(lane, Kind::Revm),
            thousands(lane.gas),
            lane.others * 100.0,
        );
    }
}

fn state(text: &mut String, states: &[State]) {
    text.push_str(
        "\n## Token transfers, the real state\n\n\
         Ours alone: blocks are executed over `quorate-state`, their root is computed, and they are committed with \
         their transactions and receipts, synced.\n\n\
         | block | blocks | transfers/s | executed/s | execution ms | root ms | commit ms | whole ms \
         | others' share of the cores |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for state in states {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {:.1} | {:.1} | {:.1} | {:.1} | {:.0} % |",
            thousands(state.block as f64),
            state.blocks,
            thousands(state.per_s),
            thousands(state.executed_per_s),
            state.execute_ms,
            state.root_ms,
            state.commit_ms,
            state.whole_ms,
            state.others * 100.0,
        );
    }
}

fn table_of_parts(text: &mut String, parts: &[&Part], title: &str, unit: &str, ns: f64) {
    let _ = write!(
        text,
        "\n## {title}\n\n| | whose | {unit} | least – most | of wasmer alone |\n\
         | --- | --- | ---: | ---: | ---: |\n"
    );
    let figure = |value: f64| match value / ns {
        small if small < 10.0 => format!("{small:.2}"),
        large => thousands(large),
    };
    for part in parts {
        let is_beside =
            |other: &&&Part| other.what == part.what && other.of == crate::parts::WASMER;
        let beside = parts.iter().find(is_beside).filter(|other| other.of != part.of);
        let (least, most) = range(&part.ns_of_rounds);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} – {} | {} |",
            part.what,
            part.of,
            figure(part.ns),
            figure(least),
            figure(most),
            beside.map_or(NOTHING.into(), |other| format!("{:.2}", part.ns / other.ns)),
        );
    }
}

const NOTHING: &str = "–";

fn range(values: &[f64]) -> (f64, f64) {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    (least, values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}

/// Without fraction, with commas between thousands.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in
            [(7.4, "7"), (999.0, "999"), (1e3, "1,000"), (12_345_678.0, "12,345,678")]
        {
            assert_eq!(thousands(number), text);
        }
    }
}
