//! The crate `jmt`, a Jellyfish Merkle tree, on RocksDB.
//!
//! | family | key → value |
//! | --- | --- |
//! | `nodes` | version ‖ nibble path → node |
//! | `values` | path ‖ inverted version → value, or that it was removed: the newest comes first |
//! | `stale` | version → keys of the nodes that it replaced |
//!
//! A commit is one synced write. It removes the nodes that the version before replaced, so that the tree is there at
//! the last two versions, and readers of the last one are not cut off. Values of all versions stay, as in ours.

use std::path::Path;
use std::time::Instant;

use ::jmt::proof::SparseMerkleProof;
use ::jmt::storage::{LeafNode, Node, NodeKey, TreeReader, TreeUpdateBatch};
use ::jmt::{JellyfishMerkleTree, KeyHash, OwnedValue, RootHash, SimpleHasher, Version};
use anyhow::{Context as _, Result, bail};
use primitives::StateKey;
use rocksdb::{ReadOptions, WriteBatch};
use state::Changes;

use super::rocks::{Rocks, Rows};
use super::{Applied, Contender, Proof, Settings};

const NODES: &str = "nodes";
const VALUES: &str = "values";
const STALE: &str = "stale";
const FAMILIES: [(&str, Rows); 3] =
    [(NODES, Rows::Hashes), (VALUES, Rows::Versions), (STALE, Rows::Archive)];

pub(super) struct Jmt {
    store: Store,
    /// That of the next batch.
    next: Version,
    root: RootHash,
}

type Tree<'a> = JellyfishMerkleTree<'a, Store, Blake3>;
type Update = (RootHash, TreeUpdateBatch);

/// What the tree reads from.
struct Store {
    rocks: Rocks,
}

/// The hash of all contenders.
struct Blake3(blake3::Hasher);

impl Jmt {
    pub(super) fn open(directory: &Path, settings: &Settings) -> Result<Self> {
        let store = Store { rocks: Rocks::open(directory, settings, &FAMILIES)? };
        let Some(last) = store.last_version()? else {
            return Ok(Self { store, next: 0, root: Tree::EMPTY_ROOT });
        };
        let root = Tree::new(&store).get_root_hash(last)?;
        Ok(Self { store, next: last + 1, root })
    }

    fn last(&self) -> Version {
        self.next.saturating_sub(1)
    }

    /// The new root and what it takes. The call that takes all changes at once, and so passes each node once, knows no
    /// removals; where there are any, the other one takes key after key.
    fn update(&self, changes: Vec<(KeyHash, Option<OwnedValue>)>) -> Result<Update> {
        let tree = Tree::new(&self.store);
        if changes.iter().any(|(_, value)| value.is_none()) {
            return tree.put_value_set(changes, self.next);
        }
        let written = changes.into_iter().filter_map(|(path, value)| Some((path, value?)));
        let (roots, update) =
            tree.batch_put_value_sets(vec![written.collect()], None, self.next)?;
        Ok((roots.into_iter().next().context("there is no new root")?, update))
    }

    fn write(&self, update: TreeUpdateBatch) -> Result<()> {
        let rocks = &self.store.rocks;
        let (nodes, values) = (rocks.family(NODES)?, rocks.family(VALUES)?);
        let stale = rocks.family(STALE)?;
        let mut writes = WriteBatch::default();
        for (key, node) in update.node_batch.nodes() {
            writes.put_cf(nodes, node_row(key)?, borsh::to_vec(node)?);
        }
        for ((version, key), value) in update.node_batch.values() {
            writes.put_cf(values, value_row(*version, key), borsh::to_vec(value)?);
        }
        let replaced = update.stale_node_index_batch.into_iter().map(|index| index.node_key);
        let replaced: Vec<NodeKey> = replaced.collect();
        writes.put_cf(stale, self.next.to_be_bytes(), borsh::to_vec(&replaced)?);
        if let Some(before) = self.next.checked_sub(1)
            && let Some(bytes) = rocks.get(STALE, &before.to_be_bytes())?
        {
            for key in borsh::from_slice::<Vec<NodeKey>>(&bytes)? {
                writes.delete_cf(nodes, node_row(&key)?);
            }
            writes.delete_cf(stale, before.to_be_bytes());
        }
        rocks.write(writes)
    }
}

impl Contender for Jmt {
    fn apply(&mut self, changes: Changes) -> Result<Applied> {
        let began = Instant::now();
        let with_path = |(key, value): (StateKey, _)| (KeyHash(key.path().0), value);
        let mut changes: Vec<(KeyHash, Option<OwnedValue>)> =
            changes.into_iter().map(with_path).collect();
        changes.sort_unstable_by_key(|(path, _)| *path);
        let (root, update) = self.update(changes)?;
        let root_took = began.elapsed();
        self.write(update)?;
        (self.root, self.next) = (root, self.next + 1);
        Ok(Applied { root: Some(root_took), commit: began.elapsed() })
    }

    fn get(&mut self, key: &StateKey) -> Result<Option<Vec<u8>>> {
        self.store.get_value_option(self.last(), KeyHash(key.path().0))
    }

    fn prove(&mut self, key: &StateKey) -> Result<Option<Proof>> {
        let path = KeyHash(key.path().0);
        let (value, proof) = Tree::new(&self.store).get_with_proof(path, self.last())?;
        Ok(Some(Proof { value, encoded: borsh::to_vec(&proof)? }))
    }

    fn verify(&mut self, key: &StateKey, proof: &Proof) -> Result<()> {
        let decoded: SparseMerkleProof<Blake3> = borsh::from_slice(&proof.encoded)?;
        decoded.verify(self.root, KeyHash(key.path().0), proof.value.as_ref())
    }
}

impl Store {
    /// The last version that was written: only its row of `stale` is still there.
    fn last_version(&self) -> Result<Option<Version>> {
        let mut rows = self.rocks.database().raw_iterator_cf(self.rocks.family(STALE)?);
        rows.seek_to_last();
        let last = rows.key().map(<[u8; 8]>::try_from).transpose()?;
        rows.status()?;
        Ok(last.map(Version::from_be_bytes))
    }
}

impl TreeReader for Store {
    fn get_node_option(&self, key: &NodeKey) -> Result<Option<Node>> {
        let Some(bytes) = self.rocks.get(NODES, &node_row(key)?)? else { return Ok(None) };
        Ok(Some(borsh::from_slice(&bytes).context("a row of `nodes`")?))
    }

    fn get_value_option(&self, version: Version, key: KeyHash) -> Result<Option<OwnedValue>> {
        let mut options = ReadOptions::default();
        options.set_prefix_same_as_start(true);
        let values = self.rocks.family(VALUES)?;
        let mut rows = self.rocks.database().raw_iterator_cf_opt(values, options);
        rows.seek(value_row(version, &key));
        let value = match rows.item() {
            Some((_, bytes)) => borsh::from_slice(bytes).context("a row of `values`")?,
            None => None,
        };
        // An iterator that met an error looks like one that has come to the end.
        rows.status()?;
        Ok(value)
    }

    fn get_rightmost_leaf(&self) -> Result<Option<(NodeKey, LeafNode)>> {
        bail!("only a tree that is being restored asks for its rightmost leaf")
    }
}

impl SimpleHasher for Blake3 {
    fn new() -> Self {
        Self(blake3::Hasher::new())
    }

    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finalize(self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}

/// The version first, so that what is written together lies together.
fn node_row(key: &NodeKey) -> Result<Vec<u8>> {
    let mut row = key.version().to_be_bytes().to_vec();
    borsh::to_writer(&mut row, key.nibble_path())?;
    Ok(row)
}

fn value_row(version: Version, key: &KeyHash) -> Vec<u8> {
    [&key.0[..], &(!version).to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::{Jmt, NODES, NodeKey, STALE};
    use crate::contenders::{Contender as _, Settings};
    use crate::workload::{Cursor, Workload};

    impl Jmt {
        fn rows(&self, family: &str) -> Vec<Vec<u8>> {
            let family = self.store.rocks.family(family).unwrap();
            let mut rows = self.store.rocks.database().raw_iterator_cf(family);
            rows.seek_to_first();
            let mut values = Vec::new();
            while let Some((_, value)) = rows.item() {
                values.push(value.to_vec());
                rows.next();
            }
            values
        }
    }

    /// A contender that never prunes is slower and larger than it need be.
    #[test]
    fn only_the_nodes_of_the_last_two_versions_stay() {
        let settings = Settings { keys_max: 2_000, cache_mib: 8 };
        let open = |directory: &tempfile::TempDir| Jmt::open(directory.path(), &settings).unwrap();
        let (directory, fresh_directory) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut cursor = Cursor::new(1);
        let mut state = cursor.load(2_000);
        let mut jmt = open(&directory);
        jmt.apply(state.clone()).unwrap();
        for _ in 0..5 {
            for workload in Workload::ALL {
                let changes = cursor.batch(workload, 300).unwrap();
                state.extend(changes.clone());
                jmt.apply(changes).unwrap();
            }
        }
        state.retain(|_, value| value.is_some());
        let mut fresh = open(&fresh_directory);
        fresh.apply(state).unwrap();
        assert_eq!(jmt.root, fresh.root);
        let stale = jmt.rows(STALE);
        assert_eq!(stale.len(), 1, "one list of replaced nodes is still of use");
        let replaced: Vec<NodeKey> = borsh::from_slice(&stale[0]).unwrap();
        assert_eq!(jmt.rows(NODES).len() - replaced.len(), fresh.rows(NODES).len());
    }
}
