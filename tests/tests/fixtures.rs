//! Every encoding that is hashed, signed, stored or sent, byte for byte, in `fixtures/*.hex`.
//!
//! A change of these bytes splits a running chain or makes its data unreadable. So a difference is a failure, and
//! whoever means it writes the files anew with `QUORATE_WRITE_FIXTURES=1` and says in the change what becomes of
//! chains that exist. The same values show that decoding is strict.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use borsh::{BorshDeserialize, BorshSerialize};
use consensus::evidence::SignedHeader;
use consensus::{Certificate, Evidence, TimeoutReason};
use primitives::certificate::ParentCertificate;
use primitives::codec::{self, FormatVersion};
use primitives::receipt::{Failure, Rejection};
use primitives::state_key::{Account, ContractInfo, EvidenceIndex, EvidenceRecord};
use primitives::{
    Action, Address, Amount, Batch, BatchRef, ChainParameters, CommitCertificate, CommitVote,
    Domain, Epoch, Event, ExecutionResult, Gas, Genesis, Hash, Header, Height, Justification,
    Nonce, PrepareCertificate, PrepareVote, Proposal, PublicKey, Receipt, SecretKey, Signatures,
    SignedBatch, SignedTransaction, SigningContext, StateKey, Status, SystemAction,
    TimeoutCertificate, TimeoutVote, TimestampMs, Transaction, Validator, ValidatorIndex, View,
    Vote, limits, merkle,
};
use replica::{BatchList, Range, SyncBlocks};

#[path = "fixtures/snapshots.rs"]
mod snapshots;

/// The variable that writes the fixtures instead of comparing them.
const WRITE: &str = "QUORATE_WRITE_FIXTURES";

/// Decodes bytes and encodes the value again; `None` when they are refused.
type Reencode = fn(&[u8]) -> Option<Vec<u8>>;

/// Named bytes. Those of a value can be decoded and encoded again; those of a hash cannot.
struct Fixture {
    name: String,
    bytes: Vec<u8>,
    reencode: Option<Reencode>,
}

fn value<T: BorshSerialize + BorshDeserialize>(name: &str, value: &T) -> Fixture {
    let reencode = |bytes: &[u8]| {
        codec::decode::<T>(bytes, limits::MESSAGE_BYTES_MAX).ok().map(|value| codec::encode(&value))
    };
    Fixture { name: name.to_owned(), bytes: codec::encode(value), reencode: Some(reencode) }
}

fn bytes(name: &str, bytes: impl AsRef<[u8]>) -> Fixture {
    Fixture { name: name.to_owned(), bytes: bytes.as_ref().to_vec(), reencode: None }
}

fn hash(name: &str, hash: Hash) -> Fixture {
    bytes(name, hash.0)
}

/// Compares with the file, or writes it; then sees that decoding is strict.
fn check(file: &str, fixtures: &[Fixture]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/{file}.hex"));
    let line = |fixture: &Fixture| format!("{} {}\n", fixture.name, hex(&fixture.bytes));
    if std::env::var_os(WRITE).is_some_and(|value| value == "1") {
        let text: String = fixtures.iter().map(line).collect();
        fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut kept: BTreeMap<&str, &str> = text.lines().filter_map(|l| l.split_once(' ')).collect();
    for fixture in fixtures {
        let name = &fixture.name;
        let expected = kept.remove(name.as_str()).unwrap_or_else(|| {
            panic!(
                "fixtures/{file}.hex has no {name}, or it is named twice; write it with {WRITE}=1"
            )
        });
        assert_eq!(
            hex(&fixture.bytes),
            expected,
            "the format of {file}/{name} changed. Chains that exist hash, sign or store the old one: a change must be \
             deliberate, raise the format version, and say how old data is read. Then write the fixtures with {WRITE}=1"
        );
        if let Some(reencode) = fixture.reencode {
            check_strict(&format!("{file}/{name}"), &fixture.bytes, reencode);
        }
    }
    assert!(
        kept.is_empty(),
        "fixtures/{file}.hex holds what is no longer tested: {:?}",
        kept.keys()
    );
}

/// One value has one encoding: the same comes back, nothing shorter or longer is read, and what is read of damaged
/// bytes is written as those same bytes.
fn check_strict(name: &str, bytes: &[u8], reencode: Reencode) {
    assert_eq!(reencode(bytes).as_deref(), Some(bytes), "{name} does not come back");
    for length in 0..bytes.len() {
        let (start, _) = bytes.split_at(length);
        assert_eq!(reencode(start), None, "{name} is read from its first {length} bytes");
    }
    for extra in [0, 1, 255] {
        let longer = [bytes, &[extra]].concat();
        assert_eq!(reencode(&longer), None, "{name} is read with a byte {extra} behind it");
    }
    for position in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.to_vec();
            if let Some(byte) = damaged.get_mut(position) {
                *byte ^= 1 << bit;
            }
            if let Some(again) = reencode(&damaged) {
                assert_eq!(
                    again, damaged,
                    "{name} has two encodings: bit {bit} of byte {position}"
                );
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn key(number: u8) -> SecretKey {
    SecretKey::from_seed([number; 32])
}

fn digest(number: u8) -> Hash {
    Hash([number; 32])
}

fn address(number: u8) -> Address {
    Address([number; 32])
}

/// Every parameter stands here, so that a new default is no change of format.
fn genesis() -> Genesis {
    let validator =
        |number| Validator { name: format!("validator-{number}"), key: key(number).public_key() };
    Genesis {
        chain_id: "fixtures-1".parse().expect("a chain id"),
        timestamp_ms: TimestampMs(1_700_000_000_000),
        parameters: ChainParameters {
            block_gas: Gas(1_000_000_000),
            gas_price_min: Amount(2),
            transaction_validity_ms: 60_000,
            clock_drift_ms: 500,
            heartbeat_ms: 30_000,
        },
        validators: (1..=4).map(validator).collect(),
        accounts: [(address(8), Amount(1_000)), (address(9), Amount(u128::MAX / 2))].into(),
    }
}

fn context() -> SigningContext {
    SigningContext { chain: genesis().hash(), epoch: Epoch(3) }
}

fn actions() -> [(&'static str, Action); 7] {
    let (salt, arguments) = (b"salt".to_vec(), vec![1, 2, 3, 4, 42]);
    [
        ("transfer", Action::Transfer { to: address(5), amount: Amount(1 << 70) }),
        ("upload", Action::Upload { code: b"\0asm\x01\0\0\0".to_vec() }),
        (
            "instantiate",
            Action::Instantiate {
                code: digest(6),
                salt,
                arguments: arguments.clone(),
                value: Amount(7),
            },
        ),
        (
            "call",
            Action::Call {
                contract: address(7),
                arguments: arguments.clone(),
                value: Amount::ZERO,
            },
        ),
        ("upgrade", Action::Upgrade { contract: address(7), code: digest(8), arguments }),
        ("set_admin", Action::SetAdmin { contract: address(7), admin: Some(address(8)) }),
        ("set_admin_nobody", Action::SetAdmin { contract: address(7), admin: None }),
    ]
}

fn transaction(action: Action) -> Transaction {
    Transaction {
        version: FormatVersion::V1,
        chain_id: genesis().chain_id,
        sender: key(9).public_key(),
        nonce: Nonce { lane: 2, sequence: 513 },
        valid_until: TimestampMs(1_700_000_060_000),
        gas_limit: Gas(50_000_000),
        gas_price: Amount(3),
        action,
    }
}

fn batch() -> Batch {
    let signed = |(_, action)| transaction(action).sign(&key(9));
    let transactions = actions().into_iter().map(signed).collect();
    let (first, second) = (timeout_vote(None), timeout_vote(Some(digest(6))));
    let evidence = Evidence::Votes(Vote::Timeout(first), Vote::Timeout(second));
    let system = vec![SystemAction::Evidence(codec::encode(&evidence))];
    let (version, author) = (FormatVersion::V1, ValidatorIndex(2));
    Batch { version, author, sequence: 77, transactions, system }
}

fn signed_batch() -> SignedBatch {
    batch().sign(&genesis().hash(), &key(3))
}

fn header() -> Header {
    Header {
        version: FormatVersion::V1,
        epoch: Epoch(3),
        view: View(12),
        height: Height(10),
        parent: digest(4),
        parent_view: View(9),
        payload: vec![
            signed_batch().reference(),
            BatchRef { author: ValidatorIndex(3), digest: digest(5) },
        ],
        timestamp: TimestampMs(1_700_000_030_000),
        proposer: ValidatorIndex(1),
    }
}

fn result() -> ExecutionResult {
    ExecutionResult {
        height: Height(10),
        state_root: digest(1),
        receipts_root: digest(2),
        next_validators: digest(3),
    }
}

fn prepare_vote() -> PrepareVote {
    PrepareVote::new(&context(), View(12), header().hash(), ValidatorIndex(0), &key(1))
}

fn commit_vote() -> CommitVote {
    CommitVote::new(&context(), View(12), header().hash(), result(), ValidatorIndex(0), &key(1))
}

fn timeout_vote(prepared: Option<Hash>) -> TimeoutVote {
    TimeoutVote::new(&context(), View(11), prepared, ValidatorIndex(3), &key(4))
}

fn votes() -> [(&'static str, Vote); 4] {
    [
        ("prepare", Vote::Prepare(prepare_vote())),
        ("commit", Vote::Commit(commit_vote())),
        ("timeout", Vote::Timeout(timeout_vote(None))),
        ("timeout_prepared", Vote::Timeout(timeout_vote(Some(header().hash())))),
    ]
}

/// The first three validators sign.
fn signatures(sign: impl Fn(ValidatorIndex, &SecretKey) -> primitives::Signature) -> Signatures {
    let signed = |number: u8| {
        let signer = ValidatorIndex(u16::from(number) - 1);
        (signer, sign(signer, &key(number)))
    };
    Signatures((1..=3).map(signed).collect())
}

fn prepare_certificate() -> PrepareCertificate {
    let (view, block) = (View(9), digest(4));
    let signatures =
        signatures(|signer, key| PrepareVote::new(&context(), view, block, signer, key).signature);
    PrepareCertificate { epoch: Epoch(3), view, block, signatures }
}

fn commit_certificate() -> CommitCertificate {
    let (view, block) = (View(12), header().hash());
    let signatures = signatures(|signer, key| {
        CommitVote::new(&context(), view, block, result(), signer, key).signature
    });
    CommitCertificate { epoch: Epoch(3), view, block, result: result(), signatures }
}

fn timeout_certificate() -> TimeoutCertificate {
    let signed = |number: u8| {
        let (signer, prepared) =
            (ValidatorIndex(u16::from(number) - 1), (number == 2).then(|| digest(6)));
        let vote = TimeoutVote::new(&context(), View(10), prepared, signer, &key(number));
        (signer, prepared, vote.signature)
    };
    let signatures = (1..=3).map(signed).collect();
    TimeoutCertificate { epoch: Epoch(3), view: View(10), signatures }
}

fn justification() -> Justification {
    let parent = ParentCertificate::Prepare(prepare_certificate());
    Justification { parent, timeouts: vec![timeout_certificate()] }
}

fn proposal() -> Proposal {
    Proposal::new(&context(), header(), justification(), vec![signed_batch()], &key(2))
}

fn signed_header() -> SignedHeader {
    SignedHeader { header: header(), signature: proposal().signature }
}

fn evidence() -> [(&'static str, Evidence); 2] {
    let votes = Evidence::Votes(
        Vote::Timeout(timeout_vote(None)),
        Vote::Timeout(timeout_vote(Some(digest(6)))),
    );
    [
        ("evidence/proposals", Evidence::Proposals(signed_header(), signed_header())),
        ("evidence/votes", votes),
    ]
}

fn statuses() -> Vec<(String, Status)> {
    let text = || "why".to_owned();
    let failures = [
        Failure::OutOfGas,
        Failure::StackExhausted,
        Failure::Trapped,
        Failure::Panicked(text()),
        Failure::HostMisuse(text()),
        Failure::InsufficientBalance,
        Failure::InvalidCode(text()),
        Failure::UnknownCode,
        Failure::UnknownContract,
        Failure::ContractExists,
        Failure::NotPayable,
        Failure::UnknownMethod,
        Failure::Reentrancy,
        Failure::CallDepth,
        Failure::NotAdmin,
        Failure::Incompatible(text()),
    ];
    let rejections = [
        Rejection::WrongChain,
        Rejection::NonceUsed { expected: 3 },
        Rejection::NonceGap { expected: 3 },
        Rejection::TooManyLanes,
        Rejection::Expired { valid_until: TimestampMs(1), block: TimestampMs(2) },
        Rejection::ValidTooLong,
        Rejection::GasPriceTooLow { minimum: Amount(2) },
        Rejection::GasLimitTooLow { minimum: Gas(21_000) },
        Rejection::BlockGasExhausted,
        Rejection::InsufficientBalance { balance: Amount(1), needed: Amount(2) },
    ];
    let variant = |value: &dyn std::fmt::Debug| {
        let text = format!("{value:?}");
        text.split([' ', '(']).next().unwrap_or_default().to_owned()
    };
    let plain =
        [("Success".to_owned(), Status::Success), ("Reverted".to_owned(), Status::Reverted)];
    let failed = failures.map(|f| (format!("Failed/{}", variant(&f)), Status::Failed(f)));
    let rejected = rejections.map(|r| (format!("Rejected/{}", variant(&r)), Status::Rejected(r)));
    plain.into_iter().chain(failed).chain(rejected).collect()
}

fn receipt() -> Receipt {
    let topics = vec![vec![1, 2, 3, 4], b"topic".to_vec()];
    Receipt {
        transaction: digest(1),
        status: Status::Success,
        gas_used: Gas(31_337),
        fee: Amount(94_011),
        output: vec![7, 0],
        events: vec![Event { contract: address(7), topics, data: vec![9; 5] }],
    }
}

#[test]
fn transactions() {
    let mut fixtures = Vec::new();
    for (name, action) in actions() {
        let transaction = transaction(action);
        fixtures.push(value(name, &transaction));
        fixtures.push(bytes(&format!("{name}/signing_bytes"), transaction.signing_bytes()));
        let signed = transaction.sign(&key(9));
        fixtures.push(value(&format!("{name}/signed"), &signed));
        fixtures.push(hash(&format!("{name}/hash"), signed.hash()));
        let read = SignedTransaction::decode(&codec::encode(&signed)).expect("it was just encoded");
        assert_eq!(read.verify().expect("it was just signed").into_inner(), signed);
    }
    let public: PublicKey = key(9).public_key();
    fixtures.push(value("sender", &public));
    fixtures.push(bytes("sender/address", public.address().0));
    check("transactions", &fixtures);
}

#[test]
fn batches() {
    let signed = signed_batch();
    let validators = genesis().validator_set().expect("a set");
    assert!(signed.clone().verify(&genesis().hash(), &validators).is_ok());
    let fixtures = [
        value("batch", &batch()),
        hash("batch/digest", batch().digest()),
        value("signed", &signed),
    ];
    check("batches", &fixtures);
}

#[test]
fn blocks() {
    let validators = genesis().validator_set().expect("a set");
    assert!(proposal().is_signed(&context(), &validators));
    let fixtures = [
        value("header", &header()),
        hash("header/hash", header().hash()),
        value("proposal", &proposal()),
        bytes("genesis", codec::encode(&genesis())),
        hash("genesis/hash", genesis().hash()),
        value("genesis/header", &genesis().header()),
        hash("genesis/header/hash", genesis().header().hash()),
        hash("validators/hash", validators.hash()),
    ];
    check("blocks", &fixtures);
}

#[test]
fn votes_and_results() {
    let mut fixtures = vec![value("result", &result())];
    for (name, vote) in votes() {
        fixtures.push(value(name, &vote));
        fixtures.push(bytes(&format!("{name}/signing_bytes"), vote.signing_bytes(&context())));
    }
    let digest = Hash::of(Domain::ExecutionResult, &(header().hash(), result()));
    let signed = Vote::Commit(commit_vote()).signing_bytes(&context());
    assert!(signed.ends_with(&digest.0), "a commit vote signs block and result");
    fixtures.push(hash("result/digest", digest));
    check("votes", &fixtures);
}

#[test]
fn certificates() {
    let (context, validators) = (context(), genesis().validator_set().expect("a set"));
    assert_eq!(prepare_certificate().verify(&context, &validators), Ok(()));
    assert_eq!(commit_certificate().verify(&context, &validators), Ok(()));
    assert_eq!(timeout_certificate().verify(&context, &validators), Ok(()));
    let fixtures = [
        value("prepare", &prepare_certificate()),
        value("commit", &commit_certificate()),
        value("timeout", &timeout_certificate()),
        value("parent/genesis", &ParentCertificate::Genesis),
        value("parent/prepare", &ParentCertificate::Prepare(prepare_certificate())),
        value("parent/commit", &ParentCertificate::Commit(commit_certificate())),
        value("justification", &justification()),
    ];
    check("certificates", &fixtures);
}

#[test]
fn receipts() {
    let leaves: Vec<Hash> = (1..=5).map(digest).collect();
    let mut fixtures = vec![
        value("receipt", &receipt()),
        hash("receipt/hash", receipt().hash()),
        hash("root/none", merkle::root(&[])),
        hash("root/five", merkle::root(&leaves)),
        value("proof", &merkle::prove(&leaves, 3).expect("there are five")),
    ];
    fixtures.extend(statuses().iter().map(|(name, status)| value(name, status)));
    check("receipts", &fixtures);
}

#[test]
fn state() {
    let mut fixtures = Vec::new();
    for (name, key) in [
        ("account", StateKey::account(&address(1))),
        ("contract", StateKey::contract(&address(1))),
        ("storage", StateKey::storage(&address(1), b"key")),
        ("code", StateKey::code(&digest(2))),
        ("code_info", StateKey::code_info(&digest(2))),
        ("system", StateKey::system("name")),
        ("evidence_index", StateKey::evidence_index(Epoch(3), ValidatorIndex(1))),
        ("evidence", StateKey::evidence(Epoch(3), View(12), ValidatorIndex(1))),
    ] {
        fixtures.push(value(name, &key));
        fixtures.push(hash(&format!("{name}/path"), key.path()));
    }
    let account = Account { balance: Amount(1 << 100), lanes: [(0, 4), (9, 1)].into() };
    fixtures.push(value("record/account", &account));
    fixtures.push(value("record/no_account", &Account::default()));
    let contract = ContractInfo { code: digest(2), creator: address(3), admin: Some(address(4)) };
    fixtures.push(value("record/contract", &contract));
    let ownerless = ContractInfo { admin: None, ..contract };
    fixtures.push(value("record/contract_without_admin", &ownerless));
    let index = EvidenceIndex { views: vec![View(12), View(3)] };
    fixtures.push(value("record/evidence_index", &index));
    let record = EvidenceRecord { height: Height(10), evidence: vec![1, 2, 3] };
    fixtures.push(value("record/evidence", &record));
    let contract = vm::contract_address(&digest(1), &address(2), &digest(3), b"salt");
    fixtures.push(bytes("contract_address", contract.0));
    check("state", &fixtures);
}

#[test]
fn consensus_messages_and_records() {
    use consensus::{Message, Record};
    let certificates = [
        ("prepare", Certificate::Prepare(prepare_certificate())),
        ("commit", Certificate::Commit(commit_certificate())),
        ("timeout", Certificate::Timeout(timeout_certificate())),
    ];
    let timeout = |reason| {
        let vote = timeout_vote(Some(digest(6)));
        Message::Timeout { vote, reason, committed: View(8) }
    };
    let block = |signature| Message::Block { header: Box::new(header()), signature };
    let mut fixtures = vec![
        value("message/proposal", &Message::Proposal(Box::new(proposal()))),
        value(
            "message/certificate_request",
            &Message::CertificateRequest { from: View(3), to: View(5) },
        ),
        value("message/block_request", &Message::BlockRequest { block: digest(4) }),
        value("message/view_request", &Message::ViewRequest { nonce: 1_700_000_000_001 }),
        value("message/view_answer/first", &Message::ViewAnswer { nonce: 1, certificate: None }),
        value("record/floor", &Record::Floor(View(14))),
        value("message/block_signed", &block(Some(signed_header().signature))),
        value("message/block", &block(None)),
        value("record/proposal", &Record::Proposal(Box::new(signed_header()))),
    ];
    for reason in [
        TimeoutReason::NoProposal,
        TimeoutReason::SilentLeader,
        TimeoutReason::MissingBatch { author: ValidatorIndex(2) },
        TimeoutReason::MissingParent,
        TimeoutReason::InvalidProposal,
        TimeoutReason::Clock,
        TimeoutReason::NoQuorum,
        TimeoutReason::Joined,
    ] {
        let name = format!("{reason:?}");
        let name = name.split(' ').next().unwrap_or_default();
        fixtures.push(value(&format!("message/timeout/{name}"), &timeout(reason)));
    }
    for (name, vote) in votes() {
        fixtures.push(value(&format!("message/vote/{name}"), &Message::Vote(vote)));
        fixtures.push(value(&format!("record/vote/{name}"), &Record::Vote(vote)));
    }
    for (name, certificate) in certificates {
        let boxed = Box::new(certificate);
        let message = Message::Certificate(boxed.clone());
        fixtures.push(value(&format!("message/certificate/{name}"), &message));
        fixtures.push(value(&format!("record/certificate/{name}"), &Record::Certificate(boxed)));
    }
    for (name, evidence) in evidence() {
        fixtures.push(value(name, &evidence));
        let boxed = Box::new(evidence);
        fixtures.push(value(&format!("message/{name}"), &Message::Evidence(boxed.clone())));
        fixtures.push(value(&format!("record/{name}"), &Record::Evidence(boxed)));
    }
    check("consensus", &fixtures);
}

#[test]
fn replica_messages_and_records() {
    use replica::{Message, Record};
    let blocks = vec![(header(), vec![signed_batch()])];
    let sync = SyncBlocks { blocks, above: Vec::new(), certificate: commit_certificate() };
    let consensus = consensus::Message::Vote(Vote::Prepare(prepare_vote()));
    let record = consensus::Record::Vote(Vote::Commit(commit_vote()));
    let range = Range { first: Height(9), last: Height(72) };
    let fixtures = [
        value("message/consensus", &Message::Consensus(consensus)),
        value("message/batch_request", &Message::BatchRequest { digests: vec![digest(1)] }),
        value("message/batches", &Message::Batches(BatchList(vec![signed_batch()]))),
        value("message/sync_request", &Message::SyncRequest(range)),
        value("message/sync_nothing", &Message::SyncNothing { first: Height(9), floor: Height(4) }),
        value("message/sync", &Message::Sync(Box::new(sync))),
        value("record/consensus", &Record::Consensus(record)),
        value("record/batch", &Record::Batch(Box::new(signed_batch()))),
    ];
    check("replica", &fixtures);
}

#[test]
fn what_is_too_long_is_refused_before_it_is_read() {
    let long = vec![0; limits::MESSAGE_BYTES_MAX + 1];
    let refused = "more than are accepted";
    let error = replica::Message::decode(&long).expect_err(refused).to_string();
    assert!(error.contains(&limits::MESSAGE_BYTES_MAX.to_string()), "{error}");
    let error = SignedTransaction::decode(&long).expect_err(refused).to_string();
    assert!(error.contains(&limits::TRANSACTION_BYTES_MAX.to_string()), "{error}");
}
