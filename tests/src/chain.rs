//! Long chains, made by the real ledger in one go with certificates of the validators' real keys, and copied into the
//! homes of a net.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use primitives::codec::FormatVersion;
use primitives::{
    Batch, CommitCertificate, CommitVote, Epoch, ExecutionResult, Genesis, Hash, Header, Height,
    SecretKey, Signatures, SignedBatch, SignedTransaction, SigningContext, ValidatorIndex, View,
};
use replica::{Ledger, genesis_block};
use state::State;

use crate::net::Net;
use crate::wallet::{self, Wallet};

/// Blocks below one certificate, as when commits come a few blocks after proposals.
const CERTIFICATE_EVERY: usize = 4;

/// Writes a chain of so many blocks into these homes of a net that does not run. Its transactions are what the faucet
/// does at each height. Answers how long that took; returns when the clock has reached the last block.
///
/// # Errors
/// When a home cannot be written.
pub async fn make(
    net: &Net,
    homes: &[usize],
    blocks: u64,
    transactions: impl FnMut(&mut Wallet, u64) -> Vec<SignedTransaction> + Send + 'static,
) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let genesis = net.genesis().clone();
    let faucet = Wallet::new(net.directory().key("faucet")?, genesis.chain_id.clone());
    let keys: anyhow::Result<Vec<_>> =
        (0..net.len()).map(|index| net.directory().validator_key(index)).collect();
    let homes: Vec<PathBuf> =
        homes.iter().map(|index| net.directory().home(*index).join("data/db")).collect();
    let maker = Maker { genesis, keys: keys?, faucet };
    let made = tokio::task::spawn_blocking(move || maker.make(&homes, blocks, transactions));
    let tip = made.await??;
    let made_in = began.elapsed();
    // Blocks cannot be older than their parents, and must not be ahead of the clock.
    let ahead_ms = tip.timestamp.0.saturating_sub(wallet::now().0);
    tokio::time::sleep(Duration::from_millis(ahead_ms)).await;
    Ok(made_in)
}

struct Maker {
    genesis: Genesis,
    keys: Vec<SecretKey>,
    faucet: Wallet,
}

impl Maker {
    fn make(
        mut self,
        homes: &[PathBuf],
        blocks: u64,
        mut transactions: impl FnMut(&mut Wallet, u64) -> Vec<SignedTransaction>,
    ) -> anyhow::Result<Header> {
        let (first, others) = homes.split_first().context("a net has validators")?;
        let state = State::open(first, &genesis_block(&self.genesis))?;
        let executor = Arc::new(vm::Executor::new(vm::ExecutorOptions::default()));
        let mut ledger = Ledger::new(state, executor, &self.genesis);
        let mut tip = self.genesis.header();
        let mut uncommitted = Vec::new();
        for height in 1..=blocks {
            let author = ValidatorIndex(u16::try_from(height % self.keys.len() as u64)?);
            let transactions = transactions(&mut self.faucet, height);
            let batches = match transactions.is_empty() {
                true => Vec::new(),
                false => vec![self.batch(author, height, transactions)?],
            };
            let header = Header {
                version: FormatVersion::V1,
                epoch: Epoch::ZERO,
                view: View(height),
                height: Height(height),
                parent: tip.hash(),
                parent_view: tip.view,
                payload: batches.iter().map(SignedBatch::reference).collect(),
                timestamp: tip.timestamp.plus(1),
                proposer: author,
            };
            let batches = batches.into_iter().map(Arc::new).collect();
            let result = ledger.execute(header.clone(), batches);
            uncommitted.push(header.clone());
            tip = header;
            if uncommitted.len() == CERTIFICATE_EVERY || height == blocks {
                ledger.commit(&uncommitted, &self.certify(&tip, result))?;
                uncommitted.clear();
            }
        }
        drop(ledger);
        for other in others {
            copy(first, other)?;
        }
        Ok(tip)
    }

    fn batch(
        &self,
        author: ValidatorIndex,
        sequence: u64,
        transactions: Vec<SignedTransaction>,
    ) -> anyhow::Result<SignedBatch> {
        let (version, system) = (FormatVersion::V1, Vec::new());
        let batch = Batch { version, author, sequence, system, transactions };
        let key = self.keys.get(author.as_usize()).context("an author has a key")?;
        Ok(batch.sign(&self.genesis.hash(), key))
    }

    /// The commit certificate of all validators but the last, who will not know of it.
    fn certify(&self, tip: &Header, result: ExecutionResult) -> CommitCertificate {
        let context = SigningContext { chain: self.genesis.hash(), epoch: tip.epoch };
        let (view, block): (View, Hash) = (tip.view, tip.hash());
        let signers = (0u16..).map(ValidatorIndex).zip(&self.keys).take(self.keys.len() - 1);
        let signed = signers.map(|(signer, key)| {
            let vote = CommitVote::new(&context, view, block, result, signer, key);
            (signer, vote.signature)
        });
        let signatures = Signatures(signed.collect());
        CommitCertificate { epoch: tip.epoch, view, block, result, signatures }
    }
}

/// Copies a closed store.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
