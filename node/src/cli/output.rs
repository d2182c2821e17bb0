//! What commands print: one JSON document with `--json`, else short aligned text. Results go to
//! standard output, everything else to standard error; progress only where a person watches.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

/// Where and in which form a command answers.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
}

impl Output {
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    pub fn is_json(self) -> bool {
        self.json
    }

    /// Prints a result in the form asked for.
    pub fn show<T: Serialize>(
        self,
        value: &T,
        human: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        let text = if self.json { serde_json::to_string_pretty(value)? } else { human() };
        print(&text)
    }

    /// One line on what goes on, for a person who waits.
    pub fn progress(self, text: &str) {
        if !self.json && io::stderr().is_terminal() {
            eprintln!("{text}");
        }
    }

    /// Something to know that is no result.
    pub fn note(self, text: &str) {
        if !self.json {
            eprintln!("{text}");
        }
    }
}

/// Prints text to standard output. A reader that has gone away (`| head`) is no error.
pub fn print(text: &str) -> anyhow::Result<()> {
    match writeln!(io::stdout().lock(), "{}", text.trim_end()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// A size for people.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let (mut tenths, mut unit) = (count.saturating_mul(10), "bytes");
    for larger in UNITS {
        if tenths < 10_240 {
            break;
        }
        (tenths, unit) = (tenths / 1_024, larger);
    }
    match unit {
        "bytes" => format!("{count} bytes"),
        unit => format!("{}.{} {unit}", tenths / 10, tenths % 10),
    }
}

/// Names and values, the values in one column.
pub fn fields(rows: &[(&str, String)]) -> String {
    let rows: Vec<_> =
        rows.iter().map(|(name, value)| vec![(*name).to_owned(), value.clone()]).collect();
    table(&rows)
}

/// Rows of equally many cells, the columns aligned, two spaces between.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths);
        let padded: Vec<_> = cells.map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_one_place_and_a_unit() {
        for (count, text) in [
            (1_023, "1023 bytes"),
            (1_536, "1.5 KiB"),
            (5 << 30, "5.0 GiB"),
            (3 << 50, "3072.0 TiB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn columns_are_aligned_without_trailing_spaces() {
        let text = fields(&[("a", "1".into()), ("long", "ä".into()), ("b", String::new())]);
        assert_eq!(text, "a     1\nlong  ä\nb");
    }
}
