//! The compiling process, as the node starts it: what it makes, and that nothing it is given takes more than its
//! bounds or hurts the process that asked.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use primitives::Hash;
use quorate::compiler::{Bounds, ChildCompiler};
use vm::engine::{CompileError, Compiler, InProcess};
use vm::instrument::{Exports, instrument};

const PROGRAM: &str = env!("CARGO_BIN_EXE_quorate");
/// Beyond what any of these may take.
const LONG: Duration = Duration::from_secs(60);

fn compiler(bounds: Bounds) -> ChildCompiler {
    ChildCompiler::new(Path::new(PROGRAM), bounds)
}

fn bounds() -> Bounds {
    Bounds::default()
}

/// A sample contract with its meters.
fn sample(name: &str) -> Vec<u8> {
    let path = format!("{}/../contracts/{name}/{name}.wasm", env!("CARGO_MANIFEST_DIR"));
    let code = std::fs::read(path).unwrap();
    instrument(&code, Exports::Interface).unwrap().wasm
}

/// A valid module far beyond what upload accepts: one function of so many branches.
fn monster(branches: usize) -> Vec<u8> {
    let branches = "(br_if 0 (local.get 0))".repeat(branches);
    wat::parse_str(format!("(module (func (param i32) {branches}))")).unwrap()
}

/// The words of a failure that is the module's.
fn refused(compiler: &ChildCompiler, wasm: &[u8]) -> String {
    let began = Instant::now();
    let answer = compiler.compile(&Hash::ZERO, wasm);
    assert!(began.elapsed() < LONG);
    match answer {
        Err(CompileError::Module(words)) => words,
        other => panic!("{:?}", other.map(|artifact| artifact.len())),
    }
}

#[test]
fn a_process_makes_what_this_one_makes() {
    for name in ["counter", "token", "exchange"] {
        let wasm = sample(name);
        let here = InProcess::default().compile(&Hash::ZERO, &wasm).unwrap();
        let there = compiler(bounds()).compile(&Hash::ZERO, &wasm).unwrap();
        assert!(here == there, "{name}: {} and {} bytes", here.len(), there.len());
    }
}

#[test]
fn what_is_no_module_is_refused_in_one_line() {
    let cut = sample("token");
    for wasm in [&[] as &[u8], b"nonsense", &[0; 1 << 20], &cut[..cut.len() / 2]] {
        let words = refused(&compiler(bounds()), wasm);
        assert!(words.contains("exit status: 1"), "{words}");
        assert!(!words.contains('\n'), "{words:?}");
    }
}

#[test]
fn memory_is_bounded() {
    for memory_mib in [0, 1, 16, 64] {
        let words = refused(&compiler(Bounds { memory_mib, ..bounds() }), &monster(40_000));
        println!("{memory_mib} MiB: {words}");
        assert!(!words.contains("CPU") && !words.contains("ended after"), "{words}");
    }
}

#[test]
fn time_of_the_processor_is_bounded() {
    let memory_mib = 16 << 10;
    let words =
        refused(&compiler(Bounds { cpu_seconds: 1, memory_mib, wall: LONG }), &monster(800_000));
    assert_eq!(words, "it used up 1 s of CPU time");
}

#[test]
fn time_by_the_clock_is_bounded() {
    let wall = Duration::from_millis(5);
    let words = refused(&compiler(Bounds { wall, ..bounds() }), &monster(200_000));
    assert_eq!(words, "it has not ended after 5 ms");
}

/// What a compiler may do that was taken over, or has lost its mind.
#[test]
fn however_a_process_behaves_it_ends() {
    let wall = Duration::from_secs(2);
    for (script, words) in [
        ("exec sleep 600", "it has not ended after 2000 ms"),
        ("exec sleep 600 </dev/null", "it has not ended after 2000 ms"),
        // It lives on, and nobody hears of it.
        ("exec sleep 600 </dev/null >/dev/null 2>/dev/null", "signal: 9"),
        ("exec cat /dev/zero", "its artifact is over"),
        ("exec cat /dev/zero >&2", "signal: "),
        ("echo some >&2; echo words >&2; exit 3", "exit status: 3: some words"),
        ("kill -SEGV $$", "signal: 11"),
        ("kill -KILL $$", "signal: 9"),
    ] {
        let home = tempfile::tempdir().unwrap();
        let program = stand_in(home.path(), script);
        let compiler = ChildCompiler::new(&program, Bounds { wall, ..bounds() });
        let said = refused(&compiler, &[7; 1 << 20]);
        assert!(said.contains(words), "{script}: {said}");
    }
}

fn stand_in(home: &Path, script: &str) -> PathBuf {
    let path = home.join("program");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o700)).unwrap();
    path
}

/// It gets a second try, and no third.
#[test]
fn who_was_killed_is_tried_again_once() {
    let home = tempfile::tempdir().unwrap();
    let tries = home.path().join("tries");
    let script = format!("echo >> {}; kill -KILL $$", tries.display());
    let compiler = ChildCompiler::new(&stand_in(home.path(), &script), bounds());
    refused(&compiler, b"");
    assert_eq!(std::fs::read(&tries).unwrap().len(), 2);
    let script =
        format!("[ -e {0} ] && rm {0} && kill -KILL $$; exec {PROGRAM} \"$@\"", tries.display());
    let compiler = ChildCompiler::new(&stand_in(home.path(), &script), bounds());
    assert!(compiler.compile(&Hash::ZERO, &sample("counter")).is_ok());
    assert!(!tries.exists());
}

#[test]
fn what_cannot_be_started_is_not_held_against_the_module() {
    let compiler = ChildCompiler::new(Path::new("/nowhere/quorate"), bounds());
    let answer = compiler.compile(&Hash::ZERO, &sample("counter"));
    assert!(matches!(answer, Err(CompileError::Machine(_))), "{answer:?}");
}

/// Figures for `tests/figures/engine.md`: a process beside this one, in turns.
#[test]
#[ignore = "measures; see tests/figures/engine.md"]
fn what_a_process_costs() {
    for name in ["counter", "token"] {
        let wasm = sample(name);
        let child = compiler(bounds());
        let time = |compiler: &dyn Compiler| {
            let began = Instant::now();
            compiler.compile(&Hash::ZERO, &wasm).unwrap();
            began.elapsed().as_secs_f64() * 1e3
        };
        let (mut here, mut there) = (Vec::new(), Vec::new());
        for _ in 0..20 {
            here.push(time(&InProcess::default()));
            there.push(time(&child));
        }
        for times in [&mut here, &mut there] {
            times.sort_by(f64::total_cmp);
        }
        println!("{name}: {:.1} ms here, {:.1} ms in a process", here[10], there[10]);
    }
}

/// Figures for the bounds: what the modules of a directory need, each for itself.
#[test]
#[ignore = "measures; see tests/figures/engine.md"]
fn what_modules_need() {
    let folder = std::env::var("METERED").expect("METERED names a directory of modules");
    let loose = Bounds { memory_mib: 64 << 10, cpu_seconds: 600, wall: Duration::from_secs(600) };
    let mut modules: Vec<_> = std::fs::read_dir(folder).unwrap().flatten().collect();
    modules.sort_by_key(std::fs::DirEntry::file_name);
    println!("module, ms by the clock, ms of processors, MiB, bytes of the artifact");
    for module in modules {
        let wasm = std::fs::read(module.path()).unwrap();
        let (began, before) = (Instant::now(), processors_ms());
        let artifact = compiler(loose).compile(&Hash::ZERO, &wasm).unwrap();
        let (clock, processors) = (began.elapsed().as_millis(), processors_ms() - before);
        let (mut too_little, mut enough) = (0, 4 << 10);
        while enough - too_little > 1 {
            let memory_mib = (too_little + enough) / 2;
            match compiler(Bounds { memory_mib, ..loose }).compile(&Hash::ZERO, &wasm) {
                Ok(_) => enough = memory_mib,
                Err(_) => too_little = memory_mib,
            }
        }
        let name = module.file_name();
        println!("{name:?}, {clock}, {processors}, {enough}, {}", artifact.len());
    }
}

/// What processes took that this one has waited for, to ten milliseconds: proc(5), `cutime` and `cstime`.
fn processors_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, after_name) = stat.rsplit_once(')').unwrap();
    let ticks = after_name.split_whitespace().skip(13).take(2);
    ticks.map(|ticks| ticks.parse::<u64>().unwrap() * 10).sum()
}
