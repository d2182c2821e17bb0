//! Arguments of a contract's method from the command line: words `name=value`, or one JSON
//! document, by the types in the contract's ABI.

use abi::{Field, Method, MethodKind, Type, Variant};
use anyhow::{Context as _, bail};
use serde_json::{Map, Value};

/// Makes JSON arguments of words. `address` turns the name of a key into an address.
pub fn parse(
    method: &Method,
    words: &[String],
    address: &dyn Fn(&str) -> anyhow::Result<String>,
) -> anyhow::Result<Value> {
    if let [only] = words
        && (only.starts_with('{') || only.starts_with('['))
    {
        return serde_json::from_str(only).context("the arguments begin like JSON, but are not");
    }
    let mut arguments = Map::new();
    for word in words {
        let Some((name, text)) = word.split_once('=') else {
            bail!("{word:?} is no argument: write name=value; {}", takes(method));
        };
        let parameter = method.parameters.iter().find(|parameter| parameter.name == name);
        let Some(parameter) = parameter else {
            bail!("{} has no argument {name:?}; {}", method.name, takes(method));
        };
        let value = value(&parameter.ty, text, address)
            .with_context(|| format!("argument {name}, a {}", parameter.ty))?;
        if arguments.insert(name.to_owned(), value).is_some() {
            bail!("argument {name} is given twice");
        }
    }
    Ok(Value::Object(arguments))
}

/// Text as a value of a type: a text is taken as it stands, a composed value is JSON.
fn value(
    ty: &Type,
    text: &str,
    address: &dyn Fn(&str) -> anyhow::Result<String>,
) -> anyhow::Result<Value> {
    Ok(match ty {
        Type::Unit => Value::Null,
        Type::Option(_) if text == "null" => Value::Null,
        Type::Option(inner) => value(inner, text, address)?,
        Type::Address => Value::String(address(text)?),
        // The encoder wants them as decimal strings, since JSON numbers end at 2^53.
        Type::U64 | Type::U128 | Type::I64 | Type::I128 => Value::String(text.to_owned()),
        Type::Hash | Type::Bytes | Type::String => Value::String(text.to_owned()),
        Type::Array(element, _) if **element == Type::U8 => Value::String(text.to_owned()),
        // A variant without fields is written by its bare name.
        Type::Enum { .. } if !text.starts_with(['{', '"']) => Value::String(text.to_owned()),
        _ => serde_json::from_str(text).context("it must be JSON")?,
    })
}

fn takes(method: &Method) -> String {
    let parameters = method.parameters.iter();
    let all: Vec<_> = parameters.map(|p| format!("{}=<{}>", p.name, p.ty)).collect();
    if all.is_empty() {
        format!("{} takes none", method.name)
    } else {
        format!("{} takes {}", method.name, all.join(" "))
    }
}

/// How a method is used, what it is for and how each argument is written: for whoever got it wrong.
pub fn help(method: &Method) -> String {
    let mut text = format!("usage:  {}", usage(method));
    let docs = method.docs.trim();
    if !docs.is_empty() {
        text.push_str(&format!("\n\n{docs}"));
    }
    let rows: Vec<_> = method
        .parameters
        .iter()
        .map(|p| vec![format!("  {}", p.name), p.ty.to_string(), form(&p.ty)])
        .collect();
    if !rows.is_empty() {
        text.push_str(&format!("\n\n{}", super::output::table(&rows)));
    }
    text
}

/// How a value of a type is written on the command line.
fn form(ty: &Type) -> String {
    match ty {
        Type::Unit => "null".to_owned(),
        Type::Bool => "true or false".to_owned(),
        Type::String => "text".to_owned(),
        Type::Bytes => "base64, or 0x and hex digits".to_owned(),
        Type::Address => "0x and 64 hex digits, or the name of a key of this home".to_owned(),
        Type::Hash => "0x and 64 hex digits".to_owned(),
        Type::Option(inner) => format!("{}; or null, or left out", form(inner)),
        Type::Array(element, length) if **element == Type::U8 => {
            format!("0x and {} hex digits", u64::from(*length) * 2)
        }
        Type::Vec(_) | Type::Array(..) | Type::Tuple(_) | Type::Map(..) => {
            format!("JSON: {}", sample(ty))
        }
        Type::Struct { .. } => format!("JSON: {}", sample(ty)),
        Type::Enum { variants, .. } => {
            let is_bare = variants.iter().all(|variant| variant.fields.is_empty());
            let names: Vec<_> = variants.iter().map(|variant| variant.name.as_str()).collect();
            if is_bare { names.join(" or ") } else { format!("JSON: {}", sample(ty)) }
        }
        _ => "a whole number".to_owned(),
    }
}

/// What JSON of a type looks like, with types in the places of values.
fn sample(ty: &Type) -> String {
    match ty {
        Type::Unit => "null".to_owned(),
        Type::Option(inner) => format!("{} or null", sample(inner)),
        Type::Array(element, _) if **element == Type::U8 => format!("\"<{ty}>\""),
        Type::Vec(element) | Type::Array(element, _) => format!("[{}, …]", sample(element)),
        Type::Tuple(types) => {
            format!("[{}]", types.iter().map(sample).collect::<Vec<_>>().join(", "))
        }
        Type::Map(key, value) if **key == Type::String => {
            format!("{{\"<String>\": {}, …}}", sample(value))
        }
        Type::Map(key, value) => format!("[[{}, {}], …]", sample(key), sample(value)),
        Type::Struct { fields, .. } => sample_fields(fields),
        Type::Enum { variants, .. } => {
            let variant = |variant: &Variant| match variant.fields.as_slice() {
                [] => format!("\"{}\"", variant.name),
                fields => format!("{{\"{}\": {}}}", variant.name, sample_fields(fields)),
            };
            variants.iter().map(variant).collect::<Vec<_>>().join(" or ")
        }
        Type::String | Type::Bytes | Type::Address | Type::Hash => format!("\"<{ty}>\""),
        scalar => format!("<{scalar}>"),
    }
}

fn sample_fields(fields: &[Field]) -> String {
    let are_positional = fields.iter().any(|field| field.name == "0");
    match fields {
        [only] if are_positional => sample(&only.ty),
        _ if are_positional => {
            let samples: Vec<_> = fields.iter().map(|field| sample(&field.ty)).collect();
            format!("[{}]", samples.join(", "))
        }
        _ => {
            let field = |field: &Field| format!("\"{}\": {}", field.name, sample(&field.ty));
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
    }
}

/// A method as it is used on the command line: `inc by=<u64>`.
pub fn usage(method: &Method) -> String {
    let parameters = method.parameters.iter();
    let words = parameters.map(|p| match p.ty {
        Type::Option(_) => format!("[{}=<{}>]", p.name, p.ty),
        _ => format!("{}=<{}>", p.name, p.ty),
    });
    std::iter::once(method.name.clone()).chain(words).collect::<Vec<_>>().join(" ")
}

/// The method to call, or an error that names those there are.
pub fn method<'a>(abi: &'a abi::Abi, name: &str, kind: MethodKind) -> anyhow::Result<&'a Method> {
    let names = |kind| abi.methods_of(kind).map(|m| m.name.as_str()).collect::<Vec<_>>();
    match abi.method_named(name) {
        Some(method) if method.kind == kind => Ok(method),
        Some(method) => {
            let verb = match method.kind {
                MethodKind::Init => "`quorate contract instantiate`",
                MethodKind::Call => "`quorate contract call`",
                MethodKind::Query => "`quorate contract query`",
                MethodKind::Migrate => "`quorate contract upgrade`",
            };
            bail!("{name} of {} is used with {verb}", abi.name)
        }
        None => {
            let known = names(kind);
            let near = crate::config::layers::suggest(name, known.iter().copied());
            let hint = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            let known = known.join(", ");
            bail!("{} has no method {name}{hint} (used so: {known})", abi.name)
        }
    }
}

/// The contract's constructor; there is at most one.
pub fn constructor(abi: &abi::Abi) -> Option<&Method> {
    abi.methods_of(MethodKind::Init).next()
}

#[cfg(test)]
mod tests {
    use abi::Parameter;
    use serde_json::json;

    use super::*;

    fn method_with(parameters: &[(&str, Type)]) -> Method {
        let parameters = parameters
            .iter()
            .map(|(name, ty)| Parameter { name: (*name).to_owned(), ty: ty.clone() })
            .collect();
        Method {
            name: "set".into(),
            selector: [1, 2, 3, 4],
            kind: MethodKind::Call,
            payable: false,
            reentrant: false,
            docs: String::new(),
            parameters,
            returns: Type::Unit,
            error: None,
        }
    }

    /// Parses words and encodes them, as a call does.
    fn encode(method: &Method, words: &[&str]) -> Result<Vec<u8>, String> {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        let name = |text: &str| match text {
            "alice" => Ok(format!("0x{}", "11".repeat(32))),
            other => Ok(other.to_owned()),
        };
        let json = parse(method, &words, &name).map_err(|error| format!("{error:#}"))?;
        abi::json::encode_arguments(method, &json).map_err(|error| error.to_string())
    }

    #[test]
    fn words_are_encoded_by_the_types_of_the_abi() {
        let level = Type::Enum {
            name: "Level".into(),
            variants: vec![
                Variant { name: "Low".into(), fields: vec![] },
                Variant {
                    name: "At".into(),
                    fields: vec![Field { name: "height".into(), ty: Type::U8 }],
                },
            ],
        };
        for (ty, text, bytes) in [
            (Type::U64, "5", 5u64.to_le_bytes().to_vec()),
            (Type::U128, "340282366920938463463374607431768211455", vec![255; 16]),
            (Type::I8, "-1", vec![255]),
            (Type::Bool, "true", vec![1]),
            (Type::String, "a=b", vec![3, 0, 0, 0, b'a', b'=', b'b']),
            (Type::String, "7", vec![1, 0, 0, 0, b'7']),
            (Type::Address, "alice", vec![0x11; 32]),
            (Type::Option(Type::U8.into()), "null", vec![0]),
            (Type::Option(Type::U8.into()), "9", vec![1, 9]),
            (Type::Vec(Type::U8.into()), "[1, 2]", vec![2, 0, 0, 0, 1, 2]),
            (Type::Array(Type::U8.into(), 2), "0x0102", vec![1, 2]),
            (level.clone(), "Low", vec![0]),
            (level, r#"{"At": {"height": 3}}"#, vec![1, 3]),
        ] {
            let method = method_with(&[("v", ty.clone())]);
            assert_eq!(encode(&method, &[&format!("v={text}")]), Ok(bytes), "{ty}");
        }
    }

    #[test]
    fn one_json_document_is_taken_whole() {
        let method = method_with(&[("a", Type::U8), ("b", Type::String)]);
        let named = json!({"a": 1, "b": "x"}).to_string();
        let positional = json!([1, "x"]).to_string();
        let expected = encode(&method, &["a=1", "b=x"]);
        assert_eq!(encode(&method, &[&named]), expected);
        assert_eq!(encode(&method, &[&positional]), expected);
    }

    #[test]
    fn help_says_how_each_argument_is_written() {
        let side = |name: &str| Variant { name: name.to_owned(), fields: vec![] };
        let side = Type::Enum { name: "Side".into(), variants: vec![side("Buy"), side("Sell")] };
        let order = Type::Struct {
            name: "Order".into(),
            fields: vec![
                Field { name: "price".into(), ty: Type::Option(Type::U64.into()) },
                Field { name: "side".into(), ty: side.clone() },
            ],
        };
        for (ty, expected) in [
            (Type::U64, "a whole number"),
            (Type::Option(Type::Bool.into()), "true or false; or null, or left out"),
            (Type::Array(Type::U8.into(), 4), "0x and 8 hex digits"),
            (side, "Buy or Sell"),
            (
                Type::Vec(order.into()),
                r#"JSON: [{"price": <u64> or null, "side": "Buy" or "Sell"}, …]"#,
            ),
            (
                Type::Map(Type::Address.into(), Type::Tuple(vec![Type::U8, Type::Bytes]).into()),
                r#"JSON: [["<Address>", [<u8>, "<Bytes>"]], …]"#,
            ),
        ] {
            let method = Method { docs: "Sets it.".into(), ..method_with(&[("v", ty)]) };
            let help = help(&method);
            assert!(help.starts_with("usage:  set ") && help.contains("Sets it."), "{help}");
            assert!(help.ends_with(expected), "{help}");
        }
    }

    #[test]
    fn errors_say_what_the_method_takes() {
        let method = method_with(&[("by", Type::U64), ("who", Type::Address)]);
        for (words, said) in [
            (&["5"][..], "set takes by=<u64> who=<Address>"),
            (&["buy=5"], "has no argument \"buy\""),
            (&["by=1", "by=2"], "given twice"),
            (&["by=five", "who=alice"], "by"),
            (&["by=1"], "who"),
            (&["{"], "not"),
        ] {
            let error = encode(&method, words).unwrap_err();
            assert!(error.contains(said), "{words:?}: {error}");
        }
    }
}
