//! The contract's own storage.

use primitives::state_key::Namespace;
use primitives::{StateKey, limits};

use super::{Host, misuse};
use crate::cost;
use crate::trap::Stop;

impl Host<'_, '_> {
    /// The key of the state for a key of the contract.
    fn storage_key(&mut self, ptr: i32, len: i32) -> Result<StateKey, Stop> {
        let len = self.check_length("the key", len, limits::STORAGE_KEY_BYTES_MAX)?;
        // Of one piece of memory from the beginning: keys are half of what a short call allocates.
        let contract = self.frame.contract.0;
        let mut key = Vec::with_capacity(contract.len() + len);
        key.extend_from_slice(&contract);
        key.resize(contract.len() + len, 0);
        let (_, own) = key.split_at_mut(contract.len());
        self.copy("the key", ptr, own)?;
        Ok(StateKey { namespace: Namespace::Storage, key })
    }
}

pub(crate) fn get(
    host: &mut Host<'_, '_>,
    key: i32,
    key_len: i32,
    out: i32,
    capacity: i32,
) -> Result<i64, Stop> {
    host.charge(cost::READ)?;
    let key = host.storage_key(key, key_len)?;
    let Some(value) = host.machine.journal.get(&key) else { return Ok(-1) };
    host.charge_bytes(value.len(), cost::READ_BYTE)?;
    let fitting = value.len().min(capacity.cast_unsigned() as usize);
    host.write("the place for the value", out, value.get(..fitting).unwrap_or(&value))?;
    Ok(i64::try_from(value.len()).unwrap_or(i64::MAX))
}

pub(crate) fn set(
    host: &mut Host<'_, '_>,
    key: i32,
    key_len: i32,
    value: i32,
    value_len: i32,
) -> Result<(), Stop> {
    host.check_writable("set")?;
    host.charge(cost::WRITE)?;
    let key = host.storage_key(key, key_len)?;
    let value = host.read("the value", value, value_len, limits::STORAGE_VALUE_BYTES_MAX)?;
    host.charge_bytes(key.key.len() + value.len(), cost::WRITE_BYTE)?;
    host.machine.journal.set(key, Some(value));
    Ok(())
}

pub(crate) fn delete(host: &mut Host<'_, '_>, key: i32, key_len: i32) -> Result<(), Stop> {
    host.check_writable("delete")?;
    host.charge(cost::WRITE)?;
    let key = host.storage_key(key, key_len)?;
    host.machine.journal.set(key, None);
    Ok(())
}

pub(crate) fn has(host: &mut Host<'_, '_>, key: i32, key_len: i32) -> Result<i32, Stop> {
    host.charge(cost::READ)?;
    let key = host.storage_key(key, key_len)?;
    let value = host.machine.journal.get(&key);
    host.charge_bytes(value.as_ref().map_or(0, Vec::len), cost::READ_BYTE)?;
    Ok(i32::from(value.is_some()))
}

pub(crate) fn add(
    host: &mut Host<'_, '_>,
    key: i32,
    key_len: i32,
    amount: i32,
    max: i32,
) -> Result<i32, Stop> {
    host.check_writable("add")?;
    host.charge(cost::READ + cost::WRITE)?;
    let key = host.storage_key(key, key_len)?;
    host.charge_bytes(key.key.len() + 16, cost::WRITE_BYTE)?;
    let amount = i128::from_le_bytes(host.read_array("the amount", amount)?);
    let max = u128::from_le_bytes(host.read_array("the maximum", max)?);
    let value = match host.machine.journal.get(&key) {
        None => 0,
        Some(bytes) => match bytes.try_into() {
            Ok(bytes) => u128::from_le_bytes(bytes),
            Err(_) => return Err(misuse("add to a value that has not 16 bytes".to_owned())),
        },
    };
    match value.checked_add_signed(amount) {
        Some(sum) if sum <= max => {
            host.machine.journal.set(key, Some(sum.to_le_bytes().to_vec()));
            Ok(0)
        }
        _ => Ok(1),
    }
}
