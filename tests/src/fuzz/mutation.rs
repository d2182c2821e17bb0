//! Damage, as a peer or a disk would do it, or an attacker who knows the format.

use crate::fuzz::Decoder;
use crate::sim::plan::Chance;

/// Lengths that lie, and numbers at the edges.
const EDGES: [u64; 10] =
    [0, 1, 2, 255, 256, 0xffff, 0x7fff_ffff, 0xffff_ffff, u64::MAX / 2, u64::MAX];
/// Bytes of one input; growth stops here.
const INPUT_BYTES_MAX: usize = 64 << 10;

/// The input of one execution.
pub fn input(decoder: &Decoder, seed: u64, number: u64) -> Vec<u8> {
    let name = decoder
        .name
        .bytes()
        .fold(0u64, |hash, byte| hash.wrapping_mul(0x0100_0000_01b3).wrapping_add(u64::from(byte)));
    let mut chance = Chance::new(seed ^ name ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut input = pick(&decoder.corpus, &mut chance);
    for _ in 0..chance.below(5) {
        damage(&mut input, &decoder.corpus, &mut chance);
    }
    input.truncate(INPUT_BYTES_MAX);
    input
}

fn pick(corpus: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    corpus.get(chance.index(corpus.len())).cloned().unwrap_or_default()
}

fn damage(input: &mut Vec<u8>, corpus: &[Vec<u8>], chance: &mut Chance) {
    let at = chance.index(input.len() + 1);
    let some = 1 + chance.index(64);
    match chance.below(9) {
        0 | 1 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << chance.below(8);
            }
        }
        2 => input.truncate(at),
        // A length prefix, an index, an amount: somewhere stands a number.
        3 => overwrite(input, at, &edge(chance).to_le_bytes(), 4),
        4 => overwrite(input, at, &edge(chance).to_le_bytes(), 8),
        // A list's element twice, or a part moved.
        5 => {
            let end = at.saturating_add(some).min(input.len());
            let part: Vec<u8> = input.get(at..end).unwrap_or_default().to_vec();
            let to = chance.index(input.len() + 1);
            input.splice(to..to, part);
        }
        6 => {
            let end = at.saturating_add(some).min(input.len());
            input.drain(at..end);
        }
        // The start of one value and the end of another.
        7 => {
            let other = pick(corpus, chance);
            let from = chance.index(other.len() + 1);
            input.truncate(at);
            input.extend(other.get(from..).unwrap_or_default());
        }
        _ => {
            let filler = [0, 1, 2, 0x7f, 0x80, 0xff];
            let byte = filler.get(chance.index(filler.len())).copied().unwrap_or(0);
            input.splice(at..at, std::iter::repeat_n(byte, some));
        }
    }
}

/// An edge, or a small step beside one.
fn edge(chance: &mut Chance) -> u64 {
    let edge = EDGES.get(chance.index(EDGES.len())).copied().unwrap_or(0);
    edge.wrapping_add(chance.below(3)).wrapping_sub(1)
}

fn overwrite(input: &mut [u8], at: usize, bytes: &[u8], length: usize) {
    for (target, byte) in input.iter_mut().skip(at).zip(bytes.iter().take(length)) {
        *target = *byte;
    }
}
