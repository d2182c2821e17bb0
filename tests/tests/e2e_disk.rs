//! A disk that is nearly full, a real one: admission stops first, then the node, and neither harms the chain. Each test
//! puts one validator of four on a file system of 64 MiB, which the other three do not share.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::net::SocketAddr;
use std::time::Instant;

use primitives::{Address, Height};
use quorate_tests::net::{DEADLINE, Net};
use quorate_tests::wallet;
use rpc::client::{ChainApiClient as _, TxApiClient as _};
use rpc::types::{At, ConsensusStatus, DiskLevel, DiskStatus, TransactionStatus};
use rpc::{ApiError, ErrorCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const MEBIBYTE: u64 = 1 << 20;
const DISK_BYTES: u64 = 64 * MEBIBYTE;
/// The setting; a node takes transactions again from 30 MiB on, stops below 6, and starts from 12 on.
const FREE_MIB_MIN: u64 = 24;
/// The exit status of a node that stopped itself.
const STOPPED: i32 = 70;
const RECEIVER: Address = Address([0xdd; 32]);
/// The validator on the small disk.
const SMALL: usize = 3;
const WALLETS: u8 = 12;

/// A net that does not run yet, one of it on a small disk; `None`, and a note, where none can be had.
fn net() -> Option<Net> {
    let mut net = Net::new(4).unwrap();
    if !net.put_on_small_disk(SMALL, DISK_BYTES).unwrap() {
        println!(
            "note: skipped, since this system gives no user namespaces to mount a small disk in"
        );
        return None;
    }
    net.set(&[SMALL], &format!("disk.free_mib_min = {FREE_MIB_MIN}")).unwrap();
    Some(net)
}

/// A plain GET: the HTTP status and the body.
async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    socket.read_to_string(&mut reply).await.unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// The value of a figure, by its name and labels.
fn figure(metrics: &str, name: &str) -> u64 {
    let mut values = metrics.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    values.next_back().unwrap_or_else(|| panic!("{name} is missing: {metrics}")).parse().unwrap()
}

/// Waits until a certificate above this height carries the vote of the validator on the small disk.
async fn votes(net: &Net, above: Height) {
    let (client, deadline) = (net.http(0).unwrap(), Instant::now() + DEADLINE);
    let mut blocks = net.blocks(0).await.unwrap();
    while Instant::now() < deadline {
        let height = blocks.next().await.unwrap().at.height;
        let commit = client.chain_get_commit(Some(At::Height(height))).await.unwrap();
        let signers = commit.certificate.signatures.iter().map(|one| usize::from(one.signer.0));
        if height > above && signers.into_iter().any(|signer| signer == SMALL) {
            return;
        }
    }
    panic!("it has signed no certificate above {above}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_nearly_full_stops_admission_and_nothing_else() {
    let Some(mut net) = net() else { return };
    net.start(&[0, 1, 2, SMALL]).await.unwrap();
    let mut wallets = net.wallets(0, WALLETS).await.unwrap();
    let mut own = wallets.pop().unwrap();
    let sees = |level| move |disk: &DiskStatus| disk.level == level;
    let measured = |disk: &DiskStatus| disk.database_bytes > 0 && disk.votes_bytes > 0;
    let plenty = net.disk_until(SMALL, measured).await.unwrap();
    assert_eq!((plenty.level, plenty.warning), (DiskLevel::Plenty, None));
    assert_eq!(plenty.refuse_below_bytes, FREE_MIB_MIN * MEBIBYTE);
    net.commit(SMALL, &own.transfer(RECEIVER, 1)).await.unwrap();

    net.small_disk(SMALL).unwrap().leave(20 * MEBIBYTE).unwrap();
    let refusing = net.disk_until(SMALL, sees(DiskLevel::Refusing)).await.unwrap();
    assert!(refusing.free_bytes < 24 * MEBIBYTE, "{refusing:?}");
    let refused = own.transfer(RECEIVER, 1);
    let client = net.http(SMALL).unwrap();
    let error = client.tx_send(wallet::blob(&refused)).await.unwrap_err();
    let error = ApiError::from_client(&error).unwrap();
    assert_eq!(error.code, ErrorCode::DiskFull, "{error:?}");
    assert!(error.message.contains("Send to another validator"), "{error:?}");
    assert_eq!(error.detail["neededBytes"], json!(30 * MEBIBYTE));

    // Who asks is told, in every way there is to ask.
    let rpc = net.ports(SMALL).unwrap().rpc;
    let (status, body) = get(rpc, "/health/ready").await;
    let reasons: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &reasons["reasons"]), (503, &json!([refusing.warning])), "{body}");
    let metrics = get(rpc, "/metrics").await.1;
    let free = figure(&metrics, "quorate_disk_free_bytes");
    assert!((6 * MEBIBYTE..24 * MEBIBYTE).contains(&free), "{metrics}");
    let accounts = figure(&metrics, "quorate_state_keys{namespace=\"account\"}");
    assert!(accounts >= u64::from(WALLETS), "{metrics}");
    let warned = |status: &ConsensusStatus| {
        let explanation = status.explanation.join(" ");
        explanation.contains("it takes no transactions from clients until there are 30 MiB")
    };
    net.status_until(SMALL, warned).await.unwrap();

    // The others order their clients' transactions, and this one follows and votes.
    let traffic = net.traffic(&[0, 1, 2], &wallets).unwrap();
    traffic.more(100).await.unwrap();
    let head = net.http(0).unwrap().chain_info().await.unwrap().at;
    net.reach(SMALL, head.height).await.unwrap();
    assert_eq!(net.block(SMALL, head.height).await.unwrap().1, head);
    votes(&net, head.height).await;
    let outcome = traffic.stop().await.unwrap();
    assert_eq!(outcome.refusals, Vec::<String>::new());

    // A little room is not enough, so that it does not take and refuse in turns.
    net.small_disk(SMALL).unwrap().leave(27 * MEBIBYTE).unwrap();
    let more = |disk: &DiskStatus| disk.free_bytes > 24 * MEBIBYTE;
    let between = net.disk_until(SMALL, more).await.unwrap();
    assert_eq!(between.level, DiskLevel::Refusing);
    net.small_disk(SMALL).unwrap().leave(40 * MEBIBYTE).unwrap();
    net.disk_until(SMALL, sees(DiskLevel::Low)).await.unwrap();
    net.commit(SMALL, &refused).await.unwrap();
    assert_eq!(get(rpc, "/health/ready").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_before_the_disk_was_full_is_not_lost() {
    let Some(mut net) = net() else { return };
    net.start(&[0, 1, 2, SMALL]).await.unwrap();
    let mut own = net.wallets(0, 1).await.unwrap().remove(0);
    let committed = own.transfer(RECEIVER, 1);
    let receipt = net.commit(SMALL, &committed).await.unwrap();
    net.small_disk(SMALL).unwrap().leave(20 * MEBIBYTE).unwrap();
    net.disk_until(SMALL, |disk| disk.level == DiskLevel::Refusing).await.unwrap();
    let client = net.http(SMALL).unwrap();
    let again = client.tx_send_and_wait(wallet::blob(&committed), None, None).await.unwrap().body;
    assert_eq!((again.status, again.receipt), (TransactionStatus::Committed, Some(receipt)));

    // It starts as it stopped: refusing from the first moment, and following.
    net.terminate(SMALL).await.unwrap();
    net.start(&[SMALL]).await.unwrap();
    let client = net.http(SMALL).unwrap();
    let next = own.transfer(RECEIVER, 1);
    let error = client.tx_send(wallet::blob(&next)).await.unwrap_err();
    assert_eq!(ApiError::from_client(&error).unwrap().code, ErrorCode::DiskFull);
    let elsewhere = net.commit(0, &next).await.unwrap();
    net.reach(SMALL, elsewhere.height).await.unwrap();
    assert_eq!(client.tx_get_receipt(next.hash()).await.unwrap().body, elsewhere);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_disk_others_fill_stops_before_its_database_fails_and_reopens_whole() {
    let Some(mut net) = net() else { return };
    net.start(&[0, 1, 2, SMALL]).await.unwrap();
    let wallets = net.wallets(0, WALLETS).await.unwrap();
    net.small_disk(SMALL).unwrap().leave(9 * MEBIBYTE).unwrap();
    net.disk_until(SMALL, |disk| disk.level == DiskLevel::Refusing).await.unwrap();

    // It takes nothing any more: what fills its disk are the blocks that the others order.
    let traffic = net.traffic(&[0, 1, 2], &wallets).unwrap();
    let (code, words) = net.ended(SMALL).await.unwrap();
    assert_eq!(code, Some(STOPPED), "{words}");
    let last = words.lines().last().unwrap_or_default();
    assert!(last.contains("and below 6 MiB it stops"), "{last}");
    assert!(last.contains("data: "), "{last}");
    assert!(!words.contains("cannot be written"), "the database met the end:\n{words}");
    let free = net.small_disk(SMALL).unwrap().free_bytes().unwrap();
    println!("it stopped with {free} bytes free, after {} transfers", traffic.committed());
    assert!(free > MEBIBYTE, "only {free} bytes were left");
    traffic.more(50).await.unwrap();

    // The room that the closed database gave back is no room to start with; and the chain does not mind.
    let (code, words) = net.start_in_vain(SMALL).await.unwrap();
    assert_eq!(code, Some(STOPPED), "{words}");
    assert!(words.contains("and it starts only with 12 MiB"), "{words}");

    net.small_disk(SMALL).unwrap().leave(40 * MEBIBYTE).unwrap();
    net.start(&[SMALL]).await.unwrap();
    let head = net.http(0).unwrap().chain_info().await.unwrap().at;
    net.reach(SMALL, head.height).await.unwrap();
    assert_eq!(net.block(SMALL, head.height).await.unwrap().1, head);
    votes(&net, head.height).await;
    let outcome = traffic.stop().await.unwrap();
    assert_eq!(outcome.refusals, Vec::<String>::new());
    let client = net.http(SMALL).unwrap();
    for receipt in &outcome.receipts {
        net.reach(SMALL, receipt.height).await.unwrap();
        let kept = client.tx_get_receipt(receipt.transaction).await.unwrap().body;
        assert_eq!(kept, *receipt);
    }
}
