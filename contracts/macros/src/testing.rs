//! Tests of contracts.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, ItemFn, Result, ReturnType, Visibility};

/// A test that runs a function natively and as WebAssembly.
pub fn expand(mut item: ItemFn) -> Result<TokenStream> {
    if item.sig.inputs.len() != 1 {
        let message = "a contract test takes one parameter: `chain: &mut TestChain`";
        return Err(Error::new_spanned(&item.sig, message));
    }
    if let Some(asynchronous) = item.sig.asyncness {
        return Err(Error::new_spanned(asynchronous, "a contract test is not async"));
    }
    if !matches!(item.sig.output, ReturnType::Default) {
        let message = "a contract test returns nothing: what must hold, it asserts";
        return Err(Error::new_spanned(&item.sig.output, message));
    }
    let attributes = std::mem::take(&mut item.attrs);
    let (visibility, ident) = (item.vis.clone(), item.sig.ident.clone());
    item.vis = Visibility::Inherited;
    Ok(quote! {
        #[test]
        #(#attributes)*
        #visibility fn #ident() {
            #item
            ::quorate_sdk::testing::natively_and_as_wasm(#ident)
        }
    })
}
