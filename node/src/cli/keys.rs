//! `quorate keys`.

use clap::Subcommand;

use super::context::Context;
use super::failure::Failure;
use super::output::{fields, table};
use crate::config::keyfile::{KeyInfo, Protection};
use crate::config::passphrase;

#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make a key from the system's randomness
    New {
        #[arg(default_value = "default")]
        name: String,
        /// Keep it unencrypted: for testnets and development
        #[arg(long)]
        unencrypted: bool,
    },
    /// List the keys of this home
    List,
    /// Show a key's address and public key
    Show {
        #[arg(default_value = "default")]
        name: String,
    },
}

impl Keys {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let keys = context.home.keys();
        match self {
            Self::New { name, unencrypted } => {
                let protection = protection(context, &name, unencrypted)?;
                show(context, &keys.generate(&name, &protection)?)
            }
            Self::Show { name } => show(context, &keys.info(&name)?),
            Self::List => {
                let all = keys.list()?;
                context.out.show(&all, || {
                    if all.is_empty() {
                        return "no keys yet: make one with `quorate keys new`".to_owned();
                    }
                    let head = ["name", "address", ""].map(str::to_owned).to_vec();
                    let row = |key: &KeyInfo| {
                        vec![key.name.clone(), key.address.to_string(), kept(key).to_owned()]
                    };
                    let rows: Vec<_> = std::iter::once(head).chain(all.iter().map(row)).collect();
                    table(&rows)
                })
            }
        }
    }
}

fn show(context: &Context, key: &KeyInfo) -> anyhow::Result<()> {
    context.out.show(key, || {
        fields(&[
            ("name", key.name.clone()),
            ("address", key.address.to_string()),
            ("public key", key.public_key.to_string()),
            ("kept", kept(key).to_owned()),
        ])
    })
}

fn kept(key: &KeyInfo) -> &'static str {
    if key.encrypted { "encrypted" } else { "unencrypted" }
}

/// How a new key shall be kept: by a passphrase, unless openly was asked for.
pub fn protection(context: &Context, name: &str, unencrypted: bool) -> anyhow::Result<Protection> {
    if unencrypted {
        return Ok(Protection::None);
    }
    let passphrase = passphrase::choose(context.passphrase_file(), name)?;
    let passphrase = passphrase.ok_or_else(|| {
        Failure::Usage(
            "a new key needs a passphrase: --passphrase-file, QUORATE_PASSPHRASE, or a terminal \
             to type it; or say --unencrypted"
                .into(),
        )
    })?;
    Ok(Protection::Passphrase(passphrase))
}
