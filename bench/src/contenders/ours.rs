//! `quorate-state`, through what the node uses of it: an overlay for the root, then a commit of one block. The block is
//! empty but for its changes, and nobody signed its certificate.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use primitives::certificate::Signatures;
use primitives::codec::{self, FormatVersion};
use primitives::{
    CommitCertificate, Domain, Epoch, ExecutionResult, Hash, Header, StateKey, TimestampMs,
    ValidatorIndex, merkle,
};
use state::{Changes, CommittedBlock, GenesisBlock, Overlay, State, StateProof};

use super::{Applied, Contender, Proof};

pub(super) struct Ours {
    state: State,
}

impl Ours {
    pub(super) fn open(directory: &Path) -> Result<Self> {
        Ok(Self { state: State::open(directory, &genesis())? })
    }
}

impl Contender for Ours {
    fn apply(&mut self, changes: Changes) -> Result<Applied> {
        let began = Instant::now();
        let parent = self.state.head().header;
        let overlay = self.state.overlay(None, parent.height.next(), changes);
        let root = began.elapsed();
        self.state.commit(vec![block(&parent, overlay)])?;
        Ok(Applied { root: Some(root), commit: began.elapsed() })
    }

    fn get(&mut self, key: &StateKey) -> Result<Option<Vec<u8>>> {
        Ok(self.state.get(key))
    }

    fn prove(&mut self, key: &StateKey) -> Result<Option<Proof>> {
        let proved = self.state.prove(key);
        Ok(Some(Proof { value: proved.value, encoded: codec::encode(&proved.proof) }))
    }

    fn verify(&mut self, key: &StateKey, proof: &Proof) -> Result<()> {
        let decoded: StateProof = codec::decode(&proof.encoded, proof.encoded.len())?;
        let root = self.state.head().result.state_root;
        decoded.verify(&root.0, &state::claim(key, proof.value.as_deref()))?;
        Ok(())
    }
}

fn genesis() -> GenesisBlock {
    let genesis_hash = Hash::of_bytes(Domain::Genesis, b"bench");
    GenesisBlock {
        header: Header::genesis(genesis_hash, TimestampMs(0)),
        genesis_hash,
        changes: Changes::new(),
        next_validators: Hash::ZERO,
    }
}

/// The block after `parent` that makes the overlay's changes.
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
    let result = ExecutionResult {
        height: header.height,
        state_root: overlay.root(),
        receipts_root: merkle::root(&[]),
        next_validators: Hash::ZERO,
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
        receipts: Vec::new(),
        result,
        overlay,
        certificate: Some(certificate),
    }
}
