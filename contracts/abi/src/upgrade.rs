//! Whether what one version of a contract has stored can be read by the next.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use thiserror::Error;

use crate::{Abi, MethodKind, Storage, StorageKind, Type};

/// Why a contract may not go from one code to another.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Incompatible {
    /// The same state version, and yet another storage.
    #[error("{0}; raise the state version, and bring a migration")]
    Storage(String),
    #[error(
        "the state is of version {from} and the code of version {to}, and the code brings no \
         migration"
    )]
    NoMigration { from: u32, to: u32 },
}

impl Abi {
    /// Whether a contract of this code may get the code that `next` describes, and if so whether
    /// its migration has to run. What is stored keeps its meaning when every field stays as it is,
    /// and enums get new variants behind the old ones at most; new fields are free.
    pub fn migrates_to(&self, next: &Self) -> Result<bool, Incompatible> {
        if self.state_version != next.state_version {
            let (from, to) = (self.state_version, next.state_version);
            let migrates = next.methods_of(MethodKind::Migrate).next().is_some();
            return if migrates { Ok(true) } else { Err(Incompatible::NoMigration { from, to }) };
        }
        self.storage.iter().try_for_each(|old| field(old, next)).map(|()| false)
    }
}

fn field(old: &Storage, next: &Abi) -> Result<(), Incompatible> {
    let refuse = |what: String| Err(Incompatible::Storage(what));
    let Some(new) = next.storage.iter().find(|new| new.prefix == old.prefix) else {
        return refuse(format!("the storage field `{}` is gone", old.name));
    };
    let (was, is) = (kind(&old.kind), kind(&new.kind));
    let reads = match (&old.kind, &new.kind) {
        (StorageKind::Item(old), StorageKind::Item(new)) => reads(old, new),
        (
            StorageKind::Map { key: old_key, value: old_value },
            StorageKind::Map { key: new_key, value: new_value },
        ) => old_key == new_key && reads(old_value, new_value),
        (StorageKind::Set(old), StorageKind::Set(new)) => old == new,
        // What was stored before is in no index that is new, and would be missed there.
        (
            StorageKind::IndexedMap { key: old_key, value: old_value, indexes: old },
            StorageKind::IndexedMap { key: new_key, value: new_value, indexes: new },
        ) => old_key == new_key && reads(old_value, new_value) && old == new,
        _ => false,
    };
    if reads {
        return Ok(());
    }
    if was == is {
        return refuse(format!("a type in the storage field `{}` has changed: {was}", old.name));
    }
    refuse(format!("the storage field `{}` was {was} and is {is}", old.name))
}

fn kind(kind: &StorageKind) -> String {
    match kind {
        StorageKind::Item(value) => value.to_string(),
        StorageKind::Map { key, value } => format!("a map from {key} to {value}"),
        StorageKind::Set(element) => format!("a set of {element}"),
        StorageKind::IndexedMap { key, value, indexes } => {
            let names: Vec<&str> = indexes.iter().map(|index| index.name.as_str()).collect();
            format!("a map from {key} to {value} with the indexes ({})", names.join(", "))
        }
    }
}

/// Whether every value of the old type is one of the new, in the same bytes. The depth is bounded,
/// as that of every type.
fn reads(old: &Type, new: &Type) -> bool {
    let all = |old: &[crate::Field], new: &[crate::Field]| {
        let same = |(old, new): (&crate::Field, &crate::Field)| {
            old.name == new.name && reads(&old.ty, &new.ty)
        };
        old.len() == new.len() && old.iter().zip(new).all(same)
    };
    match (old, new) {
        (Type::Option(old), Type::Option(new)) | (Type::Vec(old), Type::Vec(new)) => {
            reads(old, new)
        }
        (Type::Array(old, old_length), Type::Array(new, new_length)) => {
            old_length == new_length && reads(old, new)
        }
        (Type::Tuple(old), Type::Tuple(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| reads(old, new))
        }
        // The order of a map's entries is that of its keys.
        (Type::Map(old_key, old), Type::Map(new_key, new)) => old_key == new_key && reads(old, new),
        (Type::Struct { fields: old, .. }, Type::Struct { fields: new, .. }) => all(old, new),
        (Type::Enum { variants: old, .. }, Type::Enum { variants: new, .. }) => {
            old.len() <= new.len()
                && old
                    .iter()
                    .zip(new)
                    .all(|(old, new)| old.name == new.name && all(&old.fields, &new.fields))
        }
        _ => old == new,
    }
}
