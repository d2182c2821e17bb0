//! The named types of a description. They stand inline there, each time whole.

use std::collections::BTreeSet;

use abi::{Abi, Field, Type};

use crate::names::{pascal, unique};

/// Every struct and enum, each once, with the name that it has in the client.
#[derive(Debug)]
pub struct Named {
    types: Vec<(Type, String)>,
    used: BTreeSet<String>,
    contract: String,
}

impl Named {
    /// Of all that goes in and out of a contract. A name that is `taken` gets the contract's before
    /// it; of two types that want one name, the second gets another.
    pub fn of(abi: &Abi, taken: &[&str]) -> Self {
        let contract = pascal(&abi.name);
        let used = taken.iter().map(|&name| name.to_owned()).collect();
        let mut named = Self { types: Vec::new(), used, contract };
        for method in &abi.methods {
            method.parameters.iter().for_each(|parameter| named.add(&parameter.ty));
            named.add(&method.returns);
            method.error.iter().for_each(|error| named.add(error));
        }
        for event in &abi.events {
            event.fields.iter().for_each(|field| named.add(&field.ty));
        }
        abi.errors.iter().for_each(|error| named.add(error));
        named
    }

    /// A free name for something that is no type of the description.
    pub fn name(&mut self, wanted: &str) -> String {
        let wanted = pascal(wanted);
        let wanted =
            if self.used.contains(&wanted) { format!("{}{wanted}", self.contract) } else { wanted };
        unique(&mut self.used, &wanted)
    }

    /// The types, those that stand in others first.
    pub fn iter(&self) -> impl Iterator<Item = (&Type, &str)> {
        self.types.iter().map(|(ty, name)| (ty, name.as_str()))
    }

    /// # Panics
    ///
    /// When the type is none of the description's.
    pub fn get(&self, ty: &Type) -> &str {
        let found = self.types.iter().find(|(known, _)| known == ty);
        found.map(|(_, name)| name.as_str()).expect("all types were added")
    }

    /// The depth is bounded, as that of every type.
    fn add(&mut self, ty: &Type) {
        if self.types.iter().any(|(known, _)| known == ty) {
            return;
        }
        let name = match ty {
            Type::Option(inner) | Type::Vec(inner) | Type::Array(inner, _) => {
                return self.add(inner);
            }
            Type::Tuple(types) => return types.iter().for_each(|ty| self.add(ty)),
            Type::Map(key, value) => {
                self.add(key);
                return self.add(value);
            }
            Type::Struct { name, fields } => {
                fields.iter().for_each(|field| self.add(&field.ty));
                name
            }
            Type::Enum { name, variants } => {
                variants.iter().flat_map(|v| &v.fields).for_each(|field| self.add(&field.ty));
                name
            }
            _ => return,
        };
        let name = self.name(name);
        self.types.push((ty.clone(), name));
    }
}

/// Whether these are the fields of a tuple struct: `0`, `1`, … in order.
pub fn are_positional(fields: &[Field]) -> bool {
    let is_index = |(index, field): (usize, &Field)| field.name.parse() == Ok(index);
    !fields.is_empty() && fields.iter().enumerate().all(is_index)
}

/// Whether JSON of the type may be null, so that an option of it stands in an array.
pub fn may_be_null(ty: &Type) -> bool {
    match ty {
        Type::Unit | Type::Option(_) => true,
        Type::Struct { fields, .. } => match fields.as_slice() {
            [only] => are_positional(fields) && may_be_null(&only.ty),
            _ => false,
        },
        _ => false,
    }
}
