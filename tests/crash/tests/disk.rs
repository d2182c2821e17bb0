//! The disk itself, on scripts of a few operations: what is left of them when it fails.

// These are tests throughout, helpers included.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use quorate_crash::disk::{self, Blow, Disk, Order, Report};
use tempfile::TempDir;

const SCRIPT: &str = "QUORATE_TEST_SCRIPT";
const HOME: &str = "QUORATE_TEST_HOME";

/// The power fails at the first step that the script names.
const LOST: Blow = Blow { counts: "step", effect: "lost" };

/// A directory with the disk in front of it.
struct Bench {
    directory: TempDir,
    disk: Disk,
}

/// What a process has left.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    /// `a=x3y2 d/`: names in their order, with runs of equal bytes, `.` for zero.
    files: String,
    /// What failed: `write a: 5`, with the system's number.
    failed: Vec<String>,
    report: Report,
    said: String,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let disk = Disk::build(directory.path()).unwrap();
        fs::create_dir(directory.path().join("home")).unwrap();
        Self { directory, disk }
    }

    fn clear(&self) {
        fs::remove_dir_all(self.home()).unwrap();
        fs::create_dir(self.home()).unwrap();
        let _ = fs::remove_file(self.memory());
    }

    fn memory(&self) -> PathBuf {
        self.directory.path().join("memory")
    }

    fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    /// Runs a script in a process that meets its fate at a point.
    fn run(&self, script: &str, blow: Blow, point: u64, seed: u64) -> Left {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["a_process_that_runs_a_script", "--exact", "--nocapture"]);
        command.env(SCRIPT, script).env(HOME, self.home());
        let memory = self.memory();
        let order = Order { blow, point, seed, memory: &memory };
        self.disk.stand_before(&mut command, &self.home(), order);
        let output = command.output().unwrap();
        let (report, said) = disk::report(&String::from_utf8(output.stderr).unwrap());
        let stdout = String::from_utf8(output.stdout).unwrap();
        let failed = stdout.lines().filter_map(|line| line.strip_prefix("failed "));
        let failed = failed.map(str::to_owned).collect();
        Left { files: listing(&self.home()), failed, report, said }
    }
}

/// Runs in a process of its own: operations, parted by semicolons.
#[test]
fn a_process_that_runs_a_script() {
    let Some(home) = std::env::var_os(HOME) else { return };
    for line in std::env::var(SCRIPT).unwrap().split(';') {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let Err(error) = operate(Path::new(&home), &words) {
            let code = error.raw_os_error().unwrap();
            println!("\nfailed {}: {code}", words[..2].join(" "));
        }
    }
}

fn operate(home: &Path, words: &[&str]) -> io::Result<()> {
    let path = home.join(words[1]);
    match words {
        ["step", name] => disk::step(String::from(*name).leak()),
        // At the end: `write a x100`.
        ["write", _, bytes] => {
            OpenOptions::new().append(true).create(true).open(path)?.write_all(&runs(bytes))?;
        }
        // Over what is there: `write a x100 at 50`.
        ["write", _, bytes, "at", offset] => {
            let mut file = OpenOptions::new().write(true).open(path)?;
            file.seek(SeekFrom::Start(offset.parse().unwrap()))?;
            file.write_all(&runs(bytes))?;
        }
        ["sync", _] => File::open(path)?.sync_data()?,
        // To a length.
        ["cut", _, length] => {
            OpenOptions::new().write(true).open(path)?.set_len(length.parse().unwrap())?;
        }
        ["empty", _] => drop(File::create(path)?),
        ["rename", _, to] => fs::rename(path, home.join(to))?,
        ["link", _, to] => fs::hard_link(path, home.join(to))?,
        ["copy", _, to] => drop(fs::copy(path, home.join(to))?),
        ["remove", _] => fs::remove_file(path)?,
        ["mkdir", _] => fs::create_dir(path)?,
        ["rmdir", _] => fs::remove_dir_all(path)?,
        // By a process that the disk does not see.
        ["unseen", _] => {
            let mut command = Command::new("truncate");
            command.env_remove("LD_PRELOAD").args(["--size=1"]).arg(path).status()?;
        }
        _ => panic!("{words:?}"),
    }
    Ok(())
}

/// `x3` is three times the letter.
fn runs(text: &str) -> Vec<u8> {
    vec![text.as_bytes()[0]; text[1..].parse().unwrap()]
}

fn listing(directory: &Path) -> String {
    let mut names: Vec<PathBuf> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let told = names.iter().map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            return format!("{name}/{}", listing(path));
        }
        let bytes = fs::read(path).unwrap();
        let runs = bytes.chunk_by(|a, b| a == b).map(|run| {
            let letter = if run[0] == 0 { '.' } else { char::from(run[0]) };
            format!("{letter}{}", run.len())
        });
        format!("{name}={}", runs.collect::<String>())
    });
    told.collect::<Vec<_>>().join(" ")
}

/// Of each script so much is there after a power cut at its end. All begin with `before`.
fn check_lost(before: &str, scripts: &[(&str, &str)]) {
    let bench = Bench::new();
    for (script, expected) in scripts {
        let script = format!("{before}{script}; step cut; write late x1");
        bench.clear();
        let left = bench.run(&script, LOST, 1, 0);
        assert_eq!(left.files, *expected, "{script}");
        assert_eq!(left.report.struck.as_deref(), Some("step cut"), "{script}: {left:?}");
    }
}

#[test]
fn what_is_not_synced_is_lost() {
    check_lost(
        "write a x1000",
        &[
            ("", ""),
            ("; sync a", ""),
            ("; sync .", "a="),
            ("; sync a; sync .", "a=x1000"),
            ("; sync a; sync .; write a y1000", "a=x1000"),
            ("; sync a; sync .; write a y1000; sync a", "a=x1000y1000"),
        ],
    );
}

#[test]
fn overwriting_and_cutting_need_a_sync() {
    check_lost(
        "write a x1000; sync a; sync .",
        &[
            ("; write a y10 at 500", "a=x1000"),
            ("; write a y10 at 500; sync a", "a=x500y10x490"),
            ("; cut a 10", "a=x1000"),
            ("; cut a 10; sync a", "a=x10"),
            ("; cut a 10; write a y5; sync a; write a z5", "a=x10y5"),
            ("; empty a; write a y5", "a=x1000"),
            ("; empty a; write a y5; sync a", "a=y5"),
        ],
    );
}

#[test]
fn names_need_a_sync_of_their_directory() {
    check_lost(
        "write a x1; write b y1; sync a; sync b; sync .",
        &[
            ("; rename a b", "a=x1 b=y1"),
            ("; rename a b; sync .", "b=x1"),
            ("; remove a", "a=x1 b=y1"),
            ("; remove a; sync .", "b=y1"),
            ("; remove a; write a z1; sync a", "a=x1 b=y1"),
            ("; link a c; remove a; sync .", "b=y1 c=x1"),
            ("; copy a c; sync c; sync .", "a=x1 b=y1 c=x1"),
            ("; copy a c; sync .", "a=x1 b=y1 c="),
        ],
    );
}

#[test]
fn directories_are_names_too() {
    check_lost(
        "mkdir d; write d/a x1; sync d/a",
        &[
            ("", ""),
            ("; sync d", ""),
            ("; sync .", "d/"),
            ("; sync d; sync .", "d/a=x1"),
            ("; sync d; sync .; rename d e", "d/a=x1"),
            ("; sync d; sync .; rename d e; sync .", "e/a=x1"),
            ("; sync d; sync .; rename d e; write e/b y1; sync e", "d/a=x1 b="),
            ("; sync d; sync .; rmdir d", "d/a=x1"),
            ("; sync d; sync .; rmdir d; sync .", ""),
        ],
    );
}

#[test]
fn what_stood_there_before_the_process_is_on_the_disk() {
    let bench = Bench::new();
    fs::write(bench.home().join("a"), "xxx").unwrap();
    let left = bench.run("write a y2; write b z1; step cut", LOST, 1, 0);
    assert_eq!(left.files, "a=x3");
}

#[test]
fn a_killed_process_loses_nothing_that_it_has_written() {
    let bench = Bench::new();
    for (effect, expected) in [("kill", "a=x10"), ("torn", "a=x10y5")] {
        bench.clear();
        let blow = Blow { counts: "write", effect };
        let left = bench.run("write a x10; write a y10; write a z10", blow, 2, 0);
        assert_eq!(left.files, expected);
        assert_eq!(left.report.struck.as_deref(), Some("write a"));
    }
}

/// What a killed process had not synced, the next one finds; and a power cut takes it still.
#[test]
fn what_a_killed_process_has_not_synced_may_be_lost_later() {
    let kill = Blow { counts: "step", effect: "kill" };
    let first = "write a x10; sync a; sync .; write a y10; write b z10; rename a c; step killed";
    let bench = Bench::new();
    for (second, expected) in [
        ("write e x1", "a=x10"),
        ("sync c", "a=x10y10"),
        ("sync .", "b= c=x10"),
        ("sync b; sync c; sync .", "b=z10 c=x10y10"),
        ("write c u1; sync c; sync .", "b= c=x10y10u1"),
    ] {
        bench.clear();
        assert_eq!(bench.run(first, kill, 1, 0).files, "b=z10 c=x10y10");
        assert_eq!(bench.run(&format!("{second}; step cut"), LOST, 1, 0).files, expected);
    }
}

/// Sectors are lost in any order, each as a whole; what was synced never is.
#[test]
fn after_a_power_cut_any_sectors_may_be_there() {
    let blow = Blow { counts: "step", effect: "lost-some" };
    let bench = Bench::new();
    let mut seen = BTreeSet::new();
    for seed in 0..64 {
        bench.clear();
        let script = "write a x512; sync a; sync .; write a y512; write a z512; step cut";
        seen.insert(bench.run(script, blow, 1, seed).files);
    }
    let expected = ["a=x512", "a=x512.512z512", "a=x512y512", "a=x512y512z512"];
    assert!(seen.iter().eq(expected), "{seen:?}");
}

#[test]
fn after_a_power_cut_any_names_may_be_there() {
    let blow = Blow { counts: "step", effect: "lost-some" };
    let bench = Bench::new();
    let mut seen = BTreeSet::new();
    for seed in 0..64 {
        bench.clear();
        let script = "write a x1; sync a; sync .; mkdir d; rename a b; step cut";
        seen.insert(bench.run(script, blow, 1, seed).files);
    }
    assert!(seen.iter().eq(["a=x1", "a=x1 d/", "b=x1", "b=x1 d/"]), "{seen:?}");
}

/// The number of the error that means a broken disk.
const EIO: i32 = 5;
/// The number of the error that means a full one.
const ENOSPC: i32 = 28;

#[test]
fn a_broken_operation_fails_once() {
    let all = Blow { counts: "change remove write sync", effect: "broken" };
    let script = "write a x10; sync a; sync .; rename a b; sync .; remove b; sync .; mkdir d";
    let bench = Bench::new();
    let points = bench.run(script, all, 0, 0).report.trace;
    let points: Vec<&str> = points.iter().map(|point| point.operation.as_str()).collect();
    let expected = "create a, write a, fdatasync a, fdatasync ., rename b, fdatasync ., remove b, \
                    fdatasync ., mkdir d";
    assert_eq!(points.join(", "), expected);
    for (point, failed) in [(2, "write a"), (3, "sync a"), (5, "rename a"), (7, "remove b")] {
        bench.clear();
        let left = bench.run(script, all, point, 0);
        assert_eq!(left.failed[0], format!("{failed}: {EIO}"), "{left:?}");
    }
}

/// The system takes for written what it failed to write.
#[test]
fn a_sync_after_one_that_failed_brings_nothing_back() {
    let blow = Blow { counts: "sync", effect: "broken" };
    let left =
        Bench::new().run("write a x10; sync .; sync a; sync a; write a y10; sync a", blow, 2, 0);
    assert_eq!((left.files.as_str(), left.failed.len()), ("a=.10y10", 1));
}

#[test]
fn on_a_full_disk_half_of_a_write_is_done_and_then_nothing() {
    let blow = Blow { counts: "change write sync", effect: "full" };
    let script = "write a x10; sync a; sync .; write a y10; write b z1; remove a";
    let left = Bench::new().run(script, blow, 5, 0);
    // The first write is short; what writes the rest is told.
    assert_eq!(left.failed, [format!("write a: {ENOSPC}"), format!("write b: {ENOSPC}")]);
    assert_eq!(left.files, "a=x10");
}

#[test]
fn what_is_not_modelled_ends_the_process() {
    let left = Bench::new().run("write a x10; unseen a; sync a", LOST, 0, 0);
    assert!(left.said.contains("not modelled: the length of") && left.report.points.is_none());
}
