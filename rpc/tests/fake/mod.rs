//! A node of a few maps: it commits when told, and fails when told. And the means to talk to its
//! server.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod contract;
pub mod wire;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use primitives::codec::{self, FormatVersion};
use primitives::state_key::{Account, ContractInfo, Direction};
use primitives::{
    Action, Address, Amount, ChainParameters, CommitCertificate, CommitVote, Epoch, Event,
    ExecutionResult, Gas, Hash, Header, Height, Nonce, Receipt, SecretKey, Signature, Signatures,
    SignedTransaction, SigningContext, StateKey, Status, TimestampMs, Transaction, ValidatorIndex,
    Verified, View,
};
use quorate_rpc::backend::{
    Anchored, Backend, Block, Commit, CommittedTransaction, Difference, Ending, KnownTransaction,
    Missing, Proved, Query, QueryError, QueryOutput, ReadError, ScanLimits, ScanPage, SubmitError,
};
use quorate_rpc::types::{
    Anchor, At, Blob, ChainSummary, ConsensusState, ConsensusStatus, DiskLevel, DiskStatus,
    EvidenceView, Leader, MissingValidator, NamespaceUsage, NodeStatus, ParametersView, PrefixView,
    Readiness, SignedMessageKind, SignedMessageView, ValidatorView,
};
use quorate_rpc::{Limits, Server, async_trait};
use tokio::sync::watch;

/// After this a test that waits for what never comes fails instead of hanging.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub const CHAIN: Hash = Hash([9; 32]);
pub const CODE: Hash = Hash([0xc0; 32]);
pub const CONTRACT: Address = Address([0xcc; 32]);

/// The node.
#[derive(Debug)]
pub struct Fake {
    state: Mutex<State>,
    heights: watch::Sender<Height>,
}

/// What tests may set before they ask.
#[derive(Debug, Default)]
pub struct State {
    pub blocks: Vec<Block>,
    /// Blocks below are pruned.
    pub floor: Height,
    pub pending: BTreeMap<Hash, SignedTransaction>,
    pub committed: BTreeMap<Hash, CommittedTransaction>,
    pub ended: BTreeMap<Hash, (SignedTransaction, Ending)>,
    pub readiness: Readiness,
    pub submit_error: Option<SubmitError>,
    pub read_error: Option<ReadError>,
    pub query_error: Option<QueryError>,
}

impl Fake {
    /// At height 0.
    pub fn new() -> Arc<Self> {
        let header = Header::genesis(CHAIN, TimestampMs(1_000));
        let at = anchor(&header);
        let blocks = vec![Block { at, header, transactions: Vec::new() }];
        let state = Mutex::new(State { blocks, ..State::default() });
        Arc::new(Self { state, heights: watch::Sender::new(Height(0)) })
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Commits one block with all that waits.
    pub fn commit_block(&self) -> Height {
        let height = {
            let mut state = self.state();
            let parent = state.blocks.last().unwrap();
            let header = Header {
                version: FormatVersion::V1,
                epoch: Epoch(0),
                view: View(parent.header.view.0 + 1),
                height: parent.header.height.next(),
                parent: parent.at.block_hash,
                parent_view: parent.header.view,
                payload: Vec::new(),
                timestamp: TimestampMs(parent.header.timestamp.0 + 10),
                proposer: ValidatorIndex(0),
            };
            let height = header.height;
            let pending = std::mem::take(&mut state.pending);
            let transactions: Vec<_> = pending.keys().copied().collect();
            for (index, (hash, transaction)) in (0u32..).zip(pending) {
                let receipt = receipt(hash, &transaction);
                let committed = CommittedTransaction { height, index, transaction, receipt };
                state.committed.insert(hash, committed);
            }
            state.blocks.push(Block { at: anchor(&header), header, transactions });
            height
        };
        self.heights.send_replace(height);
        height
    }

    fn ending(&self, hash: &Hash) -> Option<Ending> {
        let state = self.state();
        if let Some(committed) = state.committed.get(hash) {
            let CommittedTransaction { height, index, .. } = *committed;
            return Some(Ending::Committed { height, index });
        }
        state.ended.get(hash).map(|(_, ending)| ending.clone())
    }

    fn check_read(&self, at: At) -> Result<Anchor, ReadError> {
        let state = self.state();
        if let Some(error) = &state.read_error {
            return Err(error.clone());
        }
        let head = state.blocks.last().unwrap().at;
        drop(state);
        Ok(match at {
            At::Latest => head,
            at => self.block(at)?.at,
        })
    }
}

#[async_trait]
impl Backend for Fake {
    fn chain(&self) -> ChainSummary {
        let view = |(index, key): (usize, SecretKey)| ValidatorView {
            name: format!("v{index}"),
            key: key.public_key(),
        };
        ChainSummary {
            chain_id: "test".parse().unwrap(),
            genesis_hash: CHAIN,
            node_version: "0.1.0".into(),
            node_name: Some("v0".into()),
            floor: self.state().floor,
            parameters: ParametersView::from(&ChainParameters::default()),
            validators: validator_keys().into_iter().enumerate().map(view).collect(),
        }
    }

    fn head(&self) -> Anchor {
        self.state().blocks.last().unwrap().at
    }

    fn heights(&self) -> watch::Receiver<Height> {
        self.heights.subscribe()
    }

    fn readiness(&self) -> Readiness {
        self.state().readiness.clone()
    }

    async fn consensus_status(&self) -> ConsensusStatus {
        ConsensusStatus {
            view: View(7),
            height: self.head().height,
            leader: Leader { index: ValidatorIndex(3), name: "v3".into() },
            state: ConsensusState::Stalled,
            waiting_for: "one more commit vote; v3 is silent".into(),
            explanation: vec!["Missing: v3 (not connected for 5 s).".into()],
            results: Vec::new(),
            others_height: None,
            banned: Vec::new(),
            demoted: Vec::new(),
            prepare_votes: vec!["v0".into(), "v1".into()],
            commit_votes: vec!["v0".into()],
            timeout_votes: Vec::new(),
            missing: vec![MissingValidator {
                name: "v3".into(),
                since_ms: 5_000,
                connected: false,
            }],
            last_timeouts: Vec::new(),
            validators: 4,
            quorum: 3,
            faulty_max: 1,
        }
    }

    fn node_status(&self) -> NodeStatus {
        let disk = DiskStatus {
            level: DiskLevel::Low,
            warning: Some("This node's disk has 3 GiB free.".into()),
            free_bytes: 3 << 30,
            refuse_below_bytes: 1 << 30,
            stop_below_bytes: 1 << 28,
            database_bytes: 7 << 20,
            votes_bytes: 1 << 20,
            growth_bytes_a_day: Some(1 << 31),
            forecast_seconds: None,
        };
        let accounts = NamespaceUsage { namespace: "account".into(), keys: 2, bytes: 96 };
        NodeStatus { disk, state: vec![accounts] }
    }

    fn metrics(&self) -> String {
        "# TYPE quorate_disk_free_bytes gauge\nquorate_disk_free_bytes 7\n".into()
    }

    async fn evidence(&self) -> Vec<EvidenceView> {
        let message = |kind, block| SignedMessageView {
            kind,
            block,
            result: None,
            encoded: Blob(vec![1, 2, 3]),
            signed_bytes: Blob(vec![4, 5]),
            signature: Signature([6; 64]),
        };
        let evidence = EvidenceView {
            culprit: "v2".into(),
            culprit_index: ValidatorIndex(2),
            epoch: Epoch(0),
            view: View(6),
            kind: "a timeout vote that denies a prepare vote".into(),
            first: message(SignedMessageKind::Prepare, Some(Hash([8; 32]))),
            second: message(SignedMessageKind::Timeout, None),
            on_chain_height: Some(Height(1)),
            encoded: Blob(vec![7]),
        };
        vec![evidence]
    }

    fn block(&self, at: At) -> Result<Block, ReadError> {
        let state = self.state();
        if let Some(error) = &state.read_error {
            return Err(error.clone());
        }
        let head = state.blocks.last().unwrap().at.height;
        let height = match at {
            At::Latest => head,
            At::Height(height) => height,
            At::Hash(hash) => {
                let mut blocks = state.blocks.iter();
                let found = blocks.find(|block| block.at.block_hash == hash);
                found.ok_or(ReadError::NotFound(Missing::Block))?.at.height
            }
        };
        if height < state.floor {
            return Err(ReadError::Pruned { height, floor: state.floor });
        }
        let index = usize::try_from(height.0).unwrap();
        state.blocks.get(index).cloned().ok_or(ReadError::NotYet { head })
    }

    fn commit(&self, at: At) -> Result<Commit, ReadError> {
        let block = self.block(at)?;
        let certificate = certificate(&block);
        Ok(Commit { at: block.at, certificate, headers: vec![block.header] })
    }

    async fn submit(&self, transaction: Verified<SignedTransaction>) -> Result<(), SubmitError> {
        let mut state = self.state();
        if let Some(error) = &state.submit_error {
            return Err(error.clone());
        }
        state.pending.insert(transaction.hash(), transaction.into_inner());
        Ok(())
    }

    async fn wait(&self, transaction: &Hash) -> Ending {
        let mut heights = self.heights();
        loop {
            if let Some(ending) = self.ending(transaction) {
                return ending;
            }
            heights.changed().await.unwrap();
        }
    }

    async fn transaction(&self, hash: &Hash) -> Result<KnownTransaction, ReadError> {
        let ending = self.ending(hash);
        let state = self.state();
        let pending = state.pending.get(hash);
        let committed = state.committed.get(hash).map(|committed| &committed.transaction);
        let ended = state.ended.get(hash).map(|(transaction, _)| transaction);
        let transaction = pending.or(committed).or(ended).cloned();
        let transaction = transaction.ok_or(ReadError::NotFound(Missing::Transaction))?;
        Ok(KnownTransaction { transaction, ending })
    }

    fn receipt(&self, transaction: &Hash) -> Result<CommittedTransaction, ReadError> {
        let found = self.state().committed.get(transaction).cloned();
        found.ok_or(ReadError::NotFound(Missing::Receipt))
    }

    fn account(&self, _: &Address, at: At) -> Result<Anchored<Account>, ReadError> {
        let at = self.check_read(at)?;
        let lanes = BTreeMap::from([(0, 3), (7, 1)]);
        Ok(Anchored { at, value: Account { balance: Amount(1 << 100), lanes } })
    }

    async fn next_nonce(&self, _: &Address, lane: u32) -> Result<Anchored<Nonce>, ReadError> {
        let at = self.check_read(At::Latest)?;
        let waiting = u64::try_from(self.state().pending.len()).unwrap();
        Ok(Anchored { at, value: Nonce { lane, sequence: 3 + waiting } })
    }

    fn contract(&self, address: &Address, at: At) -> Result<Anchored<ContractInfo>, ReadError> {
        let at = self.check_read(at)?;
        if *address != CONTRACT {
            return Err(ReadError::NotFound(Missing::Contract));
        }
        Ok(Anchored {
            at,
            value: ContractInfo { code: CODE, creator: Address([1; 32]), admin: None },
        })
    }

    fn abi_section(&self, code: &Hash) -> Result<Option<Vec<u8>>, ReadError> {
        if *code != CODE {
            return Err(ReadError::NotFound(Missing::Code));
        }
        Ok(Some(contract::abi().encode()))
    }

    fn query(&self, query: Query) -> Result<Anchored<QueryOutput>, QueryError> {
        let at = self.check_read(query.at)?;
        if let Some(error) = &self.state().query_error {
            return Err(error.clone());
        }
        let output = contract::answer(&query);
        Ok(Anchored { at, value: QueryOutput { output, gas_used: Gas(17) } })
    }

    fn payload(&self, at: At) -> Result<Anchored<Vec<u8>>, ReadError> {
        Ok(Anchored { at: self.block(at)?.at, value: b"batches".to_vec() })
    }

    fn value(&self, key: &StateKey, at: At) -> Result<Anchored<Option<Vec<u8>>>, ReadError> {
        let at = self.check_read(at)?;
        let value = at.height.0.to_be_bytes().to_vec();
        let is_there = key.namespace == primitives::Namespace::Account;
        Ok(Anchored { at, value: is_there.then_some(value) })
    }

    /// A hundred and fifty keys; the values grow with them, up to nearly 64 KiB.
    fn scan(
        &self,
        range: &Range<StateKey>,
        direction: Direction,
        limits: ScanLimits,
        at: At,
    ) -> Result<Anchored<ScanPage>, ReadError> {
        let at = self.check_read(at)?;
        let key = |number| StateKey::storage(&CONTRACT, &[number]);
        let mut numbers: Vec<u8> = (0..150).filter(|&one| range.contains(&key(one))).collect();
        if direction == Direction::Descending {
            numbers.reverse();
        }
        let mut page = ScanPage::default();
        for number in numbers {
            let value = vec![number; usize::from(number) * 420];
            if page.take(limits, key(number), value).is_break() {
                break;
            }
        }
        Ok(Anchored { at, value: page })
    }

    /// A hundred and fifty keys of a KiB each.
    fn differences(
        &self,
        from: Height,
        to: Height,
        after: Option<&StateKey>,
        limit: usize,
    ) -> Result<Vec<Difference>, ReadError> {
        self.check_read(At::Height(from))?;
        self.check_read(At::Height(to))?;
        let keys = (0..150u8).map(|number| StateKey::storage(&CONTRACT, &[number]));
        let later = keys.filter(|key| after.is_none_or(|after| key > after));
        let difference = |key| Difference { key, before: None, after: Some(vec![7; 1 << 10]) };
        Ok(later.take(limit).map(difference).collect())
    }

    fn pieces(
        &self,
        at: At,
        prefixes: &[PrefixView],
        _: usize,
    ) -> Result<Anchored<Vec<Vec<u8>>>, ReadError> {
        let at = self.check_read(at)?;
        let value = prefixes.iter().map(|prefix| prefix.path.0.to_vec()).collect();
        Ok(Anchored { at, value })
    }

    fn prove(&self, key: &StateKey) -> Result<Proved, ReadError> {
        let at = self.check_read(At::Latest)?;
        let block = self.block(At::Latest)?;
        let certificate = certificate(&block);
        let value = (key.namespace == primitives::Namespace::Account).then(|| b"value".to_vec());
        Ok(Proved { at, header: block.header, value, proof: key.key.clone(), certificate })
    }
}

fn anchor(header: &Header) -> Anchor {
    let state_root = Hash([u8::try_from(header.height.0 % 251).unwrap(); 32]);
    let (height, block_hash) = (header.height, header.hash());
    Anchor { height, block_hash, state_root, time_ms: header.timestamp }
}

pub fn validator_keys() -> Vec<SecretKey> {
    (0..4).map(|index| SecretKey::from_seed([index; 32])).collect()
}

fn certificate(block: &Block) -> CommitCertificate {
    let context = SigningContext { chain: CHAIN, epoch: block.header.epoch };
    let result = ExecutionResult {
        height: block.at.height,
        state_root: block.at.state_root,
        receipts_root: Hash::ZERO,
        next_validators: Hash::ZERO,
    };
    let (view, hash) = (block.header.view, block.at.block_hash);
    let sign = |(index, key): (u16, SecretKey)| {
        let signer = ValidatorIndex(index);
        (signer, CommitVote::new(&context, view, hash, result, signer, &key).signature)
    };
    let signatures = (0u16..).zip(validator_keys()).take(3).map(sign).collect();
    let epoch = context.epoch;
    CommitCertificate { epoch, view, block: hash, result, signatures: Signatures(signatures) }
}

/// A receipt after the fashion of the counter: a call that asks for 13 is refused.
fn receipt(transaction: Hash, signed: &SignedTransaction) -> Receipt {
    let base = Receipt {
        transaction,
        status: Status::Success,
        gas_used: Gas(100),
        fee: Amount(200),
        output: Vec::new(),
        events: Vec::new(),
    };
    let Action::Call { arguments, .. } = &signed.transaction().action else { return base };
    if arguments.ends_with(&13u64.to_le_bytes()) {
        let output = contract::refusal();
        return Receipt { status: Status::Reverted, output, ..base };
    }
    let event = Event {
        contract: CONTRACT,
        topics: vec![abi::selector("Incremented").to_vec()],
        data: codec::encode(&5u64),
    };
    Receipt { output: codec::encode(&5u64), events: vec![event], ..base }
}

/// A transaction by a key that stands for its number.
pub fn transaction(sequence: u64, action: Action) -> SignedTransaction {
    let key = SecretKey::from_seed([42; 32]);
    let transaction = Transaction {
        version: FormatVersion::V1,
        chain_id: "test".parse().unwrap(),
        sender: key.public_key(),
        nonce: Nonce { lane: 0, sequence },
        valid_until: TimestampMs(60_000),
        gas_limit: Gas(1_000),
        gas_price: Amount(2),
        action,
    };
    transaction.sign(&key)
}

pub fn transfer(sequence: u64) -> SignedTransaction {
    transaction(sequence, Action::Transfer { to: Address([5; 32]), amount: Amount(10) })
}

pub fn increment(sequence: u64, by: u64) -> SignedTransaction {
    let mut arguments = abi::selector("increment").to_vec();
    arguments.extend(codec::encode(&by));
    transaction(sequence, Action::Call { contract: CONTRACT, arguments, value: Amount(0) })
}

pub fn blob(signed: &SignedTransaction) -> Blob {
    Blob(codec::encode(signed))
}

pub async fn serve(node: &Arc<Fake>, limits: Limits) -> Server {
    let address = "127.0.0.1:0".parse().unwrap();
    let backend: Arc<dyn Backend> = Arc::clone(node) as _;
    Server::start(address, backend, limits).await.unwrap()
}
