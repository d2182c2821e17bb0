//! Every method, by name and by position, over HTTP and over WebSocket, and through the typed
//! client.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod fake;

use fake::{CODE, CONTRACT, Fake, blob, increment, serve, transfer};
use jsonrpsee::core::client::ClientT;
use jsonrpsee::core::params::{ArrayParams, ObjectParams};
use primitives::{
    Address, CommitCertificate, Epoch, Hash, Header, Height, SigningContext, Validator,
};
use primitives::{TimestampMs, ValidatorSet};
use quorate_rpc::backend::SubmitError;
use quorate_rpc::client::{
    self, AccountApiClient, ChainApiClient, ConsensusApiClient, ContractApiClient,
    DiscoverApiClient, NodeApiClient, StateApiClient, TxApiClient,
};
use quorate_rpc::types::{
    ActionView, At, Blob, DiskLevel, KeyView, ReceiptStatus, SignedMessageKind, TransactionStatus,
    Until,
};
use quorate_rpc::{ApiError, ErrorCode, Limits, openrpc};
use serde_json::{Value, json};

/// A node at height 1 with a transfer, a call and a refused call in the block, and one transfer
/// waiting.
struct Scene {
    node: std::sync::Arc<Fake>,
    server: quorate_rpc::Server,
    called: Hash,
    refused: Hash,
    waiting: Hash,
}

async fn scene() -> Scene {
    let node = Fake::new();
    let server = serve(&node, Limits::default()).await;
    let client = client::http(&format!("http://{}", server.address())).unwrap();
    let (called, refused) = (increment(1, 5), increment(2, 13));
    for signed in [transfer(0), called.clone(), refused.clone()] {
        client.tx_send(blob(&signed)).await.unwrap();
    }
    node.commit_block();
    let waiting = client.tx_send(blob(&transfer(3))).await.unwrap().hash;
    Scene { node, server, called: called.hash(), refused: refused.hash(), waiting }
}

/// One call of every method; the parameters in their positions.
fn calls(scene: &Scene) -> Vec<(&'static str, Vec<(&'static str, Value)>)> {
    let account = json!(Address([1; 32]));
    let contract = json!(CONTRACT);
    let again = json!(blob(&transfer(3)));
    vec![
        ("chain_info", vec![]),
        ("chain_getBlock", vec![("at", json!(1))]),
        ("chain_getCommit", vec![("at", json!("latest"))]),
        ("tx_send", vec![("transaction", again.clone())]),
        (
            "tx_sendAndWait",
            vec![("transaction", again), ("until", json!("accepted")), ("timeoutMs", json!(1))],
        ),
        ("tx_get", vec![("hash", json!(scene.called))]),
        ("tx_getReceipt", vec![("hash", json!(scene.refused))]),
        ("account_get", vec![("address", account.clone()), ("at", json!(1))]),
        ("account_nextNonce", vec![("address", account.clone()), ("lane", json!(7))]),
        (
            "contract_query",
            vec![
                ("contract", contract.clone()),
                ("method", json!("value_plus")),
                ("arguments", json!({ "by": "2" })),
                ("caller", account.clone()),
                ("at", json!(scene.node_head())),
            ],
        ),
        ("contract_abi", vec![("contract", contract), ("at", json!("latest"))]),
        ("chain_getPayload", vec![("at", json!(1))]),
        ("state_get", vec![("key", json!({ "account": account })), ("at", json!(0))]),
        (
            "state_scan",
            vec![
                ("from", json!({ "storage": { "contract": CONTRACT, "key": "" } })),
                ("to", json!({ "raw": { "namespace": "code", "key": "" } })),
                ("descending", json!(true)),
                ("limit", json!(2)),
                ("at", json!(1)),
            ],
        ),
        (
            "state_diff",
            vec![
                ("from", json!(0)),
                ("to", json!(1)),
                ("after", json!({ "raw": { "namespace": "storage", "key": "" } })),
                ("limit", json!(2)),
            ],
        ),
        (
            "state_getPieces",
            vec![
                ("prefixes", json!([{ "path": Hash::ZERO, "depth": 4 }])),
                ("at", json!("latest")),
            ],
        ),
        ("state_prove", vec![("key", json!({ "account": account })), ("at", json!(1))]),
        ("consensus_status", vec![]),
        ("consensus_evidence", vec![]),
        ("node_status", vec![]),
        ("rpc.discover", vec![]),
    ]
}

impl Scene {
    fn node_head(&self) -> Hash {
        quorate_rpc::backend::Backend::head(self.node.as_ref()).block_hash
    }
}

async fn both_ways<C: ClientT>(
    client: &C,
    method: &str,
    params: &[(&'static str, Value)],
) -> (Value, Value) {
    let (mut named, mut positional) = (ObjectParams::new(), ArrayParams::new());
    for (name, value) in params {
        named.insert(name, value).unwrap();
        positional.insert(value).unwrap();
    }
    let named = client.request(method, named).await;
    let positional = client.request(method, positional).await;
    (
        named.unwrap_or_else(|error| panic!("{method} by name: {error}")),
        positional.unwrap_or_else(|error| panic!("{method} by position: {error}")),
    )
}

#[tokio::test]
async fn every_method_answers_alike_by_name_and_position_over_http_and_websocket() {
    let scene = scene().await;
    let address = scene.server.address();
    let http = client::http(&format!("http://{address}")).unwrap();
    let websocket = client::websocket(&format!("ws://{address}")).await.unwrap();
    let document = openrpc::document();
    let calls = calls(&scene);
    for (method, params) in &calls {
        let (first, second) = both_ways(&http, method, params).await;
        let (third, fourth) = both_ways(&websocket, method, params).await;
        assert_eq!(first, second, "{method}");
        assert_eq!(first, third, "{method}");
        assert_eq!(first, fourth, "{method}");
        conforms(document, method, &first);
    }
    let mut called: Vec<_> = calls.iter().map(|(method, _)| *method).collect();
    called.extend(["chain_subscribe", "chain_unsubscribe"]);
    called.sort_unstable();
    let methods = document["methods"].as_array().unwrap().iter();
    let mut documented: Vec<_> = methods.map(|method| method["name"].as_str().unwrap()).collect();
    documented.sort_unstable();
    assert_eq!(called, documented);
}

/// Whether an answer is what the document says that it is.
fn conforms(document: &Value, method: &str, answer: &Value) {
    let mut methods = document["methods"].as_array().unwrap().iter();
    let described = methods.find(|described| described["name"] == method).unwrap();
    let schema = &described["result"]["schema"];
    assert!(fits(document, schema, answer), "{method}: {answer:#}\nis not of {schema:#}");
}

/// As much of JSON Schema as the document uses; a property that it does not name does not fit.
fn fits(document: &Value, schema: &Value, value: &Value) -> bool {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = document.pointer(reference.trim_start_matches('#')).expect(reference);
        return fits(document, target, value);
    }
    for one_of in ["oneOf", "anyOf"] {
        if let Some(schemas) = schema[one_of].as_array() {
            return schemas.iter().any(|schema| fits(document, schema, value));
        }
    }
    if let Some(schemas) = schema["allOf"].as_array() {
        return schemas.iter().all(|schema| fits(document, schema, value));
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.contains(value);
    }
    if let Some(constant) = schema.get("const") {
        return constant == value;
    }
    let types = match &schema["type"] {
        Value::String(name) => vec![name.as_str()],
        Value::Array(names) => names.iter().map(|name| name.as_str().unwrap()).collect(),
        _ => return true,
    };
    types.iter().any(|name| match (*name, value) {
        ("null", Value::Null) | ("boolean", Value::Bool(_)) | ("string", Value::String(_)) => true,
        ("integer", Value::Number(number)) => number.is_u64(),
        ("array", Value::Array(items)) => {
            items.iter().all(|item| fits(document, &schema["items"], item))
        }
        ("object", Value::Object(fields)) => {
            let required = schema["required"].as_array();
            let mut required = required.iter().flat_map(|names| names.iter());
            let known = &schema["properties"];
            let more = &schema["additionalProperties"];
            required.all(|name| fields.contains_key(name.as_str().unwrap()))
                && fields.iter().all(|(name, field)| match known.get(name) {
                    Some(schema) => fits(document, schema, field),
                    None => more.is_object() && fits(document, more, field),
                })
        }
        _ => false,
    })
}

#[tokio::test]
async fn a_block_and_its_certificate_can_be_checked_by_the_client() {
    let scene = scene().await;
    let client = client::http(&format!("http://{}", scene.server.address())).unwrap();
    let info = client.chain_info().await.unwrap();
    assert_eq!(info.at.height, Height(1));
    let block = client.chain_get_block(Some(At::Height(Height(1)))).await.unwrap();
    assert_eq!(block.transactions.len(), 3);
    assert!(block.transactions.contains(&scene.called));
    let header = Header::from(block.header.clone());
    assert_eq!(header.hash(), block.at.block_hash);
    assert_eq!(header.timestamp, TimestampMs(1_010));

    let commit = client.chain_get_commit(Some(At::Hash(block.at.block_hash))).await.unwrap();
    let validators = info.validators.iter();
    let validators = validators.map(|v| Validator { name: v.name.clone(), key: v.key }).collect();
    let validators = ValidatorSet::new(validators).unwrap();
    let context = SigningContext { chain: info.genesis_hash, epoch: Epoch(0) };
    let certificate = CommitCertificate::from(commit.certificate.clone());
    certificate.verify(&context, &validators).unwrap();
    assert_eq!(certificate.block, Header::from(commit.headers[0].clone()).hash());
    assert_eq!(certificate.result.state_root, commit.at.state_root);
}

#[tokio::test]
async fn receipts_transactions_and_events_are_decoded_by_the_abi() {
    let scene = scene().await;
    let client = client::http(&format!("http://{}", scene.server.address())).unwrap();
    let receipt = client.tx_get_receipt(scene.called).await.unwrap();
    assert_eq!(receipt.status, ReceiptStatus::Success);
    assert_eq!(receipt.height, Height(1));
    assert_eq!(receipt.result, Some(json!("5")));
    assert_eq!(receipt.events[0].name.as_deref(), Some("Incremented"));
    assert_eq!(receipt.events[0].fields, Some(json!({ "total": "5" })));

    let receipt = client.tx_get_receipt(scene.refused).await.unwrap();
    assert_eq!(receipt.status, ReceiptStatus::Reverted);
    let error = receipt.error.clone().unwrap();
    assert_eq!(error.code, "CONTRACT_REVERT");
    assert_eq!(error.detail, Some(json!({ "TooMuch": { "max": "12" } })));

    let found = client.tx_get(scene.called).await.unwrap();
    assert_eq!(found.status, TransactionStatus::Committed);
    let ActionView::Call { method, arguments, .. } = &found.transaction.action else {
        panic!("{:?}", found.transaction.action);
    };
    assert_eq!(method.as_deref(), Some("increment"));
    assert_eq!(arguments, &Some(json!({ "by": "5" })));

    let found = client.tx_get(scene.waiting).await.unwrap();
    assert_eq!((found.status, found.height), (TransactionStatus::Pending, None));
}

#[tokio::test]
async fn waiting_ends_with_the_receipt_and_a_short_wait_is_an_answer() {
    let scene = scene().await;
    let client = client::http(&format!("http://{}", scene.server.address())).unwrap();
    let signed = increment(9, 5);
    let short = client.tx_send_and_wait(blob(&signed), None, Some(0)).await.unwrap();
    assert_eq!((short.status, short.hash), (TransactionStatus::Pending, signed.hash()));
    assert_eq!(short.receipt, None);

    let accepted = client.tx_send_and_wait(blob(&signed), Some(Until::Accepted), None).await;
    assert_eq!(accepted.unwrap().status, TransactionStatus::Pending);

    let (waited, _) = tokio::join!(client.tx_send_and_wait(blob(&signed), None, None), async {
        scene.node.commit_block()
    });
    let waited = waited.unwrap();
    assert_eq!(waited.status, TransactionStatus::Committed);
    assert_eq!(waited.receipt.clone().unwrap().result, Some(json!("5")));
}

#[tokio::test]
async fn sending_again_is_harmless_after_the_commit_too() {
    let scene = scene().await;
    let client = client::http(&format!("http://{}", scene.server.address())).unwrap();
    let used = primitives::receipt::Rejection::NonceUsed { expected: 9 };
    scene.node.state().submit_error = Some(used.into());
    let sent = client.tx_send(blob(&increment(1, 5))).await.unwrap();
    assert_eq!((sent.status, sent.hash), (TransactionStatus::Committed, scene.called));
    let waited = client.tx_send_and_wait(blob(&increment(1, 5)), None, None).await.unwrap();
    assert_eq!(waited.receipt.clone().unwrap().transaction, scene.called);
}

/// What was taken before the disk was full is still waited for, and what is committed is told.
#[tokio::test]
async fn sending_again_is_harmless_while_the_disk_is_full() {
    let scene = scene().await;
    let client = client::http(&format!("http://{}", scene.server.address())).unwrap();
    let full = SubmitError::DiskFull { free_bytes: 1, needed_bytes: 2 };
    scene.node.state().submit_error = Some(full);
    let sent = client.tx_send(blob(&increment(1, 5))).await.unwrap();
    assert_eq!((sent.status, sent.hash), (TransactionStatus::Committed, scene.called));
    let sent = client.tx_send(blob(&transfer(3))).await.unwrap();
    assert_eq!((sent.status, sent.hash), (TransactionStatus::Pending, scene.waiting));
    let error = client.tx_send(blob(&transfer(4))).await.unwrap_err();
    assert_eq!(ApiError::from_client(&error).unwrap().code, ErrorCode::DiskFull);
}

#[tokio::test]
async fn contracts_are_asked_by_name_or_by_position_in_json() {
    let scene = scene().await;
    let client = client::http(&format!("http://{}", scene.server.address())).unwrap();
    for arguments in [json!({ "by": "2" }), json!(["2"]), json!([2])] {
        let query = client.contract_query(
            CONTRACT,
            "value_plus".into(),
            Some(arguments),
            None,
            Some(At::Latest),
        );
        assert_eq!(query.await.unwrap().result, json!("42"));
    }
    let abi = client.contract_abi(CONTRACT, None).await.unwrap();
    assert_eq!(abi.code, CODE);
    assert_eq!(abi.abi["name"], "counter");
}

#[tokio::test]
async fn accounts_state_consensus_and_the_node_are_shown() {
    let scene = scene().await;
    let client = client::http(&format!("http://{}", scene.server.address())).unwrap();
    let address = Address([1; 32]);
    let account = client.account_get(address, None).await.unwrap();
    assert_eq!(account.balance.to_string(), (1u128 << 100).to_string());
    assert_eq!(account.lanes["7"], "1");
    let nonce = client.account_next_nonce(address, None).await.unwrap();
    assert_eq!((nonce.nonce.lane, nonce.nonce.sequence), (0, 4));

    let proved = client.state_prove(KeyView::Account(address), None).await.unwrap();
    assert_eq!(proved.value, Some(Blob(b"value".to_vec())));
    assert_eq!(Header::from(proved.header.clone()).hash(), proved.certificate.block);
    let key = KeyView::Storage { contract: CONTRACT, key: Blob(b"k".to_vec()) };
    let proved = client.state_prove(key, None).await.unwrap();
    assert_eq!(proved.value, None);
    assert_eq!(proved.proof.0, [&CONTRACT.0[..], b"k"].concat());

    let status = client.consensus_status().await.unwrap();
    assert_eq!(status.missing[0].name, "v3");
    let evidence = client.consensus_evidence().await.unwrap();
    assert_eq!(evidence.evidence[0].culprit, "v2");
    assert_eq!(evidence.evidence[0].second.kind, SignedMessageKind::Timeout);
    let node = client.node_status().await.unwrap();
    assert_eq!((node.disk.level, node.disk.free_bytes), (DiskLevel::Low, 3 << 30));
    assert_eq!(node.state[0].namespace, "account");
    assert_eq!(&client.discover().await.unwrap(), openrpc::document());
}

#[tokio::test]
async fn differences_come_page_by_page_and_none_is_lost() {
    let scene = scene().await;
    let http = client::http(&format!("http://{}", scene.server.address())).unwrap();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = http.state_diff(Height(0), Height(1), after, Some(40)).await.unwrap().body;
        assert!(page.differences.len() <= 40);
        seen.extend(page.differences.into_iter().map(|one| one.key));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let key = |number| KeyView::Storage { contract: CONTRACT, key: Blob(vec![number]) };
    assert_eq!(seen, (0..150u8).map(key).collect::<Vec<_>>());
}

/// Both ways, in pages that end by their keys and, where the values are large, by their bytes.
#[tokio::test]
async fn scans_come_page_by_page_in_either_order() {
    let scene = scene().await;
    let http = client::http(&format!("http://{}", scene.server.address())).unwrap();
    let key = |key: &[u8]| KeyView::Storage { contract: CONTRACT, key: Blob(key.to_vec()) };
    for (descending, limit, pages_expected) in
        [(false, Some(40), 4), (true, Some(40), 4), (false, Some(1_000), 3), (true, Some(1_000), 3)]
    {
        let (mut seen, mut pages) = (Vec::new(), 0);
        let (mut from, mut to) = (key(&[]), Some(key(&[149])));
        loop {
            let asked = http.state_scan(from.clone(), to.clone(), Some(descending), limit, None);
            let page = asked.await.unwrap().body;
            pages += 1;
            seen.extend(page.entries.into_iter().map(|one| (one.key, one.value.0.len())));
            match page.next {
                Some(next) if descending => to = Some(next),
                Some(next) => from = next,
                None => break,
            }
        }
        let mut expected: Vec<_> =
            (0..149u8).map(|number| (key(&[number]), usize::from(number) * 420)).collect();
        if descending {
            expected.reverse();
        }
        assert_eq!((seen, pages), (expected, pages_expected), "descending: {descending}");
    }
    let rest = http.state_scan(key(&[148]), None, None, None, None).await.unwrap().body;
    assert_eq!((rest.entries.len(), rest.next), (2, None), "up to the end of the namespace");
}

#[test]
fn every_key_of_the_state_has_a_name_that_leads_back_to_it() {
    use primitives::{Namespace, StateKey, ValidatorIndex, View};
    let (address, hash) = (Address([1; 32]), Hash([2; 32]));
    for key in [
        StateKey::account(&address),
        StateKey::contract(&address),
        StateKey::storage(&address, b"k"),
        StateKey::storage(&address, b""),
        StateKey::code(&hash),
        StateKey::code_info(&hash),
        StateKey::system("epoch"),
        StateKey::evidence(Epoch(1), View(2), ValidatorIndex(3)),
        StateKey { namespace: Namespace::Account, key: vec![1; 31] },
        StateKey { namespace: Namespace::Storage, key: Vec::new() },
    ] {
        let view = KeyView::from(&key);
        let json = serde_json::to_string(&view).unwrap();
        let read: KeyView = serde_json::from_str(&json).unwrap();
        assert_eq!(StateKey::from(&read), key, "{json}");
    }
}
