//! `quorate snapshot`: the state of one block as a file that proves itself, to begin a node with.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use archive::snapshot_file::{self, Label, Reader, RestoreError};
use clap::Subcommand;
use consensus::leader::Schedule;
use primitives::{Epoch, Genesis, Hash, Height, SigningContext};
use serde_json::json;
use state::SnapshotHead;

use super::checkpoint::Checkpoint;
use super::context::Context;
use super::failure::Failure;
use super::output::{Output, bytes, fields, table};
use crate::config::home::create_private;
use crate::vote_log::{self, Restored};

/// The ending of the files in the home's `snapshots`.
const ENDING: &str = "snapshot";

#[derive(Debug, Subcommand)]
pub enum Snapshot {
    /// Write the state of the last block into a file, while the node runs or not. The file holds
    /// values, the block and its certificate: no keys, no vote log, no older blocks
    Create {
        /// Where to write it [default: snapshots/HEIGHT.snapshot in the home]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// The snapshots in this home
    List,
    /// Make a snapshot this home's store. Everything in it is checked against the validators of
    /// this home's genesis. Can be interrupted and begun again
    Restore {
        file: PathBuf,
        /// Replace the store that is there
        #[arg(long)]
        yes: bool,
    },
}

impl Snapshot {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        match self {
            Self::Create { out } => create(context, out),
            Self::List => list(context),
            Self::Restore { file, yes } => restore(context, &file, yes),
        }
    }
}

fn directory(context: &Context) -> PathBuf {
    context.home.root().join("snapshots")
}

fn create(context: &Context, out: Option<PathBuf>) -> anyhow::Result<()> {
    let genesis = context.home.genesis()?;
    let checkpoint = Checkpoint::take(context)?;
    let state = checkpoint.open(&genesis)?;
    let snapshot = state.snapshot();
    let head = snapshot.head();
    let (height, view) = (head.header.height, head.header.view);
    let first = Schedule::first_needed(genesis.validators.len(), view);
    let Some(head) = state.snapshot_head(height, first) else {
        bail!("the chain is at height {height}: there is no certified state yet");
    };
    let keys = state.usage().iter().map(|(_, usage)| usage.keys).sum();
    let label = Label { genesis: genesis.hash(), height, root: head.result.state_root, keys };
    let path = match out {
        Some(path) => path,
        None => {
            create_private(&directory(context))?;
            directory(context).join(format!("{height}.{ENDING}"))
        }
    };
    if path.exists() {
        let message = format!("{} exists; nothing was written", path.display());
        return Err(Failure::Usage(message).into());
    }
    let mut progress = Progress::new(context.out, "written", keys);
    snapshot_file::save(&path, &label, &head, &snapshot, |keys| progress.at(keys))
        .with_context(|| path.display().to_string())?;
    let length = fs::metadata(&path)?.len();
    let answer = json!({
        "file": path, "height": height, "stateRoot": label.root, "keys": keys, "bytes": length,
    });
    context.out.show(&answer, || {
        fields(&[
            ("file", path.display().to_string()),
            ("height", height.to_string()),
            ("state root", label.root.to_string()),
            ("keys", keys.to_string()),
            ("size", bytes(length)),
        ])
    })
}

fn list(context: &Context) -> anyhow::Result<()> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(directory(context)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        entries => entries?.collect::<Result<Vec<_>, _>>()?,
    };
    for entry in entries {
        let path = entry.path();
        if path.extension().is_some_and(|ending| ending == ENDING) {
            let label = snapshot_file::read_label(&mut File::open(&path)?);
            found.push((path, label, entry.metadata()?.len()));
        }
    }
    found.sort_by_key(|(path, label, _)| {
        (label.as_ref().map(|label| label.height).ok(), path.clone())
    });
    let answer: Vec<_> = found
        .iter()
        .map(|(path, label, length)| {
            let label = label.as_ref().ok();
            json!({
                "file": path, "bytes": length, "height": label.map(|label| label.height),
                "stateRoot": label.map(|label| label.root), "keys": label.map(|label| label.keys),
            })
        })
        .collect();
    context.out.show(&answer, || {
        if found.is_empty() {
            return format!("no snapshots in {}", directory(context).display());
        }
        let mut rows = vec![["height", "keys", "size", "file"].map(str::to_owned).to_vec()];
        rows.extend(found.iter().map(|(path, label, length)| {
            let (height, keys) = match label {
                Ok(label) => (label.height.to_string(), label.keys.to_string()),
                Err(_) => ("unreadable".to_owned(), String::new()),
            };
            vec![height, keys, bytes(*length), path.display().to_string()]
        }));
        table(&rows)
    })
}

fn restore(context: &Context, path: &Path, yes: bool) -> anyhow::Result<()> {
    let named = || path.display().to_string();
    let genesis = context.home.genesis().context("a snapshot is checked by the genesis")?;
    let file = BufReader::new(File::open(path).with_context(named)?);
    let reader = Reader::open(file).map_err(|error| damaged(path, error))?;
    check_head(&genesis, &reader.label, &reader.head).map_err(|error| {
        Failure::Unproved(format!("{} is not to be trusted: {error:#}", path.display()))
    })?;
    let place = context.home.database();
    if place.exists() && !yes {
        let message = format!(
            "{} exists, and the snapshot of height {} would take its place: add --yes to do it",
            place.display(),
            reader.label.height
        );
        return Err(Failure::Usage(message).into());
    }
    context.home.create()?;
    let _lock = context.home.lock()?;
    let (label, validators) = (reader.label, genesis.validators.len());
    let mut progress = Progress::new(context.out, "restored", label.keys);
    let keys = match snapshot_file::restore(reader, &place, |keys| progress.at(keys)) {
        Ok(keys) => keys,
        Err(RestoreError::Open(error)) => return Err(error.into()),
        Err(RestoreError::Store(error)) => return Err(error.into()),
        Err(error) => return Err(damaged(path, error).into()),
    };
    let log = vote_log::after_restore(&context.home.vote_log())?;
    let Label { height, root, .. } = label;
    let answer = json!({
        "height": height, "stateRoot": root, "keys": keys, "voteLog": log.name(),
    });
    context.out.show(&answer, || {
        let rows = [
            ("height", height.to_string()),
            ("state root", root.to_string()),
            ("keys", keys.to_string()),
            ("vote log", log.name().to_owned()),
        ];
        format!("{}\n\n{}", fields(&rows), next(&log, validators, height))
    })
}

/// What follows the restoration of a store.
pub fn next(log: &Restored, validators: usize, height: Height) -> String {
    let start = "Next: start the node. It fetches what the others have committed since";
    let watches = matches!(log, Restored::Gone | Restored::PutAside(_));
    match (watches, validators < 4) {
        (false, _) => format!("{start}."),
        (true, false) => format!(
            "{start}, and votes again once\nenough of them are past all that this validator can \
             have signed."
        ),
        (true, true) => format!(
            "Next: with fewer than four validators none can vote again that does not know what it \
             has signed.\nIf all of them go on from this state, on each: quorate db rollback --to \
             {height} --all-validators"
        ),
    }
}

/// Whether the head is one that the genesis' validators have signed.
fn check_head(genesis: &Genesis, label: &Label, head: &SnapshotHead) -> anyhow::Result<()> {
    let (own, theirs): (Hash, Hash) = (genesis.hash(), label.genesis);
    if own != theirs {
        bail!("it is of the chain {theirs}, and this home's genesis is that of {own}");
    }
    head.check()?;
    let signing = SigningContext { chain: own, epoch: Epoch::ZERO };
    head.certificate.verify(&signing, &genesis.validator_set()?)?;
    if (label.height, label.root) != (head.header.height, head.result.state_root) {
        bail!("its label is that of another block");
    }
    Ok(())
}

fn damaged(path: &Path, error: impl std::fmt::Display) -> Failure {
    Failure::Damaged(format!(
        "{} cannot be restored: {error}. The store is as it was",
        path.display()
    ))
}

/// Tells a person who waits, ten times.
struct Progress {
    out: Output,
    what: &'static str,
    all: u64,
    told: u64,
}

impl Progress {
    fn new(out: Output, what: &'static str, all: u64) -> Self {
        Self { out, what, all, told: 0 }
    }

    fn at(&mut self, keys: u64) {
        let tenth = 10 * keys / self.all.max(1);
        if tenth > self.told {
            self.told = tenth;
            self.out.progress(&format!("{} {keys} of {} keys", self.what, self.all));
        }
    }
}
