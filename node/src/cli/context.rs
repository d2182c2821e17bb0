//! What a command works with: home, settings, output, keys.

use std::path::PathBuf;

use anyhow::Context as _;
use primitives::{Address, SecretKey};

use super::Global;
use super::failure::Failure;
use super::output::Output;
use crate::config::layers::Sources;
use crate::config::{Home, Layers, Settings, passphrase};

#[derive(Debug)]
pub struct Context {
    pub home: Home,
    pub settings: Settings,
    pub out: Output,
    passphrase_file: Option<PathBuf>,
}

impl Context {
    /// Reads the settings of the home that the flags name.
    pub fn load(global: &Global) -> anyhow::Result<Self> {
        let (home, layers) = layers(global)?;
        let mut settings = layers.settings()?;
        if global.passphrase_file.is_some() {
            settings.validator.passphrase_file.clone_from(&global.passphrase_file);
        }
        let out = Output::new(global.json);
        Ok(Self { home, settings, out, passphrase_file: global.passphrase_file.clone() })
    }

    pub fn passphrase_file(&self) -> Option<&std::path::Path> {
        self.passphrase_file.as_deref()
    }

    /// Opens the key that signs transactions.
    pub fn signing_key(&self) -> anyhow::Result<SecretKey> {
        let name = &self.settings.client.key;
        let ask =
            || passphrase::find(self.passphrase_file(), &format!("Passphrase of the key {name}: "));
        Ok(self.home.keys().open(name, ask)?)
    }

    /// An address, or the name of a key of this home.
    pub fn address(&self, text: &str) -> anyhow::Result<Address> {
        if text.starts_with("0x") {
            return text.parse().map_err(|error| {
                Failure::Usage(format!("{text:?} is no address: {error}")).into()
            });
        }
        let info = self.home.keys().info(text);
        Ok(info.with_context(|| format!("{text:?} is no 0x address, so a key's name"))?.address)
    }
}

/// The home that the flags name, and its settings in layers.
pub fn layers(global: &Global) -> anyhow::Result<(Home, Layers)> {
    let home = match &global.home {
        Some(path) => Home::new(path),
        None => Home::new(default_home()?),
    };
    let mut flags = global.set.clone();
    flags.extend(global.rpc.iter().map(|url| format!("client.rpc={url}")));
    flags.extend(global.key.iter().map(|name| format!("client.key={name}")));
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let sources = Sources { flags, profile: global.profile, environment: environment.collect() };
    let layers = Layers::load(&home.settings_file(), &sources)?;
    Ok((home, layers))
}

fn default_home() -> anyhow::Result<PathBuf> {
    let user = std::env::home_dir().filter(|path| !path.as_os_str().is_empty());
    let user = user.ok_or_else(|| {
        Failure::Usage("HOME is not set: name a home with --home or QUORATE_HOME".into())
    })?;
    Ok(user.join(".quorate"))
}
