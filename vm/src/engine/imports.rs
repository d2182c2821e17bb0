//! The host functions as wasmer's imports, and the way from them to the host.

#![allow(unsafe_code)]

use std::ptr::NonNull;
use std::sync::LazyLock;

use wasmer::{
    Function, FunctionEnv, FunctionEnvMut, Global, Memory, RuntimeError, Store, StoreMut, Value,
};

use super::{Escape, Guest, OutOfBounds};
use crate::host::{self, Host, HostCalls, host_functions};
use crate::trap::Stop;

/// What the host needs of the instance; known once it is made.
#[derive(Clone, Debug)]
struct Handles {
    memory: Memory,
    gas: Global,
}

/// The data that wasmer hands to host functions. Leads nowhere while no contract runs.
#[derive(Default)]
pub(super) struct Env {
    calls: Option<CallsPointer>,
    handles: Option<Handles>,
}

/// A borrow of the host for as long as one run lasts. wasmer wants its environments without
/// lifetimes.
struct CallsPointer(NonNull<HostCalls<'static, 'static>>);

// SAFETY: wasmer asks for `Send` of every environment, but this is there within one run only, on
// one thread.
unsafe impl Send for CallsPointer {}

impl Env {
    /// Leads host functions to the host, until [`Self::lead_nowhere`].
    ///
    /// # Safety
    ///
    /// The host must live until then, and nobody else may use it while a host function runs.
    pub(super) unsafe fn lead(&mut self, calls: &mut HostCalls<'_, '_>) {
        self.calls = Some(CallsPointer(NonNull::from(calls).cast()));
    }

    /// The instance is made.
    pub(super) fn begin(&mut self, memory: Memory, gas: Global) {
        self.handles = Some(Handles { memory, gas });
    }

    pub(super) fn lead_nowhere(&mut self) {
        self.calls = None;
    }
}

/// [`Escape`] as wasmer carries it. Made once, since wasmer looks through the whole stack when it
/// makes one.
static ESCAPE: LazyLock<RuntimeError> = LazyLock::new(|| RuntimeError::user(Box::new(Escape)));

/// Runs a host function for an instance.
fn enter<R>(
    mut env: FunctionEnvMut<'_, Env>,
    body: impl FnOnce(&mut Host<'_, 'static>) -> Result<R, Stop>,
) -> Result<R, RuntimeError> {
    let (env, store) = env.data_and_store_mut();
    // Only a start function could run before both are there, and such modules are refused.
    let (Some(handles), Some(calls)) = (&env.handles, &mut env.calls) else {
        return Err(ESCAPE.clone());
    };
    let mut guest = Running { handles, store, gas: None };
    // SAFETY: `Env::lead`'s caller keeps the host alive and leaves it alone while the contract
    // runs, and a contract runs one host function at a time: a nested run has an environment of its
    // own, which leads to a reborrow of what this reference leads to.
    let answer = unsafe { calls.0.as_mut() }.enter(&mut guest, body);
    guest.settle();
    answer.map_err(|Escape| ESCAPE.clone())
}

/// An instance while it waits for a host function.
struct Running<'a> {
    handles: &'a Handles,
    store: StoreMut<'a>,
    /// The gas left, once it was asked for: the contract does not run meanwhile, so that it is read
    /// once, and written once at the end.
    gas: Option<i64>,
}

impl Running<'_> {
    fn settle(&mut self) {
        if let Some(gas) = self.gas
            && let Err(error) = self.handles.gas.set(&mut self.store, Value::I64(gas))
        {
            panic!("the gas left cannot be set: {error}");
        }
    }
}

impl Guest for Running<'_> {
    fn gas(&mut self) -> i64 {
        *self.gas.get_or_insert_with(|| match self.handles.gas.get(&mut self.store) {
            Value::I64(gas) => gas,
            other => panic!("the gas left is {other:?}"),
        })
    }

    fn set_gas(&mut self, gas: i64) {
        self.gas = Some(gas);
    }

    fn read(&mut self, at: u32, into: &mut [u8]) -> Result<(), OutOfBounds> {
        let read = self.handles.memory.view(&self.store).read(u64::from(at), into);
        read.map_err(|_| OutOfBounds)
    }

    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), OutOfBounds> {
        let written = self.handles.memory.view(&self.store).write(u64::from(at), bytes);
        written.map_err(|_| OutOfBounds)
    }
}

macro_rules! imports {
    ($($file:ident::$name:ident($($parameter:ident: $ty:ident),*) $(-> $result:ident)?;)*) => {
        /// The host function with this name, for one instance.
        pub(super) fn import(
            name: &str,
            store: &mut Store,
            env: &FunctionEnv<Env>,
        ) -> Option<Function> {
            Some(match name {
                $(
                    stringify!($name) => Function::new_typed_with_env(
                        store,
                        env,
                        |env: FunctionEnvMut<'_, Env>, $($parameter: $ty),*| {
                            enter(env, |host| host::$file::$name(host, $($parameter),*))
                        },
                    ),
                )*
                _ => return None,
            })
        }
    };
}
host_functions!(imports);
