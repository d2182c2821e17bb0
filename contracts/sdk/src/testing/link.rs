//! The way to the program that serves the chain, and contracts that run on this side of it.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, BufReader, Read, Write};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, resume_unwind};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::string::String;
use std::sync::{Mutex, Once, PoisonError};
use std::vec::Vec;
use std::{env, format, vec};

use abi::MethodKind;
use abi::testing::{Answer, Left, MESSAGE_BYTES_MAX, Request, frame, parse};

use crate::host;

/// As much of a panic's message as a receipt keeps.
const MESSAGE_BYTES_MAX_OF_A_PANIC: usize = 256;

/// The entry of a contract that is compiled into this test.
pub(super) type Entry = fn(MethodKind, usize) -> i32;

/// A running host.
pub(super) struct Link {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Contracts that run here, by the hash of their code.
    contracts: BTreeMap<[u8; 32], Entry>,
}

/// Hosts whose tests have ended.
static IDLE: Mutex<Vec<Link>> = Mutex::new(Vec::new());

thread_local! {
    /// The host whose answer this thread waits for.
    static CURRENT: RefCell<Option<Link>> = const { RefCell::new(None) };
    /// How many contracts run in each other on this thread.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// The message and the place of the panic that is on its way through a contract.
    static PANIC: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Unwinds a contract whose call the host has ended.
struct Escaped;

impl Link {
    /// An idle host, or a new one.
    pub(super) fn open() -> Self {
        let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.unwrap_or_else(|| match Self::start() {
            Ok(link) => link,
            Err(error) => panic!(
                "Tests of contracts run on the node's own executor, and the program that has it \
                 could not be started ({error}). Run them with `quorate contract test`, or put \
                 `quorate` on the PATH, or name it in the variable QUORATE."
            ),
        })
    }

    fn start() -> io::Result<Self> {
        let mut child = command().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("it has no pipes"));
        };
        Ok(Self { child, input, output: BufReader::new(output), contracts: BTreeMap::new() })
    }

    /// Leaves a host that waits for requests to the next test.
    pub(super) fn close(mut self) {
        self.contracts.clear();
        IDLE.lock().unwrap_or_else(PoisonError::into_inner).push(self);
    }

    /// Has code with this hash run here.
    pub(super) fn register(&mut self, code: [u8; 32], entry: Entry) {
        self.contracts.insert(code, entry);
    }

    /// Makes a request, runs the contracts that the host wants run meanwhile, and waits for the
    /// answer.
    pub(super) fn ask(self, request: &Request) -> (Self, Answer) {
        let before = CURRENT.replace(Some(self));
        let answer = exchange(request);
        match CURRENT.replace(before) {
            Some(link) => (link, answer),
            None => panic!("the host is gone while it answers"),
        }
    }

    fn say(&mut self, request: &Request) -> io::Result<Answer> {
        self.input.write_all(&frame(request))?;
        self.input.flush()?;
        let mut length = [0; 4];
        self.output.read_exact(&mut length)?;
        let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        if length > MESSAGE_BYTES_MAX {
            return Err(io::Error::other("it said something endless"));
        }
        let mut bytes = vec![0; length];
        self.output.read_exact(&mut bytes)?;
        parse(&bytes).ok_or_else(|| io::Error::other("it said something else"))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // It ends when its input does, but for one that is stuck in a call.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What serves a chain: `quorate contract host`, where `QUORATE` may name the program. Where it
/// does not, `QUORATE_HOST` may be a whole command instead.
fn command() -> Command {
    let line = env::var("QUORATE_HOST").unwrap_or_default();
    let mut words = line.split_whitespace();
    let quorate = |program: OsString| {
        let mut command = Command::new(program);
        command.args(["contract", "host"]);
        command
    };
    match (env::var_os("QUORATE"), words.next()) {
        (Some(program), _) => quorate(program),
        (None, Some(program)) => {
            let mut command = Command::new(program);
            command.args(words);
            command
        }
        (None, None) => quorate("quorate".into()),
    }
}

/// Makes a request of this thread's host, and runs what it wants run before it answers.
fn exchange(request: &Request) -> Answer {
    let mut answer = say(request);
    loop {
        answer = match answer {
            Answer::Enter { code, kind, length } => say(&Request::Left(enter(code, kind, length))),
            answer => return answer,
        };
    }
}

fn say(request: &Request) -> Answer {
    let said = CURRENT.with_borrow_mut(|link| link.as_mut().map(|link| link.say(request)));
    match said {
        Some(Ok(answer)) => answer,
        Some(Err(error)) => {
            // Seen even when a contract that waits for an answer is unwound.
            eprintln!("The program that serves the chain has ended, or is of another release.");
            panic!("the chain does not answer: {error}")
        }
        None => panic!(
            "a contract runs outside of a call: its methods are called through its client and a \
             `TestChain`"
        ),
    }
}

/// Calls a host function for a contract that runs here.
pub(crate) fn cross(function: &str, arguments: Vec<i64>, memory: Vec<u8>, room: &mut [u8]) -> i64 {
    let length = u32::try_from(room.len()).unwrap_or(u32::MAX);
    let function = String::from(function);
    match exchange(&Request::Cross { function, arguments, memory, room: length }) {
        Answer::Crossed(Some((answer, written))) => {
            assert_eq!(written.len(), room.len(), "the host answers with another length");
            room.copy_from_slice(&written);
            answer
        }
        Answer::Crossed(None) => resume_unwind(Box::new(Escaped)),
        other => panic!("in a contract the host says {other:?}"),
    }
}

/// Runs a contract's method, until it returns, panics or is ended by the host.
fn enter(code: [u8; 32], kind: MethodKind, length: u32) -> Left {
    install_hook();
    let entry = CURRENT.with_borrow(|link| link.as_ref()?.contracts.get(&code).copied());
    let Some(entry) = entry else { panic!("the host enters a contract that is not here") };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    match within(|| entry(kind, length)) {
        Ok(answer) => Left::Returned(answer),
        Err(panic) if panic.is::<Escaped>() => Left::Escaped,
        Err(_) => {
            // The contract's own panic is one of WebAssembly: the host ends the call with it.
            let message = PANIC.take();
            match within(|| host::panic(&message)) {
                Err(panic) if !panic.is::<Escaped>() => resume_unwind(panic),
                _ => Left::Escaped,
            }
        }
    }
}

fn within<T>(run: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    let depth = DEPTH.get();
    DEPTH.set(depth + 1);
    let ran = catch_unwind(AssertUnwindSafe(run));
    DEPTH.set(depth);
    ran
}

/// A panic in a contract goes into the receipt and not onto the screen; every other is shown as
/// before.
fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if DEPTH.get() == 0 {
                before(info);
            } else {
                PANIC.set(message(info));
            }
        }));
    });
}

/// What the panic handler of WebAssembly says.
fn message(info: &PanicHookInfo<'_>) -> Vec<u8> {
    let text = info.payload_as_str().unwrap_or_default();
    let mut message = match info.location() {
        Some(place) => format!("{text}, {}:{}", place.file(), place.line()),
        None => String::from(text),
    };
    message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX_OF_A_PANIC));
    message.into_bytes()
}
