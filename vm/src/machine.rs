//! Calls between accounts and contracts: who may enter what, with which value and gas, and what is
//! undone.

use std::sync::Arc;

use abi::{Abi, Method, MethodKind, Selector};
use primitives::receipt::Failure;
use primitives::state_key::ContractInfo;
use primitives::{Address, Amount, Domain, Hash, limits};

use crate::cache::ModuleCache;
use crate::engine::Fatal;
use crate::executor::BlockContext;
use crate::host::{self, Frame};
use crate::journal::Journal;
use crate::module::ContractModule;
use crate::run::run;

/// All that the calls of one transaction, or one query, share.
pub(crate) struct Machine<'a> {
    pub(crate) journal: Journal<'a>,
    pub(crate) block: &'a BlockContext,
    pub(crate) origin: Address,
    pub(crate) modules: &'a ModuleCache,
    /// The contracts being called, outermost first.
    active: Vec<Address>,
    /// What the transaction has called last, the latest at the end; at most [`WARM_MAX`].
    warm: Vec<(Hash, Arc<ContractModule>)>,
}

/// Codes that a transaction may call again without paying again for bringing them into memory. They
/// stay there as long, so that no other price is unpaid; and they are few, so that they find room.
const WARM_MAX: usize = 16;

/// Through which door a contract is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Its `init`, once.
    Init,
    /// Its `call`, or its `query` without the right to write, as the method says.
    Call,
    /// Its `query` alone.
    Query,
    /// Its `migrate`, when it has just got its code.
    Migrate,
}

/// One call to be made.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) entry: Entry,
    pub(crate) contract: Address,
    pub(crate) caller: Address,
    pub(crate) value: Amount,
    pub(crate) input: Vec<u8>,
    pub(crate) is_static: bool,
    pub(crate) gas: u64,
}

/// How a call ended. Only a call that returned has effects.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Returned,
    Reverted,
    Failed(Failure),
}

/// What came of a call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) ended: Ended,
    /// What it returned, or its error when it reverted.
    pub(crate) output: Vec<u8>,
    pub(crate) gas_left: u64,
}

impl Outcome {
    fn failed(failure: Failure, gas_left: u64) -> Self {
        Self { ended: Ended::Failed(failure), output: Vec::new(), gas_left }
    }
}

/// The address of a contract: a hash of the chain (its genesis hash), of who made it, of its code
/// and of a salt that the creator chose, so that it is known beforehand and can be made once only.
pub fn contract_address(chain: &Hash, creator: &Address, code: &Hash, salt: &[u8]) -> Address {
    let parts: [&[u8]; 4] = [&chain.0, &creator.0, &code.0, salt];
    Address(Hash::of_parts(Domain::ContractAddress, &parts).0)
}

impl<'a> Machine<'a> {
    pub(crate) fn new(
        journal: Journal<'a>,
        block: &'a BlockContext,
        modules: &'a ModuleCache,
    ) -> Self {
        Self {
            journal,
            block,
            origin: Address::default(),
            modules,
            active: Vec::new(),
            warm: Vec::new(),
        }
    }

    /// Makes a contract of stored code and runs its `init`. The outcome of a success is the
    /// address.
    pub(crate) fn instantiate(
        &mut self,
        creator: Address,
        code: Hash,
        salt: &[u8],
        arguments: Vec<u8>,
        value: Amount,
        gas: u64,
    ) -> Result<Outcome, Fatal> {
        if self.journal.code_info(&code).is_none() {
            return Ok(Outcome::failed(Failure::UnknownCode, gas));
        }
        let contract = contract_address(&self.block.chain, &creator, &code, salt);
        if self.journal.contract(&contract).is_some() {
            return Ok(Outcome::failed(Failure::ContractExists, gas));
        }
        let checkpoint = self.journal.checkpoint();
        let info = ContractInfo { code, creator, admin: Some(creator) };
        self.journal.set_contract(&contract, &info);
        let mut outcome = self.invoke(Invocation {
            entry: Entry::Init,
            contract,
            caller: creator,
            value,
            input: arguments,
            is_static: false,
            gas,
        })?;
        match outcome.ended {
            Ended::Returned => outcome.output = contract.0.to_vec(),
            _ => self.journal.revert(checkpoint),
        }
        Ok(outcome)
    }

    /// Gives a contract other stored code. Unless its migration returns, where one has to run, the
    /// contract stays what it is.
    pub(crate) fn upgrade(
        &mut self,
        admin: Address,
        contract: Address,
        code: Hash,
        arguments: Vec<u8>,
        mut gas: u64,
    ) -> Result<Outcome, Fatal> {
        let mut info = match self.administered(&admin, &contract) {
            Ok(info) => info,
            Err(failure) => return Ok(Outcome::failed(failure, gas)),
        };
        if self.active.contains(&contract) {
            return Ok(Outcome::failed(Failure::Reentrancy, gas));
        }
        if self.journal.code_info(&code).is_none() {
            return Ok(Outcome::failed(Failure::UnknownCode, gas));
        }
        let from = self.fetch(&info.code, &mut gas)?;
        let to = self.fetch(&code, &mut gas)?;
        let (Some(from), Some(to)) = (from, to) else {
            return Ok(Outcome::failed(Failure::OutOfGas, 0));
        };
        let migrates = match from.facts.abi.migrates_to(&to.facts.abi) {
            Ok(migrates) => migrates,
            Err(why) => return Ok(Outcome::failed(Failure::Incompatible(why.to_string()), gas)),
        };
        if !migrates && !arguments.is_empty() {
            return Ok(Outcome::failed(Failure::UnknownMethod, gas));
        }
        let checkpoint = self.journal.checkpoint();
        info.code = code;
        self.journal.set_contract(&contract, &info);
        if !migrates {
            return Ok(Outcome { ended: Ended::Returned, output: Vec::new(), gas_left: gas });
        }
        let outcome = self.invoke(Invocation {
            entry: Entry::Migrate,
            contract,
            caller: admin,
            value: Amount::ZERO,
            input: arguments,
            is_static: false,
            gas,
        })?;
        if outcome.ended != Ended::Returned {
            self.journal.revert(checkpoint);
        }
        Ok(outcome)
    }

    /// Hands a contract to another admin, or to nobody.
    pub(crate) fn set_admin(
        &mut self,
        admin: &Address,
        contract: &Address,
        next: Option<Address>,
    ) -> Result<(), Failure> {
        let info = ContractInfo { admin: next, ..self.administered(admin, contract)? };
        self.journal.set_contract(contract, &info);
        Ok(())
    }

    /// The record of a contract whose admin this is.
    fn administered(&self, admin: &Address, contract: &Address) -> Result<ContractInfo, Failure> {
        let info = self.journal.contract(contract).ok_or(Failure::UnknownContract)?;
        if info.admin == Some(*admin) { Ok(info) } else { Err(Failure::NotAdmin) }
    }

    /// Makes a call. Unless it returns, all it did is undone.
    pub(crate) fn invoke(&mut self, invocation: Invocation) -> Result<Outcome, Fatal> {
        let checkpoint = self.journal.checkpoint();
        let outcome = self.enter(invocation)?;
        if outcome.ended != Ended::Returned {
            self.journal.revert(checkpoint);
        }
        Ok(outcome)
    }

    fn enter(&mut self, call: Invocation) -> Result<Outcome, Fatal> {
        let mut gas = call.gas;
        let depth = u32::try_from(self.active.len()).unwrap_or(u32::MAX);
        if depth > limits::CALL_DEPTH_MAX {
            return Ok(Outcome::failed(Failure::CallDepth, gas));
        }
        let Some(info) = self.journal.contract(&call.contract) else {
            return Ok(Outcome::failed(Failure::UnknownContract, gas));
        };
        let Some(module) = self.fetch(&info.code, &mut gas)? else {
            return Ok(Outcome::failed(Failure::OutOfGas, 0));
        };
        let Some(door) = door(&module.facts.abi, call.entry, &call.input) else {
            return Ok(Outcome::failed(Failure::UnknownMethod, gas));
        };
        if call.value != Amount::ZERO && !door.is_some_and(|method| method.payable) {
            return Ok(Outcome::failed(Failure::NotPayable, gas));
        }
        // A contract without an init has nothing to run.
        let Some(method) = door else {
            return Ok(Outcome { ended: Ended::Returned, output: Vec::new(), gas_left: gas });
        };
        if self.active.contains(&call.contract) && !method.reentrant {
            return Ok(Outcome::failed(Failure::Reentrancy, gas));
        }
        if !self.journal.transfer(&call.caller, &call.contract, call.value) {
            return Ok(Outcome::failed(Failure::InsufficientBalance, gas));
        }
        let Some(gas) = gas.checked_sub(module.facts.instance_gas) else {
            return Ok(Outcome::failed(Failure::OutOfGas, 0));
        };
        let frame = Frame {
            contract: call.contract,
            caller: call.caller,
            value: call.value,
            depth,
            is_static: call.is_static || method.kind == MethodKind::Query,
            input: call.input,
            output: Vec::new(),
            returned: Vec::new(),
            cursors: Vec::new(),
        };
        self.active.push(call.contract);
        let outcome = run(&module, self, frame, host::entry(method.kind), gas);
        // Not a pop: after a panic that a host function caught, deeper entries may be left.
        self.active.truncate(depth as usize);
        outcome
    }

    /// A contract's code, ready to run, paid for unless the transaction has called it lately; `None`
    /// when the gas does not suffice.
    fn fetch(&mut self, code: &Hash, gas: &mut u64) -> Result<Option<Arc<ContractModule>>, Fatal> {
        if let Some(place) = self.warm.iter().position(|(warm, _)| warm == code) {
            self.warm.get_mut(place..).unwrap_or_default().rotate_left(1);
            return Ok(self.warm.last().map(|(_, module)| Arc::clone(module)));
        }
        // It is paid before it is fetched, so the price must be known without it.
        let found = self.modules.find(code);
        let price = match &found {
            Some(module) => module.facts.fetch_gas,
            None => self.journal.code_info(code).ok_or_else(|| missing(code))?.fetch_gas,
        };
        let Some(left) = gas.checked_sub(price.0) else { return Ok(None) };
        *gas = left;
        let module = match found {
            Some(module) => module,
            None => self.module(code)?,
        };
        if self.warm.len() == WARM_MAX {
            self.warm.remove(0);
        }
        self.warm.push((*code, Arc::clone(&module)));
        Ok(Some(module))
    }

    /// Another transaction begins.
    pub(crate) fn forget_warm(&mut self) {
        self.warm.clear();
    }

    pub(crate) fn module(&self, code: &Hash) -> Result<Arc<ContractModule>, Fatal> {
        self.modules.get(code, || self.journal.code(code).ok_or_else(|| missing(code)))
    }
}

pub(crate) fn missing(code: &Hash) -> Fatal {
    Fatal(format!("the state is corrupt: the code {code} of a contract is missing"))
}

/// The method that the input names, if it may be entered this way. `Some(None)`: there is nothing
/// to enter, and nothing asked for.
fn door<'m>(abi: &'m Abi, entry: Entry, input: &[u8]) -> Option<Option<&'m Method>> {
    let has_init = abi.methods.iter().any(|method| method.kind == MethodKind::Init);
    if entry == Entry::Init && input.is_empty() && !has_init {
        return Some(None);
    }
    let selector: Selector = *input.first_chunk()?;
    let method = abi.method(selector)?;
    let fits = match entry {
        Entry::Init => method.kind == MethodKind::Init,
        Entry::Call => matches!(method.kind, MethodKind::Call | MethodKind::Query),
        Entry::Query => method.kind == MethodKind::Query,
        Entry::Migrate => method.kind == MethodKind::Migrate,
    };
    fits.then_some(Some(method))
}
