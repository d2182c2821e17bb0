//! What an operator does with a store: check it, take blocks back, copy it, bring it back; with the
//! program as it is shipped, on real files.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use primitives::{Hash, Height};
use quorate_tests::net::{Net, process};
use quorate_tests::wallet::Wallet;
use rpc::client::{
    AccountApiClient as _, ChainApiClient as _, ConsensusApiClient as _, StateApiClient as _,
    TxApiClient as _,
};
use rpc::types::{At, KeyView};
use rpc::{ApiError, ErrorCode};
use serde_json::Value;

const ALL: [usize; 4] = [0, 1, 2, 3];

/// What a command said and how it ended.
#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    error: String,
}

/// Runs the program on a validator's home.
fn quorate(home: &Path, words: &[&str]) -> Said {
    let mut command = Command::new(process::binary("quorate").unwrap());
    let done = command.arg("--json").args(words).arg("--home").arg(home).output().unwrap();
    Said {
        code: done.status.code().unwrap(),
        out: String::from_utf8(done.stdout).unwrap(),
        error: String::from_utf8(done.stderr).unwrap(),
    }
}

/// Runs what must succeed; answers with its JSON.
fn done(home: &Path, words: &[&str]) -> Value {
    let said = quorate(home, words);
    assert_eq!(said.code, 0, "{words:?}: {said:?}");
    serde_json::from_str(&said.out).unwrap()
}

/// Runs what must fail with this code and these words.
fn refused(home: &Path, words: &[&str], code: i32, parts: &[&str]) -> Said {
    let said = quorate(home, words);
    assert_eq!(said.code, code, "{words:?}: {said:?}");
    for part in parts {
        assert!(said.error.contains(part), "{words:?}: {part:?} is missing in {said:?}");
    }
    said
}

async fn block_hash(net: &Net, index: usize, height: Height) -> Hash {
    net.block(index, height).await.unwrap().1.block_hash
}

/// A net that has committed some hundred transfers, and the height of the last.
async fn busy(validators: usize, transfers: usize) -> (Net, Height, Vec<Wallet>) {
    let net = Net::started(validators).await.unwrap();
    let wallets = net.wallets(0, 8).await.unwrap();
    let traffic = net.traffic(&[0], &wallets).unwrap();
    traffic.more(transfers).await.unwrap();
    let outcome = traffic.stop().await.unwrap();
    assert_eq!(outcome.refusals, Vec::<String>::new());
    let highest = outcome.receipts.iter().map(|receipt| receipt.height).max().unwrap();
    // What is rolled back gives nonces back: another lane is unused either way.
    (net, highest, wallets.iter().map(Wallet::in_next_lane).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_whole_after_a_kill_and_a_check_waits_for_no_node() {
    let mut net = Net::started(1).await.unwrap();
    let home = net.directory().home(0);
    refused(&home, &["db", "check"], 1, &["a node is running", "stop it"]);
    let wallets = net.wallets(0, 8).await.unwrap();
    let traffic = net.traffic(&[0], &wallets).unwrap();
    traffic.more(100).await.unwrap();
    net.kill(&[0]).await.unwrap();
    drop(traffic.abandon());
    let report = done(&home, &["db", "check"]);
    assert_eq!(report["whole"], true, "{report}");
    assert!(report["height"].as_u64().unwrap() > 3);

    // A single byte of a table.
    let database = home.join("data/db");
    let tables = fs::read_dir(&database).unwrap().map(|entry| entry.unwrap().path());
    let table = tables.filter(|path| path.extension().is_some_and(|ending| ending == "sst"));
    let table = table.max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    let mut bytes = fs::read(&table).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&table, bytes).unwrap();
    refused(&home, &["db", "check"], 8, &["damaged"]);

    let empty = tempfile::tempdir().unwrap();
    refused(empty.path(), &["db", "check"], 2, &["there is no store"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_validator_that_is_rolled_back_fetches_the_blocks_again() {
    let (mut net, highest, _) = busy(4, 100).await;
    let home = net.directory().home(3);
    net.reach(3, highest).await.unwrap();
    net.terminate(3).await.unwrap();
    let to = (highest.0 / 2).to_string();
    refused(&home, &["db", "rollback", "--to", &to], 2, &["takes back the blocks", "--yes"]);
    let before = done(&home, &["db", "check"]);
    assert!(before["height"].as_u64().unwrap() >= highest.0, "nothing was changed");
    refused(&home, &["db", "rollback", "--to", "999999", "--yes"], 1, &["not committed"]);
    let answer = done(&home, &["db", "rollback", "--to", &to, "--yes"]);
    assert_eq!((&answer["height"], &answer["voteLog"]), (&(highest.0 / 2).into(), &"kept".into()));
    assert_eq!(done(&home, &["db", "check"])["whole"], true);

    net.start(&[3]).await.unwrap();
    net.reach(3, highest).await.unwrap();
    assert_eq!(block_hash(&net, 3, highest).await, block_hash(&net, 0, highest).await);
    // It takes part: with another one down, its vote is needed.
    net.kill(&[2]).await.unwrap();
    let mut blocks = net.blocks(0).await.unwrap();
    let next = blocks.next().await.unwrap().at.height;
    net.reach(3, Height(next.0 + 2)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn all_validators_roll_back_to_one_height_and_go_on_from_there() {
    let (mut net, highest, wallets) = busy(4, 150).await;
    for index in ALL {
        net.reach(index, highest).await.unwrap();
    }
    let to = Height(highest.0 / 2);
    let (kept, abandoned) = (block_hash(&net, 0, to).await, block_hash(&net, 0, highest).await);
    let state_root = net.block(0, to).await.unwrap().1.state_root;
    for index in ALL {
        net.terminate(index).await.unwrap();
    }
    let words = ["db", "rollback", "--all-validators", "--yes", "--to", &to.to_string()];
    for index in ALL {
        let home = net.directory().home(index);
        let answer = done(&home, &words);
        assert_eq!(answer["voteLog"], "begun anew", "{answer}");
        assert!(Path::new(answer["oldVoteLog"].as_str().unwrap()).exists());
        assert_eq!(done(&home, &["db", "check"])["stateRoot"], state_root.to_string());
    }
    net.start(&ALL).await.unwrap();
    let traffic = net.traffic(&ALL, &wallets).unwrap();
    traffic.more(100).await.unwrap();
    let outcome = traffic.stop().await.unwrap();
    assert_eq!(outcome.refusals, Vec::<String>::new());
    let mut hashes = BTreeSet::new();
    for index in ALL {
        net.reach(index, Height(highest.0 + 1)).await.unwrap();
        assert_eq!(block_hash(&net, index, to).await, kept, "validator {index}");
        hashes.insert(block_hash(&net, index, highest).await);
    }
    assert_eq!(hashes.len(), 1, "they agree");
    assert!(!hashes.contains(&abandoned), "on blocks of their own");
    let evidence = net.http(0).unwrap().consensus_evidence().await.unwrap();
    assert_eq!(evidence.evidence.len(), 0, "nobody is accused");
}

fn tables(home: &Path) -> usize {
    let entries = fs::read_dir(home.join("data/db")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|ending| ending == "sst")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_a_busy_node_begins_another_one() {
    let mut net = Net::started(4).await.unwrap();
    let wallets = net.wallets(0, 8).await.unwrap();
    let traffic = net.traffic(&[0, 1], &wallets).unwrap();
    traffic.more(100).await.unwrap();
    net.kill(&[3]).await.unwrap();
    let home = net.directory().home(0);
    let made = done(&home, &["snapshot", "create"]);
    let file = PathBuf::from(made["file"].as_str().unwrap());
    traffic.more(50).await.unwrap();
    let listed = done(&home, &["snapshot", "list"]);
    assert_eq!((&listed[0]["height"], &listed[0]["file"]), (&made["height"], &made["file"]));
    let checkpoints = fs::read_dir(home.join("data/checkpoints")).unwrap().count();
    assert_eq!(checkpoints, 0, "what was made for the snapshot is removed");

    // A home that has lost everything but its key.
    let fresh = net.directory().home(3);
    fs::remove_dir_all(fresh.join("data")).unwrap();
    let (whole, cut) = (fs::read(&file).unwrap(), fresh.join("cut"));
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let cut = cut.to_str().unwrap().to_owned();
    refused(&fresh, &["snapshot", "restore", &cut], 8, &["ends too early"]);
    refused(&fresh, &["snapshot", "restore", "genesis.toml"], 1, &["No such file"]);
    let genesis = fresh.join("genesis.toml");
    let genesis = genesis.to_str().unwrap();
    refused(&fresh, &["snapshot", "restore", genesis], 8, &["no snapshot"]);
    let stranger = Net::new(4).unwrap();
    let file = file.to_str().unwrap();
    let foreign = stranger.directory().home(0);
    refused(&foreign, &["snapshot", "restore", file], 7, &["of the chain"]);
    assert!(!fresh.join("data/db").exists() && !foreign.join("data/db").exists());

    let restored = done(&fresh, &["snapshot", "restore", file]);
    assert_eq!(restored["stateRoot"], made["stateRoot"]);
    assert_eq!(done(&fresh, &["db", "check"])["whole"], true);
    refused(&fresh, &["snapshot", "restore", file], 2, &["exists", "--yes"]);
    net.start(&[3]).await.unwrap();
    traffic.more(50).await.unwrap();
    let outcome = traffic.stop().await.unwrap();
    assert_eq!(outcome.refusals, Vec::<String>::new());
    let highest = outcome.receipts.iter().map(|receipt| receipt.height).max().unwrap();
    net.reach(3, highest).await.unwrap();
    assert_eq!(block_hash(&net, 3, highest).await, block_hash(&net, 0, highest).await);
    // What is below the snapshot says so.
    let first = net.http(3).unwrap().chain_get_block(Some(At::Height(Height(1)))).await;
    let error = ApiError::from_client(&first.unwrap_err()).unwrap();
    assert_eq!((error.code, &error.detail["floor"]), (ErrorCode::Pruned, &made["height"]));
    // And it starts again from there.
    net.terminate(3).await.unwrap();
    net.start(&[3]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_backup_copies_what_is_new_and_a_lost_store_comes_back() {
    let mut net = Net::started(4).await.unwrap();
    let wallets = net.wallets(0, 8).await.unwrap();
    let traffic = net.traffic(&[0, 1], &wallets).unwrap();
    traffic.more(100).await.unwrap();
    // A restart moves what the log holds into tables, which a backup then shares.
    net.terminate(3).await.unwrap();
    net.start(&[3]).await.unwrap();
    let home = net.directory().home(3);
    let outside = tempfile::tempdir().unwrap();
    let directory = outside.path().join("backups");
    let directory = directory.to_str().unwrap();
    let first = done(&home, &["backup", "create", directory]);
    assert_eq!(first["files"], first["newFiles"], "{first}");
    traffic.more(50).await.unwrap();
    let second = done(&home, &["backup", "create", directory]);
    let shared = second["files"].as_u64().unwrap() - second["newFiles"].as_u64().unwrap();
    assert!(tables(&home) > 0 && shared as usize >= tables(&home), "{second}");
    assert!(second["height"].as_u64().unwrap() > first["height"].as_u64().unwrap());
    let verified = done(&home, &["backup", "verify", directory]);
    assert_eq!(verified.as_array().unwrap().len(), 2);
    assert_eq!(done(&home, &["backup", "list", directory])[1]["number"], 2);
    for entry in fs::read_dir(Path::new(directory).join("files")).unwrap() {
        let text = fs::read(entry.unwrap().path()).unwrap();
        let secret = b"[unencrypted]";
        assert!(!text.windows(secret.len()).any(|part| part == secret), "no key is copied");
    }

    net.kill(&[3]).await.unwrap();
    fs::remove_dir_all(home.join("data/db")).unwrap();
    let restored = done(&home, &["backup", "restore", directory]);
    assert_eq!((&restored["height"], &restored["voteLog"]), (&second["height"], &"kept".into()));
    assert_eq!(done(&home, &["db", "check"])["whole"], true);
    refused(&home, &["backup", "restore", directory], 2, &["exists", "--yes"]);
    net.start(&[3]).await.unwrap();
    traffic.more(20).await.unwrap();
    let outcome = traffic.stop().await.unwrap();
    assert_eq!(outcome.refusals, Vec::<String>::new());
    let highest = outcome.receipts.iter().map(|receipt| receipt.height).max().unwrap();
    net.reach(3, highest).await.unwrap();

    let files = Path::new(directory).join("files");
    let content = fs::read_dir(&files).unwrap().next().unwrap().unwrap().path();
    fs::write(&content, "rotten").unwrap();
    refused(&home, &["backup", "verify", directory], 8, &["damaged"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_height_reads_as_it_was_read_then() {
    let net = Net::started(1).await.unwrap();
    let client = net.http(0).unwrap();
    let mut faucet = net.faucet(0).await.unwrap();
    let address = primitives::Address([0xab; 32]);
    let key = KeyView::Account(address);
    let mut then = Vec::new();
    for units in 1..=5 {
        let height = net.commit(0, &faucet.transfer(address, units)).await.unwrap().height;
        let account = client.account_get(address, None).await.unwrap();
        let value = client.state_get(key.clone(), None).await.unwrap();
        then.push((height, account.body, value.body));
    }
    let home = net.directory().home(0);
    for (height, account, value) in &then {
        let at = Some(At::Height(*height));
        let now = client.account_get(address, at).await.unwrap();
        assert_eq!((&now.body, now.at.height), (account, *height));
        assert_eq!(&client.state_get(key.clone(), at).await.unwrap().body, value);
        let told = done(
            &home,
            &["query", "account", &address.to_string(), "--height", &height.to_string()],
        );
        assert_eq!(told["balance"], account.balance.to_string());
    }
    let ((first, _, before), (last, _, after)) = (&then[0], &then[4]);
    let diff = client.state_diff(*first, *last, None, None).await.unwrap().body;
    let changed = diff.differences.iter().find(|one| one.key == key).unwrap();
    assert_eq!((&changed.before, &changed.after), (&before.value, &after.value));
    assert_eq!(diff.differences.len(), 2, "the faucet's account is the other");
    let told = done(&home, &["query", "diff", &first.to_string(), &last.to_string()]);
    assert_eq!((told["differences"].as_array().unwrap().len(), &told["all"]), (2, &true.into()));
    let nothing = client.state_get(key, Some(At::Height(Height(0)))).await.unwrap().body;
    assert_eq!(nothing.value, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_below_the_floor_names_the_floor() {
    let mut net = Net::new(1).unwrap();
    let home = net.directory().home(0);
    let settings = home.join("node.toml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("{text}\n[state]\nretention_blocks = 5\n")).unwrap();
    net.start(&[0]).await.unwrap();
    let client = net.http(0).unwrap();
    let mut faucet = net.faucet(0).await.unwrap();
    let first = faucet.transfer(primitives::Address([1; 32]), 1);
    net.commit(0, &first).await.unwrap();
    for _ in 0..12 {
        net.commit(0, &faucet.transfer(primitives::Address([1; 32]), 1)).await.unwrap();
    }
    let info = client.chain_info().await.unwrap();
    let floor = info.floor;
    assert!(floor > Height(1) && floor.0 + 6 >= info.at.height.0, "{floor} of {}", info.at.height);
    let at = Some(At::Height(Height(1)));
    let block = client.chain_get_block(at).await.unwrap_err();
    let account = client.account_get(faucet.address(), at).await.unwrap_err();
    let hash = first.hash();
    let receipt = client.tx_get_receipt(hash).await.unwrap_err();
    let transaction = client.tx_get(hash).await.unwrap_err();
    for error in [block, account, receipt, transaction] {
        let error = ApiError::from_client(&error).unwrap();
        assert_eq!(error.code, ErrorCode::Pruned, "{error:?}");
        assert!(error.detail["floor"].as_u64().unwrap() >= floor.0, "{error:?}");
        assert_eq!(error.detail["height"], 1, "{error:?}");
    }
    let status = done(&home, &["query", "status"]);
    assert!(status["chain"]["floor"].as_u64().unwrap() >= floor.0);

    // Rewritten, the store has forgotten; it is whole, and the hash leads nowhere.
    let compacted = done(&home, &["db", "compact"]);
    assert!(compacted["floor"].as_u64().unwrap() >= floor.0);
    let gone = client.tx_get_receipt(Hash([9; 32])).await.unwrap_err();
    let gone = ApiError::from_client(&gone).unwrap();
    assert_eq!(gone.code, ErrorCode::NotFound);
    assert!(gone.detail["floor"].as_u64().unwrap() >= floor.0, "{gone:?}");
    net.terminate(0).await.unwrap();
    assert_eq!(done(&home, &["db", "check"])["whole"], true);
}

/// A store whose last block changed one account otherwise than the chain did, under a certificate
/// that nobody signed: whole in itself, and not the chain's.
fn plant(net: &Net, index: usize, address: &primitives::Address) {
    let place = net.directory().home(index).join("data/db");
    let genesis = replica::genesis_block(net.genesis());
    let head = state::State::open(&place, &genesis).unwrap().head();
    let (to, view) = (Height(head.header.height.0 - 1), head.header.view);
    state::rollback(&place, to).unwrap();
    let state = state::State::open(&place, &genesis).unwrap();
    let key = primitives::StateKey::account(address);
    let changes = [(key, Some(b"planted".to_vec()))].into();
    let overlay = state.overlay(None, head.header.height, changes);
    let result = primitives::ExecutionResult { state_root: overlay.root(), ..head.result };
    let certificate =
        primitives::CommitCertificate { result, view, ..head.certificate.clone().unwrap() };
    let block = state::CommittedBlock {
        header: head.header,
        batches: Vec::new(),
        receipts: Vec::new(),
        result,
        overlay,
        certificate: Some(certificate),
    };
    state.commit(vec![block]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bisection_names_key_values_and_transaction() {
    let mut net = Net::started(4).await.unwrap();
    let mut faucet = net.faucet(0).await.unwrap();
    let address = primitives::Address([0xcd; 32]);
    let transfer = faucet.transfer(address, 1_234);
    let written = net.commit(0, &transfer).await.unwrap().height;
    for units in 1..=3 {
        let other = primitives::Address([units; 32]);
        net.commit(0, &faucet.transfer(other, u128::from(units))).await.unwrap();
    }
    let highest = net.http(0).unwrap().chain_info().await.unwrap().at.height;
    // The blocks of an idle chain change nothing.
    net.reach(3, highest.next()).await.unwrap();
    net.terminate(3).await.unwrap();
    let home = net.directory().home(3);
    let peer = format!("http://{}", net.ports(0).unwrap().rpc);
    let head = done(&home, &["db", "check"])["height"].as_u64().unwrap();
    net.reach(0, Height(head + 2)).await.unwrap();
    let whole = done(&home, &["db", "bisect", "--peer", &peer]);
    assert_eq!(whole["differs"], false, "{whole}");

    plant(&net, 3, &address);
    refused(&home, &["db", "check"], 8, &["damaged"]);
    let said = refused(&home, &["db", "bisect", "--peer", &peer], 8, &["certified root"]);
    let found: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(found["first"]["account"], address.to_string(), "{found}");
    assert_eq!(found["here"]["value"], hex(b"planted"), "{found}");
    assert_eq!(found["there"]["changed"], written.0, "{found}");
    assert_eq!(found["writer"], format!("transaction {}", transfer.hash()), "{found}");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
