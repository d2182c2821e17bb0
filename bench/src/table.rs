//! The results as Markdown.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::results::{Cell, Load, Row, Store, median};
use crate::workload::{VALUE_BYTES, ZIPF_EXPONENT};

/// Everything that was compared, for each number of keys: the cells, then the stores.
pub fn compared(rows: &[Row]) -> String {
    let mut text = introduction(rows);
    let cells: Vec<&Cell> = rows.iter().filter_map(as_cell).collect();
    for keys in sizes(rows) {
        let _ = writeln!(text, "\n## {} keys\n", thousands(keys as f64));
        text.push_str(
            "| workload | batch | store | updates/s | commit p50 ms | p99 ms | root p50 ms | CPU µs/update \
             | bytes written/update |\n\
             | --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        );
        for cell in cells.iter().filter(|cell| cell.keys == keys) {
            cell_line(&mut text, cell);
        }
        text.push_str(
            "\n| store | load keys/s | bytes written/key | bytes written/update | open cold ms \
             | after kill -9 ms | cold read µs | warm read µs | proof µs | proof bytes | memory MiB | disk MiB |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        );
        for store in rows.iter().filter_map(as_store).filter(|store| store.keys == keys) {
            let is_its = |load: &&Load| load.keys == keys && load.contender == store.contender;
            store_line(&mut text, store, rows.iter().filter_map(as_load).find(is_its));
        }
    }
    text
}

/// What a commit costs as a store grows.
pub fn grown(rows: &[Row]) -> String {
    let mut text = introduction(rows);
    text.push_str(
        "\n| store | workload | batch | keys | commit p50 ms | p99 ms | root p50 ms | updates/s \
         | commit, of the first |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    let cells: Vec<&Cell> = rows.iter().filter_map(as_cell).collect();
    for cell in &cells {
        let is_first = |other: &&&Cell| {
            (other.contender, other.workload, other.batch)
                == (cell.contender, cell.workload, cell.batch)
        };
        let first = cells.iter().find(is_first).unwrap_or(cell);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {:.2} |",
            cell.contender.name(),
            cell.workload.name(),
            thousands(cell.batch as f64),
            thousands(cell.keys as f64),
            ms(cell.commit_us_p50),
            ms(cell.commit_us_p99),
            cell.root_us_p50.map_or(NOTHING.into(), ms),
            thousands(cell.updates_per_s),
            cell.commit_us_p50 / first.commit_us_p50,
        );
    }
    text
}

const NOTHING: &str = "–";

fn introduction(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        match row {
            Row::Run(run) => {
                let _ = writeln!(
                    text,
                    "Measured on {}. Values of {VALUE_BYTES} bytes, every commit synced, Zipf's exponent \
                     {ZIPF_EXPONENT}. Each cell and store: {} rounds\nin turns, {} s or {} commits together, updates a \
                     second the median of the rounds; caches of {} MiB; seed {}.",
                    run.machine,
                    run.rounds,
                    run.seconds,
                    thousands(run.commits_max as f64),
                    run.cache_mib,
                    run.seed,
                );
            }
            Row::Skipped(skipped) => {
                let _ = writeln!(text, "Without {}: {}.", skipped.contender.name(), skipped.reason);
            }
            Row::Load(_) | Row::Cell(_) | Row::Store(_) => {}
        }
    }
    let others: Vec<f64> =
        rows.iter().filter_map(as_cell).map(|cell| cell.others * 100.0).collect();
    let most = others.iter().copied().fold(0.0, f64::max);
    let _ = writeln!(
        text,
        "Others used {:.0} % of the cores meanwhile, {most:.0} % at most in a cell.",
        median(&others)
    );
    text
}

fn cell_line(text: &mut String, cell: &Cell) {
    let _ = writeln!(
        text,
        "| {} | {} | {} | {} | {} | {} | {} | {:.1} | {} |",
        cell.workload.name(),
        thousands(cell.batch as f64),
        cell.contender.name(),
        thousands(cell.updates_per_s),
        ms(cell.commit_us_p50),
        ms(cell.commit_us_p99),
        cell.root_us_p50.map_or(NOTHING.into(), ms),
        cell.cpu_us_per_update,
        thousands(cell.written_bytes_per_update),
    );
}

fn store_line(text: &mut String, store: &Store, load: Option<&Load>) {
    let of_load = |figure: fn(&Load) -> f64| load.map_or(NOTHING.into(), |l| thousands(figure(l)));
    let mib = |bytes: u64| thousands(bytes as f64 / f64::from(1 << 20));
    let _ = writeln!(
        text,
        "| {} | {} | {} | {} | {} | {} | {:.0} | {:.1} | {} | {} | {} | {} |",
        store.contender.name(),
        of_load(|load| load.keys_per_s),
        of_load(|load| load.written_bytes_per_key),
        thousands(store.written_bytes_per_update),
        thousands(store.open_cold_ms),
        thousands(store.reopen_after_kill_ms),
        store.cold_read_us.p50,
        store.warm_read_us.p50,
        store.proof_us.map_or(NOTHING.into(), |proof| format!("{:.1}", proof.p50)),
        store.proof_bytes_p50.map_or(NOTHING.into(), thousands),
        mib(store.peak_memory_bytes),
        mib(store.disk_bytes),
    );
}

pub(crate) fn sizes(rows: &[Row]) -> BTreeSet<u64> {
    rows.iter().filter_map(as_cell).map(|cell| cell.keys).collect()
}

pub(crate) fn as_cell(row: &Row) -> Option<&Cell> {
    if let Row::Cell(cell) = row { Some(cell) } else { None }
}

fn as_load(row: &Row) -> Option<&Load> {
    if let Row::Load(load) = row { Some(load) } else { None }
}

fn as_store(row: &Row) -> Option<&Store> {
    if let Row::Store(store) = row { Some(store) } else { None }
}

fn ms(us: f64) -> String {
    format!("{:.2}", us / 1e3)
}

/// Without fraction, with commas between thousands.
pub(crate) fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
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
