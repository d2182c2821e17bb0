//! Errors, as clients see them: a JSON-RPC code, a sentence, and `data = {code, retry, detail}`.
//!
//! | number | `data.code` |
//! | --- | --- |
//! | −32700 | `PARSE_ERROR` |
//! | −32600 | `INVALID_REQUEST` |
//! | −32601 | `METHOD_NOT_FOUND` |
//! | −32602 | `INVALID_PARAMS` |
//! | −32603 | `INTERNAL`: what happened is in the node's log, under the id in `detail` |
//! | −32001 | `NOT_FOUND` |
//! | −32002 | `SYNCING`, `STALLED`, `SHUTTING_DOWN` |
//! | −32003 | `TX_INVALID` |
//! | −32004 | `TX_EXPIRED` |
//! | −32005 | `LIMIT_EXCEEDED` |
//! | −32006 | `MEMPOOL_FULL` |
//! | −32007 | `NONCE_USED`, `NONCE_GAP`, `TOO_MANY_LANES` |
//! | −32009 | `PERMISSION_DENIED` |
//! | −32010 | `HEIGHT_NOT_YET` |
//! | −32011 | `PRUNED`: `detail` is {height, floor} |
//! | −32012 | `CONTRACT_REVERT`, `CONTRACT_FAILED` |
//! | −32013 | `OUT_OF_GAS` |
//! | −32015 | `METHOD_DISABLED` |
//! | −32016 | `CURSOR_EXPIRED` |
//! | −32018 | `OVERLOADED`, `DISK_FULL` |
//! | −32019 | `HEAD_ONLY`: `detail` is {head} |

use std::sync::atomic::{AtomicU64, Ordering};

use jsonrpsee::core::ClientError;
use jsonrpsee::types::{ErrorObject, ErrorObjectOwned};
use primitives::Height;
use primitives::receipt::Rejection;
use primitives::transaction::TransactionError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;

use crate::backend::{ReadError, SubmitError, Unavailable};
use crate::limits;

/// The name of an error, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    ParseError,
    InvalidRequest,
    MethodNotFound,
    InvalidParams,
    Internal,
    NotFound,
    Syncing,
    Stalled,
    ShuttingDown,
    TxInvalid,
    TxExpired,
    LimitExceeded,
    MempoolFull,
    NonceUsed,
    NonceGap,
    TooManyLanes,
    PermissionDenied,
    HeightNotYet,
    Pruned,
    ContractRevert,
    ContractFailed,
    OutOfGas,
    MethodDisabled,
    CursorExpired,
    Overloaded,
    DiskFull,
    HeadOnly,
}

impl ErrorCode {
    pub const ALL: [Self; 27] = [
        Self::ParseError,
        Self::InvalidRequest,
        Self::MethodNotFound,
        Self::InvalidParams,
        Self::Internal,
        Self::NotFound,
        Self::Syncing,
        Self::Stalled,
        Self::ShuttingDown,
        Self::TxInvalid,
        Self::TxExpired,
        Self::LimitExceeded,
        Self::MempoolFull,
        Self::NonceUsed,
        Self::NonceGap,
        Self::TooManyLanes,
        Self::PermissionDenied,
        Self::HeightNotYet,
        Self::Pruned,
        Self::ContractRevert,
        Self::ContractFailed,
        Self::OutOfGas,
        Self::MethodDisabled,
        Self::CursorExpired,
        Self::Overloaded,
        Self::DiskFull,
        Self::HeadOnly,
    ];

    /// The JSON-RPC error number.
    pub const fn number(self) -> i32 {
        match self {
            Self::ParseError => -32700,
            Self::InvalidRequest => -32600,
            Self::MethodNotFound => -32601,
            Self::InvalidParams => -32602,
            Self::Internal => -32603,
            Self::NotFound => -32001,
            Self::Syncing | Self::Stalled | Self::ShuttingDown => -32002,
            Self::TxInvalid => -32003,
            Self::TxExpired => -32004,
            Self::LimitExceeded => -32005,
            Self::MempoolFull => -32006,
            Self::NonceUsed | Self::NonceGap | Self::TooManyLanes => -32007,
            Self::PermissionDenied => -32009,
            Self::HeightNotYet => -32010,
            Self::Pruned => -32011,
            Self::ContractRevert | Self::ContractFailed => -32012,
            Self::OutOfGas => -32013,
            Self::MethodDisabled => -32015,
            Self::CursorExpired => -32016,
            Self::Overloaded | Self::DiskFull => -32018,
            Self::HeadOnly => -32019,
        }
    }
}

/// Whether the same request may succeed later: `"never"`, `{"afterMs": n}` or `{"afterHeight": n}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Retry {
    /// Not without changing it.
    Never,
    AfterMs(u64),
    /// Once the chain has this height.
    AfterHeight(Height),
}

/// An error as it is sent, and as a client gets it back from [`ApiError::from_client`].
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{message}")]
pub struct ApiError {
    pub code: ErrorCode,
    /// A sentence for people.
    pub message: String,
    pub retry: Retry,
    /// Figures and names for programs; null when there are none.
    pub detail: Value,
}

#[derive(Serialize, Deserialize)]
struct Data {
    code: ErrorCode,
    retry: Retry,
    detail: Value,
}

impl ApiError {
    /// An error that stays until the request is changed.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry: Retry::Never, detail: Value::Null }
    }

    #[must_use]
    pub fn retry(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    #[must_use]
    pub fn detail(self, detail: Value) -> Self {
        Self { detail, ..self }
    }

    pub fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidParams, message)
    }

    /// A cap was passed: which one, and what it is.
    pub fn limit(message: impl Into<String>, limit: &str, max: usize) -> Self {
        let detail = json!({ "limit": limit, "max": max });
        Self::new(ErrorCode::LimitExceeded, message).detail(detail)
    }

    pub fn overloaded() -> Self {
        Self::new(ErrorCode::Overloaded, "the node has more to do than it can; try again later")
            .retry(Retry::AfterMs(limits::RETRY_AFTER_MS))
    }

    /// Logs what happened and answers with nothing but the number under which it was logged.
    pub fn internal(what: &dyn std::fmt::Display) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let id = COUNT.fetch_add(1, Ordering::Relaxed);
        tracing::error!(id, error = %what, "a call failed inside");
        Self::new(ErrorCode::Internal, "the node failed inside; its log says how")
            .retry(Retry::AfterMs(limits::RETRY_AFTER_MS))
            .detail(json!({ "id": id }))
    }

    /// The error that a node answered with; `None` for one of the way there (connection, timeout),
    /// or when what answered was not a node.
    pub fn from_client(error: &ClientError) -> Option<Self> {
        match error {
            ClientError::Call(object) => Self::from_object(object),
            _ => None,
        }
    }

    pub(crate) fn from_object(object: &ErrorObject<'_>) -> Option<Self> {
        let data: Data = serde_json::from_str(object.data()?.get()).ok()?;
        let message = object.message().to_owned();
        Some(Self { code: data.code, message, retry: data.retry, detail: data.detail })
    }
}

impl From<ApiError> for ErrorObjectOwned {
    fn from(error: ApiError) -> Self {
        let ApiError { code, message, retry, detail } = error;
        Self::owned(code.number(), message, Some(Data { code, retry, detail }))
    }
}

impl From<Unavailable> for ApiError {
    fn from(error: Unavailable) -> Self {
        let (code, detail) = match &error {
            Unavailable::Syncing { height, target } => {
                (ErrorCode::Syncing, json!({ "height": height, "target": target }))
            }
            Unavailable::Stalled => (ErrorCode::Stalled, Value::Null),
            Unavailable::ShuttingDown => (ErrorCode::ShuttingDown, Value::Null),
        };
        Self::new(code, error.to_string())
            .retry(Retry::AfterMs(limits::RETRY_AFTER_MS))
            .detail(detail)
    }
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        let message = error.to_string();
        match error {
            ReadError::NotFound(_) => Self::new(ErrorCode::NotFound, message),
            ReadError::NotYet { head } => Self::new(ErrorCode::HeightNotYet, message)
                .retry(Retry::AfterHeight(head.next()))
                .detail(json!({ "head": head })),
            ReadError::NotFoundAbove { floor, .. } => {
                Self::new(ErrorCode::NotFound, message).detail(json!({ "floor": floor }))
            }
            ReadError::Pruned { height, floor } => Self::new(ErrorCode::Pruned, message)
                .detail(json!({ "height": height, "floor": floor })),
            ReadError::HeadOnly { head } => {
                Self::new(ErrorCode::HeadOnly, message).detail(json!({ "head": head }))
            }
            ReadError::Unavailable(unavailable) => unavailable.into(),
            ReadError::Internal(inside) => Self::internal(&inside),
        }
    }
}

impl From<TransactionError> for ApiError {
    fn from(error: TransactionError) -> Self {
        let message = error.to_string();
        let reason = match error {
            TransactionError::Decode(_) => "MALFORMED",
            TransactionError::TooLarge { .. } => "TOO_LARGE",
            TransactionError::Signature => "SIGNATURE",
        };
        Self::new(ErrorCode::TxInvalid, message).detail(json!({ "reason": reason }))
    }
}

impl From<SubmitError> for ApiError {
    fn from(error: SubmitError) -> Self {
        let message = error.to_string();
        let later = Retry::AfterMs(limits::RETRY_AFTER_MS);
        match error {
            SubmitError::Rejected(rejection) => rejected(&rejection, message),
            SubmitError::MempoolFull { price_above } => Self::new(ErrorCode::MempoolFull, message)
                .retry(later)
                .detail(json!({ "priceAbove": price_above })),
            SubmitError::SenderFull { waiting } => Self::new(ErrorCode::MempoolFull, message)
                .retry(later)
                .detail(json!({ "waiting": waiting })),
            SubmitError::PermissionDenied { rule } => {
                Self::new(ErrorCode::PermissionDenied, message).detail(json!({ "rule": rule }))
            }
            SubmitError::Unavailable(unavailable) => unavailable.into(),
            SubmitError::Overloaded => Self::overloaded(),
            SubmitError::DiskFull { free_bytes, needed_bytes } => {
                Self::new(ErrorCode::DiskFull, message)
                    .retry(Retry::AfterMs(limits::RETRY_AFTER_DISK_FULL_MS))
                    .detail(json!({ "freeBytes": free_bytes, "neededBytes": needed_bytes }))
            }
            SubmitError::Internal(inside) => Self::internal(&inside),
        }
    }
}

fn rejected(rejection: &Rejection, message: String) -> ApiError {
    let code = match rejection {
        Rejection::NonceUsed { .. } => ErrorCode::NonceUsed,
        Rejection::NonceGap { .. } => ErrorCode::NonceGap,
        Rejection::TooManyLanes => ErrorCode::TooManyLanes,
        Rejection::Expired { .. } => ErrorCode::TxExpired,
        Rejection::WrongChain
        | Rejection::ValidTooLong
        | Rejection::GasPriceTooLow { .. }
        | Rejection::GasLimitTooLow { .. }
        | Rejection::BlockGasExhausted
        | Rejection::InsufficientBalance { .. } => ErrorCode::TxInvalid,
    };
    let (reason, figures) = crate::decode::code_and_figures(rejection);
    let mut detail = json!({ "reason": reason });
    if let (Value::Object(detail), Some(Value::Object(figures))) = (&mut detail, figures) {
        detail.extend(figures);
    }
    ApiError::new(code, message).detail(detail)
}
