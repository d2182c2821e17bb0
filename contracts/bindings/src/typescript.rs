//! Clients in TypeScript.

use std::collections::BTreeSet;

use abi::{Abi, Event, Field, Method, MethodKind, Type};
use serde_json::{Value, json};

use crate::MADE;
use crate::names::{camel, pascal, typescript_comment as comment, unique};
use crate::types::{Named, are_positional, may_be_null};

/// What a client stands on.
pub const RUNTIME: &str = include_str!("../runtime/quorate.ts");

/// What the runtime and the language call something else.
const TAKEN: &[&str] = &[
    "Abi",
    "Action",
    "Address",
    "Array",
    "BigInt",
    "Client",
    "Contract",
    "Error",
    "EventView",
    "Failed",
    "Hash",
    "Hex",
    "Map",
    "Method",
    "Number",
    "Object",
    "Promise",
    "QueryOptions",
    "Receipt",
    "Record",
    "Reverted",
    "RpcError",
    "SendOptions",
    "Sent",
    "Signer",
    "String",
    "Symbol",
    "T",
    "Type",
    "Uint8Array",
];

/// Members of the class that are no methods of the contract.
const MEMBERS: &[&str] = &[
    "abi",
    "address",
    "ask",
    "client",
    "constructor",
    "deploy",
    "events",
    "eventsOf",
    "submit",
    "toString",
    "valueOf",
    "then",
];

/// The file of a contract's client.
pub fn client(abi: &Abi) -> String {
    let mut named = Named::of(abi, TAKEN);
    let class = named.name(&abi.name);
    let events: Vec<(&Event, String)> =
        abi.events.iter().map(|event| (event, named.name(&event.name))).collect();
    let event_type = named.name(&format!("{class}Event"));
    let mut text = format!(
        "// {} {}. {MADE}\n\n\
         import {{ Client, Contract, instantiate }} from \"./quorate.js\";\n\
         import type {{\n  Abi, Address, Hash, Hex, QueryOptions, Receipt, SendOptions, Sent,\n\
         }} from \"./quorate.js\";\n\n",
        abi.name, abi.version,
    );
    for (ty, name) in named.iter() {
        text.push_str(&definition(&named, ty, name));
    }
    for (event, name) in &events {
        text.push_str(&comment("", &event.docs));
        let fields = event.fields.iter().map(|f| field(&named, &f.name, &f.ty));
        let fields: Vec<_> = fields.map(|field| format!("  {field};\n")).collect();
        text.push_str(&format!("export interface {name} {{\n{}}}\n\n", fields.concat()));
    }
    let one = |(event, name): &(&Event, String)| {
        format!("\n  | {{ name: {}; fields: {name} }}", quoted(&event.name))
    };
    let union: String = events.iter().map(one).collect();
    let union = if union.is_empty() { " never".to_owned() } else { union };
    text.push_str(&format!("/** What it emits. */\nexport type {event_type} ={union};\n\n"));
    text.push_str(&class_of(abi, &named, &class, &event_type));
    let description = serde_json::to_string_pretty(&description(abi)).unwrap_or_default();
    text.push_str(&format!(
        "\n/** As much of its description as calls need. */\n\
         export const abi: Abi = {description};\n"
    ));
    text
}

fn class_of(abi: &Abi, named: &Named, class: &str, event_type: &str) -> String {
    let mut text = comment("", &abi.docs);
    text.push_str(&format!(
        "export class {class} extends Contract {{\n\
         \x20 constructor(client: Client, address: Address) {{\n\
         \x20   super(client, address, abi);\n  }}\n"
    ));
    text.push_str(&deploy(abi, named, class));
    let mut used: BTreeSet<String> = MEMBERS.iter().map(|&name| name.to_owned()).collect();
    for method in &abi.methods {
        if matches!(method.kind, MethodKind::Call | MethodKind::Query) {
            text.push_str(&member(named, method, &unique(&mut used, &camel(&method.name))));
        }
    }
    text.push_str(&format!(
        "\n  /** This contract's events in a receipt. */\n\
         \x20 events(receipt: Receipt): {event_type}[] {{\n\
         \x20   return this.eventsOf(receipt) as {event_type}[];\n  }}\n}}\n"
    ));
    text
}

fn deploy(abi: &Abi, named: &Named, class: &str) -> String {
    let constructor = abi.methods_of(MethodKind::Init).next();
    let docs = constructor.map_or("", |method| method.docs.as_str());
    let docs = format!("Makes a contract of stored code; `client.upload` stores it.\n\n{docs}");
    let (parameter, given) = match constructor.map(|method| arguments(named, method)) {
        Some(Some(parameter)) => (format!("    {parameter},\n"), "args"),
        _ => (String::new(), "{}"),
    };
    format!(
        "\n{}  static async deploy(\n    client: Client,\n    code: Hash,\n{parameter}    \
         options: SendOptions & {{ salt?: Uint8Array }},\n  ): Promise<{class}> {{\n    \
         const address = await instantiate(client, abi, code, {given}, options);\n    \
         return new {class}(client, address);\n  }}\n",
        comment("  ", docs.trim_end()),
    )
}

fn member(named: &Named, method: &Method, name: &str) -> String {
    let is_query = method.kind == MethodKind::Query;
    let mut docs = method.docs.trim().to_owned();
    if let Some(error) = &method.error {
        let throws = format!("@throws Reverted<{}>", ts(named, error));
        docs = if docs.is_empty() { throws } else { format!("{docs}\n\n{throws}") };
    }
    if method.payable {
        docs.push_str("\n\nTakes native units: `options.value`.");
    }
    let returns = ts(named, &method.returns);
    let (options, verb, answer) = if is_query {
        ("options?: QueryOptions", "ask", returns)
    } else {
        ("options: SendOptions", "submit", format!("Sent<{returns}>"))
    };
    let (parameters, given) = match arguments(named, method) {
        Some(parameter) => (format!("{parameter}, {options}"), "args"),
        None => (options.to_owned(), "{}"),
    };
    format!(
        "\n{}  async {name}({parameters}): Promise<{answer}> {{\n    \
         return await this.{verb}({}, {given}, options) as {answer};\n  }}\n",
        comment("  ", docs.trim()),
        quoted(&method.name),
    )
}

/// `args: { … }`; none when the method takes none.
fn arguments(named: &Named, method: &Method) -> Option<String> {
    if method.parameters.is_empty() {
        return None;
    }
    let one = |parameter: &abi::Parameter| field(named, &parameter.name, &parameter.ty);
    let all: Vec<_> = method.parameters.iter().map(one).collect();
    Some(format!("args: {{ {} }}", all.join("; ")))
}

/// A struct or an enum.
fn definition(named: &Named, ty: &Type, name: &str) -> String {
    match ty {
        Type::Struct { fields, .. } if !fields.is_empty() && !are_positional(fields) => {
            let fields = fields.iter().map(|f| field(named, &f.name, &f.ty));
            let fields: Vec<_> = fields.map(|field| format!("  {field};\n")).collect();
            format!("export interface {name} {{\n{}}}\n\n", fields.concat())
        }
        Type::Struct { fields, .. } => {
            format!("export type {name} = {};\n\n", content(named, fields))
        }
        Type::Enum { variants, .. } => {
            let variant = |variant: &abi::Variant| match variant.fields.as_slice() {
                [] => format!("\n  | {}", quoted(&variant.name)),
                fields => {
                    format!("\n  | {{ {}: {} }}", key(&variant.name), content(named, fields))
                }
            };
            let union: String = variants.iter().map(variant).collect();
            let union = if union.is_empty() { " never".to_owned() } else { union };
            format!("export type {name} ={union};\n\n")
        }
        _ => String::new(),
    }
}

/// The fields of a struct or a variant as one type.
fn content(named: &Named, fields: &[Field]) -> String {
    if fields.is_empty() {
        return "Record<string, never>".to_owned();
    }
    if are_positional(fields) {
        let types: Vec<_> = fields.iter().map(|field| ts(named, &field.ty)).collect();
        return match types.as_slice() {
            [only] => only.clone(),
            many => format!("[{}]", many.join(", ")),
        };
    }
    let fields: Vec<_> = fields.iter().map(|f| field(named, &f.name, &f.ty)).collect();
    format!("{{ {} }}", fields.join("; "))
}

/// A field; what may be null may be left out.
fn field(named: &Named, name: &str, ty: &Type) -> String {
    let optional = if matches!(ty, Type::Option(_)) { "?" } else { "" };
    format!("{}{optional}: {}", key(name), ts(named, ty))
}

/// A type as TypeScript has it.
fn ts(named: &Named, ty: &Type) -> String {
    match ty {
        Type::Unit => "null".to_owned(),
        Type::Bool => "boolean".to_owned(),
        Type::U8 | Type::U16 | Type::U32 | Type::I8 | Type::I16 | Type::I32 => "number".to_owned(),
        Type::U64 | Type::U128 | Type::I64 | Type::I128 => "bigint".to_owned(),
        Type::String => "string".to_owned(),
        Type::Bytes => "Uint8Array".to_owned(),
        Type::Address => "Address".to_owned(),
        Type::Hash => "Hash".to_owned(),
        Type::Option(inner) if may_be_null(inner) => format!("[{}] | null", ts(named, inner)),
        Type::Option(inner) => format!("{} | null", ts(named, inner)),
        Type::Array(element, _) if **element == Type::U8 => "Hex".to_owned(),
        Type::Vec(element) | Type::Array(element, _) => format!("Array<{}>", ts(named, element)),
        Type::Tuple(types) => {
            let types: Vec<_> = types.iter().map(|ty| ts(named, ty)).collect();
            format!("[{}]", types.join(", "))
        }
        Type::Map(key, value) => format!("Map<{}, {}>", ts(named, key), ts(named, value)),
        Type::Struct { .. } | Type::Enum { .. } => named.get(ty).to_owned(),
    }
}

/// A property's name.
fn key(name: &str) -> String {
    if name.contains('-') { quoted(name) } else { name.to_owned() }
}

fn quoted(name: &str) -> String {
    Value::from(name).to_string()
}

/// The description, without words and without what calls do not need.
fn description(abi: &Abi) -> Value {
    let mut whole = abi.to_json();
    let mut strip = |list: &str, unneeded: &[&str]| {
        for item in whole.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            for name in unneeded {
                item.as_object_mut().and_then(|item| item.remove(*name));
            }
        }
    };
    strip("methods", &["docs", "payable", "reentrant"]);
    strip("events", &["docs", "selector"]);
    json!({ "name": pascal(&abi.name), "methods": whole.get("methods"), "events": whole.get("events") })
}
