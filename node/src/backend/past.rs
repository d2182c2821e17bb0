//! Reads at any height that is kept. What lies below says so, and never looks like something that
//! was not there.

use std::ops::Range;
use std::sync::Arc;

use primitives::state_key::Direction;
use primitives::{Hash, Header, Height, StateKey, codec};
use rpc::backend::{Anchored, Difference, Missing, ReadError, ScanLimits, ScanPage};
use rpc::types::{Anchor, At, PrefixView};
use state::{HeightError, Prefix, Snapshot, SnapshotError, State, StateView, StoredBlock};

use super::{anchor, block_anchor};

/// Bytes of the values of one piece; more, and it is told by the hashes below.
const PIECE_BYTES_MAX: usize = 64 << 10;

/// A committed state, and where it stands.
pub struct Reading {
    pub at: Anchor,
    pub header: Header,
    pub view: StateView,
}

impl Reading {
    pub fn of(state: &State, at: At) -> Result<Self, ReadError> {
        let height = match at {
            At::Latest => return Ok(Self::of_head(state)),
            at => height(state, at)?,
        };
        // Pinned first: then the block stays too.
        let view = state.view_at(height).map_err(refused)?;
        let block = state.block(height).ok_or(Missing::Block)?;
        Ok(Self { at: block_anchor(&block), header: block.header, view })
    }

    fn of_head(state: &State) -> Self {
        loop {
            let (head, view) = (state.head(), state.view(None));
            // A commit between the two would answer for the wrong block.
            if state.head().hash == head.hash {
                return Self { at: anchor(&head), header: head.header, view };
            }
        }
    }
}

/// The height of a block that may or may not be kept.
fn height(state: &State, at: At) -> Result<Height, ReadError> {
    match at {
        At::Latest => Ok(state.head().header.height),
        At::Height(height) => Ok(height),
        At::Hash(hash) => state.height_of(&hash).ok_or_else(|| missing(state, Missing::Block)),
    }
}

pub fn block(state: &State, at: At) -> Result<StoredBlock, ReadError> {
    let (height, head) = (height(state, at)?, state.head().header.height);
    if height > head {
        return Err(ReadError::NotYet { head });
    }
    // Some blocks below the floor are still there, for their headers; they are not to be relied on.
    let floor = state.floor();
    if height < floor {
        return Err(ReadError::Pruned { height, floor });
    }
    match state.block(height) {
        Some(block) => Ok(block),
        // Pruned between the two looks.
        None => Err(ReadError::Pruned { height, floor: state.floor() }),
    }
}

pub fn value(
    state: &State,
    key: &StateKey,
    at: At,
) -> Result<Anchored<Option<Vec<u8>>>, ReadError> {
    let Reading { at, view, .. } = Reading::of(state, at)?;
    Ok(Anchored { at, value: view.get(key) })
}

pub fn scan(
    state: &State,
    range: &Range<StateKey>,
    direction: Direction,
    limits: ScanLimits,
    at: At,
) -> Result<Anchored<ScanPage>, ReadError> {
    let Reading { at, view, .. } = Reading::of(state, at)?;
    let mut page = ScanPage::default();
    view.walk(range, direction, &mut |key, value| page.take(limits, key, value));
    Ok(Anchored { at, value: page })
}

pub fn differences(
    state: &State,
    from: Height,
    to: Height,
    after: Option<&StateKey>,
    limit: usize,
) -> Result<Vec<Difference>, ReadError> {
    let found = state.differences(from, to, after, limit).map_err(refused)?;
    let difference = |state::Difference { key, before, after }| Difference { key, before, after };
    Ok(found.into_iter().map(difference).collect())
}

pub fn pieces(
    state: &State,
    at: At,
    prefixes: &[PrefixView],
    bytes_max: usize,
) -> Result<Anchored<Vec<Vec<u8>>>, ReadError> {
    let snapshot: Snapshot = match state.snapshot_at(height(state, at)?) {
        Ok(snapshot) => snapshot,
        Err(SnapshotError::Height(error)) => return Err(refused(error)),
        Err(error) => return Err(ReadError::Internal(Arc::new(error))),
    };
    let (mut pieces, mut bytes) = (Vec::new(), 0);
    for PrefixView { path, depth } in prefixes {
        let prefix = Prefix { path: *path, depth: *depth };
        if !prefix.is_valid() {
            break;
        }
        let piece = codec::encode(&snapshot.piece(&prefix, PIECE_BYTES_MAX));
        bytes += piece.len();
        if bytes > bytes_max && !pieces.is_empty() {
            break;
        }
        pieces.push(piece);
    }
    Ok(Anchored { at: anchor(snapshot.head()), value: pieces })
}

/// That a hash leads nowhere. With all blocks kept that is all there is to say.
pub fn missing(state: &State, missing: Missing) -> ReadError {
    match state.floor() {
        Height::ZERO => missing.into(),
        floor => ReadError::NotFoundAbove { missing, floor },
    }
}

/// Whether a transaction that is known to be in a block is in one that is kept.
pub fn check_kept(state: &State, transaction: &Hash) -> Result<(), ReadError> {
    let (place, floor) = (state.transaction(transaction), state.floor());
    match place {
        Some((height, _)) if height < floor => Err(ReadError::Pruned { height, floor }),
        _ => Ok(()),
    }
}

fn refused(error: HeightError) -> ReadError {
    match error {
        HeightError::Pruned { height, floor } => ReadError::Pruned { height, floor },
        HeightError::AboveHead { head, .. } => ReadError::NotYet { head },
    }
}
