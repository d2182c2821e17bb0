//! `quorate query`: asking a node.

use clap::Subcommand;
use primitives::Hash;
use rpc::client::{
    AccountApiClient, ChainApiClient, ConsensusApiClient, NodeApiClient, TxApiClient,
};
use rpc::types::{Answer, At, ConsensusState, ConsensusStatus, DiskStatus};
use serde_json::json;

use super::context::Context;
use super::output::{fields, table};
use super::prove::Prove;
use super::remote::{Remote, block_on};
use super::scan::Scan;
use super::tx::receipt_rows;
use super::value::{Diff, Value};
use crate::disk::{size, span};

#[derive(Debug, Subcommand)]
pub enum Query {
    /// How the node and consensus stand, and who is missing
    Status,
    /// What consensus waits for, who is missing, and why the last views were given up
    Consensus,
    /// Who has signed conflicting messages, with the height at which the chain took the proof
    Evidence,
    /// A block: its height, its hash, or latest
    Block {
        #[arg(default_value = "latest")]
        at: At,
    },
    /// An account's balance and nonces; an address, or the name of a key of this home
    Account {
        account: String,
        /// A height, or a block's hash
        #[arg(long, visible_alias = "height", default_value = "latest")]
        at: At,
    },
    /// A value of the state as the node tells it, at any height that it keeps; see also prove
    Value(Value),
    /// The keys of a part of the state with their values, in order
    Scan(Scan),
    /// The keys whose values differ between two heights, with both values
    Diff(Diff),
    /// A committed transaction's receipt
    Receipt { hash: Hash },
    /// Fetch a value with its proof, and verify it by the validators of this home's genesis
    Prove(Prove),
}

impl Query {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        block_on(async {
            let remote = Remote::find(context).await?;
            match self {
                Self::Status => status(context, &remote).await,
                Self::Consensus => consensus(context, &remote).await,
                Self::Evidence => evidence(context, &remote).await,
                Self::Block { at } => block(context, &remote, at).await,
                Self::Account { account, at } => {
                    let address = context.address(&account)?;
                    let answer = remote.http.account_get(address, Some(at));
                    let account = remote.ask(answer).await?;
                    context.out.show(&account, || {
                        let mut rows = vec![
                            ("address", account.address.to_string()),
                            ("balance", account.balance.to_string()),
                        ];
                        for (lane, next) in &account.lanes {
                            rows.push(("next nonce", format!("{next} of lane {lane}")));
                        }
                        rows.push(("at height", account.at.height.to_string()));
                        fields(&rows)
                    })
                }
                Self::Value(value) => value.run(context, &remote).await,
                Self::Scan(scan) => scan.run(context, &remote).await,
                Self::Diff(diff) => diff.run(context, &remote).await,
                Self::Receipt { hash } => {
                    let receipt = remote.ask(remote.http.tx_get_receipt(hash)).await?;
                    context.out.show(&receipt, || fields(&receipt_rows(&receipt)))
                }
                Self::Prove(prove) => prove.run(context, &remote).await,
            }
        })
    }
}

async fn block(context: &Context, remote: &Remote, at: At) -> anyhow::Result<()> {
    let block = remote.ask(remote.http.chain_get_block(Some(at))).await?;
    context.out.show(&block, || {
        let header = &block.header;
        let mut rows = vec![
            ("height", header.height.to_string()),
            ("hash", block.at.block_hash.to_string()),
            ("parent", header.parent.to_string()),
            ("state root", block.at.state_root.to_string()),
            ("time", format!("{} ms", header.time_ms)),
            ("view", format!("{} of epoch {}", header.view, header.epoch)),
            ("proposer", format!("validator {}", header.proposer)),
            ("batches", header.payload.len().to_string()),
            ("transactions", block.transactions.len().to_string()),
        ];
        rows.extend(block.transactions.iter().map(|hash| ("", hash.to_string())));
        fields(&rows)
    })
}

/// The status without the chain, with the views that were given up and the results that validators voted for.
async fn consensus(context: &Context, remote: &Remote) -> anyhow::Result<()> {
    let status = remote.ask(remote.http.consensus_status()).await?;
    context.out.show(&status, || {
        let mut rows = consensus_rows(&status);
        for one in &status.missing {
            let how = if one.connected { "connected but silent" } else { "not connected" };
            rows.push(("missing", format!("{}, {how} for {} ms", one.name, one.since_ms)));
        }
        rows.extend(status.demoted.iter().map(|name| ("demoted", name.clone())));
        for group in status.results.iter().filter(|_| status.results.len() > 1) {
            let names = group.validators.join(", ");
            rows.push(("state root", format!("{} of {names}", group.result.state_root)));
        }
        for one in &status.last_timeouts {
            rows.push(("gave up", format!("view {}, led by {}", one.view, one.leader)));
            let votes = one.votes.iter();
            rows.extend(votes.map(|vote| ("", format!("{}: {}", vote.validator, vote.reason))));
        }
        fields(&rows)
    })
}

async fn evidence(context: &Context, remote: &Remote) -> anyhow::Result<()> {
    let list = remote.ask(remote.http.consensus_evidence()).await?;
    context.out.show(&list, || {
        if list.evidence.is_empty() {
            return "no evidence: no validator is known to have signed a conflicting pair".into();
        }
        let head = ["culprit", "epoch", "view", "what it signed", "on chain"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        rows.extend(list.evidence.iter().map(|one| {
            let height = one.on_chain_height.map(|height| format!("at height {height}"));
            vec![
                one.culprit.clone(),
                one.epoch.to_string(),
                one.view.to_string(),
                one.kind.clone(),
                height.unwrap_or_else(|| "not yet".to_owned()),
            ]
        }));
        format!("{}\nboth signed messages: with --json", table(&rows))
    })
}

async fn status(context: &Context, remote: &Remote) -> anyhow::Result<()> {
    let info = remote.chain(context).await?;
    let status = remote.ask(remote.http.consensus_status()).await?;
    let own = remote.ask(remote.http.node_status()).await?.body;
    let answer = json!({
        "node": remote.url(),
        "chain": &info,
        "consensus": &status,
        "disk": &own.disk,
        "state": &own.state,
    });
    context.out.show(&answer, || {
        let node = info.node_name.as_deref().unwrap_or("not a validator");
        let mut rows = vec![
            ("node", format!("{node} at {}, version {}", remote.url(), info.node_version)),
            ("chain", format!("{} {}", info.chain_id, info.genesis_hash)),
            ("kept", format!("from height {} on", info.floor)),
        ];
        rows.extend(consensus_rows(&status));
        rows.push(("disk", disk_row(&own.disk)));
        fields(&rows)
    })
}

/// What is wrong with it stands in the explanation above.
fn disk_row(disk: &DiskStatus) -> String {
    let (free, data) = (size(disk.free_bytes), size(disk.database_bytes + disk.votes_bytes));
    let growth = match disk.growth_bytes_a_day {
        None => "how fast it grows shows in a few minutes".to_owned(),
        Some(0) => "it does not grow".to_owned(),
        Some(bytes) => format!("it grows by {} a day", size(bytes)),
    };
    let floor = size(disk.refuse_below_bytes);
    let forecast = disk.forecast_seconds.map(|seconds| match seconds {
        0 => format!("; fewer than {floor} are free"),
        _ => format!("; down to {floor} in {}", span(seconds)),
    });
    let forecast = forecast.unwrap_or_default();
    format!("{free} free; the data takes {data}, and {growth}{forecast}")
}

fn consensus_rows(status: &Answer<ConsensusStatus>) -> Vec<(&'static str, String)> {
    let state = match status.state {
        ConsensusState::Idle => "idle: nothing to do",
        ConsensusState::Working => "working",
        ConsensusState::Stalled => "stalled",
    };
    let (all, quorum, faulty) = (status.validators, status.quorum, status.faulty_max);
    let mut rows = vec![
        ("height", status.height.to_string()),
        ("state", state.to_owned()),
        ("waiting for", status.waiting_for.clone()),
    ];
    rows.extend(status.explanation.iter().map(|sentence| ("", sentence.clone())));
    rows.extend([
        ("view", format!("{}, led by {}", status.view, status.leader.name)),
        ("prepared", status.prepare_votes.join(", ")),
        ("committing", status.commit_votes.join(", ")),
        ("timed out", status.timeout_votes.join(", ")),
        ("validators", format!("{all}: {quorum} make a quorum, {faulty} may fail")),
    ]);
    rows
}
