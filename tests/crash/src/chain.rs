//! The chain that a workload commits, and what the store must hold at each of its heights.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use primitives::certificate::Signatures;
use primitives::codec::FormatVersion;
use primitives::{
    Amount, CommitCertificate, Domain, Epoch, ExecutionResult, Gas, Hash, Header, Height,
    Namespace, Receipt, StateKey, Status, TimestampMs, ValidatorIndex, merkle,
};
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;
use state::{Changes, CommittedBlock, GenesisBlock, Head, Overlay, State};

const NEXT_VALIDATORS: Hash = Hash([8; 32]);

/// Its blocks, in order; the first stands at height 1.
#[derive(Debug)]
pub struct Chain {
    pub genesis: GenesisBlock,
    blocks: Vec<Changes>,
}

pub fn key(number: u32) -> StateKey {
    StateKey { namespace: Namespace::Storage, key: number.to_be_bytes().to_vec() }
}

/// Changes of up to `count` of the keys below `keys`; a quarter of them delete. Values have up to `bytes` bytes.
pub fn random_changes(random: &mut ChaCha20Rng, keys: u32, count: u32, bytes: u32) -> Changes {
    (0..count)
        .map(|_| {
            let length = random.next_u32() % bytes;
            let value = (0..=length).map(|at| at.to_le_bytes()[0]).collect();
            let is_kept = !random.next_u32().is_multiple_of(4);
            (key(random.next_u32() % keys), is_kept.then_some(value))
        })
        .collect()
}

impl Chain {
    pub fn new(blocks: Vec<Changes>) -> Self {
        let genesis_hash = Hash::of_bytes(Domain::Genesis, b"a chain that is cut short");
        let genesis = GenesisBlock {
            header: Header::genesis(genesis_hash, TimestampMs(1_000)),
            genesis_hash,
            changes: (0..20).map(|number| (key(number), Some(vec![1; 3]))).collect(),
            next_validators: NEXT_VALIDATORS,
        };
        Self { genesis, blocks }
    }

    pub fn last(&self) -> Height {
        Height(self.blocks.len() as u64)
    }

    /// Commits the blocks above the head up to `last`, in one write.
    pub fn commit_to(&self, state: &State, last: Height) -> Result<()> {
        let mut parent = state.head().header;
        let mut below: Option<Arc<Overlay>> = None;
        let mut blocks = Vec::new();
        while parent.height < last {
            let height = parent.height.next();
            let changes = self.changes(height).clone();
            let overlay = state.overlay(below.as_ref(), height, changes);
            let block = block(&parent, overlay.clone());
            (parent, below) = (block.header.clone(), Some(overlay));
            blocks.push(block);
        }
        Ok(state.commit(blocks)?)
    }

    /// What the block at a height above the genesis changes.
    fn changes(&self, height: Height) -> &Changes {
        let block = usize::try_from(height.0).ok().and_then(|height| height.checked_sub(1));
        match block.and_then(|block| self.blocks.get(block)) {
            Some(changes) => changes,
            None => panic!("the chain has no block {height}"),
        }
    }

    /// The heads from the genesis to the end, as a store in memory has them.
    pub fn heads(&self) -> Result<Vec<Head>> {
        let state = State::in_memory(&self.genesis);
        let mut heads = vec![state.head()];
        while state.head().header.height < self.last() {
            self.commit_to(&state, state.head().header.height.next())?;
            heads.push(state.head());
        }
        Ok(heads)
    }

    /// The state at a height, as others have it.
    pub fn state(&self, height: Height) -> Result<State> {
        let state = State::in_memory(&self.genesis);
        if height > Height::ZERO {
            self.commit_to(&state, height)?;
        }
        Ok(state)
    }

    /// All keys that any block changes, with their values at a height: a plain map, changed block by block.
    pub fn values(&self, height: Height) -> BTreeMap<&StateKey, Option<&Vec<u8>>> {
        let mut values = BTreeMap::new();
        for (number, changes) in
            std::iter::once(&self.genesis.changes).chain(&self.blocks).enumerate()
        {
            for (key, value) in changes {
                let is_there = number as u64 <= height.0;
                if is_there {
                    values.insert(key, value.as_ref());
                } else {
                    values.entry(key).or_insert(None);
                }
            }
        }
        values
    }
}

/// The block after `parent` with this state, one receipt, and a certificate that nobody signed.
fn block(parent: &Header, overlay: Arc<Overlay>) -> CommittedBlock {
    let header = Header {
        version: FormatVersion::V1,
        epoch: Epoch::ZERO,
        view: parent.view.next(),
        height: parent.height.next(),
        parent: parent.hash(),
        parent_view: parent.view,
        payload: Vec::new(),
        timestamp: TimestampMs(parent.timestamp.0 + 1),
        proposer: ValidatorIndex(0),
    };
    let receipt = Receipt {
        transaction: header.hash(),
        status: Status::Success,
        gas_used: Gas(1),
        fee: Amount(1),
        output: Vec::new(),
        events: Vec::new(),
    };
    let result = ExecutionResult {
        height: header.height,
        state_root: overlay.root(),
        receipts_root: merkle::root(&[receipt.hash()]),
        next_validators: NEXT_VALIDATORS,
    };
    let certificate = CommitCertificate {
        epoch: Epoch::ZERO,
        view: header.view,
        block: header.hash(),
        result,
        signatures: Signatures(Vec::new()),
    };
    CommittedBlock {
        header,
        batches: Vec::new(),
        receipts: vec![receipt],
        result,
        overlay,
        certificate: Some(certificate),
    }
}
