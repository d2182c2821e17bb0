//! Why a module is refused.

use thiserror::Error;

use crate::limits;

/// Why a module may not be uploaded, and where it shows.
#[derive(Debug, Error)]
#[error("{reason}{}", shown_place(*.at))]
pub struct Refusal {
    #[source]
    pub reason: Reason,
    /// Bytes of the module before the item or the operator that is refused. `None`: no one place is
    /// to blame.
    pub at: Option<u64>,
}

/// The texts stand in receipts, so they are our own and depend on nothing but the module: never on
/// the words of a library.
#[derive(Debug, Error)]
pub enum Reason {
    #[error("it has {0} bytes, and at most {max} are accepted",
        max = primitives::limits::CODE_BYTES_MAX)]
    TooLong(usize),
    #[error("it is no well-formed WebAssembly module")]
    Malformed,
    #[error("its {0} is not valid WebAssembly")]
    Invalid(String),
    #[error("its {place} uses {feature}, which contracts may not")]
    Feature { place: String, feature: &'static str },
    #[error("its {place} has {got} {what}, and at most {max} are accepted")]
    Limit { place: String, what: &'static str, got: u64, max: u64 },
    #[error("it imports {module}.{name}, which the host does not offer")]
    UnknownImport { module: String, name: String },
    #[error("it imports {name} with another type than the host's")]
    ImportType { name: String },
    #[error("it exports no {0} of the type the interface asks for")]
    MissingExport(&'static str),
    #[error("it exports {0}; names that begin with {prefix} are reserved",
        prefix = limits::RESERVED_EXPORT_PREFIX)]
    ReservedExport(String),
    #[error("its {0} does not lie in the first pages or entries, at a constant offset")]
    Segment(String),
    #[error("its ABI section is missing or malformed")]
    Abi(#[source] abi::AbiError),
}

impl Refusal {
    /// Says where, unless what lies deeper has said so already.
    pub(super) fn at(self, offset: u64) -> Self {
        Self { at: self.at.or(Some(offset)), ..self }
    }

    /// What wasmparser could not read. The place is its own word, as with what is not valid: it may
    /// stand in receipts because the version is pinned.
    pub(super) fn malformed(error: &wasmparser::Error) -> Self {
        Self::from(Reason::Malformed).at(error.offset())
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self { reason, at: None }
    }
}

fn shown_place(at: Option<u64>) -> String {
    at.map(|offset| format!(" (at byte {offset})")).unwrap_or_default()
}
