//! The attacks. To add one: a file beside these with a sentence on what it attacks, and its name in
//! the list.

use super::Attack;

macro_rules! attacks {
    ($($name:ident)*) => {
        $(mod $name;)*

        /// Every attack, by name.
        pub fn all() -> Vec<Attack> {
            vec![$(Attack { name: stringify!($name), ..$name::attack() }),*]
        }
    };
}

attacks! {
    // Refused at upload.
    nested_too_deep
    locals_too_many
    br_table_too_wide
    module_too_long
    functions_too_many
    blocks_too_many
    // The compiler's time and memory.
    compile_straight_line
    compile_small_functions
    compile_branches
    compile_phis
    compile_live_values
    compile_nested
    compile_br_tables
    compile_calls
    compile_traps
    compile_indirect_calls
    // Operators.
    arithmetic
    divisions
    popcounts
    bare_loop
    unpredictable_branches
    br_table_towers
    indirect_calls
    calls_of_nothing
    huge_locals
    loads_all_over
    stores_all_over
    unaligned_over_lines
    globals
    selects
    code_all_over
    operand_towers
    // Memory.
    bulk_copies
    bulk_nothings
    bulk_overlaps
    grow_storm
    grow_in_vain
    // The stack.
    recursion_of_nothing
    recursion_of_locals
    recursion_of_products
    // Host calls.
    host_calls
    contexts
    inputs
    outputs
    reads_of_nothing
    reads_of_much
    writes
    writes_of_much
    writes_undone
    additions
    scans_of_everything
    scans_of_one
    scans_begun
    scans_of_the_deleted
    events_by_the_megabyte
    events_of_nothing
    transfers
    balances
    panics
    blake3_long
    hashes_short
    keccak256_long
    sha256_long
    ed25519
    ed25519_batches
    secp256k1_verify
    secp256k1_recover
    p256
    // Calls of contracts.
    calls_of_contracts
    calls_of_nobody
    calls_into_a_megabyte
    calls_into_two_megabytes
    calls_into_four_megabytes
    calls_into_memory
    calls_into_data
    calls_into_table
    calls_into_functions
    calls_into_exports
    calls_into_globals
    calls_into_imports
    calls_that_trap
    reentrant_callbacks
    call_towers
    call_towers_of_much
    call_towers_of_imports
    return_bombs
    argument_bombs
    instantiations
    instantiations_of_much
    upgrades
}
