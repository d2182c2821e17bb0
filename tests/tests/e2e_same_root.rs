//! The same blocks give the same results everywhere; a proof from one validator convinces whoever
//! holds the genesis; a damaged disk is noticed before anything is signed on it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use primitives::state_key::Account;
use primitives::{
    Address, CommitCertificate, Hash, Header, Height, SigningContext, StateKey, ValidatorSet, codec,
};
use quorate_tests::net::Net;
use rpc::client::{ChainApiClient as _, StateApiClient as _, TxApiClient as _};
use rpc::types::{At, CommitView, KeyView, ProvedView};
use state::StateProof;

/// More than any proof or record has.
const BYTES_MAX: usize = 1 << 20;

fn context(net: &Net, certificate: &CommitCertificate) -> SigningContext {
    SigningContext { chain: net.genesis().hash(), epoch: certificate.epoch }
}

/// Checks the way from a certificate down to a block, and answers with the block's hash.
fn proved_block(net: &Net, commit: &CommitView, validators: &ValidatorSet) -> Hash {
    let certificate = CommitCertificate::from(commit.certificate.clone());
    certificate.verify(&context(net, &certificate), validators).unwrap();
    let headers: Vec<Header> = commit.headers.iter().cloned().map(Header::from).collect();
    assert_eq!(headers[0].hash(), certificate.block);
    for pair in headers.windows(2) {
        assert_eq!(pair[0].parent, pair[1].hash());
    }
    headers.last().unwrap().hash()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_blocks_have_the_same_results_on_all() {
    let net = Net::started(4).await.unwrap();
    let wallets = net.wallets(0, 8).await.unwrap();
    let traffic = net.traffic(&[0, 1, 2, 3], &wallets).unwrap();
    traffic.more(200).await.unwrap();
    let outcome = traffic.stop().await.unwrap();
    assert_eq!(outcome.refusals, Vec::<String>::new());
    let highest = outcome.receipts.iter().map(|receipt| receipt.height).max().unwrap();
    let validators = net.genesis().validator_set().unwrap();

    // By height: block, state root, transactions; by certified height: the result that was signed.
    let (mut first, mut results) = (Vec::new(), BTreeMap::new());
    for index in 0..net.len() {
        net.reach(index, highest).await.unwrap();
        let client = net.http(index).unwrap();
        let mut blocks = Vec::new();
        for height in (0..=highest.0).map(Height) {
            let (block, at) = net.block(index, height).await.unwrap();
            if height > Height::ZERO {
                let commit = client.chain_get_commit(Some(At::Height(height))).await.unwrap().body;
                assert_eq!(proved_block(&net, &commit, &validators), at.block_hash);
                let result = commit.certificate.result;
                assert_eq!(*results.entry(result.height).or_insert(result), result, "{index}");
                if result.height == height {
                    assert_eq!(result.state_root, at.state_root, "{index} at {height}");
                }
            }
            blocks.push((block, at));
        }
        if index == 0 {
            first = blocks;
        } else {
            assert_eq!(first, blocks, "validator {index} differs from validator 0");
        }
        for receipt in &outcome.receipts {
            let other = client.tx_get_receipt(receipt.transaction).await.unwrap().body;
            assert_eq!(other, *receipt, "validator {index}");
        }
    }
    let ordered: usize = first.iter().map(|(block, _)| block.transactions.len()).sum();
    assert!(ordered >= outcome.receipts.len());
}

/// Whether a proof convinces somebody who trusts these validators and nothing else.
fn convinces(net: &Net, proved: &ProvedView, key: &KeyView, validators: &ValidatorSet) -> bool {
    let certificate = CommitCertificate::from(proved.certificate.clone());
    let proof: StateProof = codec::decode(&proved.proof.0, BYTES_MAX).unwrap();
    let value = proved.value.as_ref().map(|value| value.0.as_slice());
    let root = certificate.result.state_root.0;
    Header::from(proved.header.clone()).hash() == certificate.block
        && certificate.verify(&context(net, &certificate), validators).is_ok()
        && proof.verify(&root, &state::claim(&StateKey::from(key), value)).is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_from_one_validator_needs_no_trust() {
    let net = Net::started(4).await.unwrap();
    let wallet = net.wallets(0, 1).await.unwrap().remove(0);
    let head = net.http(0).unwrap().chain_info().await.unwrap().at.height;
    net.reach(2, head).await.unwrap();
    let client = net.http(2).unwrap();
    let validators = net.genesis().validator_set().unwrap();
    let strangers = Net::new(4).unwrap().genesis().validator_set().unwrap();

    let key = KeyView::Account(wallet.address());
    let present = client.state_prove(key.clone(), None).await.unwrap().body;
    let record = present.value.clone().unwrap();
    let account: Account = codec::decode(&record.0, BYTES_MAX).unwrap();
    assert!(account.balance.0 > 0);
    assert!(convinces(&net, &present, &key, &validators));
    assert!(!convinces(&net, &present, &key, &strangers), "others' validators prove nothing");

    let nobody = KeyView::Account(Address([0x99; 32]));
    let absent = client.state_prove(nobody.clone(), None).await.unwrap().body;
    assert_eq!(absent.value, None);
    assert!(convinces(&net, &absent, &nobody, &validators));

    assert!(!convinces(&net, &present, &nobody, &validators), "a value of another key");
    let mut richer = present.clone();
    richer.value.as_mut().unwrap().0[0] ^= 1;
    assert!(!convinces(&net, &richer, &key, &validators), "another value");
    let denied = ProvedView { value: None, ..present };
    assert!(!convinces(&net, &denied, &key, &validators), "a denied value");
    let invented = ProvedView { value: Some(record), ..absent };
    assert!(!convinces(&net, &invented, &nobody, &validators), "an invented value");
}

/// The largest file of the database with this ending.
fn largest(database: &Path, ending: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(database).unwrap().map(|entry| entry.unwrap());
    let files = entries.filter(|entry| entry.file_name().to_string_lossy().ends_with(ending));
    files.max_by_key(|entry| entry.metadata().unwrap().len()).map(|entry| entry.path())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_is_refused_with_advice() {
    let mut net = Net::started(1).await.unwrap();
    let wallets = net.wallets(0, 8).await.unwrap();
    let traffic = net.traffic(&[0], &wallets).unwrap();
    traffic.more(200).await.unwrap();
    traffic.stop().await.unwrap();
    // The second start moves what the first one wrote from the log into a table.
    net.terminate(0).await.unwrap();
    net.start(&[0]).await.unwrap();
    net.terminate(0).await.unwrap();

    let database = net.directory().home(0).join("data/db");
    let file = largest(&database, ".sst").unwrap();
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    for byte in bytes.iter_mut().skip(middle).take(64) {
        *byte ^= 0xff;
    }
    fs::write(&file, bytes).unwrap();

    let (code, words) = net.start_in_vain(0).await.unwrap();
    assert!(code.is_some_and(|code| code != 0), "{code:?}");
    for part in ["is damaged", "Restore it from a backup", "data/db"] {
        assert!(words.contains(part), "{part:?} is missing in: {words}");
    }
}
