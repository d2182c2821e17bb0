//! An instance of a module in either engine, with its meters if it has them.

use std::fmt;

use vm::cost::STACK_WORDS;
use vm::engine::{Interpreter, Wasmer};
use vm::instrument::{GAS_EXPORT, STACK_EXPORT};

/// A number that goes in or comes out; floats as their bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    I32(i32),
    I64(i64),
    F32(u32),
    F64(u64),
}

/// How an invocation ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    Returned(Vec<Value>),
    Trapped(Trap),
    /// The gas meter is below zero: with the gas that is given here, floats were executed.
    OutOfGas,
    /// The stack meter is below zero.
    StackExhausted,
    /// No such export, or what no engine should do.
    Failed(String),
}

/// What an operator can trap with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trap {
    Unreachable,
    Memory,
    Table,
    Null,
    Signature,
    Division,
    Overflow,
    Conversion,
    /// Of the native stack, or the interpreter's.
    Stack,
}

impl Trap {
    /// What the suite's scripts call it.
    pub fn of_message(message: &str) -> Option<Self> {
        // The suite's versions have words of their own: each begins with one of these.
        const NAMES: [(&str, Trap); 11] = [
            ("unreachable", Trap::Unreachable),
            ("out of bounds memory access", Trap::Memory),
            ("out of bounds table access", Trap::Table),
            ("undefined", Trap::Table),
            ("uninitialized", Trap::Null),
            ("indirect call", Trap::Signature),
            ("integer divide by zero", Trap::Division),
            ("integer overflow", Trap::Overflow),
            ("invalid conversion to integer", Trap::Conversion),
            ("call stack exhausted", Trap::Stack),
            ("stack overflow", Trap::Stack),
        ];
        NAMES.iter().find(|(name, _)| message.starts_with(name)).map(|(_, trap)| *trap)
    }
}

/// A running module.
pub trait Instance {
    fn invoke(&mut self, export: &str, arguments: &[Value]) -> End;
    /// The value of an exported global.
    fn global(&mut self, export: &str) -> Option<Value>;
}

/// An instance that meters itself gets so much gas before each invocation that only an operator
/// without a price can use it up.
const GAS: i64 = i64::MAX;

/// What a trap means, by what the meters show, if there are any.
fn classify(trap: Trap, gas: Option<i64>, stack: Option<i32>) -> End {
    match (gas, stack) {
        (Some(..0), _) => End::OutOfGas,
        (_, Some(..0)) => End::StackExhausted,
        _ => End::Trapped(trap),
    }
}

/// A module in the product's engine.
pub struct InWasmer {
    store: wasmer::Store,
    instance: wasmer::Instance,
}

impl fmt::Debug for InWasmer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InWasmer").finish_non_exhaustive()
    }
}

impl InWasmer {
    pub fn new(engine: &Wasmer, wasm: &[u8]) -> Result<Self, String> {
        let engine = engine.engine();
        let module = wasmer::Module::new(&engine, wasm).map_err(|error| error.to_string())?;
        let mut store = wasmer::Store::new(engine);
        let instance = wasmer::Instance::new(&mut store, &module, &wasmer::imports! {})
            .map_err(|error| error.to_string())?;
        Ok(Self { store, instance })
    }

    fn meter(&mut self, export: &str) -> Option<wasmer::Value> {
        let global = self.instance.exports.get_global(export).ok()?.clone();
        Some(global.get(&mut self.store))
    }

    fn set_meter(&mut self, export: &str, value: wasmer::Value) {
        if let Ok(global) = self.instance.exports.get_global(export).cloned() {
            let set = global.set(&mut self.store, value);
            assert!(set.is_ok(), "a meter is mutable");
        }
    }
}

impl Instance for InWasmer {
    fn invoke(&mut self, export: &str, arguments: &[Value]) -> End {
        self.set_meter(GAS_EXPORT, wasmer::Value::I64(GAS));
        self.set_meter(STACK_EXPORT, wasmer::Value::I32(STACK_WORDS.cast_signed()));
        let Ok(function) = self.instance.exports.get_function(export).cloned() else {
            return End::Failed(format!("there is no function {export}"));
        };
        let arguments: Vec<wasmer::Value> = arguments.iter().map(to_wasmer).collect();
        let error = match function.call(&mut self.store, &arguments) {
            Ok(results) => return End::Returned(results.iter().filter_map(of_wasmer).collect()),
            Err(error) => error,
        };
        let message = error.message();
        let Some(trap) = error.to_trap().and_then(trap_of_wasmer) else {
            return End::Failed(message);
        };
        let gas = self.meter(GAS_EXPORT).and_then(|gas| gas.i64());
        let stack = self.meter(STACK_EXPORT).and_then(|stack| stack.i32());
        classify(trap, gas, stack)
    }

    fn global(&mut self, export: &str) -> Option<Value> {
        self.meter(export).as_ref().and_then(of_wasmer)
    }
}

fn trap_of_wasmer(trap: wasmer_types::TrapCode) -> Option<Trap> {
    use wasmer_types::TrapCode::*;
    Some(match trap {
        StackOverflow => Trap::Stack,
        HeapAccessOutOfBounds => Trap::Memory,
        TableAccessOutOfBounds => Trap::Table,
        IndirectCallToNull => Trap::Null,
        BadSignature => Trap::Signature,
        IntegerOverflow => Trap::Overflow,
        IntegerDivisionByZero => Trap::Division,
        BadConversionToInteger => Trap::Conversion,
        UnreachableCodeReached => Trap::Unreachable,
        _ => return None,
    })
}

fn to_wasmer(value: &Value) -> wasmer::Value {
    match *value {
        Value::I32(value) => wasmer::Value::I32(value),
        Value::I64(value) => wasmer::Value::I64(value),
        Value::F32(bits) => wasmer::Value::F32(f32::from_bits(bits)),
        Value::F64(bits) => wasmer::Value::F64(f64::from_bits(bits)),
    }
}

fn of_wasmer(value: &wasmer::Value) -> Option<Value> {
    Some(match *value {
        wasmer::Value::I32(value) => Value::I32(value),
        wasmer::Value::I64(value) => Value::I64(value),
        wasmer::Value::F32(value) => Value::F32(value.to_bits()),
        wasmer::Value::F64(value) => Value::F64(value.to_bits()),
        _ => return None,
    })
}

/// A module in the interpreter.
#[derive(Debug)]
pub struct InWasmi {
    store: wasmi::Store<()>,
    instance: wasmi::Instance,
}

impl InWasmi {
    pub fn new(wasm: &[u8]) -> Result<Self, String> {
        let engine = Interpreter::engine();
        let module = wasmi::Module::new(&engine, wasm).map_err(|error| error.to_string())?;
        let mut store = wasmi::Store::new(&engine, ());
        let linker = wasmi::Linker::new(&engine);
        let instance =
            linker.instantiate_and_start(&mut store, &module).map_err(|error| error.to_string())?;
        Ok(Self { store, instance })
    }

    fn meter(&self, export: &str) -> Option<wasmi::Val> {
        Some(self.instance.get_global(&self.store, export)?.get(&self.store))
    }

    fn set_meter(&mut self, export: &str, value: wasmi::Val) {
        if let Some(global) = self.instance.get_global(&self.store, export) {
            let set = global.set(&mut self.store, value);
            assert!(set.is_ok(), "a meter is mutable");
        }
    }
}

impl Instance for InWasmi {
    fn invoke(&mut self, export: &str, arguments: &[Value]) -> End {
        self.set_meter(GAS_EXPORT, wasmi::Val::I64(GAS));
        self.set_meter(STACK_EXPORT, wasmi::Val::I32(STACK_WORDS.cast_signed()));
        let Some(function) = self.instance.get_func(&self.store, export) else {
            return End::Failed(format!("there is no function {export}"));
        };
        let arguments: Vec<wasmi::Val> = arguments.iter().map(to_wasmi).collect();
        let ty = function.ty(&self.store);
        let mut results: Vec<wasmi::Val> =
            ty.results().iter().map(|ty| wasmi::Val::default(*ty)).collect();
        let called = function.call(&mut self.store, &arguments, &mut results);
        let Err(error) = called else {
            return End::Returned(results.iter().filter_map(of_wasmi).collect());
        };
        let Some(trap) = error.as_trap_code().and_then(trap_of_wasmi) else {
            return End::Failed(error.to_string());
        };
        let gas = self.meter(GAS_EXPORT).and_then(|gas| gas.i64());
        let stack = self.meter(STACK_EXPORT).and_then(|stack| stack.i32());
        classify(trap, gas, stack)
    }

    fn global(&mut self, export: &str) -> Option<Value> {
        self.meter(export).as_ref().and_then(of_wasmi)
    }
}

fn trap_of_wasmi(trap: wasmi::TrapCode) -> Option<Trap> {
    use wasmi::TrapCode::*;
    Some(match trap {
        UnreachableCodeReached => Trap::Unreachable,
        MemoryOutOfBounds => Trap::Memory,
        TableOutOfBounds => Trap::Table,
        IndirectCallToNull => Trap::Null,
        IntegerDivisionByZero => Trap::Division,
        IntegerOverflow => Trap::Overflow,
        BadConversionToInteger => Trap::Conversion,
        StackOverflow => Trap::Stack,
        BadSignature => Trap::Signature,
        _ => return None,
    })
}

fn to_wasmi(value: &Value) -> wasmi::Val {
    match *value {
        Value::I32(value) => wasmi::Val::I32(value),
        Value::I64(value) => wasmi::Val::I64(value),
        Value::F32(bits) => wasmi::Val::F32(wasmi::F32::from_bits(bits)),
        Value::F64(bits) => wasmi::Val::F64(wasmi::F64::from_bits(bits)),
    }
}

fn of_wasmi(value: &wasmi::Val) -> Option<Value> {
    Some(match value {
        wasmi::Val::I32(value) => Value::I32(*value),
        wasmi::Val::I64(value) => Value::I64(*value),
        wasmi::Val::F32(value) => Value::F32(value.to_bits()),
        wasmi::Val::F64(value) => Value::F64(value.to_bits()),
        _ => return None,
    })
}
