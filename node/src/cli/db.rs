//! `quorate db`: the store of a home, checked, taken back, made smaller.

mod bisect;
mod rollback;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;
use primitives::{Epoch, Genesis, Height, SigningContext};
use serde_json::json;
use state::{CheckPart, CheckReport, Head, State};

use self::bisect::Bisect;
use self::rollback::Rollback;
use super::context::Context;
use super::failure::Failure;
use super::output::{bytes, fields};
use crate::config::HomeLock;
use crate::control;
use crate::node::state_options;

#[derive(Debug, Subcommand)]
pub enum Db {
    /// Compare all that is stored with what the last block was certified with; changes nothing.
    /// Reads every file, so that it takes as long as the disk needs for that
    Check,
    /// Make an earlier block the head again. Without --yes it only says what would happen
    Rollback(Rollback),
    /// Rewrite all files now, without what lies below the floor; the node may run meanwhile
    Compact,
    /// Name the first key in which this state differs from a healthy node's, both values, and the
    /// transaction that wrote it
    Bisect(Bisect),
}

impl Db {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        match self {
            Self::Check => check(context),
            Self::Rollback(rollback) => rollback.run(context),
            Self::Compact => compact(context),
            Self::Bisect(bisect) => bisect.run(context),
        }
    }
}

/// The store of a home in which no node runs, nor can start while this lives.
#[derive(Debug)]
pub struct Closed {
    pub path: PathBuf,
    _lock: HomeLock,
}

impl Closed {
    /// Claims the store; refused while the node runs, and where there is none.
    pub fn of(context: &Context) -> anyhow::Result<Self> {
        let path = context.home.database();
        if !path.exists() {
            let message = format!(
                "there is no store in {}: a node makes it when it first starts, and `quorate \
                 snapshot restore` and `quorate backup restore` bring one",
                path.display()
            );
            return Err(Failure::Usage(message).into());
        }
        Ok(Self { path, _lock: context.home.lock()? })
    }

    /// Opens the state on it.
    pub fn open(&self, context: &Context) -> anyhow::Result<State> {
        let genesis = context.home.genesis()?;
        let options = state_options(&context.settings)?;
        Ok(State::open_with(&self.path, &replica::genesis_block(&genesis), options)?)
    }
}

fn check(context: &Context) -> anyhow::Result<()> {
    let closed = Closed::of(context)?;
    let out = context.out;
    let genesis = context.home.genesis().context("what is certified is checked by the genesis")?;
    let mut report = state::check_telling(&closed.path, |part| {
        out.progress(match part {
            CheckPart::Files => "reading every file, against its checksums",
            CheckPart::Blocks => "reading blocks, receipts, certificates and their indices",
            CheckPart::Values => "reading all values, against the certified root",
            CheckPart::History => "reading what blocks overwrote, against what they changed",
        });
    })?;
    if report.is_whole() {
        let head = closed.open(context)?.head();
        report.problems.extend(unsigned(&genesis, &head));
    }
    let CheckReport { height, root, floor, keys, blocks, problems, more } = &report;
    let answer = json!({
        "whole": report.is_whole(), "height": height, "stateRoot": root, "floor": floor,
        "keys": keys, "blocks": blocks, "problems": problems, "moreProblems": more,
    });
    out.show(&answer, || report.to_string())?;
    if report.is_whole() {
        return Ok(());
    }
    let message = format!(
        "the store at {} is damaged. `quorate db bisect --peer URL` names what differs from a \
         healthy node. Restore it from a backup or a snapshot, or remove it to fetch the chain \
         from the other validators; leave the vote log beside it as it is",
        closed.path.display()
    );
    Err(Failure::Damaged(message).into())
}

/// Why the head is none that the genesis' validators have signed, if it is not.
fn unsigned(genesis: &Genesis, head: &Head) -> Option<String> {
    let certificate = head.certificate.as_ref()?;
    let signing = SigningContext { chain: genesis.hash(), epoch: Epoch::ZERO };
    let validators = genesis.validator_set().ok()?;
    let error = certificate.verify(&signing, &validators).err()?;
    let height = head.header.height;
    Some(format!("the validators of the genesis have not certified block {height}: {error}"))
}

fn compact(context: &Context) -> anyhow::Result<()> {
    let path = context.home.database();
    let before = directory_bytes(&path).with_context(|| path.display().to_string())?;
    context.out.progress(&format!("rewriting {}", bytes(before)));
    let floor = match control::ask(&context.home, &control::Request::Compact)? {
        Some(control::Answer::Compacted { floor }) => floor,
        Some(other) => anyhow::bail!("the node answered something else: {other:?}"),
        None => {
            let state = Closed::of(context)?.open(context)?;
            state.compact()?;
            state.floor()
        }
    };
    let after = directory_bytes(&path)?;
    let answer = json!({ "bytesBefore": before, "bytesAfter": after, "floor": floor });
    context.out.show(&answer, || {
        let floor = match floor {
            Height::ZERO => "0: nothing is below; `state.retention_blocks` moves it".to_owned(),
            floor => floor.to_string(),
        };
        fields(&[("before", bytes(before)), ("after", bytes(after)), ("floor", floor)])
    })
}

/// Bytes of all files of a directory that holds files only. One that vanishes meanwhile counts as
/// nothing.
pub fn directory_bytes(path: &std::path::Path) -> std::io::Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(path)? {
        sum += entry?.metadata().map_or(0, |metadata| metadata.len());
    }
    Ok(sum)
}
