//! The attributes that mark items of a contract.

use quote::ToTokens;
use syn::{Attribute, Error, Expr, ExprLit, Ident, Lit, Meta, Result};

/// Takes the first of the attributes `names` off an item. Two of them are an error.
pub fn take(attributes: &mut Vec<Attribute>, names: &[&str]) -> Result<Option<Attribute>> {
    let is_mark = |attribute: &Attribute| names.iter().any(|name| attribute.path().is_ident(name));
    let Some(at) = attributes.iter().position(is_mark) else {
        return Ok(None);
    };
    let mark = attributes.remove(at);
    match attributes.iter().find(|attribute| is_mark(attribute)) {
        Some(second) => Err(Error::new_spanned(second, "an item has one mark only")),
        None => Ok(Some(mark)),
    }
}

/// The documentation comment, one line for each of its lines.
pub fn docs(attributes: &[Attribute]) -> String {
    let mut lines = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
        if let Meta::NameValue(pair) = &attribute.meta
            && let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value
        {
            lines.extend(text.value().split('\n').map(|line| line.trim().to_owned()));
        }
    }
    lines.join("\n").trim().to_owned()
}

/// The name of an identifier, without the `r#` of a raw one.
pub fn name_of(ident: &Ident) -> String {
    use syn::ext::IdentExt;
    ident.unraw().to_string()
}

/// Refuses type parameters and lifetimes.
pub fn no_generics(generics: &syn::Generics, what: &str) -> Result<()> {
    if generics.params.is_empty() {
        return Ok(());
    }
    Err(Error::new_spanned(generics, format!("{what} has no type parameters or lifetimes")))
}

/// Refuses two of the same selector, at the later one.
pub fn distinct<'a>(
    what: &str,
    named: impl Iterator<Item = (&'a Ident, abi::Selector)>,
) -> Result<()> {
    let mut seen: Vec<(&Ident, abi::Selector)> = Vec::new();
    for (ident, selector) in named {
        if let Some((first, _)) = seen.iter().find(|(_, other)| *other == selector) {
            let message = if *first == ident {
                format!("there are two {what} called `{ident}`")
            } else {
                format!("the {what} `{first}` and `{ident}` have the same selector; rename one")
            };
            return Err(Error::new_spanned(ident, message));
        }
        seen.push((ident, selector));
    }
    Ok(())
}

/// A selector as an array literal.
pub fn literal(selector: abi::Selector) -> impl ToTokens {
    let [a, b, c, d] = selector;
    quote::quote!([#a, #b, #c, #d])
}
