//! `quorate-vm`, through what the node uses of it: blocks of transactions over a storage, with receipts, events, fees
//! and nonces. Signatures are left out, as for all contenders.

use std::collections::BTreeMap;
use std::ops::Range;

use abi::{selector, storage_prefix};
use anyhow::{Context as _, Result, ensure};
use primitives::codec::{self, FormatVersion};
use primitives::state_key::{Account, Direction, KeyVisitor};
use primitives::{
    Action, Address, Amount, ChainId, ChainParameters, Domain, Gas, Hash, Height, Nonce, PublicKey,
    Receipt, Signature, SignedTransaction, StateKey, Status, TimestampMs, Transaction,
};
use vm::{BlockContext, BlockOutcome, Executor, ExecutorOptions, Query, QueryOutcome};

use super::{Contender, Settings};
use crate::store::Store;
use crate::workload::{BALANCE, Transfer, identity, supply};

/// The module that is measured: a sample of the repository, built as its `token.wasm` says.
pub const TOKEN: &[u8] = include_bytes!("../../../../contracts/token/token.wasm");

/// Native units of each account, and what a transaction may use of them.
const FUNDS: u128 = 1_000_000_000_000_000_000;
const GAS: Gas = Gas(10_000_000_000_000);
const GAS_PRICE: Amount = Amount(1);
/// Bytes of a key in the store: namespace, contract, and the longest key of a contract's own.
const KEY_BYTES_MAX: usize = 1 + 32 + 256;

impl vm::Storage for Store {
    fn get(&self, key: &StateKey) -> Option<Vec<u8>> {
        with_key(key, |bytes| self.get(bytes).map(<[u8]>::to_vec))
    }

    /// The store's keys are in the order of the state's.
    fn walk(&self, range: &Range<StateKey>, direction: Direction, visit: KeyVisitor<'_>) {
        let [from, to] = [&range.start, &range.end].map(|key| with_key(key, <[u8]>::to_vec));
        let mut rows: Vec<_> = self.range(from..to).collect();
        if direction == Direction::Descending {
            rows.reverse();
        }
        for (key, value) in rows {
            let Ok(key) = key_of(key) else { panic!("a key of the store is none of the state") };
            if visit(key, value.to_vec()).is_break() {
                return;
            }
        }
    }
}

/// Passes on the key as the store has it, without taking memory for it.
fn with_key<T>(key: &StateKey, then: impl FnOnce(&[u8]) -> T) -> T {
    let mut bytes = [0; KEY_BYTES_MAX];
    match bytes.get_mut(..=key.key.len()) {
        Some(place) => {
            if let Some((namespace, rest)) = place.split_first_mut() {
                *namespace = key.namespace as u8;
                rest.copy_from_slice(&key.key);
            }
            then(place)
        }
        None => then(&[&[key.namespace as u8], key.key.as_slice()].concat()),
    }
}

/// The key that stands in the store as these bytes.
pub fn key_of(bytes: &[u8]) -> Result<StateKey> {
    let (namespace, key) = bytes.split_first().context("a key has a namespace")?;
    let namespace = codec::decode(&[*namespace], 1)?;
    Ok(StateKey { namespace, key: key.to_vec() })
}

/// Puts a row of the state into the store.
pub fn put(store: &mut Store, key: &StateKey, value: Vec<u8>) {
    with_key(key, |key| store.set(key, value));
}

/// Puts a block's changes into the store.
pub fn apply(store: &mut Store, changes: BTreeMap<StateKey, Option<Vec<u8>>>) {
    for (key, value) in changes {
        with_key(&key, |key| match value {
            Some(value) => store.set(key, value),
            None => store.remove(key),
        });
    }
}

/// An executor, and what its transactions have in common.
#[derive(Debug)]
pub struct Chain {
    pub executor: Executor,
    pub block: BlockContext,
    sequences: BTreeMap<PublicKey, u64>,
}

impl Chain {
    pub fn new() -> Result<Self> {
        // A block is as large as it is asked for.
        let parameters = ChainParameters { block_gas: Gas(u64::MAX), ..ChainParameters::default() };
        let block = BlockContext {
            chain_id: "bench".parse::<ChainId>()?,
            chain: Hash::of_bytes(Domain::Genesis, b"bench"),
            height: Height(1),
            timestamp: TimestampMs(1_000_000),
            parameters,
        };
        // The race is run on one core.
        let executor = Executor::new(ExecutorOptions { threads: 1, ..Default::default() });
        Ok(Self { executor, block, sequences: BTreeMap::new() })
    }

    /// The account with its native units, as a row of the state.
    pub fn funded(sender: &PublicKey) -> (StateKey, Vec<u8>) {
        let account = Account { balance: Amount(FUNDS), ..Account::default() };
        (StateKey::account(&sender.address()), codec::encode(&account))
    }

    /// A sender's next transaction. Nobody has signed it.
    pub fn transaction(&mut self, sender: PublicKey, action: Action) -> SignedTransaction {
        let next = self.sequences.entry(sender).or_default();
        let sequence = *next;
        *next += 1;
        self.transaction_at(sender, sequence, action)
    }

    /// A sender's transaction with this sequence. Nobody has signed it.
    pub fn transaction_at(
        &self,
        sender: PublicKey,
        sequence: u64,
        action: Action,
    ) -> SignedTransaction {
        let transaction = Transaction {
            version: FormatVersion::V1,
            chain_id: self.block.chain_id.clone(),
            sender,
            nonce: Nonce { lane: 0, sequence },
            valid_until: self.block.timestamp.plus(1_000),
            gas_limit: GAS,
            gas_price: GAS_PRICE,
            action,
        };
        let signed = SignedTransaction::new(transaction, Signature([0; 64]));
        // Its hash and its sender's address come with a transaction whose signature was checked.
        signed.hash();
        signed
    }

    pub fn execute(
        &self,
        store: &(dyn vm::Storage + Sync),
        block: &[SignedTransaction],
    ) -> BlockOutcome {
        self.executor.execute_block(store, &self.block, block)
    }

    /// Executes a transaction that must succeed, and answers with what it returns.
    fn act(&mut self, store: &mut Store, sender: PublicKey, action: Action) -> Result<Vec<u8>> {
        let transaction = self.transaction(sender, action);
        let BlockOutcome { mut receipts, changes, .. } = self.execute(store, &[transaction]);
        apply(store, changes);
        let receipt = receipts.pop().context("a transaction has a receipt")?;
        ensure!(receipt.status == Status::Success, "{:?}", receipt.status);
        Ok(receipt.output)
    }

    /// Uploads code and makes a contract of it. The sender is funded.
    pub fn deploy(
        &mut self,
        store: &mut Store,
        sender: PublicKey,
        code: &[u8],
        arguments: Vec<u8>,
    ) -> Result<Address> {
        vm::check_code(code)?;
        let hash = self.act(store, sender, Action::Upload { code: code.to_vec() })?;
        let code = Hash(hash.as_slice().try_into()?);
        let (salt, value) = (Vec::new(), Amount::ZERO);
        let address =
            self.act(store, sender, Action::Instantiate { code, salt, arguments, value })?;
        Ok(Address(address.as_slice().try_into()?))
    }

    /// A query with gas without end.
    pub fn query(
        &self,
        store: &dyn vm::Storage,
        contract: Address,
        arguments: Vec<u8>,
    ) -> QueryOutcome {
        let gas_limit = Gas(u64::MAX >> 1);
        let query = Query { contract, caller: Address::default(), arguments, gas_limit };
        self.executor.query(store, &self.block, query)
    }
}

/// A sender that no other contender's account resembles.
pub fn sender(account: u32) -> PublicKey {
    PublicKey(identity(account))
}

/// The token, and who holds it.
#[derive(Debug)]
pub struct Holders {
    pub chain: Chain,
    pub contract: Address,
    senders: Vec<(PublicKey, Address)>,
}

impl Holders {
    /// Makes the token and gives every account its units. What that takes is written into the store.
    pub fn new(store: &mut Store, accounts: u32) -> Result<Self> {
        let mut chain = Chain::new()?;
        let senders: Vec<_> = (0..accounts).map(sender).map(|key| (key, key.address())).collect();
        for (key, _) in &senders {
            let (key, account) = Chain::funded(key);
            put(store, &key, account);
        }
        let (creator, _) = *senders.first().context("there are accounts")?;
        let arguments = [&selector("new")[..], &supply(accounts).to_le_bytes()].concat();
        let contract = chain.deploy(store, creator, TOKEN, arguments)?;
        let holders = Self { chain, contract, senders };
        for (_, owner) in &holders.senders {
            put(store, &holders.balance_key(owner), BALANCE.to_le_bytes().to_vec());
        }
        Ok(holders)
    }

    pub fn transaction(&mut self, transfer: &Transfer) -> Result<SignedTransaction> {
        let (from, _) = self.holder(transfer.from)?;
        let (_, to) = self.holder(transfer.to)?;
        let arguments = [&selector("transfer")[..], &to.0, &transfer.amount.to_le_bytes()].concat();
        let action = Action::Call { contract: self.contract, arguments, value: Amount::ZERO };
        Ok(self.chain.transaction(from, action))
    }

    fn holder(&self, account: u32) -> Result<(PublicKey, Address)> {
        self.senders.get(account as usize).copied().context("there is no such account")
    }

    /// Where the contract keeps what an account holds.
    fn balance_key(&self, owner: &Address) -> StateKey {
        StateKey::storage(&self.contract, &[&storage_prefix("balances")[..], &owner.0].concat())
    }

    pub fn balance(&self, store: &dyn vm::Storage, account: u32) -> Result<u128> {
        let (_, owner) = self.holder(account)?;
        self.ask(store, [&selector("balance_of")[..], &owner.0].concat())
    }

    pub fn supply(&self, store: &dyn vm::Storage) -> Result<u128> {
        self.ask(store, selector("supply").to_vec())
    }

    fn ask(&self, store: &dyn vm::Storage, arguments: Vec<u8>) -> Result<u128> {
        let outcome = self.chain.query(store, self.contract, arguments);
        ensure!(outcome.status == Status::Success, "{:?}", outcome.status);
        Ok(u128::from_le_bytes(outcome.output.as_slice().try_into()?))
    }

    pub fn stored(&self, store: &dyn vm::Storage, account: u32) -> Result<u128> {
        let (_, owner) = self.holder(account)?;
        let value = store.get(&self.balance_key(&owner)).context("there is no balance")?;
        Ok(u128::from_le_bytes(value.as_slice().try_into()?))
    }
}

/// Whether all transfers were made, each with its event.
pub fn check(receipts: &[Receipt]) -> Result<()> {
    for receipt in receipts {
        ensure!(receipt.status == Status::Success, "a transfer ends as {:?}", receipt.status);
        ensure!(receipt.events.len() == 1, "a transfer emits {} events", receipt.events.len());
    }
    Ok(())
}

pub(super) struct Token {
    store: Store,
    holders: Holders,
    block: usize,
    prepared: Vec<SignedTransaction>,
}

impl Token {
    pub(super) fn open(settings: &Settings) -> Result<Self> {
        let mut store = Store::default();
        let holders = Holders::new(&mut store, settings.accounts)?;
        Ok(Self { store, holders, block: settings.block, prepared: Vec::new() })
    }
}

impl Contender for Token {
    fn prepare(&mut self, transfers: &[Transfer]) -> Result<()> {
        self.prepared = Vec::with_capacity(transfers.len());
        for transfer in transfers {
            self.prepared.push(self.holders.transaction(transfer)?);
        }
        Ok(())
    }

    fn execute(&mut self) -> Result<u64> {
        let mut gas = 0;
        for block in self.prepared.chunks(self.block) {
            let outcome = self.holders.chain.execute(&self.store, block);
            check(&outcome.receipts)?;
            gas += outcome.gas_used.0;
            apply(&mut self.store, outcome.changes);
        }
        Ok(gas)
    }

    fn balance(&mut self, account: u32) -> Result<u128> {
        self.holders.balance(&self.store, account)
    }

    fn stored(&self, account: u32) -> Result<u128> {
        self.holders.stored(&self.store, account)
    }

    fn supply(&mut self) -> Result<u128> {
        self.holders.supply(&self.store)
    }
}
