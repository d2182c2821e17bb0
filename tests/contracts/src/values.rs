//! Random arguments for a contract's methods, by its description.

use abi::{Abi, Method, Type};
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

/// Elements of a random collection.
const ELEMENTS_MAX: u64 = 4;

/// A number below `end`.
pub fn below(rng: &mut ChaCha8Rng, end: u64) -> u64 {
    rng.next_u64() % end.max(1)
}

/// One of several; `None` when there is none.
pub fn one_of<'t, T>(rng: &mut ChaCha8Rng, items: &'t [T]) -> Option<&'t T> {
    let index = usize::try_from(below(rng, items.len() as u64)).unwrap_or(0);
    items.get(index)
}

/// An input for a method: its selector and random arguments; seldom a byte too few or too many.
pub fn input(rng: &mut ChaCha8Rng, method: &Method, addresses: &[[u8; 32]]) -> Vec<u8> {
    let mut input = method.selector.to_vec();
    for parameter in &method.parameters {
        value(rng, &parameter.ty, addresses, &mut input);
    }
    match below(rng, 32) {
        0 => drop(input.pop()),
        1 => input.push(0),
        _ => {}
    }
    input
}

/// A method of the description other than those that run once.
pub fn method<'a>(rng: &mut ChaCha8Rng, abi: &'a Abi) -> Option<&'a Method> {
    one_of(rng, &abi.methods)
}

/// Appends a random value in canonical binary. Addresses are most often known ones, and numbers
/// small, so that a value means something.
fn value(rng: &mut ChaCha8Rng, ty: &Type, addresses: &[[u8; 32]], out: &mut Vec<u8>) {
    match ty {
        Type::Unit => {}
        Type::Bool => out.push(u8::from(below(rng, 2) == 1)),
        Type::U8 | Type::I8 => number(rng, 1, out),
        Type::U16 | Type::I16 => number(rng, 2, out),
        Type::U32 | Type::I32 => number(rng, 4, out),
        Type::U64 | Type::I64 => number(rng, 8, out),
        Type::U128 | Type::I128 => number(rng, 16, out),
        Type::String | Type::Bytes => {
            let length = length(rng, out);
            out.extend((0..length).map(|_| b'a'));
        }
        Type::Address | Type::Hash => match one_of(rng, addresses) {
            Some(known) if below(rng, 8) > 0 => out.extend_from_slice(known),
            _ => {
                let mut unknown = [0; 32];
                rng.fill_bytes(&mut unknown);
                out.extend_from_slice(&unknown);
            }
        },
        Type::Option(inner) => {
            let is_some = below(rng, 2) == 1;
            out.push(u8::from(is_some));
            if is_some {
                value(rng, inner, addresses, out);
            }
        }
        Type::Vec(element) => {
            for _ in 0..length(rng, out) {
                value(rng, element, addresses, out);
            }
        }
        Type::Array(element, length) => {
            for _ in 0..*length {
                value(rng, element, addresses, out);
            }
        }
        Type::Tuple(types) => types.iter().for_each(|ty| value(rng, ty, addresses, out)),
        Type::Map(..) => out.extend_from_slice(&[0; 4]),
        Type::Struct { fields, .. } => {
            fields.iter().for_each(|field| value(rng, &field.ty, addresses, out));
        }
        Type::Enum { variants, .. } => {
            let index = below(rng, variants.len() as u64);
            out.push(u8::try_from(index).unwrap_or(0));
            let variant = variants.get(usize::try_from(index).unwrap_or(0));
            for field in variant.iter().flat_map(|variant| &variant.fields) {
                value(rng, &field.ty, addresses, out);
            }
        }
    }
}

fn length(rng: &mut ChaCha8Rng, out: &mut Vec<u8>) -> u64 {
    let length = below(rng, ELEMENTS_MAX);
    out.extend_from_slice(&u32::try_from(length).unwrap_or(0).to_le_bytes());
    length
}

/// A little-endian number: most often one that a collection could have as its length, sometimes
/// anything.
fn number(rng: &mut ChaCha8Rng, bytes: usize, out: &mut Vec<u8>) {
    let mut number = [0; 16];
    let [first, second, ..] = &mut number;
    let [low, high, ..] = rng.next_u64().to_le_bytes();
    match below(rng, 4) {
        0 => rng.fill_bytes(&mut number),
        1 => (*first, *second) = (low, high & 3),
        _ => *first = low & 7,
    }
    out.extend_from_slice(number.get(..bytes).unwrap_or(&number));
}
