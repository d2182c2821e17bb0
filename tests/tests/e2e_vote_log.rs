//! Vote logs on a real disk: one that is gone, and one that is damaged.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::time::Instant;

use primitives::{Height, ValidatorIndex};
use quorate_tests::net::{DEADLINE, Net};
use rpc::client::ChainApiClient as _;
use rpc::types::{At, ConsensusStatus};

const WALLETS: u8 = 8;

#[tokio::test(flavor = "multi_thread")]
async fn a_validator_whose_vote_log_is_gone_follows_says_so_and_votes_again() {
    let mut net = Net::started(4).await.unwrap();
    let wallets = net.wallets(0, WALLETS).await.unwrap();
    let traffic = net.traffic(&[0, 1], &wallets).unwrap();
    traffic.more(40).await.unwrap();

    net.kill(&[3]).await.unwrap();
    std::fs::remove_file(net.directory().home(3).join("data/votes.log")).unwrap();
    // With one of the others down too, three cannot answer: it waits, and the chain with it.
    net.kill(&[2]).await.unwrap();
    net.start(&[3]).await.unwrap();
    let lost = |status: &ConsensusStatus| status.explanation.join(" ");
    let waits = |text: &str| {
        text.contains("vote log was lost")
            && text.contains("3 others")
            && text.contains("validator-1, validator-2 so far")
    };
    net.status_until(3, |status| waits(&lost(status))).await.unwrap();

    net.start(&[2]).await.unwrap();
    let again = |text: &str| !text.contains("vote log was lost");
    let status = net.status_until(3, |status| again(&lost(status))).await.unwrap();
    let mut blocks = net.blocks_from(0, Some(Height(status.height.0))).await.unwrap();
    let deadline = Instant::now() + DEADLINE;
    loop {
        let height = blocks.next().await.unwrap().at.height;
        let client = net.http(0).unwrap();
        let commit = client.chain_get_commit(Some(At::Height(height))).await.unwrap();
        let signed = |index| commit.certificate.signatures.iter().any(|one| one.signer == index);
        if height > status.height && signed(ValidatorIndex(3)) {
            break;
        }
        assert!(Instant::now() < deadline, "its votes appear in no certificate");
    }
    traffic.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_vote_log_is_refused_and_the_message_says_what_to_do() {
    let mut net = Net::started(4).await.unwrap();
    let wallets = net.wallets(0, WALLETS).await.unwrap();
    let traffic = net.traffic(&[0, 1, 2], &wallets).unwrap();
    traffic.more(20).await.unwrap();
    net.kill(&[3]).await.unwrap();

    let path = net.directory().home(3).join("data/votes.log");
    let whole = std::fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    damaged[40] ^= 1;
    std::fs::write(&path, &damaged).unwrap();
    let (code, words) = net.start_in_vain(3).await.unwrap();
    assert_ne!(code, Some(0));
    assert!(words.contains("votes.log is damaged at byte 24"), "{words}");
    assert!(words.contains("move it away"), "{words}");

    std::fs::write(&path, &whole).unwrap();
    net.start(&[3]).await.unwrap();
    traffic.more(20).await.unwrap();
    traffic.stop().await.unwrap();
}
