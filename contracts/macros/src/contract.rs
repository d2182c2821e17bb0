//! The module that is a contract.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Error, Ident, ImplItem, Item, ItemImpl, ItemMod, Result, Type};

use crate::marks::{distinct, docs, name_of, take};
use crate::method::{Kind, Method};
use crate::storage::Storage;
use crate::{data, event};

/// What the attributes of a module's items mark.
#[derive(Default)]
struct Found {
    storage: Option<Storage>,
    methods: Vec<Method>,
    events: Vec<Ident>,
    errors: Vec<Ident>,
}

/// The module with its marks taken off, and the generated parts added.
pub fn expand(module: ItemMod, state_version: u32) -> Result<TokenStream> {
    let ItemMod { attrs, vis, ident, content, .. } = module;
    let Some((_, items)) = content else {
        return Err(Error::new(ident.span(), "a contract's module stands in this file"));
    };
    let mut found = Found::default();
    let mut body = TokenStream::new();
    for item in items {
        body.extend(found.read(item)?);
    }
    let generated = found.generate(&ident, &attrs, state_version)?;
    Ok(quote! {
        #(#attrs)*
        // Only the compiled contract is entered from outside.
        #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
        #vis mod #ident {
            #[allow(unused_imports)]
            use ::quorate_sdk::prelude::*;
            #body
            #generated
        }
    })
}

impl Found {
    fn read(&mut self, mut item: Item) -> Result<TokenStream> {
        match &mut item {
            Item::Struct(structure) => {
                let Some(mark) =
                    take(&mut structure.attrs, &["storage", "event", "error", "data"])?
                else {
                    return Ok(item.into_token_stream());
                };
                if mark.path().is_ident("event") {
                    self.events.push(structure.ident.clone());
                    return event::expand(structure);
                }
                if mark.path().is_ident("storage") {
                    if self.storage.is_some() {
                        return Err(Error::new_spanned(mark, "a contract has one storage"));
                    }
                    self.storage = Some(Storage::read(structure)?);
                    return Ok(item.into_token_stream());
                }
                let ident = structure.ident.clone();
                self.data(&mark, ident, &item)
            }
            Item::Enum(enumeration) => {
                let ident = enumeration.ident.clone();
                match take(&mut enumeration.attrs, &["error", "data"])? {
                    Some(mark) => self.data(&mark, ident, &item),
                    None => Ok(item.into_token_stream()),
                }
            }
            Item::Impl(implementation) if implementation.trait_.is_none() => {
                self.methods(implementation)?;
                Ok(item.into_token_stream())
            }
            _ => Ok(item.into_token_stream()),
        }
    }

    fn data(&mut self, mark: &Attribute, ident: Ident, item: &Item) -> Result<TokenStream> {
        let mut tokens = data::expand(item)?;
        if mark.path().is_ident("error") {
            tokens.extend(quote!(impl ::quorate_sdk::ContractError for #ident {}));
            self.errors.push(ident);
        }
        Ok(tokens)
    }

    fn methods(&mut self, implementation: &mut ItemImpl) -> Result<()> {
        for item in &mut implementation.items {
            if let ImplItem::Fn(function) = item
                && let Some(method) = Method::read(function)?
            {
                let of = match &*implementation.self_ty {
                    Type::Path(path) => path.path.get_ident(),
                    _ => None,
                };
                if of.is_none() || of != self.storage.as_ref().map(|storage| &storage.ident) {
                    let message = "methods stand in an `impl` of the storage, below it";
                    return Err(Error::new(method.ident.span(), message));
                }
                self.methods.push(method);
            }
        }
        Ok(())
    }

    fn generate(
        &self,
        module: &Ident,
        attributes: &[Attribute],
        state_version: u32,
    ) -> Result<TokenStream> {
        let Some(storage) = &self.storage else {
            let message = "a contract has a `#[storage]` struct, if only an empty one";
            return Err(Error::new(module.span(), message));
        };
        self.check(module)?;
        let ident = &storage.ident;
        let (name, docs) = (name_of(module), docs(attributes));
        let methods = self.methods.iter().map(Method::layout);
        let layouts = storage.layouts();
        let (events, errors) = (&self.events, &self.errors);
        let handles = storage.handles();
        let arms = self.methods.iter().map(|method| method.arm(ident, &handles));
        Ok(quote! {
            const _: () = {
                use ::quorate_sdk::abi::layout::*;
                impl ::quorate_sdk::Contract for #ident {
                    const LAYOUT: ContractLayout = ContractLayout {
                        name: #name,
                        version: ::core::env!("CARGO_PKG_VERSION"),
                        docs: #docs,
                        state_version: #state_version,
                        methods: &[#(#methods),*],
                        events: &[#(<#events as ::quorate_sdk::Event>::LAYOUT),*],
                        errors: &[#(<#errors as ::quorate_sdk::Data>::TYPE),*],
                        storage: &[#(#layouts),*],
                    };

                    fn dispatch(
                        kind: ::quorate_sdk::abi::MethodKind,
                        selector: ::quorate_sdk::abi::Selector,
                        input: &mut ::quorate_sdk::Input<'_>,
                    ) -> ::core::option::Option<::quorate_sdk::Output> {
                        match (kind, selector) {
                            #(#arms)*
                            _ => ::core::option::Option::None,
                        }
                    }
                }
            };

            /// The contract's description as it stands in the compiled module.
            pub const ABI: [u8; ::quorate_sdk::abi::layout::encoded_len(
                &<#ident as ::quorate_sdk::Contract>::LAYOUT,
            )] = ::quorate_sdk::abi::layout::encode(
                &<#ident as ::quorate_sdk::Contract>::LAYOUT,
            );

            ::quorate_sdk::entry_points!(#ident);
        })
    }

    fn check(&self, module: &Ident) -> Result<()> {
        distinct("methods", self.methods.iter().map(|method| (&method.ident, method.selector())))?;
        distinct("events", self.events.iter().map(|ident| (ident, event::selector(ident))))?;
        let inits: Vec<_> =
            self.methods.iter().filter(|method| method.kind == Kind::Init).collect();
        match inits.as_slice() {
            [_] => Ok(()),
            [] => Err(Error::new(module.span(), "a contract has one `#[init]` method")),
            [_, second, ..] => {
                Err(Error::new(second.ident.span(), "a contract has one `#[init]` method only"))
            }
        }
    }
}
