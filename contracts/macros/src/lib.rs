//! The macros of the contract SDK; `quorate-sdk` re-exports and documents them.
//!
//! [`macro@contract`] reads a module, collects what its attributes mark, and adds three things to
//! it: storage handles made from the field names, a dispatcher from selectors to methods, and the
//! contract's description as a constant that goes into a custom section of the module. All checks
//! that need only names are made here, with the span of the offending item: selectors that collide,
//! methods of the wrong shape, too many topics. What needs types is left to the traits of the SDK.

mod client;
mod contract;
mod data;
mod event;
mod marks;
mod method;
mod storage;
mod testing;

use proc_macro::TokenStream;
use quote::quote;

/// Makes a module into a contract. See the documentation of `quorate-sdk`.
///
/// `#[contract(state_version = 2)]` states that what is stored has changed its meaning.
#[proc_macro_attribute]
pub fn contract(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let mut state_version = 1_u32;
    let parser = syn::meta::parser(|meta| {
        if meta.path.is_ident("state_version") {
            state_version = meta.value()?.parse::<syn::LitInt>()?.base10_parse()?;
            return Ok(());
        }
        Err(meta.error("expected `state_version = …`"))
    });
    syn::parse_macro_input!(attribute with parser);
    let module = syn::parse_macro_input!(item as syn::ItemMod);
    contract::expand(module, state_version).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a struct or an enum usable in parameters, results, events and storage: its canonical
/// encoding and its description in the ABI.
#[proc_macro_attribute]
pub fn data(attribute: TokenStream, item: TokenStream) -> TokenStream {
    syn::parse_macro_input!(attribute as syn::parse::Nothing);
    let mut item = syn::parse_macro_input!(item as syn::Item);
    data::expand(&mut item).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a struct or an enum the `E` of a method's `Result<T, E>`: what `#[data]` does, and the
/// right to refuse with it. In the module of a contract, `#[error]` also lists it in the description.
#[proc_macro_attribute]
pub fn error(attribute: TokenStream, item: TokenStream) -> TokenStream {
    syn::parse_macro_input!(attribute as syn::parse::Nothing);
    let mut item = syn::parse_macro_input!(item as syn::Item);
    data::expand_error(&mut item).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a client of a trait that describes another contract: `TokenClient` of `trait Token`. The
/// methods bear the marks that they have in the contract.
#[proc_macro_attribute]
pub fn interface(attribute: TokenStream, item: TokenStream) -> TokenStream {
    syn::parse_macro_input!(attribute as syn::parse::Nothing);
    let item = syn::parse_macro_input!(item as syn::ItemTrait);
    client::interface(item).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a test of `fn name(chain: &mut TestChain)`, whose body runs twice: with the contracts run
/// natively, then as WebAssembly. See `quorate_sdk::testing`.
#[proc_macro_attribute]
pub fn contract_test(attribute: TokenStream, item: TokenStream) -> TokenStream {
    syn::parse_macro_input!(attribute as syn::parse::Nothing);
    let item = syn::parse_macro_input!(item as syn::ItemFn);
    testing::expand(item).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// The selector of a method, for calls to other contracts: `selector!("transfer")`.
#[proc_macro]
pub fn selector(name: TokenStream) -> TokenStream {
    let name = syn::parse_macro_input!(name as syn::LitStr);
    let [a, b, c, d] = abi::selector(&name.value());
    quote!([#a, #b, #c, #d]).into()
}
