//! Compiles contracts in processes of their own, so that a module written to hurt a compiler hurts nothing else.
//!
//! The node starts its own binary again, as `quorate compile-module`: the module goes in at its standard input, the
//! artifact comes out at its standard output, and the reason why there is none at its standard error. The process binds
//! itself before it reads a byte (`compiler/child.rs`), and is killed when it takes too long (`compiler/process.rs`).
//! Whatever it does then, be slow, want memory, panic or abort, costs what its bounds allow, and the contract is
//! interpreted: the result is the same.
//!
//! # How the bounds were chosen
//!
//! By the corpus of attacks, `tests/contracts/src/corpus`, whose modules upload accepts. The worst of them took 1.0 s
//! of processors and 177 MiB, and 1.5 s by the clock where six others wanted each core (`tests/figures/engine.md` has
//! the command). So 10 s are ten times as much; 1 GiB is six times as much, since two such processes must find room
//! beside a node; and the clock leaves as much again as a busy machine needs, since it ends only a process that stands
//! still. A module is what is bounded here, not a machine: one that is ten times slower interprets what others compile,
//! with the same result.

mod child;
mod process;

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use primitives::Hash;
use thiserror::Error;
use tracing::{debug, warn};
use vm::engine::{CompileError, Compiler};

pub use self::child::compile_module;
use self::process::Failure;

/// Compilations at once; others wait, first come, first served. Two, so that a block does not wait for what a query
/// has compiled, or what is compiled ahead, and no more, since each may take [`Bounds::memory_mib`].
const AT_ONCE: u64 = 2;
/// Tries of one module. The first may have met a machine that was short of memory.
const TRIES: u32 = 2;
/// The running program, also when another file has taken its place on the disk since: an artifact is of this version.
const OWN_PROGRAM: &str = "/proc/self/exe";
/// The shortest module there is.
const EMPTY_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// What one compilation may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Memory that can be written to, without the main thread's stack.
    pub memory_mib: u64,
    /// Of all threads together.
    pub cpu_seconds: u64,
    /// By the clock: for a process that has stopped, since one that computes is ended by `cpu_seconds`.
    pub wall: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { memory_mib: 1_024, cpu_seconds: 10, wall: Duration::from_secs(30) }
    }
}

/// Why the compiler of a node cannot be used at all.
#[derive(Debug, Error)]
#[error(
    "contracts cannot be compiled on this machine: {0}. The node starts its own program for that, with at most {mib} \
     MiB of memory: let it start processes",
    mib = Bounds::default().memory_mib
)]
pub struct Unusable(CompileError);

/// The compiler of a running node.
#[derive(Debug)]
pub struct ChildCompiler {
    program: PathBuf,
    bounds: Bounds,
    turns: Turns,
}

impl ChildCompiler {
    /// One that starts this program again.
    ///
    /// # Errors
    /// When that does not work here, which is better known at the start than with the first contract.
    pub fn start() -> Result<Self, Unusable> {
        let compiler = Self::new(Path::new(OWN_PROGRAM), Bounds::default());
        compiler.try_compile(EMPTY_MODULE).map_err(|failure| Unusable(failure.into()))?;
        Ok(compiler)
    }

    /// One that starts another program, within other bounds: for tests.
    pub fn new(program: &Path, bounds: Bounds) -> Self {
        Self { program: program.to_owned(), bounds, turns: Turns::default() }
    }

    /// Tries again unless time was what it lacked: that would hold up a block as long once more.
    fn try_compile(&self, wasm: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut tries = 1;
        loop {
            let failure = match process::compile(&self.program, &self.bounds, wasm) {
                Ok(artifact) => return Ok(artifact),
                Err(failure) => failure,
            };
            if matches!(failure, Failure::Time(_)) || tries == TRIES {
                return Err(failure);
            }
            tries += 1;
        }
    }
}

impl Compiler for ChildCompiler {
    fn compile(&self, code: &Hash, wasm: &[u8]) -> Result<Vec<u8>, CompileError> {
        let _turn = self.turns.take();
        let began = Instant::now();
        let compiled = self.try_compile(wasm);
        let ms = began.elapsed().as_millis();
        compiled
            .inspect(|artifact| debug!(%code, ms, bytes = artifact.len(), "a contract is compiled"))
            .map_err(|failure| {
                let error = CompileError::from(failure);
                warn!(%code, ms, "{error}; it is interpreted, which takes more time");
                error
            })
    }
}

impl From<Failure> for CompileError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Time(what) | Failure::End(what) => Self::Module(what),
            Failure::Machine(error) => Self::Machine(error.to_string()),
        }
    }
}

/// Who compiles and who waits, in the order in which they came.
#[derive(Debug, Default)]
struct Turns {
    counted: Mutex<Counted>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Counted {
    taken: u64,
    ended: u64,
}

impl Turns {
    /// Waits until it is this caller's turn, which lasts as long as what it returns.
    fn take(&self) -> Turn<'_> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let own = counted.taken;
        counted.taken += 1;
        let waited = self.ended.wait_while(counted, |counted| own >= counted.ended + AT_ONCE);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        Turn(self)
    }
}

struct Turn<'a>(&'a Turns);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.counted.lock().unwrap_or_else(PoisonError::into_inner).ended += 1;
        self.0.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn no_more_than_two_have_their_turn_at_once() {
        let (turns, now, most) = (Turns::default(), AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let _turn = turns.take();
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::yield_now();
                        now.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(most.into_inner(), AT_ONCE);
        assert_eq!(turns.counted.into_inner().unwrap().ended, 1_600);
    }
}
