//! Names and comments, as languages want them.

use std::collections::BTreeSet;

/// `balance_of` and `balance-of` as `balanceOf`.
pub fn camel(name: &str) -> String {
    let mut parts = name.split(['_', '-']).filter(|part| !part.is_empty());
    let first = parts.next().unwrap_or("_");
    let digit = if first.starts_with(|c: char| c.is_ascii_digit()) { "_" } else { "" };
    parts.fold(format!("{digit}{first}"), |joined, part| joined + &capitalised(part))
}

/// `balance_of` and `balance-of` as `BalanceOf`; what has capitals already keeps them.
pub fn pascal(name: &str) -> String {
    let parts = name.split(['_', '-']).filter(|part| !part.is_empty());
    let joined: String = parts.map(capitalised).collect();
    // What is left of `_1` is no identifier.
    if joined.starts_with(|first: char| first.is_ascii_alphabetic()) {
        joined
    } else {
        format!("T{joined}")
    }
}

/// A file's or a module's name.
pub fn module(name: &str) -> String {
    name.replace('-', "_").to_ascii_lowercase()
}

fn capitalised(part: &str) -> String {
    let mut letters = part.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// A name that none of `used` has, and that joins them.
pub fn unique(used: &mut BTreeSet<String>, wanted: &str) -> String {
    let mut name = wanted.to_owned();
    while !used.insert(name.clone()) {
        name.push('_');
    }
    name
}

const RUST_KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let",
    "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return",
    "static", "struct", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use",
    "virtual", "where", "while", "yield",
];

/// A name as an identifier of Rust.
pub fn rust(name: &str) -> String {
    let name = name.replace('-', "_");
    match name.as_str() {
        // These cannot even be raw identifiers.
        "_" | "self" | "Self" | "super" | "crate" => format!("{name}_"),
        word if RUST_KEYWORDS.contains(&word) => format!("r#{word}"),
        _ => name,
    }
}

/// The lines of a documentation, without what could end a comment or hide in it.
fn lines(docs: &str) -> impl Iterator<Item = String> {
    let shown = |line: &str| -> String {
        let kept = line.trim_end().chars().filter(|c| !c.is_control() && !is_hidden(*c));
        kept.collect::<String>().replace("*/", "*\u{2044}")
    };
    docs.trim().split('\n').map(shown)
}

/// Characters that reorder text or break lines in some readers' eyes.
fn is_hidden(character: char) -> bool {
    matches!(
        character,
        '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
    )
}

/// `/** … */`, or nothing.
pub fn typescript_comment(indent: &str, docs: &str) -> String {
    if docs.trim().is_empty() {
        return String::new();
    }
    let lines: Vec<String> = lines(docs).collect();
    if let [only] = lines.as_slice() {
        return format!("{indent}/** {only} */\n");
    }
    let lines = lines.iter().map(|line| format!("{indent} * {line}").trim_end().to_owned() + "\n");
    format!("{indent}/**\n{}{indent} */\n", lines.collect::<String>())
}

/// `/// …`, or nothing.
pub fn rust_comment(indent: &str, docs: &str) -> String {
    if docs.trim().is_empty() {
        return String::new();
    }
    lines(docs).map(|line| format!("{indent}/// {line}").trim_end().to_owned() + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_the_language_has_them() {
        for (name, in_camel, in_pascal, in_rust) in [
            ("balance_of", "balanceOf", "BalanceOf", "balance_of"),
            ("a-b", "aB", "AB", "a_b"),
            ("Transfer", "Transfer", "Transfer", "Transfer"),
            ("type", "type", "Type", "r#type"),
            ("self", "self", "Self", "self_"),
            ("_", "_", "T", "__"),
            ("_1", "_1", "T1", "_1"),
        ] {
            assert_eq!((camel(name).as_str(), pascal(name).as_str()), (in_camel, in_pascal));
            assert_eq!(rust(name), in_rust);
        }
    }

    #[test]
    fn a_comment_cannot_be_left() {
        for docs in ["*/ alert(1) /*", "**/", "a\r\nb", "a\rb\u{2028}c\u{202e}d"] {
            let (ts, rust) = (typescript_comment("", docs), rust_comment("", docs));
            assert_eq!(ts.matches("*/").count(), 1, "{ts:?}");
            assert!(rust.lines().all(|line| line.starts_with("///")), "{rust:?}");
            assert!(!ts.contains(['\r', '\u{2028}', '\u{202e}']) && !rust.contains('\r'));
        }
    }
}
