//! `quorate dev`: a chain of one validator with funded keys, for developing against.
//!
//! It is the same node with the same rules: a quorum of one commits a block as soon as there is a
//! transaction.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use primitives::{Amount, ChainId, ChainParameters, Genesis, SecretKey, Validator};
use serde_json::json;

use super::Global;
use super::context::Context;
use super::genesis::now;
use super::init::template;
use super::output::{Output, table};
use crate::config::home::write_atomically;
use crate::config::keyfile::Protection;
use crate::config::layers::Profile;
use crate::config::{Home, log, ready};
use crate::node;
use crate::vote_log;

/// The funded keys.
const KEYS: [&str; 3] = ["alice", "bob", "carol"];
/// What each owns, in native units.
const FUNDS: Amount = Amount(1_000_000_000_000_000_000_000);

#[derive(Debug, Args)]
pub struct Dev {
    /// Where the chain is kept [default: a temporary directory, removed at the end]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The port of RPC [default: chosen by the system]
    #[arg(long, default_value_t = 0)]
    port: u16,
    #[arg(long, default_value = "dev")]
    chain_id: ChainId,
}

impl Dev {
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        // A given home is kept; only one that nobody named is temporary.
        let named = self.dir.clone().or_else(|| global.home.clone());
        let (root, temporary) = match named {
            Some(path) => (std::path::absolute(path)?, None),
            None => {
                let directory = tempfile::Builder::new().prefix("quorate-dev-").tempdir()?;
                (directory.path().to_owned(), Some(directory))
            }
        };
        let home = Home::new(&root);
        if !home.settings_file().exists() {
            create(&home, &self.chain_id)?;
        }
        let mut set = global.set.clone();
        set.push(format!("rpc.listen=127.0.0.1:{}", self.port));
        let global =
            Global { home: Some(root), profile: Some(Profile::Dev), set, ..global.clone() };
        let context = Context::load(&global)?;
        log::start(&context.settings.log)?;
        let (home, out) = (context.home.clone(), context.out);
        let ready = ready::subscribe();
        std::thread::spawn(move || {
            // No message comes when the node fails to start; then its error says why.
            if ready.recv().is_ok()
                && let Err(error) = greet(&home, out)
            {
                eprintln!("{error:#}");
            }
        });
        let ended = node::run(context.home.clone(), context.settings.clone(), node::honest);
        drop(temporary);
        ended
    }
}

fn create(home: &Home, chain_id: &ChainId) -> anyhow::Result<()> {
    home.create()?;
    let validator = home.keys().generate("validator", &Protection::None)?;
    vote_log::create(&home.vote_log())?;
    let validators = vec![Validator { name: "dev".to_owned(), key: validator.public_key }];
    let mut accounts = BTreeMap::new();
    for name in KEYS {
        accounts.insert(home.keys().generate(name, &Protection::None)?.address, FUNDS);
    }
    let (chain_id, parameters) = (chain_id.clone(), ChainParameters::default());
    let genesis = Genesis { chain_id, timestamp_ms: now(), parameters, validators, accounts };
    genesis.check()?;
    write_atomically(&home.genesis_file(), genesis.to_toml().as_bytes())?;
    Ok(write_atomically(&home.settings_file(), template(Profile::Dev, "").as_bytes())?)
}

/// Says where the chain is and who has money.
fn greet(home: &Home, out: Output) -> anyhow::Result<()> {
    let ports = home.ports()?.context("the node has not said where it serves")?;
    let url = ports.rpc_url();
    let keys = home.keys();
    let mut accounts = Vec::new();
    for name in KEYS {
        let key = keys.open(name, || Ok(None)).with_context(|| format!("the key {name}"))?;
        accounts.push((name, key.public_key().address(), seed(&key)));
    }
    let answer = json!({
        "rpc": url,
        "home": home.root(),
        "genesisHash": home.genesis()?.hash(),
        "accounts": accounts
            .iter()
            .map(|(name, address, seed)| json!({ "name": name, "address": address, "seed": seed }))
            .collect::<Vec<_>>(),
    });
    out.show(&answer, || {
        let head = ["key", "address", "seed"].map(str::to_owned).to_vec();
        let rows = accounts.iter().map(|(name, address, seed)| {
            vec![(*name).to_owned(), address.to_string(), seed.clone()]
        });
        let table = table(&std::iter::once(head).chain(rows).collect::<Vec<_>>());
        let root = home.root().display();
        format!(
            "{table}\n\nEach owns {FUNDS} units. These keys are for development only.\n\n\
             RPC:  {url}\n\nIn another terminal:\n  export QUORATE_HOME={root}\n  \
             quorate tx transfer bob 1000\n\nCtrl-C ends the chain."
        )
    })
}

fn seed(key: &SecretKey) -> String {
    format!("0x{}", hex::encode(key.seed()))
}
