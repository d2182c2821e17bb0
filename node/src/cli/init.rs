//! `quorate init`: a home for a node.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use primitives::Genesis;
use serde_json::json;

use super::context::Context;
use super::keys::protection;
use super::output::fields;
use crate::config::home::write_atomically;
use crate::config::layers::Profile;
use crate::config::settings::KEYS;
use crate::vote_log;

#[derive(Debug, Args)]
pub struct Init {
    /// What the validator shall be called on the chain
    #[arg(default_value = "validator")]
    name: String,
    /// Copy this genesis into the home
    #[arg(long, value_name = "FILE")]
    genesis: Option<PathBuf>,
    /// Keep the key unencrypted: for testnets and development
    #[arg(long)]
    unencrypted: bool,
}

impl Init {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let home = &context.home;
        if home.settings_file().exists() {
            bail!("{} is a home already; nothing was changed", home.root().display());
        }
        home.create()?;
        let key_name = &context.settings.validator.key;
        let protection = protection(context, key_name, self.unencrypted)?;
        let key = home.keys().generate(key_name, &protection)?;
        vote_log::create(&home.vote_log())?;
        if let Some(file) = &self.genesis {
            copy_genesis(file, &home.genesis_file())?;
        }
        // Last, so that an interrupted init is not taken for a finished one.
        write_atomically(&home.settings_file(), template(Profile::Validator, "").as_bytes())?;
        let entry = format!("{}={}", self.name, key.public_key);
        let answer = json!({
            "home": home.root(), "validator": self.name, "publicKey": key.public_key,
        });
        context.out.show(&answer, || {
            let next = if self.genesis.is_some() {
                "Next: name the other validators' addresses under [network] peers in node.toml,\n\
                 then `quorate run`."
            } else {
                "Next: give the public key to whoever makes the genesis (`quorate genesis new \
                 --validator …`),\nand put the chain's genesis.toml into the home."
            };
            let rows = [("home", home.root().display().to_string()), ("validator", entry)];
            format!("{}\n\n{next}", fields(&rows))
        })
    }
}

fn copy_genesis(from: &Path, to: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(from).with_context(|| from.display().to_string())?;
    Genesis::from_toml(&text).with_context(|| from.display().to_string())?;
    Ok(write_atomically(to, text.as_bytes())?)
}

/// A `node.toml` that sets a profile and `settings`, and names every other setting in a comment.
pub fn template(profile: Profile, settings: &str) -> String {
    let mut text = String::from(
        "# Settings of this node. Flags and environment (QUORATE__SECTION__KEY) win over this\n\
         # file, this file over the profile. `quorate config show --origin` says what holds.\n\n",
    );
    let _ = writeln!(text, "profile = \"{}\"\n{settings}\n# Every setting:", profile.name());
    for key in KEYS {
        let _ = writeln!(text, "# {:<26} {}", key.name, key.about);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layers;
    use crate::config::layers::Sources;

    #[test]
    fn the_template_is_valid_settings() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("node.toml");
        std::fs::write(&file, template(Profile::Testnet, "client.key = \"faucet\"\n")).unwrap();
        let layers = Layers::load(&file, &Sources::default()).unwrap();
        assert_eq!(layers.profile(), Profile::Testnet);
        assert_eq!(layers.settings().unwrap().client.key, "faucet");
    }
}
