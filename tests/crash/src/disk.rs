//! The disk that fails on purpose, from outside: how it is built, told what to do, and what it reports.
//!
//! What it does stands in `tests/crash/disk/disk.h`.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Its sources. Built at run time, so that building the workspace asks for nothing that this alone needs.
const SOURCES: [(&str, &str); 6] = [
    ("disk.h", include_str!("../disk/disk.h")),
    ("model.c", include_str!("../disk/model.c")),
    ("cut.c", include_str!("../disk/cut.c")),
    ("memory.c", include_str!("../disk/memory.c")),
    ("points.c", include_str!("../disk/points.c")),
    ("calls.c", include_str!("../disk/calls.c")),
];

/// Below this, names are no files but steps of the process; `STEPS` in `disk.h`.
const STEPS: &str = "/quorate/step/";

/// What the disk writes on standard error begins so.
const MARK: &str = "disk: ";

/// The library.
#[derive(Debug)]
pub struct Disk {
    library: PathBuf,
}

/// What happens at an operation, in the disk's words.
#[derive(Clone, Copy, Debug)]
pub struct Blow {
    /// The kinds of operations that have a number.
    pub counts: &'static str,
    pub effect: &'static str,
}

/// What is to happen to a process.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    pub blow: Blow,
    /// The number of the operation; 0: never.
    pub point: u64,
    /// Where what is not synced is remembered from one process to the next.
    pub memory: &'a Path,
    /// Decides what remains after a power cut.
    pub seed: u64,
}

/// An operation on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// In the words of [`Blow::counts`].
    pub kind: String,
    /// `write db/000004.log`
    pub operation: String,
}

impl Point {
    /// Whether the process named it itself.
    pub fn is_step(&self) -> bool {
        self.kind == "step"
    }
}

impl Blow {
    /// Whether a point has a number.
    pub fn is_counting(&self, point: &Point) -> bool {
        self.counts.split(' ').any(|kind| kind == point.kind)
    }
}

/// What the disk said about a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Each point, when none was to be met.
    pub trace: Vec<Point>,
    /// The operation at which something happened.
    pub struck: Option<String>,
    /// How many points there were, of a process that ended by itself.
    pub points: Option<u64>,
}

impl Disk {
    /// Builds it in a directory.
    pub fn build(directory: &Path) -> Result<Self> {
        let library = directory.join("disk.so");
        let compiler = std::env::var_os("CC").unwrap_or_else(|| OsString::from("cc"));
        let mut command = Command::new(&compiler);
        command.args(["-std=gnu11", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror"]);
        // Its own functions must not stand in front of anything.
        command.args(["-fvisibility=hidden", "-o"]).arg(&library);
        for (name, text) in SOURCES {
            let path = directory.join(name);
            fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
            command.args(name.ends_with(".c").then_some(path));
        }
        command.args(["-ldl", "-lpthread"]);
        let output = command.output().with_context(|| format!("running {compiler:?}"))?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(Self { library })
    }

    /// Puts it beside a process, which finds a disk that works. Only room in memory is not taken ahead of what is
    /// written.
    pub fn stand_aside(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env_remove("DISK_DIRECTORY");
    }

    /// Puts it in front of a process that is about to start; `directory` is what it watches.
    pub fn stand_before(&self, command: &mut Command, directory: &Path, order: Order<'_>) {
        command.env("LD_PRELOAD", &self.library);
        command.env("DISK_DIRECTORY", directory);
        command.env("DISK_COUNTS", order.blow.counts);
        command.env("DISK_EFFECT", order.blow.effect);
        command.env("DISK_MEMORY", order.memory);
        command.env("DISK_POINT", order.point.to_string());
        command.env("DISK_SEED", order.seed.to_string());
        command.env("DISK_TRACE", if order.point == 0 { "1" } else { "" });
    }
}

/// Names a step of this process: a point of the disk, if one stands before it, and otherwise nothing.
pub fn step(name: &'static str) {
    let _ = fs::remove_file(Path::new(STEPS).join(name));
}

/// Parts what the disk said from what the process said on standard error.
pub fn report(standard_error: &str) -> (Report, String) {
    let mut report = Report::default();
    let mut said = String::new();
    for line in standard_error.lines() {
        let Some(of_disk) = line.strip_prefix(MARK) else {
            said.push_str(line);
            said.push('\n');
            continue;
        };
        if let Some((kind, operation)) = parts(of_disk, "point ") {
            report.trace.push(Point { kind: kind.to_owned(), operation: operation.to_owned() });
        } else if let Some((_, operation)) = parts(of_disk, "struck ") {
            report.struck = Some(operation.to_owned());
        } else if let Some(points) = of_disk.strip_prefix("end ") {
            report.points = points.parse().ok();
        } else {
            said.push_str(line);
            said.push('\n');
        }
    }
    (report, said)
}

/// `word a: b` is a and b.
fn parts<'a>(line: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    line.strip_prefix(word)?.split_once(": ")
}
