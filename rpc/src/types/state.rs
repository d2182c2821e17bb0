//! Values of the state: which, what they are and were, and proofs of them.

use primitives::{Address, Epoch, Hash, Height, Namespace, StateKey, ValidatorIndex, View};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Blob, CertificateView, HeaderView};

/// Which value: one of `{"account": address}`, `{"contract": address}`,
/// `{"storage": {"contract": address, "key": base64}}`, `{"code": hash}`, `{"codeInfo": hash}`,
/// `{"evidence": {"epoch": number, "view": number, "culprit": index}}`, or
/// `{"raw": {"namespace": name, "key": base64}}` for any other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum KeyView {
    /// The account's record.
    Account(Address),
    /// The contract's record.
    Contract(Address),
    /// A value that a contract stored.
    Storage { contract: Address, key: Blob },
    /// A stored module.
    Code(Hash),
    /// What is known of a stored module before it is read.
    CodeInfo(Hash),
    /// The evidence against a validator in one view; see `consensus_evidence`.
    Evidence { epoch: Epoch, view: View, culprit: ValidatorIndex },
    /// Any key, as the state knows it.
    Raw { namespace: NamespaceView, key: Blob },
}

/// The parts of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum NamespaceView {
    Account,
    Contract,
    Storage,
    Code,
    System,
    Evidence,
    CodeInfo,
}

impl From<NamespaceView> for Namespace {
    fn from(view: NamespaceView) -> Self {
        match view {
            NamespaceView::Account => Self::Account,
            NamespaceView::Contract => Self::Contract,
            NamespaceView::Storage => Self::Storage,
            NamespaceView::Code => Self::Code,
            NamespaceView::System => Self::System,
            NamespaceView::Evidence => Self::Evidence,
            NamespaceView::CodeInfo => Self::CodeInfo,
        }
    }
}

impl From<Namespace> for NamespaceView {
    fn from(namespace: Namespace) -> Self {
        match namespace {
            Namespace::Account => Self::Account,
            Namespace::Contract => Self::Contract,
            Namespace::Storage => Self::Storage,
            Namespace::Code => Self::Code,
            Namespace::System => Self::System,
            Namespace::Evidence => Self::Evidence,
            Namespace::CodeInfo => Self::CodeInfo,
        }
    }
}

impl From<&StateKey> for KeyView {
    /// The form with a meaning where the key has one.
    fn from(key: &StateKey) -> Self {
        let StateKey { namespace, key } = key;
        match (namespace, key.split_first_chunk()) {
            (Namespace::Account, Some((address, []))) => Self::Account(Address(*address)),
            (Namespace::Contract, Some((address, []))) => Self::Contract(Address(*address)),
            (Namespace::Code, Some((hash, []))) => Self::Code(Hash(*hash)),
            (Namespace::CodeInfo, Some((hash, []))) => Self::CodeInfo(Hash(*hash)),
            (Namespace::Storage, Some((contract, key))) => {
                Self::Storage { contract: Address(*contract), key: Blob(key.to_vec()) }
            }
            _ => Self::Raw { namespace: (*namespace).into(), key: Blob(key.clone()) },
        }
    }
}

impl From<&KeyView> for StateKey {
    fn from(view: &KeyView) -> Self {
        match view {
            KeyView::Account(address) => Self::account(address),
            KeyView::Contract(address) => Self::contract(address),
            KeyView::Storage { contract, key } => Self::storage(contract, &key.0),
            KeyView::Code(hash) => Self::code(hash),
            KeyView::CodeInfo(hash) => Self::code_info(hash),
            KeyView::Evidence { epoch, view, culprit } => Self::evidence(*epoch, *view, *culprit),
            KeyView::Raw { namespace, key } => {
                Self { namespace: (*namespace).into(), key: key.0.clone() }
            }
        }
    }
}

/// A value or its absence, and the way to it from a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProvedView {
    /// The stored value in canonical binary; absent when nothing stands there.
    pub value: Option<Blob>,
    /// The state tree's proof in its canonical encoding.
    pub proof: Blob,
    /// The block after which the value stands.
    pub header: HeaderView,
    /// Over exactly that block; its result names the state root.
    pub certificate: CertificateView,
}

/// A value of the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValueView {
    /// In canonical binary; absent when nothing stands there.
    pub value: Option<Blob>,
}

/// A page of a range of the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScanView {
    /// In the order of the keys, or the other way round when asked for.
    pub entries: Vec<EntryView>,
    /// Where the next page begins; absent on the last one. Ask with it as `from`, or as `to` when
    /// the order is descending.
    pub next: Option<KeyView>,
}

/// A key of the state and what stands there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntryView {
    pub key: KeyView,
    pub value: Blob,
}

/// A page of what differs between two heights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DifferencesView {
    pub from: Height,
    pub to: Height,
    /// In the order of the keys.
    pub differences: Vec<DifferenceView>,
    /// Ask for what is after this key; absent on the last page.
    pub next: Option<KeyView>,
}

/// A key with what stood there after the one height and what stands there after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DifferenceView {
    pub key: KeyView,
    /// Absent when nothing stood there.
    pub before: Option<Blob>,
    /// Absent when nothing stands there.
    pub after: Option<Blob>,
}

/// The first `depth` bits of paths through the state tree, a multiple of four; the others are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrefixView {
    pub path: Hash,
    pub depth: u16,
}

/// What stands below prefixes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PiecesView {
    /// Those of the first prefixes asked for, as many as fit: each the values, or the hashes of the
    /// sixteen subtrees, in the state tree's canonical encoding.
    pub pieces: Vec<Blob>,
}
