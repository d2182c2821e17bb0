//! wasmer with Cranelift as it is: what the engine itself takes, without gas, without the host's work, and without any
//! of its settings that ours changes but one, canonical NaNs.

use anyhow::Result;
use wasmer::sys::{Cranelift, EngineBuilder};
use wasmer::{
    AsStoreMut as _, Engine, Function, Imports, Instance, Module, Store, TypedFunction, imports,
};

fn engine() -> Engine {
    let mut compiler = Cranelift::new();
    compiler.canonicalize_nans(true);
    EngineBuilder::new(compiler).into()
}

pub(super) fn compile(module: &[u8]) -> Result<()> {
    Module::new(&engine(), module)?;
    Ok(())
}

/// A module with one function that does nothing.
pub(super) struct Empty {
    engine: Engine,
    module: Module,
}

impl Empty {
    pub(super) fn new(pages: u32) -> Result<Self> {
        let memory = if pages == 0 { String::new() } else { format!("(memory {pages})") };
        let text = format!(
            r#"(module {memory} (func (export "run") (param i32) (result i32) i32.const 0))"#
        );
        let engine = engine();
        let module = Module::new(&engine, wat::parse_str(text)?)?;
        Ok(Self { engine, module })
    }

    /// Makes an instance, enters it, and drops it.
    pub(super) fn make(&self) -> Result<()> {
        let mut store = Store::new(self.engine.clone());
        let instance = Instance::new(&mut store, &self.module, &Imports::new())?;
        let run: TypedFunction<i32, i32> = instance.exports.get_typed_function(&store, "run")?;
        run.call(&mut store, 0)?;
        Ok(())
    }
}

/// A loop around a host function that does nothing.
pub(super) struct Host {
    engine: Engine,
    module: Module,
}

impl Host {
    pub(super) fn new() -> Result<Self> {
        let text = r#"(module (import "host" "nothing" (func $nothing (param i32)))
            (func (export "run") (param $turns i64)
                (block (loop
                    (br_if 1 (i64.eqz (local.get $turns)))
                    (call $nothing (i32.const 0))
                    (local.set $turns (i64.sub (local.get $turns) (i64.const 1)))
                    (br 0)))))"#;
        let engine = engine();
        let module = Module::new(&engine, wat::parse_str(text)?)?;
        Ok(Self { engine, module })
    }

    pub(super) fn call(&self, turns: u64) -> Result<()> {
        let mut store = Store::new(self.engine.clone());
        let nothing = Function::new_typed(&mut store, |_: i32| ());
        let imports = imports! { "host" => { "nothing" => nothing } };
        let instance = Instance::new(&mut store, &self.module, &imports)?;
        let run: TypedFunction<u64, ()> = instance.exports.get_typed_function(&store, "run")?;
        run.call(&mut store.as_store_mut(), turns)?;
        Ok(())
    }
}

/// A function that computes.
pub(super) struct Bare {
    engine: Engine,
    module: Module,
}

impl Bare {
    pub(super) fn new(module: &[u8]) -> Result<Self> {
        let engine = engine();
        let module = Module::new(&engine, module)?;
        Ok(Self { engine, module })
    }

    pub(super) fn work(&self, selector: [u8; 4], turns: u64) -> Result<u64> {
        let mut store = Store::new(self.engine.clone());
        let instance = Instance::new(&mut store, &self.module, &Imports::new())?;
        let work: TypedFunction<(u64, i32), u64> =
            instance.exports.get_typed_function(&store, "work")?;
        Ok(work.call(&mut store, turns, i32::from_le_bytes(selector))?)
    }
}
