//! Signs with garbage, and with signatures that some verifiers accept and others do not: whoever checks a batch by
//! another rule than a single signature is split from the rest by these (curve25519-dalek#115).

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use primitives::{SecretKey, Signature, View, Vote};
use replica::{Action, Message};
use sha2::{Digest, Sha512};

use crate::attacker::Attack;
use crate::context::{Context, garbage, rewrite_consensus, send};

#[derive(Debug)]
pub struct GarbageSigner;

/// The group's order, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// A signature whose R is a point of order eight. With the cofactor it is valid (ZIP-215), without it is not.
pub(crate) fn of_small_order(key: &SecretKey, message: &[u8]) -> Signature {
    let [_, point, ..] = EIGHT_TORSION.map(|point| point.compress().to_bytes());
    let expanded: [u8; 64] = Sha512::digest(key.seed()).into();
    let mut scalar = [0; 32];
    scalar.iter_mut().zip(expanded).for_each(|(to, from)| *to = from);
    let secret = Scalar::from_bytes_mod_order(clamp_integer(scalar));
    let mut hasher = Sha512::new();
    for part in [&point[..], &key.public_key().0, message] {
        hasher.update(part);
    }
    let challenge = Scalar::from_bytes_mod_order_wide(&hasher.finalize().into());
    joined(point, (challenge * secret).to_bytes())
}

/// The true signature with s + ℓ for s: the same number, written in another way.
fn not_canonical(true_one: &Signature) -> Signature {
    let mut bytes = true_one.0;
    let mut carry = 0u16;
    for (byte, order) in bytes.iter_mut().skip(32).zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        let [low, high] = sum.to_le_bytes();
        (*byte, carry) = (low, u16::from(high));
    }
    Signature(bytes)
}

fn joined(r: [u8; 32], s: [u8; 32]) -> Signature {
    let mut bytes = [0; 64];
    bytes.iter_mut().zip(r.into_iter().chain(s)).for_each(|(to, from)| *to = from);
    Signature(bytes)
}

/// Another signature in every view.
fn bad(context: &Context, view: View, message: &[u8], true_one: &Signature) -> Signature {
    let mut identity = [0; 32];
    identity[0] = 1;
    match view.0 % 5 {
        0 => garbage(view, 0),
        1 => joined(identity, [0; 32]),
        2 => not_canonical(true_one),
        _ => of_small_order(&context.key, message),
    }
}

fn sign(context: &Context, vote: Vote) -> Vote {
    let signature =
        bad(context, vote.view(), &vote.signing_bytes(&context.signing), vote.signature());
    match vote {
        Vote::Prepare(vote) => Vote::Prepare(primitives::PrepareVote { signature, ..vote }),
        Vote::Commit(vote) => Vote::Commit(primitives::CommitVote { signature, ..vote }),
        Vote::Timeout(vote) => Vote::Timeout(primitives::TimeoutVote { signature, ..vote }),
    }
}

impl Attack for GarbageSigner {
    fn act(&mut self, context: &Context, actions: Vec<Action>) -> Vec<Action> {
        rewrite_consensus(context, actions, |to, mut message| {
            match &mut message {
                consensus::Message::Vote(vote) => *vote = sign(context, *vote),
                consensus::Message::Timeout { vote, .. } => {
                    if let Vote::Timeout(bad) = sign(context, Vote::Timeout(*vote)) {
                        *vote = bad;
                    }
                }
                consensus::Message::Proposal(proposal) if proposal.header.view.0 % 2 == 0 => {
                    proposal.signature = garbage(proposal.header.view, 0);
                }
                _ => {}
            }
            send(to, &Message::Consensus(message))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_of_small_order_is_valid_here_and_the_others_are_not() {
        let key = SecretKey::from_seed([3; 32]);
        let (public, message) = (key.public_key(), b"vote");
        assert!(public.verifies(message, &of_small_order(&key, message)));
        assert!(!public.verifies(b"other", &of_small_order(&key, message)));
        assert!(!public.verifies(message, &not_canonical(&key.sign(message))));
        assert!(!public.verifies(message, &garbage(View(1), 0)));
    }
}
