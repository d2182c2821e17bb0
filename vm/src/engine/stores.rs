//! wasmer's stores with the host functions in them, used for some runs each.
//!
//! A store keeps all that was ever made in it until it is dropped. Making the host functions anew
//! for each run is a tenth of a short call, so a store serves some instances, one after the other;
//! each is fresh, and none is entered again after its run. Only the memory is given back at once,
//! by [`wasmer::Memory::reset`]. A store belongs to the thread that made it.

#![allow(unsafe_code)]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use wasmer::{Engine, Extern, FunctionEnv, Store};

use super::Fatal;
use super::imports::{Env, import};
use crate::host::HostCalls;

/// Runs that one store serves: what dead instances take stays small.
const RUNS_MAX: u32 = 32;
/// Stores of all modules that a thread keeps for its next run.
const KEPT_MAX: usize = 4;

thread_local! {
    /// Stores that no contract runs in, with the module they are for; the last used is the last.
    static KEPT: RefCell<VecDeque<(ModuleId, Ready)>> = const { RefCell::new(VecDeque::new()) };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ModuleId(u64);

/// A store with a module's imports.
struct Ready {
    store: Store,
    env: FunctionEnv<Env>,
    imports: Vec<Extern>,
    runs: u32,
}

/// What a module needs to be instantiated again and again.
#[derive(Debug)]
pub(super) struct Prepared {
    module: ModuleId,
    engine: Engine,
    /// The host functions it imports, in the order of its import section.
    imports: Vec<String>,
}

impl Prepared {
    pub(super) fn new(engine: Engine, imports: Vec<String>) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let module = ModuleId(COUNT.fetch_add(1, Ordering::Relaxed));
        Self { module, engine, imports }
    }

    /// Runs something in a store whose host functions lead to these calls. The store is used again
    /// only when all went as it should.
    pub(super) fn with_store<T>(
        &self,
        calls: &mut HostCalls<'_, '_>,
        run: impl FnOnce(&mut Store, &[Extern], &FunctionEnv<Env>) -> Result<T, Fatal>,
    ) -> Result<T, Fatal> {
        let mut ready = match take(self.module) {
            Some(ready) => ready,
            None => self.make()?,
        };
        // SAFETY: this function has the host to itself, and either clears the environment before it
        // returns or drops the store with it.
        unsafe { ready.env.as_mut(&mut ready.store).lead(calls) };
        let answer = run(&mut ready.store, &ready.imports, &ready.env)?;
        ready.env.as_mut(&mut ready.store).clear();
        ready.runs += 1;
        put_back(self.module, ready);
        Ok(answer)
    }

    fn make(&self) -> Result<Ready, Fatal> {
        let mut store = Store::new(self.engine.clone());
        let env = FunctionEnv::new(&mut store, Env::default());
        let mut imports = Vec::with_capacity(self.imports.len());
        for name in &self.imports {
            let unknown = || Fatal(format!("a validated module imports the unknown {name}"));
            imports.push(import(name, &mut store, &env).ok_or_else(unknown)?.into());
        }
        Ok(Ready { store, env, imports, runs: 0 })
    }
}

fn take(module: ModuleId) -> Option<Ready> {
    KEPT.with_borrow_mut(|kept| {
        let place = kept.iter().rposition(|(of, _)| *of == module)?;
        kept.remove(place).map(|(_, ready)| ready)
    })
}

fn put_back(module: ModuleId, ready: Ready) {
    if ready.runs < RUNS_MAX {
        KEPT.with_borrow_mut(|kept| {
            kept.push_back((module, ready));
            if kept.len() > KEPT_MAX {
                kept.pop_front();
            }
        });
    }
}
