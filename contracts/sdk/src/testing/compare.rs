//! Two runs of one test, held against each other.

use std::collections::BTreeMap;
use std::format;
use std::string::String;
use std::vec::Vec;

use abi::testing::{Entry, Failure, Receipt, Status};

/// What a run has seen, but for gas.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) receipts: Vec<Receipt>,
    pub(super) state: Vec<Entry>,
}

/// How the receipts of one call in the two runs differ.
pub(super) fn receipts(native: &Receipt, wasm: &Receipt) -> Option<String> {
    let label = &native.label;
    if *label != wasm.label {
        return Some(format!(
            "the test did not repeat itself: natively it made {label}, and as WebAssembly {}. It \
             may depend on its chain only",
            wasm.label
        ));
    }
    let differs = |what: &str, native: &dyn core::fmt::Debug, wasm: &dyn core::fmt::Debug| {
        Some(format!(
            "natively and as WebAssembly, {label} differs in its {what}:\n  natively: \
             {native:?}\n  as WebAssembly: {wasm:?}"
        ))
    };
    if !same_status(&native.status, &wasm.status) {
        return differs("status", &native.status, &wasm.status);
    }
    if native.output != wasm.output {
        return differs("output", &native.output, &wasm.output);
    }
    if native.events != wasm.events {
        return differs("events", &native.events, &wasm.events);
    }
    None
}

/// How the states at the end differ.
pub(super) fn states(native: &[Entry], wasm: &[Entry]) -> Option<String> {
    let gone = |one: &[Entry], other: &[Entry]| {
        let other: BTreeMap<_, _> = other.iter().map(|entry| (&entry.key, &entry.value)).collect();
        let differs = |entry: &&Entry| other.get(&entry.key) != Some(&&entry.value);
        one.iter().find(differs).map(|entry| entry.label.clone())
    };
    let label = gone(native, wasm).or_else(|| gone(wasm, native))?;
    Some(format!(
        "natively and as WebAssembly, what is stored at the end differs: {label} does, at least"
    ))
}

fn same_status(native: &Status, wasm: &Status) -> bool {
    match (native, wasm) {
        (Status::Failed(Failure::Panicked(native)), Status::Failed(Failure::Panicked(wasm))) => {
            same_panic(native, wasm)
        }
        (native, wasm) => native == wasm,
    }
}

/// Whether two messages are of one panic. The compilers may be in different folders, and name the
/// same file differently; a longer path also cuts a long message earlier.
fn same_panic(native: &str, wasm: &str) -> bool {
    let place = |message: &str| {
        let (text, place) = message.rsplit_once(", ")?;
        let (file, line) = place.rsplit_once(':')?;
        let name = file.rsplit('/').next()?;
        line.parse::<u32>().ok()?;
        Some(format!("{text}, {name}:{line}"))
    };
    match (place(native), place(wasm)) {
        (Some(native), Some(wasm)) => native == wasm,
        _ => native.bytes().zip(wasm.bytes()).take(128).all(|(native, wasm)| native == wasm),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &[u8], value: &[u8]) -> Entry {
        Entry { key: key.to_vec(), value: value.to_vec(), label: format!("{key:?}") }
    }

    /// In whatever order they come.
    #[test]
    fn states_differ_by_a_key_or_a_value() {
        let both = [entry(b"ab", b"1"), entry(b"b", b"")];
        let turned = [entry(b"b", b""), entry(b"ab", b"1")];
        assert_eq!(states(&both, &turned), None);
        let other = [entry(b"ab", b"2"), entry(b"b", b"")];
        assert!(states(&both, &other).is_some_and(|words| words.contains("[97, 98]")));
        let less = [entry(b"ab", b"1")];
        assert!(states(&both, &less).is_some_and(|words| words.contains("[98]")));
        assert!(states(&less, &both).is_some_and(|words| words.contains("[98]")));
    }

    #[test]
    fn panics_are_told_apart_by_message_file_and_line() {
        let check = |native: &str, wasm: &str, same: bool| {
            assert_eq!(same_panic(native, wasm), same, "{native} and {wasm}");
        };
        check("boom, src/lib.rs:3", "boom, src/lib.rs:3", true);
        check("boom, /a/vendor/sdk/src/x.rs:3", "boom, vendor/sdk/src/x.rs:3", true);
        check("boom, src/lib.rs:3", "boom, src/lib.rs:4", false);
        check("boom, src/lib.rs:3", "bang, src/lib.rs:3", false);
        check("a, b, src/lib.rs:3", "a, c, src/lib.rs:3", false);
        check(&"x".repeat(256), &"x".repeat(250), true);
    }
}
