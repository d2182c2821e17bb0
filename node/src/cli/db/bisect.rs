//! `quorate db bisect`: the first key in which this state differs from a healthy node's.
//!
//! First the stored values against the root that the validators signed: differences there are damage
//! of the disk or of memory, behind the checksums. If there are none, the next block is executed
//! here, and what comes out is compared with what was certified. In both cases the way down goes by
//! hashes, so that only what differs is fetched, and what the other node says is proved by the
//! certificate: the other node need not be trusted.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use primitives::state_key::{Direction, KeyVisitor};
use primitives::{
    CommitCertificate, Epoch, Genesis, Header, Height, SignedBatch, SigningContext, StateKey,
    codec, limits,
};
use replica::{Replayed, replay};
use rpc::client::{ChainApiClient as _, HttpClient, StateApiClient as _};
use rpc::limits::{PIECES_BYTES_MAX, PIECES_MAX};
use rpc::types::{At, KeyView, PrefixView};
use serde_json::json;
use state::{Comparison, Divergence, Entry, Piece, State};
use vm::{Executor, ExecutorOptions};

use super::Closed;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::far_state::FarState;
use crate::cli::output::fields;
use crate::cli::prove::text;
use crate::cli::remote::Remote;
use crate::cli::value::name;
use crate::compiler::ChildCompiler;

#[derive(Debug, Args)]
pub struct Bisect {
    /// A healthy node's RPC address
    #[arg(long, value_name = "URL")]
    peer: String,
}

/// What is known of the difference.
struct Finding {
    height: Height,
    what: &'static str,
    count: usize,
    first: Divergence,
    /// Which transaction wrote it, in words.
    writer: String,
}

impl Bisect {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let closed = Closed::of(context)?;
        let genesis = context.home.genesis()?;
        // Execution asks for values where it is, and waits for each.
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let remote = Remote::at(&self.peer)?;
        runtime.block_on(remote.chain(context))?;
        // As the node does: a contract on which the compiler fails must not end the search for what differs.
        let compiler = Arc::new(ChildCompiler::start()?);
        let executor = Executor::new(ExecutorOptions { compiler, ..ExecutorOptions::default() });
        let peer = Peer { runtime, remote, genesis, executor };
        let finding = match peer.compare_values(context, &closed)? {
            Some(finding) => Some(finding),
            None => peer.compare_execution(context, closed.open(context)?)?,
        };
        let Some(finding) = finding else {
            let answer = json!({ "differs": false });
            return context.out.show(&answer, || {
                "nothing differs: the values are those of the certified root, and the next block \
                 gives the certified result"
                    .to_owned()
            });
        };
        show(context, &finding)?;
        let message = format!("{} at height {}", finding.what, finding.height);
        Err(Failure::Damaged(message).into())
    }
}

fn show(context: &Context, finding: &Finding) -> anyhow::Result<()> {
    let Finding { height, what, count, first, writer } = finding;
    let key = KeyView::from(&first.key);
    let side = |entry: &Option<Entry>| {
        let value = entry.as_ref().map(|entry| hex::encode(&entry.value));
        json!({ "value": value, "changed": entry.as_ref().map(|entry| entry.changed) })
    };
    let words = |entry: &Option<Entry>| {
        let value = text(&key, entry.as_ref().map(|entry| entry.value.as_slice()));
        let since = entry.as_ref().map(|entry| format!(", since block {}", entry.changed));
        value + &since.unwrap_or_default()
    };
    let answer = json!({
        "differs": true, "what": what, "height": height, "keys": count, "first": key,
        "here": side(&first.own), "there": side(&first.other), "writer": writer,
    });
    context.out.show(&answer, || {
        fields(&[
            ("difference", format!("{what}, at height {height}")),
            ("keys", count.to_string()),
            ("first", name(&key)),
            ("here", words(&first.own)),
            ("there", words(&first.other)),
            ("written by", writer.clone()),
        ])
    })
}

/// A healthy node, whose answers are checked by the genesis.
struct Peer {
    runtime: tokio::runtime::Runtime,
    remote: Remote,
    genesis: Genesis,
    executor: Executor,
}

impl Peer {
    fn http(&self) -> &HttpClient {
        &self.remote.http
    }

    /// The stored values against the certified root of the stored head.
    fn compare_values(
        &self,
        context: &Context,
        closed: &Closed,
    ) -> anyhow::Result<Option<Finding>> {
        let summary = state::summary(&closed.path)?;
        let height = summary.height;
        context.out.progress(&format!("reading all values, as of height {height}"));
        let root = match self.certified(height)? {
            (_, Some(certificate)) => certificate.result.state_root,
            // Nothing is signed there; what is stored was compared when it was.
            (_, None) => summary.root,
        };
        let comparison = Comparison::of_values(&closed.path, root)?;
        let found = self.descend(comparison, height)?;
        let Some(first) = found.first().cloned() else { return Ok(None) };
        // Whoever wrote what should stand there.
        let right = first.other.as_ref().or(first.own.as_ref()).map(|entry| entry.changed);
        let writer = match right {
            Some(Height::ZERO) => "the genesis".to_owned(),
            Some(block) => self
                .writer_at(block, &first.key)
                .unwrap_or_else(|error| format!("a transaction of block {block} ({error:#})")),
            None => "nobody knows".to_owned(),
        };
        let what = "stored values are not those of the certified root";
        Ok(Some(Finding { height, what, count: found.len(), first, writer }))
    }

    /// The next block, executed here, against its certificate.
    fn compare_execution(
        &self,
        context: &Context,
        state: State,
    ) -> anyhow::Result<Option<Finding>> {
        let height = state.head().header.height.next();
        let info = self.runtime.block_on(self.remote.ask(self.http().chain_info()))?;
        if info.at.height < height {
            context.out.note("the other node has no further block to execute");
            return Ok(None);
        }
        let (header, certificate) = self.certified(height)?;
        let Some(certificate) = certificate else {
            bail!("block {height} was committed by a block above it: nobody signed its state root")
        };
        context.out.progress(&format!("executing block {height}"));
        let view = state.view(None);
        let steps =
            replay(&self.executor, &self.genesis, &header, &self.payload(&header)?, &View(view));
        let changes = steps.iter().flat_map(|step| step.changes.clone()).collect();
        let overlay = state.overlay(None, height, changes);
        let comparison = state.compare(&overlay, certificate.result.state_root);
        let found = self.descend(comparison, height)?;
        let Some(first) = found.first().cloned() else { return Ok(None) };
        let writer = writer(&steps, &first.key).unwrap_or_else(|| {
            format!("no transaction of block {height} here; it stood so before")
        });
        let what = "execution here gives another state than the validators certified";
        Ok(Some(Finding { height, what, count: found.len(), first, writer }))
    }

    /// The block's header, proved, and its own certificate if it has one.
    fn certified(&self, height: Height) -> anyhow::Result<(Header, Option<CommitCertificate>)> {
        if height == Height::ZERO {
            return Ok((self.genesis.header(), None));
        }
        let commit = self.http().chain_get_commit(Some(At::Height(height)));
        let commit = self.runtime.block_on(self.remote.ask(commit))?.body;
        let certificate = CommitCertificate::from(commit.certificate);
        let signing = SigningContext { chain: self.genesis.hash(), epoch: Epoch::ZERO };
        certificate
            .verify(&signing, &self.genesis.validator_set()?)
            .with_context(|| format!("what {} says of block {height}", self.remote.url()))?;
        let mut expected = certificate.block;
        let mut last = None;
        for header in commit.headers.into_iter().map(Header::from) {
            ensure!(header.hash() == expected, "the headers down to block {height} do not link");
            expected = header.parent;
            last = Some(header);
        }
        let header = last.filter(|header| header.height == height);
        let header = header.with_context(|| format!("there is no way down to block {height}"))?;
        let is_own = certificate.result.height == height;
        Ok((header, is_own.then_some(certificate)))
    }

    fn payload(&self, header: &Header) -> anyhow::Result<Vec<SignedBatch>> {
        let payload = self.http().chain_get_payload(Some(At::Height(header.height)));
        let payload = self.runtime.block_on(self.remote.ask(payload))?.body.batches;
        let bytes_max = limits::BLOCK_BYTES_MAX + limits::BATCH_BYTES_MAX;
        let batches: Vec<SignedBatch> = codec::decode(&payload.0, bytes_max)?;
        let is_right =
            batches.iter().map(SignedBatch::reference).eq(header.payload.iter().copied());
        ensure!(is_right, "the batches are not those of block {}", header.height);
        Ok(batches)
    }

    /// Fetches what differs, and answers with the keys in their order.
    fn descend(
        &self,
        mut comparison: Comparison,
        height: Height,
    ) -> anyhow::Result<Vec<Divergence>> {
        let mut found = BTreeMap::new();
        loop {
            let wanted: Vec<_> = comparison.wanted().take(PIECES_MAX).copied().collect();
            if wanted.is_empty() {
                return Ok(found.into_values().collect());
            }
            let prefixes =
                wanted.iter().map(|one| PrefixView { path: one.path, depth: one.depth }).collect();
            let pieces = self.http().state_get_pieces(prefixes, Some(At::Height(height)));
            let pieces = self.runtime.block_on(self.remote.ask(pieces))?.body.pieces;
            ensure!(!pieces.is_empty(), "{} answers without a piece", self.remote.url());
            for (prefix, piece) in wanted.iter().zip(pieces) {
                let piece: Piece = codec::decode(&piece.0, 2 * PIECES_BYTES_MAX)?;
                let said = comparison.accept(prefix, &piece)?;
                let said = said.with_context(|| {
                    let url = self.remote.url();
                    format!("{url} tells another state than the validators signed: ask another")
                })?;
                found.extend(said.into_iter().map(|one| (one.key.clone(), one)));
            }
        }
    }

    /// The transaction of a block that last wrote a key, by executing the block on the other node's
    /// values: one's own are not to be relied on.
    fn writer_at(&self, height: Height, key: &StateKey) -> anyhow::Result<String> {
        let (header, _) = self.certified(height)?;
        let batches = self.payload(&header)?;
        let below = At::Height(Height(height.0 - 1));
        let probe = self.http().state_get(KeyView::from(key), Some(below));
        self.runtime.block_on(self.remote.ask(probe))?;
        let before = FarState::new(&self.runtime, &self.remote, below);
        let steps = replay(&self.executor, &self.genesis, &header, &batches, &before);
        before.check()?;
        writer(&steps, key).context("executed again, the block does not write it")
    }
}

/// Who wrote a key last, in words.
fn writer(steps: &[Replayed], key: &StateKey) -> Option<String> {
    let step = steps.iter().rev().find(|step| step.changes.contains_key(key))?;
    Some(match step.transaction {
        Some(hash) => format!("transaction {hash}"),
        None => "the block's evidence".to_owned(),
    })
}

struct View(state::StateView);

impl vm::Storage for View {
    fn get(&self, key: &StateKey) -> Option<Vec<u8>> {
        self.0.get(key)
    }

    fn walk(&self, range: &Range<StateKey>, direction: Direction, visit: KeyVisitor<'_>) {
        self.0.walk(range, direction, visit);
    }
}
