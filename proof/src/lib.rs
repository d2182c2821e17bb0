//! What a state root proves: the specification, and the verifiers for any client.
//!
//! The state of a chain maps keys to values. A key is a namespace, which is one byte, and a string of bytes; with its
//! value stands the height of the block that last changed it. One hash commits to all of it, the *state root*, which
//! every commit certificate signs. Whoever trusts a root checks with hashes alone what a stranger says:
//!
//! - [`StateProof`]: one key has this value, or none;
//! - [`BatchProof`]: several keys, up to [`KEYS_MAX`], have these values, or none;
//! - [`SubtreeProof`]: these entries are all below a [`Prefix`], such as a namespace, a page of it, or a chunk of a
//!   snapshot. [`Tiling`] sees that pages leave no hole.
//!
//! The crate needs neither std nor any other part of the chain. `proof/vectors.json` has examples of everything below,
//! and `proof/js` a second verifier, which was written from this text.
//!
//! # The tree
//!
//! `H` is BLAKE3 with 32 bytes of output, `‖` joins bytes, numbers are little-endian, and what is quoted stands for
//! its 16 ASCII characters.
//!
//! ```text
//! path(namespace, key)       = namespace ‖ first 31 bytes of H("quorate:path::::" ‖ namespace ‖ key)
//! value_hash(height, value)  = H("quorate:value:::" ‖ height, in 8 bytes ‖ value)
//! leaf(path, value_hash)     = H("quorate:leaf::::" ‖ path ‖ value_hash)
//! inner(left, right)         = H(left ‖ right)
//! empty                      = 32 zero bytes
//! ```
//!
//! A path is a way of 256 turns from the root down, its bits in order, the highest bit of its first byte first: 0
//! turns left, 1 turns right. A prefix is the first `d` bits of a path, and the subtree at it is made of the leaves
//! whose paths begin with it:
//!
//! - of no leaf, it is `empty`;
//! - of one leaf, it is that `leaf`: a lone leaf stands for its whole subtree, however long the rest of its way;
//! - of more, it is `inner` of the two subtrees at the prefixes one bit longer.
//!
//! The root is the subtree at the prefix of no bits. So it is a function of keys, values and heights alone, and no
//! leaf stands deeper than 256. Since the namespace leads the path, a namespace is one subtree, at a prefix of 8 bits.
//!
//! # Ways
//!
//! The way to a path leads from the root through inner nodes to where it *ends*: at nothing, or at a lone leaf, which
//! is the path's own or another that begins with the same bits. The subtrees beside a way are its *siblings*, one at
//! each depth. From the end upwards, the last sibling first, the hash of a node is `inner` of the one below it on the
//! way and the sibling of that, which stands to the right where the path turns left, and to the left where it turns
//! right. What comes out at the top must be the root.
//!
//! # Encodings
//!
//! Those of borsh, and one for each proof: a decoder refuses unknown tags, lists longer than said here, and bytes that
//! are left over ([`borsh::from_slice`] does).
//!
//! ```text
//! leaf         32 bytes  path
//!              32 bytes  value hash
//! terminal      1 byte   0: nothing   1: a leaf of whom the proof is about   2: another leaf
//!               8 bytes  after 1: the height of the block that last changed the value
//!              64 bytes  after 2: the other leaf
//! siblings      4 bytes  how many
//!              32 bytes  each
//! ```
//!
//! # `StateProof`
//!
//! ```text
//! terminal               what stands where the way to the key's path ends
//! siblings               of that way, from the root down; at most 256
//! ```
//!
//! The verifier has the root, the key, and a value or the claim that there is none. The depth of the end is the number
//! of siblings. Its hash is
//!
//! - after 0 `empty`; no value may be claimed;
//! - after 1 the `leaf` of the key's path, with the hash of the height and the value, which must be claimed;
//! - after 2 the other `leaf`; no value may be claimed. Its path must not be the key's, and must begin with the same
//!   bits, as many as the end is deep.
//!
//! # `BatchProof`
//!
//! ```text
//! 4 bytes                how many ends; at most 1,024
//!   2 bytes  + terminal  each end: its depth, at most 256, and what stands there, by path
//! siblings               of all ways, as the verifier asks for them; at most 256 for each of 1,024 keys
//! ```
//!
//! The verifier has the root and claims on 1 to 1,024 different keys, which it sorts by path. It walks from the root,
//! with all claims. At a prefix with some claims it looks at the next end:
//!
//! - If that is of this depth, it is used: the ways of all these claims end here. Its hash is that of a `StateProof`'s
//!   terminal, of the one key with a value claimed after 1, when there is exactly one; after 2 the other path must be
//!   none of the claims', and begin with the same bits as all.
//! - If it is deeper, the claims part by their bits at this depth. On a side without claims stands the next sibling,
//!   which is used before anything below; the walk goes on to the left, then to the right, where there are claims.
//! - An end that is less deep is refused.
//!
//! Nothing may be missing, and no end and no sibling left over. So each sibling is there once, and none of a subtree
//! that claims lead into.
//!
//! # `SubtreeProof`
//!
//! ```text
//! siblings               of the way to the prefix, from the root down; at most as many as the prefix has bits
//! 1 byte                 0, or 1 where the way ends above the prefix, at a leaf that does not lie below it
//! leaf                   after 1: that leaf
//! ```
//!
//! The verifier has the root, the prefix, and the leaves that shall be all below it: strictly ascending by path, and
//! below it. Where the way to the prefix has as many siblings as the prefix has bits, the hash at its end is computed
//! of the leaves, as the subtree at the prefix. Where it has fewer, it ends above, and so at most one leaf lies below:
//! the hash is `empty`, or that `leaf`, or, after 1 and with no leaf below, the `leaf` given. The path of this one must
//! begin with as many bits of the prefix as there are siblings, but not with all.
//!
//! Pages of a listing are prefixes that follow each other: each begins at the first path behind the one before, lies
//! below the whole, and they end where the whole ends. [`Tiling`] says which is the widest that can be next.
//!
//! # Building proofs
//!
//! Each proof is built with a function that reads the [`Node`] at a [`Prefix`] of whatever tree a prover has. It is
//! asked for the root first, and then only for halves of prefixes where it answered [`Node::Inner`]: along one way from
//! the root down, or with a batch left before right. What it answers wrongly makes a proof that no verifier accepts,
//! or [`BuildError::Damaged`].
//!
//! # Why this is safe
//!
//! Validators sign the root of a tree that they computed as above. Take any proof that is accepted, and go down from
//! the root: what the verifier hashed to get the root is what the validators hashed, or else somebody knows two inputs
//! of one BLAKE3 hash. An inner node's input has 64 bytes and a leaf's has 80, so that one is never taken for the
//! other; and no input is known whose hash is `empty`. So at each prefix the verifier has seen the very node that
//! stands there. Where it goes next is told by the bits of its own question, not by the proof. The end that it reaches
//! is the end of that way, and a leaf's input has the whole path in it, so that no leaf stands in for another. For the
//! same reason one question has one proof: what is accepted is only what a prover emits that reads the tree.
//!
//! - *A false value* needs two inputs of one value hash, or of one leaf. The height has a fixed length, so that no byte
//!   of it can be taken for one of the value.
//! - *A false absence* needs a way to an end that is not there.
//! - *A hidden entry* needs two lists of leaves with one subtree hash; by going down both, that is two inputs of one
//!   hash.
//! - *Two keys of one path* are worth something to who may choose both: values that can be exchanged for each other.
//!   Paths hold 248 bits of a hash, so that to find such a pair takes 2¹²⁴ hashes, and one for a given key 2²⁴⁸. All
//!   other collisions take 2¹²⁸.
//!
//! Nobody but the holder of a certificate knows that a root is the chain's, and of which height.
//!
//! # What it costs
//!
//! The work of a verifier is bounded by the length of what it is given: each says how many hashes it computes. Besides
//! the input it keeps 64 to 100 bytes for each claim or entry. The longest ways do not occur by chance: among n keys of
//! a namespace they have 8 bits, and a little more than log₂ n behind them; each bit more takes twice the work of who
//! chooses the keys.
#![no_std]

extern crate alloc;

mod batch;
mod encoding;
mod error;
mod hash;
mod node;
mod prefix;
mod single;
mod subtree;
mod terminal;
mod tiling;

pub use batch::{BatchProof, End, KEYS_MAX};
pub use error::ProofError;
pub use hash::{
    DEPTH_MAX, EMPTY, Hash, Leaf, inner_hash, leaf_hash, path, turns_right, value_hash,
};
pub use node::{BuildError, Node};
pub use prefix::Prefix;
pub use single::StateProof;
pub use subtree::{Entry, SubtreeProof};
pub use terminal::{Claim, Terminal};
pub use tiling::{Tiling, TilingError};
