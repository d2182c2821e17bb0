//! The crate `revm` with OpenZeppelin's ERC-20: a transaction whole, with fee, nonce and log, committed to the store.
//!
//! The code is decoded and analysed once, as the others compile theirs once.

use std::collections::BTreeMap;
use std::convert::Infallible;

use anyhow::{Context as _, Result, bail, ensure};
use revm::context::result::{ExecutionResult, Output};
use revm::context::{BlockEnv, CfgEnv, Journal, TxEnv};
use revm::database_interface::{Database, DatabaseCommit};
use revm::primitives::{
    Address, AddressMap, B256, Bytes, KECCAK_EMPTY, StorageKey, StorageValue, TxKind, U256, hex,
    keccak256,
};
use revm::state::{Account, AccountInfo, Bytecode};
use revm::{Context, ExecuteCommitEvm, ExecuteEvm, MainBuilder, MainContext, MainnetEvm};

use super::{Contender, Settings};
use crate::store::Store;
use crate::workload::{BALANCE, Transfer, identity, supply};

/// The code that stands on the chain; `erc20/build.js` says how it was made.
const TOKEN: &str = include_str!("../../erc20/Token.hex");
/// Where the compiler puts OpenZeppelin's fields.
const BALANCES_SLOT: u64 = 0;
const SUPPLY_SLOT: u64 = 2;

/// The first four bytes of the hashes of the signatures.
const TRANSFER: [u8; 4] = [0xa9, 0x05, 0x9c, 0xbb];
const BALANCE_OF: [u8; 4] = [0x70, 0xa0, 0x82, 0x31];
const TOTAL_SUPPLY: [u8; 4] = [0x18, 0x16, 0x0d, 0xdd];

const FUNDS: u64 = 1_000_000_000_000_000_000;
const GAS: u64 = 100_000;
const GAS_PRICE: u128 = 1;
const CHAIN_ID: u64 = 1;

/// The state of an Ethereum chain in the store.
#[derive(Debug, Default)]
struct State {
    store: Store,
    codes: BTreeMap<B256, Bytecode>,
}

fn account_key(address: &Address) -> [u8; 21] {
    let mut key = [b'a'; 21];
    put(&mut key, 1, address.as_slice());
    key
}

fn slot_key(address: &Address, slot: &StorageKey) -> [u8; 53] {
    let mut key = [b's'; 53];
    put(&mut key, 1, address.as_slice());
    put(&mut key, 21, &slot.to_be_bytes::<32>());
    key
}

fn put(into: &mut [u8], at: usize, bytes: &[u8]) {
    for (place, byte) in into.iter_mut().skip(at).zip(bytes) {
        *place = *byte;
    }
}

/// Nonce, balance and the code's hash.
fn encode(info: &AccountInfo) -> Vec<u8> {
    let balance = info.balance.to_be_bytes::<32>();
    [&info.nonce.to_be_bytes()[..], &balance, info.code_hash.as_slice()].concat()
}

impl State {
    fn decode(&self, bytes: &[u8]) -> Option<AccountInfo> {
        let (nonce, rest) = bytes.split_first_chunk::<8>()?;
        let (balance, code_hash) = rest.split_at_checked(32)?;
        let code_hash = B256::try_from(code_hash).ok()?;
        let code = match code_hash == KECCAK_EMPTY {
            true => Some(Bytecode::default()),
            false => self.codes.get(&code_hash).cloned(),
        };
        Some(AccountInfo {
            nonce: u64::from_be_bytes(*nonce),
            balance: U256::from_be_slice(balance),
            code_hash,
            code,
            ..AccountInfo::default()
        })
    }

    fn slot(&self, address: &Address, slot: &StorageKey) -> StorageValue {
        let value = self.store.get(&slot_key(address, slot));
        value.map_or(U256::ZERO, U256::from_be_slice)
    }

    fn set_slot(&mut self, address: &Address, slot: &StorageKey, value: &StorageValue) {
        self.store.set(&slot_key(address, slot), value.to_be_bytes::<32>().to_vec());
    }

    fn set_account(&mut self, address: &Address, info: &AccountInfo) {
        self.store.set(&account_key(address), encode(info));
    }
}

impl Database for State {
    type Error = Infallible;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        Ok(self.store.get(&account_key(&address)).and_then(|bytes| self.decode(bytes)))
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, Infallible> {
        Ok(self.codes.get(&code_hash).cloned().unwrap_or_default())
    }

    fn storage(&mut self, address: Address, index: StorageKey) -> Result<StorageValue, Infallible> {
        Ok(self.slot(&address, &index))
    }

    fn block_hash(&mut self, _number: u64) -> Result<B256, Infallible> {
        Ok(B256::ZERO)
    }
}

impl DatabaseCommit for State {
    fn commit(&mut self, changes: AddressMap<Account>) {
        for (address, account) in changes {
            if !account.is_touched() {
                continue;
            }
            if account.is_changed() {
                self.set_account(&address, &account.info);
            }
            for (slot, value) in &account.storage {
                if value.is_changed() {
                    self.set_slot(&address, slot, &value.present_value);
                }
            }
        }
    }
}

type Evm = MainnetEvm<Context<BlockEnv, TxEnv, CfgEnv, State, Journal<State>, ()>>;

pub(super) struct Token {
    evm: Evm,
    contract: Address,
    owners: Vec<(Address, u64)>,
    prepared: Vec<TxEnv>,
}

impl Token {
    pub(super) fn open(settings: &Settings) -> Result<Self> {
        let mut state = State::default();
        let contract = address(u32::MAX);
        let code = Bytecode::new_legacy(hex::decode(TOKEN.trim())?.into());
        let code_hash = code.hash_slow();
        state.codes.insert(code_hash, code);
        state.set_account(&contract, &AccountInfo { code_hash, ..AccountInfo::default() });
        let all = U256::from(supply(settings.accounts));
        state.set_slot(&contract, &U256::from(SUPPLY_SLOT), &all);
        let funded = AccountInfo { balance: U256::from(FUNDS), ..AccountInfo::default() };
        let mut owners = Vec::new();
        for owner in (0..settings.accounts).map(address) {
            state.set_account(&owner, &funded);
            state.set_slot(&contract, &balance_slot(&owner), &U256::from(BALANCE));
            owners.push((owner, 0));
        }
        let evm = Context::mainnet().with_db(state).build_mainnet();
        Ok(Self { evm, contract, owners, prepared: Vec::new() })
    }

    fn owner(&mut self, account: u32) -> Result<&mut (Address, u64)> {
        self.owners.get_mut(account as usize).context("there is no such account")
    }

    /// What a method answers to nobody in particular. Nothing of it is kept.
    fn ask(&mut self, data: Vec<u8>) -> Result<u128> {
        let call = transaction(address(u32::MAX - 1), 0, self.contract, data, 0)?;
        let answer = self.evm.transact(call).map_err(|why| anyhow::anyhow!("{why:?}"))?;
        match answer.result {
            ExecutionResult::Success { output: Output::Call(bytes), .. } => {
                Ok(U256::from_be_slice(&bytes).to::<u128>())
            }
            other => bail!("a query ends as {other:?}"),
        }
    }
}

fn address(account: u32) -> Address {
    let [head @ .., _, _, _, _, _, _, _, _, _, _, _, _] = identity(account);
    Address::from(head)
}

/// The slot of a mapping's value: the hash of the key and the mapping's own slot.
fn balance_slot(owner: &Address) -> StorageKey {
    let key = [owner.into_word(), B256::from(U256::from(BALANCES_SLOT))].concat();
    keccak256(key).into()
}

fn transaction(
    from: Address,
    nonce: u64,
    to: Address,
    data: Vec<u8>,
    gas_price: u128,
) -> Result<TxEnv> {
    let builder = TxEnv::builder().caller(from).nonce(nonce).kind(TxKind::Call(to));
    let builder = builder.data(Bytes::from(data)).gas_limit(GAS).gas_price(gas_price);
    let built = builder.chain_id(Some(CHAIN_ID)).build();
    built.map_err(|why| anyhow::anyhow!("{why:?}"))
}

impl Contender for Token {
    fn prepare(&mut self, transfers: &[Transfer]) -> Result<()> {
        self.prepared = Vec::with_capacity(transfers.len());
        for transfer in transfers {
            let (to, _) = *self.owner(transfer.to)?;
            let (from, next) = self.owner(transfer.from)?;
            let (from, nonce) = (*from, *next);
            *next += 1;
            let amount = U256::from(transfer.amount).to_be_bytes::<32>();
            let data = [&TRANSFER[..], to.into_word().as_slice(), &amount].concat();
            self.prepared.push(transaction(from, nonce, self.contract, data, GAS_PRICE)?);
        }
        Ok(())
    }

    fn execute(&mut self) -> Result<u64> {
        let mut gas_used = 0;
        for transaction in std::mem::take(&mut self.prepared) {
            let result = self.evm.transact_commit(transaction);
            match result.map_err(|why| anyhow::anyhow!("{why:?}"))? {
                ExecutionResult::Success { gas, logs, .. } => {
                    ensure!(logs.len() == 1, "a transfer logs {} events", logs.len());
                    gas_used += gas.tx_gas_used();
                }
                other => bail!("a transfer ends as {other:?}"),
            }
        }
        Ok(gas_used)
    }

    fn balance(&mut self, account: u32) -> Result<u128> {
        let (owner, _) = *self.owner(account)?;
        self.ask([&BALANCE_OF[..], owner.into_word().as_slice()].concat())
    }

    fn stored(&self, account: u32) -> Result<u128> {
        let (owner, _) = self.owners.get(account as usize).context("there is no such account")?;
        let state = &self.evm.ctx.journaled_state.database;
        Ok(state.slot(&self.contract, &balance_slot(owner)).to::<u128>())
    }

    fn supply(&mut self) -> Result<u128> {
        self.ask(TOTAL_SUPPLY.to_vec())
    }
}
