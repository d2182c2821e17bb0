//! The crate `nomt`, the Nearly Optimal Merkle Trie, which brings its own store and reads and writes by io_uring.

use std::path::Path;
use std::time::Instant;

use ::nomt::hasher::{Blake3Hasher, ValueHasher as _};
use ::nomt::proof::PathProof;
use ::nomt::trie::{KeyPath, LeafData};
use ::nomt::{IoUringPermission, KeyReadWrite, Nomt, Options, Session, SessionParams};
use anyhow::{Result, anyhow, ensure};
use bitvec::order::Msb0;
use bitvec::view::BitView as _;
use primitives::StateKey;
use state::Changes;

use super::{Applied, Contender, Proof, Settings};

/// Both cores of the machine that the figures are from.
const COMMIT_WORKERS: usize = 2;
/// Keys for each bucket of the hash table. A page of less than twenty keys is left out, so it is at most half full.
const KEYS_PER_BUCKET: u64 = 10;
/// For few keys: the upper pages alone want that many.
const BUCKETS_MIN: u32 = 16_384;

pub(super) struct OnNomt {
    /// A session in which several reads happen; commits wait for its end. Before the database, which outlives it.
    reading: Option<Session<Blake3Hasher>>,
    database: Nomt<Blake3Hasher>,
}

/// Why this machine cannot run it.
pub(super) fn obstacle() -> Option<&'static str> {
    match ::nomt::check_iou_permissions() {
        IoUringPermission::Allowed => None,
        IoUringPermission::Denied => Some("this process may not use io_uring"),
        IoUringPermission::NotSupported => Some("this system's io_uring is too old"),
    }
}

impl OnNomt {
    pub(super) fn open(directory: &Path, settings: &Settings) -> Result<Self> {
        let mut options = Options::new();
        options.path(directory);
        // What keeps the old values, as the history of ours does, if only of the last hundred commits.
        options.rollback(true);
        options.commit_concurrency(COMMIT_WORKERS);
        let buckets = u32::try_from(settings.keys_max / KEYS_PER_BUCKET)?;
        options.hashtable_buckets(buckets.max(BUCKETS_MIN));
        options.page_cache_size(settings.cache_mib);
        options.leaf_cache_size(settings.cache_mib);
        Ok(Self { reading: None, database: Nomt::open(options)? })
    }

    fn reading(&mut self) -> &Session<Blake3Hasher> {
        let Self { reading, database } = self;
        reading.get_or_insert_with(|| database.begin_session(SessionParams::default()))
    }
}

impl Contender for OnNomt {
    fn apply(&mut self, changes: Changes) -> Result<Applied> {
        let began = Instant::now();
        self.reading = None;
        let session = self.database.begin_session(SessionParams::default());
        let mut writes = Vec::with_capacity(changes.len());
        for (key, value) in changes {
            let path = key.path().0;
            // Its documentation asks for it, as soon as a key is known.
            session.preserve_prior_value(path);
            writes.push((path, KeyReadWrite::Write(value)));
        }
        writes.sort_unstable_by_key(|(path, _)| *path);
        let finished = session.finish(writes)?;
        let root = began.elapsed();
        finished.commit(&self.database)?;
        Ok(Applied { root: Some(root), commit: began.elapsed() })
    }

    fn get(&mut self, key: &StateKey) -> Result<Option<Vec<u8>>> {
        self.reading().read(key.path().0)
    }

    fn prove(&mut self, key: &StateKey) -> Result<Option<Proof>> {
        let path = key.path().0;
        let session = self.reading();
        let (value, proof) = (session.read(path)?, session.prove(path)?);
        Ok(Some(Proof { value, encoded: borsh::to_vec(&proof)? }))
    }

    fn verify(&mut self, key: &StateKey, proof: &Proof) -> Result<()> {
        let path: KeyPath = key.path().0;
        let decoded: PathProof = borsh::from_slice(&proof.encoded)?;
        let root = self.database.root().into_inner();
        let verified = decoded
            .verify::<Blake3Hasher>(path.view_bits::<Msb0>(), root)
            .map_err(|error| anyhow!("the proof does not lead to the root: {error:?}"))?;
        let is_true = match &proof.value {
            Some(value) => verified.confirm_value(&LeafData {
                key_path: path,
                value_hash: Blake3Hasher::hash_value(value),
            }),
            None => verified.confirm_nonexistence(&path),
        };
        ensure!(
            is_true.map_err(|_| anyhow!("the proof is of another key"))?,
            "the proof is of another value"
        );
        Ok(())
    }
}
