//! What a call is made of: the parts of ours, each beside what stands for it elsewhere.
//!
//! A part is run with a number of turns and without any, and what the turns added is theirs. Parts take turns, as the
//! contenders of the race do, and the median of the rounds counts.

mod modules;
mod native;

use std::path::Path;

use abi::selector;
use anyhow::{Context as _, Result, ensure};
use primitives::receipt::Failure;
use primitives::state_key::ContractInfo;
use primitives::{Action, Address, Amount, PublicKey, SignedTransaction, StateKey, Status, codec};

use crate::contenders::ours::{Chain, TOKEN, put, sender};
use crate::contenders::{CW20, Idle, compile_cw20};
use crate::machine::measure;
use crate::race::Sink;
use crate::results::{Group, Part, Row, median};
use crate::store::Store;
use modules::{ASK, Ask, RUN, Work};

const OURS: &str = "ours";
pub(crate) const WASMER: &str = "wasmer alone";
const COSMWASM: &str = "cosmwasm-vm";

const COUNTER: &[u8] = include_bytes!("../../../../contracts/counter/counter.wasm");

/// Something that is done a number of times.
struct Probe<'a> {
    group: Group,
    what: String,
    of: &'static str,
    turns: u64,
    /// What a turn's time is divided by.
    share: f64,
    run: Box<dyn FnMut(u64) -> Result<()> + 'a>,
    ns: Vec<f64>,
}

impl<'a> Probe<'a> {
    fn new(
        group: Group,
        what: impl Into<String>,
        of: &'static str,
        turns: u64,
        run: impl FnMut(u64) -> Result<()> + 'a,
    ) -> Self {
        let (what, run, ns) = (what.into(), Box::new(run), Vec::new());
        Self { group, what, of, turns, share: 1.0, run, ns }
    }

    /// Once, for each KiB of a module. The compilers use all cores, so it is the time that counts.
    fn compiling(
        what: &str,
        of: &'static str,
        module: &[u8],
        mut run: impl FnMut() -> Result<()> + 'a,
    ) -> Self {
        let kib = module.len() as f64 / 1024.0;
        let what = format!("{what}, {kib:.0} KiB");
        let run = move |turns| (0..turns).try_for_each(|_| run());
        let mut probe = Self::new(Group::Compilation, what, of, 1, run);
        probe.share = kib;
        probe
    }

    fn measure(&mut self, counts: bool) -> Result<()> {
        let mut ns = |turns| -> Result<f64> {
            let (ran, taken) = measure(|| (self.run)(turns));
            ran.with_context(|| format!("{}, {}", self.what, self.of))?;
            let time = if self.group == Group::Compilation { taken.time } else { taken.cpu };
            Ok(time.as_secs_f64() * 1e9)
        };
        let without = ns(0)?;
        let added = ns(self.turns)? - without;
        if counts {
            self.ns.push(added / self.turns as f64 / self.share);
        }
        Ok(())
    }
}

/// Measures all parts, in so many rounds; with `scale` 1 each takes some milliseconds, with more it takes less.
pub fn measure_all(rounds: usize, scale: u64, sink: Sink<'_>) -> Result<()> {
    let scratch = tempfile::Builder::new().prefix("quorate-bench-").tempdir()?;
    let mut probes = calls()?;
    probes.extend(hosts()?);
    probes.extend(compilation(scratch.path()));
    probes.extend(metering()?);
    for probe in &mut probes {
        probe.turns = (probe.turns / scale).max(1);
    }
    for round in 0..=rounds {
        for probe in &mut probes {
            probe.measure(round > 0)?;
        }
    }
    for Probe { group, what, of, ns, .. } in probes {
        let of = of.to_owned();
        sink(Row::Part(Part { group, what, of, ns: median(&ns), ns_of_rounds: ns }))?;
    }
    Ok(())
}

/// A chain with one contract, and one account.
struct Place {
    chain: Chain,
    store: Store,
    sender: PublicKey,
    /// Of the sender's next transaction.
    sequence: u64,
    contract: Address,
}

impl Place {
    fn new(code: &[u8], arguments: Vec<u8>) -> Result<Self> {
        let (mut chain, mut store, sender) = (Chain::new()?, Store::default(), sender(0));
        let (key, account) = Chain::funded(&sender);
        put(&mut store, &key, account);
        let contract = chain.deploy(&mut store, sender, code, arguments)?;
        // The code and the contract were its first two.
        Ok(Self { chain, store, sender, sequence: 2, contract })
    }

    fn query(&self, arguments: Vec<u8>) -> Result<Vec<u8>> {
        let outcome = self.chain.query(&self.store, self.contract, arguments);
        ensure!(outcome.status == Status::Success, "{:?}", outcome.status);
        Ok(outcome.output)
    }

    /// So many transactions of one kind, one after the other.
    fn block(&self, count: u64, action: &Action) -> Vec<SignedTransaction> {
        let sequences = self.sequence..self.sequence + count;
        let one = |sequence| self.chain.transaction_at(self.sender, sequence, action.clone());
        sequences.map(one).collect()
    }

    /// Executes transactions; nothing that they do is kept, so that they can be executed again.
    fn execute(&self, block: &[SignedTransaction]) -> Result<()> {
        for receipt in self.chain.execute(&self.store, block).receipts {
            ensure!(receipt.status == Status::Success, "{:?}", receipt.status);
        }
        Ok(())
    }

    fn call(&self, arguments: Vec<u8>) -> Action {
        Action::Call { contract: self.contract, arguments, value: Amount::ZERO }
    }
}

/// A selector, and how often.
fn arguments(selector: [u8; 4], turns: u64) -> Vec<u8> {
    [&selector[..], &turns.to_le_bytes()].concat()
}

fn calls() -> Result<Vec<Probe<'static>>> {
    let probe = |what: &str, of, turns, run: Box<dyn FnMut(u64) -> Result<()>>| {
        Probe::new(Group::Calls, what, of, turns, run)
    };
    let mut probes = Vec::new();
    let place = Place::new(&modules::empty()?, Vec::new())?;
    let to = sender(1).address();
    let native = Action::Transfer { to, amount: Amount(1) };
    let call = place.call(RUN.to_vec());
    for (what, action) in
        [("transaction, native units", native), ("transaction, an empty method", call)]
    {
        let block = place.block(1_000, &action);
        let place = Place::new(&modules::empty()?, Vec::new())?;
        let run = move |turns| {
            let length = usize::try_from(turns).unwrap_or(usize::MAX).min(block.len());
            place.execute(block.get(..length).unwrap_or(&block))
        };
        probes.push(probe(what, OURS, 1_000, Box::new(run)));
    }
    let ask = |place: Place, arguments: Vec<u8>| {
        move |turns| (0..turns).try_for_each(|_| place.query(arguments.clone()).map(|_| ()))
    };
    let run = ask(place, ASK.to_vec());
    probes.push(probe("query, an empty method, nothing imported", OURS, 1_000, Box::new(run)));
    let supply = [&selector("new")[..], &1_u128.to_le_bytes()].concat();
    let run = ask(Place::new(TOKEN, supply)?, selector("supply").to_vec());
    probes.push(probe("query, the token's supply", OURS, 1_000, Box::new(run)));
    let mut instances = Idle::open()?;
    let run = move |turns| (0..turns).try_for_each(|_| instances.make());
    probes.push(probe("instance of cw20, not entered", COSMWASM, 100, Box::new(run)));
    for (what, pages) in
        [("instance without a memory, entered", 0), ("instance with a page, entered", 1)]
    {
        let instance = native::Empty::new(pages)?;
        let run = move |turns| (0..turns).try_for_each(|_| instance.make());
        probes.push(probe(what, WASMER, 1_000, Box::new(run)));
    }
    Ok(probes)
}

fn hosts() -> Result<Vec<Probe<'static>>> {
    let mut probes = Vec::new();
    for (what, ask) in [
        ("the crossing", Ask::Nothing),
        ("context", Ask::Context),
        ("get, present", Ask::GetPresent),
        ("get, absent", Ask::GetAbsent),
    ] {
        let mut place = Place::new(&modules::asking(ask)?, Vec::new())?;
        let key = StateKey::storage(&place.contract, &modules::PRESENT);
        put(&mut place.store, &key, vec![1; modules::VALUE_BYTES]);
        let run = move |turns| place.query(arguments(ASK, turns)).map(|_| ());
        probes.push(Probe::new(Group::Host, what, OURS, 20_000, run));
    }
    for (what, ask, turns) in [
        ("set, the same key again", Ask::SetSame, 5_000),
        ("set, another key each", Ask::SetFresh, 5_000),
        ("emit, three topics", Ask::Emit, 250),
    ] {
        let place = Place::new(&modules::asking(ask)?, Vec::new())?;
        let run = move |turns| place.execute(&place.block(1, &place.call(arguments(RUN, turns))));
        probes.push(Probe::new(Group::Host, what, OURS, turns, run));
    }
    // The caller stands on the callee's chain.
    let mut place = Place::new(&modules::empty()?, Vec::new())?;
    let caller = modules::asking(Ask::Call(place.contract.0))?;
    place.contract = place.chain.deploy(&mut place.store, place.sender, &caller, Vec::new())?;
    let run = move |turns| place.query(arguments(ASK, turns)).map(|_| ());
    probes.push(Probe::new(Group::Host, "call of an empty query", OURS, 500, run));
    let host = native::Host::new()?;
    let run = move |turns| host.call(turns);
    probes.push(Probe::new(Group::Host, "the crossing", WASMER, 20_000, run));
    Ok(probes)
}

fn compilation(scratch: &Path) -> Vec<Probe<'_>> {
    let mut probes = Vec::new();
    for (what, module) in [("counter", COUNTER), ("token", TOKEN)] {
        let checked = || vm::check_code(module).map(|_| ()).map_err(Into::into);
        let check = format!("{what}, checked only");
        probes.push(Probe::compiling(&check, OURS, module, checked));
        probes.push(Probe::compiling(what, OURS, module, compile(module)));
        probes.push(Probe::compiling(what, WASMER, module, || native::compile(module)));
    }
    probes.push(Probe::compiling("cw20", WASMER, CW20, || native::compile(CW20)));
    let with_checks = move || compile_cw20(scratch, CW20);
    probes.push(Probe::compiling("cw20", COSMWASM, CW20, with_checks));
    probes
}

/// Instruments and compiles a module: an executor that has compiled nothing does so for the first call, which asks for
/// a method that is not there.
fn compile(module: &[u8]) -> impl FnMut() -> Result<()> + use<> {
    let (mut store, contract) = (Store::default(), Address([1; 32]));
    let (code, changes) = vm::code_changes(module.to_vec());
    let info = ContractInfo { code, creator: Address::default(), admin: None };
    put(&mut store, &StateKey::contract(&contract), codec::encode(&info));
    changes.into_iter().for_each(|(key, value)| put(&mut store, &key, value));
    move || {
        let outcome = Chain::new()?.query(&store, contract, vec![0; 4]);
        let unknown = Status::Failed(Failure::UnknownMethod);
        ensure!(outcome.status == unknown, "{:?}", outcome.status);
        Ok(())
    }
}

fn metering() -> Result<Vec<Probe<'static>>> {
    let mut probes = Vec::new();
    for work in Work::ALL {
        let turns = if work == Work::Hash { 1_000_000 } else { 50_000 };
        let place = Place::new(&work.contract()?, Vec::new())?;
        let bare = native::Bare::new(&work.bare()?)?;
        let (ours, theirs) = (place.query(arguments(ASK, 1_000))?, bare.work(ASK, 1_000)?);
        ensure!(ours == theirs.to_le_bytes(), "{}: {ours:?} is not {theirs}", work.name());
        let run = move |turns| place.query(arguments(ASK, turns)).map(|_| ());
        probes.push(Probe::new(Group::Metering, work.name(), OURS, turns, run));
        let run = move |turns| bare.work(ASK, turns).map(|_| ());
        probes.push(Probe::new(Group::Metering, work.name(), WASMER, turns, run));
    }
    Ok(probes)
}
