//! Structs and enums as parameters, results and stored values.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Error, Fields, Item, Result};

use crate::marks::{name_of, no_generics, take};

/// The item with its encoding derived and its description added.
pub fn expand(item: &mut Item) -> Result<TokenStream> {
    let indexes = indexes(item)?;
    let description = describe(item)?;
    Ok(quote! {
        #[derive(
            ::quorate_sdk::borsh::BorshSerialize,
            ::quorate_sdk::borsh::BorshDeserialize,
        )]
        #[borsh(crate = "::quorate_sdk::borsh")]
        #item
        #description
        #indexes
    })
}

/// As [`expand`], and a method may refuse with it.
pub fn expand_error(item: &mut Item) -> Result<TokenStream> {
    let data = expand(item)?;
    let ident = match item {
        Item::Struct(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        other => return Err(Error::new_spanned(other, "expected a struct or an enum")),
    };
    Ok(quote! {
        #data
        impl ::quorate_sdk::ContractError for #ident {}
    })
}

/// Takes the `#[index]` marks off the fields of a struct, and answers with what they stand for.
fn indexes(item: &mut Item) -> Result<TokenStream> {
    let Item::Struct(item) = item else { return Ok(TokenStream::new()) };
    let (mut idents, mut types) = (Vec::new(), Vec::new());
    for field in &mut item.fields {
        let Some(mark) = take(&mut field.attrs, &["index"])? else { continue };
        let Some(ident) = &field.ident else {
            return Err(Error::new_spanned(mark, "an index has the name of its field; name them"));
        };
        idents.push(ident.clone());
        types.push(field.ty.clone());
    }
    let most = abi::limits::INDEXES_MAX;
    if let Some(excess) = idents.get(most) {
        return Err(Error::new_spanned(excess, format!("a struct has at most {most} indexes")));
    }
    if idents.is_empty() {
        return Ok(TokenStream::new());
    }
    let of = &item.ident;
    let constants = idents.iter().zip(&types).zip(0_u8..).map(|((ident, ty), number)| {
        let name = name_of(ident);
        let constant = format_ident!("BY_{}", name.to_uppercase());
        let docs = format!("The index over `{name}` of an `IndexedMap`.");
        quote! {
            #[doc = #docs]
            pub const #constant: ::quorate_sdk::storage::Index<Self, #ty> =
                ::quorate_sdk::storage::Index::new(#number);
        }
    });
    let names = idents.iter().map(name_of);
    let numbers = 0..idents.len();
    Ok(quote! {
        #[allow(dead_code)]
        impl #of {
            #(#constants)*
        }

        impl ::quorate_sdk::storage::Indexed for #of {
            const INDEXES: &'static [::quorate_sdk::abi::layout::FieldLayout] = &[#(
                ::quorate_sdk::abi::layout::FieldLayout {
                    name: #names,
                    ty: <#types as ::quorate_sdk::Data>::TYPE,
                }
            ),*];

            fn write_index(
                &self,
                index: usize,
                out: &mut ::quorate_sdk::prelude::Vec<u8>,
            ) {
                match index {
                    #(#numbers => ::quorate_sdk::Key::write(&self.#idents, out),)*
                    _ => ::core::panic!("there is no such index"),
                }
            }
        }
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
