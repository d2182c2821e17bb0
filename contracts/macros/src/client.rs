//! Clients: structs whose methods make calls to a contract.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Error, Ident, ItemTrait, Result, TraitItem, Visibility};

use crate::marks::{distinct, docs, no_generics};
use crate::method::{Kind, Method};

/// The name of the client of a storage struct or an interface.
pub fn name(of: &Ident) -> Ident {
    format_ident!("{of}Client")
}

/// A client with one method for each of a contract.
pub fn client(
    visibility: &Visibility,
    client: &Ident,
    docs: &str,
    methods: &[Method],
) -> TokenStream {
    let stubs = methods.iter().map(stub);
    quote! {
        #[doc = #docs]
        #[allow(dead_code)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #visibility struct #client {
            address: ::quorate_sdk::Address,
        }

        impl ::quorate_sdk::Client for #client {
            fn at(address: ::quorate_sdk::Address) -> Self {
                Self { address }
            }

            fn address(&self) -> ::quorate_sdk::Address {
                self.address
            }
        }

        #[allow(
            dead_code,
            private_interfaces,
            clippy::new_ret_no_self,
            clippy::should_implement_trait,
            clippy::too_many_arguments,
            clippy::wrong_self_convention
        )]
        impl #client {
            #(#stubs)*
        }
    }
}

fn stub(method: &Method) -> TokenStream {
    let ident = &method.ident;
    let (docs, returns, selector) = (&method.docs, &method.returns, method.selector_literal());
    let (names, types): (Vec<_>, Vec<_>) = method.arguments().unzip();
    let error = quote!(<#returns as ::quorate_sdk::Answer>::Error);
    let arguments = quote!(#(.argument(&#names))*);
    match method.kind {
        Kind::Init => quote! {
            #[doc = #docs]
            pub fn #ident(#(#names: #types),*) -> ::quorate_sdk::Instantiate<Self, #error> {
                ::quorate_sdk::Instantiate::new(#selector)#arguments
            }
        },
        Kind::Migrate => quote! {
            #[doc = #docs]
            pub fn #ident(#(#names: #types),*) -> ::quorate_sdk::Upgrade<Self, #error> {
                ::quorate_sdk::Upgrade::new(#selector)#arguments
            }
        },
        Kind::Call | Kind::Query => {
            let read_only = (method.kind == Kind::Query).then(|| quote!(.read_only()));
            let value = quote!(<#returns as ::quorate_sdk::Answer>::Value);
            quote! {
                #[doc = #docs]
                pub fn #ident(
                    &self,
                    #(#names: #types),*
                ) -> ::quorate_sdk::call::Call<#value, #error> {
                    ::quorate_sdk::call::Call::new(self.address, #selector)#arguments #read_only
                }
            }
        }
    }
}

/// The client in place of a trait that describes a contract.
pub fn interface(mut item: ItemTrait) -> Result<TokenStream> {
    no_generics(&item.generics, "an interface")?;
    let mut methods = Vec::new();
    for item in &mut item.items {
        let TraitItem::Fn(function) = item else {
            return Err(Error::new_spanned(item, "an interface has methods and nothing else"));
        };
        if let Some(body) = &function.default {
            let message = "an interface has no bodies; end the method with `;`";
            return Err(Error::new_spanned(body, message));
        }
        let method = Method::read(&mut function.attrs, &function.sig)?;
        methods.push(method.ok_or_else(|| {
            let message = "mark the method with `#[call]` or `#[query]`, as the contract does";
            Error::new_spanned(&function.sig.ident, message)
        })?);
    }
    distinct("methods", methods.iter().map(|method| (&method.ident, method.selector())))?;
    Ok(client(&item.vis, &name(&item.ident), &docs(&item.attrs), &methods))
}
