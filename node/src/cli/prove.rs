//! `quorate query prove`: a value of the state, proved from the genesis' validators down.
//!
//! The node is not trusted: the certificate is checked with the keys of *our* genesis, its result
//! names the state root, and hashes alone lead from there to the value.

use anyhow::Context as _;
use clap::{Args, Subcommand};
use consensus::Evidence;
use primitives::state_key::{Account, CodeInfo, ContractInfo, EvidenceRecord};
use primitives::{
    Address, CommitCertificate, Epoch, Genesis, Hash, Header, Height, SigningContext, StateKey,
    View, codec,
};
use rpc::client::StateApiClient;
use rpc::types::{Answer, Blob, KeyView, ProvedView};
use serde_json::{Value, json};
use state::StateProof;
use vm::{COSTS_KEY, CostTable};

use super::context::Context;
use super::failure::Failure;
use super::output::fields;
use super::remote::Remote;

/// Bytes of an encoded proof: 256 siblings and what stands at the end of the way.
const PROOF_BYTES_MAX: usize = 16 << 10;
/// Bytes of a proved record; code is the largest.
const VALUE_BYTES_MAX: usize = 2 << 20;

#[derive(Debug, Args)]
pub struct Prove {
    #[command(subcommand)]
    what: What,
}

/// A value of the state.
#[derive(Debug, Subcommand)]
pub enum What {
    /// An account's record; an address, or the name of a key of this home
    Account { account: String },
    /// A contract's record
    Contract { contract: Address },
    /// A value that a contract stored
    Storage {
        contract: Address,
        /// The storage key, in hex
        key: String,
    },
    /// A stored module
    Code { hash: Hash },
    /// What the chain charges gas for
    Costs,
    /// The evidence against a validator in one view, as `quorate query evidence` lists it
    Evidence {
        /// The validator's name
        culprit: String,
        view: u64,
        #[arg(long, default_value_t = 0)]
        epoch: u64,
    },
}

/// What holds after all checks.
#[derive(Clone, Debug)]
pub struct Verified {
    /// `None`: proved absent.
    pub value: Option<Vec<u8>>,
    pub height: Height,
    pub state_root: Hash,
    /// The block that last changed the value.
    pub changed: Option<Height>,
    pub signers: usize,
    pub validators: usize,
}

impl Prove {
    pub async fn run(self, context: &Context, remote: &Remote) -> anyhow::Result<()> {
        let genesis = context.home.genesis().context("proofs are checked by the genesis")?;
        let key = self.what.key(context)?;
        let proved = fetch(remote, &genesis, key.clone()).await?;
        let value = proved.value.as_deref();
        let answer = json!({
            "verified": true,
            "height": proved.height,
            "stateRoot": proved.state_root,
            "signers": proved.signers,
            "validators": proved.validators,
            "changed": proved.changed,
            "value": value.map(|bytes| Blob(bytes.to_vec())),
            "decoded": value.and_then(|bytes| decode(&key, bytes)),
        });
        context.out.show(&answer, || {
            let changed = proved.changed.map(|height| format!(", unchanged since block {height}"));
            let (signers, all) = (proved.signers, proved.validators);
            let mut rows = rows(&key, value);
            rows.extend([
                ("at height", format!("{}{}", proved.height, changed.unwrap_or_default())),
                ("state root", proved.state_root.to_string()),
                ("signed by", format!("{signers} of {all} validators of the genesis")),
                ("proof", "verified".to_owned()),
            ]);
            fields(&rows)
        })
    }
}

impl What {
    pub fn key(&self, context: &Context) -> anyhow::Result<KeyView> {
        Ok(match self {
            Self::Account { account } => KeyView::Account(context.address(account)?),
            Self::Contract { contract } => KeyView::Contract(*contract),
            Self::Storage { contract, key } => {
                let digits = key.strip_prefix("0x").unwrap_or(key);
                let key = hex::decode(digits).context("the storage key is not hex")?;
                KeyView::Storage { contract: *contract, key: Blob(key) }
            }
            Self::Code { hash } => KeyView::Code(*hash),
            Self::Costs => KeyView::from(&StateKey::system(COSTS_KEY)),
            Self::Evidence { culprit, view, epoch } => {
                let validators = context.home.genesis()?.validator_set()?;
                let named = validators.iter().find(|(_, validator)| validator.name == *culprit);
                let (culprit, _) = named.context("the genesis names no such validator")?;
                KeyView::Evidence { epoch: Epoch(*epoch), view: View(*view), culprit }
            }
        })
    }
}

/// Fetches a value and verifies it.
pub async fn fetch(remote: &Remote, genesis: &Genesis, key: KeyView) -> anyhow::Result<Verified> {
    let state_key = StateKey::from(&key);
    let answer = remote.ask(remote.http.state_prove(key, None)).await?;
    let proved = verify(genesis, &state_key, answer);
    proved.map_err(|reason| {
        let url = remote.url();
        Failure::Unproved(format!("the answer of {url} proves nothing: {reason:#}")).into()
    })
}

/// Checks an answer against a genesis, without I/O.
fn verify(
    genesis: &Genesis,
    key: &StateKey,
    answer: Answer<ProvedView>,
) -> anyhow::Result<Verified> {
    let ProvedView { value, proof, header, certificate } = answer.body;
    let value = value.map(|Blob(bytes)| bytes);
    let (header, certificate) = (Header::from(header), CommitCertificate::from(certificate));
    let validators = genesis.validator_set()?;
    let signing = SigningContext { chain: genesis.hash(), epoch: Epoch::ZERO };
    certificate.verify(&signing, &validators)?;
    anyhow::ensure!(header.hash() == certificate.block, "the certificate is over another block");
    let result = certificate.result;
    anyhow::ensure!(header.height == result.height, "the certificate is over another height");
    let proof: StateProof = codec::decode(&proof.0, PROOF_BYTES_MAX)?;
    let changed = proof.verify(&result.state_root.0, &state::claim(key, value.as_deref()))?;
    Ok(Verified {
        value,
        height: result.height,
        state_root: result.state_root,
        changed: changed.map(Height),
        signers: certificate.signatures.0.len(),
        validators: validators.len(),
    })
}

/// A value for people, in as many rows as it needs.
pub fn rows(key: &KeyView, value: Option<&[u8]>) -> Vec<(&'static str, String)> {
    let Some(table) = value.and_then(|bytes| costs(key, bytes)) else {
        return vec![("value", text(key, value))];
    };
    let wide = table.prices.keys().map(String::len).max().unwrap_or_default();
    let prices = table.prices.iter().map(|(name, price)| ("", format!("{name:wide$}  {price}")));
    [("value", format!("gas is priced by table {}", table.version))]
        .into_iter()
        .chain(prices)
        .collect()
}

/// The chain's prices of gas, when they stand at this key.
fn costs(key: &KeyView, bytes: &[u8]) -> Option<CostTable> {
    let is_costs = StateKey::from(key) == StateKey::system(COSTS_KEY);
    if is_costs { codec::decode(bytes, VALUE_BYTES_MAX).ok() } else { None }
}

/// A value for people.
pub fn text(key: &KeyView, value: Option<&[u8]>) -> String {
    match value.map(|bytes| (decode(key, bytes), bytes)) {
        None => "absent".to_owned(),
        Some((Some(decoded), _)) => decoded.to_string(),
        Some((None, bytes)) if bytes.len() > 256 => format!("{} bytes", bytes.len()),
        Some((None, bytes)) => format!("0x{}", hex::encode(bytes)),
    }
}

/// The records that this program knows the form of.
pub fn decode(key: &KeyView, bytes: &[u8]) -> Option<Value> {
    match key {
        KeyView::Account(_) => {
            let account: Account = codec::decode(bytes, VALUE_BYTES_MAX).ok()?;
            let lanes: serde_json::Map<_, _> = account
                .lanes
                .iter()
                .map(|(lane, next)| (lane.to_string(), next.to_string().into()))
                .collect();
            Some(json!({ "balance": account.balance, "lanes": lanes }))
        }
        KeyView::Contract(_) => {
            let info: ContractInfo = codec::decode(bytes, VALUE_BYTES_MAX).ok()?;
            Some(json!({ "code": info.code, "creator": info.creator, "admin": info.admin }))
        }
        KeyView::CodeInfo(_) => {
            let info: CodeInfo = codec::decode(bytes, VALUE_BYTES_MAX).ok()?;
            Some(json!({ "bytes": info.bytes, "fetchGas": info.fetch_gas }))
        }
        KeyView::Evidence { .. } => {
            let record: EvidenceRecord = codec::decode(bytes, VALUE_BYTES_MAX).ok()?;
            let evidence = Evidence::decode(&record.evidence).ok()?;
            Some(json!({ "height": record.height, "kind": evidence.kind() }))
        }
        KeyView::Raw { .. } => {
            let table = costs(key, bytes)?;
            Some(json!({ "version": table.version, "prices": table.prices }))
        }
        KeyView::Storage { .. } | KeyView::Code(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use primitives::{
        ChainParameters, CommitVote, ExecutionResult, SecretKey, Signatures, TimestampMs,
        Validator, ValidatorIndex, View,
    };
    use rpc::types::Anchor;
    use state::Terminal;

    use super::*;

    fn keys() -> Vec<SecretKey> {
        (1..=4).map(|seed| SecretKey::from_seed([seed; 32])).collect()
    }

    fn genesis(chain: &str) -> Genesis {
        let keys = keys();
        let validators = keys.iter().enumerate();
        Genesis {
            chain_id: chain.parse().unwrap(),
            timestamp_ms: TimestampMs(0),
            parameters: ChainParameters::default(),
            validators: validators
                .map(|(i, key)| Validator { name: i.to_string(), key: key.public_key() })
                .collect(),
            accounts: BTreeMap::new(),
        }
    }

    /// The proof that an empty state, certified by `signers` validators, lacks a value.
    fn answer(genesis: &Genesis, signers: u16) -> Answer<ProvedView> {
        let chain = genesis.hash();
        let header =
            Header { height: Height(1), view: View(1), ..Header::genesis(chain, TimestampMs(1)) };
        let block = header.hash();
        let result = ExecutionResult {
            height: header.height,
            state_root: Hash::ZERO,
            receipts_root: Hash::ZERO,
            next_validators: genesis.validator_set().unwrap().hash(),
        };
        let signing = SigningContext { chain, epoch: Epoch::ZERO };
        let votes = (0..signers).map(ValidatorIndex).zip(keys()).map(|(signer, key)| {
            let vote = CommitVote::new(&signing, header.view, block, result, signer, &key);
            (signer, vote.signature)
        });
        let certificate = CommitCertificate {
            epoch: Epoch::ZERO,
            view: header.view,
            block,
            result,
            signatures: Signatures(votes.collect()),
        };
        let proof = StateProof { terminal: Terminal::Empty, siblings: Vec::new() };
        let at = Anchor {
            height: header.height,
            block_hash: block,
            state_root: Hash::ZERO,
            time_ms: header.timestamp,
        };
        let body = ProvedView {
            value: None,
            proof: Blob(codec::encode(&proof)),
            header: header.into(),
            certificate: certificate.into(),
        };
        Answer { body, at }
    }

    #[test]
    fn what_a_quorum_of_our_genesis_signed_is_believed() {
        let genesis = genesis("a");
        let verified = verify(&genesis, &StateKey::system("x"), answer(&genesis, 3)).unwrap();
        assert_eq!((verified.value, verified.height), (None, Height(1)));
        assert_eq!((verified.signers, verified.validators), (3, 4));
    }

    #[test]
    fn everything_else_is_not() {
        let (ours, other) = (genesis("a"), genesis("b"));
        let key = StateKey::system("x");
        let refuse = |answer: Answer<ProvedView>, said: &str| {
            let error = format!("{:#}", verify(&ours, &key, answer).unwrap_err());
            assert!(error.contains(said), "{error}");
        };
        refuse(answer(&ours, 2), "a quorum is 3 of 4");
        refuse(answer(&other, 3), "signature of validator");
        let mut changed = answer(&ours, 3);
        changed.body.value = Some(Blob(vec![1]));
        refuse(changed, "the key has no value");
        let mut changed = answer(&ours, 3);
        changed.body.header.view = View(2);
        refuse(changed, "another block");
        let mut changed = answer(&ours, 3);
        changed.body.certificate.result.state_root = Hash([1; 32]);
        refuse(changed, "signature of validator");
        let mut changed = answer(&ours, 3);
        changed.body.proof.0.push(0);
        refuse(changed, "malformed");
    }
}
