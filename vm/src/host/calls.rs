//! Other contracts and native units.

use primitives::{Address, Amount, Hash, limits};

use super::{Host, misuse};
use crate::cost;
use crate::engine::Fatal;
use crate::machine::{Ended, Entry, Invocation, Machine, Outcome};
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
    let caller = host.frame.contract;
    host.nest(gas, |machine, gas| {
        let entry = Entry::Call;
        machine.invoke(Invocation { entry, contract, caller, value, input, is_static, gas })
    })
}

#[expect(clippy::too_many_arguments, reason = "the interface has them")]
pub(crate) fn instantiate(
    host: &mut Host<'_, '_>,
    code: i32,
    salt: i32,
    salt_len: i32,
    input: i32,
    input_len: i32,
    value: i32,
    gas: i64,
) -> Result<i64, Stop> {
    host.check_writable("instantiate")?;
    host.charge(cost::CALL + cost::INSTANTIATE)?;
    let code = Hash(host.read_array("the code", code)?);
    let salt = host.read("the salt", salt, salt_len, limits::SALT_BYTES_MAX)?;
    let input = host.read("the input", input, input_len, limits::ARGUMENTS_BYTES_MAX)?;
    let value = Amount(u128::from_le_bytes(host.read_array("the value", value)?));
    if value != Amount::ZERO {
        host.charge(cost::MOVE)?;
    }
    let creator = host.frame.contract;
    host.nest(gas, |machine, gas| machine.instantiate(creator, code, &salt, input, value, gas))
}

pub(crate) fn upgrade(
    host: &mut Host<'_, '_>,
    contract: i32,
    code: i32,
    input: i32,
    input_len: i32,
    gas: i64,
) -> Result<i64, Stop> {
    host.check_writable("upgrade")?;
    host.charge(cost::CALL + cost::UPGRADE)?;
    let contract = Address(host.read_array("the address", contract)?);
    let code = Hash(host.read_array("the code", code)?);
    let input = host.read("the input", input, input_len, limits::ARGUMENTS_BYTES_MAX)?;
    let admin = host.frame.contract;
    host.nest(gas, |machine, gas| machine.upgrade(admin, contract, code, input, gas))
}

pub(crate) fn set_admin(host: &mut Host<'_, '_>, contract: i32, admin: i32) -> Result<i32, Stop> {
    host.check_writable("set_admin")?;
    host.charge(cost::READ + cost::WRITE)?;
    let contract = Address(host.read_array("the address", contract)?);
    let next = Address(host.read_array("the admin", admin)?);
    let next = (next != Address::default()).then_some(next);
    let set = host.machine.set_admin(&host.frame.contract, &contract, next);
    Ok(i32::from(set.is_err()))
}

impl<'s> Host<'_, 's> {
    /// Makes a nested call with what may be given of the gas left, at most `gas` if that is not 0,
    /// and answers as `call` does.
    fn nest(
        &mut self,
        gas: i64,
        call: impl FnOnce(&mut Machine<'s>, u64) -> Result<Outcome, Fatal>,
    ) -> Result<i64, Stop> {
        let left = self.gas_left()?;
        let given_max = left - left / KEPT_PART;
        let given = if gas == 0 { given_max } else { given_max.min(gas.cast_unsigned()) };
        let outcome = call(self.machine, given)?;
        self.set_gas(left - given + outcome.gas_left);
        let (status, output) = match outcome.ended {
            Ended::Returned => (abi::host::OK, outcome.output),
            Ended::Reverted => (abi::host::REVERT, outcome.output),
            Ended::Failed(_) => (abi::host::FAILED, Vec::new()),
        };
        let length = i64::try_from(output.len()).unwrap_or(i64::MAX);
        self.frame.returned = output;
        Ok(i64::from(status) << 32 | length)
    }
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
