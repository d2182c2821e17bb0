//! The description itself as JSON, for explorers, clients and people.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use serde_json::{Value, json};

use crate::{Abi, Event, Field, Method, MethodKind, Selector, Storage, StorageKind, Type};

impl Abi {
    /// The description as JSON. Types are strings like `"u64"`, or objects of one key: `{"option":
    /// …}`, `{"vec": …}`, `{"array": {"of": …, "length": 4}}`, `{"tuple": […]}`, `{"map": {"key":
    /// …, "value": …}}`, `{"struct": {"name": …, "fields": […]}}`, `{"enum": {"name": …,
    /// "variants": […]}}`.
    pub fn to_json(&self) -> Value {
        json!({
            "interface": self.interface,
            "name": self.name,
            "version": self.version,
            "docs": self.docs,
            "state_version": self.state_version,
            "methods": self.methods.iter().map(method).collect::<Vec<_>>(),
            "events": self.events.iter().map(event).collect::<Vec<_>>(),
            "errors": self.errors.iter().map(ty).collect::<Vec<_>>(),
            "storage": self.storage.iter().map(storage).collect::<Vec<_>>(),
        })
    }
}

fn method(method: &Method) -> Value {
    let parameters = method.parameters.iter();
    json!({
        "name": method.name,
        "selector": selector(method.selector),
        "kind": match method.kind {
            MethodKind::Init => "init",
            MethodKind::Call => "call",
            MethodKind::Query => "query",
            MethodKind::Migrate => "migrate",
        },
        "payable": method.payable,
        "reentrant": method.reentrant,
        "docs": method.docs,
        "parameters": parameters
            .map(|p| json!({ "name": p.name, "type": ty(&p.ty) }))
            .collect::<Vec<_>>(),
        "returns": ty(&method.returns),
        "error": method.error.as_ref().map(ty),
    })
}

fn event(event: &Event) -> Value {
    let fields = event.fields.iter();
    json!({
        "name": event.name,
        "selector": selector(event.selector),
        "docs": event.docs,
        "fields": fields
            .map(|f| json!({ "name": f.name, "type": ty(&f.ty), "indexed": f.indexed }))
            .collect::<Vec<_>>(),
    })
}

fn storage(storage: &Storage) -> Value {
    let kind = match &storage.kind {
        StorageKind::Item(value) => json!({ "item": ty(value) }),
        StorageKind::Map { key, value } => json!({ "map": { "key": ty(key), "value": ty(value) } }),
        StorageKind::Set(element) => json!({ "set": ty(element) }),
        StorageKind::IndexedMap { key, value, indexes } => json!({
            "indexed_map": { "key": ty(key), "value": ty(value), "indexes": fields(indexes) }
        }),
    };
    json!({ "name": storage.name, "prefix": selector(storage.prefix), "kind": kind })
}

fn selector(selector: Selector) -> Value {
    format!("0x{}", hex::encode(selector)).into()
}

fn fields(fields: &[Field]) -> Value {
    fields.iter().map(|field| json!({ "name": field.name, "type": ty(&field.ty) })).collect()
}

fn ty(of: &Type) -> Value {
    match of {
        Type::Unit => "unit".into(),
        Type::Option(inner) => json!({ "option": ty(inner) }),
        Type::Vec(element) => json!({ "vec": ty(element) }),
        Type::Array(element, length) => {
            json!({ "array": { "of": ty(element), "length": length } })
        }
        Type::Tuple(types) => json!({ "tuple": types.iter().map(ty).collect::<Vec<_>>() }),
        Type::Map(key, value) => json!({ "map": { "key": ty(key), "value": ty(value) } }),
        Type::Struct { name, fields: of } => {
            json!({ "struct": { "name": name, "fields": fields(of) } })
        }
        Type::Enum { name, variants } => {
            let variants = variants.iter();
            let variants: Vec<_> =
                variants.map(|v| json!({ "name": v.name, "fields": fields(&v.fields) })).collect();
            json!({ "enum": { "name": name, "variants": variants } })
        }
        scalar => scalar.to_string().to_ascii_lowercase().into(),
    }
}
