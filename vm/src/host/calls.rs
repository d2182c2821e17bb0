//! Other contracts and native units.

use primitives::{Address, Amount, limits};

use super::{Host, misuse};
use crate::cost;
use crate::machine::{Ended, Entry, Invocation};
use crate::trap::Stop;

/// A callee gets at most all but one of this many parts of the gas left, so that its caller can
/// always finish.
const KEPT_PART: u64 = 64;

pub(crate) fn call(
    host: &mut Host<'_, '_>,
    address: i32,
    input: i32,
    input_len: i32,
    value: i32,
    gas: i64,
    flags: i32,
) -> Result<i64, Stop> {
    host.charge(cost::CALL)?;
    if flags & !abi::host::FLAG_STATIC != 0 {
        return Err(misuse("call with unknown flags".to_owned()));
    }
    let contract = Address(host.read_array("the address", address)?);
    let value = Amount(u128::from_le_bytes(host.read_array("the value", value)?));
    let input = host.read("the input", input, input_len, limits::ARGUMENTS_BYTES_MAX)?;
    let is_static = host.frame.is_static || flags & abi::host::FLAG_STATIC != 0;
    if value != Amount::ZERO {
        if is_static {
            return Err(misuse("call with value in a query or a static call".to_owned()));
        }
        host.charge(cost::MOVE)?;
    }
    let left = host.gas_left()?;
    let given_max = left - left / KEPT_PART;
    let given = if gas == 0 { given_max } else { given_max.min(gas.cast_unsigned()) };
    let caller = host.frame.contract;
    let invocation =
        Invocation { entry: Entry::Call, contract, caller, value, input, is_static, gas: given };
    let outcome = host.machine.invoke(invocation)?;
    host.set_gas(left - given + outcome.gas_left);
    let (status, output) = match outcome.ended {
        Ended::Returned => (abi::host::OK, outcome.output),
        Ended::Reverted => (abi::host::REVERT, outcome.output),
        Ended::Failed(_) => (abi::host::FAILED, Vec::new()),
    };
    let length = i64::try_from(output.len()).unwrap_or(i64::MAX);
    host.frame.returned = output;
    Ok(i64::from(status) << 32 | length)
}

pub(crate) fn returned(host: &mut Host<'_, '_>, ptr: i32) -> Result<(), Stop> {
    let returned = std::mem::take(&mut host.frame.returned);
    let written = host.write("the place for the output", ptr, &returned);
    host.frame.returned = returned;
    written
}

pub(crate) fn transfer(host: &mut Host<'_, '_>, to: i32, amount: i32) -> Result<i32, Stop> {
    host.check_writable("transfer")?;
    host.charge(cost::MOVE)?;
    let to = Address(host.read_array("the address", to)?);
    let amount = Amount(u128::from_le_bytes(host.read_array("the amount", amount)?));
    let done = host.machine.journal.transfer(&host.frame.contract, &to, amount);
    Ok(i32::from(!done))
}

pub(crate) fn balance(host: &mut Host<'_, '_>, address: i32, out: i32) -> Result<(), Stop> {
    host.charge(cost::READ)?;
    let address = Address(host.read_array("the address", address)?);
    let balance = host.machine.journal.account(&address).balance;
    host.write("the place for the balance", out, &balance.0.to_le_bytes())
}
