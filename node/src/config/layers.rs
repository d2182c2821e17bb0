//! Settings in layers: flags over environment over `node.toml` over the profile over defaults.
//!
//! Every layer is a map from dotted names to values. A name that no setting has is an error that
//! suggests the nearest one: a misspelt setting is never silently without effect.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Serialize;
use thiserror::Error;
use toml::{Table, Value};

use super::settings::{KEYS, Settings};

/// The prefix of environment variables that are settings: `QUORATE__RPC__LISTEN` is `rpc.listen`.
pub const ENVIRONMENT_PREFIX: &str = "QUORATE__";
/// The environment variable that names the profile.
pub const PROFILE_VARIABLE: &str = "QUORATE_PROFILE";
/// The least similarity (Jaro-Winkler, 0 to 1) at which a name is suggested for a wrong one.
const SUGGESTION_SIMILARITY_MIN: f64 = 0.7;

/// A set of settings that fits a purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    /// A validator on its own machine: the defaults.
    #[default]
    Validator,
    /// Validators side by side on one machine: loopback, ports chosen by the system.
    Testnet,
    /// One node that is the whole chain: loopback, no network.
    Dev,
}

impl Profile {
    const ALL: [Self; 3] = [Self::Validator, Self::Testnet, Self::Dev];

    pub fn name(self) -> &'static str {
        match self {
            Self::Validator => "validator",
            Self::Testnet => "testnet",
            Self::Dev => "dev",
        }
    }

    /// What it sets differently from the defaults, as TOML.
    fn settings(self) -> &'static str {
        match self {
            Self::Validator => "",
            Self::Testnet => {
                r#"
                rpc.listen = "127.0.0.1:0"
                network.listen = ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"]
                network.peers_from = "../*/run/ports.json"
                vm.modules_mib = 64
                disk.free_mib_min = 256
                client.rpc_from = "../*/run/ports.json"
                "#
            }
            Self::Dev => {
                r#"
                rpc.listen = "127.0.0.1:0"
                network.listen = []
                vm.modules_mib = 64
                disk.free_mib_min = 256
                log.level = "warn"
                client.key = "alice"
                "#
            }
        }
    }
}

impl FromStr for Profile {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let named = Self::ALL.into_iter().find(|profile| profile.name() == text);
        named.ok_or_else(|| ConfigError::UnknownProfile(text.to_owned()))
    }
}

/// The layer a value came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    Default,
    Profile(&'static str),
    File(PathBuf),
    Environment(String),
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Profile(name) => write!(f, "profile {name}"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// Why settings are refused.
#[derive(Debug, Error)]
pub enum ConfigError {
    #[error("{file} cannot be read: {error}")]
    Read { file: PathBuf, error: std::io::Error },
    #[error("{file} is not TOML: {error}")]
    Syntax { file: PathBuf, error: Box<toml::de::Error> },
    #[error("{origin} sets {name}, which is no setting{}", hint(suggestion.as_deref()))]
    UnknownKey { origin: Origin, name: String, suggestion: Option<String> },
    #[error("{origin} sets {name} to an unfit value: {reason}")]
    Value { origin: Origin, name: String, reason: String },
    #[error("there is no profile {0:?}: it is validator, testnet or dev")]
    UnknownProfile(String),
    #[error("{0:?} sets nothing: write it as section.key=value")]
    NoAssignment(String),
}

fn hint(suggestion: Option<&str>) -> String {
    match suggestion {
        Some(name) => format!("; did you mean {name}?"),
        None => "; `quorate config show` lists them all".to_owned(),
    }
}

/// What stands outside the file: flags, environment. Arguments, so that tests need no process-wide
/// state.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `name=value` from the command line; a later one wins.
    pub flags: Vec<String>,
    pub profile: Option<Profile>,
    /// Name and value of environment variables; those that are no settings are passed over.
    pub environment: Vec<(String, String)>,
}

/// The merged layers: each setting's value with its origin.
#[derive(Clone, Debug)]
pub struct Layers {
    profile: Profile,
    values: BTreeMap<&'static str, (Value, Origin)>,
}

impl Layers {
    /// Merges all layers; a `file` that does not exist is an empty layer.
    pub fn load(file: &Path, sources: &Sources) -> Result<Self, ConfigError> {
        let mut table = read(file)?;
        let stated = table.remove("profile");
        let profile = choose_profile(file, stated, sources)?;
        let mut layers = Self::defaults()?;
        layers.profile = profile;
        layers.put_table(&parse(file, profile.settings())?, &Origin::Profile(profile.name()))?;
        layers.put_table(&table, &Origin::File(file.to_owned()))?;
        for (variable, text) in &sources.environment {
            if let Some(name) = variable.strip_prefix(ENVIRONMENT_PREFIX) {
                let name = name.to_ascii_lowercase().replace("__", ".");
                layers.put_text(&name, text, Origin::Environment(variable.clone()))?;
            }
        }
        for flag in &sources.flags {
            let assignment = flag.split_once('=');
            let (name, text) = assignment.ok_or_else(|| ConfigError::NoAssignment(flag.clone()))?;
            layers.put_text(name.trim(), text, Origin::Flag)?;
        }
        Ok(layers)
    }

    fn defaults() -> Result<Self, ConfigError> {
        let mut layers = Self { profile: Profile::default(), values: BTreeMap::new() };
        let table = match Value::try_from(Settings::default()) {
            Ok(Value::Table(table)) => table,
            other => panic!("settings have a TOML form: {other:?}"),
        };
        layers.put_table(&table, &Origin::Default)?;
        Ok(layers)
    }

    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// The settings, or the first value that does not fit, with the layer that set it.
    pub fn settings(&self) -> Result<Settings, ConfigError> {
        let mut merged = Table::new();
        for (name, (value, _)) in &self.values {
            let (section, key) = name.split_once('.').unwrap_or(("", name));
            let table = merged.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(table) = table {
                table.insert(key.to_owned(), value.clone());
            }
        }
        Value::Table(merged).try_into().map_err(|error| self.blame(&error))
    }

    /// Every setting with its value and its origin, in the order of [`KEYS`].
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Value, &Origin)> {
        KEYS.iter().filter_map(|key| {
            let (value, origin) = self.values.get(key.name)?;
            Some((key.name, value, origin))
        })
    }

    /// Finds the value that alone makes the settings unreadable.
    fn blame(&self, error: &toml::de::Error) -> ConfigError {
        for (name, (value, origin)) in &self.values {
            let (section, key) = name.split_once('.').unwrap_or(("", name));
            let inner = Table::from_iter([(key.to_owned(), value.clone())]);
            let alone = Table::from_iter([(section.to_owned(), Value::Table(inner))]);
            if let Err(error) = Value::Table(alone).try_into::<Settings>() {
                let reason = error.message().to_owned();
                return ConfigError::Value {
                    origin: origin.clone(),
                    name: (*name).to_owned(),
                    reason,
                };
            }
        }
        let reason = error.message().to_owned();
        ConfigError::Value { origin: Origin::Default, name: "settings".into(), reason }
    }

    fn put_table(&mut self, table: &Table, origin: &Origin) -> Result<(), ConfigError> {
        for (section, value) in table {
            match value {
                Value::Table(keys) => {
                    for (key, value) in keys {
                        self.put(&format!("{section}.{key}"), value.clone(), origin.clone())?;
                    }
                }
                value => self.put(section, value.clone(), origin.clone())?,
            }
        }
        Ok(())
    }

    /// A value given as text: as it stands for a setting that is a text, else as TOML; a list also
    /// as words between commas.
    fn put_text(&mut self, name: &str, text: &str, origin: Origin) -> Result<(), ConfigError> {
        let value = match self.values.get(name) {
            Some((Value::Array(_), _)) if !text.trim_start().starts_with('[') => {
                let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
                Value::Array(words.map(|word| Value::String(word.to_owned())).collect())
            }
            Some((Value::String(_), _)) | None => Value::String(text.to_owned()),
            Some(_) => match format!("value = {text}").parse::<Table>() {
                Ok(mut table) => {
                    table.remove("value").unwrap_or_else(|| Value::String(text.to_owned()))
                }
                Err(_) => Value::String(text.to_owned()),
            },
        };
        self.put(name, value, origin)
    }

    fn put(&mut self, name: &str, value: Value, origin: Origin) -> Result<(), ConfigError> {
        let Some(key) = KEYS.iter().find(|key| key.name == name) else {
            let suggestion = suggest(name, KEYS.iter().map(|key| key.name)).map(str::to_owned);
            return Err(ConfigError::UnknownKey { origin, name: name.to_owned(), suggestion });
        };
        self.values.insert(key.name, (value, origin));
        Ok(())
    }
}

/// The name nearest to a wrong one, if any is near.
pub fn suggest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // The last part decides, so that `rpc.port_listen` and a bare `listen` find their way too.
    let last = |name: &'a str| name.rsplit('.').next().unwrap_or(name);
    let score = |name: &'a str| {
        strsim::jaro_winkler(wrong, name).max(strsim::jaro_winkler(wrong, last(name)))
    };
    let scored = names.map(|name| (score(name), name));
    let best = scored.max_by(|left, right| left.0.total_cmp(&right.0));
    best.filter(|(score, _)| *score >= SUGGESTION_SIMILARITY_MIN).map(|(_, name)| name)
}

fn read(file: &Path) -> Result<Table, ConfigError> {
    match std::fs::read_to_string(file) {
        Ok(text) => parse(file, &text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Table::new()),
        Err(error) => Err(ConfigError::Read { file: file.to_owned(), error }),
    }
}

fn parse(file: &Path, text: &str) -> Result<Table, ConfigError> {
    text.parse()
        .map_err(|error| ConfigError::Syntax { file: file.to_owned(), error: Box::new(error) })
}

fn choose_profile(
    file: &Path,
    stated: Option<Value>,
    sources: &Sources,
) -> Result<Profile, ConfigError> {
    if let Some(profile) = sources.profile {
        return Ok(profile);
    }
    let variables = &mut sources.environment.iter();
    if let Some((_, name)) = variables.find(|(name, _)| name == PROFILE_VARIABLE) {
        return name.parse();
    }
    match stated {
        None => Ok(Profile::default()),
        Some(Value::String(name)) => name.parse(),
        Some(other) => Err(ConfigError::Value {
            origin: Origin::File(file.to_owned()),
            name: "profile".into(),
            reason: format!("{other} is no name"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(file: &str, environment: &[(&str, &str)], flags: &[&str]) -> Result<Layers, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("node.toml");
        std::fs::write(&path, file).unwrap();
        let sources = Sources {
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            profile: None,
            environment: environment
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        };
        let layers = Layers::load(&path, &sources).map_err(|error| error.to_string())?;
        layers.settings().map_err(|error| error.to_string())?;
        Ok(layers)
    }

    #[test]
    fn every_setting_is_listed_once_and_every_listed_one_exists() {
        let defaults = Layers::defaults().unwrap();
        let listed: Vec<_> = KEYS.iter().map(|key| key.name).collect();
        let mut sorted = listed.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), listed.len(), "a setting is listed twice");
        assert_eq!(defaults.values.keys().copied().collect::<Vec<_>>(), sorted);
        assert_eq!(defaults.settings().unwrap(), Settings::default());
    }

    #[test]
    fn a_higher_layer_wins() {
        let file = "profile = \"testnet\"\n[vm]\nmodules_mib = 7\n[log]\nlevel = \"debug\"";
        let environment = [("QUORATE__LOG__LEVEL", "warn"), ("QUORATE__RPC__LISTEN", "[::1]:1")];
        let layers = load(file, &environment, &["rpc.listen=127.0.0.1:2"]).unwrap();
        let settings = layers.settings().unwrap();
        assert_eq!(settings.rpc.listen.port(), 2);
        assert_eq!(settings.log.level, "warn");
        assert_eq!(settings.vm.modules_mib, 7);
        assert_eq!(settings.network.peers_from.as_deref(), Some("../*/run/ports.json"));
        assert_eq!(settings.rpc.connections_max, RpcDefault::default().connections_max);
        let origin = |wanted| layers.iter().find(|(name, ..)| *name == wanted).unwrap().2.clone();
        assert_eq!(origin("rpc.listen"), Origin::Flag);
        assert_eq!(origin("log.level"), Origin::Environment("QUORATE__LOG__LEVEL".into()));
        assert!(matches!(origin("vm.modules_mib"), Origin::File(_)));
        assert_eq!(origin("network.peers_from"), Origin::Profile("testnet"));
        assert_eq!(origin("rpc.connections_max"), Origin::Default);
    }

    use super::super::settings::RpcSettings as RpcDefault;

    #[test]
    fn a_misspelt_setting_is_refused_with_the_right_name() {
        for (wrong, right) in [
            ("[rpc]\nlissten = \"127.0.0.1:1\"", "rpc.listen"),
            ("[network]\npeer_from = \"x\"", "network.peers_from"),
            ("[logs]\nlevel = \"info\"", "log.level"),
        ] {
            let error = load(wrong, &[], &[]).unwrap_err();
            assert!(error.contains(&format!("did you mean {right}?")), "{error}");
        }
        let error = load("", &[("QUORATE__RPC__LISTN", "x")], &[]).unwrap_err();
        assert!(error.contains("QUORATE__RPC__LISTN") && error.contains("rpc.listen"), "{error}");
        let error = load("", &[], &["vm.module_mib=1"]).unwrap_err();
        assert!(error.contains("vm.modules_mib"), "{error}");
    }

    #[test]
    fn an_unfit_value_is_refused_with_its_origin() {
        let error = load("", &[("QUORATE__RPC__LISTEN", "nowhere")], &[]).unwrap_err();
        assert!(error.contains("QUORATE__RPC__LISTEN") && error.contains("rpc.listen"), "{error}");
        let error = load("[vm]\nmodules_mib = -1", &[], &[]).unwrap_err();
        assert!(error.contains("node.toml") && error.contains("vm.modules_mib"), "{error}");
        let error = load("", &[], &["disk.free_mib_min=0"]).unwrap_err();
        assert!(error.contains("flag sets disk.free_mib_min to an unfit value"), "{error}");
        assert!(error.contains("nonzero"), "{error}");
        let error = load("profile = \"tesnet\"", &[], &[]).unwrap_err();
        assert!(error.contains("tesnet"), "{error}");
    }

    #[test]
    fn lists_and_maps_can_be_given_as_text() {
        let flags = [
            "network.listen=/ip4/1.2.3.4/tcp/1, /ip4/1.2.3.4/tcp/2",
            "network.peers={ a = \"b\" }",
        ];
        let settings = load("", &[], &flags).unwrap().settings().unwrap();
        assert_eq!(settings.network.listen.len(), 2);
        assert_eq!(settings.network.peers.get("a").map(String::as_str), Some("b"));
    }

    #[test]
    fn every_profile_is_readable() {
        for profile in Profile::ALL {
            let file = format!("profile = \"{}\"", profile.name());
            assert_eq!(load(&file, &[], &[]).unwrap().profile(), profile);
        }
    }
}
