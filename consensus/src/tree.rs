//! The blocks above the last committed one.

use std::collections::{BTreeMap, BTreeSet};

use primitives::{ExecutionResult, Hash, Header, ValidatorIndex, View, limits};

/// Blocks above the committed one that are kept when one more is decided, if they are not executed yet. More are
/// fetched again when their turn comes.
const CHAIN_KEPT_MAX: usize = 4 * limits::SYNC_BLOCKS_MAX;

/// How far a block's payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadState {
    /// Nothing is known of it yet.
    Awaited,
    /// A batch of this author is not held.
    Missing {
        author: ValidatorIndex,
    },
    Ready,
    Invalid,
}

impl PayloadState {
    /// Whether it may still become ready or invalid.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Awaited | Self::Missing { .. })
    }
}

/// One uncommitted block.
#[derive(Clone, Debug)]
pub struct Block {
    pub header: Header,
    pub payload: PayloadState,
    pub execution: Execution,
}

/// How far a block's execution is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Execution {
    None,
    Asked,
    Done(ExecutionResult),
}

/// Blocks by hash. Bounded by the rounds: one proposal a view, and blocks that a certificate names.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    blocks: BTreeMap<Hash, Block>,
}

impl Tree {
    pub fn get(&self, hash: &Hash) -> Option<&Block> {
        self.blocks.get(hash)
    }

    pub fn get_mut(&mut self, hash: &Hash) -> Option<&mut Block> {
        self.blocks.get_mut(hash)
    }

    pub fn contains(&self, hash: &Hash) -> bool {
        self.blocks.contains_key(hash)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Hash, &Block)> {
        self.blocks.iter()
    }

    pub fn insert(&mut self, hash: Hash, header: Header) {
        let block = Block { header, payload: PayloadState::Awaited, execution: Execution::None };
        self.blocks.entry(hash).or_insert(block);
    }

    /// The chain from just above `root` up to `tip`, ascending; or the first hash that is missing on the way down.
    pub fn chain(&self, root: Hash, tip: Hash) -> Result<Vec<&Block>, Hash> {
        let mut chain = Vec::new();
        let mut hash = tip;
        while hash != root {
            let block = self.blocks.get(&hash).ok_or(hash)?;
            chain.push(block);
            hash = block.header.parent;
        }
        chain.reverse();
        Ok(chain)
    }

    /// Of the views up to `decided`, drops what is not executed and does not lead to the tips: by the whole chain down
    /// to `root`, or if that is not held or long, by what one range of catch-up spans. Answers what was dropped.
    pub fn trim(&mut self, root: Hash, decided: View, tips: &[Hash]) -> Vec<Hash> {
        let mut kept = BTreeSet::new();
        for tip in tips {
            let mut chain = Vec::new();
            let mut hash = *tip;
            while hash != root
                && chain.len() < CHAIN_KEPT_MAX
                && let Some(block) = self.blocks.get(&hash)
            {
                chain.push(hash);
                hash = block.header.parent;
            }
            if hash != root {
                chain.truncate(limits::SYNC_BLOCKS_MAX);
            }
            kept.extend(chain);
        }
        // What is executed is few, and the ledger counts on it.
        let gone = |hash: &Hash, block: &Block| {
            let idle = block.execution == Execution::None;
            block.header.view <= decided && idle && !kept.contains(hash)
        };
        self.blocks.extract_if(.., |hash, block| gone(hash, block)).map(|(hash, _)| hash).collect()
    }

    /// Drops everything that does not stand on `root`, which is of `view`. Answers what was dropped, without the
    /// blocks up to `root` themselves.
    pub fn prune(&mut self, root: Hash, view: View, committed: &[Hash]) -> Vec<Hash> {
        let mut kept = BTreeSet::from([root]);
        // Parents are of lower views: justifications say so, and unlike heights they are checked before a block is
        // kept. So nothing of a view up to this one can be committed any more.
        let mut by_view: Vec<_> = self
            .blocks
            .iter()
            .filter(|(_, block)| block.header.view > view)
            .map(|(hash, block)| (block.header.view, *hash, block.header.parent))
            .collect();
        by_view.sort();
        // A block whose parent is not held yet may still connect; it is kept until its view is committed.
        for (_, hash, parent) in by_view {
            if kept.contains(&parent) || !self.blocks.contains_key(&parent) {
                kept.insert(hash);
            }
        }
        let dropped: Vec<_> =
            self.blocks.keys().filter(|hash| !kept.contains(hash)).copied().collect();
        self.blocks.retain(|hash, _| kept.contains(hash) && *hash != root);
        dropped.into_iter().filter(|hash| !committed.contains(hash)).collect()
    }
}
