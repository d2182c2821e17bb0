//! What the compiling process does: it binds itself, reads a module, writes an artifact.

use std::fs;
use std::io::{Read as _, Write as _, stdin, stdout};

use anyhow::Context as _;
use primitives::Hash;
use rustix::process::{
    Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit,
};
use vm::engine::{Compiler as _, InProcess};

/// Descriptors that it needs are those that it has.
const DESCRIPTORS: u64 = 3;

/// Compiles the module at the standard input to the standard output, with so much memory and so much time of all
/// threads together.
///
/// # Errors
/// When the module does not compile. What its bounds end has no time for that.
pub fn compile_module(memory_mib: u64, cpu_seconds: u64) -> anyhow::Result<()> {
    bind(memory_mib, cpu_seconds).context("the compiling process cannot bind itself")?;
    let mut wasm = Vec::new();
    stdin().lock().read_to_end(&mut wasm)?;
    let artifact = InProcess::default().compile(&Hash::ZERO, &wasm)?;
    let mut out = stdout().lock();
    out.write_all(&artifact)?;
    Ok(out.flush()?)
}

/// From here on this process takes no more than it may, writes no file and opens none, and ends with the node.
fn bind(memory_mib: u64, cpu_seconds: u64) -> rustix::io::Result<()> {
    // The signal comes when the thread ends that started this process, and that one waits for it.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // When the machine has no memory left, the system shall end this process and not the node. It may be that nobody
    // has the right to say so, and then the bound on memory is what is left.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
    // Only what can be written to counts: the compiler reserves far more address space than it uses.
    limit(Resource::Data, memory_mib << 20, memory_mib << 20)?;
    // The first limit's signal says what it was, the second one cannot be ignored.
    limit(Resource::Cpu, cpu_seconds, cpu_seconds + 1)?;
    limit(Resource::Core, 0, 0)?;
    limit(Resource::Fsize, 0, 0)?;
    limit(Resource::Nofile, DESCRIPTORS, DESCRIPTORS)
}

/// Lowers a limit, or leaves it where it is lower already.
fn limit(resource: Resource, current: u64, maximum: u64) -> rustix::io::Result<()> {
    let allowed = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let (current, maximum) = (current.min(allowed), maximum.min(allowed));
    setrlimit(resource, Rlimit { current: Some(current), maximum: Some(maximum) })
}
