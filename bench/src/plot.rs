//! Updates a second over the batch's size, as SVG: a panel for each number of keys, both axes logarithmic.

use std::fmt::Write as _;

use crate::contenders::Kind;
use crate::results::{Cell, Row};
use crate::table::{as_cell, sizes, thousands};
use crate::workload::Workload;

const PANEL: f64 = 420.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 40.0;
const TOP: f64 = 80.0;
/// From one name of the legend to the next.
const NAME: f64 = 62.0;
const BOTTOM: f64 = 60.0;

/// From one point of a page to another.
struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// Logarithmic, from the least to the greatest value.
    fn over(values: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Self {
        let low = values.clone().fold(f64::INFINITY, f64::min);
        let high = values.fold(0.0, f64::max);
        // A single value stands in the middle.
        let (low, high) = if low < high { (low, high) } else { (low / 2.0, high * 2.0) };
        Self { low: low.ln(), high: high.ln(), from, to }
    }

    fn at(&self, value: f64) -> f64 {
        let share = (value.ln() - self.low) / (self.high - self.low);
        self.from + share * (self.to - self.from)
    }

    fn holds(&self, value: f64) -> bool {
        (self.low - 1e-9..=self.high + 1e-9).contains(&value.ln())
    }
}

/// The plot of one workload; empty when there is nothing to draw.
pub fn updates_per_s(rows: &[Row], workload: Workload) -> String {
    let is_drawn = |cell: &&Cell| cell.workload == workload && cell.updates_per_s > 0.0;
    let cells: Vec<&Cell> = rows.iter().filter_map(as_cell).filter(is_drawn).collect();
    if cells.is_empty() {
        return String::new();
    }
    let sizes = sizes(rows);
    let width = PANEL * sizes.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
    );
    let y = Scale::over(cells.iter().map(|cell| cell.updates_per_s), HEIGHT - BOTTOM, TOP);
    for (place, keys) in sizes.into_iter().enumerate() {
        let left = PANEL * place as f64;
        let of_size: Vec<&Cell> = cells.iter().filter(|cell| cell.keys == keys).copied().collect();
        let title =
            format!("Updates a second, {}, {} keys", workload.name(), thousands(keys as f64));
        let _ =
            writeln!(svg, "<text x=\"{}\" y=\"26\" font-size=\"15\">{title}</text>", left + LEFT);
        panel(&mut svg, left, &of_size, &y);
    }
    svg.push_str("</svg>\n");
    svg
}

fn panel(svg: &mut String, left: f64, cells: &[&Cell], y: &Scale) {
    let x =
        Scale::over(cells.iter().map(|cell| cell.batch as f64), left + LEFT, left + PANEL - RIGHT);
    let mut mark = |at: f64, row: f64, anchor: &str, text: &str| {
        let _ = writeln!(
            svg,
            "<text x=\"{at:.0}\" y=\"{row:.0}\" text-anchor=\"{anchor}\">{text}</text>"
        );
    };
    let mut batches: Vec<u64> = cells.iter().map(|cell| cell.batch).collect();
    batches.sort_unstable();
    batches.dedup();
    for batch in batches {
        let batch = batch as f64;
        mark(x.at(batch), HEIGHT - BOTTOM + 20.0, "middle", &thousands(batch));
    }
    mark(left + (LEFT + PANEL - RIGHT) / 2.0, HEIGHT - 14.0, "middle", "updates in a batch");
    for power in 0..8 {
        for step in [1.0, 3.0] {
            let value = step * 10_f64.powi(power);
            if y.holds(value) {
                mark(left + LEFT - 8.0, y.at(value) + 4.0, "end", &thousands(value));
            }
        }
    }
    for (place, kind) in Kind::ALL.into_iter().enumerate() {
        let mut of_kind: Vec<&&Cell> = cells.iter().filter(|cell| cell.contender == kind).collect();
        of_kind.sort_by_key(|cell| cell.batch);
        if !of_kind.is_empty() {
            line(svg, kind, &of_kind, &x, y);
            let at = (left + LEFT + NAME * place as f64, 48.0);
            legend(svg, kind, at);
        }
    }
}

fn line(svg: &mut String, kind: Kind, cells: &[&&Cell], x: &Scale, y: &Scale) {
    let colour = colour(kind);
    // The floors are no contenders.
    let dashes = if kind.is_authenticated() { "" } else { " stroke-dasharray=\"5 4\"" };
    let mut points = String::new();
    let mut dots = String::new();
    for cell in cells {
        let (at, row) = (x.at(cell.batch as f64), y.at(cell.updates_per_s));
        let _ = write!(points, "{at:.1},{row:.1} ");
        let _ =
            writeln!(dots, "<circle cx=\"{at:.1}\" cy=\"{row:.1}\" r=\"3\" fill=\"{colour}\"/>");
    }
    let _ = writeln!(
        svg,
        "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dashes} points=\"{points}\"/>\n{}",
        dots.trim_end()
    );
}

fn legend(svg: &mut String, kind: Kind, (x, y): (f64, f64)) {
    let (colour, name) = (colour(kind), kind.name());
    let _ = writeln!(svg, "<text x=\"{x:.0}\" y=\"{y:.0}\" fill=\"{colour}\">{name}</text>");
}

fn colour(kind: Kind) -> &'static str {
    match kind {
        Kind::Ours => "#1b6ca8",
        Kind::Jmt => "#c2571a",
        Kind::Nomt => "#3c8d40",
        Kind::RawRead => "#777777",
        Kind::Raw => "#aaaaaa",
    }
}
