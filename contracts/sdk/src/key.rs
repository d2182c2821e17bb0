//! Keys of maps, in an encoding that keeps their order.
//!
//! The ledger keeps a contract's storage ordered by bytes. Numbers are therefore big-endian, signed
//! ones with the sign bit flipped; texts and bytes end with `00 00`, and a zero within them is `00
//! ff`, so that a shorter one stands before its continuations, and no key is the beginning of
//! another. That last rule is what makes a tuple's order that of its parts, and the beginning of a
//! tuple a range of keys.

use alloc::string::String;
use alloc::vec::Vec;

use crate::{Address, Data, Hash};

/// A key of a map, an element of a set, or a field that is indexed. A storage key has at most 256
/// bytes, four of them the field's own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a map",
    note = "a key is a number, a boolean, an `Address`, a `Hash`, a `String`, bytes, \
            or a tuple of them"
)]
pub trait Key: Data {
    /// Appends the encoded key.
    fn write(&self, out: &mut Vec<u8>);

    /// Takes a key off the front. `None` when none stands there.
    fn read(bytes: &mut &[u8]) -> Option<Self>;
}

/// The first part, or the first two, of a key that is a tuple: the prefix of a range.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no beginning of the key `{K}`",
    note = "a prefix is the first part of a tuple, or a tuple of its first two parts"
)]
pub trait KeyPrefix<K>: Key {}

impl<A: Key, B: Key> KeyPrefix<(A, B)> for A {}
impl<A: Key, B: Key, C: Key> KeyPrefix<(A, B, C)> for A {}
impl<A: Key, B: Key, C: Key> KeyPrefix<(A, B, C)> for (A, B) {}

macro_rules! numbers {
    ($($ty:ty)*) => { $(
        impl Key for $ty {
            fn write(&self, out: &mut Vec<u8>) {
                // The smallest value is zero for unsigned types, and the sign bit for signed ones.
                out.extend_from_slice(&(self ^ <$ty>::MIN).to_be_bytes());
            }

            fn read(bytes: &mut &[u8]) -> Option<Self> {
                Some(<$ty>::from_be_bytes(read_array(bytes)?) ^ <$ty>::MIN)
            }
        }
    )* };
}

numbers! { u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 }

impl Key for bool {
    fn write(&self, out: &mut Vec<u8>) {
        out.push((*self).into());
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        match read_array(bytes)? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }
}

impl Key for Address {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        read_array(bytes).map(Self)
    }
}

impl Key for Hash {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        read_array(bytes).map(Self)
    }
}

impl<const N: usize> Key for [u8; N] {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        read_array(bytes)
    }
}

impl Key for String {
    fn write(&self, out: &mut Vec<u8>) {
        write_escaped(self.as_bytes(), out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Self::from_utf8(read_escaped(bytes)?).ok()
    }
}

impl Key for Vec<u8> {
    fn write(&self, out: &mut Vec<u8>) {
        write_escaped(self, out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        read_escaped(bytes)
    }
}

macro_rules! tuples {
    ($(($($name:ident $index:tt)*))*) => { $(
        impl<$($name: Key),*> Key for ($($name,)*) {
            fn write(&self, out: &mut Vec<u8>) {
                $(self.$index.write(out);)*
            }

            fn read(bytes: &mut &[u8]) -> Option<Self> {
                Some(($($name::read(bytes)?,)*))
            }
        }
    )* };
}

tuples! { (A 0 B 1) (A 0 B 1 C 2) }

fn read_array<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (array, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*array)
}

fn read_escaped(bytes: &mut &[u8]) -> Option<Vec<u8>> {
    let mut read = Vec::new();
    loop {
        match *bytes {
            [0, 0, rest @ ..] => {
                *bytes = rest;
                return Some(read);
            }
            [0, 0xff, rest @ ..] => {
                *bytes = rest;
                read.push(0);
            }
            [0, ..] | [] => return None,
            [byte, rest @ ..] => {
                *bytes = rest;
                read.push(*byte);
            }
        }
    }
}

fn write_escaped(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        out.push(byte);
        if byte == 0 {
            out.push(0xff);
        }
    }
    out.extend_from_slice(&[0, 0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encoded keys order as the keys do, none is the beginning of another, and each is read back.
    fn check<K: Key + PartialEq + core::fmt::Debug>(ascending: &[K]) {
        let encoded: Vec<Vec<u8>> = ascending
            .iter()
            .map(|key| {
                let mut bytes = Vec::new();
                key.write(&mut bytes);
                let mut rest = bytes.as_slice();
                assert_eq!(K::read(&mut rest).as_ref(), Some(key));
                assert!(rest.is_empty(), "{key:?}");
                bytes
            })
            .collect();
        for (index, one) in encoded.iter().enumerate() {
            for (other_index, other) in encoded.iter().enumerate() {
                let keys = (&ascending[index], &ascending[other_index]);
                assert_eq!(index.cmp(&other_index), one.cmp(other), "{keys:?}");
                assert!(index == other_index || !other.starts_with(one), "{keys:?}");
            }
        }
    }

    #[test]
    fn the_order_is_kept() {
        check(&[0_u64, 1, 255, 256, 65_536, u64::MAX]);
        check(&[i32::MIN, -256, -1, 0, 1, 256, i32::MAX]);
        check(&[i8::MIN, -1, 0, i8::MAX]);
        check(&[i128::MIN, -1, 0, 1, i128::MAX]);
        check(&[[0, 1], [0, 255], [1, 0]]);
        check(&[Address([0; 32]), Address([1; 32])]);
        check(&[false, true]);
        check(&["", "\0", "\0\0", "\0a", "a", "a\0", "a\0b", "aa", "b"].map(String::from));
        check(&[b"".to_vec(), b"\0\xff".to_vec(), b"\xff".to_vec(), b"\xff\xff".to_vec()]);
        check(&[("", 9_u8), ("a", 1), ("a", 2), ("ab", 0)].map(|(a, b)| (String::from(a), b)));
        check(
            &[(-1_i16, "b", true), (0, "", true), (0, "a", false), (0, "a", true)]
                .map(|(a, b, c)| (a, String::from(b), c)),
        );
    }
}
