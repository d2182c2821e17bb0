//! The adversarial corpus: one file for each attack on a node's time or memory.
//!
//! An attack is refused at upload, by name, or it runs within the bounds that its gas buys. What
//! counts is the slowest: gas per nanosecond of the attack that gets the most time for its gas.

mod attacks;
mod files;
mod measure;
mod table;

use primitives::receipt::{Failure, Receipt, Status};
use primitives::{Action, Address, Amount, Gas};

pub use attacks::all;
pub use measure::{Compiled, Measured, measure};
pub use table::Table;

use crate::chain::{Chain, Difference};
use crate::text::{AGAIN, INIT, RUN, Text, address_of, data};

/// Gas of one attacking transaction, unless the attack says otherwise: a hundredth of a block.
const GAS: u64 = 10_000_000_000;

/// A contract that means harm.
#[derive(Clone, Debug)]
pub struct Attack {
    pub name: &'static str,
    pub code: Vec<u8>,
    /// Contracts that it calls; they are there before.
    pub before: Vec<Vec<u8>>,
    pub gas: u64,
    pub arguments: Vec<u8>,
    pub bound: Bound,
}

/// What keeps an attack in bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Upload refuses it with words that contain these.
    Refused(&'static str),
    /// All its gas is used up, for computing or for a trap.
    OutOfGas,
    StackExhausted,
    /// It ends by itself: there is no more that it may do.
    Ends,
    /// It runs nothing: what it attacks is who makes it ready to run.
    Ready,
    /// The host ends it with words that contain these.
    Misuse(&'static str),
}

impl Attack {
    fn new(text: &Text, bound: Bound) -> Self {
        Self::of(text, GAS, bound)
    }

    /// A text that is called with so much gas.
    pub fn of(text: &Text, gas: u64, bound: Bound) -> Self {
        let (code, arguments) = (text.module(), RUN.to_vec());
        Self { name: "", code, before: Vec::new(), gas, arguments, bound }
    }

    /// One that goes round until its gas is used up.
    fn forever(extra: impl Into<String>, body: impl AsRef<str>) -> Self {
        Self::new(&Text::forever(extra, body), Bound::OutOfGas)
    }

    /// One that calls a contract, which ends by itself, until its gas is used up.
    fn calling(callee: Vec<u8>) -> Self {
        Self::calling_with(callee, 0)
    }

    /// The same, with so much gas for each call; 0 for all there is.
    fn calling_with(callee: Vec<u8>, gas: u64) -> Self {
        let call = format!(
            "(drop (call $call (i32.const 1000) (i32.const 1032) (i32.const 4) (i32.const 2000)
                (i64.const {gas}) (i32.const 0)))"
        );
        let extra = format!("{} {}", data(1_000, &address_of(&callee).0), data(1_032, &RUN));
        Self { before: vec![callee], ..Self::forever(extra, call) }
    }

    /// One that calls a contract which writes to every page, as the system counts them, of a memory
    /// of so many of its own.
    fn touching(memory: &'static str) -> Self {
        let touch = "(local.set $b (i32.shl (memory.size) (i32.const 16)))
            (loop (i32.store (local.get $a) (i32.const 1))
                (br_if 0 (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 4096)))
                    (local.get $b)))) i32.const 0";
        let callee = Text { memory, ..Text::new("", touch) }.module();
        Self { gas: 5 * GAS, ..Self::calling(callee) }
    }

    /// One that builds towers of calls again and again: a contract with this memory and this beside
    /// its methods calls itself until the depth is reached.
    fn tower(memory: &'static str, extra: impl Into<String>) -> Self {
        // It calls whom its input names, with the same input.
        let body = "(call $input (i32.const 0))
            (drop (call $call (i32.const 4) (i32.const 0) (i32.const 36) (i32.const 2000)
                (i64.const 0) (i32.const 0)))
            i32.const 0";
        let tower = Text { memory, ..Text::new(extra, body) }.module();
        let input = [&AGAIN[..], &address_of(&tower).0].concat();
        let call = "(drop (call $call (i32.const 1004) (i32.const 1000) (i32.const 36)
            (i32.const 2000) (i64.const 0) (i32.const 0)))";
        Self { before: vec![tower], gas: 10 * GAS, ..Self::forever(data(1_000, &input), call) }
    }

    /// Begins with another method.
    fn with(self, selector: [u8; 4]) -> Self {
        Self { arguments: selector.to_vec(), ..self }
    }

    /// One that upload must refuse.
    fn refused(extra: impl Into<String>, words: &'static str) -> Self {
        Self::new(&Text::new(extra, "i32.const 0"), Bound::Refused(words))
    }

    /// Puts the contracts of an attack that upload accepts on a chain.
    ///
    /// # Errors
    ///
    /// When engines differ.
    pub fn deploy(&self, chain: &mut Chain) -> Result<Address, Difference> {
        for code in &self.before {
            self.deploy_one(chain, code)?;
        }
        self.deploy_one(chain, &self.code)
    }

    fn deploy_one(&self, chain: &mut Chain, code: &[u8]) -> Result<Address, Difference> {
        let Some(hash) = chain.upload(code)? else { panic!("{} is refused", self.name) };
        let has_init = abi::Abi::from_module(code)
            .is_ok_and(|abi| abi.methods_of(abi::MethodKind::Init).next().is_some());
        let arguments = if has_init { INIT.to_vec() } else { Vec::new() };
        match chain.instantiate(hash, arguments)? {
            Ok(address) => Ok(address),
            Err(receipt) => panic!("{} is not instantiated: {:?}", self.name, receipt.status),
        }
    }

    /// The attacking transaction.
    pub fn action(&self, contract: Address) -> Action {
        Action::Call { contract, arguments: self.arguments.clone(), value: Amount::ZERO }
    }

    /// Whether a receipt says that the bound was what ended it.
    pub fn check(&self, receipt: &Receipt) -> Result<(), String> {
        let is_bounded = match (self.bound, &receipt.status) {
            (Bound::OutOfGas, Status::Failed(Failure::OutOfGas))
            | (Bound::StackExhausted, Status::Failed(Failure::StackExhausted))
            | (Bound::Ends | Bound::Ready, Status::Success) => true,
            (Bound::Misuse(words), Status::Failed(Failure::HostMisuse(message))) => {
                message.contains(words)
            }
            _ => false,
        };
        match (is_bounded, receipt.gas_used <= Gas(self.gas)) {
            (true, true) => Ok(()),
            (false, _) => Err(format!("not {:?} but {:?}", self.bound, receipt.status)),
            (_, false) => Err(format!("{} gas of {}", receipt.gas_used.0, self.gas)),
        }
    }
}
