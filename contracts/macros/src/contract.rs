//! The module that is a contract.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Error, Ident, ImplItem, Item, ItemImpl, ItemMod, Result, Type, parse_quote};

use crate::marks::{distinct, docs, name_of, take};
use crate::method::{Kind, Method};
use crate::storage::Storage;
use crate::{client, data, event};

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
                    // The client names it, which tests and other contracts see.
                    structure.vis = parse_quote!(pub);
                    // Handles say nothing of what they lead to.
                    return Ok(quote!(#[allow(missing_debug_implementations)] #item));
                }
                let ident = structure.ident.clone();
                self.data(&mark, ident, &mut item)
            }
            Item::Enum(enumeration) => {
                let ident = enumeration.ident.clone();
                match take(&mut enumeration.attrs, &["error", "data"])? {
                    Some(mark) => self.data(&mark, ident, &mut item),
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

    fn data(&mut self, mark: &Attribute, ident: Ident, item: &mut Item) -> Result<TokenStream> {
        if !mark.path().is_ident("error") {
            return data::expand(item);
        }
        self.errors.push(ident);
        data::expand_error(item)
    }

    fn methods(&mut self, implementation: &mut ItemImpl) -> Result<()> {
        for item in &mut implementation.items {
            if let ImplItem::Fn(function) = item
                && let Some(method) = Method::read(&mut function.attrs, &function.sig)?
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
        let client = client::name(ident);
        let about = format!("Calls to the contract `{name}`.");
        let client_item = client::client(&parse_quote!(pub), &client, &about, &self.methods);
        let migrates = self.methods.iter().any(|method| method.kind == Kind::Migrate);
        let migrate = migrates.then(|| quote!(migrate));
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

                    #[cfg(not(target_arch = "wasm32"))]
                    const DIRECTORY: &'static str = ::core::env!("CARGO_MANIFEST_DIR");

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

            #client_item

            impl ::quorate_sdk::ContractClient for #client {
                type Contract = #ident;
            }

            ::quorate_sdk::entry_points!(#ident #migrate);
        })
    }

    fn check(&self, module: &Ident) -> Result<()> {
        distinct("methods", self.methods.iter().map(|method| (&method.ident, method.selector())))?;
        distinct("events", self.events.iter().map(|ident| (ident, event::selector(ident))))?;
        let of = |kind| self.methods.iter().filter(move |method| method.kind == kind);
        if let Some(second) = of(Kind::Migrate).nth(1) {
            let message = "a contract has one `#[migrate]` method only, to its own state version";
            return Err(Error::new(second.ident.span(), message));
        }
        let inits: Vec<_> = of(Kind::Init).collect();
        match inits.as_slice() {
            [_] => Ok(()),
            [] => Err(Error::new(module.span(), "a contract has one `#[init]` method")),
            [_, second, ..] => {
                Err(Error::new(second.ident.span(), "a contract has one `#[init]` method only"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    /// The module is refused with a message that contains `expected`.
    fn check(expected: &str, module: ItemMod) {
        let error = expand(module, 1).expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
    }

    /// A contract with these methods.
    fn with(methods: &TokenStream) -> ItemMod {
        parse_quote! {
            mod sample {
                #[storage]
                struct Sample {}
                impl Sample {
                    #[init]
                    fn new(&mut self) {}
                    #methods
                }
            }
        }
    }

    #[test]
    fn a_plain_contract_is_accepted() {
        let expanded = expand(
            with(&quote!(
                #[call]
                fn touch(&mut self) {}
            )),
            1,
        );
        assert!(expanded.is_ok(), "{expanded:?}");
    }

    /// The two names were found by trying some tens of thousands.
    #[test]
    fn selectors_that_collide_are_refused() {
        assert_eq!(abi::selector("method_21314"), abi::selector("method_73057"));
        let methods = quote! {
            #[call] fn method_21314(&mut self) {}
            #[query] fn method_73057(&self) {}
        };
        check("`method_21314` and `method_73057` have the same selector", with(&methods));
    }

    #[test]
    fn methods_of_the_wrong_shape_are_refused() {
        let check = |expected: &str, methods: TokenStream| check(expected, with(&methods));
        check(
            "may not write",
            quote!(
                #[query]
                fn get(&mut self) {}
            ),
        );
        check(
            "takes `&mut self` or `&self`",
            quote!(
                #[call]
                fn touch() {}
            ),
        );
        check(
            "takes `&mut self` or `&self`",
            quote!(
                #[call]
                fn touch(self) {}
            ),
        );
        check(
            "takes nothing",
            quote!(
                #[query(payable)]
                fn get(&self) {}
            ),
        );
        check(
            "`payable`, `reentrant` or both",
            quote!(
                #[call(free)]
                fn touch(&mut self) {}
            ),
        );
        check(
            "one mark only",
            quote!(
                #[call]
                #[query]
                fn get(&self) {}
            ),
        );
        check(
            "one `#[init]` method only",
            quote!(
                #[init]
                fn again(&mut self) {}
            ),
        );
        check(
            "no type parameters",
            quote!(
                #[call]
                fn put<T>(&mut self, value: T) {}
            ),
        );
        check(
            "has a name",
            quote!(
                #[call]
                fn put(&mut self, (a, b): (u8, u8)) {}
            ),
        );
        check(
            "two methods called `a`",
            quote!(
                #[call]
                fn a(&self) {}
                #[query]
                fn a(&self) {}
            ),
        );
    }

    #[test]
    fn modules_that_lack_something_are_refused() {
        check(
            "has a `#[storage]` struct",
            parse_quote!(
                mod sample {}
            ),
        );
        check(
            "one `#[init]` method",
            parse_quote!(
                mod sample {
                    #[storage]
                    struct Sample {}
                }
            ),
        );
        check(
            "stands in this file",
            parse_quote!(
                mod sample;
            ),
        );
        check(
            "one storage",
            parse_quote!(
                mod sample {
                    #[storage]
                    struct A {}
                    #[storage]
                    struct B {}
                }
            ),
        );
        check(
            "have names",
            parse_quote!(
                mod sample {
                    #[storage]
                    struct A(Item<u8>);
                }
            ),
        );
        check(
            "in an `impl` of the storage",
            parse_quote! {
                mod sample {
                    #[storage]
                    struct A {}
                    struct B {}
                    impl B { #[call] fn touch(&self) {} }
                }
            },
        );
    }

    #[test]
    fn a_fourth_topic_is_refused() {
        let module = parse_quote! {
            mod sample {
                #[event]
                struct Wide {
                    #[topic] a: u8,
                    #[topic] b: u8,
                    #[topic] c: u8,
                    #[topic] d: u8,
                }
            }
        };
        check("at most 3 topics", module);
    }
}
