//! `quorate tx`: sending transactions, and what came of them. Contracts send through [`Sender`]
//! too.

use std::io::Read as _;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use primitives::codec::{self, FormatVersion};
use primitives::limits::TRANSACTION_BYTES_MAX;
use primitives::{
    Action, Amount, Gas, Hash, SecretKey, SignedTransaction, TimestampMs, Transaction,
};
use rpc::client::{AccountApiClient, TxApiClient};
use rpc::types::{
    Answer, Blob, ChainSummary, EventView, FailureView, ReceiptStatus, ReceiptView,
    SendAndWaitResult, TransactionStatus, TxView, Until,
};
use serde_json::{Value, json};

use super::context::Context;
use super::failure::Failure;
use super::genesis::now;
use super::output::fields;
use super::remote::{Remote, block_on};

/// Gas beyond the intrinsic cost that a contract may use when nothing else is said: about 10 ms.
const EXECUTION_GAS_DEFAULT: u64 = 10_000_000_000;

#[derive(Debug, Subcommand)]
pub enum Tx {
    /// Move native units to an address or to a key of this home
    Transfer {
        to: String,
        amount: Amount,
        #[command(flatten)]
        options: SendOptions,
    },
    /// Send a transaction that was signed before (--sign-only): base64, from a file or standard
    /// input
    Send {
        /// A file, or - for standard input
        file: String,
    },
    /// Where a transaction stands, and its receipt
    Status { hash: Hash },
}

/// How to send.
#[derive(Clone, Debug, Default, Args)]
pub struct SendOptions {
    /// Gas that it may use [default: what it surely costs, and 10,000,000,000 for a contract]
    #[arg(long)]
    gas: Option<Gas>,
    /// Native units for one unit of gas [default: the chain's minimum]
    #[arg(long)]
    gas_price: Option<Amount>,
    /// The nonce lane; lanes let one key send in parallel
    #[arg(long, default_value_t = 0)]
    lane: u32,
    /// Seconds after which it can no longer commit
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    valid: u64,
    /// Print the signed transaction instead of sending it
    #[arg(long)]
    pub sign_only: bool,
}

impl Tx {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        block_on(async {
            match self {
                Self::Transfer { to, amount, options } => {
                    let action = Action::Transfer { to: context.address(&to)?, amount };
                    let sender = Sender::new(context).await?;
                    if let Some(sent) = sender.run(context, action, &options).await? {
                        show_sent(context, &sent)?;
                    }
                    Ok(())
                }
                Self::Send { file } => send_signed(context, &file).await,
                Self::Status { hash } => status(context, hash).await,
            }
        })
    }
}

/// Signs and sends for one key to one node.
#[derive(Debug)]
pub struct Sender {
    pub remote: Remote,
    pub chain: Answer<ChainSummary>,
    key: SecretKey,
}

/// A committed transaction that succeeded.
#[derive(Debug)]
pub struct Sent {
    pub receipt: ReceiptView,
    /// From sending to the receipt.
    pub took: Duration,
}

impl Sender {
    pub async fn new(context: &Context) -> anyhow::Result<Self> {
        let remote = Remote::find(context).await?;
        Self::with(context, remote).await
    }

    /// Sends through a certain node.
    pub async fn with(context: &Context, remote: Remote) -> anyhow::Result<Self> {
        let chain = remote.chain(context).await?;
        Ok(Self { remote, chain, key: context.signing_key()? })
    }

    pub fn address(&self) -> primitives::Address {
        self.key.public_key().address()
    }

    /// Signs and sends as the options say; `None` when it was only signed, and printed.
    pub async fn run(
        &self,
        context: &Context,
        action: Action,
        options: &SendOptions,
    ) -> anyhow::Result<Option<Sent>> {
        let signed = self.sign(action, options).await?;
        if options.sign_only {
            let text = Blob(codec::encode(&signed)).to_string();
            let answer = json!({ "hash": signed.hash(), "transaction": text });
            context.out.show(&answer, || text)?;
            return Ok(None);
        }
        send(&self.remote, &signed).await.map(Some)
    }

    /// Signs and sends with the defaults.
    pub async fn send(&self, action: Action) -> anyhow::Result<Sent> {
        let signed = self.sign(action, &SendOptions { valid: 60, ..Default::default() }).await?;
        send(&self.remote, &signed).await
    }

    async fn sign(
        &self,
        action: Action,
        options: &SendOptions,
    ) -> anyhow::Result<SignedTransaction> {
        let http = &self.remote.http;
        let next = http.account_next_nonce(self.address(), Some(options.lane));
        let nonce = self.remote.ask(next).await?.nonce;
        let execution = match &action {
            Action::Instantiate { .. } | Action::Call { .. } | Action::Upgrade { .. } => {
                EXECUTION_GAS_DEFAULT
            }
            Action::Upload { code } => vm::compile_gas(code).unwrap_or_default().0,
            _ => 0,
        };
        let parameters = &self.chain.parameters;
        let valid_ms = options.valid.saturating_mul(1_000).min(parameters.transaction_validity_ms);
        let mut transaction = Transaction {
            version: FormatVersion::V1,
            chain_id: self.chain.chain_id.clone(),
            sender: self.key.public_key(),
            nonce,
            valid_until: TimestampMs(now().0.saturating_add(valid_ms)),
            gas_limit: Gas::ZERO,
            gas_price: options.gas_price.unwrap_or(parameters.gas_price_min),
            action,
        };
        let estimate = vm::intrinsic_gas(&transaction).0.saturating_add(execution);
        transaction.gas_limit = options.gas.unwrap_or(Gas(estimate.min(parameters.block_gas.0)));
        transaction.check_limits()?;
        Ok(transaction.sign(&self.key))
    }
}

async fn send(remote: &Remote, signed: &SignedTransaction) -> anyhow::Result<Sent> {
    let blob = Blob(codec::encode(signed));
    let start = Instant::now();
    let answer = remote.ask(remote.http.tx_send_and_wait(blob, Some(Until::Committed), None));
    let answer = answer.await.with_context(|| format!("transaction {}", signed.hash()))?;
    let took = start.elapsed();
    let receipt = committed(answer.body)?;
    Ok(Sent { receipt, took })
}

/// The receipt of a transaction that committed and succeeded; else why not.
fn committed(answer: SendAndWaitResult) -> anyhow::Result<ReceiptView> {
    let hash = answer.hash;
    let receipt = match (answer.status, answer.receipt) {
        (TransactionStatus::Committed, Some(receipt)) => receipt,
        (TransactionStatus::Pending | TransactionStatus::Committed, _) => {
            let message = format!("{hash} is pending still; ask `quorate tx status {hash}`");
            return Err(Failure::Pending(message).into());
        }
        (TransactionStatus::Expired, _) => {
            let message = format!("{hash} expired and can never commit; send it anew");
            return Err(Failure::refused("TX_EXPIRED", message).into());
        }
        (TransactionStatus::Rejected, _) => return Err(refusal("rejected", answer.error).into()),
    };
    match receipt.status {
        ReceiptStatus::Success => Ok(receipt),
        ReceiptStatus::Reverted => Err(refusal("reverted", receipt.error).into()),
        ReceiptStatus::Failed => Err(refusal("failed", receipt.error).into()),
        ReceiptStatus::Rejected => Err(refusal("rejected", receipt.error).into()),
    }
}

fn refusal(what: &str, error: Option<FailureView>) -> Failure {
    let Some(error) = error else {
        return Failure::refused("FAILED", format!("the transaction was {what}"));
    };
    let detail = match error.detail {
        None | Some(Value::Null) => String::new(),
        Some(detail) => format!(": {detail}"),
    };
    Failure::refused(error.code, format!("the transaction {what}: {}{detail}", error.message))
}

/// Prints what a transaction did.
pub fn show_sent(context: &Context, sent: &Sent) -> anyhow::Result<()> {
    let receipt = &sent.receipt;
    let took = format!("{} ms", sent.took.as_millis());
    context.out.show(receipt, || {
        let mut rows = receipt_rows(receipt);
        rows.push(("took", took));
        fields(&rows)
    })
}

/// A receipt for people.
pub fn receipt_rows(receipt: &ReceiptView) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("transaction", receipt.transaction.to_string()),
        ("block", format!("{} (transaction {})", receipt.height, receipt.index)),
    ];
    if let Some(error) = &receipt.error {
        rows.push(("error", format!("{}: {}", error.code, error.message)));
        rows.extend(error.detail.iter().map(|detail| ("detail", detail.to_string())));
    }
    let result = receipt.result.as_ref().filter(|result| !result.is_null());
    rows.extend(result.map(|result| ("result", plain(result))));
    rows.extend(receipt.events.iter().map(|event| ("event", event_line(event))));
    rows.push(("gas used", receipt.gas_used.to_string()));
    rows.push(("fee", receipt.fee.to_string()));
    rows
}

fn event_line(event: &EventView) -> String {
    let name = event.name.as_deref().unwrap_or("(unknown)");
    let fields = event.fields.as_ref().map(Value::to_string).unwrap_or_default();
    format!("{name} {fields} of {}", event.contract)
}

/// JSON without the quotes of a lone string.
pub fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

async fn send_signed(context: &Context, file: &str) -> anyhow::Result<()> {
    // Base64 has four characters for three bytes.
    let limit = TRANSACTION_BYTES_MAX as u64 / 3 * 4 + 16;
    let mut text = String::new();
    if file == "-" {
        std::io::stdin().take(limit).read_to_string(&mut text)?;
    } else {
        let opened = std::fs::File::open(file).with_context(|| file.to_owned())?;
        opened.take(limit).read_to_string(&mut text)?;
    }
    let Blob(bytes) = text.trim().parse()?;
    let signed = SignedTransaction::decode(&bytes)?;
    let remote = Remote::find(context).await?;
    show_sent(context, &send(&remote, &signed).await?)
}

async fn status(context: &Context, hash: Hash) -> anyhow::Result<()> {
    let remote = Remote::find(context).await?;
    let tx = remote.ask(remote.http.tx_get(hash)).await?;
    let receipt = match tx.status {
        TransactionStatus::Committed => {
            Some(remote.ask(remote.http.tx_get_receipt(hash)).await?.body)
        }
        _ => None,
    };
    let answer = json!({ "transaction": &tx.body, "receipt": &receipt });
    context.out.show(&answer, || {
        let mut rows = status_rows(&tx);
        match &receipt {
            Some(receipt) => rows.extend(receipt_rows(receipt)),
            None => rows.push(("transaction", hash.to_string())),
        }
        fields(&rows)
    })
}

fn status_rows(tx: &TxView) -> Vec<(&'static str, String)> {
    let status = match tx.status {
        TransactionStatus::Pending => "pending: it waits for a block",
        TransactionStatus::Committed => "committed",
        TransactionStatus::Expired => "expired: it can never commit",
        TransactionStatus::Rejected => "rejected",
    };
    let mut rows = vec![("status", status.to_owned())];
    rows.push(("sender", tx.transaction.sender.to_string()));
    rows.push(("nonce", tx.transaction.nonce.to_string()));
    rows.extend(tx.error.iter().map(|error| ("error", error.message.clone())));
    rows
}
