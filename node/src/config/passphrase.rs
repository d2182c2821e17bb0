//! Where a passphrase comes from: a file, the environment, or the person at the terminal.

use std::io::{self, IsTerminal, Read};
use std::path::Path;

use super::keyfile::Passphrase;

/// The environment variable that holds a passphrase.
pub const VARIABLE: &str = "QUORATE_PASSPHRASE";
/// Bytes read of a passphrase file.
const FILE_BYTES_MAX: u64 = 4 << 10;

/// Finds the passphrase of an existing key. `None`: there is no file, no variable, and nobody to
/// ask.
pub fn find(file: Option<&Path>, prompt: &str) -> io::Result<Option<Passphrase>> {
    if let Some(stated) = stated(file)? {
        return Ok(Some(stated));
    }
    if !io::stdin().is_terminal() {
        return Ok(None);
    }
    rpassword::prompt_password(prompt).map(|text| Some(Passphrase::new(text)))
}

/// Finds the passphrase for a new key; a person is asked twice.
pub fn choose(file: Option<&Path>, name: &str) -> io::Result<Option<Passphrase>> {
    if let Some(stated) = stated(file)? {
        return Ok(Some(stated));
    }
    let Some(first) = find(None, &format!("Passphrase for the new key {name}: "))? else {
        return Ok(None);
    };
    let second = find(None, "The same again: ")?;
    if second.is_some_and(|second| second.matches(&first)) {
        return Ok(Some(first));
    }
    Err(io::Error::other("the two passphrases differ"))
}

/// A file is stronger than the variable: it was named for this purpose.
fn stated(file: Option<&Path>) -> io::Result<Option<Passphrase>> {
    let Some(path) = file else {
        return Ok(std::env::var(VARIABLE).ok().map(Passphrase::new));
    };
    let mut text = String::new();
    let opened = std::fs::File::open(path)
        .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
    opened.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(Some(Passphrase::new(text.lines().next().unwrap_or_default().to_owned())))
}
