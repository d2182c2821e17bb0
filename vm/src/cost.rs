//! The cost table, version 2. One gas is about a picosecond of the slowest machine that shall
//! follow the chain; the prices of operators began as those Arbitrum Nitro measured for Stylus
//! (`pricing_v1`), which has the same unit (about 960 per nanosecond). Version 2 makes dearer what
//! the corpus of attacks found too cheap (`tests/figures/engine.md`), and uploads pay for their
//! compiler.
//!
//! Everything here is consensus: a change needs a new [`VERSION`], which is part of the key of
//! every cache of instrumented or compiled code.

use primitives::{Action, Gas, Transaction};
use wasmparser::Operator;

use crate::limits::MEMORY_PAGES_MAX;
use crate::operators::{Class, classify};

/// The version of this table and of the instrumentation that applies it.
pub const VERSION: u32 = 2;

/// Any transaction: its signature, its sender's account, its place in the block.
pub const TRANSACTION: u64 = 20_000_000;
/// A transfer's two accounts.
pub const TRANSFER: u64 = 10_000_000;
/// A byte of a transaction's arguments or salt.
pub const ARGUMENT_BYTE: u64 = 2_000;
/// The smallest module: what the compiler takes to begin with.
pub const UPLOAD: u64 = 2_500_000_000;
/// A byte of uploaded code: checking, instrumenting and compiling it, and keeping it for ever.
pub const UPLOAD_BYTE: u64 = 150_000;
/// A metered block of uploaded code: its check, and all that a compiler has to do where ways meet.
pub const UPLOAD_BLOCK: u64 = 12_000_000;
/// An operand that waits while an operator of uploaded code is at work.
pub const UPLOAD_OPERAND: u64 = 5_000;
/// A pair of operators of one function: values live longer, the more there is between them.
pub const UPLOAD_PAIR: u64 = 80;
/// The record of a new contract.
pub const INSTANTIATE: u64 = 20_000_000;
/// Giving a contract other code: reading both descriptions.
pub const UPGRADE: u64 = 40_000_000;

/// Making an instance of a contract, without its memory.
pub const CALL: u64 = 20_000_000;
/// Any call of a host function.
pub const HOST: u64 = 100_000;
/// A byte that crosses between contract and host.
pub const HOST_BYTE: u64 = 24;
/// Reading the state: a value, or whether there is one.
pub const READ: u64 = 2_000_000;
pub const READ_BYTE: u64 = 500;
/// Writing the state: a value, or its removal; the state tree is most of it.
pub const WRITE: u64 = 10_000_000;
pub const WRITE_BYTE: u64 = 5_000;
/// Opening a scan, or asking it for more; each pair costs a read.
pub const SCAN: u64 = 4_000_000;
/// A key that the block has deleted, when a scan passes it by.
pub const SCAN_DELETED: u64 = 200_000;
pub const EVENT: u64 = 1_000_000;
pub const EVENT_BYTE: u64 = 2_000;
/// Moving native units.
pub const MOVE: u64 = 10_000_000;

/// A hash of nothing.
pub const HASH: u64 = 500_000;
pub const BLAKE3_BYTE: u64 = 1_500;
pub const SHA256_BYTE: u64 = 5_000;
pub const KECCAK256_BYTE: u64 = 5_000;
/// A byte of a message that is signed with Ed25519.
pub const SHA512_BYTE: u64 = 3_500;
/// Checking a signature.
pub const ED25519: u64 = 80_000_000;
pub const ED25519_IN_BATCH: u64 = 50_000_000;
pub const SECP256K1: u64 = 200_000_000;
pub const P256: u64 = 350_000_000;

/// A byte that `memory.copy` or `memory.fill` touches.
pub const BULK_BYTE: u64 = 100;
/// A page of memory, zeroed and mapped.
pub const PAGE: u64 = 4_000_000;
/// What each page costs more than the one before it, so that large memories are dear.
pub const PAGE_RAMP: u64 = 60_000;
/// A byte of a data segment.
pub const DATA_BYTE: u64 = 300;
/// An entry of the table.
pub const TABLE_ENTRY: u64 = 20_000;

/// Pages that a core's own cache holds: a memory that may grow beyond has dearer loads.
pub const CACHED_PAGES: u64 = 16;
/// Loading from a memory of at most so many pages, which may lie across two lines, and wait for a
/// store that does.
const LOAD: u64 = 1_400;
/// Loading from a larger one: each load may wait for the one before to come out of the memory.
const LOAD_FAR: u64 = 80_000;

/// The check at the head of a metered block.
pub const BLOCK: u64 = 2_450;
/// A local variable at function entry: zeroing it, and its place in the frame.
pub const LOCAL: u64 = 75;
/// Stack words of any frame: return address, saved registers, the engine's own.
pub const FRAME_WORDS: u32 = 16;
/// Stack words of one call into a contract. See [`crate::engine::STACK_BYTES`] for the native size.
pub const STACK_WORDS: u32 = 256 << 10;

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

/// What compiling a function costs, by its operators and the operands that wait, summed over them.
pub(crate) fn compile(operators: u64, waiting: u64) -> u64 {
    let pairs = operators.saturating_mul(operators);
    let waiting = waiting.saturating_mul(UPLOAD_OPERAND);
    pairs.saturating_mul(UPLOAD_PAIR).saturating_add(waiting)
}

/// What a load costs from a memory that can have so many pages.
pub fn load(pages_max: u64) -> u64 {
    if pages_max <= CACHED_PAGES { LOAD } else { LOAD_FAR }
}

/// What making an instance costs beside [`CALL`]: first pages, data segments, table.
pub fn instance(pages: u32, data_bytes: u64, table_entries: u64) -> u64 {
    let pages = u64::from(pages.min(MEMORY_PAGES_MAX));
    let memory = pages * PAGE + PAGE_RAMP * pages * pages;
    memory
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
        Unreachable | Return | Nop | Drop | Block { .. } | Loop { .. } | Else | End => 1,
        I32Const { .. } | I64Const { .. } => 1,
        Br { .. } | BrIf { .. } | If { .. } => 765,
        BrTable { targets } => 2_400 + 325 * u64::from(targets.len()),
        Call { .. } => 3_800,
        CallIndirect { type_index, .. } => 13_610 + 650 * parameters(*type_index) as u64,
        Select => 1_250,
        LocalGet { .. } | LocalTee { .. } => 75,
        LocalSet { .. } => 210,
        GlobalGet { .. } => 225,
        GlobalSet { .. } => 575,
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
        | I64Store32 { .. } => 1_700,
        MemorySize { .. } => 3_000,
        MemoryGrow { .. } => 12_000,
        MemoryCopy { .. } | MemoryFill { .. } => 40_000,
        I32DivS | I32DivU | I32RemS | I32RemU => 1_120,
        I64DivS | I64DivU | I64RemS | I64RemU => 1_270,
        I32Popcnt => 2_650,
        I64Popcnt => 6_000,
        I32Mul | I64Mul => 160,
        I32Clz | I32Ctz | I64Clz | I64Ctz => 210,
        I32Eqz | I32Eq | I32Ne | I32LtS | I32LtU | I32GtS | I32GtU | I32LeS | I32LeU | I32GeS
        | I32GeU => 170,
        I64Eqz | I64Eq | I64Ne | I64LtS | I64LtU | I64GtS | I64GtU | I64LeS | I64LeU | I64GeS
        | I64GeU => 225,
        // Additions, bitwise operators, shifts, rotations, wraps and extensions.
        _ => 100,
    }
}
