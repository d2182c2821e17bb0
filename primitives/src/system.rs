//! What validators, rather than accounts, ask of the chain. It travels in their batches, costs no gas and has no
//! receipt.

use borsh::{BorshDeserialize, BorshSerialize};

/// One system action. One that is malformed, unproven or a repetition has no effect, everywhere alike: it neither
/// spoils its batch nor its block.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum SystemAction {
    /// A conflicting pair of signed messages, in the encoding of the consensus crate's `Evidence`; at most
    /// [`crate::limits::EVIDENCE_BYTES_MAX`]. Bytes, since this crate does not know what conflicts.
    Evidence(Vec<u8>),
}
