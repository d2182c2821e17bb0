//! Serves a chain to the tests of a contract: `quorate contract host`.
//!
//! A test of a contract runs on the node's own executor, and yet compiles in seconds: the executor
//! is here, in a program that is there already, and the test speaks to it over a pipe. The messages
//! are those of [`abi::testing`].
//!
//! - `chain` holds the state and a clock of its own, and executes each transaction in a block of
//!   its own. There are no fees.
//! - `native` is an engine for contracts that run in the test's process, so that a debugger stops
//!   in them: it asks the test to run a method, and serves the host functions that the method
//!   calls. The executor around it is the same, and so is every host function.
//!
//! The crate does not know the SDK, and nothing of networks or disks.

mod chain;
mod native;
mod pipe;
mod serve;

use std::io::{self, Read, Write};

use thiserror::Error;

pub use serve::serve;

/// Why a host stops before its test has ended.
#[derive(Debug, Error)]
pub enum HostError {
    #[error("the pipe to the test is broken: {0}")]
    Pipe(#[from] io::Error),
    #[error(
        "the test speaks another version of the protocol: its SDK and this program are of \
         different releases"
    )]
    Version,
    #[error("the test said something that cannot be understood here: {0}")]
    Unexpected(String),
    #[error("there is no thread to be had: {0}")]
    Thread(io::Error),
}

/// Native stack: contracts that call each other stand on it.
const STACK_BYTES: usize = 64 << 20;

/// Serves the test at the other end of standard input and output, until it closes them.
pub fn serve_stdio() -> Result<(), HostError> {
    serve_on_a_thread(io::stdin(), io::stdout())
}

/// [`serve`] on a thread with stack enough.
fn serve_on_a_thread(
    input: impl Read + Send + 'static,
    output: impl Write + Send + 'static,
) -> Result<(), HostError> {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
    let thread = thread.spawn(move || serve(input, output)).map_err(HostError::Thread)?;
    match thread.join() {
        Ok(served) => served,
        // It has said why: a chain that cannot go on panics with the reason.
        Err(_) => Err(HostError::Unexpected("the chain cannot go on".to_owned())),
    }
}
