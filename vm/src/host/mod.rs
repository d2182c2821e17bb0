//! The host interface ([`abi::host`]): what a contract can ask for.
//!
//! Every function is charged before it does anything, checks its bounds before it allocates, and
//! ends the call instead of answering when the contract breaks a bound.

pub(crate) mod calls;
pub(crate) mod crypto;
mod functions;
pub(crate) mod io;
pub(crate) mod scan;
pub(crate) mod storage;

use std::ops::Range;
use std::panic::resume_unwind;

use abi::MethodKind;
use primitives::receipt::Failure;
use primitives::state_key::Direction;
use primitives::{Address, Amount, StateKey};

use crate::cost;
use crate::engine::{Escape, Guest};
use crate::machine::Machine;
use crate::panics;
use crate::trap::Stop;
pub use functions::{FUNCTIONS, HostFunction, ValueType};
pub(crate) use functions::{function, host_functions};

/// All kinds of methods.
pub(crate) const KINDS: [MethodKind; 4] =
    [MethodKind::Init, MethodKind::Call, MethodKind::Query, MethodKind::Migrate];

/// The export through which methods of a kind are entered.
pub(crate) fn entry(kind: MethodKind) -> &'static str {
    match kind {
        MethodKind::Init => "init",
        MethodKind::Call => "call",
        MethodKind::Query => "query",
        MethodKind::Migrate => "migrate",
    }
}

/// One call into a contract, as its host functions see it.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) contract: Address,
    pub(crate) caller: Address,
    pub(crate) value: Amount,
    pub(crate) depth: u32,
    /// Whether writing is forbidden.
    pub(crate) is_static: bool,
    pub(crate) input: Vec<u8>,
    pub(crate) output: Vec<u8>,
    /// The output of the last call it made.
    pub(crate) returned: Vec<u8>,
    pub(crate) cursors: Vec<Cursor>,
}

/// A scan on its way.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    /// What is still to be seen.
    pub(crate) range: Range<StateKey>,
    pub(crate) direction: Direction,
}

/// The host of one run: what an engine passes its contract's calls to.
pub struct HostCalls<'m, 's> {
    machine: &'m mut Machine<'s>,
    frame: Frame,
    /// Why the last host function did not return.
    stop: Option<Stop>,
}

impl std::fmt::Debug for HostCalls<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostCalls").field("frame", &self.frame).finish_non_exhaustive()
    }
}

/// A host function at work.
pub(crate) struct Host<'h, 's> {
    machine: &'h mut Machine<'s>,
    frame: &'h mut Frame,
    guest: &'h mut dyn Guest,
}

impl<'m, 's> HostCalls<'m, 's> {
    pub(crate) fn new(machine: &'m mut Machine<'s>, frame: Frame) -> Self {
        Self { machine, frame, stop: None }
    }

    /// Why the host ended the call, if it did, and the output so far.
    pub(crate) fn finish(self) -> (Option<Stop>, Vec<u8>) {
        (self.stop, self.frame.output)
    }

    /// Runs a host function: charges for the crossing, catches what may not cross back.
    pub(crate) fn enter<R>(
        &mut self,
        guest: &mut dyn Guest,
        body: impl FnOnce(&mut Host<'_, 's>) -> Result<R, Stop>,
    ) -> Result<R, Escape> {
        let mut host = Host { machine: self.machine, frame: &mut self.frame, guest };
        let ran = panics::held(|| {
            host.charge(cost::HOST)?;
            body(&mut host)
        });
        let stop = match ran {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(stop)) => stop,
            // The store failed on this machine only: the node must stop.
            Err(panic) if self.machine.journal.is_broken() => resume_unwind(panic),
            // A bug of ours, the same on every machine: the call pays for it, the node goes on.
            Err(_) => Failure::Trapped.into(),
        };
        self.stop = Some(stop);
        Err(Escape)
    }
}

impl Host<'_, '_> {
    fn gas_left(&mut self) -> Result<u64, Stop> {
        gas_left(self.guest)
    }

    fn set_gas(&mut self, gas: u64) {
        set_gas(self.guest, gas);
    }

    /// Takes gas; when it does not suffice the call ends.
    fn charge(&mut self, gas: u64) -> Result<(), Stop> {
        charge(self.guest, gas)
    }

    /// Charges for a number of bytes.
    fn charge_bytes(&mut self, bytes: usize, price: u64) -> Result<(), Stop> {
        self.charge((bytes as u64).saturating_mul(price))
    }

    /// Copies `len` bytes out of the contract's memory, at most `max`; charges for the crossing.
    fn read(&mut self, what: &str, ptr: i32, len: i32, max: usize) -> Result<Vec<u8>, Stop> {
        let mut bytes = vec![0; self.check_length(what, len, max)?];
        self.copy(what, ptr, &mut bytes)?;
        Ok(bytes)
    }

    /// How many bytes are to cross, if they may and are paid for.
    fn check_length(&mut self, what: &str, len: i32, max: usize) -> Result<usize, Stop> {
        let len = len.cast_unsigned() as usize;
        if len > max {
            return Err(misuse(format!("{what} has {len} bytes, and at most {max} are accepted")));
        }
        self.charge_bytes(len, cost::HOST_BYTE)?;
        Ok(len)
    }

    fn read_array<const N: usize>(&mut self, what: &str, ptr: i32) -> Result<[u8; N], Stop> {
        self.charge_bytes(N, cost::HOST_BYTE)?;
        let mut bytes = [0; N];
        self.copy(what, ptr, &mut bytes)?;
        Ok(bytes)
    }

    fn copy(&mut self, what: &str, ptr: i32, into: &mut [u8]) -> Result<(), Stop> {
        let copied = self.guest.read(ptr.cast_unsigned(), into);
        copied.map_err(|outside| misuse(format!("{what} lies {outside}")))
    }

    /// Copies bytes into the contract's memory; charges for the crossing.
    fn write(&mut self, what: &str, ptr: i32, bytes: &[u8]) -> Result<(), Stop> {
        self.charge_bytes(bytes.len(), cost::HOST_BYTE)?;
        let written = self.guest.write(ptr.cast_unsigned(), bytes);
        written.map_err(|outside| misuse(format!("{what} lies {outside}")))
    }

    /// Ends the call when it may not write.
    fn check_writable(&self, function: &str) -> Result<(), Stop> {
        if self.frame.is_static {
            return Err(misuse(format!("{function} in a query or a static call")));
        }
        Ok(())
    }
}

fn gas_left(guest: &mut dyn Guest) -> Result<u64, Stop> {
    let gas = guest.gas();
    if gas < 0 { Err(Failure::OutOfGas.into()) } else { Ok(gas.cast_unsigned()) }
}

fn set_gas(guest: &mut dyn Guest, gas: u64) {
    guest.set_gas(i64::try_from(gas).unwrap_or(i64::MAX));
}

fn charge(guest: &mut dyn Guest, gas: u64) -> Result<(), Stop> {
    let left = gas_left(guest)?.checked_sub(gas).ok_or(Failure::OutOfGas)?;
    set_gas(guest, left);
    Ok(())
}

fn misuse(message: String) -> Stop {
    Failure::HostMisuse(message).into()
}
