//! Clients in Rust, for applications.

use std::collections::BTreeSet;

use abi::{Abi, Event, Field, Method, MethodKind, Selector, Type, Variant};

use crate::MADE;
use crate::names::{rust, rust_comment as comment, unique};
use crate::types::{Named, are_positional};

/// What a client stands on.
pub const RUNTIME: &str = include_str!("../runtime/quorate.rs");

/// What the runtime and the prelude call something else.
const TAKEN: &[&str] = &[
    "Action",
    "Address",
    "Amount",
    "BTreeMap",
    "BorshDeserialize",
    "BorshSerialize",
    "Box",
    "CallError",
    "Client",
    "Err",
    "Error",
    "Gas",
    "Hash",
    "Never",
    "None",
    "Ok",
    "Option",
    "ReceiptView",
    "Result",
    "Self",
    "Sender",
    "Sent",
    "Some",
    "String",
    "Vec",
];

/// Functions of the client that are no methods of the contract.
const MEMBERS: &[&str] = &["deploy", "events"];

/// Parameters of the client's functions that are not the contract's.
const PARAMETERS: &[&str] = &["client", "sender", "code", "salt", "value", "input"];

/// The file of a contract's client.
pub fn client(abi: &Abi) -> String {
    let mut named = Named::of(abi, TAKEN);
    let client = named.name(&abi.name);
    let events: Vec<(&Event, String)> =
        abi.events.iter().map(|event| (event, named.name(&event.name))).collect();
    let event_type = named.name(&format!("{client}Event"));
    let mut text = format!(
        "//! {} {}. {MADE}\n#![allow(dead_code, non_snake_case, unused_imports, clippy::all)]\n\n\
         use std::collections::BTreeMap;\n\n\
         use borsh::{{BorshDeserialize, BorshSerialize}};\n\
         use quorate_rpc::types::ReceiptView;\n\n\
         use super::quorate::{{self, Address, Amount, CallError, Client, Hash, Never, Sender, Sent}};\n\n",
        abi.name, abi.version,
    );
    let derive = "#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]\n";
    for (ty, name) in named.iter() {
        text.push_str(&definition(&named, ty, name, derive));
    }
    for (event, name) in &events {
        text.push_str(&event_of(&named, event, name));
    }
    text.push_str(&union(&events, &event_type));
    text.push_str(&format!(
        "{}#[derive(Clone, Debug)]\npub struct {client} {{\n    pub client: Client,\n    \
         pub address: Address,\n}}\n\nimpl {client} {{\n",
        comment("", &abi.docs)
    ));
    text.push_str(&deploy(abi, &named));
    let mut used: BTreeSet<String> = MEMBERS.iter().map(|&name| name.to_owned()).collect();
    for method in &abi.methods {
        if matches!(method.kind, MethodKind::Call | MethodKind::Query) {
            text.push_str(&member(&named, method, &unique(&mut used, &rust(&method.name))));
        }
    }
    text.push_str(&format!(
        "\n    /// This contract's events in a receipt.\n    \
         pub fn events(&self, receipt: &ReceiptView) -> Vec<{event_type}> {{\n        \
         let decode = |event| {event_type}::decode(self.address, event);\n        \
         receipt.events.iter().filter_map(decode).collect()\n    }}\n}}\n\n\
         /// The contract's description, in its encoding.\n\
         const ABI: &[u8] = &[\n{}];\n",
        byte_lines(&abi.encode()),
    ));
    text
}

fn byte_lines(bytes: &[u8]) -> String {
    let line = |bytes: &[u8]| {
        let digits: Vec<_> = bytes.iter().map(ToString::to_string).collect();
        format!("    {},\n", digits.join(", "))
    };
    bytes.chunks(18).map(line).collect()
}

fn selector(selector: Selector) -> String {
    format!("{selector:?}")
}

fn deploy(abi: &Abi, named: &Named) -> String {
    let constructor = abi.methods_of(MethodKind::Init).next();
    let docs = constructor.map_or("", |method| method.docs.as_str()).trim();
    let docs = format!("Makes a contract of stored code.\n\n{docs}");
    let (parameters, puts) = constructor.map_or_else(Default::default, |m| parameters(named, m));
    let input = match constructor {
        Some(method) => format!("{}.to_vec()", selector(method.selector)),
        None => "Vec::new()".to_owned(),
    };
    let mutable = if puts.is_empty() { "" } else { "mut " };
    let error = constructor.map_or("Never".to_owned(), |method| error(named, method));
    let payable = constructor.is_some_and(|method| method.payable);
    let (parameter, value) = value(payable);
    format!(
        "{}    pub async fn deploy(\n        client: &Client,\n        sender: &Sender,\n        \
         code: Hash,\n        salt: &[u8],\n{parameters}{parameter}    \
         ) -> Result<Self, CallError<{error}>> {{\n        let {mutable}input = {input};\n{puts}        \
         let address = client.instantiate(sender, code, salt, input, {value}).await?;\n        \
         Ok(Self {{ client: client.clone(), address }})\n    }}\n",
        comment("    ", docs.trim_end()),
    )
}

/// The parameter of a method that takes native units, and what is sent along.
fn value(payable: bool) -> (&'static str, &'static str) {
    if payable { ("        value: Amount,\n", "value") } else { ("", "Amount::ZERO") }
}

fn member(named: &Named, method: &Method, name: &str) -> String {
    let (parameters, puts) = parameters(named, method);
    let (returns, error) = (ty(named, &method.returns), error(named, method));
    let mutable = if puts.is_empty() { "" } else { "mut " };
    let input =
        format!("        let {mutable}input = {}.to_vec();\n{puts}", selector(method.selector));
    let docs = comment("    ", &method.docs);
    if method.kind == MethodKind::Query {
        return format!(
            "\n{docs}    pub async fn {name}(\n        &self,\n{parameters}    \
             ) -> Result<{returns}, CallError<{error}>> {{\n{input}        \
             self.client.query(self.address, ABI, &input).await\n    }}\n"
        );
    }
    let (parameter, value) = value(method.payable);
    format!(
        "\n{docs}    pub async fn {name}(\n        &self,\n        sender: &Sender,\n{parameters}{parameter}    \
         ) -> Result<Sent<{returns}>, CallError<{error}>> {{\n{input}        \
         self.client.call(sender, self.address, input, {value}).await\n    }}\n"
    )
}

/// The parameters of a function, and the lines that put them into its input.
fn parameters(named: &Named, method: &Method) -> (String, String) {
    let mut used: BTreeSet<String> = PARAMETERS.iter().map(|&name| name.to_owned()).collect();
    let (mut parameters, mut puts) = (String::new(), String::new());
    for parameter in &method.parameters {
        let name = unique(&mut used, &rust(&parameter.name));
        parameters.push_str(&format!("        {name}: &{},\n", ty(named, &parameter.ty)));
        puts.push_str(&format!("        quorate::put(&mut input, {name});\n"));
    }
    (parameters, puts)
}

fn error(named: &Named, method: &Method) -> String {
    method.error.as_ref().map_or("Never".to_owned(), |error| ty(named, error))
}

fn event_of(named: &Named, event: &Event, name: &str) -> String {
    let mut used = BTreeSet::new();
    let (mut fields, mut reads) = (String::new(), String::new());
    for field in &event.fields {
        let own = unique(&mut used, &rust(&field.name));
        fields.push_str(&format!("    pub {own}: {},\n", ty(named, &field.ty)));
        let read = if field.indexed { "topic(&mut topics)" } else { "field(&mut data)" };
        reads.push_str(&format!("            {own}: quorate::{read}?,\n"));
    }
    format!(
        "{}#[derive(Clone, Debug, PartialEq, Eq)]\npub struct {name} {{\n{fields}}}\n\n\
         impl {name} {{\n    /// The event, if it is one of this contract.\n    \
         pub fn decode(of: Address, event: &quorate_rpc::types::EventView) -> Option<Self> {{\n        \
         #[allow(unused_mut)]\n        \
         let (mut topics, mut data) = quorate::parts(event, of, {})?;\n        \
         let decoded = Self {{\n{reads}        }};\n        \
         (topics.is_empty() && data.is_empty()).then_some(decoded)\n    }}\n}}\n\n",
        comment("", &event.docs),
        selector(event.selector),
    )
}

/// The events as one enum.
fn union(events: &[(&Event, String)], name: &str) -> String {
    let variants: String =
        events.iter().map(|(_, name)| format!("    {name}({name}),\n")).collect();
    let decodes = events.iter().map(|(_, event)| {
        format!("        .or_else(|| {event}::decode(of, event).map(Self::{event}))\n")
    });
    let decodes: String = decodes.collect();
    format!(
        "/// What it emits.\n#[derive(Clone, Debug, PartialEq, Eq)]\npub enum {name} {{\n{variants}}}\n\n\
         impl {name} {{\n    #[allow(unused_variables)]\n    \
         fn decode(of: Address, event: &quorate_rpc::types::EventView) -> Option<Self> {{\n        \
         None\n{decodes}    }}\n}}\n\n"
    )
}

/// A struct or an enum under the given attributes.
pub fn definition(named: &Named, of: &Type, name: &str, attributes: &str) -> String {
    match of {
        Type::Struct { fields, .. } => {
            let end = if fields.is_empty() || are_positional(fields) { ";" } else { "" };
            let content = content(named, fields, "pub ", "");
            format!("{attributes}pub struct {name}{content}{end}\n\n")
        }
        Type::Enum { variants, .. } => {
            let mut used = BTreeSet::new();
            let mut variant = |variant: &Variant| {
                let name = unique(&mut used, &rust(&variant.name));
                format!("    {name}{},\n", content(named, &variant.fields, "", "    "))
            };
            let variants: String = variants.iter().map(&mut variant).collect();
            format!("{attributes}pub enum {name} {{\n{variants}}}\n\n")
        }
        _ => String::new(),
    }
}

/// The fields of a struct or a variant, with what encloses them.
fn content(named: &Named, fields: &[Field], public: &str, indent: &str) -> String {
    if fields.is_empty() {
        return String::new();
    }
    if are_positional(fields) {
        let types: Vec<_> =
            fields.iter().map(|field| format!("{public}{}", ty(named, &field.ty))).collect();
        return format!("({})", types.join(", "));
    }
    let mut used = BTreeSet::new();
    let mut field = |field: &Field| {
        let name = unique(&mut used, &rust(&field.name));
        format!("{indent}    {public}{name}: {},\n", ty(named, &field.ty))
    };
    let fields: String = fields.iter().map(&mut field).collect();
    format!(" {{\n{fields}{indent}}}")
}

/// A type as Rust has it.
pub fn ty(named: &Named, of: &Type) -> String {
    match of {
        Type::Bytes => "Vec<u8>".to_owned(),
        Type::Option(inner) => format!("Option<{}>", ty(named, inner)),
        Type::Vec(element) => format!("Vec<{}>", ty(named, element)),
        Type::Array(element, length) => format!("[{}; {length}]", ty(named, element)),
        Type::Tuple(types) => {
            let types: Vec<_> = types.iter().map(|of| ty(named, of) + ",").collect();
            format!("({})", types.join(" "))
        }
        Type::Map(key, value) => format!("BTreeMap<{}, {}>", ty(named, key), ty(named, value)),
        Type::Struct { .. } | Type::Enum { .. } => named.get(of).to_owned(),
        scalar => scalar.to_string(),
    }
}
