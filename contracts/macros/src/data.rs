//! Structs and enums as parameters, results and stored values.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Fields, Item, Result};

use crate::marks::{name_of, no_generics};

/// The item with its encoding derived and its description added.
pub fn expand(item: &Item) -> Result<TokenStream> {
    let description = describe(item)?;
    Ok(quote! {
        #[derive(
            ::quorate_sdk::borsh::BorshSerialize,
            ::quorate_sdk::borsh::BorshDeserialize,
        )]
        #[borsh(crate = "::quorate_sdk::borsh")]
        #item
        #description
    })
}

fn describe(item: &Item) -> Result<TokenStream> {
    let (ident, layout) = match item {
        Item::Struct(item) => {
            no_generics(&item.generics, "a type of a contract's interface")?;
            let (name, fields) = (name_of(&item.ident), fields(&item.fields));
            (&item.ident, quote!(TypeLayout::Struct { name: #name, fields: #fields }))
        }
        Item::Enum(item) => {
            no_generics(&item.generics, "a type of a contract's interface")?;
            if let Some(variant) = item.variants.iter().find(|v| v.discriminant.is_some()) {
                let message = "variants are numbered by their order; drop the discriminant";
                return Err(Error::new_spanned(variant, message));
            }
            let variants = item.variants.iter().map(|variant| {
                let (name, fields) = (name_of(&variant.ident), fields(&variant.fields));
                quote!(VariantLayout { name: #name, fields: #fields })
            });
            let name = name_of(&item.ident);
            (&item.ident, quote!(TypeLayout::Enum { name: #name, variants: &[#(#variants),*] }))
        }
        other => return Err(Error::new_spanned(other, "expected a struct or an enum")),
    };
    Ok(quote! {
        const _: () = {
            use ::quorate_sdk::abi::layout::*;
            impl ::quorate_sdk::Data for #ident {
                const TYPE: TypeLayout = #layout;
            }
        };
    })
}

fn fields(fields: &Fields) -> TokenStream {
    let layouts = fields.iter().enumerate().map(|(index, field)| {
        let name = field.ident.as_ref().map_or_else(|| index.to_string(), name_of);
        let ty = &field.ty;
        quote!(FieldLayout { name: #name, ty: <#ty as ::quorate_sdk::Data>::TYPE })
    });
    quote!(&[#(#layouts),*])
}
