//! New projects.

use std::path::{Path, PathBuf};
use std::{fs, io};

use thiserror::Error;

use crate::{lockfile, vendor};

const MANIFEST: &str = include_str!("../template/Cargo.toml");
const SOURCE: &str = include_str!("../template/lib.rs");
const TESTS: &str = include_str!("../template/tests.rs");
const IGNORED: &str = "/target\n";
const NAME_BYTES_MAX: usize = 40;
/// Names that a crate or its module cannot have.
const RESERVED: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "pub",
    "quorate-abi",
    "quorate-macros",
    "quorate-sdk",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// Why there is no new project.
#[derive(Debug, Error)]
pub enum NewProjectError {
    #[error(
        "{0:?} is no name for a contract: use a lowercase letter, then up to 39 of a-z, 0-9, '-' \
         and '_', and no word of Rust"
    )]
    Name(String),
    #[error("{0} exists already")]
    Exists(PathBuf),
    #[error("{path} could not be written: {source}")]
    Write { path: PathBuf, source: io::Error },
}

/// Writes a contract project into the new folder `name` of `parent`, and answers with its path.
///
/// It stands by itself: the SDK of this version lies in its `vendor` folder, and it is a workspace
/// of its own.
pub fn new_project(parent: &Path, name: &str) -> Result<PathBuf, NewProjectError> {
    let further =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    let is_name = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(further)
        && name.len() <= NAME_BYTES_MAX
        && !RESERVED.contains(&name);
    if !is_name {
        return Err(NewProjectError::Name(name.chars().take(80).collect()));
    }
    let project = parent.join(name);
    if project.exists() {
        return Err(NewProjectError::Exists(project));
    }
    let fill = |template: &str| {
        template.replace("{{name}}", name).replace("{{module}}", &name.replace('-', "_"))
    };
    write(&project.join("Cargo.toml"), &fill(MANIFEST))?;
    write(&project.join("Cargo.lock"), &lockfile::of_the_sdk())?;
    write(&project.join(".gitignore"), IGNORED)?;
    write(&project.join("src/lib.rs"), &fill(SOURCE))?;
    write(&project.join("tests/contract.rs"), &fill(TESTS))?;
    write(&project.join("vendor/Cargo.toml"), &vendor::workspace_manifest())?;
    for (path, text) in vendor::FILES {
        write(&project.join("vendor").join(path), text)?;
    }
    Ok(project)
}

fn write(path: &Path, text: &str) -> Result<(), NewProjectError> {
    let result = match path.parent() {
        Some(folder) => fs::create_dir_all(folder).and_then(|()| fs::write(path, text)),
        None => fs::write(path, text),
    };
    result.map_err(|source| NewProjectError::Write { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_before_anything_is_written() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        for name in ["", "A", "1a", "a b", "../a", "fn", "quorate-sdk", &"a".repeat(41)] {
            let error = new_project(parent.path(), name).expect_err(name);
            assert!(matches!(error, NewProjectError::Name(_)), "{error}");
        }
        let left = fs::read_dir(parent.path()).expect("it can be read").count();
        assert_eq!(left, 0);
    }

    #[test]
    fn a_project_is_never_overwritten() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let project = new_project(parent.path(), "my-counter").expect("a fresh folder");
        let source = fs::read_to_string(project.join("src/lib.rs")).expect("it was written");
        assert!(source.contains("mod my_counter {"), "{source}");
        assert!(!source.contains("{{"), "{source}");
        let error = new_project(parent.path(), "my-counter").expect_err("it exists");
        assert!(matches!(error, NewProjectError::Exists(_)), "{error}");
    }
}
