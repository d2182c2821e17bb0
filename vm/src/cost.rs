//! The cost table, version 3. One gas is about a picosecond of the slowest machine that shall
//! follow the chain; the prices of operators began as those Arbitrum Nitro measured for Stylus
//! (`pricing_v1`), which has the same unit (about 960 per nanosecond). What the corpus of
//! attacks found too cheap has become dearer since (`tests/figures/engine.md`); uploads pay for
//! their compiler, and calls for the code that they fetch.
//!
//! Everything here is consensus, and stands in every chain's state since its genesis
//! ([`CostTable`]). A change needs a new [`VERSION`], which is part of the key of every cache of
//! instrumented or compiled code.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use primitives::{Action, Gas, Transaction, codec};
use thiserror::Error;
use wasmparser::Operator;

use crate::limits::MEMORY_PAGES_MAX;
use crate::operators::{Class, classify};

/// The version of this table and of the instrumentation that applies it.
pub const VERSION: u32 = 3;
/// Bytes of an encoded table at most.
const RECORD_BYTES_MAX: usize = 64 << 10;

macro_rules! prices {
    ($($(#[$doc:meta])* $visible:vis const $name:ident = $price:expr;)*) => {
        $($(#[$doc])* $visible const $name: u64 = $price;)*

        /// All of them, by name.
        const PRICES: &[(&str, u64)] = &[$((stringify!($name), $name)),*];
    };
}

prices! {
    /// Any transaction: its signature, its sender's account, its place in the block.
    pub const TRANSACTION = 20_000_000;
    /// A transfer's two accounts.
    pub const TRANSFER = 10_000_000;
    /// A byte of a transaction's arguments or salt.
    pub const ARGUMENT_BYTE = 2_000;
    /// The smallest module: most of it is the process in which the compiler runs.
    pub const UPLOAD = 20_000_000_000;
    /// A byte of uploaded code: checking, instrumenting and compiling it, and keeping it for ever.
    pub const UPLOAD_BYTE = 200_000;
    /// A metered block of uploaded code: its check, and all that a compiler has to do where ways meet.
    pub const UPLOAD_BLOCK = 18_000_000;
    /// A function of uploaded code: its frame, and its place among the others.
    pub const UPLOAD_FUNCTION = 15_000_000;
    /// A call through the table in uploaded code: its bounds and its type are checked.
    pub const UPLOAD_CALL_INDIRECT = 4_500_000;
    /// An operand that waits while an operator of uploaded code is at work.
    pub const UPLOAD_OPERAND = 8_000;
    /// A pair of operators of one function: values live longer, the more there is between them.
    pub const UPLOAD_PAIR = 110;
    /// The record of a new contract.
    pub const INSTANTIATE = 20_000_000;
    /// Giving a contract other code: reading both descriptions.
    pub const UPGRADE = 40_000_000;

    /// Bringing a contract's code into memory: its place on the disk.
    pub const FETCH = 40_000_000;
    /// A byte of the module, and what of the compiled code grows with its parts.
    pub const FETCH_BYTE = 600;
    pub const FETCH_TYPE = 330_000;
    pub const FETCH_GLOBAL = 250_000;
    pub const FETCH_FUNCTION = 180_000;
    pub const FETCH_OPERATOR = 8_000;
    /// What a metered block costs beside the operator that ends it.
    pub const FETCH_BLOCK = 55_000;
    /// What an operator costs beside, that calls a function or the engine.
    pub const FETCH_CALL = 45_000;
    /// The same of a division, which may trap.
    pub const FETCH_DIVISION = 12_000;
    /// Making an instance of a contract, without its memory.
    pub const CALL = 1_800_000;
    /// Any call of a host function.
    pub const HOST = 100_000;
    /// A byte that crosses between contract and host.
    pub const HOST_BYTE = 60;
    /// Putting the context together.
    pub const CONTEXT = 100_000;
    /// Reading the state: a value, or whether there is one.
    pub const READ = 2_000_000;
    pub const READ_BYTE = 500;
    /// Writing the state: a value, or its removal; the state tree is most of it.
    pub const WRITE = 10_000_000;
    pub const WRITE_BYTE = 5_000;
    /// Opening a scan, or asking it for more; each pair costs a read.
    pub const SCAN = 4_000_000;
    /// A key that the block has deleted, when a scan passes it by.
    pub const SCAN_DELETED = 200_000;
    pub const EVENT = 1_000_000;
    pub const EVENT_BYTE = 2_000;
    /// Moving native units.
    pub const MOVE = 10_000_000;

    /// A hash of nothing.
    pub const HASH = 500_000;
    pub const BLAKE3_BYTE = 600;
    pub const SHA256_BYTE = 5_000;
    pub const KECCAK256_BYTE = 5_000;
    /// A byte of a message that is signed with Ed25519.
    pub const SHA512_BYTE = 3_500;
    /// Checking a signature.
    pub const ED25519 = 80_000_000;
    pub const ED25519_IN_BATCH = 50_000_000;
    pub const SECP256K1 = 120_000_000;
    pub const P256 = 130_000_000;
    /// Finding whose signature it is.
    pub const SECP256K1_RECOVER = 200_000_000;

    /// A byte that `memory.copy` or `memory.fill` touches.
    pub const BULK_BYTE = 65;
    /// A page of memory, zeroed and mapped.
    pub const PAGE = 1_500_000;
    /// What each page costs more than the one before it, so that large memories are dear.
    pub const PAGE_RAMP = 600_000;
    /// A function of an instance.
    pub const INSTANCE_FUNCTION = 4_000;
    /// An import of an instance: its way to the host is made with it.
    pub const INSTANCE_IMPORT = 360_000;
    /// A global variable of an instance that can change: the next run finds it as it was at first.
    pub const INSTANCE_GLOBAL = 80_000;
    /// A byte of a data segment.
    pub const DATA_BYTE = 50;
    /// An entry of the table.
    pub const TABLE_ENTRY = 12_000;

    /// Pages that a core's own cache holds: a memory that may grow beyond has dearer loads.
    pub const CACHED_PAGES = 16;
    /// Loading from a memory of at most so many pages, which may lie across two lines, and wait for a
    /// store that does.
    const LOAD = 1_400;
    /// Loading from a larger one: each load may wait for the one before to come out of the memory.
    const LOAD_FAR = 120_000;

    /// The check at the head of a metered block.
    pub const BLOCK = 2_450;
    /// A local variable at function entry: zeroing it, and its place in the frame.
    pub const LOCAL = 75;

    /// An operator that compiles to nothing: constants, blocks and their ends.
    const NOTHING = 1;
    /// `br`, `br_if`, `if`.
    const BRANCH = 765;
    const BRANCH_TABLE = 2_400;
    /// A target of a `br_table`.
    const BRANCH_TABLE_TARGET = 325;
    const CALL_FUNCTION = 3_800;
    const CALL_INDIRECT = 13_610;
    /// A parameter of the type that a `call_indirect` names.
    const CALL_INDIRECT_PARAMETER = 650;
    const SELECT = 1_250;
    /// `local.get`, `local.tee`.
    const LOCAL_GET = 100;
    const LOCAL_SET = 210;
    const GLOBAL_GET = 120;
    const GLOBAL_SET = 160;
    const STORE = 1_700;
    const MEMORY_SIZE = 3_000;
    const MEMORY_GROW = 32_000;
    /// `memory.copy`, `memory.fill`, beside their bytes.
    const BULK = 40_000;
    /// Division and remainder.
    const DIVIDE_I32 = 1_500;
    const DIVIDE_I64 = 1_700;
    const COUNT_ONES_I32 = 2_650;
    const COUNT_ONES_I64 = 6_000;
    const MULTIPLY = 430;
    /// `clz`, `ctz`.
    const COUNT_ZEROS = 210;
    const COMPARE_I32 = 170;
    const COMPARE_I64 = 225;
    /// Additions, bitwise operators, shifts, rotations, wraps and extensions.
    const ARITHMETIC = 330;
}

/// Stack words of any frame: return address, saved registers, the engine's own.
pub const FRAME_WORDS: u32 = 16;
/// Stack words of one call into a contract. See `engine/compiler.rs` for the native size.
pub const STACK_WORDS: u32 = 256 << 10;

/// The table as it stands in the state, under [`crate::COSTS_KEY`]: whoever reads the chain finds
/// there what gas is charged for, and a node whose own table is another one does not follow it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CostTable {
    pub version: u32,
    /// By name, in gas; stack words for `frame_words` and `stack_words`.
    pub prices: BTreeMap<String, u64>,
}

/// Why this program cannot follow a chain.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CostMismatch {
    #[error(
        "the chain's state holds no readable table of gas prices: another program made it, or an \
         older version of this one"
    )]
    Unreadable,
    #[error(
        "the chain prices gas by table {chain}, and this program by table {VERSION}: run the \
         version that the other validators run"
    )]
    Version { chain: u32 },
    #[error(
        "the chain and this program both call their table of gas prices {VERSION}, and disagree \
         about {name}: one of them was not built from a release"
    )]
    Price { name: String },
}

impl CostTable {
    /// The one of this program.
    pub fn own() -> Self {
        let words = [("FRAME_WORDS", FRAME_WORDS), ("STACK_WORDS", STACK_WORDS)];
        let words = words.map(|(name, words)| (name, u64::from(words)));
        let prices = PRICES.iter().copied().chain(words);
        let prices = prices.map(|(name, price)| (name.to_lowercase(), price)).collect();
        Self { version: VERSION, prices }
    }

    /// Whether what stands in a chain's state is this program's own table.
    pub fn check(record: Option<&[u8]>) -> Result<(), CostMismatch> {
        let chain = record.and_then(|bytes| codec::decode::<Self>(bytes, RECORD_BYTES_MAX).ok());
        let (chain, own) = (chain.ok_or(CostMismatch::Unreadable)?, Self::own());
        if chain.version != own.version {
            return Err(CostMismatch::Version { chain: chain.version });
        }
        let names = own.prices.keys().chain(chain.prices.keys());
        match names.into_iter().find(|name| own.prices.get(*name) != chain.prices.get(*name)) {
            Some(name) => Err(CostMismatch::Price { name: name.clone() }),
            None => Ok(()),
        }
    }
}

/// What a transaction costs before anything runs, and at least. A gas limit below it is refused.
pub fn intrinsic_gas(transaction: &Transaction) -> Gas {
    let bytes = |length: usize, price: u64| (length as u64).saturating_mul(price);
    let action = match &transaction.action {
        Action::Transfer { .. } => TRANSFER,
        Action::Upload { code } => UPLOAD.saturating_add(bytes(code.len(), UPLOAD_BYTE)),
        Action::Instantiate { salt, arguments, .. } => (INSTANTIATE + CALL)
            .saturating_add(bytes(salt.len(), ARGUMENT_BYTE))
            .saturating_add(bytes(arguments.len(), ARGUMENT_BYTE)),
        Action::Call { arguments, .. } => {
            CALL.saturating_add(bytes(arguments.len(), ARGUMENT_BYTE))
        }
        Action::Upgrade { arguments, .. } => {
            (CALL + UPGRADE).saturating_add(bytes(arguments.len(), ARGUMENT_BYTE))
        }
        Action::SetAdmin { .. } => READ + WRITE,
    };
    Gas(TRANSACTION.saturating_add(action))
}

/// What a query costs before anything runs.
pub fn query(arguments: usize) -> u64 {
    CALL.saturating_add((arguments as u64).saturating_mul(ARGUMENT_BYTE))
}

/// What compiling a function costs beside the parts that have a price of their own, by its operators
/// and the operands that wait, summed over them.
pub(crate) fn compile(operators: u64, waiting: u64) -> u64 {
    let pairs = operators.saturating_mul(operators).saturating_mul(UPLOAD_PAIR);
    let waiting = waiting.saturating_mul(UPLOAD_OPERAND);
    UPLOAD_FUNCTION.saturating_add(pairs).saturating_add(waiting)
}

/// What a load costs from a memory that can have so many pages.
pub fn load(pages_max: u64) -> u64 {
    if pages_max <= CACHED_PAGES { LOAD } else { LOAD_FAR }
}

/// What an instance is made of.
pub(crate) struct InstanceParts {
    pub(crate) imports: u64,
    pub(crate) functions: u64,
    /// Those that can change.
    pub(crate) globals: u64,
    /// Of the memory, at first.
    pub(crate) pages: u32,
    /// Of data segments.
    pub(crate) data_bytes: u64,
    /// Of the table and its segments.
    pub(crate) table_entries: u64,
}

/// What making an instance costs beside [`CALL`].
pub(crate) fn instance(parts: &InstanceParts) -> u64 {
    let InstanceParts { imports, functions, globals, pages, data_bytes, table_entries } = *parts;
    let pages = u64::from(pages.min(MEMORY_PAGES_MAX));
    let memory = pages * PAGE + PAGE_RAMP * pages * pages;
    memory
        .saturating_add(imports.saturating_mul(INSTANCE_IMPORT))
        .saturating_add(globals.saturating_mul(INSTANCE_GLOBAL))
        .saturating_add(functions.saturating_mul(INSTANCE_FUNCTION))
        .saturating_add(data_bytes.saturating_mul(DATA_BYTE))
        .saturating_add(table_entries.saturating_mul(TABLE_ENTRY))
}

/// The static cost of one operator; `parameters` are those of the type a `call_indirect` names, and
/// `load` is [`load`] of the module's memory. `u64::MAX` for a float operator.
pub fn operator(operator: &Operator<'_>, parameters: impl Fn(u32) -> usize, load: u64) -> u64 {
    use Operator::*;
    if classify(operator) != Class::Accepted {
        return u64::MAX;
    }
    match operator {
        Unreachable | Return | Nop | Drop | Block { .. } | Loop { .. } | Else | End => NOTHING,
        I32Const { .. } | I64Const { .. } => NOTHING,
        Br { .. } | BrIf { .. } | If { .. } => BRANCH,
        BrTable { targets } => BRANCH_TABLE + BRANCH_TABLE_TARGET * u64::from(targets.len()),
        Call { .. } => CALL_FUNCTION,
        CallIndirect { type_index, .. } => {
            CALL_INDIRECT + CALL_INDIRECT_PARAMETER * parameters(*type_index) as u64
        }
        Select => SELECT,
        LocalGet { .. } | LocalTee { .. } => LOCAL_GET,
        LocalSet { .. } => LOCAL_SET,
        GlobalGet { .. } => GLOBAL_GET,
        GlobalSet { .. } => GLOBAL_SET,
        I32Load { .. }
        | I32Load8S { .. }
        | I32Load8U { .. }
        | I32Load16S { .. }
        | I32Load16U { .. }
        | I64Load { .. }
        | I64Load8S { .. }
        | I64Load8U { .. }
        | I64Load16S { .. }
        | I64Load16U { .. }
        | I64Load32S { .. }
        | I64Load32U { .. } => load,
        I32Store { .. }
        | I32Store8 { .. }
        | I32Store16 { .. }
        | I64Store { .. }
        | I64Store8 { .. }
        | I64Store16 { .. }
        | I64Store32 { .. } => STORE,
        MemorySize { .. } => MEMORY_SIZE,
        MemoryGrow { .. } => MEMORY_GROW,
        MemoryCopy { .. } | MemoryFill { .. } => BULK,
        I32DivS | I32DivU | I32RemS | I32RemU => DIVIDE_I32,
        I64DivS | I64DivU | I64RemS | I64RemU => DIVIDE_I64,
        I32Popcnt => COUNT_ONES_I32,
        I64Popcnt => COUNT_ONES_I64,
        I32Mul | I64Mul => MULTIPLY,
        I32Clz | I32Ctz | I64Clz | I64Ctz => COUNT_ZEROS,
        I32Eqz | I32Eq | I32Ne | I32LtS | I32LtU | I32GtS | I32GtU | I32LeS | I32LeU | I32GeS
        | I32GeU => COMPARE_I32,
        I64Eqz | I64Eq | I64Ne | I64LtS | I64LtU | I64GtS | I64GtU | I64LeS | I64LeU | I64GeS
        | I64GeU => COMPARE_I64,
        _ => ARITHMETIC,
    }
}

#[cfg(test)]
mod tests {
    use primitives::{Domain, Hash};

    use super::*;
    use crate::fetch::fetch_gas;
    use crate::instrument::{Exports, instrument};

    /// Something of everything that instrumentation treats in a way of its own.
    const MODULE: &str = r#"(module
        (import "quorate" "input" (func (param i32)))
        (memory (export "memory") 1) (table 2 2 funcref) (elem (i32.const 0) $leaf $call)
        (global (mut i64) (i64.const 1)) (data (i32.const 0) "data")
        (func $leaf (param i32) (result i32) (local i64 i64) local.get 0)
        (func $call (export "call") (param i32) (result i32)
            (block (loop (br_table 0 1 0 (local.get 0))))
            (if (i32.eqz (local.get 0)) (then (return (i32.const 1))) (else (call 0 (i32.const 0))))
            (memory.copy (i32.const 0) (i32.const 1) (i32.const 2))
            (memory.fill (i32.const 0) (i32.const 1) (i32.const 2))
            (drop (memory.grow (memory.size)))
            (global.set 0 (i64.div_s (global.get 0) (i64.load (i32.const 8))))
            (drop (f32.add (f32.const 1) (f32.const 2)))
            (call_indirect (param i32) (result i32) (local.get 0) (i32.const 0))))"#;

    /// Whoever changes a price, or what instrumentation makes of a module, sees this fail, and
    /// changes the version too: it stands in the names of compiled code.
    #[test]
    fn prices_and_instrumentation_change_with_the_version_only() {
        let code = wat::parse_str(MODULE).unwrap();
        let instrumented = instrument(&code, Exports::Interface).unwrap();
        let gas = [instrumented.instance_gas, fetch_gas(&code).0].map(u64::to_le_bytes);
        let table = codec::encode(&CostTable::own());
        let parts: [&[u8]; 3] = [&table, &instrumented.wasm, &gas.concat()];
        let all = Hash::of_parts(Domain::Artifact, &parts).to_string();
        assert_eq!(
            (VERSION, all.as_str()),
            (3, "0x814c0c9a16eb34fb0c5398046b6122425fe8d16f3bd2d76fbed1e86c4a3f45af")
        );
    }

    #[test]
    fn a_chain_with_other_prices_is_not_followed() {
        let check = |table: &CostTable| CostTable::check(Some(&codec::encode(table)));
        let own = CostTable::own();
        assert_eq!(check(&own), Ok(()));
        assert_eq!(CostTable::check(None), Err(CostMismatch::Unreadable));
        assert_eq!(CostTable::check(Some(&[1])), Err(CostMismatch::Unreadable));
        let newer = CostTable { version: VERSION + 1, ..own.clone() };
        assert_eq!(check(&newer), Err(CostMismatch::Version { chain: VERSION + 1 }));
        for (name, change) in [("load_far", Some(1)), ("load_far", None), ("new", Some(1))] {
            let mut other = own.clone();
            match change {
                Some(price) => other.prices.insert(name.to_owned(), price),
                None => other.prices.remove(name),
            };
            assert_eq!(check(&other), Err(CostMismatch::Price { name: name.to_owned() }));
        }
    }
}
