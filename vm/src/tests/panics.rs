//! Panics in host functions: our own bugs fail the call, and a storage that fails stops the node.

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use primitives::receipt::{Failure, Status};
use primitives::state_key::{Direction, KeyVisitor};
use primitives::{Action, Amount, Gas, Hash, StateKey};

use crate::engine::{Answer, Engine, Fatal, Guest, Made, OutOfBounds, Program, Ran, Run};
use crate::host::{HostCalls, io};
use crate::testing::{GAS, RUN, TestChain, calling, key};
use crate::{Executor, ExecutorOptions, Storage, holds_panics};

/// An engine under whose contracts the host has a bug, and what was said of its panic.
#[derive(Clone, Default)]
struct Faulty(Arc<AtomicBool>);

struct Memory<'a> {
    gas: i64,
    held: &'a AtomicBool,
}

impl Engine for Faulty {
    fn compile(&self, _code: &Hash, _wasm: &[u8]) -> Result<Made, Fatal> {
        Ok(Made { program: Box::new(self.clone()), artifact: None })
    }
}

impl Program for Faulty {
    fn run(&self, run: Run<'_>, calls: &mut HostCalls<'_, '_>) -> Result<Ran, Fatal> {
        let mut memory = Memory { gas: run.gas, held: &self.0 };
        let answer = match calls.enter(&mut memory, |host| io::set_output(host, 0, 4)) {
            Ok(()) => Answer::Returned(0),
            Err(_) => Answer::Escaped,
        };
        Ok(Ran { answer, gas: memory.gas, stack: 1 })
    }

    fn size(&self) -> usize {
        1
    }
}

impl Guest for Memory<'_> {
    fn gas(&mut self) -> i64 {
        self.gas
    }

    fn set_gas(&mut self, gas: i64) {
        self.gas = gas;
    }

    fn read(&mut self, _at: u32, _into: &mut [u8]) -> Result<(), OutOfBounds> {
        self.held.store(holds_panics(), Ordering::Relaxed);
        panic!("a bug of ours");
    }

    fn write(&mut self, _at: u32, _bytes: &[u8]) -> Result<(), OutOfBounds> {
        Err(OutOfBounds)
    }
}

#[test]
fn a_bug_in_a_host_function_costs_the_call_its_gas_and_no_node_its_life() {
    let faulty = Faulty::default();
    let held = Arc::clone(&faulty.0);
    let mut chain = TestChain::new();
    chain.executor = Executor::with_engine(ExecutorOptions::default(), Arc::new(faulty));
    let contract = chain.deploy(calling("", "i32.const 0"));
    let receipt = chain.call(contract, &RUN, 0);
    assert_eq!(receipt.status, Status::Failed(Failure::Trapped));
    assert_eq!(receipt.gas_used, Gas(GAS));
    assert!(held.load(Ordering::Relaxed), "a node would have ended on it");
    assert!(!holds_panics(), "it is over");
}

/// A store that cannot read what contracts have stored, and what was said of its panic.
struct Broken<'a> {
    below: &'a BTreeMap<StateKey, Vec<u8>>,
    held: AtomicBool,
}

impl Broken<'_> {
    fn fail(&self) -> ! {
        self.held.store(holds_panics(), Ordering::Relaxed);
        panic!("the disk is broken");
    }
}

impl Storage for Broken<'_> {
    fn get(&self, key: &StateKey) -> Option<Vec<u8>> {
        if key.namespace == StateKey::storage(&Default::default(), &[]).namespace {
            self.fail();
        }
        Storage::get(self.below, key)
    }

    fn walk(&self, _range: &Range<StateKey>, _direction: Direction, visit: KeyVisitor<'_>) {
        // The first pair is there: what a visitor does is the host's, and not the store's.
        let _ = visit(StateKey::storage(&Default::default(), &[]), Vec::new());
        self.fail();
    }
}

#[test]
fn a_store_that_fails_within_a_call_is_no_failed_call() {
    for body in [
        "(drop (call $get (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 0))) i32.const 0",
        "(drop (call $next_batch (call $scan (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0)) (i32.const 64) (i32.const 4096))) i32.const 0",
    ] {
        let mut chain = TestChain::new();
        let contract = chain.deploy(calling("", body));
        let arguments = RUN.to_vec();
        let action = Action::Call { contract, arguments, value: Amount::ZERO };
        let signed = chain.transaction(1, action).sign(&key(1));
        let store = Broken { below: &chain.state, held: AtomicBool::new(true) };
        let run = || chain.executor.execute_block(&store, &chain.block, [&signed]);
        let panic = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"the disk is broken"), "{body}");
        assert!(!store.held.load(Ordering::Relaxed), "a node would have gone on: {body}");
    }
}
