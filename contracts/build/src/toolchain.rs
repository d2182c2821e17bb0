//! Finds a compiler for WebAssembly.
//!
//! In this order, so that what is there is used before anything is fetched:
//!
//! 1. The current toolchain, with `wasm32v1-none` installed: its code uses nothing beyond
//!    WebAssembly 1.0.
//! 2. The current toolchain, with `wasm32-unknown-unknown` installed.
//! 3. A compiler beside the source of its own library: the current toolchain with `rust-src`, or
//!    Debian's `rustc-web` with `rust-web-src`. The library is built along; the linker is the
//!    `rust-lld` of any toolchain, or `wasm-ld`.
//! 4. `rustup target add wasm32v1-none`, when allowed; it is given two minutes.
//!
//! Only toolchains that are installed are asked: nothing here makes rustup fetch one.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Code that uses only the first version of WebAssembly, without the need for std.
const TARGET: &str = "wasm32v1-none";
const OTHER_TARGET: &str = "wasm32-unknown-unknown";
/// Where Debian puts the compiler.
const SYSTEM_RUSTC: &str = "/usr/bin/rustc";
const INSTALL_TIME_MAX: Duration = Duration::from_secs(120);

/// Whether the target may be fetched with rustup when nothing else is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Installing {
    #[default]
    Allowed,
    Forbidden,
}

/// A way to compile for WebAssembly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolchain {
    pub target: &'static str,
    pub library: Library,
    /// What the compiler says of itself: `rustc 1.95.0 (59807616e 2026-04-14)`.
    pub version: String,
}

/// Where the target's `core` and `alloc` come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Library {
    /// Installed with the current toolchain.
    Installed,
    /// Built along, from the source beside this compiler, and linked with this linker.
    Built { rustc: PathBuf, source: PathBuf, linker: PathBuf },
}

/// Finds a compiler for the project in `directory`, whose own `rust-toolchain.toml` is heeded.
pub fn find(directory: &Path, installing: Installing) -> Option<Toolchain> {
    let current = Compiler::ask(directory, &current_rustc());
    let system = Compiler::ask(directory, Path::new(SYSTEM_RUSTC));
    if let Some(found) = current.as_ref().and_then(Compiler::installed) {
        return Some(found);
    }
    let compilers = [current.as_ref(), system.as_ref()];
    let compilers: Vec<&Compiler> = compilers.into_iter().flatten().collect();
    if let Some(linker) = linker(&compilers)
        && let Some(found) = compilers.iter().find_map(|compiler| compiler.building(&linker))
    {
        return Some(found);
    }
    if installing == Installing::Allowed && add_target(directory) {
        return current.as_ref().and_then(Compiler::installed);
    }
    None
}

impl Toolchain {
    /// Has this command of cargo build for the target, as long as it names none itself.
    pub fn apply(&self, command: &mut Command) {
        command.args(["--target", self.target]).env("RUSTUP_AUTO_INSTALL", "0");
        if let Library::Built { rustc, linker, .. } = &self.library {
            let target = self.target.to_uppercase().replace('-', "_");
            command.arg("-Zbuild-std=core,alloc").env("RUSTC", rustc).env("RUSTC_BOOTSTRAP", "1");
            command.env(format!("CARGO_TARGET_{target}_LINKER"), linker);
        }
    }

    /// What is used, for people.
    pub fn describe(&self) -> String {
        match &self.library {
            Library::Installed => format!("the installed target {}", self.target),
            Library::Built { rustc, .. } => {
                let rustc = rustc.display();
                format!("{rustc} for {}, with the library built from source", self.target)
            }
        }
    }

    /// What decides, beside the source, which bytes come out: the same words on every machine.
    pub fn identity(&self) -> String {
        let library = match &self.library {
            Library::Installed => "installed",
            Library::Built { .. } => "built",
        };
        format!("{}, {}, library {library}", self.version, self.target)
    }
}

/// The compiler that cargo would use.
fn current_rustc() -> PathBuf {
    env::var_os("RUSTC").map_or_else(|| PathBuf::from("rustc"), PathBuf::from)
}

struct Compiler {
    rustc: PathBuf,
    sysroot: PathBuf,
    host: String,
    version: String,
}

impl Compiler {
    /// `None` when it does not run.
    fn ask(directory: &Path, rustc: &Path) -> Option<Self> {
        let sysroot = answer(directory, rustc, &["--print", "sysroot"])?;
        let told = answer(directory, rustc, &["-vV"])?;
        let host = told.lines().find_map(|line| line.strip_prefix("host: "))?.to_owned();
        let version = told.lines().next()?.to_owned();
        Some(Self { rustc: rustc.to_owned(), sysroot: sysroot.trim().into(), host, version })
    }

    fn installed(&self) -> Option<Toolchain> {
        let is_installed =
            |target: &&str| self.sysroot.join("lib/rustlib").join(target).join("lib").is_dir();
        let target = [TARGET, OTHER_TARGET].into_iter().find(is_installed)?;
        let version = self.version.clone();
        Some(Toolchain { target, library: Library::Installed, version })
    }

    fn building(&self, linker: &Path) -> Option<Toolchain> {
        let source = self.sysroot.join("lib/rustlib/src/rust");
        if !source.join("library/alloc/Cargo.toml").is_file() {
            return None;
        }
        let library =
            Library::Built { rustc: self.rustc.clone(), source, linker: linker.to_owned() };
        Some(Toolchain { target: TARGET, library, version: self.version.clone() })
    }
}

/// What a program prints when it succeeds.
fn answer(directory: &Path, program: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .env("RUSTUP_AUTO_INSTALL", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A linker for WebAssembly: that of a toolchain, or LLVM's on the path.
fn linker(compilers: &[&Compiler]) -> Option<PathBuf> {
    let bundled = compilers.iter().map(|compiler| {
        compiler.sysroot.join("lib/rustlib").join(&compiler.host).join("bin/rust-lld")
    });
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    // Debian's names carry LLVM's version; the newest comes first.
    let names = (14..=40).rev().map(|version| format!("wasm-ld-{version}"));
    let names: Vec<String> = std::iter::once("wasm-ld".to_owned()).chain(names).collect();
    let named = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    bundled.chain(named).find(|candidate| candidate.is_file())
}

/// Whether rustup could add the target in time.
fn add_target(directory: &Path) -> bool {
    let mut command = Command::new("rustup");
    command.args(["target", "add", TARGET]).current_dir(directory);
    command.env("RUSTUP_AUTO_INSTALL", "0").stdin(Stdio::null());
    let Ok(mut child) = command.spawn() else {
        return false;
    };
    let started = Instant::now();
    while started.elapsed() < INSTALL_TIME_MAX {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => std::thread::sleep(Duration::from_millis(100)),
            Err(_) => break,
        }
    }
    // It has ended by itself, or is ended here; either way there is no target.
    let _ = child.kill();
    let _ = child.wait();
    false
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A compiler whose toolchain has these folders and files.
    fn compiler(sysroot: &Path, files: &[&str]) -> Compiler {
        for file in files {
            let path = sysroot.join("lib/rustlib").join(file);
            let folder = path.parent().expect("it is below the sysroot");
            fs::create_dir_all(folder).expect("a temporary folder can be written");
            fs::write(path, "").expect("a temporary folder can be written");
        }
        let version = "rustc 1.0.0".into();
        Compiler { rustc: "rustc".into(), sysroot: sysroot.into(), host: "here".into(), version }
    }

    #[test]
    fn the_plainer_target_is_preferred() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let none = compiler(folder.path(), &["here/lib/libcore.rlib"]);
        assert_eq!(none.installed(), None);
        let other = compiler(folder.path(), &["wasm32-unknown-unknown/lib/libcore.rlib"]);
        assert_eq!(other.installed().map(|found| found.target), Some("wasm32-unknown-unknown"));
        let both = compiler(folder.path(), &["wasm32v1-none/lib/libcore.rlib"]);
        assert_eq!(both.installed().map(|found| found.target), Some("wasm32v1-none"));
    }

    #[test]
    fn a_library_is_built_only_where_its_source_is() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let without = compiler(folder.path(), &["here/bin/rust-lld"]);
        let linker = linker(&[&without]).expect("the toolchain has one");
        assert_eq!(linker, folder.path().join("lib/rustlib/here/bin/rust-lld"));
        assert_eq!(without.building(&linker), None);
        let with = compiler(folder.path(), &["src/rust/library/alloc/Cargo.toml"]);
        let found = with.building(&linker).expect("source and linker are there");
        assert!(matches!(found.library, Library::Built { .. }));
    }
}
