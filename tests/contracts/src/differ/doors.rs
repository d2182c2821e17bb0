//! Host functions behind doors: what a random argument becomes before it reaches the host.
//!
//! Almost every call with random numbers breaks a bound and ends. A door makes of a number what its
//! place asks for (a pointer into the first page, one of the known addresses, a length that fits)
//! almost always, and lets it pass as it is once in 128 times.

use vm::{HOST_FUNCTIONS, HostFunction};
use wasm_encoder::{BlockType, Function, InstructionSink, MemArg, MemArgTarget};

/// Where what the doors lead to lies in the first page. Random pointers point below.
pub const DATA: u32 = 0xe000;
/// Addresses of 32 bytes; the first is the contract's own.
pub const ADDRESSES: u32 = 0xe000;
/// Amounts of 16 bytes.
pub const AMOUNTS: u32 = 0xe100;
/// Inputs in places of 64 bytes, their lengths as bytes behind them.
pub const INPUTS: u32 = 0xe200;
pub const INPUT_LENGTHS: u32 = 0xe400;
/// Hashes of code.
pub const CODES: u32 = 0xe500;
/// Topics in places of 64 bytes, and their lengths.
pub const TOPICS: u32 = 0xe600;
pub const TOPICS_LENGTHS: u32 = 0xe800;
/// How many there are of each.
pub const PLACES: u32 = 8;

/// What a number becomes.
#[derive(Clone, Copy)]
enum Place {
    Pointer,
    /// Below this power of two.
    Below(i32),
    Address,
    Amount,
    Input,
    /// The length of the input before it.
    InputLength,
    Code,
    Topics,
    TopicsLength,
    Gas,
}
use Place::*;

/// What each parameter of a host function becomes.
fn places(name: &str) -> &'static [Place] {
    match name {
        "input" | "context" | "returned" => &[Pointer],
        "set_output" => &[Pointer, Below(256)],
        "get" => &[Pointer, Below(4), Pointer, Below(64)],
        "set" => &[Pointer, Below(4), Pointer, Below(64)],
        "delete" | "has" => &[Pointer, Below(4)],
        "add" => &[Pointer, Below(4), Amount, Amount],
        "scan" => &[Pointer, Below(4), Pointer, Below(4), Below(2)],
        "next_batch" => &[Below(4), Pointer, Below(512)],
        "emit" => &[Topics, TopicsLength, Pointer, Below(64)],
        "call" => &[Address, Input, InputLength, Amount, Gas, Below(2)],
        "instantiate" => &[Code, Pointer, Below(8), Input, InputLength, Amount, Gas],
        "upgrade" => &[Address, Code, Input, InputLength, Gas],
        "set_admin" => &[Address, Address],
        "transfer" => &[Address, Amount],
        "balance" => &[Address, Pointer],
        "blake3" | "sha256" | "keccak256" => &[Pointer, Below(256), Pointer],
        "ed25519_verify" => &[Pointer, Pointer, Below(64), Pointer],
        "ed25519_verify_batch" => &[Pointer, Below(8)],
        "secp256k1_verify" | "secp256k1_recover" | "p256_verify" => &[Pointer, Pointer, Pointer],
        "panic" => &[Pointer, Below(64)],
        other => panic!("the host function {other} needs places for its parameters"),
    }
}

/// The door to a host function that is import number `import`.
pub fn door(function: &HostFunction, import: u32) -> Function {
    let mut door = Function::new([]);
    let mut code = door.instructions();
    // A panic ends the call, so it shall be rare.
    let rarely = function.name == "panic";
    if rarely {
        code.local_get(0).i32_const(63).i32_and().i32_eqz().if_(BlockType::Empty);
    }
    let places = places(function.name);
    assert_eq!(places.len(), function.parameters.len(), "{}", function.name);
    for (local, place) in (0..).zip(places) {
        argument(&mut code, local, *place);
    }
    code.call(import);
    if rarely {
        code.end();
    }
    code.end();
    door
}

/// Doors to what is no host function: `memory.copy` and `memory.fill` of up to 255 bytes.
pub fn bulk(fills: bool) -> Function {
    let mut door = Function::new([]);
    let mut code = door.instructions();
    argument(&mut code, 0, Pointer);
    argument(&mut code, 1, if fills { Below(256) } else { Pointer });
    argument(&mut code, 2, Below(256));
    if fills {
        code.memory_fill(0);
    } else {
        code.memory_copy(0, 0);
    }
    code.end();
    door
}

/// Pushes what a parameter becomes.
fn argument(code: &mut InstructionSink<'_>, local: u32, place: Place) {
    if let Gas = place {
        // All that may be given, or up to a quarter of a billion.
        code.local_get(local).i64_const((1 << 28) - 1).i64_and();
        code.i64_const(0).local_get(local).i64_const(0).i64_gt_s().select();
        return;
    }
    let chosen = |code: &mut InstructionSink<'_>, base: u32, bits: i32| {
        code.local_get(local).i32_const(PLACES.cast_signed() - 1).i32_and();
        code.i32_const(bits).i32_shl().i32_const(base.cast_signed()).i32_add();
    };
    let length = |code: &mut InstructionSink<'_>, base: u32| {
        // By the pointer that this door was given just before.
        code.local_get(local - 1).i32_const(PLACES.cast_signed() - 1).i32_and();
        code.i32_load8_u(MemArg {
            offset: u64::from(base),
            align: 0,
            target: MemArgTarget::Memory(0),
            ordering: None,
        });
    };
    match place {
        Pointer => {
            // Whatever remains is below DATA.
            code.local_get(local).i32_const(0xdfff).i32_and();
        }
        Below(end) => {
            code.local_get(local).i32_const(end - 1).i32_and();
        }
        Address => chosen(code, ADDRESSES, 5),
        Amount => chosen(code, AMOUNTS, 4),
        Input => chosen(code, INPUTS, 6),
        InputLength => length(code, INPUT_LENGTHS),
        Code => chosen(code, CODES, 5),
        Topics => chosen(code, TOPICS, 6),
        TopicsLength => length(code, TOPICS_LENGTHS),
        Gas => {}
    }
    code.local_get(local).local_get(local);
    code.i32_const(24).i32_shr_u().i32_const(127).i32_and().i32_const(127).i32_ne().select();
}

/// How many doors there are: one for each host function, and the two of [`bulk`].
pub fn count() -> u32 {
    u32::try_from(HOST_FUNCTIONS.len()).unwrap_or(u32::MAX) + 2
}
