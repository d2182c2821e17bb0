//! Validators die under load, as real processes on a real disk do: nothing that was acknowledged is
//! lost, nothing forks, and the chain goes on as soon as a quorum is there.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use primitives::limits::UNCOMMITTED_BLOCKS_MAX;
use primitives::{Hash, Height, ValidatorIndex};
use quorate_tests::net::Net;
use rpc::client::{ChainApiClient as _, TxApiClient as _};
use rpc::types::{At, ConsensusState, ConsensusStatus};

const WALLETS: u8 = 12;
/// How often a stalled net is asked again.
const STALLED_ASKED: usize = 20;
/// How soon after a quorum serves again the next block must be there.
const RESUMED_WITHIN: Duration = Duration::from_secs(2);

/// Who signed the certificate over a block, or over the first certified one above it.
async fn signers(net: &Net, index: usize, height: Height) -> BTreeSet<ValidatorIndex> {
    let commit = net.http(index).unwrap().chain_get_commit(Some(At::Height(height))).await.unwrap();
    commit.certificate.signatures.iter().map(|signed| signed.signer).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_is_killed_the_others_go_on_and_it_comes_back() {
    let mut net = Net::started(4).await.unwrap();
    let wallets = net.wallets(0, WALLETS).await.unwrap();
    let traffic = net.traffic(&[0, 1, 2], &wallets).unwrap();
    traffic.more(50).await.unwrap();

    net.kill(&[3]).await.unwrap();
    let mut blocks = net.blocks(0).await.unwrap();
    let first = blocks.next().await.unwrap().at.height;
    traffic.more(200).await.unwrap();
    while blocks.next().await.unwrap().at.height.0 < first.0 + 5 {}
    let missed = net.http(0).unwrap().chain_info().await.unwrap().at;

    net.start(&[3]).await.unwrap();
    net.reach(3, missed.height).await.unwrap();
    let (_, caught_up) = net.block(3, missed.height).await.unwrap();
    assert_eq!(caught_up, missed, "block and state root are those of the others");

    // A certificate holds the votes that came first, so its vote need not be in the very next one.
    let deadline = Instant::now() + quorate_tests::net::DEADLINE;
    loop {
        let height = blocks.next().await.unwrap().at.height;
        if height > missed.height && signers(&net, 0, height).await.contains(&ValidatorIndex(3)) {
            break;
        }
        assert!(Instant::now() < deadline, "its votes appear in no certificate");
    }
    let outcome = traffic.stop().await.unwrap();
    assert_eq!(outcome.refusals, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_are_killed_nothing_commits_and_the_two_names_are_told() {
    let mut net = Net::started(4).await.unwrap();
    let wallets = net.wallets(0, WALLETS).await.unwrap();
    let traffic = net.traffic(&[0, 1], &wallets).unwrap();
    traffic.more(50).await.unwrap();

    net.kill(&[2, 3]).await.unwrap();
    let gone = ["validator-3", "validator-4"];
    let status = net.status_until(0, |status| status.missing.len() == 2).await.unwrap();
    let missing: Vec<_> = status.missing.iter().map(|missing| missing.name.as_str()).collect();
    assert_eq!(missing, gone);
    let stalled =
        net.status_until(0, |status| status.state == ConsensusState::Stalled).await.unwrap();
    // Votes of the dead that had arrived may still make a block or two, and no more.
    assert!(stalled.height.0 <= status.height.0 + UNCOMMITTED_BLOCKS_MAX);
    net.status_until(1, |status| status.state == ConsensusState::Stalled).await.unwrap();
    let mut asked = 0;
    let count = |later: &ConsensusStatus| {
        assert_eq!(later.height, stalled.height, "a block committed with two of four validators");
        assert_eq!(later.state, ConsensusState::Stalled);
        asked += 1;
        asked == STALLED_ASKED
    };
    net.status_until(1, count).await.unwrap();
    let explanation = stalled.explanation.join(" ");
    for name in gone {
        assert!(explanation.contains(name), "{explanation}");
    }
    assert!(explanation.contains("No block can commit"), "{explanation}");

    let mut blocks = net.blocks(0).await.unwrap();
    let ready = net.start(&[2, 3]).await.unwrap();
    let height = blocks.next().await.unwrap().at.height;
    let took = Instant::now().saturating_duration_since(ready);
    println!("the next block, {height}, committed {took:?} after the second validator served");
    assert!(took < RESUMED_WITHIN, "the next block took {took:?}");

    // What waited through the stall commits, and more comes.
    traffic.more(100).await.unwrap();
    let outcome = traffic.stop().await.unwrap();
    assert_eq!(outcome.refusals, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn all_are_killed_at_once_and_nothing_acknowledged_is_lost() {
    let mut net = Net::started(4).await.unwrap();
    let all = [0, 1, 2, 3];
    let wallets = net.wallets(0, WALLETS).await.unwrap();
    let traffic = net.traffic(&all, &wallets).unwrap();
    traffic.more(300).await.unwrap();
    net.kill(&all).await.unwrap();
    let outcome = traffic.stop().await.unwrap();
    assert_eq!(outcome.refusals, Vec::<String>::new());
    assert!(outcome.receipts.len() >= 300);

    net.start(&all).await.unwrap();
    // What was under way when they died may or may not commit: a fresh lane does not depend on it.
    let wallets: Vec<_> = wallets.iter().map(|wallet| wallet.in_next_lane()).collect();
    let again = net.traffic(&all, &wallets).unwrap();
    again.more(100).await.unwrap();
    let later = again.stop().await.unwrap();
    assert_eq!(later.refusals, Vec::<String>::new());

    let receipts = || outcome.receipts.iter().chain(&later.receipts);
    let highest = receipts().map(|receipt| receipt.height).max().unwrap();
    for index in all {
        net.reach(index, highest).await.unwrap();
        let client = net.http(index).unwrap();
        for receipt in receipts() {
            let kept = client.tx_get_receipt(receipt.transaction).await.unwrap().body;
            assert_eq!(kept, *receipt, "validator {index}");
        }
    }
    let first = chain(&net, 0, highest).await;
    for index in [1, 2, 3] {
        assert_eq!(chain(&net, index, highest).await, first, "validator {index} has forked");
    }
}

/// The hashes of all blocks up to a height.
async fn chain(net: &Net, index: usize, highest: Height) -> Vec<Hash> {
    let mut blocks = net.blocks_from(index, Some(Height::ZERO)).await.unwrap();
    let mut hashes = Vec::new();
    loop {
        let at = blocks.next().await.unwrap().at;
        assert_eq!(at.height.0, hashes.len() as u64, "no height is left out");
        hashes.push(at.block_hash);
        if at.height == highest {
            return hashes;
        }
    }
}
