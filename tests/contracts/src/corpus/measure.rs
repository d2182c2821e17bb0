//! Time and memory of one attack.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use primitives::{Action, Amount, Gas, Hash, Nonce, TimestampMs, Transaction, codec};
use vm::engine::{Engine, Wasmer};
use vm::instrument::{Exports, instrument};
use vm::{check_code, compile_gas, intrinsic_gas};

use super::files::Files;
use super::{Attack, Bound};
use crate::chain::{Chain, Difference, key};

/// Runs of one attack: the fastest counts, since whatever else the machine does only adds.
const RUNS: usize = 5;

/// Compilations of one module; the same.
const COMPILATIONS: usize = 3;

/// What an attack took.
#[derive(Clone, Debug)]
pub struct Measured {
    pub name: &'static str,
    pub compiled: Compiled,
    pub loaded: Option<Loaded>,
    /// `None`: upload refuses it.
    pub ran: Option<Ran>,
}

/// What upload and the first call took.
#[derive(Clone, Copy, Debug)]
pub struct Compiled {
    pub bytes: usize,
    /// What the upload costs.
    pub gas: Gas,
    /// The check of the rules, which every upload gets.
    pub check: Duration,
    /// Instrumentation and compilation; `None` when the check refuses it.
    pub compile: Option<Duration>,
    /// Bytes of memory at the worst moment, beyond those before.
    pub peak_bytes: u64,
}

/// What a call took whose contract had left the memory, and that enters nothing.
#[derive(Clone, Copy, Debug)]
pub struct Loaded {
    pub gas: Gas,
    pub time: Duration,
}

/// What the attacking transaction took.
#[derive(Clone, Copy, Debug)]
pub struct Ran {
    pub gas: Gas,
    pub time: Duration,
    pub peak_bytes: u64,
}

impl Ran {
    pub fn gas_per_ns(&self) -> f64 {
        self.gas.0 as f64 / self.time.as_nanos().max(1) as f64
    }

    /// Whether the gas was for the time: not what went up in a trap, or was for making ready what
    /// is ready already.
    pub fn is_comparable(&self, bound: Bound) -> bool {
        !matches!(bound, Bound::StackExhausted | Bound::Ready)
    }
}

impl Loaded {
    pub fn gas_per_ns(&self) -> f64 {
        self.gas.0 as f64 / self.time.as_nanos().max(1) as f64
    }
}

impl Compiled {
    /// Gas that the upload pays for each nanosecond of check and compilation.
    pub fn gas_per_ns(&self) -> f64 {
        let time = self.check + self.compile.unwrap_or_default();
        self.gas.0 as f64 / time.as_nanos().max(1) as f64
    }
}

/// Runs an attack on the product's engine.
///
/// # Errors
///
/// When it is not held by its bound.
pub fn measure(attack: &Attack) -> Result<Measured, String> {
    let mut compiled = compile(attack)?;
    for _ in 1..COMPILATIONS {
        let again = compile(attack)?;
        compiled.check = compiled.check.min(again.check);
        compiled.compile = compiled.compile.min(again.compile);
    }
    if let Bound::Refused(_) = attack.bound {
        return Ok(Measured { name: attack.name, compiled, loaded: None, ran: None });
    }
    let differs = |Difference(what)| what;
    let mut chain = Chain::alone();
    let contract = attack.deploy(&mut chain).map_err(differs)?;
    let mut ran: Option<Ran> = None;
    // The first run compiles what it calls.
    let transaction = chain.transaction(2, attack.gas, attack.action(contract));
    for run in 0..=RUNS {
        let memory = Peak::begin();
        let began = Instant::now();
        let outcome = chain.execute(&transaction).map_err(differs)?;
        let time = began.elapsed();
        let peak_bytes = memory.end();
        let Some(receipt) = outcome.receipts.first() else { return Err("no receipt".to_owned()) };
        attack.check(receipt)?;
        let best = ran.map_or(Duration::MAX, |ran| ran.time);
        if run > 0 && time < best {
            ran = Some(Ran { gas: receipt.gas_used, time, peak_bytes });
        }
    }
    let loaded = Some(load(attack)?);
    Ok(Measured { name: attack.name, compiled, loaded, ran })
}

/// Calls the contract of an attack, whose code is on the disk only, by a method that it has not.
fn load(attack: &Attack) -> Result<Loaded, String> {
    let differs = |Difference(what)| what;
    let files = Files::new().map_err(|error| error.to_string())?;
    let mut chain = Chain::forgetting(Arc::new(files));
    let contract = attack.deploy(&mut chain).map_err(differs)?;
    let attack = Attack { arguments: b"none".to_vec(), ..attack.clone() };
    let transaction = chain.transaction(2, attack.gas, attack.action(contract));
    let (mut gas, mut time) = (Gas::ZERO, Duration::MAX);
    for _ in 0..RUNS {
        let began = Instant::now();
        let outcome = chain.execute(&transaction).map_err(differs)?;
        time = time.min(began.elapsed());
        let Some(receipt) = outcome.receipts.first() else { return Err("no receipt".to_owned()) };
        gas = receipt.gas_used;
    }
    Ok(Loaded { gas, time })
}

/// Checks and compiles the code of an attack.
fn compile(attack: &Attack) -> Result<Compiled, String> {
    let code = &attack.code;
    let memory = Peak::begin();
    let began = Instant::now();
    let checked = check_code(code);
    let check = began.elapsed();
    let compile = match (checked, attack.bound) {
        (Err(refusal), Bound::Refused(words)) if refusal.to_string().contains(words) => None,
        (Ok(_), Bound::Refused(words)) => return Err(format!("passes, and not {words:?}")),
        (Err(refusal), _) => return Err(refusal.to_string()),
        (Ok(_), _) => {
            let began = Instant::now();
            let instrumented =
                instrument(code, Exports::Interface).map_err(|error| error.to_string())?;
            let program = Wasmer::default().compile(&Hash::ZERO, &instrumented.wasm);
            program.map_err(|error| error.to_string())?;
            Some(began.elapsed())
        }
    };
    let compiling = compile_gas(code).unwrap_or_default();
    let (bytes, gas) = (code.len(), Gas(upload_gas(code).0 + compiling.0));
    Ok(Compiled { bytes, gas, check, compile, peak_bytes: memory.end() })
}

/// What the upload of code costs before it is compiled.
pub fn upload_gas(code: &[u8]) -> Gas {
    intrinsic_gas(&Transaction {
        version: codec::FormatVersion::V1,
        chain_id: "test".parse().unwrap_or_else(|_| panic!("a chain's name")),
        sender: key(1).public_key(),
        nonce: Nonce { lane: 0, sequence: 0 },
        valid_until: TimestampMs(0),
        gas_limit: Gas(0),
        gas_price: Amount(0),
        action: Action::Upload { code: code.to_vec() },
    })
}

/// The process's memory from a moment on, as the system counts it.
struct Peak {
    before: u64,
}

impl Peak {
    fn begin() -> Self {
        // The system forgets the highest mark. Where it can't, the figure is too high.
        let _ = fs::write("/proc/self/clear_refs", "5");
        Self { before: Self::status("VmRSS:") }
    }

    /// Bytes at the highest mark since.
    fn end(self) -> u64 {
        Self::status("VmHWM:").saturating_sub(self.before)
    }

    /// A figure in bytes; 0 where the system tells none.
    fn status(name: &str) -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or_default() << 10
    }
}
