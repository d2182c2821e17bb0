//! What made a module, in a custom section of its own.
//!
//! Whoever wants to build the same bytes again needs the same compiler, and learns here which. The
//! section is a note: a node does not read it, and nothing proves it but building again.

/// The custom section's name.
pub const SECTION: &str = "quorate-build";

/// The preamble of a module: `\0asm` and version 1.
const PREAMBLE_BYTES: usize = 8;
const CUSTOM: u8 = 0;

/// The module with the note in a section at its end.
pub fn embed(module: &[u8], note: &str) -> Vec<u8> {
    let mut content = length(SECTION.len());
    content.extend_from_slice(SECTION.as_bytes());
    content.extend_from_slice(note.as_bytes());
    [module, &[CUSTOM], &length(content.len()), &content].concat()
}

/// The note in a module; `None` where there is none that can be read.
pub fn read(module: &[u8]) -> Option<String> {
    let mut rest = module.get(PREAMBLE_BYTES..)?;
    while let Some((&id, after)) = rest.split_first() {
        let (content, after) = bytes(after)?;
        if id == CUSTOM
            && let Some((name, note)) = bytes(content)
            && name == SECTION.as_bytes()
        {
            return String::from_utf8(note.to_vec()).ok();
        }
        rest = after;
    }
    None
}

/// Bytes with their length before them, and what follows them.
fn bytes(from: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length = 0_usize;
    let mut rest = from;
    for shift in [0, 7, 14, 21, 28] {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        length |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return rest.split_at_checked(length);
        }
    }
    None
}

/// An unsigned LEB128.
fn length(mut value: usize) -> Vec<u8> {
    let mut encoded = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or(0);
        value >>= 7;
        if value == 0 {
            encoded.push(low);
            return encoded;
        }
        encoded.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_comes_back() {
        let module = b"\0asm\x01\0\0\0\x00\x03\x02ab".to_vec();
        assert_eq!(read(&module), None);
        for note in ["", "rustc 1.95.0, wasm32v1-none, library built", &"x".repeat(300)] {
            assert_eq!(read(&embed(&module, note)).as_deref(), Some(note));
        }
        let whole = embed(&module, "a note");
        for cut in 0..whole.len() {
            assert_eq!(read(whole.get(..cut).unwrap_or_default()), None, "cut at {cut}");
        }
    }
}
