//! Caps of an uploaded module. They decide which modules are valid, so changing one is a hard fork.
//! Without them a small module could make the compiler work for minutes: wasmparser's own are far
//! too loose.

/// Functions that a module defines.
pub const FUNCTIONS_MAX: u32 = 4_096;
/// Bytes of one function's body.
pub const BODY_BYTES_MAX: usize = 64 << 10;
/// Targets of one `br_table`, without the default.
pub const BR_TABLE_TARGETS_MAX: u32 = 1_024;
/// Local variables of one function, without its parameters.
pub const LOCALS_MAX: u32 = 348;
/// Local variables of all functions together.
pub const LOCALS_TOTAL_MAX: u32 = 65_536;
/// Parameters of a function type.
pub const PARAMETERS_MAX: usize = 16;
/// Metered blocks of one function: its branches, loops and ends. The compiler's time grows with
/// their square.
pub const BLOCKS_MAX: u32 = 4_096;
/// Metered blocks of all functions together.
pub const BLOCKS_TOTAL_MAX: u32 = 65_536;
/// Global variables.
pub const GLOBALS_MAX: u32 = 1_024;
/// Function types.
pub const TYPES_MAX: u32 = 1_024;
/// Imported functions.
pub const IMPORTS_MAX: u32 = 64;
/// Exports.
pub const EXPORTS_MAX: u32 = 1_024;
/// Data segments.
pub const DATA_SEGMENTS_MAX: u32 = 128;
/// Element segments.
pub const ELEMENT_SEGMENTS_MAX: u32 = 128;
/// Entries of the table.
pub const TABLE_ENTRIES_MAX: u64 = 4_096;
/// Pages of 64 KiB that a memory may ever have, whatever maximum the module declares.
pub const MEMORY_PAGES_MAX: u32 = 256;
/// Blocks inside each other.
pub const NESTING_MAX: u32 = 256;
/// Exports whose name begins so belong to the instrumentation.
pub const RESERVED_EXPORT_PREFIX: &str = "quorate:";
