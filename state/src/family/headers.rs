//! `meta`, a second row: the headers of the blocks below the one that a snapshot brought, ascending.
//! Who leads a view is decided by past blocks.

use primitives::Header;

use super::{Family, decode};
use crate::store::{Batch, Store, StoreError};

const ROW: &[u8] = b"headers";

pub(crate) fn get(store: &dyn Store) -> Result<Vec<Header>, StoreError> {
    let Some(bytes) = store.get(Family::Meta, ROW)? else { return Ok(Vec::new()) };
    decode(Family::Meta, &bytes)
}

pub(crate) fn put(batch: &mut Batch, headers: &[Header]) {
    batch.put(Family::Meta, ROW, headers);
}
