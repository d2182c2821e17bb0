//! `quorate query value` and `quorate query diff`: what stands in the state, and what stood.

use clap::Args;
use primitives::{Height, StateKey};
use rpc::client::StateApiClient as _;
use rpc::limits::DIFF_KEYS_MAX;
use rpc::types::{At, Blob, DifferenceView, KeyView};
use serde_json::json;

use super::context::Context;
use super::output::{fields, table};
use super::prove::{What, decode, rows, text};
use super::remote::Remote;

#[derive(Debug, Args)]
pub struct Value {
    /// A height, or a block's hash
    #[arg(long, visible_alias = "height", default_value = "latest", global = true)]
    at: At,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Args)]
pub struct Diff {
    /// The lower height
    from: u64,
    /// The upper height
    to: u64,
    /// Keys shown at most
    #[arg(long, default_value_t = 1_000)]
    limit: usize,
}

impl Value {
    pub async fn run(self, context: &Context, remote: &Remote) -> anyhow::Result<()> {
        let key = self.what.key(context)?;
        let found = remote.ask(remote.http.state_get(key.clone(), Some(self.at))).await?;
        let value = found.value.as_ref().map(|Blob(bytes)| bytes.as_slice());
        let answer = json!({
            "key": key, "at": found.at, "value": found.value,
            "decoded": value.and_then(|bytes| decode(&key, bytes)),
        });
        context.out.show(&answer, || {
            let mut rows = rows(&key, value);
            rows.push(("at height", found.at.height.to_string()));
            rows.push(("told by", format!("{}, and not proved", remote.url())));
            fields(&rows)
        })
    }
}

impl Diff {
    pub async fn run(self, context: &Context, remote: &Remote) -> anyhow::Result<()> {
        let (from, to) = (Height(self.from), Height(self.to));
        let (mut found, mut after) = (Vec::<DifferenceView>::new(), None);
        let is_all = loop {
            let page = self.limit.saturating_sub(found.len()).min(DIFF_KEYS_MAX);
            let Some(page) = u32::try_from(page).ok().filter(|page| *page > 0) else {
                break false;
            };
            let answer = remote.http.state_diff(from, to, after, Some(page));
            let answer = remote.ask(answer).await?.body;
            found.extend(answer.differences);
            after = answer.next;
            if after.is_none() {
                break true;
            }
        };
        let answer = json!({ "from": from, "to": to, "differences": found, "all": is_all });
        context.out.show(&answer, || {
            let mut rows = vec![["key", "before", "after"].map(str::to_owned).to_vec()];
            let value = |key: &KeyView, value: &Option<Blob>| {
                text(key, value.as_ref().map(|Blob(bytes)| bytes.as_slice()))
            };
            rows.extend(found.iter().map(|DifferenceView { key, before, after }| {
                vec![name(key), value(key, before), value(key, after)]
            }));
            let count = match (found.len(), is_all) {
                (0, _) => return format!("nothing differs between {from} and {to}"),
                (1, true) => "1 key differs".to_owned(),
                (count, true) => format!("{count} keys differ"),
                (count, false) => format!("the first {count} keys; --limit shows more"),
            };
            format!("{}\n\n{count}", table(&rows))
        })
    }
}

/// A key for people, as `quorate query value` takes it where that knows it.
pub fn name(key: &KeyView) -> String {
    match key {
        KeyView::Account(address) => format!("account {address}"),
        KeyView::Contract(address) => format!("contract {address}"),
        KeyView::Storage { contract, key: Blob(key) } => {
            format!("storage {contract} 0x{}", hex::encode(key))
        }
        KeyView::Code(hash) => format!("code {hash}"),
        KeyView::CodeInfo(hash) => format!("code info {hash}"),
        KeyView::Evidence { .. } | KeyView::Raw { .. } => {
            let key = StateKey::from(key);
            format!("{:?} 0x{}", key.namespace, hex::encode(key.key)).to_lowercase()
        }
    }
}
