//! `nodes`: unit → its nodes and the height they are of; see [`crate::tree::units`].

use std::collections::BTreeMap;

use super::{Family, decode};
use crate::store::{Batch, Store, StoreError};
use crate::tree::units::{Unit, UnitNodes};

/// All units that have a row.
pub(crate) fn all(store: &dyn Store) -> Result<BTreeMap<Unit, UnitNodes>, StoreError> {
    let mut units = BTreeMap::new();
    store.read_all(Family::Nodes, &mut |key, value| {
        let unit = key.try_into().map_err(|_| StoreError::row(Family::Nodes, "no unit's key"))?;
        units.insert(unit, decode(Family::Nodes, value)?);
        Ok(())
    })?;
    Ok(units)
}

pub(crate) fn put(batch: &mut Batch, unit: Unit, nodes: &UnitNodes) {
    batch.put(Family::Nodes, &unit, nodes);
}

pub(crate) fn delete(batch: &mut Batch, unit: Unit) {
    batch.delete(Family::Nodes, &unit);
}
