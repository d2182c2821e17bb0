//! Instances in wasmer's stores, made once and used again and again.
//!
//! Making an instance, and the host functions that it imports, takes longer than a short call. So
//! an instance that a run has left is made what it was before: its memory is as long as at first,
//! zero but for its data; its mutable globals have their first values; and nothing else of it can
//! change, since contracts have no operators that write tables or drop segments. The next run
//! cannot tell it from a new one. A contract that is entered again while it runs gets another.
//!
//! A store belongs to the thread that made it, and holds one instance.

#![allow(unsafe_code)]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use wasmer::{
    Extern, FunctionEnv, Global, Instance, Memory, Module, Mutability, RuntimeError, Store,
    TypedFunction, Value, WASM_PAGE_SIZE,
};

use super::imports::{Env, import};
use super::memory::ZEROED_BYTES;
use super::{Fatal, Run};
use crate::host::HostCalls;
use crate::instrument::{GAS_EXPORT, STACK_EXPORT};

/// Instances of all modules that a thread keeps for its next runs.
const KEPT_MAX: usize = 16;
/// Bytes of their modules, which stay in memory as long; the last used is kept whatever it takes.
const KEPT_BYTES_MAX: usize = 32 << 20;
/// The data of a memory is kept in pieces of so many bytes.
const PIECE_BYTES: usize = 64;

thread_local! {
    /// Instances that nothing runs in, with the module they are of; the last used is the last.
    static KEPT: RefCell<VecDeque<(ModuleId, Ready)>> = const { RefCell::new(VecDeque::new()) };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ModuleId(u64);

/// A module, and the instances of it.
pub(super) struct Instances {
    id: ModuleId,
    module: Module,
    pub(super) module_bytes: usize,
    engine: wasmer::Engine,
    data: OnceLock<Option<Arc<Data>>>,
}

/// What of a new instance's memory is not zero: places and bytes.
type Data = Vec<(u64, Vec<u8>)>;

/// An instance, ready to run.
pub(super) struct Ready {
    pub(super) store: Store,
    module_bytes: usize,
    env: FunctionEnv<Env>,
    memory: Memory,
    pub(super) gas: Global,
    pub(super) stack: Global,
    entries: Vec<(String, TypedFunction<i32, i32>)>,
    first: First,
}

/// What an instance begins with.
struct First {
    /// `None`: the memory is too long to be cleared where it is, and the instance serves one run.
    data: Option<Arc<Data>>,
    /// The mutable globals but for the meters, which every run sets.
    globals: Vec<(Global, Value)>,
}

impl Instances {
    /// `module_bytes` is what the module takes of the memory, roughly.
    pub(super) fn new(engine: wasmer::Engine, module: Module, module_bytes: usize) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let id = ModuleId(COUNT.fetch_add(1, Ordering::Relaxed));
        Self { id, module, module_bytes, engine, data: OnceLock::new() }
    }

    /// Runs something in an instance as it was made, whose host functions lead to these calls.
    pub(super) fn with<T>(
        &self,
        calls: &mut HostCalls<'_, '_>,
        run: impl FnOnce(&mut Ready) -> Result<T, Fatal>,
    ) -> Result<T, Fatal> {
        let mut ready = match take(self.id) {
            Some(ready) => ready,
            None => self.make()?,
        };
        // SAFETY: this function has the host to itself, and either leads the environment nowhere
        // before it returns or drops the store with it.
        unsafe { ready.env.as_mut(&mut ready.store).lead(calls) };
        let answer = run(&mut ready)?;
        ready.env.as_mut(&mut ready.store).lead_nowhere();
        if ready.make_new().map_err(|error| Fatal(format!("an instance is not reset: {error}")))? {
            put_back(self.id, ready);
        }
        Ok(answer)
    }

    fn make(&self) -> Result<Ready, Fatal> {
        let mut store = Store::new(self.engine.clone());
        let env = FunctionEnv::new(&mut store, Env::default());
        let mut imports: Vec<Extern> = Vec::new();
        for needed in self.module.imports() {
            let name = needed.name();
            let unknown = || Fatal(format!("a validated module imports the unknown {name}"));
            imports.push(import(name, &mut store, &env).ok_or_else(unknown)?.into());
        }
        let instance = Instance::new_by_index(&mut store, &self.module, &imports)
            .map_err(|error| Fatal(format!("an instance cannot be made: {error}")))?;
        let (mut memory, mut gas, mut stack) = (None, None, None);
        let (mut entries, mut globals) = (Vec::new(), Vec::new());
        for (name, export) in instance.exports.iter() {
            match export {
                Extern::Memory(export) => memory = Some(export.clone()),
                Extern::Global(export) if name == GAS_EXPORT => gas = Some(export.clone()),
                Extern::Global(export) if name == STACK_EXPORT => stack = Some(export.clone()),
                Extern::Global(export) if export.ty(&store).mutability == Mutability::Var => {
                    globals.push((export.clone(), export.get(&mut store)));
                }
                Extern::Function(export) => {
                    if let Ok(function) = export.typed(&store) {
                        entries.push((name.clone(), function));
                    }
                }
                _ => {}
            }
        }
        let (Some(memory), Some(gas), Some(stack)) = (memory, gas, stack) else {
            return Err(Fatal("an instance has no memory, or no meters".to_owned()));
        };
        let data = self.data.get_or_init(|| data(&memory, &store).map(Arc::new)).clone();
        env.as_mut(&mut store).begin(memory.clone(), gas.clone());
        let (module_bytes, first) = (self.module_bytes, First { data, globals });
        Ok(Ready { store, module_bytes, env, memory, gas, stack, entries, first })
    }
}

impl Ready {
    pub(super) fn entry(&self, run: &Run<'_>) -> Option<TypedFunction<i32, i32>> {
        let found = self.entries.iter().find(|(name, _)| name == run.entry);
        found.map(|(_, function)| function.clone())
    }

    /// Makes the instance what it was at first. False when it serves no second run.
    fn make_new(&mut self) -> Result<bool, RuntimeError> {
        let Some(data) = &self.first.data else { return Ok(false) };
        let failed = |error: &dyn std::fmt::Display| RuntimeError::new(error.to_string());
        self.memory.reset(&mut self.store).map_err(|error| failed(&error))?;
        let view = self.memory.view(&self.store);
        for (at, bytes) in data.iter() {
            view.write(*at, bytes).map_err(|error| failed(&error))?;
        }
        for (global, value) in &self.first.globals {
            global.set(&mut self.store, value.clone())?;
        }
        Ok(true)
    }
}

/// What of a new memory is not zero.
fn data(memory: &Memory, store: &Store) -> Option<Data> {
    let view = memory.view(store);
    if view.size().0 as usize * WASM_PAGE_SIZE > ZEROED_BYTES {
        return None;
    }
    let bytes = view.copy_to_vec().ok()?;
    let mut pieces = Data::new();
    for (number, piece) in bytes.chunks(PIECE_BYTES).enumerate() {
        if piece.iter().all(|byte| *byte == 0) {
            continue;
        }
        let at = (number * PIECE_BYTES) as u64;
        match pieces.last_mut() {
            Some((begin, before)) if *begin + before.len() as u64 == at => {
                before.extend_from_slice(piece);
            }
            _ => pieces.push((at, piece.to_vec())),
        }
    }
    Some(pieces)
}

fn take(module: ModuleId) -> Option<Ready> {
    KEPT.with_borrow_mut(|kept| {
        let place = kept.iter().rposition(|(of, _)| *of == module)?;
        kept.remove(place).map(|(_, ready)| ready)
    })
}

fn put_back(module: ModuleId, ready: Ready) {
    KEPT.with_borrow_mut(|kept| {
        kept.push_back((module, ready));
        let mut bytes: usize = kept.iter().map(|(_, ready)| ready.module_bytes).sum();
        while kept.len() > KEPT_MAX || (bytes > KEPT_BYTES_MAX && kept.len() > 1) {
            let Some((_, dropped)) = kept.pop_front() else { return };
            bytes -= dropped.module_bytes;
        }
    });
}
