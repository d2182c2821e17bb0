//! Random blocks: a contract that does what its input says, and transactions that make much of it
//! meet.

use std::collections::BTreeMap;
use std::ops::Range;

use primitives::state_key::Account;
use primitives::{
    Action, Address, Amount, Domain, Gas, Hash, Nonce, SignedTransaction, StateKey, codec,
};

use crate::testing::{AGAIN, ASK, PAY, RUN, TestChain, calling, key, text_bytes};
use crate::{BlockContext, Executor, ExecutorOptions, contract_address};

/// Who sends transactions.
const SENDERS: u8 = 12;
/// Contracts at the beginning; their addresses stand in every input.
const CONTRACTS: usize = 3;
/// Selector and addresses, before the steps.
const HEADER: usize = 4 + 32 * CONTRACTS;

/// Numbers that look random and are always the same.
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    pub(super) fn between(&mut self, range: Range<u64>) -> usize {
        usize::try_from(range.start + self.below(range.end - range.start)).unwrap()
    }

    fn byte(&mut self, end: u64) -> u8 {
        u8::try_from(self.below(end)).unwrap()
    }

    fn one_of<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.between(0..of.len() as u64)]
    }
}

/// A contract whose input is [`HEADER`] bytes and steps of four: what to do, and three numbers. All
/// that it learns goes into one number, which it writes where it writes, and returns.
pub(super) fn soup(version: u8) -> Vec<u8> {
    let keys: Vec<u8> = (0..=255).collect();
    let extra = format!(r#"(data (i32.const 50000) "{}")"#, text_bytes(&keys));
    let learn = |what: &str| {
        format!("(local.set $all (i64.add (i64.mul (local.get $all) (i64.const 31)) {what}))")
    };
    let key = "(i32.add (i32.const 50000) (local.get $a)) (i32.const 1)";
    let end = "(i32.add (i32.const 50000) (local.get $b)) (i32.const 1)";
    let contract = "(i32.add (i32.const 4) (i32.shl (local.get $a) (i32.const 5)))";
    let number = |local: &str| format!("(i64.extend_i32_u (local.get ${local}))");
    let add = |amount: &str, above: i64| {
        format!(
            "(i64.store (i32.const 60200) {amount})
             (i64.store (i32.const 60208) (i64.const {above}))
             (i64.store (i32.const 60216) {}) {}",
            number("c"),
            learn(&format!(
                "(i64.extend_i32_u (call $add {key} (i32.const 60200) (i32.const 60216)))"
            )),
        )
    };
    let scan = |flags: u32| {
        let batch = format!(
            "(call $next_batch (call $scan {key} {end} (i32.const {flags})) (i32.const 61000)
                (local.get $c))"
        );
        let words = (0..6).map(|word| format!("(i64.load (i32.const {}))", 61_000 + 8 * word));
        let words: String = words.map(|word| learn(&word)).collect();
        format!(
            "(memory.fill (i32.const 61000) (i32.const 0) (i32.const 64)) {} {words}",
            learn(&batch)
        )
    };
    let ends_if = |mask: u32, end: &str| {
        format!("(if (i64.eqz (i64.and (local.get $all) (i64.const {mask}))) (then {end}))")
    };
    let store = "(i64.store (i32.const 60000) (local.get $all))";
    let steps = [
        format!("{store} (call $set {key} (i32.const 60000) (local.get $c))"),
        format!("(call $delete {key})"),
        learn(&format!("(call $get {key} (i32.const 60100) (i32.const 32))"))
            + &learn("(i64.load (i32.const 60100))"),
        learn(&format!("(i64.extend_i32_u (call $has {key}))")),
        add(&number("b"), 0),
        add(&format!("(i64.sub (i64.const 0) {})", number("b")), -1),
        scan(0),
        scan(1),
        format!(
            "(memory.copy (i32.const 20000) (i32.const 0) (i32.const {HEADER}))
             (memory.copy (i32.const {steps}) (local.get $p)
                (i32.shl (local.get $c) (i32.const 2)))
             (i64.store (i32.const 60300) (i64.const 0)) {} (call $returned (i32.const 60300)) {}
             (local.set $p (i32.add (local.get $p) (i32.shl (local.get $c) (i32.const 2))))",
            learn(&format!(
                "(call $call {contract} (i32.const 20000)
                    (i32.add (i32.const {HEADER}) (i32.shl (local.get $c) (i32.const 2)))
                    (i32.const 60280) (i64.const 0) (local.get $b))"
            )),
            learn("(i64.load (i32.const 60300))"),
            steps = 20_000 + HEADER,
        ),
        format!(
            "{store} (call $emit (i32.const 60320) (i32.const 4) (i32.const 60000) (i32.const 8))"
        ),
        format!("(i64.store (i32.const 60400) {})", number("b"))
            + &learn(&format!("(i64.extend_i32_u (call $transfer {contract} (i32.const 60400)))")),
        format!("(call $balance {contract} (i32.const 60420))")
            + &learn("(i64.load (i32.const 60420))"),
        ends_if(1, "(return (i32.const 1))"),
        ends_if(3, "unreachable"),
        ends_if(7, "(loop br 0)"),
    ];
    let steps: String = (0..)
        .zip(steps)
        .map(|(step, does): (u32, _)| {
            format!("(if (i32.eq (local.get $step) (i32.const {step})) (then {does}))")
        })
        .collect();
    let body = format!(
        "(local $p i32) (local $step i32) (local $a i32) (local $b i32) (local $c i32)
         (local $all i64)
         (local.set $all (i64.const {version})) (local.set $p (i32.const {HEADER}))
         (call $input (i32.const 0))
         (loop $next (if (i32.lt_u (local.get $p) (local.get 0)) (then
            (local.set $step (i32.load8_u (local.get $p)))
            (local.set $a (i32.load8_u offset=1 (local.get $p)))
            (local.set $b (i32.load8_u offset=2 (local.get $p)))
            (local.set $c (i32.load8_u offset=3 (local.get $p)))
            (local.set $p (i32.add (local.get $p) (i32.const 4)))
            {steps} (br $next))))
         {store} (call $set_output (i32.const 60000) (i32.const 8)) i32.const 0"
    );
    calling(&extra, &body)
}

/// What all random blocks begin with.
pub(super) struct Scene {
    /// One that all blocks warm.
    pub(super) executor: Executor,
    chain: TestChain,
    contracts: Vec<Address>,
    /// Codes that blocks upload; the first two are stored already.
    codes: Vec<Vec<u8>>,
}

/// A random block, and the state before it.
pub(super) struct Block {
    pub(super) state: BTreeMap<StateKey, Vec<u8>>,
    pub(super) context: BlockContext,
    pub(super) transactions: Vec<SignedTransaction>,
}

fn address(number: u8) -> Address {
    key(number).public_key().address()
}

fn hash(code: &[u8]) -> Hash {
    Hash::of_bytes(Domain::Code, code)
}

impl Scene {
    pub(super) fn new() -> Self {
        let mut chain = TestChain::new();
        let mut codes: Vec<_> = [1, 2, 3].map(soup).to_vec();
        codes.push(calling("", "i32.const 0"));
        codes.push(calling("", "i32.const 1"));
        codes.push(b"no module".to_vec());
        chain.upload(codes[0].clone());
        chain.upload(codes[1].clone());
        let contracts = (0..CONTRACTS).map(|salt| {
            let action = Action::Instantiate {
                code: hash(&codes[0]),
                salt: vec![u8::try_from(salt).unwrap()],
                arguments: Vec::new(),
                value: Amount::ZERO,
            };
            Address(chain.act(4, action).output.try_into().unwrap())
        });
        let contracts = contracts.collect();
        Self { executor: Executor::new(ExecutorOptions::default()), chain, contracts, codes }
    }

    pub(super) fn block(&self, numbers: &mut Numbers) -> Block {
        let mut state = self.chain.state.clone();
        for number in 1..=SENDERS {
            let mut account = self.chain.account(&address(number));
            let funds = *numbers.one_of(&[1 << 60, 1 << 60, 1 << 60, 1 << 60, 2_000_000_000]);
            account.balance = Amount(funds);
            state.insert(StateKey::account(&address(number)), codec::encode(&account));
        }
        for contract in &self.contracts {
            for _ in 0..numbers.below(120) {
                let length = *numbers.one_of(&[1, 8, 16]);
                let value = vec![numbers.byte(9); length];
                state.insert(StateKey::storage(contract, &[numbers.byte(224)]), value);
            }
        }
        let mut context = self.chain.block.clone();
        context.parameters.block_gas = Gas(*numbers.one_of(&[
            1_000_000_000_000,
            1_000_000_000_000,
            12_000_000_000,
            3_000_000_000,
        ]));
        let mut next = BTreeMap::new();
        let count = numbers.below(70);
        let transactions =
            (0..count).map(|_| self.transaction(numbers, &state, &mut next)).collect();
        Block { state, context, transactions }
    }

    fn transaction(
        &self,
        numbers: &mut Numbers,
        state: &BTreeMap<StateKey, Vec<u8>>,
        next: &mut BTreeMap<(u8, u32), u64>,
    ) -> SignedTransaction {
        let number = 1 + numbers.byte(u64::from(SENDERS));
        let lane = u32::try_from(numbers.below(2)).unwrap();
        let (action, gas) = self.action(numbers, number);
        let mut transaction = self.chain.transaction(number, action);
        let bytes = &state[&StateKey::account(&address(number))];
        let account: Account = codec::decode(bytes, 1 << 20).unwrap();
        let expected = next.entry((number, lane)).or_insert(account.next_sequence(lane));
        transaction.nonce = Nonce { lane, sequence: *expected };
        match numbers.below(30) {
            0 => transaction.nonce.sequence += 1,
            1 => transaction.chain_id = "other".parse().unwrap(),
            2 => transaction.nonce.sequence = 0,
            _ => *expected += 1,
        }
        transaction.gas_limit = Gas(gas);
        transaction.gas_price = Amount(u128::from(numbers.below(3)));
        transaction.sign(&key(number))
    }

    fn any_code(&self, numbers: &mut Numbers) -> Hash {
        let code: &Vec<u8> = numbers.one_of(&self.codes);
        hash(code)
    }

    /// Something to do, and a limit for it.
    fn action(&self, numbers: &mut Numbers, sender: u8) -> (Action, u64) {
        let value = Amount(u128::from(numbers.below(3) * numbers.below(1_000_000)));
        let contract = *numbers.one_of(&self.contracts);
        let usual = *numbers.one_of(&[300_000_000, 300_000_000, 600_000_000, 90_000_000]);
        match numbers.below(40) {
            0..8 => {
                let to = match numbers.below(4) {
                    0 => address(1 + numbers.byte(u64::from(SENDERS))),
                    1 => contract,
                    _ => Address([100 + numbers.byte(50); 32]),
                };
                (Action::Transfer { to, amount: value }, usual)
            }
            8..10 => (Action::Upload { code: numbers.one_of(&self.codes).clone() }, 9_000_000_000),
            10..13 => {
                let code = self.any_code(numbers);
                let (salt, arguments) = (vec![numbers.byte(2)], Vec::new());
                (Action::Instantiate { code, salt, arguments, value: Amount::ZERO }, usual)
            }
            13 => {
                let code = self.any_code(numbers);
                (Action::Upgrade { contract, code, arguments: Vec::new() }, usual)
            }
            14 => {
                let admin = Some(address(1 + numbers.byte(u64::from(SENDERS))));
                (Action::SetAdmin { contract, admin }, usual)
            }
            15 => {
                // One that the block may have made.
                let (creator, code) = (address(sender), self.any_code(numbers));
                let chain = &self.chain.block.chain;
                let contract = contract_address(chain, &creator, &code, &[numbers.byte(2)]);
                (self.call(numbers, sender, contract, Amount::ZERO), usual)
            }
            _ => (self.call(numbers, sender, contract, value), usual),
        }
    }

    fn call(&self, numbers: &mut Numbers, sender: u8, contract: Address, value: Amount) -> Action {
        let selector = *numbers.one_of(&[RUN, RUN, PAY, PAY, AGAIN, ASK]);
        let value = if selector == PAY { value } else { Amount::ZERO };
        let mut arguments = selector.to_vec();
        self.contracts.iter().for_each(|contract| arguments.extend(contract.0));
        for _ in 0..=numbers.below(6) {
            arguments.extend(step(numbers, sender));
        }
        Action::Call { contract, arguments, value }
    }
}

/// One step of a [`soup`], most often in a part of the keys that is the sender's own.
fn step(numbers: &mut Numbers, sender: u8) -> [u8; 4] {
    let place = |numbers: &mut Numbers| match numbers.below(12) {
        0 => 208 + numbers.byte(16),
        1 => numbers.byte(255),
        _ => sender * 16 + numbers.byte(16),
    };
    let step = *numbers.one_of(&[0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 6, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
    let (mut a, mut b) = (place(numbers), numbers.byte(40));
    let mut c = numbers.byte(100);
    match step {
        0 => c = *numbers.one_of(&[0, 8, 16]),
        6 | 7 => (b, c) = (a.saturating_add(numbers.byte(24)), 64),
        8 => (a, b, c) = (numbers.byte(CONTRACTS as u64), numbers.byte(8) / 7, numbers.byte(4)),
        10 | 11 => a = numbers.byte(CONTRACTS as u64),
        _ => {}
    }
    [step, a, b, c]
}
