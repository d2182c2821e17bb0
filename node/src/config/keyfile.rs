//! Keys on disk: one TOML file a key, mode 0600, the secret encrypted at rest.
//!
//! Argon2id makes a key of the passphrase, ChaCha20-Poly1305 seals the 32-byte seed with the public
//! key as associated data, so that a file whose parts were exchanged does not open. A file may also
//! hold the seed openly, for testnets and development; it says so in its own words.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use primitives::{PublicKey, SecretKey};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use super::home::{self, HomeError};

/// Bytes of a key file.
const FILE_BYTES_MAX: u64 = 4 << 10;
/// What one guess of a passphrase costs: 64 MiB and three passes, the second choice of RFC 9106.
const MEMORY_KIB: u32 = 64 << 10;
const PASSES: u32 = 3;
/// The most memory that a file may ask for, so that a file from elsewhere cannot exhaust the
/// machine.
const MEMORY_KIB_MAX: u32 = 1 << 20;
const PASSES_MAX: u32 = 100;
/// Bytes of a key's name.
const NAME_BYTES_MAX: usize = 64;

/// The directory `keys/` of a home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyStore {
    directory: PathBuf,
}

/// A passphrase; wiped from memory when dropped, and never printed.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether both are the same; for a prompt that asks twice.
    pub fn matches(&self, other: &Self) -> bool {
        *self.0 == *other.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase")
    }
}

/// How a new key is kept.
#[derive(Clone, Debug)]
pub enum Protection {
    Passphrase(Passphrase),
    /// The seed stands openly in the file: for testnets and development.
    None,
}

/// Why a key cannot be kept or used.
#[derive(Debug, Error)]
pub enum KeyError {
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: io::Error },
    #[error(transparent)]
    Home(#[from] HomeError),
    #[error(
        "there is no key {name:?} in {directory}: make it with `quorate keys new {name}`, or \
        see `quorate keys list`"
    )]
    Missing { name: String, directory: PathBuf },
    #[error("{0} exists already: a key is never overwritten")]
    Exists(PathBuf),
    #[error("{path} may be read by others (mode {mode:03o}): run `chmod 600` on it")]
    Mode { path: PathBuf, mode: u32 },
    #[error("{path} is no key file: {reason}")]
    Malformed { path: PathBuf, reason: String },
    #[error(
        "the key {0:?} is encrypted and needs its passphrase: --passphrase-file, \
        QUORATE_PASSPHRASE, or a terminal to type it"
    )]
    Locked(String),
    #[error("the passphrase does not open the key {0:?}")]
    WrongPassphrase(String),
    #[error("a key's name is 1 to 64 of a-z, A-Z, 0-9, '-' and '_', not {0:?}")]
    Name(String),
    #[error("an empty passphrase protects nothing: choose one, or say --unencrypted")]
    EmptyPassphrase,
}

/// A key file as written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    version: u32,
    public_key: PublicKey,
    #[serde(flatten)]
    secret: Secret,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Secret {
    /// The seed, openly.
    Unencrypted {
        seed: String,
    },
    Encrypted(Sealed),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unencrypted { .. } => "Unencrypted",
            Self::Encrypted(_) => "Encrypted",
        })
    }
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    kdf: String,
    memory_kib: u32,
    passes: u32,
    salt: String,
    cipher: String,
    nonce: String,
    ciphertext: String,
}

const KDF: &str = "argon2id";
const CIPHER: &str = "chacha20-poly1305";

/// What can be known of a key without its passphrase.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyInfo {
    pub name: String,
    pub address: primitives::Address,
    pub public_key: PublicKey,
    pub encrypted: bool,
}

impl KeyStore {
    pub fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.key"))
    }

    /// Makes a new key from the system's randomness.
    pub fn generate(&self, name: &str, protection: &Protection) -> Result<KeyInfo, KeyError> {
        let key = SecretKey::from_seed(*random::<32>(&self.path(name))?);
        self.store(name, &key, protection)
    }

    /// Keeps a key under a new name.
    pub fn store(
        &self,
        name: &str,
        key: &SecretKey,
        protection: &Protection,
    ) -> Result<KeyInfo, KeyError> {
        check_name(name)?;
        let path = self.path(name);
        let public_key = key.public_key();
        let secret = match protection {
            Protection::None => {
                Secret::Unencrypted { seed: format!("0x{}", hex::encode(key.seed())) }
            }
            Protection::Passphrase(passphrase) if passphrase.is_empty() => {
                return Err(KeyError::EmptyPassphrase);
            }
            Protection::Passphrase(passphrase) => {
                Secret::Encrypted(Sealed::seal(key, passphrase, &path)?)
            }
        };
        let file = KeyFile { version: 1, public_key, secret };
        home::create_private(&self.directory)?;
        write_new(&path, &file)?;
        Ok(file.info(name))
    }

    /// The key's public part; needs no passphrase.
    pub fn info(&self, name: &str) -> Result<KeyInfo, KeyError> {
        Ok(self.read(name)?.info(name))
    }

    /// All keys, by name.
    pub fn list(&self) -> Result<Vec<KeyInfo>, KeyError> {
        let io = |error| KeyError::Io { path: self.directory.clone(), error };
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(io)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let path = entry.map_err(io)?.path();
            if path.extension().is_some_and(|extension| extension == "key")
                && let Some(stem) = path.file_stem()
            {
                names.push(stem.to_string_lossy().into_owned());
            }
        }
        names.sort();
        names.iter().map(|name| self.info(name)).collect()
    }

    /// Opens a key. `passphrase` is called only when the file is encrypted, and answers `None` when
    /// there is nobody to ask.
    pub fn open(
        &self,
        name: &str,
        passphrase: impl FnOnce() -> io::Result<Option<Passphrase>>,
    ) -> Result<SecretKey, KeyError> {
        let (path, file) = (self.path(name), self.read(name)?);
        let seed = match &file.secret {
            Secret::Unencrypted { seed } => Zeroizing::new(unhex::<32>(seed, "seed", &path)?),
            Secret::Encrypted(sealed) => {
                let asked =
                    passphrase().map_err(|error| KeyError::Io { path: path.clone(), error })?;
                let passphrase = asked.ok_or_else(|| KeyError::Locked(name.to_owned()))?;
                sealed
                    .open(&file.public_key, &passphrase, &path)?
                    .ok_or_else(|| KeyError::WrongPassphrase(name.to_owned()))?
            }
        };
        let key = SecretKey::from_seed(*seed);
        if key.public_key() != file.public_key {
            let reason = "its public key is not its secret key's".to_owned();
            return Err(KeyError::Malformed { path, reason });
        }
        Ok(key)
    }

    fn read(&self, name: &str) -> Result<KeyFile, KeyError> {
        check_name(name)?;
        let path = self.path(name);
        let io = |error| KeyError::Io { path: path.clone(), error };
        let metadata = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (name, directory) = (name.to_owned(), self.directory.clone());
                return Err(KeyError::Missing { name, directory });
            }
            other => other.map_err(io)?,
        };
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyError::Mode { path, mode });
        }
        let malformed = |reason| KeyError::Malformed { path: path.clone(), reason };
        if metadata.len() > FILE_BYTES_MAX {
            return Err(malformed("it is too long".to_owned()));
        }
        let text = Zeroizing::new(fs::read_to_string(&path).map_err(io)?);
        let file: KeyFile =
            toml::from_str(&text).map_err(|error| malformed(error.message().to_owned()))?;
        if file.version != 1 {
            return Err(malformed(format!("version {} is unknown", file.version)));
        }
        Ok(file)
    }
}

impl KeyFile {
    fn info(&self, name: &str) -> KeyInfo {
        KeyInfo {
            name: name.to_owned(),
            address: self.public_key.address(),
            public_key: self.public_key,
            encrypted: matches!(self.secret, Secret::Encrypted(_)),
        }
    }
}

impl Sealed {
    fn seal(key: &SecretKey, passphrase: &Passphrase, path: &Path) -> Result<Self, KeyError> {
        let (salt, nonce) = (random::<16>(path)?, random::<12>(path)?);
        let cipher = cipher(passphrase, &*salt, MEMORY_KIB, PASSES, path)?;
        let seed = Zeroizing::new(key.seed());
        let payload = Payload { msg: &seed[..], aad: &key.public_key().0 };
        let sealed = cipher.encrypt((&*nonce).into(), payload);
        let ciphertext = sealed.map_err(|_| KeyError::Malformed {
            path: path.to_owned(),
            reason: "the seed cannot be sealed".to_owned(),
        })?;
        Ok(Self {
            kdf: KDF.to_owned(),
            memory_kib: MEMORY_KIB,
            passes: PASSES,
            salt: hex::encode(*salt),
            cipher: CIPHER.to_owned(),
            nonce: hex::encode(*nonce),
            ciphertext: hex::encode(ciphertext),
        })
    }

    /// `None` when the passphrase is wrong, or the file was changed.
    fn open(
        &self,
        public_key: &PublicKey,
        passphrase: &Passphrase,
        path: &Path,
    ) -> Result<Option<Zeroizing<[u8; 32]>>, KeyError> {
        if self.kdf != KDF || self.cipher != CIPHER {
            let reason = format!("{} with {} is unknown", self.kdf, self.cipher);
            return Err(KeyError::Malformed { path: path.to_owned(), reason });
        }
        let salt = unhex::<16>(&self.salt, "salt", path)?;
        let nonce = unhex::<12>(&self.nonce, "nonce", path)?;
        let ciphertext = unhex::<48>(&self.ciphertext, "ciphertext", path)?;
        let cipher = cipher(passphrase, &salt, self.memory_kib, self.passes, path)?;
        let payload = Payload { msg: &ciphertext, aad: &public_key.0 };
        let Ok(seed) = cipher.decrypt((&nonce).into(), payload).map(Zeroizing::new) else {
            return Ok(None);
        };
        Ok(<[u8; 32]>::try_from(seed.as_slice()).ok().map(Zeroizing::new))
    }
}

fn cipher(
    passphrase: &Passphrase,
    salt: &[u8],
    memory_kib: u32,
    passes: u32,
    path: &Path,
) -> Result<ChaCha20Poly1305, KeyError> {
    let malformed = |reason| KeyError::Malformed { path: path.to_owned(), reason };
    if memory_kib > MEMORY_KIB_MAX || passes > PASSES_MAX {
        return Err(malformed("it asks for more work than any honest key file".to_owned()));
    }
    let params = Params::new(memory_kib, passes, 1, Some(32));
    let params = params.map_err(|error| malformed(error.to_string()))?;
    let mut key = Zeroizing::new([0u8; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.0.as_bytes(), salt, &mut *key)
        .map_err(|error| malformed(error.to_string()))?;
    Ok(ChaCha20Poly1305::new((&*key).into()))
}

fn check_name(name: &str) -> Result<(), KeyError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(KeyError::Name(name.to_owned()))
}

fn random<const N: usize>(path: &Path) -> Result<Zeroizing<[u8; N]>, KeyError> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(&mut *bytes).map_err(|error| KeyError::Io {
        path: path.to_owned(),
        error: io::Error::other(error.to_string()),
    })?;
    Ok(bytes)
}

fn unhex<const N: usize>(text: &str, what: &str, path: &Path) -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    let digits = text.strip_prefix("0x").unwrap_or(text);
    hex::decode_to_slice(digits, &mut bytes).map_err(|error| KeyError::Malformed {
        path: path.to_owned(),
        reason: format!("its {what} is not {N} bytes in hex: {error}"),
    })?;
    Ok(bytes)
}

fn write_new(path: &Path, file: &KeyFile) -> Result<(), KeyError> {
    let text = match toml::to_string(file) {
        Ok(text) => Zeroizing::new(text),
        Err(error) => panic!("a key file has a TOML form: {error}"),
    };
    let mut options = OpenOptions::new();
    let mut opened = match options.write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(KeyError::Exists(path.to_owned()));
        }
        other => other.map_err(|error| KeyError::Io { path: path.to_owned(), error })?,
    };
    opened
        .write_all(text.as_bytes())
        .and_then(|()| opened.sync_all())
        .map_err(|error| KeyError::Io { path: path.to_owned(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phrase(text: &str) -> Passphrase {
        Passphrase::new(text.to_owned())
    }

    fn store() -> (tempfile::TempDir, KeyStore) {
        let directory = tempfile::tempdir().unwrap();
        let store = KeyStore::new(directory.path().join("keys"));
        (directory, store)
    }

    #[test]
    fn an_encrypted_key_opens_with_its_passphrase_only() {
        let (_directory, store) = store();
        let key = SecretKey::from_seed([7; 32]);
        let sealed = Protection::Passphrase(phrase("correct horse"));
        let info = store.store("a", &key, &sealed).unwrap();
        assert!(info.encrypted);
        assert_eq!(info.address, key.public_key().address());
        let text = fs::read_to_string(store.path("a")).unwrap();
        assert!(!text.contains(&hex::encode(key.seed())), "the seed stands in the file");
        assert_eq!(fs::metadata(store.path("a")).unwrap().permissions().mode() & 0o777, 0o600);

        let opened = store.open("a", || Ok(Some(phrase("correct horse")))).unwrap();
        assert_eq!(opened.seed(), key.seed());
        let wrong = store.open("a", || Ok(Some(phrase("correct horsf"))));
        assert!(matches!(wrong, Err(KeyError::WrongPassphrase(_))));
        assert!(matches!(store.open("a", || Ok(None)), Err(KeyError::Locked(_))));
    }

    #[test]
    fn a_changed_public_key_does_not_open() {
        let (_directory, store) = store();
        let key = SecretKey::from_seed([7; 32]);
        let other = SecretKey::from_seed([8; 32]).public_key().to_string();
        for (name, protection) in
            [("a", Protection::None), ("b", Protection::Passphrase(phrase("x")))]
        {
            store.store(name, &key, &protection).unwrap();
            let text = fs::read_to_string(store.path(name)).unwrap();
            fs::write(store.path(name), text.replace(&key.public_key().to_string(), &other))
                .unwrap();
            assert!(store.open(name, || Ok(Some(phrase("x")))).is_err(), "{name}");
        }
    }

    #[test]
    fn an_unencrypted_key_opens_without_asking() {
        let (_directory, store) = store();
        let info = store.generate("a", &Protection::None).unwrap();
        let opened = store.open("a", || panic!("nobody is to be asked")).unwrap();
        assert_eq!(opened.public_key(), info.public_key);
        assert_eq!(store.list().unwrap().len(), 1);
    }

    #[test]
    fn keys_are_never_overwritten_read_by_others_or_named_like_paths() {
        let (_directory, store) = store();
        store.generate("a", &Protection::None).unwrap();
        assert!(matches!(store.generate("a", &Protection::None), Err(KeyError::Exists(_))));
        assert!(matches!(store.generate("../a", &Protection::None), Err(KeyError::Name(_))));
        fs::set_permissions(store.path("a"), fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(store.info("a"), Err(KeyError::Mode { mode: 0o640, .. })));
        let missing = store.info("b").unwrap_err().to_string();
        assert!(missing.contains("quorate keys new b"), "{missing}");
    }

    #[test]
    fn a_file_that_asks_for_too_much_work_is_refused() {
        let (_directory, store) = store();
        let sealed = Protection::Passphrase(phrase("x"));
        store.generate("a", &sealed).unwrap();
        let text = fs::read_to_string(store.path("a")).unwrap();
        fs::write(store.path("a"), text.replace("65536", "4000000000")).unwrap();
        let refused = store.open("a", || Ok(Some(phrase("x"))));
        assert!(matches!(refused, Err(KeyError::Malformed { .. })));
    }
}
