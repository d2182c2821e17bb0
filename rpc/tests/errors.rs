//! Every error code is reachable, in the one form that errors have, and tells nothing from inside.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod fake;

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use fake::{CONTRACT, Fake, State, blob, contract, serve, transaction, transfer};
use jsonrpsee::core::client::ClientT;
use jsonrpsee::core::params::{ArrayParams, ObjectParams};
use primitives::receipt::{Failure, Rejection};
use primitives::{Action, Address, Amount, Gas, Hash, Height, Signature, TimestampMs};
use quorate_rpc::backend::{Missing, QueryError, ReadError, SubmitError, Unavailable};
use quorate_rpc::types::Blob;
use quorate_rpc::{ApiError, ErrorCode, Limits, Retry, client};
use serde_json::{Value, json};

/// A change to the node, a call with named parameters, and the error that comes of it.
struct Case {
    set: fn(&mut State),
    method: &'static str,
    params: Value,
    code: ErrorCode,
    /// What `detail` must hold, at least.
    detail: Value,
}

/// What the mempool answers, and the error that comes of it.
type Refusal = (fn(&mut State), ErrorCode, Value);

fn case(
    set: fn(&mut State),
    method: &'static str,
    params: Value,
    code: ErrorCode,
    detail: Value,
) -> Case {
    Case { set, method, params, code, detail }
}

async fn call(address: std::net::SocketAddr, method: &str, params: &Value) -> ApiError {
    let client = client::http(&format!("http://{address}")).unwrap();
    let mut named = ObjectParams::new();
    for (name, value) in params.as_object().unwrap() {
        named.insert(name, value).unwrap();
    }
    let error = client.request::<Value, _>(method, named).await.unwrap_err();
    let typed = ApiError::from_client(&error);
    typed.unwrap_or_else(|| panic!("{method}: an error of another form: {error}"))
}

/// Runs each case on a node of its own; gives the codes seen.
async fn check(cases: Vec<Case>) -> BTreeSet<ErrorCode> {
    let mut seen = BTreeSet::new();
    for Case { set, method, params, code, detail } in cases {
        let node = Fake::new();
        node.commit_block();
        set(&mut node.state());
        let limits = Limits { disabled: ["chain_info".to_owned()].into(), ..Limits::default() };
        let server = serve(&node, limits).await;
        let error = call(server.address(), method, &params).await;
        assert_eq!(error.code, code, "{method} {params}: {error:?}");
        assert!(error.message.len() > 10, "{method}: {error:?}");
        if let Some(expected) = detail.as_object() {
            for (name, value) in expected {
                assert_eq!(&error.detail[name], value, "{method}: {error:?}");
            }
        }
        seen.insert(error.code);
    }
    seen
}

const DISK_FULL: SubmitError = SubmitError::DiskFull { free_bytes: 3 << 20, needed_bytes: 5 << 20 };

fn nothing(_: &mut State) {}

fn send() -> Value {
    json!({ "transaction": blob(&transfer(0)) })
}

fn query(arguments: &Value) -> Value {
    json!({ "contract": CONTRACT, "method": "value_plus", "arguments": arguments })
}

#[expect(clippy::too_many_lines, reason = "a list")]
fn read_cases() -> Vec<Case> {
    let account = json!({ "address": Address([1; 32]), "at": 0 });
    let unknown = json!({ "hash": Hash([1; 32]) });
    vec![
        case(
            nothing,
            "chain_getBlock",
            json!({ "at": 99 }),
            ErrorCode::HeightNotYet,
            json!({ "head": 1 }),
        ),
        case(
            nothing,
            "chain_getBlock",
            json!({ "at": Hash([1; 32]) }),
            ErrorCode::NotFound,
            Value::Null,
        ),
        case(
            |state| state.floor = Height(1),
            "chain_getBlock",
            json!({ "at": 0 }),
            ErrorCode::Pruned,
            json!({ "height": 0, "floor": 1 }),
        ),
        case(
            |state| state.floor = Height(1),
            "account_get",
            account,
            ErrorCode::Pruned,
            json!({ "height": 0, "floor": 1 }),
        ),
        case(
            |state| {
                let floor = Height(1);
                let missing = Missing::Transaction;
                state.read_error = Some(ReadError::NotFoundAbove { missing, floor });
            },
            "chain_getBlock",
            json!({}),
            ErrorCode::NotFound,
            json!({ "floor": 1 }),
        ),
        case(
            nothing,
            "state_prove",
            json!({ "key": { "account": Address([1; 32]) }, "at": 0 }),
            ErrorCode::HeadOnly,
            json!({ "head": 1 }),
        ),
        case(
            nothing,
            "state_scan",
            json!({ "from": { "account": Address([1; 32]) }, "limit": 0 }),
            ErrorCode::InvalidParams,
            Value::Null,
        ),
        case(
            nothing,
            "state_scan",
            json!({ "from": { "raw": { "namespace": "storage", "key": Blob(vec![0; 290]) } } }),
            ErrorCode::LimitExceeded,
            json!({ "limit": "stateKeyBytes" }),
        ),
        case(
            nothing,
            "state_diff",
            json!({ "from": 1, "to": 0 }),
            ErrorCode::InvalidParams,
            Value::Null,
        ),
        case(
            nothing,
            "state_diff",
            json!({ "from": 0, "to": 10_001 }),
            ErrorCode::LimitExceeded,
            json!({ "limit": "diffBlocks" }),
        ),
        case(
            nothing,
            "state_getPieces",
            json!({ "prefixes": [{ "path": Hash::ZERO, "depth": 3 }] }),
            ErrorCode::InvalidParams,
            Value::Null,
        ),
        case(
            nothing,
            "state_prove",
            json!({ "key": { "account": Address([1; 32]) }, "at": 2 }),
            ErrorCode::HeightNotYet,
            Value::Null,
        ),
        case(nothing, "tx_get", unknown.clone(), ErrorCode::NotFound, Value::Null),
        case(nothing, "tx_getReceipt", unknown, ErrorCode::NotFound, Value::Null),
        case(
            nothing,
            "contract_abi",
            json!({ "contract": Address([1; 32]) }),
            ErrorCode::NotFound,
            Value::Null,
        ),
        case(
            |state| {
                let (height, target) = (Height(1), Height(9));
                state.read_error = Some(Unavailable::Syncing { height, target }.into());
            },
            "account_get",
            json!({ "address": Address([1; 32]) }),
            ErrorCode::Syncing,
            json!({ "target": 9 }),
        ),
    ]
}

fn send_cases() -> Vec<Case> {
    let mut forged = transfer(0);
    forged.signature = Signature([0; 64]);
    let upload = Action::Upload { code: vec![0; (1 << 20) + 1] };
    let refusals: [Refusal; 12] = [
        (
            |s| s.submit_error = Some(Rejection::WrongChain.into()),
            ErrorCode::TxInvalid,
            json!({ "reason": "WRONG_CHAIN" }),
        ),
        (
            |s| {
                s.submit_error = Some(
                    Rejection::InsufficientBalance { balance: Amount(1), needed: Amount(2) }.into(),
                )
            },
            ErrorCode::TxInvalid,
            json!({ "reason": "INSUFFICIENT_BALANCE", "needed": "2" }),
        ),
        (
            |s| {
                s.submit_error = Some(
                    Rejection::Expired { valid_until: TimestampMs(1), block: TimestampMs(2) }
                        .into(),
                )
            },
            ErrorCode::TxExpired,
            json!({ "validUntil": 1 }),
        ),
        (
            |s| s.submit_error = Some(Rejection::NonceUsed { expected: 3 }.into()),
            ErrorCode::NonceUsed,
            json!({ "expected": 3 }),
        ),
        (
            |s| s.submit_error = Some(Rejection::NonceGap { expected: 3 }.into()),
            ErrorCode::NonceGap,
            Value::Null,
        ),
        (
            |s| s.submit_error = Some(Rejection::TooManyLanes.into()),
            ErrorCode::TooManyLanes,
            Value::Null,
        ),
        (
            |s| s.submit_error = Some(SubmitError::MempoolFull { price_above: Amount(7) }),
            ErrorCode::MempoolFull,
            json!({ "priceAbove": "7" }),
        ),
        (
            |s| {
                s.submit_error = Some(SubmitError::PermissionDenied { rule: "members only".into() })
            },
            ErrorCode::PermissionDenied,
            json!({ "rule": "members only" }),
        ),
        (|s| s.submit_error = Some(Unavailable::Stalled.into()), ErrorCode::Stalled, Value::Null),
        (
            |s| s.submit_error = Some(Unavailable::ShuttingDown.into()),
            ErrorCode::ShuttingDown,
            Value::Null,
        ),
        (|s| s.submit_error = Some(SubmitError::Overloaded), ErrorCode::Overloaded, Value::Null),
        (
            |s| s.submit_error = Some(DISK_FULL),
            ErrorCode::DiskFull,
            json!({ "freeBytes": 3 << 20, "neededBytes": 5 << 20 }),
        ),
    ];
    let sent = |bytes: Blob| json!({ "transaction": bytes });
    let mut cases = vec![
        case(
            nothing,
            "tx_send",
            sent(blob(&forged)),
            ErrorCode::TxInvalid,
            json!({ "reason": "SIGNATURE" }),
        ),
        case(
            nothing,
            "tx_send",
            sent(Blob(vec![1, 2, 3])),
            ErrorCode::TxInvalid,
            json!({ "reason": "MALFORMED" }),
        ),
        case(
            nothing,
            "tx_send",
            sent(blob(&transaction(0, upload))),
            ErrorCode::TxInvalid,
            json!({ "reason": "TOO_LARGE" }),
        ),
    ];
    for (set, code, detail) in refusals {
        cases.push(case(set, "tx_send", send(), code, detail.clone()));
        cases.push(case(set, "tx_sendAndWait", send(), code, detail));
    }
    cases
}

fn query_cases() -> Vec<Case> {
    let good = query(&json!({ "by": "2" }));
    vec![
        case(
            |s| {
                s.query_error =
                    Some(QueryError::Reverted { output: contract::refusal(), gas_used: Gas(5) })
            },
            "contract_query",
            good.clone(),
            ErrorCode::ContractRevert,
            json!({ "error": { "TooMuch": { "max": "12" } }, "gasUsed": "5" }),
        ),
        case(
            |s| {
                s.query_error =
                    Some(QueryError::Failed { failure: Failure::OutOfGas, gas_used: Gas(5) })
            },
            "contract_query",
            good.clone(),
            ErrorCode::OutOfGas,
            Value::Null,
        ),
        case(
            |s| {
                s.query_error =
                    Some(QueryError::Failed { failure: Failure::Trapped, gas_used: Gas(5) })
            },
            "contract_query",
            good,
            ErrorCode::ContractFailed,
            json!({ "reason": "TRAPPED" }),
        ),
        case(
            nothing,
            "contract_query",
            query(&json!({ "by": "two" })),
            ErrorCode::InvalidParams,
            Value::Null,
        ),
        case(
            nothing,
            "contract_query",
            query(&json!({ "to": "2" })),
            ErrorCode::InvalidParams,
            Value::Null,
        ),
        case(
            nothing,
            "contract_query",
            json!({ "contract": CONTRACT, "method": "nothing" }),
            ErrorCode::InvalidParams,
            Value::Null,
        ),
        case(
            nothing,
            "contract_query",
            json!({ "contract": CONTRACT, "method": "increment", "arguments": ["1"] }),
            ErrorCode::InvalidParams,
            Value::Null,
        ),
    ]
}

fn call_cases() -> Vec<Case> {
    let long_key = json!({ "storage": { "contract": CONTRACT, "key": Blob(vec![0; 257]) } });
    vec![
        case(nothing, "chain_info", json!({}), ErrorCode::MethodDisabled, Value::Null),
        case(nothing, "chain_getblock", json!({}), ErrorCode::MethodNotFound, Value::Null),
        case(nothing, "chain_getBlock", json!({ "att": 1 }), ErrorCode::InvalidParams, Value::Null),
        case(nothing, "chain_getBlock", json!({ "at": -1 }), ErrorCode::InvalidParams, Value::Null),
        case(nothing, "tx_get", json!({}), ErrorCode::InvalidParams, Value::Null),
        case(nothing, "tx_get", json!({ "hash": "0xAB" }), ErrorCode::InvalidParams, Value::Null),
        case(
            nothing,
            "tx_send",
            json!({ "transaction": "!" }),
            ErrorCode::InvalidParams,
            Value::Null,
        ),
        case(
            nothing,
            "state_prove",
            json!({ "key": long_key }),
            ErrorCode::LimitExceeded,
            json!({ "max": 256 }),
        ),
        case(nothing, "chain_subscribe", json!({}), ErrorCode::InvalidRequest, Value::Null),
    ]
}

#[tokio::test]
async fn every_refusal_has_its_code_and_its_detail() {
    let mut seen = check(read_cases()).await;
    seen.extend(check(send_cases()).await);
    seen.extend(check(query_cases()).await);
    seen.extend(check(call_cases()).await);
    // The rest is seen in the tests below, in those of the transport and of subscriptions.
    let elsewhere = [ErrorCode::Internal, ErrorCode::ParseError, ErrorCode::CursorExpired];
    seen.extend(elsewhere);
    assert_eq!(seen, ErrorCode::ALL.into());
}

#[tokio::test]
async fn what_happens_inside_stays_inside() {
    let node = Fake::new();
    let secret = io::Error::other("/var/lib/quorate is on fire");
    node.state().read_error = Some(ReadError::Internal(Arc::new(secret)));
    let server = serve(&node, Limits::default()).await;
    let error = call(server.address(), "chain_getBlock", &json!({})).await;
    assert_eq!(error.code, ErrorCode::Internal);
    assert!(!format!("{error:?}").contains("fire"));
    assert!(error.detail["id"].is_u64());
    assert!(matches!(error.retry, Retry::AfterMs(_)));
}

#[tokio::test]
async fn a_node_with_a_full_disk_says_how_full_and_where_else_to_go() {
    let node = Fake::new();
    node.state().submit_error = Some(DISK_FULL);
    let server = serve(&node, Limits::default()).await;
    let error = call(server.address(), "tx_send", &send()).await;
    assert_eq!(
        error.message,
        "this node's disk is nearly full: it has 3 MiB free, and takes transactions from 5 MiB on. \
         Send to another validator, or again when its operator has made room"
    );
    assert_eq!(error.retry, Retry::AfterMs(60_000));
}

#[tokio::test]
async fn surplus_positional_values_are_refused() {
    let server = serve(&Fake::new(), Limits::default()).await;
    let client = client::http(&format!("http://{}", server.address())).unwrap();
    let mut params = ArrayParams::new();
    params.insert("latest").unwrap();
    params.insert(1).unwrap();
    let error = client.request::<Value, _>("chain_getBlock", params).await.unwrap_err();
    let error = ApiError::from_client(&error).unwrap();
    assert_eq!(error.code, ErrorCode::InvalidParams);
}

#[tokio::test]
async fn heavy_calls_beyond_their_places_are_refused_at_once() {
    let server = serve(&Fake::new(), Limits { heavy_calls: 0, ..Limits::default() }).await;
    let error = call(server.address(), "contract_abi", &json!({ "contract": CONTRACT })).await;
    assert_eq!(error.code, ErrorCode::Overloaded);
    let server = serve(&Fake::new(), Limits { calls: 1, waits: 0, ..Limits::default() }).await;
    let error = call(server.address(), "tx_sendAndWait", &send()).await;
    assert_eq!(error.code, ErrorCode::Overloaded);
}
