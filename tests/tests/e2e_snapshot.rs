//! A validator that joins fetches a snapshot, and then the blocks after it: whoever gives, lies or is killed.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use attackers::AttackKind;
use primitives::{Action, Address, Gas, Height};
use quorate_tests::chain;
use quorate_tests::net::{DEADLINE, Net};
use quorate_tests::state_sync::{last_progress, new_accounts};
use rpc::client::{AccountApiClient as _, ChainApiClient as _};
use rpc::types::ReceiptStatus;

/// Accounts of a chain that takes some pieces.
const KEYS: u64 = 60_000;

/// A contract's code.
const COUNTER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../contracts/counter/counter.wasm");
const UPLOAD_GAS: Gas = Gas(200_000_000_000);

/// Whoever joins may do so after a moment, and not after minutes.
const SOON: &str = "sync.behind_blocks = 10";

/// The state root that a validator has at a height that it keeps.
async fn same_block(net: &Net, one: usize, other: usize) -> anyhow::Result<()> {
    let height = net.http(one)?.chain_info().await?.at.height;
    net.reach(other, height).await?;
    let ((_, here), (_, there)) = (net.block(one, height).await?, net.block(other, height).await?);
    ensure!(here == there, "validator {one} has {here:?}, and validator {other} {there:?}");
    Ok(())
}

fn is_restored(net: &Net, index: usize) -> anyhow::Result<bool> {
    Ok(net.log(index)?.contains("the state is restored"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validator_joins_by_snapshot_and_then_gives_one() {
    let mut net = Net::new(4).unwrap();
    // One gives, then the one that it gave to.
    net.set(&[0], "sync.snapshot_blocks = 20").unwrap();
    net.set(&[1, 2], "sync.snapshot_blocks = 0").unwrap();
    net.set(&[3], "sync.snapshot_blocks = 20").unwrap();
    net.set(&[0, 3], SOON).unwrap();
    net.start(&[0, 1, 2]).await.unwrap();
    let code = std::fs::read(COUNTER).unwrap();
    let mut faucet = net.faucet(0).await.unwrap();
    let upload = faucet.sign_with_gas(Action::Upload { code }, UPLOAD_GAS);
    assert_eq!(net.commit(0, &upload).await.unwrap().status, ReceiptStatus::Success);
    let wallets = net.wallets(0, 12).await.unwrap();
    let traffic = net.traffic(&[0, 1, 2], &wallets).unwrap();
    net.reach(0, Height(60)).await.unwrap();
    net.start(&[3]).await.unwrap();
    assert!(is_restored(&net, 3).unwrap(), "it replayed blocks");
    // Nobody has called it.
    has_compiled_code(&net, 3).await.unwrap();
    traffic.more(24).await.unwrap();
    same_block(&net, 0, 3).await.unwrap();
    let floor = net.http(3).unwrap().chain_info().await.unwrap().body.floor;
    assert!(floor >= Height(20), "it keeps nothing below its snapshot: {floor}");

    // What it has it can prove; what it can take, it does.
    let mut faucet = net.faucet(3).await.unwrap();
    let receipt = net.commit(3, &faucet.transfer(Address([0xdd; 32]), 7)).await.unwrap();
    let account = net.http(3).unwrap().account_get(Address([0xdd; 32]), None).await.unwrap();
    assert!(account.at.height >= receipt.height);

    // One that loses its state gets it from this one, when nobody else is there.
    net.reach(3, Height(floor.0 + 41)).await.unwrap();
    traffic.stop().await.unwrap();
    net.kill(&[0, 1, 2]).await.unwrap();
    std::fs::remove_dir_all(net.directory().home(0).join("data/db")).unwrap();
    net.start(&[0]).await.unwrap();
    assert!(is_restored(&net, 0).unwrap(), "it replayed blocks");
    net.start(&[1, 2]).await.unwrap();
    let mut faucet = net.faucet(0).await.unwrap();
    net.commit(0, &faucet.transfer(Address([0xdd; 32]), 7)).await.unwrap();
    same_block(&net, 3, 0).await.unwrap();
}

/// Waits until a validator keeps compiled code of a contract.
async fn has_compiled_code(net: &Net, index: usize) -> anyhow::Result<()> {
    let modules = net.directory().home(index).join("data/modules");
    let own = std::fs::read_dir(&modules)?.next().context("a directory for its release")??;
    let deadline = Instant::now() + DEADLINE;
    let is_module = |file: std::fs::DirEntry| {
        let path = file.path();
        path.extension().is_some_and(|e| e == "module")
    };
    while !std::fs::read_dir(own.path())?.flatten().any(is_module) {
        ensure!(Instant::now() < deadline, "it compiles nothing: {}", net.log(index)?);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// Waits until a restoration has come so far that there is something to lose.
async fn restores(net: &Net, index: usize) -> anyhow::Result<()> {
    let database = net.directory().home(index).join("data/db.syncing");
    let deadline = Instant::now() + DEADLINE;
    let bytes = || -> u64 {
        let files = std::fs::read_dir(&database).into_iter().flatten().flatten();
        let logs = files.filter(|file| file.path().extension().is_some_and(|e| e == "log"));
        logs.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
    };
    while bytes() < 600 << 10 {
        ensure!(Instant::now() < deadline, "it does not begin");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validator_that_is_killed_while_it_restores_goes_on_where_it_was() {
    let mut net = Net::new(4).unwrap();
    chain::make(&net, &[0, 1], 400, new_accounts(KEYS, 400)).await.unwrap();
    net.set(&[2, 3], SOON).unwrap();
    net.start(&[0, 1]).await.unwrap();
    net.start(&[2]).await.unwrap();
    let all = last_progress(&net.log(2).unwrap()).context("it replayed blocks").unwrap();
    assert!(all.keys >= KEYS, "{all:?}");

    net.begin(3).unwrap();
    restores(&net, 3).await.unwrap();
    net.kill(&[3]).await.unwrap();
    let first = net.log(3).unwrap();
    assert!(!is_restored(&net, 3).unwrap(), "it was too fast to be killed: {first}");
    net.start(&[3]).await.unwrap();
    assert!(is_restored(&net, 3).unwrap());
    let log = net.log(3).unwrap();
    assert!(log.contains("going on with a state that was being restored"), "{log}");
    let rest = last_progress(&log).unwrap();
    assert_eq!(rest.keys, all.keys);
    assert!(rest.pieces < all.pieces, "{rest:?} of {all:?}: what was there was fetched again");
    same_block(&net, 2, 3).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_gives_false_pieces_is_banned_and_the_others_suffice() {
    let mut net = Net::new(4).unwrap();
    chain::make(&net, &[0, 1, 2], 100, new_accounts(KEYS / 2, 100)).await.unwrap();
    net.set(&[3], SOON).unwrap();
    let told = [
        ("QUORATE_ATTACK", AttackKind::LyingSnapshotGiver.to_string().into()),
        ("QUORATE_ATTACKERS", "2".into()),
    ];
    net.seat(2, told.to_vec()).unwrap();
    net.start(&[0, 1, 2]).await.unwrap();
    net.start(&[3]).await.unwrap();
    assert!(is_restored(&net, 3).unwrap());
    let log = net.log(3).unwrap();
    let banned = log.lines().filter(|line| line.contains("it is not asked again"));
    let banned: Vec<&str> = banned.collect();
    assert!(!banned.is_empty(), "nobody noticed");
    assert!(banned.iter().all(|line| line.contains("validator-3")), "{banned:?}");
    let mut faucet = net.faucet(3).await.unwrap();
    net.commit(3, &faucet.transfer(Address([0xdd; 32]), 7)).await.unwrap();
    same_block(&net, 0, 3).await.unwrap();
}
