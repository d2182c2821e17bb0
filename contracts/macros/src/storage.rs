//! The storage struct: one handle a field, keyed by the field's name.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Fields, Ident, ItemStruct, Result, Type};

use crate::marks::{distinct, literal, name_of, no_generics};

/// What a contract keeps.
pub struct Storage {
    pub ident: Ident,
    fields: Vec<(Ident, Type)>,
}

impl Storage {
    pub fn read(item: &ItemStruct) -> Result<Self> {
        no_generics(&item.generics, "the storage")?;
        let named = match &item.fields {
            Fields::Named(fields) => fields.named.iter().collect(),
            Fields::Unit => Vec::new(),
            Fields::Unnamed(_) => {
                let message = "the fields of the storage have names, under which they are stored";
                return Err(Error::new_spanned(item, message));
            }
        };
        let fields: Vec<_> = named
            .into_iter()
            .filter_map(|field| Some((field.ident.clone()?, field.ty.clone())))
            .collect();
        let prefixes = fields.iter().map(|(ident, _)| (ident, prefix(ident)));
        distinct("storage fields", prefixes)?;
        Ok(Self { ident: item.ident.clone(), fields })
    }

    /// An expression that makes the handles. It touches no storage.
    pub fn handles(&self) -> TokenStream {
        let ident = &self.ident;
        let handles = self.fields.iter().map(|(field, _)| {
            let (name, prefix) = (name_of(field), literal(prefix(field)));
            quote!(#field: ::quorate_sdk::storage::Collection::at(#name, #prefix))
        });
        quote!(#ident { #(#handles),* })
    }

    /// The `StorageLayout` of each field.
    pub fn layouts(&self) -> impl Iterator<Item = TokenStream> {
        self.fields.iter().map(|(field, ty)| {
            let (name, prefix) = (name_of(field), literal(prefix(field)));
            quote!(StorageLayout {
                name: #name,
                prefix: #prefix,
                kind: <#ty as ::quorate_sdk::storage::Collection>::KIND,
            })
        })
    }
}

fn prefix(field: &Ident) -> abi::Selector {
    abi::storage_prefix(&name_of(field))
}
