//! Snapshots that a validator holds for others, and answers from them.
//!
//! Every so many blocks one is taken, at the first height that is a multiple of that or above it and was committed
//! with a certificate of its own. Most blocks are, so most validators hold the same ones; where a validator heard of
//! two commits at once it holds the next height, and whoever asks goes by what each offers. One more is taken of the
//! head at the start, so that a net that was restarted has something to give. Each is held until the second next one
//! is taken: whoever began with one has that long to finish.
//!
//! A snapshot keeps its height readable, and with it all that was overwritten since: that is what it costs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use borsh::{BorshDeserialize, BorshSerialize};
use consensus::leader::Schedule;
use primitives::{Height, codec, limits};
use state::{Piece, Prefix, Snapshot, State};

use crate::message::{SnapshotAnswer, SnapshotRequest};

/// Snapshots held at once.
const HELD_MAX: usize = 2;

/// How hard pieces are packed: as fast as reading them.
const PACK_LEVEL: i32 = 1;

/// What a validator has for one that is behind.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Offers {
    /// Its last committed block.
    pub head: Height,
    /// The lowest block that it can send.
    pub floor: Height,
    /// Of its snapshots, ascending; at most [`limits::SNAPSHOTS_OFFERED_MAX`].
    pub snapshots: Vec<Height>,
}

/// Pieces with their prefixes, packed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PackedPieces(Vec<u8>);

impl PackedPieces {
    pub fn pack(pieces: &[(Prefix, Piece)]) -> Self {
        let encoded = codec::encode(pieces);
        let mut packed = vec![0; zstd_safe::compress_bound(encoded.len())];
        match zstd_safe::compress(packed.as_mut_slice(), &encoded, PACK_LEVEL) {
            Ok(length) => packed.truncate(length),
            Err(code) => panic!("packing to memory failed: {}", zstd_safe::get_error_name(code)),
        }
        Self(packed)
    }

    /// The pieces; nothing when this is not what an honest validator packs.
    pub fn unpack(&self) -> Option<Vec<(Prefix, Piece)>> {
        let mut encoded = vec![0; limits::SNAPSHOT_ANSWER_BYTES_MAX];
        let length = zstd_safe::decompress(encoded.as_mut_slice(), &self.0).ok()?;
        encoded.truncate(length);
        // Before anything is made of them: an empty branch is a few bytes here and a thousand in memory.
        let count = u32::from_le_bytes(*encoded.first_chunk()?);
        if usize::try_from(count).is_ok_and(|count| count > limits::SNAPSHOT_PREFIXES_MAX) {
            return None;
        }
        codec::decode(&encoded, limits::SNAPSHOT_ANSWER_BYTES_MAX).ok()
    }

    /// What somebody claims to be such.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Those that are held. Shared by who takes them and who gives.
#[derive(Clone, Debug)]
pub struct Snapshots {
    state: State,
    validators: usize,
    /// Blocks between two; none are taken when 0.
    every: u64,
    held: Arc<Mutex<BTreeMap<Height, Snapshot>>>,
}

impl Snapshots {
    /// Takes the first, of the head.
    pub(crate) fn new(state: State, validators: usize, every: u64) -> Self {
        let snapshots = Self { state, validators, every, held: Arc::default() };
        if every > 0 && snapshots.state.head().certificate.is_some() {
            snapshots.take();
        }
        snapshots
    }

    /// A commit has brought the head from `before` to where it is.
    pub(crate) fn committed(&self, before: Height) {
        let head = self.state.head().header.height;
        let number = |height: Height| height.0.checked_div(self.every);
        if number(before) < number(head) {
            self.take();
        }
    }

    fn take(&self) {
        let snapshot = self.state.snapshot();
        let mut held = self.held();
        held.insert(snapshot.head().header.height, snapshot);
        while held.len() > HELD_MAX {
            held.pop_first();
        }
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<Height, Snapshot>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to a sound request. May read some MiB.
    pub fn answer(&self, request: &SnapshotRequest) -> SnapshotAnswer {
        match request {
            SnapshotRequest::Offers => SnapshotAnswer::Offers(Offers {
                head: self.state.head().header.height,
                floor: self.state.floor(),
                snapshots: self.held().keys().copied().collect(),
            }),
            SnapshotRequest::Head(height) => self.head(*height),
            SnapshotRequest::Pieces { height, prefixes } => self.pieces(*height, prefixes),
        }
    }

    fn head(&self, height: Height) -> SnapshotAnswer {
        let Some(snapshot) = self.held().get(&height).cloned() else {
            return SnapshotAnswer::Gone(height);
        };
        let first = Schedule::first_needed(self.validators, snapshot.head().header.view);
        match self.state.snapshot_head(height, first) {
            Some(head) => SnapshotAnswer::Head(Box::new(head)),
            None => SnapshotAnswer::Gone(height),
        }
    }

    fn pieces(&self, height: Height, prefixes: &[Prefix]) -> SnapshotAnswer {
        let Some(snapshot) = self.held().get(&height).cloned() else {
            return SnapshotAnswer::Gone(height);
        };
        let (mut pieces, mut bytes) = (Vec::new(), 0);
        for prefix in prefixes {
            let piece = snapshot.piece(prefix, limits::SNAPSHOT_PIECE_BYTES_MAX);
            bytes += codec::encode(&piece).len();
            pieces.push((*prefix, piece));
            if bytes > limits::SNAPSHOT_ANSWER_BYTES_MAX / 2 {
                break;
            }
        }
        SnapshotAnswer::Pieces { height, pieces: PackedPieces::pack(&pieces) }
    }
}
