//! Interfaces in Rust, for contracts that call the contract.

use std::collections::BTreeSet;

use abi::{Abi, Method, MethodKind, Type};

use crate::MADE;
use crate::names::{rust, rust_comment as comment, unique};
use crate::rust::{definition, ty};
use crate::types::Named;

/// What the SDK's prelude calls something else.
const TAKEN: &[&str] = &[
    "Address",
    "BTreeMap",
    "Box",
    "Call",
    "CallError",
    "Client",
    "Context",
    "Err",
    "Error",
    "Hash",
    "IndexedMap",
    "Item",
    "Map",
    "None",
    "Ok",
    "Option",
    "Result",
    "Self",
    "Set",
    "Some",
    "String",
    "ToOwned",
    "ToString",
    "Total",
    "Vec",
];

/// The file of a contract's interface.
pub fn interface(abi: &Abi) -> String {
    let mut named = Named::of(abi, TAKEN);
    let name = named.name(&abi.name);
    let mut text = format!(
        "//! {} {}, for contracts that call it. {MADE}\n#![allow(dead_code, unused_imports)]\n\n\
         use quorate_sdk::prelude::*;\nuse quorate_sdk::{{data, error, interface}};\n\n",
        abi.name, abi.version,
    );
    let is_error = |of: &Type| abi.methods.iter().any(|method| method.error.as_ref() == Some(of));
    for (of, name) in named.iter() {
        let mark = if is_error(of) { "#[error]\n" } else { "#[data]\n" };
        text.push_str(&definition(&named, of, name, mark));
    }
    let mut used = BTreeSet::new();
    let methods: Vec<String> = abi
        .methods
        .iter()
        .filter(|method| matches!(method.kind, MethodKind::Call | MethodKind::Query))
        .map(|method| signature(&named, method, &unique(&mut used, &rust(&method.name))))
        .collect();
    text.push_str(&format!(
        "{}#[interface]\npub trait {name} {{\n{}}}\n",
        comment("", &abi.docs),
        methods.join("\n"),
    ));
    text
}

fn signature(named: &Named, method: &Method, name: &str) -> String {
    let (mark, receiver) = match method.kind {
        MethodKind::Query => ("#[query]", "&self"),
        _ if method.payable => ("#[call(payable)]", "&mut self"),
        _ => ("#[call]", "&mut self"),
    };
    let mut used = BTreeSet::new();
    let mut parameters = vec![receiver.to_owned()];
    for parameter in &method.parameters {
        let name = unique(&mut used, &rust(&parameter.name));
        parameters.push(format!("{name}: {}", ty(named, &parameter.ty)));
    }
    let returns = ty(named, &method.returns);
    let returns = match &method.error {
        Some(error) => format!(" -> Result<{returns}, {}>", ty(named, error)),
        None if returns == "()" => String::new(),
        None => format!(" -> {returns}"),
    };
    let docs = comment("    ", &method.docs);
    format!("{docs}    {mark}\n    fn {name}({}){returns};\n", parameters.join(", "))
}
