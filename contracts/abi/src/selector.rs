//! Selectors: four bytes of a domain-separated hash of a name.

use crate::Selector;

/// The selector of a method or an event: `BLAKE3("quorate:selector" ‖ name)`, its first four bytes.
///
/// Only the name counts: a contract has no two methods of one name, and parameters are checked by
/// decoding.
pub fn selector(name: &str) -> Selector {
    short_hash(b"quorate:selector", name)
}

/// What leads the keys of a storage collection: `BLAKE3("quorate:storage:" ‖ name)`, its first four
/// bytes.
///
/// It hangs on the name alone, so that fields can be added and moved without touching what is
/// stored.
pub fn storage_prefix(name: &str) -> Selector {
    short_hash(b"quorate:storage:", name)
}

fn short_hash(tag: &[u8; 16], name: &str) -> Selector {
    let mut hasher = blake3::Hasher::new();
    hasher.update(tag).update(name.as_bytes());
    let [a, b, c, d, ..] = *hasher.finalize().as_bytes();
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Selectors are part of every deployed contract: they never move.
    #[test]
    fn fixtures() {
        assert_eq!(selector("transfer"), [247, 195, 23, 85]);
        assert_eq!(storage_prefix("balances"), [132, 53, 254, 29]);
    }
}
