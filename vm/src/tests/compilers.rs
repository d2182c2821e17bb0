//! Compilers that fail: what they do not manage is interpreted, and nobody sees it in a result.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use primitives::receipt::{Failure, Status};
use primitives::{Action, Amount, Hash, limits};

use crate::engine::{CompileError, Compiler, InProcess};
use crate::testing::{AGAIN, ASK, RUN, TestChain, calling, key};
use crate::{BlockOutcome, ExecutorOptions};

/// Answers with `error`, or compiles; counts how often it was asked.
#[derive(Debug)]
struct Failing {
    error: Option<CompileError>,
    asked: AtomicUsize,
}

impl Failing {
    fn new(error: Option<CompileError>) -> Arc<Self> {
        Arc::new(Self { error, asked: AtomicUsize::new(0) })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Compiler for Failing {
    fn compile(&self, code: &Hash, wasm: &[u8]) -> Result<Vec<u8>, CompileError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        match &self.error {
            Some(error) => Err(error.clone()),
            None => InProcess::default().compile(code, wasm),
        }
    }
}

fn chain(compiler: &Arc<Failing>) -> TestChain {
    let compiler: Arc<dyn Compiler> = Arc::<Failing>::clone(compiler);
    TestChain::with(ExecutorOptions { compiler, ..Default::default() })
}

fn module() -> Option<CompileError> {
    Some(CompileError::Module("it was too much".to_owned()))
}

fn machine() -> Option<CompileError> {
    Some(CompileError::Machine("there is no process left".to_owned()))
}

/// Contracts that store, emit, call, trap, run out of gas and of stack, one body each.
fn bodies() -> Vec<(&'static str, &'static str)> {
    let recursion = "(func $f call $f)";
    vec![
        ("", "i32.const 0"),
        ("", "i32.const 1"),
        ("", "unreachable"),
        ("", "(i32.div_u (i32.const 1) (i32.const 0))"),
        ("", "(i32.load (i32.const 65536))"),
        ("", "(loop $again (br $again)) i32.const 0"),
        (recursion, "call $f i32.const 0"),
        ("", "(call $set (i32.const 0) (i32.const 9) (i32.const 7) (i32.const 100)) i32.const 0"),
        ("", "(call $emit (i32.const 300) (i32.const 4) (i32.const 1) (i32.const 9)) i32.const 0"),
        ("", "(call $panic (i32.const 0) (i32.const 3)) i32.const 0"),
        (
            "",
            "(drop (memory.grow (i32.const 255))) (i32.store (i32.const 9999999) (i32.const 1))
              (call $set_output (i32.const 9999990) (i32.const 64)) i32.const 0",
        ),
        ("", "(drop (memory.grow (i32.const 65536))) (memory.size)"),
    ]
}

/// Uploads, instantiates and calls; all that came of it.
fn play(mut chain: TestChain) -> Vec<BlockOutcome> {
    let mut outcomes = Vec::new();
    for (extra, body) in bodies() {
        let contract = chain.deploy(calling(extra, body));
        let action = Action::Call { contract, arguments: RUN.to_vec(), value: Amount::ZERO };
        let transaction = chain.transaction(1, action).sign(&key(1));
        outcomes.push(chain.block(&[transaction]));
    }
    outcomes
}

#[test]
fn what_is_not_compiled_means_the_same() {
    let compiled = play(TestChain::new());
    let statuses: Vec<_> =
        compiled.iter().map(|outcome| outcome.receipts[0].status.clone()).collect();
    assert!(statuses.contains(&Status::Success), "{statuses:?}");
    assert!(statuses.contains(&Status::Failed(Failure::OutOfGas)), "{statuses:?}");
    assert!(statuses.contains(&Status::Failed(Failure::StackExhausted)), "{statuses:?}");
    for error in [module(), machine()] {
        let interpreted = play(chain(&Failing::new(error)));
        assert!(interpreted == compiled, "{interpreted:#?}\n\n{compiled:#?}");
    }
}

/// A module on which the compiler fails is not tried with each call, in memory or not; a compiler
/// that could not be asked is asked again.
#[test]
fn only_who_could_not_be_asked_is_asked_again() {
    let all = 256 << 20;
    for (error, cache_bytes_max, more) in
        [(None, all, 0), (module(), all, 0), (module(), 0, 0), (machine(), all, 3)]
    {
        let compiler = Failing::new(error);
        let asked: Arc<dyn Compiler> = Arc::<Failing>::clone(&compiler);
        let options = ExecutorOptions { compiler: asked, cache_bytes_max, ..Default::default() };
        let mut chain = TestChain::with(options);
        let contract = chain.deploy(calling("", "i32.const 0"));
        let before = compiler.asked();
        for _ in 0..3 {
            assert_eq!(chain.call(contract, &RUN, 0).status, Status::Success);
        }
        assert_eq!(compiler.asked() - before, more);
    }
}

#[test]
#[should_panic(expected = "a validated module does not compile: broken")]
fn a_fault_of_the_compiler_itself_is_not_covered_up() {
    let mut chain = chain(&Failing::new(Some(CompileError::Fault("broken".to_owned()))));
    chain.deploy(calling("", "i32.const 0"));
}

/// An artifact that is cut off or damaged on its way is not run.
#[test]
fn what_is_not_whole_is_not_run() {
    #[derive(Debug)]
    struct Cutting;
    impl Compiler for Cutting {
        fn compile(&self, code: &Hash, wasm: &[u8]) -> Result<Vec<u8>, CompileError> {
            let mut sealed = InProcess::default().compile(code, wasm)?;
            sealed.pop();
            Ok(sealed)
        }
    }
    let options = ExecutorOptions { compiler: Arc::new(Cutting), ..Default::default() };
    let mut chain = TestChain::with(options);
    let contract = chain.deploy(calling("", "i32.const 0"));
    assert_eq!(chain.call(contract, &RUN, 0).status, Status::Success);
}

#[test]
fn many_who_want_one_module_have_it_compiled_once() {
    let mut first = TestChain::new();
    let contract = first.deploy(calling("", "i32.const 0"));
    let compiler = Failing::new(None);
    let second = TestChain { state: first.state, ..chain(&compiler) };
    let together = Barrier::new(8);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                together.wait();
                second.query(contract, &ASK)
            });
        }
    });
    assert_eq!(compiler.asked(), 1);
}

/// Interpreted contracts stand on the native stack with larger frames than compiled ones, and
/// still on the 2 MiB that an executor asks for.
#[test]
fn the_deepest_calls_fit_the_stack_that_an_executor_asks_for() {
    let mut chain = chain(&Failing::new(module()));
    // Tells of itself, and calls whom its input names with the same input, until it is refused.
    let body = "(call $input (i32.const 0))
        (call $emit (i32.const 300) (i32.const 4) (i32.const 0) (i32.const 4))
        (drop (call $call (i32.const 4) (i32.const 0) (i32.const 36) (i32.const 200) (i64.const 0)
            (i32.const 0)))
        i32.const 0";
    let contract = chain.deploy(calling("", body));
    let input = [AGAIN.as_slice(), &contract.0].concat();
    let small = thread::Builder::new().stack_size(2 << 20);
    let receipt = thread::scope(|scope| {
        let call = || chain.call(contract, &input, 0);
        small.spawn_scoped(scope, call).unwrap().join().unwrap()
    });
    assert_eq!(receipt.status, Status::Success);
    assert_eq!(receipt.events.len(), limits::CALL_DEPTH_MAX as usize + 1);
}
