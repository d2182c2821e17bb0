//! The contract's own storage.

use primitives::{StateKey, limits};
use wasmer::FunctionEnvMut;

use super::{Env, Host, run};
use crate::cost;
use crate::trap::{Escape, Stop};

impl Host<'_> {
    fn storage_key(&mut self, ptr: i32, len: i32) -> Result<StateKey, Stop> {
        let key = self.read("the key", ptr, len, limits::STORAGE_KEY_BYTES_MAX)?;
        Ok(StateKey::storage(&self.frame.contract, &key))
    }
}

pub(super) fn get(
    env: FunctionEnvMut<'_, Env>,
    key: i32,
    key_len: i32,
    out: i32,
    capacity: i32,
) -> Result<i64, Escape> {
    run(env, |host| {
        host.charge(cost::READ)?;
        let key = host.storage_key(key, key_len)?;
        let Some(value) = host.machine.journal.get(&key) else { return Ok(-1) };
        host.charge_bytes(value.len(), cost::READ_BYTE)?;
        let fitting = value.len().min(capacity.cast_unsigned() as usize);
        host.write("the place for the value", out, value.get(..fitting).unwrap_or(&value))?;
        Ok(i64::try_from(value.len()).unwrap_or(i64::MAX))
    })
}

pub(super) fn set(
    env: FunctionEnvMut<'_, Env>,
    key: i32,
    key_len: i32,
    value: i32,
    value_len: i32,
) -> Result<(), Escape> {
    run(env, |host| {
        host.check_writable("set")?;
        host.charge(cost::WRITE)?;
        let key = host.storage_key(key, key_len)?;
        let value = host.read("the value", value, value_len, limits::STORAGE_VALUE_BYTES_MAX)?;
        host.charge_bytes(key.key.len() + value.len(), cost::WRITE_BYTE)?;
        host.machine.journal.set(key, Some(value));
        Ok(())
    })
}

pub(super) fn delete(env: FunctionEnvMut<'_, Env>, key: i32, key_len: i32) -> Result<(), Escape> {
    run(env, |host| {
        host.check_writable("delete")?;
        host.charge(cost::WRITE)?;
        let key = host.storage_key(key, key_len)?;
        host.machine.journal.set(key, None);
        Ok(())
    })
}

pub(super) fn has(env: FunctionEnvMut<'_, Env>, key: i32, key_len: i32) -> Result<i32, Escape> {
    run(env, |host| {
        host.charge(cost::READ)?;
        let key = host.storage_key(key, key_len)?;
        let value = host.machine.journal.get(&key);
        host.charge_bytes(value.as_ref().map_or(0, Vec::len), cost::READ_BYTE)?;
        Ok(i32::from(value.is_some()))
    })
}
