//! `state_`: values of the state, at any height that is kept; what changed; proofs.

use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use primitives::limits::{STATE_KEY_BYTES_MAX, STORAGE_KEY_BYTES_MAX};
use primitives::state_key::Direction;
use primitives::{Address, Height, StateKey};

use crate::backend::{Difference, Proved, ScanLimits, ScanPage};
use crate::error::ApiError;
use crate::handlers::Handlers;
use crate::limits::{
    DIFF_BLOCKS_MAX, DIFF_BYTES_MAX, DIFF_KEYS_DEFAULT, DIFF_KEYS_MAX, PIECES_BYTES_MAX,
    PIECES_MAX, SCAN_BYTES_MAX, SCAN_KEYS_DEFAULT, SCAN_KEYS_MAX,
};
use crate::types::{
    Answer, At, Blob, DifferenceView, DifferencesView, EntryView, KeyView, PiecesView, PrefixView,
    ProvedView, ScanView, ValueView,
};

/// Values of the state, with proofs.
#[rpc(server, client, namespace = "state")]
pub trait StateApi {
    /// A value, or its absence, at any height that is kept.
    #[method(name = "get", param_kind = map)]
    async fn state_get(&self, key: KeyView, at: Option<At>) -> Result<Answer<ValueView>, ApiError>;

    /// The keys from `from` on and below `to`, with their values, page by page; to the end of the
    /// namespace of `from` when there is no `to`. `descending` shows the last first.
    #[method(name = "scan", param_kind = map)]
    async fn state_scan(
        &self,
        from: KeyView,
        to: Option<KeyView>,
        descending: Option<bool>,
        limit: Option<u32>,
        at: Option<At>,
    ) -> Result<Answer<ScanView>, ApiError>;

    /// The keys, in order, whose values after the block at `to` are others than after the one at
    /// `from`, with both values; the page after the key `after`.
    #[method(name = "diff", param_kind = map)]
    async fn state_diff(
        &self,
        from: Height,
        to: Height,
        after: Option<KeyView>,
        limit: Option<u32>,
    ) -> Result<Answer<DifferencesView>, ApiError>;

    /// What stands below prefixes of the state tree: values, or hashes of subtrees. For comparing a
    /// state with this one without fetching what is equal.
    #[method(name = "getPieces", param_kind = map)]
    async fn state_get_pieces(
        &self,
        prefixes: Vec<PrefixView>,
        at: Option<At>,
    ) -> Result<Answer<PiecesView>, ApiError>;

    /// A value, or its absence, with the proof and the certificate that a client needs to believe
    /// it without trusting this node.
    #[method(name = "prove", param_kind = map)]
    async fn state_prove(
        &self,
        key: KeyView,
        at: Option<At>,
    ) -> Result<Answer<ProvedView>, ApiError>;
}

#[async_trait]
impl StateApiServer for Handlers {
    async fn state_get(&self, key: KeyView, at: Option<At>) -> Result<Answer<ValueView>, ApiError> {
        let (key, at) = (state_key(&key)?, at.unwrap_or_default());
        let found = self.read(move |this| this.backend.value(&key, at)).await?;
        Ok(found.answer(|value| ValueView { value: value.map(Blob) }))
    }

    async fn state_scan(
        &self,
        from: KeyView,
        to: Option<KeyView>,
        descending: Option<bool>,
        limit: Option<u32>,
        at: Option<At>,
    ) -> Result<Answer<ScanView>, ApiError> {
        let keys = limit.map_or(SCAN_KEYS_DEFAULT, |limit| limit as usize).min(SCAN_KEYS_MAX);
        if keys == 0 {
            return Err(ApiError::invalid_params("limit is 0: nothing would be answered"));
        }
        let limits = ScanLimits { keys, bytes: SCAN_BYTES_MAX };
        let from = bound(&from)?;
        let to = match to {
            Some(to) => bound(&to)?,
            None => StateKey { key: Vec::new(), ..from.clone() }.prefix_end(),
        };
        let direction = match descending {
            Some(true) => Direction::Descending,
            Some(false) | None => Direction::Ascending,
        };
        let (range, at) = (from..to, at.unwrap_or_default());
        let page = self.work(move |this| Ok(this.backend.scan(&range, direction, limits, at)?));
        Ok(page.await?.answer(|page| scanned(page, direction)))
    }

    async fn state_diff(
        &self,
        from: Height,
        to: Height,
        after: Option<KeyView>,
        limit: Option<u32>,
    ) -> Result<Answer<DifferencesView>, ApiError> {
        let limit = limit.map_or(DIFF_KEYS_DEFAULT, |limit| limit as usize).min(DIFF_KEYS_MAX);
        if limit == 0 {
            return Err(ApiError::invalid_params("limit is 0: nothing would be answered"));
        }
        let Some(blocks) = to.0.checked_sub(from.0) else {
            let message = format!("from is {from}, above to, which is {to}");
            return Err(ApiError::invalid_params(message));
        };
        if blocks > DIFF_BLOCKS_MAX {
            let message = format!("there are {blocks} blocks from {from} to {to}; ask in parts");
            let max = usize::try_from(DIFF_BLOCKS_MAX).unwrap_or(usize::MAX);
            return Err(ApiError::limit(message, "diffBlocks", max));
        }
        let after = after.as_ref().map(state_key).transpose()?;
        let page = self
            .work(move |this| Ok(this.backend.differences(from, to, after.as_ref(), limit)?))
            .await?;
        let is_last = page.len() < limit;
        let (differences, fit_all) = fitting(page);
        let next = match differences.last() {
            Some(last) if !(is_last && fit_all) => Some(last.key.clone()),
            _ => None,
        };
        Ok(self.at_head(DifferencesView { from, to, differences, next }))
    }

    async fn state_get_pieces(
        &self,
        prefixes: Vec<PrefixView>,
        at: Option<At>,
    ) -> Result<Answer<PiecesView>, ApiError> {
        if prefixes.len() > PIECES_MAX {
            let message = format!("{} prefixes are too many at once", prefixes.len());
            return Err(ApiError::limit(message, "prefixes", PIECES_MAX));
        }
        let is_valid = |prefix: &PrefixView| prefix.depth.is_multiple_of(4) && prefix.depth < 256;
        if !prefixes.iter().all(is_valid) {
            let message = "a prefix has less than 256 bits, four times a number";
            return Err(ApiError::invalid_params(message));
        }
        let at = at.unwrap_or_default();
        let pieces = self
            .work(move |this| Ok(this.backend.pieces(at, &prefixes, PIECES_BYTES_MAX)?))
            .await?;
        Ok(pieces.answer(|pieces| PiecesView { pieces: pieces.into_iter().map(Blob).collect() }))
    }

    async fn state_prove(
        &self,
        key: KeyView,
        at: Option<At>,
    ) -> Result<Answer<ProvedView>, ApiError> {
        let key = state_key(&key)?;
        let proved = self
            .work(move |this| {
                let proved = this.backend.prove(&key)?;
                proved.at.check_head(at.unwrap_or_default())?;
                Ok(proved)
            })
            .await?;
        let Proved { at, header, value, proof, certificate } = proved;
        let view = ProvedView {
            value: value.map(Blob),
            proof: Blob(proof),
            header: header.into(),
            certificate: certificate.into(),
        };
        Ok(Answer { body: view, at })
    }
}

/// The key, unless it is longer than any that can be there.
fn state_key(view: &KeyView) -> Result<StateKey, ApiError> {
    let (key, max) = match view {
        KeyView::Storage { key, .. } => (key, STORAGE_KEY_BYTES_MAX),
        KeyView::Raw { key, .. } => (key, size_of::<Address>() + STORAGE_KEY_BYTES_MAX),
        _ => return Ok(StateKey::from(view)),
    };
    if key.0.len() > max {
        let message = format!("a storage key has at most {STORAGE_KEY_BYTES_MAX} bytes");
        return Err(ApiError::limit(message, "storageKeyBytes", STORAGE_KEY_BYTES_MAX));
    }
    Ok(StateKey::from(view))
}

/// The end of a range: a key that may be one byte longer than any that can be there, since the
/// least key above the longest is.
fn bound(view: &KeyView) -> Result<StateKey, ApiError> {
    let key = StateKey::from(view);
    if key.key.len() > STATE_KEY_BYTES_MAX + 1 {
        let message = "a range of keys ends at a longer key than there can be";
        return Err(ApiError::limit(message, "stateKeyBytes", STATE_KEY_BYTES_MAX));
    }
    Ok(key)
}

fn scanned(page: ScanPage, direction: Direction) -> ScanView {
    let last = page.entries.last().filter(|_| page.is_cut).map(|(key, _)| key);
    let next = last.map(|last| match direction {
        Direction::Ascending => KeyView::from(&last.next()),
        Direction::Descending => KeyView::from(last),
    });
    let entry = |(key, value)| EntryView { key: KeyView::from(&key), value: Blob(value) };
    ScanView { entries: page.entries.into_iter().map(entry).collect(), next }
}

/// The first differences, as many as fit into a page; and whether these are all.
fn fitting(page: Vec<Difference>) -> (Vec<DifferenceView>, bool) {
    let (mut differences, mut bytes) = (Vec::new(), 0);
    for Difference { key, before, after } in page {
        bytes += [&before, &after].into_iter().flatten().map(Vec::len).sum::<usize>();
        if bytes > DIFF_BYTES_MAX && !differences.is_empty() {
            return (differences, false);
        }
        let key = KeyView::from(&key);
        differences.push(DifferenceView { key, before: before.map(Blob), after: after.map(Blob) });
    }
    (differences, true)
}
