//! Contracts held against a second engine, against the WebAssembly specification and against a
//! corpus of attacks.
//!
//! - [`differ`]: random contracts in several engines; receipts and writes must be the same.
//! - [`conformance`]: the specification's test suite, with and without the instrumentation.
//! - [`corpus`]: one file for each attack on time or memory, and what it may cost.
//! - [`calibration`]: what operators and host functions cost on this machine, beside their prices.

pub mod calibration;
pub mod chain;
pub mod conformance;
pub mod corpus;
pub mod differ;
pub mod samples;
pub mod text;
mod values;

/// Runs what needs more stack than a thread of the test runner has: calls inside each other stand
/// on it, in wasmi with larger frames.
pub fn on_a_big_stack<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    let builder = std::thread::Builder::new().stack_size(64 << 20);
    std::thread::scope(|scope| {
        let spawned = builder.spawn_scoped(scope, run);
        let thread = spawned.unwrap_or_else(|error| panic!("no thread: {error}"));
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
