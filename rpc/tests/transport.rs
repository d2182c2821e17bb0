//! What comes before JSON-RPC: malformed and oversized requests, batches, connections, plain GETs.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod fake;

use fake::wire::{self, Reply};
use fake::{Fake, blob, serve, transfer};
use quorate_rpc::client::{self, ChainApiClient};
use quorate_rpc::types::Readiness;
use quorate_rpc::{ApiError, ErrorCode, Limits, limits, openrpc};
use serde_json::{Value, json};

fn assert_error(reply: &Reply, status: u16, code: ErrorCode) {
    assert_eq!(reply.status, status, "{}", reply.body);
    let error = &reply.json()["error"];
    assert_eq!(error["code"], code.number(), "{}", reply.body);
    assert_eq!(error["data"]["code"], json!(code), "{}", reply.body);
    assert!(error["data"]["retry"] != Value::Null, "{}", reply.body);
}

#[tokio::test]
async fn what_is_no_call_gets_an_error_in_the_form_of_all_others() {
    let server = serve(&Fake::new(), Limits::default()).await;
    let address = server.address();
    let no_method = r#"{"jsonrpc":"2.0","id":7}"#;
    for (body, status, code) in [
        ("{", 200, ErrorCode::ParseError),
        ("hello", 400, ErrorCode::ParseError),
        ("", 400, ErrorCode::ParseError),
        ("[]", 200, ErrorCode::InvalidRequest),
        ("[1", 200, ErrorCode::ParseError),
        (no_method, 200, ErrorCode::InvalidRequest),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"chain_getBlock","params":{"at":[]}}"#,
            200,
            ErrorCode::InvalidParams,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"chain_getBlock","params":7}"#,
            200,
            ErrorCode::InvalidParams,
        ),
        (r#"{"jsonrpc":"2.0","id":1,"method":"no_such"}"#, 200, ErrorCode::MethodNotFound),
    ] {
        let reply = wire::post(address, body).await;
        assert_error(&reply, status, code);
    }
    assert_eq!(wire::post(address, no_method).await.json()["id"], 7);
    let nested = "[".repeat(100_000);
    assert_error(&wire::post(address, &nested).await, 200, ErrorCode::ParseError);
    assert_error(&wire::get(address, "/").await, 405, ErrorCode::InvalidRequest);
}

#[tokio::test]
async fn an_oversized_body_is_refused_and_the_largest_is_not() {
    let server = serve(&Fake::new(), Limits::default()).await;
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"chain_info"}"#;
    let largest = limits::REQUEST_BYTES_MAX as usize;
    let padded = format!("{call}{}", " ".repeat(largest - call.len()));
    let reply = wire::post(server.address(), &padded).await;
    assert_eq!(reply.json()["result"]["chainId"], "test");
    let reply = wire::post(server.address(), &format!("{padded} ")).await;
    assert_error(&reply, 413, ErrorCode::LimitExceeded);
    assert_eq!(reply.json()["error"]["data"]["detail"]["max"], limits::REQUEST_BYTES_MAX);
}

#[tokio::test]
async fn a_batch_is_answered_call_by_call_and_an_oversized_one_refused() {
    let server = serve(&Fake::new(), Limits::default()).await;
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "chain_info" });
    let wrong = json!({ "jsonrpc": "2.0", "id": 2, "method": "chain_inof" });
    let body = json!([call, wrong, 3]).to_string();
    let answers = wire::post(server.address(), &body).await.json();
    assert_eq!(answers[0]["result"]["chainId"], "test");
    assert_eq!(answers[1]["error"]["data"]["code"], "METHOD_NOT_FOUND");
    assert_eq!(answers[2]["error"]["data"]["code"], "INVALID_REQUEST");

    let full = vec![call; limits::BATCH_CALLS_MAX];
    let answers = wire::post(server.address(), &json!(full).to_string()).await.json();
    assert_eq!(answers.as_array().unwrap().len(), limits::BATCH_CALLS_MAX);
    let over = [full, vec![wrong]].concat();
    let reply = wire::post(server.address(), &json!(over).to_string()).await;
    assert_error(&reply, 200, ErrorCode::LimitExceeded);
}

#[tokio::test]
async fn a_batch_of_transactions_keeps_its_order() {
    let node = Fake::new();
    let server = serve(&node, Limits::default()).await;
    let call = |sequence| {
        let transaction = blob(&transfer(sequence));
        json!({ "jsonrpc": "2.0", "id": sequence, "method": "tx_send", "params": [transaction] })
    };
    let calls: Vec<_> = (0..20).map(call).collect();
    let answers = wire::post(server.address(), &json!(calls).to_string()).await.json();
    for (sequence, answer) in (0u64..).zip(answers.as_array().unwrap()) {
        assert_eq!(answer["id"], sequence);
        assert_eq!(answer["result"]["hash"], json!(transfer(sequence).hash()));
    }
    assert_eq!(node.state().pending.len(), 20);
}

#[tokio::test]
async fn connections_beyond_the_cap_are_told_so_and_the_place_of_one_that_left_is_free() {
    let node = Fake::new();
    let server = serve(&node, Limits { connections: 2, ..Limits::default() }).await;
    let address = server.address();
    let url = format!("ws://{address}");
    let first = client::websocket(&url).await.unwrap();
    let second = client::websocket(&url).await.unwrap();
    second.chain_info().await.unwrap();
    let reply = wire::get(address, "/health/live").await;
    assert_error(&reply, 503, ErrorCode::Overloaded);
    assert!(reply.head.contains("retry-after: 1"), "{}", reply.head);
    assert!(client::websocket(&url).await.is_err());
    first.chain_info().await.unwrap();
    drop(first);
    drop(second);
    // The server learns of the parting by itself; until then it goes on refusing.
    let freed = async { while wire::get(address, "/health/live").await.status != 200 {} };
    tokio::time::timeout(fake::PATIENCE, freed).await.expect("a place in time");
}

#[tokio::test]
async fn an_oversized_websocket_message_leaves_the_connection_usable() {
    let server = serve(&Fake::new(), Limits::default()).await;
    let long = "A".repeat(limits::REQUEST_BYTES_MAX as usize);
    let oversized = json!({"jsonrpc": "2.0", "id": 1, "method": "tx_send", "params": [long]});
    let next = json!({"jsonrpc": "2.0", "id": 2, "method": "chain_info"});
    let texts = [oversized.to_string(), next.to_string()];
    let answers = wire::websocket(server.address(), &[&texts[0], &texts[1]]).await;
    // The message was not read, so its refusal can carry no id.
    assert_eq!(answers[0]["id"], Value::Null, "{}", answers[0]);
    assert!(answers[0]["error"]["code"].is_number(), "{}", answers[0]);
    assert_eq!(answers[1]["id"], 2);
    assert_eq!(answers[1]["result"]["chainId"], "test", "{}", answers[1]);
}

#[tokio::test]
async fn plain_gets_answer() {
    let node = Fake::new();
    let server = serve(&node, Limits::default()).await;
    let address = server.address();
    assert_eq!(wire::get(address, "/health/live").await.status, 200);
    let ready = wire::get(address, "/health/ready").await;
    assert_eq!((ready.status, &ready.json()["ready"]), (200, &json!(true)));
    node.state().readiness = Readiness { reasons: vec!["catching up".into()] };
    let ready = wire::get(address, "/health/ready").await;
    assert_eq!((ready.status, &ready.json()["reasons"]), (503, &json!(["catching up"])));
    let metrics = wire::get(address, "/metrics").await;
    assert_eq!(metrics.status, 200);
    let text = "content-type: text/plain; version=0.0.4; charset=utf-8";
    assert!(metrics.head.contains(text), "{}", metrics.head);
    assert!(metrics.body.ends_with("quorate_disk_free_bytes 7\n"), "{}", metrics.body);
    assert_eq!(&wire::get(address, "/openrpc.json").await.json(), openrpc::document());
}

#[tokio::test]
async fn a_stopped_server_is_gone() {
    let server = serve(&Fake::new(), Limits::default()).await;
    let client = client::http(&format!("http://{}", server.address())).unwrap();
    client.chain_info().await.unwrap();
    server.stop().await;
    let error = client.chain_info().await.unwrap_err();
    assert_eq!(ApiError::from_client(&error), None);
}
