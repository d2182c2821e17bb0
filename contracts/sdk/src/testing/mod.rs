//! Tests of contracts, on the node's own executor.
//!
//! ```ignore
//! use my_token::token::{Error, TokenClient, Transfer};
//! use quorate_sdk::testing::{TestChain, contract_test};
//!
//! #[contract_test]
//! fn units_change_hands(chain: &mut TestChain) {
//!     let [alice, bob] = ["alice", "bob"].map(|name| chain.account(name));
//!     let token = chain.deploy(&alice, TokenClient::new(100));
//!
//!     let receipt = chain.call(&alice, token.transfer(bob, 40));
//!     assert_eq!(receipt.events::<Transfer>().len(), 1);
//!     assert_eq!(chain.query(token.balance_of(bob)), 40);
//!
//!     let refused = chain.call(&bob, token.transfer(alice, 41));
//!     assert_eq!(refused.error(), Error::Insufficient { have: 40, need: 41 });
//! }
//! ```
//!
//! In the contract's `Cargo.toml`:
//!
//! ```toml
//! [dev-dependencies]
//! quorate-sdk = { path = "vendor/sdk", features = ["testing"] }
//! ```
//!
//! `quorate contract test` runs the tests, and so does `cargo test` where `quorate` is on the path.
//! Tests that stand in `tests/` see what is `pub`: the contract's module and the types in it.
//!
//! # The chain
//!
//! A [`TestChain`] is served by the program `quorate`, which a test starts in the background: so
//! the executor, the host functions, gas and limits are those of a node, and the test compiles in
//! seconds. Each transaction stands in a block of its own, a second after the one before. There are
//! no fees. Accounts are made by name, with plenty of units; names, times and addresses are the
//! same in every run.
//!
//! Methods are called through the client that `#[contract]` makes: `token.transfer(bob, 40)` is a
//! [`Call`](crate::call::Call), to which `.value(…)` and `.gas(…)` can be added, and
//! [`TestChain::call`] sends it in a transaction of an account. The [`Receipt`] has the value, or
//! the error, or the failure; events and gas.
//!
//! # Twice
//!
//! `#[contract_test]` runs its body twice. First the contracts run natively, in the test's own
//! process, where a debugger stops in them and a panic is seen where it happens; only the host
//! functions that they call are served by `quorate`. Then they run as WebAssembly, as on a chain.
//! The test fails when the two differ in what any call answered, in an event, or in the state at
//! the end, and says where: such a contract depends on what it must not, on the width of `usize`,
//! say, or on an address in memory.
//!
//! Gas is not compared. Natively only host functions cost gas, so that a method that needs too much
//! of it ends as WebAssembly and goes on natively: an endless loop is endless there. What is about
//! gas stands in a plain `#[test]` with [`TestChain::new`], which runs WebAssembly only.
//!
//! `QUORATE_RUN=native` or `QUORATE_RUN=wasm` in the environment has each body run once only.
//!
//! # Properties
//!
//! [`natively_and_as_wasm`] does the same within a function, for instance for each case of a
//! property test.

mod chain;
mod compare;
mod link;
mod module;
mod receipt;

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

pub use abi::testing::{Emitted, Failure};
pub use quorate_macros::contract_test;

pub use chain::TestChain;
pub use receipt::{Problem, Receipt};

pub(crate) use link::cross;

/// Runs a body with contracts that run natively, then with WebAssembly, and compares.
///
/// # Panics
///
/// When the body does, and when the two runs differ.
pub fn natively_and_as_wasm(body: impl Fn(&mut TestChain)) {
    let chosen = env::var("QUORATE_RUN").unwrap_or_default();
    let mut seen = None;
    if chosen != "wasm" {
        let mut chain = TestChain::native();
        run("the native run", &body, &mut chain);
        seen = Some(chain.finish());
    }
    if chosen != "native" {
        let mut chain = TestChain::new();
        match seen {
            Some(seen) => {
                chain.expect(seen);
                run("the run as WebAssembly", &body, &mut chain);
                chain.compare_end();
            }
            None => run("the run as WebAssembly", &body, &mut chain),
        }
    }
}

fn run(which: &str, body: &impl Fn(&mut TestChain), chain: &mut TestChain) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| body(chain))) {
        eprintln!("This was in {which}.");
        resume_unwind(panic);
    }
}
