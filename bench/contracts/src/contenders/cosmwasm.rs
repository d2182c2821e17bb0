//! The crate `cosmwasm-vm` with `cw20-base`: its cache with the module pinned, and a call as wasmd makes it. What a
//! chain adds (fees, nonces, a journal over the store) is left out.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use cosmwasm_std::{
    Addr, Binary, Checksum, ContractResult, Empty, Env, MessageInfo, Order, Record, Response,
    SystemResult,
};
use cosmwasm_vm::testing::{MockApi, mock_env};
use cosmwasm_vm::{
    Backend, BackendApi as _, BackendError, BackendResult, Cache, CacheOptions, GasInfo, Instance,
    InstanceOptions, Querier, Size, Storage, call_execute, call_instantiate, call_query,
    capabilities_from_csv,
};
use serde::Deserialize;
use serde_json::json;

use super::{Contender, Settings};
use crate::store::Store;
use crate::workload::{BALANCE, Transfer, identity, supply};

/// The module; `cw20/build` says how it was made.
pub(crate) const CW20: &[u8] = include_bytes!("../../cw20/cw20.wasm");

/// For a call, and for the calls of a round where they share an instance.
const GAS: u64 = 1 << 60;
const MEMORY: Size = Size::mebi(32);

/// The store as the contract sees it. Nothing iterates in a transfer.
#[derive(Debug)]
struct Contract {
    store: Store,
}

/// About what reading and writing a store costs wasmd's contracts, in its gas.
fn gas(bytes: usize) -> GasInfo {
    GasInfo::with_externally_used(140_000 * (1_000 + 3 * bytes as u64))
}

fn refuse<T>(what: &str) -> BackendResult<T> {
    (Err(BackendError::unknown(what)), GasInfo::free())
}

impl Storage for Contract {
    fn get(&self, key: &[u8]) -> BackendResult<Option<Vec<u8>>> {
        let value = self.store.get(key).map(<[u8]>::to_vec);
        let bytes = value.as_ref().map_or(0, Vec::len);
        (Ok(value), gas(bytes))
    }

    fn scan(
        &mut self,
        _start: Option<&[u8]>,
        _end: Option<&[u8]>,
        _order: Order,
    ) -> BackendResult<u32> {
        refuse("the store of the bench does not iterate")
    }

    fn next(&mut self, _iterator: u32) -> BackendResult<Option<Record>> {
        refuse("the store of the bench does not iterate")
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> BackendResult<()> {
        self.store.set(key, value.to_vec());
        (Ok(()), gas(value.len()))
    }

    fn remove(&mut self, key: &[u8]) -> BackendResult<()> {
        self.store.remove(key);
        (Ok(()), gas(0))
    }
}

/// There is nothing else to ask.
#[derive(Debug)]
struct Nobody;

impl Querier for Nobody {
    fn query_raw(
        &self,
        _request: &[u8],
        _gas_limit: u64,
    ) -> BackendResult<SystemResult<ContractResult<Binary>>> {
        refuse("the bench has no other contracts")
    }
}

type Modules = Cache<MockApi, Contract, Nobody>;
type Running = Instance<MockApi, Contract, Nobody>;

/// Whose memory a call finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Instances {
    /// Its own.
    Fresh,
    /// That of the calls before it in the same round.
    Reused,
}

/// A cache in a directory.
fn modules(directory: &Path) -> Result<Modules> {
    let capabilities = capabilities_from_csv("iterator,staking");
    let options = CacheOptions::new(directory, capabilities, Size::mebi(256), MEMORY);
    // SAFETY: the directory was made for this cache and nobody else writes there.
    #[allow(unsafe_code)]
    let modules = unsafe { Cache::new(options) };
    Ok(modules?)
}

/// Checks, instruments and compiles a module, as at its upload.
pub(crate) fn compile(directory: &Path, wasm: &[u8]) -> Result<()> {
    modules(directory)?.store_code(wasm, true, false)?;
    Ok(())
}

/// Instances of the token that do nothing.
pub(crate) struct Idle(Token);

impl Idle {
    pub(crate) fn open() -> Result<Self> {
        Ok(Self(Token::open(&Settings { accounts: 2, block: 1 }, Instances::Fresh)?))
    }

    /// Makes one and drops it.
    pub(crate) fn make(&mut self) -> Result<()> {
        self.0.with_instance(|_| Ok(()))
    }
}

pub(super) struct Token {
    instances: Instances,
    modules: Modules,
    checksum: Checksum,
    env: Env,
    owners: Vec<String>,
    /// Always there, but while an instance has it.
    backend: Option<Backend<MockApi, Contract, Nobody>>,
    prepared: Vec<(MessageInfo, Vec<u8>)>,
    /// Holds the cache's files.
    _directory: tempfile::TempDir,
}

impl Token {
    pub(super) fn open(settings: &Settings, instances: Instances) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("quorate-bench-").tempdir()?;
        let modules = modules(directory.path())?;
        let checksum = modules.store_code(CW20, true, true)?;
        modules.pin(&checksum)?;
        let owners: Result<Vec<String>> = (0..settings.accounts).map(address).collect();
        let backend = Backend {
            api: MockApi::default(),
            storage: Contract { store: Store::default() },
            querier: Nobody,
        };
        let mut token = Self {
            instances,
            modules,
            checksum,
            env: mock_env(),
            owners: owners?,
            backend: Some(backend),
            prepared: Vec::new(),
            _directory: directory,
        };
        token.instantiate(supply(settings.accounts))?;
        let store = &mut token.backend.as_mut().context("no instance is running")?.storage.store;
        for owner in &token.owners {
            store.set(&balance_key(owner), serde_json::to_vec(&BALANCE.to_string())?);
        }
        Ok(token)
    }

    /// Makes the token, whose supply belongs to the first account.
    fn instantiate(&mut self, supply: u128) -> Result<()> {
        let creator = self.owners.first().context("there are accounts")?.clone();
        let message = json!({
            "name": "Token",
            "symbol": "TOKEN",
            "decimals": 6,
            "initial_balances": [{ "address": creator, "amount": supply.to_string() }],
        });
        let (info, message) = (info(&creator), serde_json::to_vec(&message)?);
        let env = self.env.clone();
        self.with_instance(|instance| {
            let answer = call_instantiate::<_, _, _, Empty>(instance, &env, &info, &message)?;
            answer.into_result().map_err(anyhow::Error::msg)?;
            Ok(())
        })
    }

    /// Makes an instance, as each call of a contract does, and drops it afterwards.
    fn with_instance<T>(&mut self, run: impl FnOnce(&mut Running) -> Result<T>) -> Result<T> {
        let backend = self.backend.take().context("no instance is running")?;
        let options = InstanceOptions { gas_limit: GAS };
        let mut instance = self.modules.get_instance(&self.checksum, backend, options)?;
        let answer = run(&mut instance);
        self.backend = instance.recycle();
        answer
    }

    fn owner(&self, account: u32) -> Result<&String> {
        self.owners.get(account as usize).context("there is no such account")
    }

    fn ask<T: serde::de::DeserializeOwned>(&mut self, question: &serde_json::Value) -> Result<T> {
        let (env, question) = (self.env.clone(), serde_json::to_vec(question)?);
        self.with_instance(|instance| match call_query(instance, &env, &question)? {
            ContractResult::Ok(answer) => Ok(serde_json::from_slice(answer.as_slice())?),
            ContractResult::Err(why) => bail!("a query ends with {why}"),
        })
    }
}

/// An account's address: twenty bytes, as those of keys have.
fn address(account: u32) -> Result<String> {
    let identity = identity(account);
    let (address, _) = MockApi::default().addr_humanize(identity.get(..20).unwrap_or(&identity));
    Ok(address?)
}

/// Where `cw20-base` keeps what an account holds.
fn balance_key(owner: &str) -> Vec<u8> {
    [&[0, 7], &b"balance"[..], owner.as_bytes()].concat()
}

fn info(sender: &str) -> MessageInfo {
    MessageInfo { sender: Addr::unchecked(sender), funds: Vec::new() }
}

/// One call, and the gas that it used.
fn transfer(instance: &mut Running, env: &Env, info: &MessageInfo, message: &[u8]) -> Result<u64> {
    let before = instance.get_gas_left();
    let answer = call_execute::<_, _, _, Empty>(instance, env, info, message)?;
    let response: Response = answer.into_result().map_err(anyhow::Error::msg)?;
    // wasmd makes an event of the attributes.
    ensure!(response.attributes.len() == 4, "a transfer names {:?}", response.attributes);
    Ok(before - instance.get_gas_left())
}

impl Contender for Token {
    fn prepare(&mut self, transfers: &[Transfer]) -> Result<()> {
        self.prepared = Vec::with_capacity(transfers.len());
        for transfer in transfers {
            let (recipient, amount) = (self.owner(transfer.to)?, transfer.amount.to_string());
            let message = json!({ "transfer": { "recipient": recipient, "amount": amount } });
            let info = info(self.owner(transfer.from)?);
            self.prepared.push((info, serde_json::to_vec(&message)?));
        }
        Ok(())
    }

    fn execute(&mut self) -> Result<u64> {
        let (prepared, env) = (std::mem::take(&mut self.prepared), self.env.clone());
        let mut gas = 0;
        match self.instances {
            Instances::Fresh => {
                for (info, message) in &prepared {
                    gas += self.with_instance(|it| transfer(it, &env, info, message))?;
                }
            }
            Instances::Reused => self.with_instance(|instance| {
                for (info, message) in &prepared {
                    gas += transfer(instance, &env, info, message)?;
                }
                Ok(())
            })?,
        }
        Ok(gas)
    }

    fn balance(&mut self, account: u32) -> Result<u128> {
        #[derive(Deserialize)]
        struct Answer {
            balance: String,
        }
        let question = json!({ "balance": { "address": self.owner(account)? } });
        Ok(self.ask::<Answer>(&question)?.balance.parse()?)
    }

    fn stored(&self, account: u32) -> Result<u128> {
        let store = &self.backend.as_ref().context("no instance is running")?.storage.store;
        let value = store.get(&balance_key(self.owner(account)?)).context("there is no balance")?;
        Ok(serde_json::from_slice::<String>(value)?.parse()?)
    }

    fn supply(&mut self) -> Result<u128> {
        #[derive(Deserialize)]
        struct Answer {
            total_supply: String,
        }
        Ok(self.ask::<Answer>(&json!({ "token_info": {} }))?.total_supply.parse()?)
    }
}
