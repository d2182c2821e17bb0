//! Keys of maps, in an encoding that keeps their order.
//!
//! The ledger keeps a contract's storage ordered by bytes. Numbers are therefore big-endian, signed
//! ones with the sign bit flipped; texts and bytes end with `00 00`, and a zero within them is `00
//! ff`, so that a shorter one stands before its continuations, and no key is the beginning of
//! another.

use alloc::string::String;
use alloc::vec::Vec;

use crate::{Address, Data, Hash};

/// A key of a [`crate::storage::Map`]. A storage key has at most 256 bytes, four of them the
/// field's own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a map",
    note = "a key is a number, a boolean, an `Address`, a `Hash`, a `String`, bytes, \
            or a tuple of them"
)]
pub trait Key: Data {
    fn write(&self, out: &mut Vec<u8>);
}

macro_rules! numbers {
    ($($ty:ty)*) => { $(
        impl Key for $ty {
            fn write(&self, out: &mut Vec<u8>) {
                // The smallest value is zero for unsigned types, and the sign bit for signed ones.
                out.extend_from_slice(&(self ^ <$ty>::MIN).to_be_bytes());
            }
        }
    )* };
}

numbers! { u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 }

impl Key for bool {
    fn write(&self, out: &mut Vec<u8>) {
        out.push((*self).into());
    }
}

impl Key for Address {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
}

impl Key for Hash {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
}

impl<const N: usize> Key for [u8; N] {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
}

impl Key for String {
    fn write(&self, out: &mut Vec<u8>) {
        write_escaped(self.as_bytes(), out);
    }
}

impl Key for Vec<u8> {
    fn write(&self, out: &mut Vec<u8>) {
        write_escaped(self, out);
    }
}

macro_rules! tuples {
    ($(($($name:ident $index:tt)*))*) => { $(
        impl<$($name: Key),*> Key for ($($name,)*) {
            fn write(&self, out: &mut Vec<u8>) {
                $(self.$index.write(out);)*
            }
        }
    )* };
}

tuples! { (A 0 B 1) (A 0 B 1 C 2) }

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

    /// Encoded keys order as the keys do, and none is the beginning of another.
    fn check<K: Key + core::fmt::Debug>(ascending: &[K]) {
        let encoded: Vec<Vec<u8>> = ascending
            .iter()
            .map(|key| {
                let mut bytes = Vec::new();
                key.write(&mut bytes);
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
        check(&[false, true]);
        check(&["", "\0", "\0\0", "\0a", "a", "a\0", "a\0b", "aa", "b"].map(String::from));
        check(&[b"".to_vec(), b"\0\xff".to_vec(), b"\xff".to_vec(), b"\xff\xff".to_vec()]);
        check(&[("", 9_u8), ("a", 1), ("a", 2), ("ab", 0)].map(|(a, b)| (String::from(a), b)));
    }
}
