//! The engine for contracts that are compiled into the test.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use abi::MethodKind;
use abi::testing::{Answer, Left, Request};
use primitives::Hash;
use vm::engine::{self, Engine, Fatal, Guest, Made, OutOfBounds, Program, Ran, Run, Wasmer};
use vm::{HOST_FUNCTIONS, HostCalls, HostFunction};

use crate::pipe::Pipe;

/// A pipe that the chain and its engine share; only one of them is at work.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<Pipe>>);

impl Shared {
    pub(crate) fn new(pipe: Pipe) -> Self {
        Self(Arc::new(Mutex::new(pipe)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Pipe> {
        // A pipe that panicked half-way is at its end anyway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says something, and waits for what the test says to it.
    fn exchange(&self, answer: &Answer) -> Result<Request, Fatal> {
        let mut pipe = self.lock();
        let broken = |error: std::io::Error| Fatal(format!("the pipe is broken: {error}"));
        pipe.send(answer).map_err(broken)?;
        let request = pipe.receive().map_err(broken)?;
        request.ok_or_else(|| Fatal("the test ended in the middle of a call".to_owned()))
    }
}

/// Runs what is registered in the test, and everything else as the product does.
pub(crate) struct Native {
    pub(crate) registered: Arc<Mutex<BTreeSet<Hash>>>,
    pub(crate) pipe: Shared,
    pub(crate) product: Arc<Wasmer>,
}

impl Engine for Native {
    fn compile(&self, code: &Hash, wasm: &[u8]) -> Result<Made, Fatal> {
        let registered = self.registered.lock().unwrap_or_else(PoisonError::into_inner);
        if !registered.contains(code) {
            return self.product.compile(code, wasm);
        }
        let program = Box::new(InTheTest { code: *code, pipe: self.pipe.clone() });
        Ok(Made { program, artifact: None })
    }

    fn open(&self, artifact: &[u8]) -> Option<Box<dyn Program>> {
        self.product.open(artifact)
    }
}

/// A contract of the test.
struct InTheTest {
    code: Hash,
    pipe: Shared,
}

impl Program for InTheTest {
    fn run(&self, run: Run<'_>, calls: &mut HostCalls<'_, '_>) -> Result<Ran, Fatal> {
        let kind = kind(run.entry)?;
        let length = run.argument.cast_unsigned();
        let mut gas = run.gas;
        let mut said = self.pipe.exchange(&Answer::Enter { code: self.code.0, kind, length })?;
        loop {
            said = match said {
                Request::Cross { function, arguments, memory, room } => {
                    let function = function_named(&function, arguments.len())?;
                    let mut scratch = Scratch::new(memory, room, gas);
                    let crossed = function.run(calls, &mut scratch, &arguments).ok();
                    gas = scratch.gas;
                    let crossed = crossed.map(|answer| (answer, scratch.into_room()));
                    self.pipe.exchange(&Answer::Crossed(crossed))?
                }
                Request::Left(left) => {
                    let answer = match left {
                        Left::Returned(answer) => engine::Answer::Returned(answer),
                        Left::Escaped => engine::Answer::Escaped,
                    };
                    return Ok(Ran { answer, gas, stack: run.stack });
                }
                other => return Err(Fatal(format!("in a call the test said {other:?}"))),
            };
        }
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }
}

fn kind(entry: &str) -> Result<MethodKind, Fatal> {
    Ok(match entry {
        "init" => MethodKind::Init,
        "call" => MethodKind::Call,
        "query" => MethodKind::Query,
        "migrate" => MethodKind::Migrate,
        other => return Err(Fatal(format!("there is no entry `{other}`"))),
    })
}

fn function_named(name: &str, arguments: usize) -> Result<&'static HostFunction, Fatal> {
    let found = HOST_FUNCTIONS.iter().find(|function| function.name == name);
    let fits = found.filter(|function| function.parameters.len() == arguments);
    fits.ok_or_else(|| Fatal(format!("there is no host function `{name}` of {arguments}")))
}

/// A buffer in the place of a contract's memory, for one call of a host function.
struct Scratch {
    bytes: Vec<u8>,
    /// Where the room begins that the host may write to.
    room: usize,
    gas: i64,
}

impl Scratch {
    fn new(mut bytes: Vec<u8>, room: u32, gas: i64) -> Self {
        let read = bytes.len();
        bytes.resize(read + room as usize, 0);
        Self { bytes, room: read, gas }
    }

    fn into_room(mut self) -> Vec<u8> {
        self.bytes.split_off(self.room)
    }

    fn range(at: u32, length: usize) -> Option<std::ops::Range<usize>> {
        let start = at as usize;
        Some(start..start.checked_add(length)?)
    }
}

impl Guest for Scratch {
    fn gas(&mut self) -> i64 {
        self.gas
    }

    fn set_gas(&mut self, gas: i64) {
        self.gas = gas;
    }

    fn read(&mut self, at: u32, into: &mut [u8]) -> Result<(), OutOfBounds> {
        let range = Self::range(at, into.len()).ok_or(OutOfBounds)?;
        into.copy_from_slice(self.bytes.get(range).ok_or(OutOfBounds)?);
        Ok(())
    }

    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), OutOfBounds> {
        let range = Self::range(at, bytes.len()).ok_or(OutOfBounds)?;
        self.bytes.get_mut(range).ok_or(OutOfBounds)?.copy_from_slice(bytes);
        Ok(())
    }
}
