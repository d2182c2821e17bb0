//! The interface's description of itself: an OpenRPC document, made from the Rust types. Its table
//! of methods is also what the server checks parameters' names against, so a method that is missing
//! here cannot be called.

use std::sync::LazyLock;

use jsonrpsee::core::async_trait;
use jsonrpsee::proc_macros::rpc;
use primitives::{Address, Hash, Height};
use schemars::{Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Value, json};

use crate::error::{ApiError, ErrorCode};
use crate::handlers::Handlers;
use crate::types::{
    AbiView, AccountView, Answer, At, Blob, BlockEvent, BlockView, ChainSummary, CommitView,
    ConsensusStatus, DifferencesView, EvidenceList, KeyView, NextNonce, NodeStatus, PayloadView,
    PiecesView, PrefixView, ProvedView, QueryResult, ReceiptView, ScanView, SendAndWaitResult,
    SendResult, TxView, Until, ValueView,
};

/// The interface's description of itself.
#[rpc(server, client)]
pub trait DiscoverApi {
    /// This interface as an OpenRPC document.
    #[method(name = "rpc.discover", param_kind = map)]
    async fn discover(&self) -> Result<Value, ApiError>;
}

#[async_trait]
impl DiscoverApiServer for Handlers {
    async fn discover(&self) -> Result<Value, ApiError> {
        Ok(document().clone())
    }
}

/// A method as it is called.
#[derive(Debug)]
pub(crate) struct Method {
    pub name: &'static str,
    summary: &'static str,
    pub params: &'static [Param],
    result: Type,
    /// Beside those that any call may meet.
    errors: &'static [ErrorCode],
    pub kind: Kind,
}

/// A parameter, in its position.
#[derive(Debug)]
pub(crate) struct Param {
    pub name: &'static str,
    description: &'static str,
    ty: Type,
    required: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Call,
    /// Over WebSocket only; its items are notifications.
    Subscription,
    Unsubscription,
}

/// Makes the schema of a type, adding what it refers to.
type Type = fn(&mut SchemaGenerator) -> Schema;

const fn required(name: &'static str, ty: Type, description: &'static str) -> Param {
    Param { name, description, ty, required: true }
}

const fn optional(name: &'static str, ty: Type, description: &'static str) -> Param {
    Param { name, description, ty, required: false }
}

const fn call(
    name: &'static str,
    summary: &'static str,
    params: &'static [Param],
    result: Type,
    errors: &'static [ErrorCode],
) -> Method {
    Method { name, summary, params, result, errors, kind: Kind::Call }
}

const AT: Param = optional(
    "at",
    SchemaGenerator::subschema_for::<At>,
    "Where to read: \"latest\" (when not told), a height, or a block hash",
);
const ADDRESS: Param =
    required("address", SchemaGenerator::subschema_for::<Address>, "The account");
const CONTRACT: Param =
    required("contract", SchemaGenerator::subschema_for::<Address>, "The contract");
const HASH: Param =
    required("hash", SchemaGenerator::subschema_for::<Hash>, "The transaction's hash");
const TRANSACTION: Param = required(
    "transaction",
    SchemaGenerator::subschema_for::<Blob>,
    "The signed transaction in its canonical encoding",
);

const KEY: Param = required("key", SchemaGenerator::subschema_for::<KeyView>, "Which value");

const BLOCK_ERRORS: &[ErrorCode] =
    &[ErrorCode::NotFound, ErrorCode::HeightNotYet, ErrorCode::Pruned];
const STATE_ERRORS: &[ErrorCode] = &[ErrorCode::HeightNotYet, ErrorCode::Pruned];
const SEND_ERRORS: &[ErrorCode] = &[
    ErrorCode::TxInvalid,
    ErrorCode::TxExpired,
    ErrorCode::MempoolFull,
    ErrorCode::NonceUsed,
    ErrorCode::NonceGap,
    ErrorCode::TooManyLanes,
    ErrorCode::PermissionDenied,
    ErrorCode::DiskFull,
];
const QUERY_ERRORS: &[ErrorCode] = &[
    ErrorCode::NotFound,
    ErrorCode::HeightNotYet,
    ErrorCode::Pruned,
    ErrorCode::ContractRevert,
    ErrorCode::ContractFailed,
    ErrorCode::OutOfGas,
];

const DESCRIPTION: &str = "JSON-RPC 2.0 over HTTP POST and WebSocket on one port. Parameters by \
    name, or by position. Every error's data is {code, retry, detail}. Any call may answer \
    INVALID_PARAMS, LIMIT_EXCEEDED, METHOD_DISABLED, OVERLOADED, SYNCING, STALLED, SHUTTING_DOWN \
    or INTERNAL.";

/// Every method, in the order of the document.
pub(crate) const METHODS: &[Method] = &[
    call(
        "chain_info",
        "What hardly changes from block to block, and the head as `at`",
        &[],
        SchemaGenerator::subschema_for::<Answer<ChainSummary>>,
        &[],
    ),
    call(
        "chain_getBlock",
        "A committed block: its header and its transactions' hashes",
        &[AT],
        SchemaGenerator::subschema_for::<Answer<BlockView>>,
        BLOCK_ERRORS,
    ),
    call(
        "chain_getPayload",
        "A committed block's batches: all that is needed, beside its header, to execute it",
        &[AT],
        SchemaGenerator::subschema_for::<Answer<PayloadView>>,
        BLOCK_ERRORS,
    ),
    call(
        "chain_getCommit",
        "Proof that a block is final: a certificate, and the headers from there to the block",
        &[AT],
        SchemaGenerator::subschema_for::<Answer<CommitView>>,
        BLOCK_ERRORS,
    ),
    Method {
        name: "chain_subscribe",
        summary: "Every block from a height on, from history and then as they commit. The answer \
                  is the subscription's id; items come as notifications `chain_block`",
        params: &[optional(
            "from",
            SchemaGenerator::subschema_for::<Height>,
            "The first height wanted, or an item's cursor; the next block when not told",
        )],
        result: SchemaGenerator::subschema_for::<BlockEvent>,
        errors: &[ErrorCode::HeightNotYet, ErrorCode::CursorExpired],
        kind: Kind::Subscription,
    },
    Method {
        name: "chain_unsubscribe",
        summary: "Ends a subscription",
        params: &[required(
            "subscription",
            SchemaGenerator::subschema_for::<u64>,
            "The id that chain_subscribe answered; by position only",
        )],
        result: SchemaGenerator::subschema_for::<bool>,
        errors: &[],
        kind: Kind::Unsubscription,
    },
    call(
        "tx_send",
        "Gives a signed transaction to the mempool. Sending it again is harmless",
        &[TRANSACTION],
        SchemaGenerator::subschema_for::<Answer<SendResult>>,
        SEND_ERRORS,
    ),
    call(
        "tx_sendAndWait",
        "Sends, and waits for the end. A wait that is too short answers `pending`, no error",
        &[
            TRANSACTION,
            optional(
                "until",
                SchemaGenerator::subschema_for::<Until>,
                "How far to wait; until committed when not told",
            ),
            optional(
                "timeoutMs",
                SchemaGenerator::subschema_for::<u64>,
                "How long to wait: 30000 when not told, at most 120000",
            ),
        ],
        SchemaGenerator::subschema_for::<Answer<SendAndWaitResult>>,
        SEND_ERRORS,
    ),
    call(
        "tx_get",
        "A transaction and where it stands",
        &[HASH],
        SchemaGenerator::subschema_for::<Answer<TxView>>,
        &[ErrorCode::NotFound],
    ),
    call(
        "tx_getReceipt",
        "What came of a committed transaction, decoded by the contracts' ABIs",
        &[HASH],
        SchemaGenerator::subschema_for::<Answer<ReceiptView>>,
        &[ErrorCode::NotFound],
    ),
    call(
        "account_get",
        "An account's record; one that was never used has no balance",
        &[ADDRESS, AT],
        SchemaGenerator::subschema_for::<Answer<AccountView>>,
        STATE_ERRORS,
    ),
    call(
        "account_nextNonce",
        "The nonce for the account's next transaction, behind those that wait",
        &[
            ADDRESS,
            optional("lane", SchemaGenerator::subschema_for::<u32>, "The lane; 0 when not told"),
        ],
        SchemaGenerator::subschema_for::<Answer<NextNonce>>,
        &[],
    ),
    call(
        "contract_query",
        "Runs one of a contract's query methods on committed state",
        &[
            CONTRACT,
            required(
                "method",
                SchemaGenerator::subschema_for::<String>,
                "The method's name in the contract's ABI",
            ),
            optional(
                "arguments",
                SchemaGenerator::subschema_for::<Value>,
                "An object by name or an array by position, typed by the ABI",
            ),
            optional(
                "caller",
                SchemaGenerator::subschema_for::<Address>,
                "Whom the contract sees as its caller; nothing proves it",
            ),
            AT,
        ],
        SchemaGenerator::subschema_for::<Answer<QueryResult>>,
        QUERY_ERRORS,
    ),
    call(
        "contract_abi",
        "The interface that a contract carries",
        &[CONTRACT, AT],
        SchemaGenerator::subschema_for::<Answer<AbiView>>,
        &[ErrorCode::NotFound, ErrorCode::HeightNotYet, ErrorCode::Pruned],
    ),
    call(
        "state_get",
        "A value of the state, or its absence, at any height that is kept",
        &[KEY, AT],
        SchemaGenerator::subschema_for::<Answer<ValueView>>,
        BLOCK_ERRORS,
    ),
    call(
        "state_scan",
        "The keys of a range of the state with their values, in their order, page by page",
        &[
            required("from", SchemaGenerator::subschema_for::<KeyView>, "The first key wanted"),
            optional(
                "to",
                SchemaGenerator::subschema_for::<KeyView>,
                "The first key not wanted; to the end of the namespace when not told",
            ),
            optional(
                "descending",
                SchemaGenerator::subschema_for::<bool>,
                "The last key first; the page's `next` is then a `to`, and a `from` otherwise",
            ),
            optional(
                "limit",
                SchemaGenerator::subschema_for::<u32>,
                "Keys of a page: 30 when not told, at most 1000",
            ),
            AT,
        ],
        SchemaGenerator::subschema_for::<Answer<ScanView>>,
        BLOCK_ERRORS,
    ),
    call(
        "state_diff",
        "What differs between the states of two heights, in the order of the keys, page by page",
        &[
            required("from", SchemaGenerator::subschema_for::<Height>, "The lower height"),
            required("to", SchemaGenerator::subschema_for::<Height>, "The upper height"),
            optional(
                "after",
                SchemaGenerator::subschema_for::<KeyView>,
                "The `next` of the page before; from the first key when not told",
            ),
            optional(
                "limit",
                SchemaGenerator::subschema_for::<u32>,
                "Keys of a page: 30 when not told, at most 100",
            ),
        ],
        SchemaGenerator::subschema_for::<Answer<DifferencesView>>,
        STATE_ERRORS,
    ),
    call(
        "state_getPieces",
        "What stands below prefixes of the state tree: values, or the hashes of subtrees",
        &[
            required(
                "prefixes",
                SchemaGenerator::subschema_for::<Vec<PrefixView>>,
                "At most 256; the answer may be for the first of them only",
            ),
            AT,
        ],
        SchemaGenerator::subschema_for::<Answer<PiecesView>>,
        BLOCK_ERRORS,
    ),
    call(
        "state_prove",
        "A value of the state, or its absence, with all that is needed to believe it; at the head",
        &[KEY, AT],
        SchemaGenerator::subschema_for::<Answer<ProvedView>>,
        &[ErrorCode::HeightNotYet, ErrorCode::HeadOnly],
    ),
    call(
        "consensus_status",
        "The view, the votes in, who is missing and what is waited for, as this node sees it",
        &[],
        SchemaGenerator::subschema_for::<Answer<ConsensusStatus>>,
        &[],
    ),
    call(
        "consensus_evidence",
        "Who has signed two things that no honest validator signs together: both messages, and the \
         height at which the chain took them",
        &[],
        SchemaGenerator::subschema_for::<Answer<EvidenceList>>,
        &[],
    ),
    call(
        "node_status",
        "The disk: how much is free, how fast it fills, and what follows; what the state holds",
        &[],
        SchemaGenerator::subschema_for::<Answer<NodeStatus>>,
        &[],
    ),
    call(
        "rpc.discover",
        "This interface as an OpenRPC document",
        &[],
        SchemaGenerator::subschema_for::<Value>,
        &[],
    ),
];

/// What the table says of a method.
pub(crate) fn method(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name == name)
}

/// The OpenRPC document.
pub fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(build);
    &DOCUMENT
}

fn build() -> Value {
    let settings = SchemaSettings::draft07()
        .with(|settings| settings.definitions_path = "/components/schemas".into());
    let mut generator = settings.into_generator();
    let methods: Vec<_> = METHODS.iter().map(|method| describe(method, &mut generator)).collect();
    let schemas = generator.take_definitions(true);
    json!({
        "openrpc": "1.3.2",
        "info": {
            "title": "Quorate",
            "description": DESCRIPTION,
            "version": env!("CARGO_PKG_VERSION"),
        },
        "methods": methods,
        "components": { "schemas": schemas },
    })
}

fn describe(method: &Method, generator: &mut SchemaGenerator) -> Value {
    let param = |param: &Param| {
        json!({
            "name": param.name,
            "description": param.description,
            "required": param.required,
            "schema": (param.ty)(generator),
        })
    };
    let params: Vec<_> = method.params.iter().map(param).collect();
    let error = |code: &ErrorCode| json!({ "code": code.number(), "message": code });
    let result = match method.kind {
        Kind::Subscription => "item",
        Kind::Call | Kind::Unsubscription => "result",
    };
    json!({
        "name": method.name,
        "summary": method.summary,
        "paramStructure": "either",
        "params": params,
        "result": { "name": result, "schema": (method.result)(generator) },
        "errors": method.errors.iter().map(error).collect::<Vec<_>>(),
    })
}
