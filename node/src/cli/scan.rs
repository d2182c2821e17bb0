//! `quorate query scan`: a part of the state, key after key.

use anyhow::Context as _;
use clap::Args;
use primitives::{Namespace, StateKey};
use rpc::client::StateApiClient as _;
use rpc::limits::SCAN_KEYS_MAX;
use rpc::types::{At, Blob, EntryView, KeyView, NamespaceView};
use serde_json::json;

use super::context::Context;
use super::failure::Failure;
use super::output::table;
use super::prove::{decode, text};
use super::remote::Remote;
use super::value::name;

#[derive(Debug, Args)]
pub struct Scan {
    /// account, contract, storage, code, system or evidence
    #[arg(value_parser = namespace)]
    namespace: NamespaceView,
    /// Only keys that begin so, in hex; of storage: a contract's address, and more of its key
    #[arg(default_value = "0x")]
    prefix: String,
    /// The last key first
    #[arg(long)]
    descending: bool,
    /// Keys shown at most
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// A height, or a block's hash
    #[arg(long, visible_alias = "height", default_value = "latest")]
    at: At,
}

fn namespace(text: &str) -> Result<NamespaceView, Failure> {
    serde_json::from_value(json!(text)).map_err(|_| {
        let known = "account, contract, storage, code, system, evidence and codeInfo";
        Failure::Usage(format!("{text:?} is no part of the state; there are {known}"))
    })
}

impl Scan {
    pub async fn run(self, context: &Context, remote: &Remote) -> anyhow::Result<()> {
        let digits = self.prefix.strip_prefix("0x").unwrap_or(&self.prefix);
        let key = hex::decode(digits).context("the prefix is not hex")?;
        let prefix = StateKey { namespace: Namespace::from(self.namespace), key };
        let (mut from, mut to) = (KeyView::from(&prefix), KeyView::from(&prefix.prefix_end()));
        let mut found: Vec<EntryView> = Vec::new();
        // Later pages are of the block that the first was of.
        let mut at = self.at;
        let (height, is_all) = loop {
            let page = self.limit.saturating_sub(found.len()).clamp(1, SCAN_KEYS_MAX);
            let (page, to_now) = (u32::try_from(page).ok(), Some(to.clone()));
            let http = &remote.http;
            let asked =
                http.state_scan(from.clone(), to_now, Some(self.descending), page, Some(at));
            let answer = remote.ask(asked).await?;
            at = At::Height(answer.at.height);
            found.extend(answer.body.entries);
            match answer.body.next {
                None => break (answer.at.height, true),
                Some(_) if found.len() >= self.limit => break (answer.at.height, false),
                Some(next) if self.descending => to = next,
                Some(next) => from = next,
            }
        };
        let answer = json!({
            "height": height, "all": is_all,
            "entries": found.iter().map(entry).collect::<Vec<_>>(),
        });
        context.out.show(&answer, || {
            let mut rows = vec![["key", "value"].map(str::to_owned).to_vec()];
            rows.extend(found.iter().map(|EntryView { key, value: Blob(value) }| {
                vec![name(key), text(key, Some(value))]
            }));
            let count = match (found.len(), is_all) {
                (0, _) => return format!("nothing stands there, as of height {height}"),
                (1, true) => "1 key".to_owned(),
                (count, true) => format!("{count} keys"),
                (count, false) => format!("the first {count} keys; --limit shows more"),
            };
            format!("{}\n\n{count}, as of height {height}", table(&rows))
        })
    }
}

fn entry(EntryView { key, value }: &EntryView) -> serde_json::Value {
    json!({ "key": key, "value": value, "decoded": decode(key, &value.0) })
}
