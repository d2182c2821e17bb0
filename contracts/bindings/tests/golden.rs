//! The clients of the samples, and of a contract that has everything, byte for byte, in `golden/`.
//! Whoever changes what is written writes the files anew with `QUORATE_WRITE_GOLDEN=1` and reads
//! the difference.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use abi::{
    Abi, Event, EventField, Field, Method, MethodKind, Parameter, Type, Variant, host, selector,
};
use quorate_contract_bindings::{File, Language, generate};
use serde_json::{Value, json};

const WRITE: &str = "QUORATE_WRITE_GOLDEN";

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn sample(name: &str) -> Abi {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../{name}/{name}.wasm"));
    Abi::from_module(&fs::read(path).expect("the module is there")).expect("it has a description")
}

fn field(name: &str, ty: Type) -> Field {
    Field { name: name.to_owned(), ty }
}

fn structure(name: &str, fields: Vec<Field>) -> Type {
    Type::Struct { name: name.to_owned(), fields }
}

fn method(name: &str, kind: MethodKind, parameters: &[(&str, Type)], returns: Type) -> Method {
    let parameter =
        |(name, ty): &(&str, Type)| Parameter { name: (*name).to_owned(), ty: ty.clone() };
    Method {
        name: name.to_owned(),
        selector: selector(name),
        kind,
        payable: false,
        reentrant: false,
        docs: String::new(),
        parameters: parameters.iter().map(parameter).collect(),
        returns,
        error: None,
    }
}

/// Every type, names that are taken in one language or the other, names that clash, and
/// documentation that tries to leave its comment.
fn everything() -> Abi {
    let unit = structure("Unit", vec![]);
    let wrapped = structure("Wrapped", vec![field("0", Type::Unit)]);
    let pair = structure("Pair", vec![field("0", Type::U8), field("1", Type::I128)]);
    let other_pair = structure("Pair", vec![field("type", Type::String)]);
    let variant = |name: &str, fields| Variant { name: name.to_owned(), fields };
    let choice = Type::Enum {
        name: "Map".to_owned(),
        variants: vec![
            variant("Nothing", vec![]),
            variant("Self", vec![field("0", Type::Bool)]),
            variant("Both", vec![field("0", Type::I16), field("1", pair.clone())]),
            variant("Named", vec![field("await", Type::Option(Type::I64.into()))]),
        ],
    };
    let scalars = [
        ("a", Type::Bool),
        ("b", Type::U8),
        ("c", Type::U16),
        ("d", Type::U32),
        ("e", Type::U64),
        ("f", Type::U128),
        ("g", Type::I8),
        ("h", Type::I16),
        ("i", Type::I32),
        ("j", Type::I64),
        ("k", Type::I128),
        ("l", Type::String),
        ("m", Type::Bytes),
        ("n", Type::Address),
        ("o", Type::Hash),
        ("p", Type::Unit),
    ];
    let composed = [
        ("option", Type::Option(Type::U64.into())),
        ("nested", Type::Option(Type::Option(Type::Bool.into()).into())),
        ("wrapped", Type::Option(wrapped.into())),
        ("vec", Type::Vec(pair.clone().into())),
        ("bytes-4", Type::Array(Type::U8.into(), 4)),
        ("triple", Type::Array(Type::U64.into(), 3)),
        ("tuple", Type::Tuple(vec![Type::I8, Type::Vec(Type::U8.into())])),
        ("named", Type::Map(Type::String.into(), Type::U64.into())),
        ("keyed", Type::Map(Type::I32.into(), Type::Bytes.into())),
        ("choice", choice.clone()),
        ("unit", unit),
        ("class", other_pair.clone()),
    ];
    let all: Vec<(&str, Type)> = scalars.into_iter().chain(composed).collect();
    let answer = Type::Tuple(all.iter().map(|(_, ty)| ty.clone()).collect());
    let mut pay = method("pay", MethodKind::Call, &[], Type::Unit);
    (pay.payable, pay.error) = (true, Some(choice.clone()));
    pay.docs = "Ends here: */ alert(1); /*\r\nand\u{2028}goes on.".to_owned();
    Abi {
        interface: host::VERSION,
        name: "every-thing".to_owned(),
        version: "1.2.3".to_owned(),
        docs: "Has it all.\n\n`*/` too.".to_owned(),
        state_version: 1,
        methods: vec![
            method(
                "make",
                MethodKind::Init,
                &[("sender", Type::Vec(choice.clone().into()))],
                Type::Unit,
            ),
            method("echo", MethodKind::Query, &all, answer),
            method("type", MethodKind::Query, &[], choice.clone()),
            method("constructor", MethodKind::Call, &[("self", other_pair)], Type::Unit),
            method("get_it", MethodKind::Query, &[], Type::Unit),
            method("getIt", MethodKind::Query, &[], Type::Unit),
            method("move_over", MethodKind::Migrate, &[], Type::Unit),
            pay,
        ],
        events: vec![Event {
            name: "Map".to_owned(),
            selector: selector("event Map"),
            docs: "An event.".to_owned(),
            fields: vec![
                EventField { name: "from".to_owned(), ty: Type::Address, indexed: true },
                EventField { name: "data".to_owned(), ty: choice, indexed: false },
            ],
        }],
        errors: Vec::new(),
        storage: Vec::new(),
    }
}

/// All that is written of all contracts.
fn files() -> Vec<File> {
    let languages = [Language::TypeScript, Language::Rust, Language::RustInterface];
    let everything = everything();
    assert_eq!(Abi::decode(&everything.encode()).as_ref(), Ok(&everything), "it is a valid one");
    let mut files: Vec<File> = Vec::new();
    for abi in [sample("counter"), sample("token"), everything] {
        for language in languages {
            files.extend(generate(&abi, language));
        }
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    files.dedup();
    files
}

#[test]
fn clients_are_written_as_they_were() {
    for File { name, text } in files() {
        let path = golden().join(format!("{name}.golden"));
        if env::var_os(WRITE).is_some_and(|value| value == "1") {
            fs::write(&path, &text).expect("it can be written");
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == text,
            "golden/{name}.golden differs: write it anew with {WRITE}=1 and read it"
        );
    }
}

/// The compilers, where `npm ci` has put them. `tests/run` sees to it.
fn compilers() -> Option<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("typescript/node_modules");
    let compilers = ["typescript", "typescript-oldest"].map(|one| folder.join(one).join("bin/tsc"));
    if compilers.iter().all(|compiler| compiler.is_file()) {
        return Some(compilers.to_vec());
    }
    eprintln!(
        "skipped: contracts/bindings/typescript lacks its packages; `npm ci` there brings them"
    );
    None
}

/// The strictest settings there are, by the oldest compiler that understands the runtime and by a
/// newer one.
#[test]
fn typescript_accepts_its_clients() {
    let Some(compilers) = compilers() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut names = Vec::new();
    for File { name, text } in files().into_iter().filter(|file| file.name.ends_with(".ts")) {
        fs::write(folder.path().join(&name), text).expect("it can be written");
        names.push(name);
    }
    for compiler in compilers {
        let output = Command::new("node")
            .arg(&compiler)
            .current_dir(folder.path())
            .args(["--noEmit", "--strict", "--noUncheckedIndexedAccess", "--noUnusedParameters"])
            .args(["--noImplicitOverride", "--target", "es2022", "--module", "nodenext"])
            .args(&names)
            .output()
            .expect("node starts");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{}: {said}", compiler.display());
    }
}

/// A value of each type, some of them at the edges, as JSON.
fn values() -> Vec<(Type, Value)> {
    let everything = everything();
    let echo = everything.method_named("echo").expect("it is there");
    let parameters = echo.parameters.iter().map(|p| (p.name.as_str(), &p.ty));
    let hash = format!("0x{}", "ab".repeat(32));
    let max = u128::MAX.to_string();
    let mut values = Vec::new();
    for (name, ty) in parameters {
        let some = match name {
            "a" => vec![json!(true), json!(false)],
            "b" | "c" | "d" => vec![json!(0), json!(200)],
            "e" => vec![json!("18446744073709551615")],
            "f" => vec![json!("0"), json!(max)],
            "g" | "h" | "i" => vec![json!(-128), json!(127)],
            "j" => vec![json!("-9223372036854775808")],
            "k" => vec![json!("-1"), json!("170141183460469231731687303715884105727")],
            "l" => vec![json!(""), json!("zwölf 😀")],
            "m" => vec![json!(""), json!("AP/+")],
            "n" | "o" => vec![json!(hash)],
            "p" => vec![json!(null)],
            "option" => vec![json!(null), json!("7")],
            "nested" => vec![json!(null), json!([null]), json!([true])],
            "wrapped" => vec![json!(null), json!([null])],
            "vec" => vec![json!([]), json!([[1, "-2"], [3, "4"]])],
            "bytes-4" => vec![json!("0x00ff1020")],
            "triple" => vec![json!(["1", "2", "3"])],
            "tuple" => vec![json!([-1, [0, 255]])],
            "named" => vec![json!({}), json!({ "a": "1", "aa": "2", "ä": "3" })],
            "keyed" => vec![json!([[-5, "AQ=="], [0, ""], [1_000, "Ag=="]])],
            "choice" => vec![
                json!("Nothing"),
                json!({ "Self": true }),
                json!({ "Both": [-3, [4, "5"]] }),
                json!({ "Named": { "await": null } }),
                json!({ "Named": { "await": "-6" } }),
            ],
            "unit" => vec![json!({})],
            "class" => vec![json!({ "type": "of" })],
            other => panic!("no value for {other}"),
        };
        values.extend(some.into_iter().map(|value| (ty.clone(), value)));
    }
    values
}

/// Encodes what stands in the first argument, and says where it differs.
const COMPARE: &str = r#"
import { encode, fromJson, toHex, toJson } from "./quorate.js";
const found = JSON.parse(process.argv[2]).flatMap(({ type, value, encoded }) => {
  const own = fromJson(type, value);
  const [bytes, json] = [toHex(encode(type, own)), JSON.stringify(toJson(type, own))];
  const differs = bytes !== encoded || json !== JSON.stringify(value);
  return differs ? [`${JSON.stringify({ type, value })}: ${bytes} ${json}, not ${encoded}`] : [];
});
if (found.length > 0) throw new Error(found.join("\n"));
"#;

/// What TypeScript signs is what the chain decodes, and what it shows is what the node sends.
#[test]
fn typescript_encodes_as_the_chain_does() {
    let Some(compilers) = compilers() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).expect("it can be written");
    };
    let abi = sample("counter");
    for File { name, text } in generate(&abi, Language::TypeScript) {
        write(&name, &text);
    }
    write("package.json", r#"{ "type": "module" }"#);
    write("compare.js", COMPARE);
    let run = |arguments: &[&str]| {
        let node = Command::new("node").args(arguments).current_dir(folder.path()).output();
        let output = node.expect("node starts");
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    };
    let compiler = compilers.first().expect("there are two").display().to_string();
    run(&[&compiler, "--target", "es2022", "--module", "nodenext", "--strict", "quorate.ts"]);
    let vectors: Vec<Value> = values()
        .iter()
        .map(|(ty, value)| {
            let bytes = abi::json::encode_value(ty, value).expect("it is of the type");
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            json!({ "type": type_json(ty), "value": value, "encoded": format!("0x{digits}") })
        })
        .collect();
    run(&["compare.js", &Value::Array(vectors).to_string()]);
}

/// A type as descriptions have it.
fn type_json(ty: &Type) -> Value {
    let abi =
        Abi { methods: vec![method("of", MethodKind::Query, &[], ty.clone())], ..everything() };
    abi.to_json().pointer("/methods/0/returns").cloned().expect("it has a method")
}
