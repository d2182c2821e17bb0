//! Methods: what `#[init]`, `#[call]`, `#[query]` and `#[migrate]` mark.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, FnArg, Ident, Meta, Pat, Result, ReturnType, Signature, Type, TypeReference,
};

use crate::marks::{docs, literal, name_of, no_generics, take};

/// A method that can be called from outside.
pub struct Method {
    pub ident: Ident,
    pub kind: Kind,
    payable: bool,
    reentrant: bool,
    pub docs: String,
    parameters: Vec<Parameter>,
    pub returns: Type,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Init,
    Call,
    Query,
    Migrate,
}

enum Parameter {
    /// `cx: &Context`, which the SDK fills in.
    Context,
    Argument(Ident, Type),
}

impl Method {
    /// `None` when the function bears no mark. Takes the mark off.
    pub fn read(attributes: &mut Vec<Attribute>, signature: &Signature) -> Result<Option<Self>> {
        let Some(mark) = take(attributes, &["init", "call", "query", "migrate"])? else {
            return Ok(None);
        };
        let kind = match mark.path() {
            path if path.is_ident("init") => Kind::Init,
            path if path.is_ident("call") => Kind::Call,
            path if path.is_ident("migrate") => Kind::Migrate,
            _ => Kind::Query,
        };
        let (payable, reentrant) = flags(&mark, kind)?;
        if matches!(kind, Kind::Init | Kind::Migrate) {
            // `fn new(&mut self)` is how a contract begins, whatever `new` means elsewhere.
            let lints = quote!(clippy::new_ret_no_self, clippy::wrong_self_convention);
            attributes.push(syn::parse_quote!(#[allow(#lints)]));
        }
        no_generics(&signature.generics, "a contract's method")?;
        let mut inputs = signature.inputs.iter();
        receiver(inputs.next(), kind, signature)?;
        let parameters = inputs.map(parameter).collect::<Result<Vec<_>>>()?;
        let arguments = parameters.iter().filter(|p| matches!(p, Parameter::Argument(..))).count();
        let most = abi::limits::PARAMETERS_MAX;
        if arguments > most {
            let message = format!("a method has at most {most} parameters");
            return Err(Error::new_spanned(&signature.inputs, message));
        }
        let returns = match &signature.output {
            ReturnType::Default => syn::parse_quote!(()),
            ReturnType::Type(_, ty) => (**ty).clone(),
        };
        let docs = docs(attributes);
        let ident = signature.ident.clone();
        Ok(Some(Self { ident, kind, payable, reentrant, docs, parameters, returns }))
    }

    pub fn selector(&self) -> abi::Selector {
        abi::selector(&name_of(&self.ident))
    }

    pub fn selector_literal(&self) -> impl ToTokens {
        literal(self.selector())
    }

    /// The method's `MethodLayout`.
    pub fn layout(&self) -> TokenStream {
        let Self { payable, reentrant, docs, returns, .. } = self;
        let (name, selector, kind) = (name_of(&self.ident), literal(self.selector()), self.kind());
        let parameters = self.arguments().map(|(ident, ty)| {
            let name = name_of(ident);
            quote!(FieldLayout { name: #name, ty: <#ty as ::quorate_sdk::Data>::TYPE })
        });
        quote!(MethodLayout {
            name: #name,
            selector: #selector,
            kind: #kind,
            payable: #payable,
            reentrant: #reentrant,
            docs: #docs,
            parameters: &[#(#parameters),*],
            returns: <#returns as ::quorate_sdk::Answer>::RETURNS,
            error: <#returns as ::quorate_sdk::Answer>::ERROR,
        })
    }

    /// The arm of the dispatcher that decodes the arguments and calls the method.
    pub fn arm(&self, storage: &Ident, handles: &TokenStream) -> TokenStream {
        let (ident, selector, kind) = (&self.ident, literal(self.selector()), self.kind());
        let reads = self.arguments().map(|(ident, ty)| {
            let name = name_of(ident);
            quote!(let #ident: #ty = input.argument(#name);)
        });
        let passed = self.parameters.iter().map(|parameter| match parameter {
            Parameter::Context => quote!(&::quorate_sdk::Context::load()),
            Parameter::Argument(ident, _) => quote!(#ident),
        });
        quote! {
            (#kind, #selector) => {
                #(#reads)*
                input.finish();
                #[allow(unused_mut)]
                let mut storage = #handles;
                let answer = #storage::#ident(&mut storage, #(#passed),*);
                ::core::option::Option::Some(::quorate_sdk::Answer::into_output(answer))
            }
        }
    }

    fn kind(&self) -> TokenStream {
        match self.kind {
            Kind::Init => quote!(::quorate_sdk::abi::MethodKind::Init),
            Kind::Call => quote!(::quorate_sdk::abi::MethodKind::Call),
            Kind::Query => quote!(::quorate_sdk::abi::MethodKind::Query),
            Kind::Migrate => quote!(::quorate_sdk::abi::MethodKind::Migrate),
        }
    }

    pub fn arguments(&self) -> impl Iterator<Item = (&Ident, &Type)> {
        self.parameters.iter().filter_map(|parameter| match parameter {
            Parameter::Context => None,
            Parameter::Argument(ident, ty) => Some((ident, ty)),
        })
    }
}

/// `payable` and `reentrant` of a mark.
fn flags(mark: &Attribute, kind: Kind) -> Result<(bool, bool)> {
    let (mut payable, mut reentrant) = (false, false);
    if matches!(mark.meta, Meta::Path(_)) {
        return Ok((payable, reentrant));
    }
    mark.parse_nested_meta(|meta| {
        if meta.path.is_ident("payable") && kind != Kind::Query {
            payable = true;
            return Ok(());
        }
        if meta.path.is_ident("reentrant") && kind == Kind::Call {
            reentrant = true;
            return Ok(());
        }
        Err(meta.error(match kind {
            Kind::Init => "`#[init]` may be `payable`, and nothing else",
            Kind::Call => "`#[call]` may be `payable`, `reentrant` or both",
            Kind::Query => "`#[query]` takes nothing: it moves no value and changes nothing",
            Kind::Migrate => "`#[migrate]` takes nothing: it moves no value and is never nested",
        }))
    })?;
    Ok((payable, reentrant))
}

fn receiver(first: Option<&FnArg>, kind: Kind, signature: &Signature) -> Result<()> {
    let wanted = match kind {
        Kind::Query => "`#[query]` takes `&self`, since it may not write",
        Kind::Migrate => "`#[migrate]` takes `&mut self`, since it is there to write",
        Kind::Init | Kind::Call => "a method takes `&mut self` or `&self`",
    };
    match first {
        Some(FnArg::Receiver(receiver)) if receiver.reference.is_some() => {
            let is_mutable = receiver.mutability.is_some();
            match kind {
                Kind::Query if is_mutable => Err(Error::new_spanned(receiver, wanted)),
                Kind::Migrate if !is_mutable => Err(Error::new_spanned(receiver, wanted)),
                _ => Ok(()),
            }
        }
        Some(other) => Err(Error::new_spanned(other, wanted)),
        None => Err(Error::new(signature.ident.span(), wanted)),
    }
}

fn parameter(input: &FnArg) -> Result<Parameter> {
    let FnArg::Typed(typed) = input else {
        return Err(Error::new_spanned(input, "`self` comes first"));
    };
    if is_context(&typed.ty) {
        return Ok(Parameter::Context);
    }
    match &*typed.pat {
        Pat::Ident(pattern) => Ok(Parameter::Argument(pattern.ident.clone(), (*typed.ty).clone())),
        pattern => Err(Error::new(pattern.span(), "a parameter has a name, for those who call")),
    }
}

fn is_context(ty: &Type) -> bool {
    let Type::Reference(TypeReference { elem, mutability: None, .. }) = ty else {
        return false;
    };
    match &**elem {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "Context"),
        _ => false,
    }
}
