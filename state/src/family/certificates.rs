//! `certificates`: height → commit certificate. A block committed by its descendant's certificate
//! has no row.

use std::ops::ControlFlow;

use primitives::{CommitCertificate, Height};

use super::{Family, decode, height_key, height_of_key};
use crate::store::{Batch, Store, StoreError};

pub(crate) fn get(
    store: &dyn Store,
    height: Height,
) -> Result<Option<CommitCertificate>, StoreError> {
    let key = height_key(height);
    let Some(bytes) = store.get(Family::Certificates, &key)? else { return Ok(None) };
    decode(Family::Certificates, &bytes).map(Some)
}

/// The certificate of the lowest block at or above `height` that has one.
pub(crate) fn at_or_above(
    store: &dyn Store,
    height: Height,
) -> Result<Option<(Height, CommitCertificate)>, StoreError> {
    let mut found = None;
    store.scan(Family::Certificates, &height_key(height), &mut |key, value| {
        found = Some((key.to_vec(), value.to_vec()));
        ControlFlow::Break(())
    })?;
    let Some((key, value)) = found else { return Ok(None) };
    let height = height_of_key(Family::Certificates, &key)?;
    Ok(Some((height, decode(Family::Certificates, &value)?)))
}

pub(crate) fn put(batch: &mut Batch, height: Height, certificate: &CommitCertificate) {
    batch.put(Family::Certificates, &height_key(height), certificate);
}

pub(crate) fn delete(batch: &mut Batch, height: Height) {
    batch.delete(Family::Certificates, &height_key(height));
}
