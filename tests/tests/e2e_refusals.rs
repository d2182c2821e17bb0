//! What clients and contracts do wrong, each with its clear answer; the node serves on afterwards.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::net::SocketAddr;

use abi::{Abi, Method, MethodKind, Type};
use primitives::{
    Action, Address, Amount, Domain, Gas, Hash, Nonce, SecretKey, SignedTransaction, TimestampMs,
};
use quorate_tests::net::Net;
use quorate_tests::wallet::{self, Wallet};
use rpc::client::TxApiClient as _;
use rpc::limits::REQUEST_BYTES_MAX;
use rpc::types::{ReceiptStatus, ReceiptView, TransactionStatus};
use rpc::{ApiError, ErrorCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const RECEIVER: Address = Address([0xdd; 32]);
/// Gas for a deployment or a call: a twentieth of a second of work.
const GAS: Gas = Gas(50_000_000_000);
const UPLOAD_GAS: Gas = Gas(200_000_000_000);
/// Memory that the whole node may ever have held, in KiB. A contract has at most 16 MiB.
const PEAK_KIB_MAX: u64 = 1 << 20;

/// The error with which a transaction is refused.
async fn refusal(net: &Net, transaction: &SignedTransaction) -> ApiError {
    let sent = net.http(0).unwrap().tx_send(wallet::blob(transaction)).await;
    ApiError::from_client(&sent.unwrap_err()).expect("an answer of the node")
}

/// The node is there, and commits a transfer.
async fn check_alive(net: &Net, wallet: &mut Wallet) {
    let receipt = net.commit(0, &wallet.transfer(RECEIVER, 1)).await.unwrap();
    assert_eq!(receipt.status, ReceiptStatus::Success);
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_that_cannot_be_are_refused_with_the_reason() {
    let net = Net::started(1).await.unwrap();
    let mut wallet = net.wallets(0, 1).await.unwrap().remove(0);
    let used = wallet.transfer(RECEIVER, 1);
    let receipt = net.commit(0, &used).await.unwrap();
    let transfer = |units| Action::Transfer { to: RECEIVER, amount: Amount(units) };
    let sign = |transaction: primitives::Transaction| transaction.sign(wallet.key());
    let draft = || wallet.draft(transfer(1));

    let mut broken = sign(draft());
    broken.signature.0[7] ^= 1;
    let replayed = wallet.at(Nonce { lane: 0, sequence: 0 }).draft(transfer(2));
    let ahead = wallet.at(Nonce { lane: 0, sequence: 9 }).draft(transfer(1));
    let pauper = Wallet::new(SecretKey::from_seed([0xaa; 32]), net.genesis().chain_id.clone());
    let elsewhere = primitives::Transaction { chain_id: "elsewhere".parse().unwrap(), ..draft() };
    let forever = primitives::Transaction { valid_until: TimestampMs(u64::MAX), ..draft() };
    let expired = primitives::Transaction { valid_until: TimestampMs(1), ..draft() };
    let unpaid = primitives::Transaction { gas_limit: Gas(1), ..draft() };
    let cases = [
        (
            sign(wallet.draft(transfer(u128::MAX / 2))),
            ErrorCode::TxInvalid,
            "INSUFFICIENT_BALANCE",
            "does not cover",
        ),
        (
            pauper.clone().transfer(RECEIVER, 1),
            ErrorCode::TxInvalid,
            "INSUFFICIENT_BALANCE",
            "the balance 0 does not cover 1",
        ),
        (sign(replayed), ErrorCode::NonceUsed, "NONCE_USED", "the lane's next is 1"),
        (sign(ahead), ErrorCode::NonceGap, "NONCE_GAP", "the lane's next is 1"),
        (sign(expired), ErrorCode::TxExpired, "EXPIRED", "it was valid until 1"),
        (sign(forever), ErrorCode::TxInvalid, "VALID_TOO_LONG", "longer than the chain allows"),
        (sign(elsewhere), ErrorCode::TxInvalid, "WRONG_CHAIN", "another chain"),
        (sign(unpaid), ErrorCode::TxInvalid, "GAS_LIMIT_TOO_LOW", "intrinsic cost"),
        (broken, ErrorCode::TxInvalid, "SIGNATURE", "not the sender's"),
    ];
    for (transaction, code, reason, words) in cases {
        let error = refusal(&net, &transaction).await;
        assert_eq!(error.code, code, "{error:?}");
        assert_eq!(error.detail["reason"], reason, "{error:?}");
        assert!(error.message.contains(words), "{error:?}");
    }

    // The very same transaction again is no second one: its answer is the first one's receipt.
    let again = net.http(0).unwrap().tx_send_and_wait(wallet::blob(&used), None, None).await;
    let again = again.unwrap().body;
    assert_eq!((again.status, again.receipt), (TransactionStatus::Committed, Some(receipt)));
    check_alive(&net, &mut wallet).await;
}

/// Posts a body; answers with the HTTP status and the JSON.
async fn post(address: SocketAddr, body: &str) -> (u16, Value) {
    let head = format!(
        "POST / HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut socket = TcpStream::connect(address).await.unwrap();
    // A server that refuses early may close before it has read all.
    let _ = socket.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await;
    let mut reply = Vec::new();
    let _ = socket.read_to_end(&mut reply).await;
    let reply = String::from_utf8(reply).unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").expect("an HTTP response");
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_none_are_refused_with_the_reason() {
    let net = Net::started(1).await.unwrap();
    let mut wallet = net.wallets(0, 1).await.unwrap().remove(0);
    let address = net.ports(0).unwrap().rpc;
    let oversized = " ".repeat(REQUEST_BYTES_MAX as usize + 1);
    let send = |transaction: &str| {
        let params = json!({ "transaction": transaction });
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tx_send", "params": params }).to_string()
    };
    let cases = [
        (oversized, 413, ErrorCode::LimitExceeded, "a request has at most 2097152 bytes"),
        ("{\"jsonrpc\":".to_owned(), 200, ErrorCode::ParseError, "the request is not JSON"),
        (send("not base64!"), 200, ErrorCode::InvalidParams, "base64"),
        (send("AAAA"), 200, ErrorCode::TxInvalid, "cannot be decoded"),
        (send("").replace("transaction", "tx"), 200, ErrorCode::InvalidParams, "no parameter"),
    ];
    for (body, status, code, words) in cases {
        let (got, answer) = post(address, &body).await;
        let error = &answer["error"];
        assert_eq!((got, &error["data"]["code"]), (status, &json!(code)), "{answer}");
        assert_eq!(error["code"], code.number(), "{answer}");
        assert!(error["message"].as_str().unwrap().contains(words), "{answer}");
    }
    check_alive(&net, &mut wallet).await;
}

/// A contract with one method, `run`, and this body of type i32 → i32.
fn contract(functions: &str, body: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
            (import "quorate" "set_output" (func $set_output (param i32 i32)))
            (memory (export "memory") 1)
            {functions}
            (func (export "call") (param i32) (result i32) {body}))"#
    );
    let run = Method {
        name: "run".to_owned(),
        selector: *b"run_",
        kind: MethodKind::Call,
        payable: false,
        reentrant: false,
        docs: String::new(),
        parameters: Vec::new(),
        returns: Type::U32,
        error: None,
    };
    let abi = Abi {
        interface: abi::host::VERSION,
        name: "misbehaving".to_owned(),
        version: "1".to_owned(),
        docs: String::new(),
        state_version: 1,
        methods: vec![run],
        events: Vec::new(),
        errors: Vec::new(),
        storage: Vec::new(),
    };
    abi.embed(&wat::parse_str(text).unwrap()).unwrap()
}

/// Deploys a module and calls it: the call's receipt.
async fn run(net: &Net, wallet: &mut Wallet, module: Vec<u8>) -> ReceiptView {
    let code = Hash::of_bytes(Domain::Code, &module);
    let upload = wallet.sign_with_gas(Action::Upload { code: module }, UPLOAD_GAS);
    let receipt = net.commit(0, &upload).await.unwrap();
    assert_eq!(receipt.status, ReceiptStatus::Success, "{receipt:?}");
    let (salt, arguments, value) = (Vec::new(), Vec::new(), Amount::ZERO);
    let instantiate = Action::Instantiate { code, salt, arguments, value };
    let receipt = net.commit(0, &wallet.sign_with_gas(instantiate, GAS)).await.unwrap();
    assert_eq!(receipt.status, ReceiptStatus::Success, "{receipt:?}");
    let contract = Address(receipt.output.0.try_into().unwrap());
    let call = Action::Call { contract, arguments: b"run_".to_vec(), value };
    net.commit(0, &wallet.sign_with_gas(call, GAS)).await.unwrap()
}

/// The most memory that a process ever held, in KiB.
fn peak_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn contracts_that_misbehave_hurt_only_themselves() {
    let net = Net::started(1).await.unwrap();
    let mut wallet = net.wallets(0, 1).await.unwrap().remove(0);
    let cases = [
        ("", "f32.const 1 f32.const 2 f32.add drop i32.const 0", "OUT_OF_GAS"),
        ("", "(loop br 0) i32.const 0", "OUT_OF_GAS"),
        ("(func $f call $f)", "call $f i32.const 0", "STACK_EXHAUSTED"),
        ("", "(loop (drop (memory.grow (i32.const 16))) br 0) i32.const 0", "OUT_OF_GAS"),
        ("", "(i32.store (i32.const -1) (i32.const 1)) i32.const 0", "TRAPPED"),
        ("", "(memory.fill (i32.const 0) (i32.const 1) (i32.const -1)) i32.const 0", "OUT_OF_GAS"),
    ];
    for (functions, body, code) in cases {
        let receipt = run(&net, &mut wallet, contract(functions, body)).await;
        assert_eq!(receipt.status, ReceiptStatus::Failed, "{body}: {receipt:?}");
        let error = receipt.error.unwrap();
        assert_eq!(error.code, code, "{body}");
        assert!(!error.message.is_empty(), "{body}");
        assert_eq!(receipt.gas_used, GAS, "{body}");
        check_alive(&net, &mut wallet).await;
    }

    // The bomb that stops when nothing more is given: 256 pages are what it can have.
    let bomb = "(loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
        (i32.store (i32.const 0) (memory.size))
        (call $set_output (i32.const 0) (i32.const 4)) i32.const 0";
    let receipt = run(&net, &mut wallet, contract("", bomb)).await;
    assert_eq!(receipt.status, ReceiptStatus::Success, "{receipt:?}");
    assert_eq!(receipt.result, Some(json!(256)));
    assert!(peak_kib(net.pid(0).unwrap()) < PEAK_KIB_MAX);
    check_alive(&net, &mut wallet).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_no_node_could_run_is_refused_by_name() {
    let net = Net::started(1).await.unwrap();
    let mut wallet = net.wallets(0, 1).await.unwrap().remove(0);
    let simd = contract("(func $f v128.const i64x2 0 0 drop)", "i32.const 0");
    let bare = wat::parse_str(r#"(module (memory (export "memory") 1))"#).unwrap();
    for (code, words) in [(simd, "SIMD"), (bare, ""), (b"no module".to_vec(), "")] {
        let upload = wallet.sign_with_gas(Action::Upload { code }, UPLOAD_GAS);
        let receipt = net.commit(0, &upload).await.unwrap();
        assert_eq!(receipt.status, ReceiptStatus::Failed, "{receipt:?}");
        let error = receipt.error.unwrap();
        assert_eq!(error.code, "INVALID_CODE");
        assert!(error.message.contains("the module is refused"), "{error:?}");
        assert!(error.message.contains(words), "{error:?}");
    }
    check_alive(&net, &mut wallet).await;
}
