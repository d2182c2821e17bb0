//! What a block has changed so far, and how to undo the latest of it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};

use borsh::BorshDeserialize;
use primitives::state_key::{Account, CodeInfo, ContractInfo, Direction, KeyVisitor};
use primitives::{Address, Amount, Event, Hash, StateKey, codec};

use crate::layers::walk_with_deleted;
use crate::{Storage, panics};

/// The state as the current transaction sees it.
pub(crate) struct Journal<'a> {
    storage: &'a dyn Storage,
    changes: BTreeMap<StateKey, Option<Vec<u8>>>,
    /// Keys with the entry of `changes` that they had before, in the order of the writes.
    undo: Vec<(StateKey, Option<Option<Vec<u8>>>)>,
    /// The keys that committed transactions wrote, until they are forgotten.
    written: Vec<StateKey>,
    events: Vec<Event>,
    /// What the storage says of contracts that were asked for: most transactions of a block call
    /// the same few.
    contracts: RefCell<BTreeMap<Address, Option<ContractInfo>>>,
    /// Whether a panic, should there be one now, comes from this machine's storage and not from our
    /// code.
    broken: Cell<bool>,
}

/// A moment to which the journal can go back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checkpoint {
    writes: usize,
    events: usize,
}

impl<'a> Journal<'a> {
    pub(crate) fn new(storage: &'a dyn Storage) -> Self {
        Self {
            storage,
            changes: BTreeMap::new(),
            undo: Vec::new(),
            written: Vec::new(),
            events: Vec::new(),
            contracts: RefCell::default(),
            broken: Cell::new(false),
        }
    }

    pub(crate) fn get(&self, key: &StateKey) -> Option<Vec<u8>> {
        if let Some(changed) = self.changes.get(key) {
            return changed.clone();
        }
        self.below(|| self.storage.get(key))
    }

    /// Runs what only this machine's storage can make panic.
    fn below<T>(&self, read: impl FnOnce() -> T) -> T {
        self.broken.set(true);
        let answer = panics::not_held(read);
        self.broken.set(false);
        answer
    }

    /// Visits the keys of a range, with their values, until the visitor breaks. Those that the block
    /// has deleted come without a value.
    pub(crate) fn walk(
        &self,
        range: &Range<StateKey>,
        direction: Direction,
        visit: &mut dyn FnMut(StateKey, Option<Vec<u8>>) -> ControlFlow<()>,
    ) {
        let held = panics::holds_panics();
        let below = |visit: KeyVisitor<'_>| {
            let visit = &mut |key, value| {
                self.broken.set(false);
                let flow = panics::with(held, || visit(key, value));
                self.broken.set(true);
                flow
            };
            self.below(|| self.storage.walk(range, direction, visit));
        };
        walk_with_deleted(&self.changes, below, (range, direction), visit);
    }

    pub(crate) fn set(&mut self, key: StateKey, value: Option<Vec<u8>>) {
        let before = self.changes.insert(key.clone(), value);
        self.undo.push((key, before));
    }

    pub(crate) fn checkpoint(&self) -> Checkpoint {
        Checkpoint { writes: self.undo.len(), events: self.events.len() }
    }

    pub(crate) fn revert(&mut self, to: Checkpoint) {
        while self.undo.len() > to.writes {
            let Some((key, before)) = self.undo.pop() else { break };
            match before {
                Some(before) => self.changes.insert(key, before),
                None => self.changes.remove(&key),
            };
        }
        self.events.truncate(to.events);
    }

    /// Ends a transaction: what it did can no longer be undone. Answers with its events.
    pub(crate) fn commit(&mut self) -> Vec<Event> {
        self.written.extend(self.undo.drain(..).map(|(key, _)| key));
        std::mem::take(&mut self.events)
    }

    /// The keys that transactions have written since they were last forgotten.
    pub(crate) fn written(&self) -> &[StateKey] {
        &self.written
    }

    pub(crate) fn forget_written(&mut self) {
        self.written.clear();
    }

    /// Takes over what a transaction has changed that was executed on a journal of its own.
    pub(crate) fn adopt(&mut self, changes: BTreeMap<StateKey, Option<Vec<u8>>>) {
        self.changes.extend(changes);
    }

    pub(crate) fn changes(&self) -> &BTreeMap<StateKey, Option<Vec<u8>>> {
        &self.changes
    }

    pub(crate) fn into_changes(self) -> BTreeMap<StateKey, Option<Vec<u8>>> {
        self.changes
    }

    pub(crate) fn emit(&mut self, event: Event) {
        self.events.push(event);
    }

    pub(crate) fn events_len(&self) -> usize {
        self.events.len()
    }

    /// Whether the panic just caught came of this machine's storage: it must not be held, because
    /// the other nodes do not have it.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.get()
    }

    fn corrupt(&self, what: &str) -> ! {
        self.below(|| panic!("the state is corrupt: {what}"))
    }

    pub(crate) fn account(&self, address: &Address) -> Account {
        self.record(&StateKey::account(address)).unwrap_or_default()
    }

    /// An account that says nothing is not stored: its absence means the same.
    pub(crate) fn set_account(&mut self, address: &Address, account: &Account) {
        let value = (*account != Account::default()).then(|| codec::encode(account));
        self.set(StateKey::account(address), value);
    }

    /// Moves native units; false, and nothing done, when `from` has too few.
    pub(crate) fn transfer(&mut self, from: &Address, to: &Address, amount: Amount) -> bool {
        let mut sender = self.account(from);
        let Some(rest) = sender.balance.checked_sub(amount) else { return false };
        if from == to || amount == Amount::ZERO {
            return true;
        }
        sender.balance = rest;
        self.set_account(from, &sender);
        self.credit(to, amount);
        true
    }

    /// # Panics
    /// When the balance overflows: the supply is checked at genesis and never grows.
    pub(crate) fn credit(&mut self, address: &Address, amount: Amount) {
        if amount == Amount::ZERO {
            return;
        }
        let mut account = self.account(address);
        match account.balance.checked_add(amount) {
            Some(balance) => account.balance = balance,
            None => self.corrupt(&format!("the balance of {address} exceeds the supply")),
        }
        self.set_account(address, &account);
    }

    pub(crate) fn contract(&self, address: &Address) -> Option<ContractInfo> {
        let key = StateKey::contract(address);
        if self.changes.contains_key(&key) {
            return self.record(&key);
        }
        if let Some(known) = self.contracts.borrow().get(address) {
            return known.clone();
        }
        let info: Option<ContractInfo> = self.record(&key);
        self.contracts.borrow_mut().insert(*address, info.clone());
        info
    }

    pub(crate) fn set_contract(&mut self, address: &Address, info: &ContractInfo) {
        self.set(StateKey::contract(address), Some(codec::encode(info)));
    }

    pub(crate) fn code_info(&self, hash: &Hash) -> Option<CodeInfo> {
        self.record(&StateKey::code_info(hash))
    }

    pub(crate) fn code(&self, hash: &Hash) -> Option<Vec<u8>> {
        self.get(&StateKey::code(hash))
    }

    /// # Panics When a stored record cannot be decoded: only this crate writes them, so the state
    /// is corrupt.
    fn record<T: BorshDeserialize>(&self, key: &StateKey) -> Option<T> {
        let bytes = self.get(key)?;
        match codec::decode(&bytes, usize::MAX) {
            Ok(record) => Some(record),
            Err(error) => self.corrupt(&format!("the record {key:?} is unreadable: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> StateKey {
        StateKey::system(name)
    }

    #[test]
    fn reverting_restores_what_was_there() {
        let base = BTreeMap::from([(key("a"), vec![1])]);
        let mut journal = Journal::new(&base);
        journal.set(key("b"), Some(vec![2]));
        let checkpoint = journal.checkpoint();
        journal.set(key("a"), None);
        journal.set(key("b"), Some(vec![3]));
        journal.set(key("b"), None);
        journal.set(key("c"), Some(vec![4]));
        assert_eq!(journal.get(&key("a")), None);
        journal.revert(checkpoint);
        assert_eq!(journal.get(&key("a")), Some(vec![1]));
        assert_eq!(journal.into_changes(), BTreeMap::from([(key("b"), Some(vec![2]))]));
    }
}
