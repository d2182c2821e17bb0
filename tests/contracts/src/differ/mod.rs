//! Differential fuzzing: random contracts, and the sample contracts with random calls, in two
//! engines and without an optimiser; receipts and writes must be the same to the byte.
//!
//! Everything of a case follows from its seed. A case makes two random contracts, of which the
//! second knows the first, beside every sample contract; then it sends transactions and queries to
//! all of them with random inputs, values and gas limits.

mod contract;
mod doors;
mod smith;

use std::collections::BTreeMap;
use std::fmt;

use abi::Abi;
use primitives::receipt::{Failure, Status};
use primitives::{Action, Address, Amount, Gas, Hash, StateKey, codec};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use vm::{BlockContext, Query};

use crate::chain::{ACCOUNTS, Chain, Difference, address};
use crate::samples;
use crate::values::{below, input, method, one_of};
use contract::{ASK, MIGRATE, PAY, SELECTORS};

/// Random contracts of one case.
const RANDOM_CONTRACTS: usize = 2;
/// Transactions and queries of one case.
const STEPS: usize = 10;
/// Gas limits: between this, with which few contracts are entered, and 2⁶ times as much.
const GAS_MIN: u64 = 100_000_000;

/// Plays cases.
#[derive(Debug)]
pub struct Differ {
    chain: Chain,
    /// Where every case begins: the sample contracts are there.
    base: (BTreeMap<StateKey, Vec<u8>>, BlockContext),
    samples: Vec<Known>,
}

/// A contract that can be called.
#[derive(Clone, Debug)]
struct Known {
    address: Address,
    code: Hash,
    /// Of a sample; a random contract takes any input that begins with a selector.
    abi: Option<Abi>,
}

/// What was played so far.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub cases: u64,
    pub modules: u64,
    /// Of the modules: refused at upload, by every engine's node alike.
    pub refused: u64,
    pub transactions: u64,
    pub queries: u64,
    pub gas: u64,
    pub writes: u64,
    pub events: u64,
    pub ends: BTreeMap<&'static str, u64>,
}

impl Differ {
    /// # Errors
    ///
    /// When the sample contracts run differently already.
    pub fn new() -> Result<Self, Difference> {
        let mut chain = Chain::differential();
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let mut samples = Vec::new();
        for (name, wasm) in samples::all() {
            let code = chain.upload(&wasm)?;
            let code = code.ok_or_else(|| Difference(format!("{name} is refused")))?;
            let Ok(abi) = Abi::from_module(&wasm) else { panic!("{name} passed, with an ABI") };
            let address = initialise(&mut chain, &mut rng, code, &abi)?;
            let address = address.ok_or_else(|| Difference(format!("{name} does not begin")))?;
            samples.push(Known { address, code, abi: Some(abi) });
        }
        let base = (chain.state.clone(), chain.block.clone());
        Ok(Self { chain, base, samples })
    }

    /// Plays the case of a seed.
    ///
    /// # Errors
    ///
    /// The first thing in which engines differ.
    pub fn play(&mut self, seed: u64, tally: &mut Tally) -> Result<(), Difference> {
        (self.chain.state, self.chain.block) = self.base.clone();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut known = self.samples.clone();
        for _ in 0..RANDOM_CONTRACTS {
            let data = data(&mut rng, &known);
            let wasm = contract::contract(&mut rng, &data);
            tally.modules += 1;
            let Some(code) = self.chain.upload(&wasm)? else {
                tally.refused += 1;
                continue;
            };
            if let Ok(address) = self.chain.instantiate(code, Vec::new())? {
                known.push(Known { address, code, abi: None });
            }
        }
        for _ in 0..STEPS {
            self.step(&mut rng, &known, tally)?;
        }
        tally.cases += 1;
        Ok(())
    }

    fn step(
        &mut self,
        rng: &mut ChaCha8Rng,
        known: &[Known],
        tally: &mut Tally,
    ) -> Result<(), Difference> {
        // The random contracts stand last and are what this is about.
        let random = known.get(self.samples.len()..).unwrap_or_default();
        let favoured = if below(rng, 4) > 0 && !random.is_empty() { random } else { known };
        let Some(target) = one_of(rng, favoured) else { return Ok(()) };
        let mut arguments = arguments(rng, target, known);
        let gas = GAS_MIN << below(rng, 5);
        let gas = gas + below(rng, gas);
        if below(rng, 5) == 0 {
            // Another method answers to no query, which need not be seen often.
            if target.abi.is_none() && below(rng, 8) > 0 {
                arguments.splice(..ASK.len(), ASK);
            }
            let query = Query {
                contract: target.address,
                caller: address(1),
                arguments,
                gas_limit: Gas(gas),
            };
            let outcome = self.chain.query(&query)?;
            tally.queries += 1;
            tally.count(&outcome.status, outcome.gas_used);
            return Ok(());
        }
        let sender = u8::try_from(1 + below(rng, u64::from(ACCOUNTS))).unwrap_or(1);
        // The same of value that a method does not take.
        let takes = arguments.starts_with(&PAY) || below(rng, 16) == 0;
        let value = if takes { Amount(u128::from(below(rng, 1_000))) } else { Amount::ZERO };
        let contract = target.address;
        let action = match (below(rng, 12), one_of(rng, random)) {
            (0, Some(other)) => {
                let arguments = MIGRATE.to_vec();
                Action::Upgrade { contract, code: other.code, arguments }
            }
            _ => Action::Call { contract, arguments, value },
        };
        let before = self.chain.state.clone();
        let receipt = self.chain.act(sender, gas, action)?;
        tally.transactions += 1;
        tally.events += receipt.events.len() as u64;
        let written =
            self.chain.state.iter().filter(|(key, value)| before.get(*key) != Some(value));
        tally.writes += written.count() as u64;
        tally.count(&receipt.status, receipt.gas_used);
        Ok(())
    }
}

/// Makes a sample contract; its init may refuse some random arguments.
fn initialise(
    chain: &mut Chain,
    rng: &mut ChaCha8Rng,
    code: Hash,
    abi: &Abi,
) -> Result<Option<Address>, Difference> {
    let init = abi.methods_of(abi::MethodKind::Init).next();
    for _ in 0..1_000 {
        let arguments = init.map(|init| input(rng, init, &[address(1).0])).unwrap_or_default();
        if let Ok(address) = chain.instantiate(code, arguments)? {
            return Ok(Some(address));
        }
    }
    Ok(None)
}

fn addresses(known: &[Known]) -> Vec<[u8; 32]> {
    let contracts = known.iter().map(|known| known.address.0);
    contracts.chain((1..=ACCOUNTS).map(|number| address(number).0)).collect()
}

/// What a random caller says to a contract.
fn arguments(rng: &mut ChaCha8Rng, target: &Known, known: &[Known]) -> Vec<u8> {
    if let Some(method) = target.abi.as_ref().and_then(|abi| method(rng, abi)) {
        return input(rng, method, &addresses(known));
    }
    let mut arguments = one_of(rng, &SELECTORS).copied().unwrap_or_default().to_vec();
    arguments.extend((0..below(rng, 40)).map(|_| 7));
    arguments
}

/// What the doors of a contract lead to.
fn data(rng: &mut ChaCha8Rng, known: &[Known]) -> Vec<u8> {
    let places = doors::PLACES as usize;
    let mut data = vec![0; 0xc00];
    let mut put = |at: u32, bytes: &[u8]| {
        let at = (at - doors::DATA) as usize;
        if let Some(place) = data.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    let addresses = addresses(known);
    // The first is the contract's own, which it finds out itself.
    for (place, known) in (1..doors::PLACES).zip(addresses.iter().rev()) {
        put(doors::ADDRESSES + 32 * place, known);
    }
    let amounts = [0, 1, 7, 1_000, 1 << 64, u128::MAX, u128::MAX >> 1, u128::MAX - 3];
    for (place, amount) in (0..).zip(amounts) {
        put(doors::AMOUNTS + 16 * place, &amount.to_le_bytes());
    }
    for place in 0..doors::PLACES {
        let own = Known { address: Address::default(), code: Hash::ZERO, abi: None };
        let target = one_of(rng, known).filter(|_| place % 2 == 0).unwrap_or(&own);
        let mut arguments = arguments(rng, target, known);
        arguments.truncate(64);
        put(doors::INPUTS + 64 * place, &arguments);
        put(doors::INPUT_LENGTHS + place, &[u8::try_from(arguments.len()).unwrap_or(0)]);
    }
    for (place, known) in (0..doors::PLACES).zip(known) {
        put(doors::CODES + 32 * place, &known.code.0);
    }
    for (place, count) in (0..doors::PLACES).zip(0..places) {
        let topics = codec::encode(&vec![vec![7_u8; 4]; count % 5]);
        put(doors::TOPICS + 64 * place, &topics);
        put(doors::TOPICS_LENGTHS + place, &[u8::try_from(topics.len()).unwrap_or(0)]);
    }
    data
}

impl Tally {
    fn count(&mut self, status: &Status, gas: Gas) {
        let end = match status {
            Status::Success => "success",
            Status::Reverted => "revert",
            Status::Rejected(_) => "rejected",
            Status::Failed(failure) => match failure {
                Failure::OutOfGas => "out of gas",
                Failure::StackExhausted => "stack exhausted",
                Failure::Trapped => "trap",
                Failure::HostMisuse(_) => "host misuse",
                Failure::Panicked(_) => "panic",
                Failure::Reentrancy => "re-entrancy",
                _ => "not entered",
            },
        };
        *self.ends.entry(end).or_default() += 1;
        self.gas += gas.0;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cases, modules, refused, transactions, queries, .. } = self;
        write!(f, "{cases} cases: {modules} modules ({refused} refused at upload), ")?;
        write!(f, "{transactions} transactions, {queries} queries, {} writes, ", self.writes)?;
        write!(f, "{} events, {} G gas;", self.events, self.gas / 1_000_000_000)?;
        for (end, count) in &self.ends {
            write!(f, " {end} {count}")?;
        }
        Ok(())
    }
}
