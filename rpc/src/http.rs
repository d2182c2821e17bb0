//! What is HTTP and not JSON-RPC: the plain GETs, and the form of the errors of jsonrpsee's
//! transport.

use jsonrpsee::core::http_helpers::read_body;
use jsonrpsee::server::{HttpBody, HttpRequest, HttpResponse};
use jsonrpsee::types::{ErrorObject, ErrorObjectOwned, Id};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::backend::Backend;
use crate::error::{ApiError, ErrorCode};
use crate::gate::{self, Answered};
use crate::limits::{REQUEST_BYTES_MAX, RETRY_AFTER_MS};
use crate::openrpc;

const OK: u16 = 200;
const SWITCHING_PROTOCOLS: u16 = 101;
const METHOD_NOT_ALLOWED: u16 = 405;
const TOO_LARGE: u16 = 413;
const UNSUPPORTED_MEDIA_TYPE: u16 = 415;
const TOO_MANY_REQUESTS: u16 = 429;
const UNAVAILABLE: u16 = 503;

const JSON_TYPE: &str = "application/json";
/// The text format of Prometheus.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// An error of the transport is a sentence; more is not read.
const TRANSPORT_ERROR_BYTES_MAX: u32 = 64 << 10;

/// The answer to a plain GET; `None` for all that is JSON-RPC's.
pub(crate) fn plain<B>(request: &HttpRequest<B>, backend: &dyn Backend) -> Option<HttpResponse> {
    if request.method().as_str() != "GET" {
        return None;
    }
    match request.uri().path() {
        "/health/live" => Some(response(OK, &json!({ "live": true }))),
        "/health/ready" => {
            let readiness = backend.readiness();
            let (status, head) =
                (if readiness.is_ready() { OK } else { UNAVAILABLE }, backend.head());
            let body = json!({
                "ready": readiness.is_ready(),
                "reasons": readiness.reasons,
                "at": head,
            });
            Some(response(status, &body))
        }
        "/metrics" => Some(answer(OK, METRICS_TYPE, backend.metrics())),
        "/openrpc.json" => Some(response(OK, openrpc::document())),
        _ => None,
    }
}

/// The answer on a connection beyond the cap.
pub(crate) fn no_room() -> HttpResponse {
    let message = "this node has as many connections as it takes; try again later, or another node";
    let error = ApiError { message: message.to_owned(), ..ApiError::overloaded() };
    failure(UNAVAILABLE, Id::Null, error.into())
}

/// Gives a response of jsonrpsee's transport the form that errors have here; ours pass as they are.
pub(crate) async fn in_form(response: HttpResponse) -> HttpResponse {
    let status = response.status().as_u16();
    if status == SWITCHING_PROTOCOLS || response.extensions().get::<Answered>().is_some() {
        return response;
    }
    let error = match status {
        METHOD_NOT_ALLOWED => ApiError::new(
            ErrorCode::InvalidRequest,
            "there is nothing to GET here; calls are POSTed, and /openrpc.json describes them",
        ),
        TOO_LARGE => ApiError::limit(
            format!("a request has at most {REQUEST_BYTES_MAX} bytes"),
            "requestBytes",
            REQUEST_BYTES_MAX as usize,
        ),
        UNSUPPORTED_MEDIA_TYPE => ApiError::new(
            ErrorCode::InvalidRequest,
            "calls are JSON: send them with the header content-type: application/json",
        ),
        TOO_MANY_REQUESTS => ApiError::overloaded(),
        _ => return translate(status, response).await,
    };
    failure(status, Id::Null, error.into())
}

/// Of a request that was no call: jsonrpsee answers it before the gate.
async fn translate(status: u16, response: HttpResponse) -> HttpResponse {
    #[derive(Deserialize)]
    struct Failed<'a> {
        #[serde(borrow)]
        id: Id<'a>,
        #[serde(borrow)]
        error: ErrorObject<'a>,
    }

    let (parts, body) = response.into_parts();
    let Ok((body, _)) = read_body(&parts.headers, body, TRANSPORT_ERROR_BYTES_MAX).await else {
        let error = ApiError::new(ErrorCode::InvalidRequest, "the request is no JSON-RPC call");
        return failure(status, Id::Null, error.into());
    };
    match serde_json::from_slice::<Failed<'_>>(&body) {
        Ok(failed) => failure(status, failed.id, gate::in_our_form(&failed.error, "")),
        Err(_) => HttpResponse::from_parts(parts, HttpBody::from(body)),
    }
}

fn failure(status: u16, id: Id<'_>, error: ErrorObjectOwned) -> HttpResponse {
    let body: Value = json!({ "jsonrpc": "2.0", "id": id, "error": error });
    response(status, &body)
}

fn response(status: u16, body: &Value) -> HttpResponse {
    answer(status, JSON_TYPE, body.to_string())
}

fn answer(status: u16, content_type: &str, body: String) -> HttpResponse {
    let mut builder = HttpResponse::builder().status(status).header("content-type", content_type);
    if matches!(status, UNAVAILABLE | TOO_MANY_REQUESTS) {
        builder = builder.header("retry-after", (RETRY_AFTER_MS / 1_000).max(1));
    }
    match builder.body(HttpBody::from(body)) {
        Ok(response) => response,
        Err(error) => panic!("a response of fixed parts is always one: {error}"),
    }
}
