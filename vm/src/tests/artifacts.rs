//! Compiled code that outlives an executor.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use primitives::receipt::Status;
use primitives::{Hash, StateKey};

use crate::engine::Artifacts;
use crate::testing::{RUN, TestChain, calling};
use crate::{Executor, ExecutorOptions};

/// What is kept, how often something was, and how often something was asked for.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<(BTreeMap<Hash, Vec<u8>>, usize, usize)>);

impl Memory {
    pub(super) fn count(&self) -> usize {
        self.0.lock().unwrap().1
    }

    pub(super) fn loads(&self) -> usize {
        self.0.lock().unwrap().2
    }

    /// Changes what is kept.
    fn spoil(&self, spoil: impl Fn(&mut Vec<u8>)) {
        self.0.lock().unwrap().0.values_mut().for_each(spoil);
    }
}

impl Artifacts for Memory {
    fn load(&self, name: &Hash) -> Option<Vec<u8>> {
        let mut kept = self.0.lock().unwrap();
        kept.2 += 1;
        kept.0.get(name).cloned()
    }

    fn keep(&self, name: &Hash, artifact: &[u8]) {
        let mut kept = self.0.lock().unwrap();
        kept.0.insert(*name, artifact.to_vec());
        kept.1 += 1;
    }

    fn wants(&self, name: &Hash) -> bool {
        !self.0.lock().unwrap().0.contains_key(name)
    }
}

/// Uploads and calls a contract on a new chain.
fn run(artifacts: &Arc<Memory>, body: &str) {
    let artifacts: Arc<dyn Artifacts> = Arc::<Memory>::clone(artifacts);
    let mut chain =
        TestChain::with(ExecutorOptions { artifacts: Some(artifacts), ..Default::default() });
    let contract = chain.deploy(calling("", body));
    assert_eq!(chain.call(contract, &RUN, 0).status, Status::Success);
}

#[test]
fn a_module_is_compiled_once_for_all_executors() {
    let artifacts = Arc::new(Memory::default());
    for _ in 0..3 {
        run(&artifacts, "i32.const 0");
    }
    assert_eq!(artifacts.count(), 1);
    run(&artifacts, "(drop (i32.const 1)) i32.const 0");
    assert_eq!(artifacts.count(), 2, "another module has another name");
}

/// What a state brought with it is compiled before it is called, once.
#[test]
fn code_of_a_state_is_compiled_ahead() {
    let mut chain = TestChain::new();
    let contract = chain.deploy(calling("", "i32.const 0"));
    let codes: Vec<_> = chain.state.range(StateKey::code_infos()).collect();
    let [(StateKey { key, .. }, _)] = codes[..] else { panic!("one code") };
    let code = Hash(key.as_slice().try_into().unwrap());
    let artifacts = Arc::new(Memory::default());
    let options = || {
        let artifacts: Arc<dyn Artifacts> = Arc::<Memory>::clone(&artifacts);
        ExecutorOptions { artifacts: Some(artifacts), ..Default::default() }
    };
    let executor = Executor::new(options());
    assert!(executor.prepare(&chain.state, &code).unwrap());
    assert!(!executor.prepare(&chain.state, &code).unwrap(), "it is kept");
    assert!(executor.prepare(&chain.state, &Hash::ZERO).is_err(), "there is no such code");
    chain.executor = Executor::new(options());
    assert_eq!(chain.call(contract, &RUN, 0).status, Status::Success);
    assert_eq!((artifacts.count(), artifacts.loads()), (1, 1));
}

/// A damaged artifact is never run: every byte of it stands behind the checksum.
#[test]
fn a_damaged_artifact_is_compiled_again() {
    let artifacts = Arc::new(Memory::default());
    run(&artifacts, "i32.const 0");
    let damages: [fn(&mut Vec<u8>); 5] = [
        Vec::clear,
        |bytes| bytes.truncate(31),
        |bytes| bytes.truncate(bytes.len() - 1),
        |bytes| bytes[0] ^= 1,
        |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x80;
        },
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        artifacts.spoil(damage);
        run(&artifacts, "i32.const 0");
        assert_eq!(artifacts.count(), 2 + number);
    }
}
