//! The custom section of a WebAssembly module that carries the ABI.
//!
//! Only the module's outer shape is read: header, then sections of an id, a length and bytes.
//! Whether their contents are valid is for whoever runs the module to check.

use alloc::vec::Vec;

use crate::{Abi, AbiError, host};

/// `\0asm` and version 1.
const HEADER: [u8; 8] = *b"\0asm\x01\0\0\0";
const CUSTOM: u8 = 0;

impl Abi {
    /// The description that a module carries. Exactly one section must hold it. Never panics,
    /// whatever the bytes, and costs one pass over the sections' headers.
    pub fn from_module(wasm: &[u8]) -> Result<Self, AbiError> {
        let mut found = None;
        for section in sections(wasm)? {
            if let Some(content) = section.abi
                && found.replace(content).is_some()
            {
                return Err(AbiError::Repeated);
            }
        }
        Self::decode(found.ok_or(AbiError::Missing)?)
    }

    /// The module with this description as its only one, in a section at the end.
    ///
    /// # Errors
    ///
    /// [`AbiError::NotAModule`], when the outer shape of `wasm` is broken.
    pub fn embed(&self, wasm: &[u8]) -> Result<Vec<u8>, AbiError> {
        let mut module = HEADER.to_vec();
        for section in sections(wasm)? {
            if section.abi.is_none() {
                module.extend_from_slice(section.whole);
            }
        }
        let mut body = Vec::new();
        write_length(&mut body, host::ABI_SECTION.len());
        body.extend_from_slice(host::ABI_SECTION.as_bytes());
        body.extend_from_slice(&self.encode());
        module.push(CUSTOM);
        write_length(&mut module, body.len());
        module.extend_from_slice(&body);
        Ok(module)
    }
}

struct Section<'a> {
    /// With its id and length.
    whole: &'a [u8],
    /// What follows the name, of an ABI section.
    abi: Option<&'a [u8]>,
}

fn sections(wasm: &[u8]) -> Result<Vec<Section<'_>>, AbiError> {
    let mut rest = wasm.strip_prefix(&HEADER).ok_or(AbiError::NotAModule("its header is wrong"))?;
    let mut sections = Vec::new();
    while let Some((&id, after_id)) = rest.split_first() {
        let cut = AbiError::NotAModule("a section is cut short");
        let (content, after) = read_bytes(after_id).ok_or(cut)?;
        let whole = rest.get(..rest.len() - after.len()).unwrap_or_default();
        let abi = if id == CUSTOM {
            let unnamed = AbiError::NotAModule("a custom section has no name");
            let (name, content) = read_bytes(content).ok_or(unnamed)?;
            (name == host::ABI_SECTION.as_bytes()).then_some(content)
        } else {
            None
        };
        sections.push(Section { whole, abi });
        rest = after;
    }
    Ok(sections)
}

/// Bytes with their length before them, and what follows them.
fn read_bytes(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = read_length(bytes)?;
    rest.split_at_checked(length)
}

/// An unsigned LEB128 of at most 32 bits.
fn read_length(mut bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0_u64;
    for shift in [0, 7, 14, 21, 28] {
        let (&byte, rest) = bytes.split_first()?;
        bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let value = u32::try_from(value).ok()?;
            return Some((usize::try_from(value).ok()?, bytes));
        }
    }
    None
}

fn write_length(out: &mut Vec<u8>, mut value: usize) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or(0);
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}
