//! Events: structs whose `#[topic]` fields are searched by, and whose other fields are data.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Error, Fields, Ident, ItemStruct, Result};

use abi::limits::EVENT_TOPIC_BYTES_MAX as TOPIC_MAX;

use crate::marks::{docs, literal, name_of, no_generics, take};

/// The item without its `#[topic]` marks, and its `Event` implementation.
pub fn expand(item: &mut ItemStruct) -> Result<TokenStream> {
    no_generics(&item.generics, "an event")?;
    let (mut topics, mut checks) = (Vec::new(), Vec::new());
    let mut data = Vec::new();
    let mut layouts = Vec::new();
    let fields = match &mut item.fields {
        Fields::Named(fields) => fields.named.iter_mut().collect(),
        Fields::Unit => Vec::new(),
        Fields::Unnamed(_) => {
            return Err(Error::new_spanned(item, "the fields of an event have names"));
        }
    };
    for field in fields {
        let indexed = take(&mut field.attrs, &["topic"])?.is_some();
        let Some(ident) = &field.ident else { continue };
        let (name, ty) = (name_of(ident), &field.ty);
        layouts.push(quote!(EventFieldLayout {
            name: #name,
            ty: <#ty as ::quorate_sdk::Data>::TYPE,
            indexed: #indexed,
        }));
        if indexed {
            topics.push(ident.clone());
            let message = format!("a topic has at most {TOPIC_MAX} bytes, and `{name}` has more");
            let bytes = quote!(<#ty as ::quorate_sdk::Data>::TYPE.bytes_min());
            checks.push(quote_spanned!(ty.span()=> assert!(#bytes <= #TOPIC_MAX, #message);));
        } else {
            data.push(ident.clone());
        }
    }
    let most = abi::limits::EVENT_INDEXED_MAX;
    if let Some(excess) = topics.get(most) {
        let message = format!("an event has at most {most} topics beside its selector");
        return Err(Error::new_spanned(excess, message));
    }
    let ident = &item.ident;
    let (name, docs) = (name_of(ident), docs(&item.attrs));
    let selector = literal(selector(ident));
    Ok(quote! {
        #item
        const _: () = {
            use ::quorate_sdk::abi::layout::*;
            #(#checks)*
            impl ::quorate_sdk::Event for #ident {
                const LAYOUT: EventLayout = EventLayout {
                    name: #name,
                    selector: #selector,
                    docs: #docs,
                    fields: &[#(#layouts),*],
                };

                fn write(&self, record: &mut ::quorate_sdk::Record) {
                    #(record.topic(&self.#topics);)*
                    #(record.data(&self.#data);)*
                }

                fn read(
                    topics: &[::quorate_sdk::prelude::Vec<u8>],
                    bytes: &[u8],
                ) -> ::core::option::Option<Self> {
                    #[allow(unused_mut)]
                    let mut __reading = ::quorate_sdk::Reading::of::<Self>(topics, bytes)?;
                    #(let #topics = __reading.topic()?;)*
                    #(let #data = __reading.data()?;)*
                    __reading.is_over().then_some(Self { #(#topics,)* #(#data,)* })
                }
            }
        };
    })
}

/// The first topic of the event.
pub fn selector(ident: &Ident) -> abi::Selector {
    abi::selector(&name_of(ident))
}
