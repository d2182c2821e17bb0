//! `quorate config`: what the settings are, and where each came from.

use clap::Subcommand;
use serde_json::json;

use super::Global;
use super::context::layers;
use super::output::{Output, table};
use crate::config::settings::KEYS;

#[derive(Debug, Subcommand)]
pub enum Config {
    /// Print every setting with its value
    Show {
        /// Also print which layer set it
        #[arg(long)]
        origin: bool,
        /// Also print what it means
        #[arg(long)]
        explain: bool,
    },
    /// Check the settings without starting anything
    Validate,
}

impl Config {
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        let (home, layers) = layers(global)?;
        layers.settings()?;
        let out = Output::new(global.json);
        match self {
            Self::Validate => {
                let file = home.settings_file();
                let answer = json!({ "valid": true, "file": file, "exists": file.exists() });
                out.show(&answer, || match file.exists() {
                    true => format!("{} is valid", file.display()),
                    false => format!("{} does not exist: defaults hold", file.display()),
                })
            }
            Self::Show { origin, explain } => {
                let about = |name| KEYS.iter().find(|key| key.name == name).map(|key| key.about);
                let answer: Vec<_> = layers
                    .iter()
                    .map(|(name, value, origin)| {
                        let (origin, about) = (origin.to_string(), about(name));
                        json!({ "name": name, "value": value, "origin": origin, "about": about })
                    })
                    .collect();
                out.show(&answer, || {
                    let rows = layers.iter().map(|(name, value, from)| {
                        let mut row = vec![name.to_owned(), value.to_string()];
                        row.extend(origin.then(|| from.to_string()));
                        row.extend(explain.then(|| about(name).unwrap_or_default().to_owned()));
                        row
                    });
                    let profile = format!("profile {}\n", layers.profile().name());
                    profile + &table(&rows.collect::<Vec<_>>())
                })
            }
        }
    }
}
