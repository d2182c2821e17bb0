//! What every call passes on its way in and out: caps, names of parameters, and the form of errors.
//!
//! jsonrpsee takes unknown named parameters and surplus positional ones in silence; a misspelt `at`
//! would then be answered for the latest block. Here they are errors. Its own errors carry bare
//! text as `data`; here they get the form that all others have.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use jsonrpsee::MethodResponse;
use jsonrpsee::core::middleware::{Batch, BatchEntry, Notification, Request, RpcServiceT};
use jsonrpsee::core::server::BatchResponseBuilder;
use jsonrpsee::types::error::{
    BATCHES_NOT_SUPPORTED_CODE, OVERSIZED_REQUEST_CODE, OVERSIZED_RESPONSE_CODE,
    TOO_BIG_BATCH_REQUEST_CODE, TOO_BIG_BATCH_RESPONSE_CODE, TOO_MANY_SUBSCRIPTIONS_CODE,
};
use jsonrpsee::types::{ErrorObject, ErrorObjectOwned, Id};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;

use crate::error::{ApiError, ErrorCode};
use crate::limits::{BATCH_CALLS_MAX, Limits, RESPONSE_BYTES_MAX};
use crate::openrpc::{self, Kind, Method};

/// Marks an HTTP response as one of ours, in its extensions; the others come from jsonrpsee's
/// transport.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered;

/// State that all connections' gates share.
#[derive(Debug)]
pub(crate) struct Turnstile {
    limits: Arc<Limits>,
    calls: Semaphore,
}

impl Turnstile {
    pub fn new(limits: Arc<Limits>) -> Self {
        Self { calls: Semaphore::new(limits.calls), limits }
    }
}

/// The middleware.
#[derive(Clone, Debug)]
pub(crate) struct Gate<S> {
    inner: S,
    turnstile: Arc<Turnstile>,
}

impl<S> Gate<S> {
    pub fn new(inner: S, turnstile: Arc<Turnstile>) -> Self {
        Self { inner, turnstile }
    }
}

impl<S> RpcServiceT for Gate<S>
where
    S: RpcServiceT<MethodResponse = MethodResponse, NotificationResponse = MethodResponse>
        + Clone
        + Send
        + Sync
        + 'static,
{
    type MethodResponse = MethodResponse;
    type NotificationResponse = MethodResponse;
    type BatchResponse = MethodResponse;

    fn call<'a>(&self, request: Request<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let this = self.clone();
        async move { answered(this.pass(request).await) }
    }

    /// One call after the other, so that a batch of transactions keeps its order.
    fn batch<'a>(&self, batch: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let this = self.clone();
        async move {
            if batch.len() > BATCH_CALLS_MAX {
                let message = format!("a batch has at most {BATCH_CALLS_MAX} calls");
                let error = ApiError::limit(message, "batchCalls", BATCH_CALLS_MAX);
                return answered(MethodResponse::error(Id::Null, ErrorObjectOwned::from(error)));
            }
            answered(this.pass_all(batch).await)
        }
    }

    fn notification<'a>(
        &self,
        notification: Notification<'a>,
    ) -> impl Future<Output = MethodResponse> + Send + 'a {
        let inner = self.inner.clone();
        async move { answered(inner.notification(notification).await) }
    }
}

impl<S> Gate<S>
where
    S: RpcServiceT<MethodResponse = MethodResponse, NotificationResponse = MethodResponse>
        + Send
        + Sync,
{
    async fn pass(&self, request: Request<'_>) -> MethodResponse {
        let started = Instant::now();
        let method = request.method_name().to_owned();
        let Ok(_place) = self.turnstile.calls.try_acquire() else {
            return refuse(request, ApiError::overloaded());
        };
        if let Err(refusal) = self.check(&request) {
            return refuse(request, refusal);
        }
        let response = in_form(self.inner.call(request).await, &method);
        tracing::debug!(
            method,
            error = response.as_error_code(),
            microseconds = started.elapsed().as_micros(),
            "call"
        );
        response
    }

    async fn pass_all(&self, batch: Batch<'_>) -> MethodResponse {
        let mut answers = BatchResponseBuilder::new_with_limit(RESPONSE_BYTES_MAX as usize);
        let mut notified = false;
        for entry in batch {
            let answer = match entry {
                Ok(BatchEntry::Call(request)) => self.pass(request).await,
                Ok(BatchEntry::Notification(notification)) => {
                    notified = true;
                    self.inner.notification(notification).await;
                    continue;
                }
                Err(error) => {
                    let (error, id) = error.into_parts();
                    MethodResponse::error(id, in_our_form(&error, ""))
                }
            };
            if let Err(too_large) = answers.append(answer) {
                return in_form(too_large, "");
            }
        }
        if answers.is_empty() && notified {
            return MethodResponse::notification();
        }
        if answers.is_empty() {
            let error = ApiError::new(ErrorCode::InvalidRequest, "the batch is empty");
            return MethodResponse::error(Id::Null, ErrorObjectOwned::from(error));
        }
        MethodResponse::from_batch(answers.finish())
    }

    fn check(&self, request: &Request<'_>) -> Result<(), ApiError> {
        let name = request.method_name();
        let Some(method) = openrpc::method(name) else { return Err(unknown_method(name)) };
        if self.turnstile.limits.disabled.contains(name) {
            let message = format!("this node does not offer {name}; its settings say so");
            return Err(ApiError::new(ErrorCode::MethodDisabled, message));
        }
        // Only by position, and checked where it ends.
        if method.kind == Kind::Unsubscription {
            return Ok(());
        }
        request.params.as_ref().map_or(Ok(()), |params| check_params(method, params))
    }
}

/// Names by which no parameter goes, and more values than parameters, are errors.
fn check_params(method: &Method, params: &RawValue) -> Result<(), ApiError> {
    let params = params.get();
    if params.starts_with('{') {
        let given: BTreeMap<Cow<'_, str>, IgnoredAny> =
            serde_json::from_str(params).map_err(|error| malformed(&error))?;
        let unknown = given.keys().find(|name| !is_name_of_one(method, name));
        return unknown.map_or(Ok(()), |name| {
            let message =
                format!("{} has no parameter {name:?}; it takes {}", method.name, names(method));
            Err(ApiError::invalid_params(message))
        });
    }
    if params.starts_with('[') {
        let given: Vec<IgnoredAny> =
            serde_json::from_str(params).map_err(|error| malformed(&error))?;
        if given.len() > method.params.len() {
            let message = format!(
                "{} has {} parameters ({}), and {} values were given",
                method.name,
                method.params.len(),
                names(method),
                given.len()
            );
            return Err(ApiError::invalid_params(message));
        }
    }
    Ok(())
}

/// jsonrpsee's generated code also takes the snake_case of a camelCase name.
fn is_name_of_one(method: &Method, name: &str) -> bool {
    method.params.iter().any(|param| param.name == name || snake_case(param.name) == name)
}

fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 2);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

fn names(method: &Method) -> String {
    let names: Vec<_> = method.params.iter().map(|param| param.name).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn unknown_method(name: &str) -> ApiError {
    let shown: String = name.chars().take(80).collect();
    let message = format!("there is no method {shown:?}; rpc.discover lists what there is");
    ApiError::new(ErrorCode::MethodNotFound, message)
}

fn malformed(error: &serde_json::Error) -> ApiError {
    ApiError::invalid_params(format!("the parameters cannot be read: {error}"))
}

fn refuse(request: Request<'_>, error: ApiError) -> MethodResponse {
    MethodResponse::error(request.id, ErrorObjectOwned::from(error))
}

fn answered(mut response: MethodResponse) -> MethodResponse {
    response.extensions_mut().insert(Answered);
    response
}

/// Gives an error that jsonrpsee made the form of ours.
fn in_form(response: MethodResponse, method: &str) -> MethodResponse {
    #[derive(Deserialize)]
    struct Failed<'a> {
        #[serde(borrow)]
        id: Id<'a>,
        #[serde(borrow)]
        error: ErrorObject<'a>,
    }

    if response.is_success() {
        return response;
    }
    let Ok(failed) = serde_json::from_str::<Failed<'_>>(response.as_json().get()) else {
        return response;
    };
    if ApiError::from_object(&failed.error).is_some() {
        return response;
    }
    let error = in_our_form(&failed.error, method);
    if response.is_subscription() {
        MethodResponse::subscription_error(failed.id, error)
    } else {
        MethodResponse::error(failed.id, error)
    }
}

/// What an error of jsonrpsee's says, in our form.
pub(crate) fn in_our_form(error: &ErrorObject<'_>, method: &str) -> ErrorObjectOwned {
    let said: Option<String> = error.data().and_then(|data| serde_json::from_str(data.get()).ok());
    let sentence = |fallback: &str| said.clone().unwrap_or_else(|| fallback.to_owned());
    let is_subscription = openrpc::method(method).is_some_and(|method| method.kind != Kind::Call);
    let error = match error.code() {
        -32700 => ApiError::new(ErrorCode::ParseError, "the request is not JSON"),
        -32600 => ApiError::new(
            ErrorCode::InvalidRequest,
            "the request is no JSON-RPC 2.0 call: it needs jsonrpc \"2.0\", id, method and params",
        ),
        -32601 => unknown_method(method),
        -32602 => ApiError::invalid_params(sentence("the parameters are not those of the method")),
        -32603 if is_subscription => ApiError::new(
            ErrorCode::InvalidRequest,
            "subscriptions need a WebSocket connection; the port is the same",
        ),
        TOO_MANY_SUBSCRIPTIONS_CODE
        | TOO_BIG_BATCH_REQUEST_CODE
        | BATCHES_NOT_SUPPORTED_CODE
        | OVERSIZED_REQUEST_CODE
        | OVERSIZED_RESPONSE_CODE
        | TOO_BIG_BATCH_RESPONSE_CODE => {
            let message = match &said {
                Some(said) => format!("{}: {said}", error.message()),
                None => error.message().to_owned(),
            };
            ApiError::new(ErrorCode::LimitExceeded, message)
        }
        _ => ApiError::internal(&error),
    };
    error.into()
}
