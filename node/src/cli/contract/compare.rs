//! `quorate contract check --against`: what differs between two versions of a contract.

use std::cmp::Ordering;

use abi::{Abi, Event, Method, MethodKind, Type};
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::output::table;

/// What differs, in all that a caller or the chain can tell.
#[derive(Debug, Serialize)]
pub struct Comparison {
    pub upgrade: Upgrade,
    pub methods: Vec<Change>,
    pub events: Vec<Change>,
    pub storage: Vec<Change>,
}

/// What the chain says to the upgrade from the one to the other.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Upgrade {
    pub is_possible: bool,
    pub migrates: bool,
    /// In a sentence.
    pub why: String,
}

/// Something that was added, is gone, or is another.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "camelCase")]
pub enum Change {
    Added { what: String },
    Removed { what: String },
    Changed { from: String, to: String },
}

impl Comparison {
    pub fn new(old: &Abi, new: &Abi) -> Self {
        let upgrade = match old.migrates_to(new) {
            Ok(false) => Upgrade {
                is_possible: true,
                migrates: false,
                why: "possible: what is stored is read as before".to_owned(),
            },
            Ok(true) => Upgrade {
                is_possible: true,
                migrates: true,
                why: format!(
                    "possible: the migration from state version {} to {} runs",
                    old.state_version, new.state_version
                ),
            },
            Err(why) => {
                Upgrade { is_possible: false, migrates: false, why: format!("refused: {why}") }
            }
        };
        let methods = |abi: &Abi| abi.methods.iter().map(method).collect::<Vec<_>>();
        let events = |abi: &Abi| abi.events.iter().map(event).collect::<Vec<_>>();
        Self {
            upgrade,
            methods: changes(&methods(old), &methods(new)),
            events: changes(&events(old), &events(new)),
            storage: changes(&storage(old), &storage(new)),
        }
    }

    /// For people.
    pub fn describe(&self) -> String {
        let part = |title: &str, changes: &[Change]| {
            let rows: Vec<_> = changes.iter().flat_map(Change::rows).collect();
            match rows.as_slice() {
                [] => format!("{title}: the same\n"),
                rows => format!("{title}\n{}\n", table(rows)),
            }
        };
        [("methods", &self.methods), ("events", &self.events), ("storage", &self.storage)]
            .map(|(title, changes)| part(title, changes))
            .concat()
    }
}

impl Change {
    fn rows(&self) -> Vec<Vec<String>> {
        let row = |sign: &str, what: &str| vec![format!("  {sign} {what}")];
        match self {
            Self::Added { what } => vec![row("+", what)],
            Self::Removed { what } => vec![row("-", what)],
            Self::Changed { from, to } if from == to => {
                vec![row("~", &format!("{to}: a type within it is another"))]
            }
            Self::Changed { from, to } => vec![row("-", from), row("+", to)],
        }
    }
}

/// Something with a name: whole, to be compared, and in words, to be shown.
struct Item {
    name: String,
    whole: Value,
    shown: String,
}

fn changes(old: &[Item], new: &[Item]) -> Vec<Change> {
    let find = |list: &'_ [Item], name: &str| list.iter().position(|item| item.name == name);
    let mut found = Vec::new();
    for item in old {
        match find(new, &item.name).and_then(|at| new.get(at)) {
            None => found.push(Change::Removed { what: item.shown.clone() }),
            Some(next) if next.whole != item.whole => {
                let (from, to) = (item.shown.clone(), next.shown.clone());
                found.push(Change::Changed { from, to });
            }
            Some(_) => {}
        }
    }
    let added = new.iter().filter(|item| find(old, &item.name).is_none());
    found.extend(added.map(|item| Change::Added { what: item.shown.clone() }));
    found
}

/// The description's own JSON is compared, without its words: a better comment is no change.
fn wordless(of: &Abi, list: &str, name: &str) -> Value {
    let all = of.to_json();
    let items = all.get(list).and_then(Value::as_array);
    let mut item = items
        .and_then(|items| items.iter().find(|item| item.get("name") == Some(&json!(name))))
        .cloned()
        .unwrap_or_default();
    if let Some(item) = item.as_object_mut() {
        item.remove("docs");
    }
    item
}

fn method(method: &Method) -> Item {
    let kind = match method.kind {
        MethodKind::Init => "init",
        MethodKind::Call => "call",
        MethodKind::Query => "query",
        MethodKind::Migrate => "migrate",
    };
    let parameters: Vec<_> =
        method.parameters.iter().map(|p| format!("{}: {}", p.name, p.ty)).collect();
    let returns = match (&method.returns, &method.error) {
        (Type::Unit, None) => String::new(),
        (returns, None) => format!(" -> {returns}"),
        (returns, Some(error)) => format!(" -> {returns}, or {error}"),
    };
    let marks = [(method.payable, " (payable)"), (method.reentrant, " (re-entrant)")];
    let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
    let shown = format!("{kind} {}({}){returns}{marks}", method.name, parameters.join(", "));
    let alone = Abi { methods: vec![method.clone()], ..empty() };
    Item { name: method.name.clone(), whole: wordless(&alone, "methods", &method.name), shown }
}

fn event(event: &Event) -> Item {
    let fields: Vec<_> = event
        .fields
        .iter()
        .map(|field| {
            let indexed = if field.indexed { " (indexed)" } else { "" };
            format!("{}: {}{indexed}", field.name, field.ty)
        })
        .collect();
    let shown = format!("{}({})", event.name, fields.join(", "));
    let alone = Abi { events: vec![event.clone()], ..empty() };
    Item { name: event.name.clone(), whole: wordless(&alone, "events", &event.name), shown }
}

fn storage(of: &Abi) -> Vec<Item> {
    let item = |field: &abi::Storage| {
        let whole = wordless(of, "storage", &field.name);
        let kind = whole.get("kind").map(Value::to_string).unwrap_or_default();
        Item { name: field.name.clone(), whole, shown: format!("{} {kind}", field.name) }
    };
    of.storage.iter().map(item).collect()
}

fn empty() -> Abi {
    Abi {
        interface: abi::host::VERSION,
        name: String::new(),
        version: String::new(),
        docs: String::new(),
        state_version: 0,
        methods: Vec::new(),
        events: Vec::new(),
        errors: Vec::new(),
        storage: Vec::new(),
    }
}

/// A number that was and one that is, with the difference.
pub fn step(from: u64, to: u64) -> String {
    let difference = match to.cmp(&from) {
        Ordering::Equal => return format!("{to}, as before"),
        Ordering::Greater => format!("+{}", to - from),
        Ordering::Less => format!("-{}", from - to),
    };
    let tenths = |part: u64| part.saturating_mul(1_000).checked_div(from);
    let percent = tenths(from.abs_diff(to))
        .map(|tenths| format!(", {}.{} %", tenths / 10, tenths % 10))
        .unwrap_or_default();
    format!("{to}, {difference} from {from}{percent}")
}

#[cfg(test)]
mod tests {
    use abi::{Field, Parameter};

    use super::*;

    fn called(name: &str, parameter: Type, docs: &str) -> Method {
        Method {
            name: name.to_owned(),
            selector: abi::selector(name),
            kind: MethodKind::Call,
            payable: false,
            reentrant: false,
            docs: docs.to_owned(),
            parameters: vec![Parameter { name: "by".to_owned(), ty: parameter }],
            returns: Type::U64,
            error: None,
        }
    }

    fn order(price: Type) -> Type {
        let fields = vec![Field { name: "price".to_owned(), ty: price }];
        Type::Struct { name: "Order".to_owned(), fields }
    }

    #[test]
    fn what_differs_is_named_and_words_do_not_count() {
        let old = Abi {
            methods: vec![
                called("same", Type::U8, "old words"),
                called("gone", Type::U8, ""),
                called("other", Type::U8, ""),
                called("within", order(Type::U8), ""),
            ],
            ..empty()
        };
        let new = Abi {
            methods: vec![
                called("same", Type::U8, "new words"),
                called("other", Type::U16, ""),
                called("within", order(Type::U16), ""),
                called("new", Type::U8, ""),
            ],
            ..empty()
        };
        let text = |what: &str| what.to_owned();
        let found = Comparison::new(&old, &new);
        let within = text("call within(by: Order) -> u64");
        assert_eq!(
            found.methods,
            [
                Change::Removed { what: text("call gone(by: u8) -> u64") },
                Change::Changed {
                    from: text("call other(by: u8) -> u64"),
                    to: text("call other(by: u16) -> u64"),
                },
                Change::Changed { from: within.clone(), to: within },
                Change::Added { what: text("call new(by: u8) -> u64") },
            ]
        );
        assert!(found.events.is_empty() && found.storage.is_empty());
        assert!(found.describe().contains("a type within it is another"));
    }

    #[test]
    fn numbers_say_by_how_much() {
        assert_eq!(step(200, 200), "200, as before");
        assert_eq!(step(200, 203), "203, +3 from 200, 1.5 %");
        assert_eq!(step(200, 100), "100, -100 from 200, 50.0 %");
        assert_eq!(step(0, 1), "1, +1 from 0");
    }
}
