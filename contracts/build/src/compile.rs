//! From a project to a module.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::{env, fs, io};

use abi::{Abi, AbiError};
use thiserror::Error;

use crate::origin;
use crate::toolchain::{self, Installing, Library, Toolchain};

/// Bytes of the stack of a contract. Below it lies nothing, so that an overflow traps. What a short
/// call has of data and heap finds room beside it in the first page, and each page is paid for.
const STACK_BYTES: usize = 48 << 10;
/// What a contract's memory may grow to: beyond it, each load costs fifty times as much.
const MEMORY_BYTES_MAX: usize = 1 << 20;

/// How to build.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where cargo works and the module is put; `target/contract` of the project otherwise.
    pub target_dir: Option<PathBuf>,
    pub installing: Installing,
    pub messages: Messages,
    pub lock: Lock,
}

/// What becomes of a lock file that does not fit the manifest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lock {
    /// Cargo brings it up to date.
    #[default]
    Updated,
    /// It is an error: nothing but what the lock file names is built.
    Frozen,
}

/// What becomes of cargo's progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Messages {
    /// On standard error, as cargo shows it.
    #[default]
    Shown,
    /// Kept for the error, if there is one.
    Kept,
}

/// A module that was built.
#[derive(Clone, Debug)]
pub struct Built {
    pub wasm_path: PathBuf,
    /// The module, ready for upload.
    pub code: Vec<u8>,
    /// What the module says of itself.
    pub abi: Abi,
    /// What made it; it stands in the module too. See [`Toolchain::identity`].
    pub toolchain: String,
}

impl Built {
    /// Bytes of the module.
    pub fn size(&self) -> usize {
        self.code.len()
    }
}

/// Why there is no module.
#[derive(Debug, Error)]
pub enum BuildError {
    #[error("{path} is no contract project: {reason}")]
    NotAProject { path: PathBuf, reason: String },
    #[error(
        "there is no compiler for WebAssembly; install one with\n    \
         rustup target add wasm32v1-none\n\
         or, where that cannot be downloaded, on Debian\n    \
         apt-get install rustc-web rust-web-src lld"
    )]
    NoCompiler,
    #[error("{program} could not be started: {source}")]
    Start { program: String, source: io::Error },
    #[error("the contract does not compile ({status}){messages}")]
    Compile { status: ExitStatus, messages: String },
    #[error("{path} could not be read or written: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Abi(#[from] AbiError),
}

/// Compiles the project in `project_dir` and reads its description back.
///
/// The module is optimised for size, linked as a whole and stripped; arithmetic is checked. The
/// first build with a library from source takes a minute or more, later ones seconds.
pub fn build(project_dir: &Path, options: &Options) -> Result<Built, BuildError> {
    let project_dir = &fs::canonicalize(project_dir).map_err(file_error(project_dir))?;
    let project = Project::read(project_dir)?;
    let target_dir = match &options.target_dir {
        Some(path) => std::path::absolute(path).map_err(file_error(path))?,
        None => project_dir.join("target/contract"),
    };
    let toolchain =
        toolchain::find(project_dir, options.installing).ok_or(BuildError::NoCompiler)?;
    if options.messages == Messages::Shown {
        eprintln!("Building the contract {} with {}", project.package, toolchain.describe());
    }
    let mut command = command(&project, &target_dir, &toolchain, options.lock);
    run(&mut command, options.messages)?;
    let file = format!("{}.wasm", project.package.replace('-', "_"));
    let made = target_dir.join(toolchain.target).join("release").join(&file);
    let code = fs::read(&made).map_err(file_error(&made))?;
    let abi = Abi::from_module(&code)?;
    let toolchain = toolchain.identity();
    let code = origin::embed(&code, &toolchain);
    let wasm_path = target_dir.join(file);
    fs::write(&wasm_path, &code).map_err(file_error(&wasm_path))?;
    Ok(Built { wasm_path, code, abi, toolchain })
}

/// What a project's manifest says.
pub(crate) struct Project {
    directory: PathBuf,
    package: String,
    /// Whether it is a workspace of its own; it is a member of a larger one otherwise.
    pub(crate) is_workspace: bool,
}

impl Project {
    pub(crate) fn read(directory: &Path) -> Result<Self, BuildError> {
        let refuse = |reason: &str| BuildError::NotAProject {
            path: directory.to_owned(),
            reason: reason.to_owned(),
        };
        let manifest = fs::read_to_string(directory.join("Cargo.toml"))
            .map_err(|_| refuse("it has no readable Cargo.toml"))?;
        let manifest: toml::Table =
            toml::from_str(&manifest).map_err(|_| refuse("its Cargo.toml is malformed"))?;
        let name = manifest.get("package").and_then(|package| package.get("name"));
        let name = name.and_then(toml::Value::as_str);
        let package = name.ok_or_else(|| refuse("its Cargo.toml names no package"))?.to_owned();
        let is_workspace = manifest.contains_key("workspace");
        Ok(Self { directory: directory.to_owned(), package, is_workspace })
    }
}

fn command(project: &Project, target_dir: &Path, toolchain: &Toolchain, lock: Lock) -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(&project.directory).stdin(Stdio::null());
    // `cargo rustc` names the crate type, so that a contract's manifest need not, and links it
    // whole.
    command.args(["rustc", "--lib", "--release", "--crate-type", "cdylib"]);
    command.args(["--package", &project.package, "--target-dir"]).arg(target_dir);
    if lock == Lock::Frozen {
        command.arg("--locked");
    }
    toolchain.apply(&mut command);
    for (setting, value) in [
        ("OPT_LEVEL", "s"),
        ("LTO", "true"),
        ("CODEGEN_UNITS", "1"),
        ("PANIC", "abort"),
        ("OVERFLOW_CHECKS", "true"),
        ("STRIP", "true"),
        ("DEBUG", "false"),
    ] {
        command.env(format!("CARGO_PROFILE_RELEASE_{setting}"), value);
    }
    let source = match &toolchain.library {
        Library::Built { source, .. } => Some(source.as_path()),
        Library::Installed => None,
    };
    command.env("CARGO_ENCODED_RUSTFLAGS", flags(project, source));
    command.arg("--").arg(format!("-Clink-arg=-zstack-size={STACK_BYTES}"));
    command.arg(format!("-Clink-arg=--max-memory={MEMORY_BYTES_MAX}"));
    // For this crate alone, and not for contracts that it depends on: see the SDK's `entry_points`.
    command.arg("--cfg=quorate_contract");
    command
}

/// Keeps this machine's folders out of the module, which quotes file names where it may panic. So
/// the same source gives the same module wherever it is built.
fn flags(project: &Project, library: Option<&Path>) -> OsString {
    let mut renamed: Vec<(PathBuf, &str)> = Vec::new();
    // Cargo names the files of a workspace relative to its root, but not those of the vendored SDK.
    if project.is_workspace {
        renamed.push((project.directory.clone(), ""));
    }
    if let Some(library) = library {
        renamed.push((library.to_owned(), "/rustc"));
        renamed.extend(fs::canonicalize(library).ok().map(|path| (path, "/rustc")));
    }
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    if let Some(sources) = home.map(|home| home.join("registry/src"))
        && let Ok(registries) = fs::read_dir(sources)
    {
        renamed.extend(registries.flatten().map(|entry| (entry.path(), "/registry")));
    }
    let mut flags = OsString::new();
    for (from, to) in renamed {
        if !flags.is_empty() {
            flags.push("\u{1f}");
        }
        flags.push("--remap-path-prefix=");
        flags.push(from.as_os_str());
        flags.push("=");
        flags.push(OsStr::new(to));
    }
    flags
}

fn run(command: &mut Command, messages: Messages) -> Result<(), BuildError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let start = |source| BuildError::Start { program, source };
    let (status, messages) = match messages {
        Messages::Shown => (command.status().map_err(start)?, String::new()),
        Messages::Kept => {
            let output = command.stderr(Stdio::piped()).output().map_err(start)?;
            (output.status, format!(":\n{}", String::from_utf8_lossy(&output.stderr).trim_end()))
        }
    };
    if status.success() { Ok(()) } else { Err(BuildError::Compile { status, messages }) }
}

pub(crate) fn file_error(path: &Path) -> impl FnOnce(io::Error) -> BuildError {
    let path = path.to_owned();
    move |source| BuildError::File { path, source }
}
