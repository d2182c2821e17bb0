//! The decoders, each with valid encodings to begin from: those of the fixtures, and modules made here.

use abi::{Abi, Method, MethodKind, Type};
use borsh::{BorshDeserialize, BorshSerialize};
use consensus::{Certificate, Evidence};
use primitives::merkle::MerkleProof;
use primitives::state_key::{Account, ContractInfo, EvidenceIndex, EvidenceRecord};
use primitives::{
    CommitCertificate, Hash, Header, Justification, PrepareCertificate, Proposal, Receipt,
    SignedBatch, SignedTransaction, StateKey, TimeoutCertificate, Vote, codec, limits,
};
use proof::{BatchProof, Claim, EMPTY, Leaf, Prefix, StateProof, SubtreeProof};
use replica::{PackedPieces, VoteLog, VoteLogOptions};
use state::{Child, Piece};

use crate::sim::disk::Disk;

/// What a decoder said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Refused,
    /// And how the value is encoded again, where that is promised to be the same.
    Accepted(Option<Vec<u8>>),
}

/// One decoder under test.
#[derive(Clone, Debug)]
pub struct Decoder {
    pub name: &'static str,
    /// Valid encodings.
    pub corpus: Vec<Vec<u8>>,
    pub run: fn(&[u8]) -> Outcome,
    /// Bytes that it may allocate whatever the input.
    pub allowance: usize,
    /// Bytes that it may allocate for each byte of the input.
    pub factor: usize,
}

const FIXTURES: [&str; 10] = [
    include_str!("../../fixtures/transactions.hex"),
    include_str!("../../fixtures/batches.hex"),
    include_str!("../../fixtures/blocks.hex"),
    include_str!("../../fixtures/votes.hex"),
    include_str!("../../fixtures/certificates.hex"),
    include_str!("../../fixtures/receipts.hex"),
    include_str!("../../fixtures/state.hex"),
    include_str!("../../fixtures/consensus.hex"),
    include_str!("../../fixtures/replica.hex"),
    include_str!("../../fixtures/snapshots.hex"),
];

/// All fixtures that a decoder accepts. Which they are the decoder itself says best.
fn fixtures(run: fn(&[u8]) -> Outcome) -> Vec<Vec<u8>> {
    let lines = FIXTURES.iter().flat_map(|text| text.lines());
    let bytes = lines.filter_map(|line| unhex(line.split_once(' ')?.1));
    // Behind the tag of an enum stands another value.
    let bytes = bytes.flat_map(|bytes| {
        let behind = bytes.get(1..).unwrap_or_default().to_vec();
        [bytes, behind]
    });
    bytes.filter(|bytes| run(bytes) != Outcome::Refused).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks_exact(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// A value of the canonical encoding.
fn value<T: BorshDeserialize + BorshSerialize>(bytes: &[u8], limit: usize) -> Outcome {
    match codec::decode::<T>(bytes, limit) {
        Ok(value) => Outcome::Accepted(Some(codec::encode(&value))),
        Err(_) => Outcome::Refused,
    }
}

/// Encodings are read into structures at most so much larger: a tag of one byte may stand for the largest variant of an
/// enum, and a growing list holds its old and its new place.
const FACTOR: usize = 64;
/// borsh makes room for a string of bytes as its length says, up to a MiB, before it reads it.
const ALLOWANCE: usize = (1 << 20) + (64 << 10);

fn decoder(name: &'static str, run: fn(&[u8]) -> Outcome) -> Decoder {
    Decoder { name, corpus: fixtures(run), run, allowance: ALLOWANCE, factor: FACTOR }
}

/// Every decoder that reads what a peer or a disk gives.
pub fn decoders() -> Vec<Decoder> {
    vec![
        decoder("message", |bytes| match replica::Message::decode(bytes) {
            Ok(message) => Outcome::Accepted(Some(codec::encode(&message))),
            Err(_) => Outcome::Refused,
        }),
        decoder("consensus-message", |b| value::<consensus::Message>(b, limits::MESSAGE_BYTES_MAX)),
        decoder("proposal", |b| value::<Proposal>(b, limits::PROPOSAL_BYTES_MAX)),
        decoder("justification", |b| value::<Justification>(b, limits::PROPOSAL_BYTES_MAX)),
        decoder("header", |b| value::<Header>(b, limits::MESSAGE_BYTES_MAX)),
        decoder("vote", |b| value::<Vote>(b, limits::MESSAGE_BYTES_MAX)),
        decoder("certificate", |b| value::<Certificate>(b, limits::MESSAGE_BYTES_MAX)),
        decoder("prepare-certificate", |b| {
            value::<PrepareCertificate>(b, limits::MESSAGE_BYTES_MAX)
        }),
        decoder("commit-certificate", |b| value::<CommitCertificate>(b, limits::MESSAGE_BYTES_MAX)),
        decoder("timeout-certificate", |b| {
            value::<TimeoutCertificate>(b, limits::MESSAGE_BYTES_MAX)
        }),
        decoder("evidence", |bytes| match Evidence::decode(bytes) {
            Ok(evidence) => Outcome::Accepted(Some(codec::encode(&evidence))),
            Err(_) => Outcome::Refused,
        }),
        decoder("gossiped-batch", |b| value::<SignedBatch>(b, limits::BATCH_BYTES_MAX)),
        decoder("batches", |b| value::<replica::BatchList>(b, limits::MESSAGE_BYTES_MAX)),
        decoder("sync-answer", |b| value::<replica::SyncBlocks>(b, limits::MESSAGE_BYTES_MAX)),
        decoder("snapshot-answer", |b| {
            value::<replica::SnapshotAnswer>(b, limits::MESSAGE_BYTES_MAX)
        }),
        decoder("snapshot-pieces", |b| {
            value::<Vec<(state::Prefix, state::Piece)>>(b, limits::SNAPSHOT_ANSWER_BYTES_MAX)
        }),
        packed_pieces(),
        decoder("transaction", |bytes| match SignedTransaction::decode(bytes) {
            Ok(transaction) => Outcome::Accepted(Some(codec::encode(&transaction))),
            Err(_) => Outcome::Refused,
        }),
        decoder("receipt", |b| value::<Receipt>(b, limits::MESSAGE_BYTES_MAX)),
        decoder("receipt-proof", |b| value::<MerkleProof>(b, limits::MESSAGE_BYTES_MAX)),
        decoder("log-record", |b| value::<replica::Record>(b, limits::MESSAGE_BYTES_MAX)),
        log_body(),
        log_file(),
        decoder("state-key", |b| value::<StateKey>(b, limits::MESSAGE_BYTES_MAX)),
        decoder("account", |b| value::<Account>(b, limits::MESSAGE_BYTES_MAX)),
        decoder("contract-record", |b| value::<ContractInfo>(b, limits::MESSAGE_BYTES_MAX)),
        decoder("evidence-index", |b| value::<EvidenceIndex>(b, limits::MESSAGE_BYTES_MAX)),
        decoder("evidence-record", |b| value::<EvidenceRecord>(b, limits::MESSAGE_BYTES_MAX)),
        proofs("state-proof", "stateProofs", |bytes| {
            verified::<StateProof>(bytes, |proof| {
                let _ = proof.verify(&EMPTY, &CLAIMS[0]);
            })
        }),
        proofs("batch-proof", "batchProofs", |bytes| {
            verified::<BatchProof>(bytes, |proof| {
                let _ = proof.verify(&EMPTY, &CLAIMS);
            })
        }),
        proofs("subtree-proof", "subtreeProofs", |bytes| {
            verified::<SubtreeProof>(bytes, |proof| {
                let leaf = Leaf { path: CLAIMS[0].path(), value_hash: EMPTY };
                let _ = proof.verify(&EMPTY, &Prefix::of_namespace(1), &[leaf]);
            })
        }),
        abi_section(),
        module(),
    ]
}

/// Pieces as they come: whatever was packed, no more than an answer holds is unpacked.
fn packed_pieces() -> Decoder {
    let run = |bytes: &[u8]| match PackedPieces::from_bytes(bytes.to_vec()).unpack() {
        Some(_) => Outcome::Accepted(None),
        None => Outcome::Refused,
    };
    let values = (state::Prefix::ROOT, Piece::Values(Vec::new()));
    let branch = (state::Prefix::ROOT, Piece::Branch([Child::Inner(Hash([7; 32])); 16]));
    let corpus = [vec![values], vec![branch; 40]];
    let corpus = corpus.map(|pieces| PackedPieces::pack(&pieces).as_bytes().to_vec());
    // A packed byte may stand for thousands; what an answer holds at most is unpacked and read into structures.
    let (allowance, factor) = (ALLOWANCE + 8 * limits::SNAPSHOT_ANSWER_BYTES_MAX, FACTOR);
    Decoder { name: "packed-pieces", corpus: corpus.into(), run, allowance, factor }
}

/// The body of a vote log's frame: many records.
fn log_body() -> Decoder {
    let run = |b: &[u8]| value::<Vec<replica::Record>>(b, limits::MESSAGE_BYTES_MAX);
    let one = |bytes: &[u8]| value::<replica::Record>(bytes, limits::MESSAGE_BYTES_MAX);
    let records = fixtures(one);
    let count = u32::try_from(records.len()).unwrap_or(0).to_le_bytes().to_vec();
    let all = [count, records.concat()].concat();
    let factor = FACTOR;
    Decoder { name: "log-frame-body", corpus: vec![all], run, allowance: ALLOWANCE, factor }
}

/// The salt of the log that the fuzzer begins from.
const LOG: VoteLogOptions = VoteLogOptions { salt: [7; 16], compact_above_bytes: 1 << 20 };

/// A whole vote log: its head, and frames, of which the last may be torn.
fn log_file() -> Decoder {
    let run = |bytes: &[u8]| match VoteLog::open(Disk::with_log(bytes.to_vec()), LOG) {
        // What is torn at its end is cut off, so that the file need not be the same.
        Ok(_) => Outcome::Accepted(None),
        Err(_) => Outcome::Refused,
    };
    let one = |bytes: &[u8]| value::<replica::Record>(bytes, limits::MESSAGE_BYTES_MAX);
    let records: Vec<replica::Record> = fixtures(one)
        .iter()
        .filter_map(|bytes| codec::decode(bytes, limits::MESSAGE_BYTES_MAX).ok())
        .collect();
    let written = || -> Result<Vec<u8>, replica::VoteLogError> {
        let (mut log, _) = VoteLog::open(Disk::default(), LOG)?;
        for record in records.chunks(2) {
            log.write(record)?;
            log.sync()?;
        }
        Ok(log.into_files().bytes().to_vec())
    };
    let corpus = vec![written().expect("an empty disk has room")];
    Decoder { name: "vote-log", corpus, run, allowance: 4 * ALLOWANCE, factor: FACTOR }
}

/// The decoder of a kind of proof, begun from its vectors.
fn proofs(name: &'static str, vectors: &str, run: fn(&[u8]) -> Outcome) -> Decoder {
    let all = include_str!("../../../proof/vectors.json");
    let all: serde_json::Value = serde_json::from_str(all).unwrap_or_default();
    let vectors = all.get(vectors).and_then(serde_json::Value::as_array).into_iter().flatten();
    let encoded = vectors.filter_map(|vector| unhex(vector.get("encoded")?.as_str()?));
    let corpus = encoded.filter(|bytes| run(bytes) != Outcome::Refused).collect();
    Decoder { name, corpus, run, allowance: ALLOWANCE, factor: FACTOR }
}

/// What a proof is verified for.
const CLAIMS: [Claim; 3] = [
    Claim { namespace: 1, key: b"alice", value: Some(b"100 coins") },
    Claim { namespace: 3, key: b"counter", value: Some(&[5]) },
    Claim { namespace: 3, key: b"nobody", value: None },
];

/// A proof that is read is verified too, for nothing but that it does not panic.
fn verified<P: BorshDeserialize + BorshSerialize>(bytes: &[u8], verify: fn(&P)) -> Outcome {
    if let Ok(proof) = codec::decode(bytes, limits::MESSAGE_BYTES_MAX) {
        verify(&proof);
    }
    value::<P>(bytes, limits::MESSAGE_BYTES_MAX)
}

/// A description with nested types in it.
fn description() -> Abi {
    let element = Type::Option(Box::new(Type::Vec(Box::new(Type::U64))));
    let method = Method {
        name: "get".into(),
        selector: abi::selector("get"),
        kind: MethodKind::Query,
        payable: false,
        reentrant: false,
        docs: "What it holds.".into(),
        parameters: vec![abi::Parameter { name: "by".into(), ty: element }],
        returns: Type::U64,
        error: None,
    };
    Abi {
        interface: abi::host::VERSION,
        name: "counter".into(),
        version: "0.1.0".into(),
        docs: String::new(),
        state_version: 1,
        methods: vec![method],
        events: Vec::new(),
        errors: Vec::new(),
        storage: Vec::new(),
    }
}

fn abi_section() -> Decoder {
    let run = |bytes: &[u8]| match Abi::decode(bytes) {
        Ok(abi) => Outcome::Accepted(Some(abi.encode())),
        Err(_) => Outcome::Refused,
    };
    let corpus = vec![description().encode()];
    Decoder { name: "abi-section", corpus, run, allowance: ALLOWANCE, factor: FACTOR }
}

/// Uploads: what a module may be. There is nothing to encode again.
fn module() -> Decoder {
    let run = |bytes: &[u8]| match vm::check_code(bytes) {
        Ok(_) => Outcome::Accepted(None),
        Err(_) => Outcome::Refused,
    };
    let text = r#"(module
        (import "quorate" "has" (func $has (param i32 i32) (result i32)))
        (memory (export "memory") 1)
        (global (mut i32) (i32.const 0))
        (func $count (param i64) (result i64)
            (loop $again
                (local.set 0 (i64.sub (local.get 0) (i64.const 1)))
                (br_if $again (i64.ne (local.get 0) (i64.const 0))))
            (local.get 0))
        (func (export "query") (param i32) (result i32)
            (drop (call $count (i64.const 3)))
            (call $has (i32.const 0) (local.get 0))))"#;
    let plain = wat::parse_str(text).unwrap_or_default();
    let corpus = [description().embed(&plain).ok(), Some(plain)].into_iter().flatten().collect();
    Decoder { name: "module", corpus, run, allowance: 4 << 20, factor: 256 }
}
