//! What a machine can check of the project's style.
//!
//! Rules are functions from one file to its offenders; [`check`] runs them over all files. A rule that is broken for
//! a reason is changed here, with the reason, and not worked around.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Columns of code. Where a text in quotes does not break, [`TEXT_COLUMNS_MAX`] holds; rustfmt sees to the rest.
const CODE_COLUMNS_MAX: usize = 100;
/// Columns of comments, documents and lines with a text in quotes.
const TEXT_COLUMNS_MAX: usize = 120;
/// Lines of a Rust file.
const LINES_MAX: usize = 600;

/// The floors that are data and functions: no clock, no chance, and no order that differs between two runs.
const PURE: [&str; 6] =
    ["primitives/src", "proof/src", "consensus/src", "state/src", "vm/src", "replica/src"];

/// What is not ours, or not kept.
const SKIPPED: [&str; 4] = ["target", ".git", ".run", "node_modules"];

/// A file of the tree.
struct File {
    /// From the root, with `/`.
    path: String,
    text: String,
}

impl File {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    fn is_bash(&self) -> bool {
        let first = self.text.lines().next().unwrap_or_default();
        first.starts_with("#!") && first.ends_with("bash")
    }

    fn is_pure(&self) -> bool {
        PURE.iter().any(|folder| self.path.starts_with(&format!("{folder}/")))
            && !self.path.contains("test")
    }

    /// The offender at a line, counted from 0.
    fn at(&self, line: usize, what: impl AsRef<str>) -> String {
        format!("{}:{}: {}", self.path, line + 1, what.as_ref())
    }

    /// Each line that holds one of the words.
    fn lines_with(&self, words: &[&str], what: &str) -> Vec<String> {
        let mut offenders = Vec::new();
        for (number, line) in self.text.lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(**word)) {
                offenders.push(self.at(number, format!("{word:?}: {what}")));
            }
        }
        offenders
    }
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// All text files below the root.
fn tree() -> Vec<File> {
    let mut files = Vec::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
        for entry in entries {
            let entry = entry.unwrap_or_else(|error| panic!("{folder:?}: {error}"));
            let (path, name) = (entry.path(), entry.file_name());
            if SKIPPED.iter().any(|skipped| name == *skipped) || path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                let relative = path.strip_prefix(root()).unwrap_or(&path);
                let path = relative.to_string_lossy().replace('\\', "/");
                files.push(File { path, text });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// Runs a rule over the tree; the failure lists every offender.
fn check(rule: impl Fn(&File) -> Vec<String>) {
    let files = tree();
    assert!(files.len() > 100, "only {} files were found below {:?}", files.len(), root());
    let offenders: Vec<String> = files.iter().flat_map(rule).collect();
    assert!(offenders.is_empty(), "{} offenders:\n{}", offenders.len(), offenders.join("\n"));
}

fn long_lines(file: &File) -> Vec<String> {
    if !file.is_rust() {
        return Vec::new();
    }
    let mut offenders = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        let (columns, trimmed) = (line.chars().count(), line.trim_start());
        let is_comment = trimmed.starts_with("//");
        // Markdown cannot break a table's row, and nothing breaks an address.
        if is_comment && (trimmed.contains("//! |") || trimmed.contains("://")) {
            continue;
        }
        let is_text = is_comment || line.contains('"') || line.ends_with('\\');
        let limit = if is_text { TEXT_COLUMNS_MAX } else { CODE_COLUMNS_MAX };
        if columns > limit {
            offenders.push(file.at(number, format!("{columns} columns; at most {limit}")));
        }
    }
    offenders
}

fn long_files(file: &File) -> Vec<String> {
    let lines = file.text.lines().count();
    if file.is_rust() && lines > LINES_MAX {
        return vec![format!("{}: {lines} lines; at most {LINES_MAX}", file.path)];
    }
    Vec::new()
}

fn drawers(file: &File) -> Vec<String> {
    let is_drawer = |part: &str| {
        ["utils", "util", "common", "helpers", "misc"].contains(&part.trim_end_matches(".rs"))
    };
    if file.path.split('/').any(is_drawer) {
        return vec![format!("{}: name what is in it", file.path)];
    }
    Vec::new()
}

fn impurities(file: &File) -> Vec<String> {
    if !file.is_rust() || !file.is_pure() {
        return Vec::new();
    }
    let words = [
        "Instant::now",
        "SystemTime",
        "HashMap",
        "HashSet",
        "thread::sleep",
        "getrandom",
        "thread_rng",
        "OsRng",
    ];
    file.lines_with(&words, "time, chance and order come as arguments below floor 4")
}

fn unfinished(file: &File) -> Vec<String> {
    // Split, so that this file is not an offender.
    let words = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
    ];
    file.lines_with(&words, "finish it, or open an issue")
}

/// What names one machine, or a mirror of a registry that only one network has.
fn machine_names(file: &File) -> Vec<String> {
    let words = [concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];
    let mut offenders = file.lines_with(&words, "a path of one machine");
    for (number, line) in file.text.lines().enumerate() {
        let source = line.trim().strip_prefix("source = \"registry+");
        let public = "https://github.com/rust-lang/crates.io-index\"";
        if source.is_some_and(|source| source != public) {
            offenders.push(file.at(number, "a package from elsewhere than crates.io"));
        }
    }
    offenders
}

fn careless_scripts(file: &File) -> Vec<String> {
    if !file.is_bash() {
        return Vec::new();
    }
    let is_code = |line: &&str| !line.is_empty() && !line.starts_with('#');
    match file.text.lines().find(is_code) {
        Some("set -euo pipefail") => Vec::new(),
        _ => vec![format!("{}: the first command is `set -euo pipefail`", file.path)],
    }
}

fn untidy_ends(file: &File) -> Vec<String> {
    let mut offenders = Vec::new();
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        offenders.push(format!("{}: the last line does not end", file.path));
    }
    for (number, line) in file.text.lines().enumerate() {
        if line.ends_with([' ', '\t']) {
            offenders.push(file.at(number, "blanks at the end of the line"));
        }
    }
    offenders
}

/// Paths in backquotes of a document: what has a `/` and otherwise letters, digits, dots, dashes and underscores.
fn named_paths(text: &str) -> BTreeSet<&str> {
    let is_path = |word: &&str| {
        word.contains('/')
            && !word.starts_with('/')
            && word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
    };
    let mut inside_block = false;
    let mut paths = BTreeSet::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside_block = !inside_block;
        } else if !inside_block {
            paths.extend(line.split('`').skip(1).step_by(2).filter(is_path));
        }
    }
    paths
}

#[test]
fn lines_are_short() {
    check(long_lines);
}

#[test]
fn files_are_short() {
    check(long_files);
}

#[test]
fn nothing_is_called_utils_or_common() {
    check(drawers);
}

#[test]
fn below_the_node_there_is_no_clock_and_no_chance() {
    check(impurities);
}

#[test]
fn nothing_is_left_unfinished() {
    check(unfinished);
}

#[test]
fn nothing_names_one_machine() {
    check(machine_names);
}

#[test]
fn scripts_stop_at_the_first_failure() {
    check(careless_scripts);
}

#[test]
fn lines_end_where_their_text_ends() {
    check(untidy_ends);
}

#[test]
fn the_paths_that_documents_name_exist() {
    for document in ["ARCHITECTURE.md", "README.md"] {
        let text = fs::read_to_string(root().join(document)).expect(document);
        let paths = named_paths(&text);
        assert!(paths.len() > 5, "{document} names hardly a path: {paths:?}");
        let gone: Vec<_> = paths.into_iter().filter(|path| !root().join(path).exists()).collect();
        assert!(gone.is_empty(), "{document} names what is gone: {gone:?}");
    }
}

#[test]
fn each_rule_finds_its_offender() {
    let offenders = |rule: fn(&File) -> Vec<String>, path: &str, text: &str| {
        rule(&File { path: path.to_owned(), text: text.to_owned() }).len()
    };
    let wide = |columns: usize| "x".repeat(columns) + "\n";
    assert_eq!(offenders(long_lines, "a.rs", &wide(100)), 0);
    assert_eq!(offenders(long_lines, "a.rs", &wide(101)), 1);
    assert_eq!(offenders(long_lines, "a.rs", &format!("// {}", wide(117))), 0);
    assert_eq!(offenders(long_lines, "a.rs", &format!("// {}", wide(118))), 1);
    assert_eq!(offenders(long_files, "a.rs", &"\n".repeat(LINES_MAX)), 0);
    assert_eq!(offenders(long_files, "a.rs", &"\n".repeat(LINES_MAX + 1)), 1);
    assert_eq!(offenders(drawers, "vm/src/utils/mod.rs", ""), 1);
    assert_eq!(offenders(drawers, "vm/src/common.rs", ""), 1);
    assert_eq!(offenders(impurities, "vm/src/a.rs", "let now = Instant::now();"), 1);
    assert_eq!(offenders(impurities, "node/src/a.rs", "let now = Instant::now();"), 0);
    assert_eq!(offenders(unfinished, "a.rs", concat!("// TO", "DO: later")), 1);
    assert_eq!(offenders(machine_names, "a.toml", concat!("path = \"/ho", "me/me/a\"")), 1);
    assert_eq!(offenders(machine_names, "Cargo.lock", "source = \"registry+https://mirror\"\n"), 1);
    assert_eq!(offenders(careless_scripts, "up", "#!/bin/bash\nls\n"), 1);
    assert_eq!(offenders(careless_scripts, "up", "#!/bin/bash\n# Up.\nset -euo pipefail\n"), 0);
    assert_eq!(offenders(untidy_ends, "a.md", "one \ntwo"), 2);
    let paths = named_paths("`vm/src` and `vm` and `a b/c`\n```\n`no/path`\n```\n`x/y.rs`");
    assert_eq!(paths.into_iter().collect::<Vec<_>>(), ["vm/src", "x/y.rs"]);
}
