//! `receipts`: height → the block's receipts, in its order.

use primitives::{Height, Receipt};

use super::{Family, decode, height_key};
use crate::store::{Batch, Store, StoreError};

pub(crate) fn get(store: &dyn Store, height: Height) -> Result<Option<Vec<Receipt>>, StoreError> {
    let Some(bytes) = store.get(Family::Receipts, &height_key(height))? else { return Ok(None) };
    decode(Family::Receipts, &bytes).map(Some)
}

pub(crate) fn put(batch: &mut Batch, height: Height, receipts: &[Receipt]) {
    batch.put(Family::Receipts, &height_key(height), receipts);
}

pub(crate) fn delete(batch: &mut Batch, height: Height) {
    batch.delete(Family::Receipts, &height_key(height));
}
