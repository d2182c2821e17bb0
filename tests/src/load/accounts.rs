//! The accounts of a run: derived from the faucet's key, so that a second run finds them funded.

use std::collections::VecDeque;
use std::thread;

use anyhow::Context as _;
use primitives::{Address, Amount, ChainId, Hash, Nonce, SecretKey};
use rpc::client::{AccountApiClient as _, ChainApiClient as _, TxApiClient as _};
use rpc::types::{Blob, TransactionStatus};
use tokio::task::JoinSet;

use super::{Plan, Target};
use crate::net::{self, Directory};
use crate::wallet::{self, Wallet};

/// What each account is given, in units; a transfer moves one.
const FUNDS: u128 = 1_000_000_000;
/// Below this an account is given more.
const FUNDS_MIN: u128 = 10_000_000;
/// Lanes of the faucet that fund side by side.
const LANES: u32 = 16;
/// The first of those lanes: people use lane 0.
const LANE_FIRST: u32 = 8;
/// Accounts asked for at once.
const QUESTIONS_MAX: usize = 64;

/// Funded accounts, in the order of their slots.
#[derive(Debug)]
pub struct Accounts {
    wallets: Vec<Wallet>,
    /// How many transactions each has executed.
    sequences: Vec<u64>,
}

/// One signed transfer.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub hash: Hash,
    pub transaction: Blob,
}

/// The signed transfers of one account, in the order of their nonces.
pub type Slot = VecDeque<Prepared>;

impl Accounts {
    /// Finds the accounts, and gives money to those that need some.
    pub async fn funded(
        plan: &Plan,
        directory: &Directory,
        targets: &[Target],
    ) -> anyhow::Result<Self> {
        let chain_id = directory.genesis()?.chain_id;
        let faucet = directory.key("faucet")?;
        let wallets: Vec<_> =
            (0..plan.accounts).map(|index| derived(&faucet, index, &chain_id)).collect();
        let target = targets.first().context("a net has validators")?;
        let poor: Vec<_> = records(&wallets, target)
            .await?
            .into_iter()
            .filter(|record| record.balance.0 < FUNDS_MIN)
            .map(|record| record.address)
            .collect();
        if !poor.is_empty() {
            eprintln!("funding {} accounts", poor.len());
            fund(&Wallet::new(faucet, chain_id), poor, target).await?;
            // Every validator must know of the money before it is spent there.
            let height = target.calls.chain_info().await?.at.height;
            for target in targets {
                net::reach(&target.blocks, height).await?;
            }
        }
        let sequences = records(&wallets, target).await?.iter().map(|record| record.next).collect();
        Ok(Self { wallets, sequences })
    }

    /// Signs all transfers of a plan, each account's to the account after it, on all cores. Answers
    /// also with the number of transactions that the accounts have executed so far.
    pub fn sign(&self, plan: &Plan) -> anyhow::Result<(Vec<Slot>, u64)> {
        let count = self.wallets.len();
        let each = usize::try_from(plan.transfers())?.div_ceil(count);
        let receivers = self.wallets.iter().cycle().skip(1).map(Wallet::address);
        let jobs: Vec<_> = self.wallets.iter().zip(&self.sequences).zip(receivers).collect();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let slots = thread::scope(|scope| {
            let parts = jobs.chunks(count.div_ceil(cores));
            let workers: Vec<_> = parts
                .map(|part| {
                    scope.spawn(move || {
                        let signed = part.iter().map(|((wallet, sequence), receiver)| {
                            sign_slot(wallet, **sequence, *receiver, each)
                        });
                        signed.collect::<Vec<_>>()
                    })
                })
                .collect();
            workers.into_iter().map(|worker| worker.join()).collect::<Result<Vec<_>, _>>()
        });
        let slots = slots.map_err(|_| anyhow::anyhow!("a signing thread panicked"))?;
        Ok((slots.into_iter().flatten().collect(), self.sequences.iter().sum()))
    }

    /// How many transactions the accounts have executed by now: what their records say, not what
    /// any answer said.
    pub async fn executed(&self, targets: &[Target]) -> anyhow::Result<u64> {
        let asked = targets.first().context("a net has validators")?;
        // What another validator has committed, the one that is asked may be a moment behind with.
        for target in targets {
            let height = target.calls.chain_info().await?.at.height;
            net::reach(&asked.blocks, height).await?;
        }
        Ok(records(&self.wallets, asked).await?.iter().map(|record| record.next).sum())
    }
}

fn sign_slot(wallet: &Wallet, sequence: u64, receiver: Address, count: usize) -> Slot {
    let mut wallet = wallet.at(Nonce { lane: 0, sequence });
    let prepare = |_| {
        let signed = wallet.transfer(receiver, 1);
        Prepared { hash: signed.hash(), transaction: wallet::blob(&signed) }
    };
    (0..count).map(prepare).collect()
}

fn derived(faucet: &SecretKey, index: usize, chain_id: &ChainId) -> Wallet {
    let mut hasher = blake3::Hasher::new_derive_key("quorate load account 1");
    hasher.update(&faucet.seed());
    hasher.update(&index.to_le_bytes());
    let key = SecretKey::from_seed(*hasher.finalize().as_bytes());
    Wallet::new(key, chain_id.clone())
}

/// What the chain knows of an account.
struct Record {
    address: Address,
    balance: Amount,
    /// The next sequence of lane 0.
    next: u64,
}

/// The committed records of all wallets, in their order.
async fn records(wallets: &[Wallet], target: &Target) -> anyhow::Result<Vec<Record>> {
    let mut records = Vec::with_capacity(wallets.len());
    for part in wallets.chunks(QUESTIONS_MAX) {
        let mut asked = JoinSet::new();
        for (position, wallet) in part.iter().enumerate() {
            let (client, address) = (target.calls.clone(), wallet.address());
            asked.spawn(async move { (position, client.account_get(address, None).await) });
        }
        let mut answers = asked.join_all().await;
        answers.sort_by_key(|(position, _)| *position);
        for (_, answer) in answers {
            let account = answer?.body;
            let next = account.lanes.get("0").map_or(Ok(0), |next| next.parse())?;
            records.push(Record { address: account.address, balance: account.balance, next });
        }
    }
    Ok(records)
}

/// Gives money to accounts, in several lanes side by side; ends when all is committed.
async fn fund(faucet: &Wallet, poor: Vec<Address>, target: &Target) -> anyhow::Result<()> {
    let mut lanes = JoinSet::new();
    let share = poor.len().div_ceil(LANES as usize);
    for (lane, part) in (LANE_FIRST..).zip(poor.chunks(share)) {
        let (part, client, faucet) = (part.to_vec(), target.calls.clone(), faucet.clone());
        lanes.spawn(async move {
            let next = client.account_next_nonce(faucet.address(), Some(lane)).await?;
            let mut faucet = faucet.at(next.body.nonce);
            let mut last = None;
            for address in part {
                let transfer = wallet::blob(&faucet.transfer(address, FUNDS));
                client.tx_send(transfer.clone()).await?;
                last = Some(transfer);
            }
            // A lane keeps its order: when its last transfer is committed, all are.
            let Some(last) = last else { return Ok(()) };
            let sent = client.tx_send_and_wait(last, None, None).await?.body;
            let is_funded = sent.status == TransactionStatus::Committed;
            anyhow::ensure!(is_funded, "funding did not commit: {sent:?}");
            anyhow::Ok(())
        });
    }
    lanes.join_all().await.into_iter().collect()
}
