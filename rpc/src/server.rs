//! The server: JSON-RPC over HTTP POST and WebSocket, and a few plain GETs, on one port.
//!
//! | GET | answer |
//! | --- | --- |
//! | `/health/live` | 200 while the process serves |
//! | `/health/ready` | 200, or 503 with the reasons why not |
//! | `/metrics` | the node's figures, for Prometheus |
//! | `/openrpc.json` | what `rpc.discover` answers |
//!
//! It accepts connections itself, because jsonrpsee counts requests under way, not sockets: without
//! a cap on sockets idle ones could use up the process's file descriptors.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jsonrpsee::Methods;
use jsonrpsee::core::BoxError;
use jsonrpsee::core::middleware::RpcServiceBuilder;
use jsonrpsee::server::{
    BatchRequestConfig, PingConfig, Server as JsonRpcServer, ServerConfig, ServerHandle,
    StopHandle, serve_with_graceful_shutdown, stop_channel, ws,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::{Service, service_fn};

use crate::backend::Backend;
use crate::gate::{Gate, Turnstile};
use crate::handlers::Handlers;
use crate::http;
use crate::limits::{
    Limits, PING_SECONDS, PING_SILENCE_SECONDS_MAX, REFUSALS_MAX, REQUEST_BYTES_MAX,
    RESPONSE_BYTES_MAX,
};

/// A running server. It stops when this is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    handle: ServerHandle,
}

impl Server {
    /// Binds and serves on the current tokio runtime. Port 0 lets the system choose; see
    /// [`Self::address`].
    ///
    /// # Errors
    /// When the address cannot be bound, or the system gives no threads.
    pub async fn start(
        address: SocketAddr,
        backend: Arc<dyn Backend>,
        limits: Limits,
    ) -> io::Result<Self> {
        let limits = Arc::new(limits);
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let handlers = Handlers::new(Arc::clone(&backend), Arc::clone(&limits))?;
        let methods = handlers.methods().map_err(io::Error::other)?;
        let (stop, handle) = stop_channel();
        tokio::spawn(accept(listener, backend, methods, limits, stop));
        Ok(Self { address, handle })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting and ends connections once their calls under way are answered.
    pub async fn stop(self) {
        // An error means that it has stopped already.
        let _ = self.handle.stop();
        self.handle.stopped().await;
    }
}

/// Takes connections until told to stop.
async fn accept(
    listener: TcpListener,
    backend: Arc<dyn Backend>,
    methods: Methods,
    limits: Arc<Limits>,
    stop: StopHandle,
) {
    let turnstile = Arc::new(Turnstile::new(Arc::clone(&limits)));
    let connections = Arc::new(Semaphore::new(limits.connections));
    let refusals = Arc::new(Semaphore::new(REFUSALS_MAX));
    let gate =
        RpcServiceBuilder::new().layer_fn(move |inner| Gate::new(inner, Arc::clone(&turnstile)));
    let builder = JsonRpcServer::builder()
        .set_config(config(&limits))
        .set_rpc_middleware(gate)
        .to_service_builder();
    loop {
        let socket = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.clone().shutdown() => return,
        };
        let socket = match socket {
            Ok((socket, _)) => {
                // Answers are small, and clients wait for them. A failure means that the client is
                // gone.
                let _ = socket.set_nodelay(true);
                socket
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                // Out of descriptors, the next attempt fails at once; others get their turn to
                // close some.
                tokio::task::yield_now().await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&connections).try_acquire_owned() else {
            if let Ok(refusal) = Arc::clone(&refusals).try_acquire_owned() {
                tokio::spawn(refuse(socket, refusal, stop.clone()));
            }
            continue;
        };
        let permit = Arc::new(permit);
        let service = builder.clone().build(methods.clone(), stop.clone());
        let backend = Arc::clone(&backend);
        let service = service_fn(move |request| {
            let backend = Arc::clone(&backend);
            let mut service = service.clone();
            if ws::is_upgrade_request(&request) {
                // The socket outlives this service once it speaks WebSocket; its place must, too.
                let (closed, permit) = (service.on_session_closed(), Arc::clone(&permit));
                tokio::spawn(async move {
                    closed.await;
                    drop(permit);
                });
            }
            async move {
                match http::plain(&request, backend.as_ref()) {
                    Some(response) => Ok::<_, BoxError>(response),
                    None => Ok(http::in_form(service.call(request).await?).await),
                }
            }
        });
        let stopped = stop.clone().shutdown();
        tokio::spawn(until_closed(serve_with_graceful_shutdown(socket, service, stopped)));
    }
}

fn config(limits: &Limits) -> ServerConfig {
    let ping = PingConfig::new()
        .ping_interval(Duration::from_secs(PING_SECONDS))
        .inactive_limit(Duration::from_secs(PING_SILENCE_SECONDS_MAX));
    ServerConfig::builder()
        .max_request_body_size(REQUEST_BYTES_MAX)
        .max_response_body_size(RESPONSE_BYTES_MAX)
        // What jsonrpsee calls connections are HTTP requests and WebSockets under way.
        .max_connections(u32::try_from(limits.calls).unwrap_or(u32::MAX))
        .max_subscriptions_per_connection(limits.subscriptions_per_connection)
        .set_message_buffer_capacity(limits.messages_per_connection.max(1))
        // The gate has its own cap, with an error in the form of all others.
        .set_batch_request_config(BatchRequestConfig::Unlimited)
        .enable_ws_ping(ping)
        .build()
}

/// Tells a client beyond the cap that there is no room, and closes.
async fn refuse(socket: TcpStream, permit: OwnedSemaphorePermit, stop: StopHandle) {
    let service = service_fn(|_| async { Ok::<_, Infallible>(http::no_room()) });
    until_closed(serve_with_graceful_shutdown(socket, service, stop.shutdown())).await;
    drop(permit);
}

/// Runs a connection to its end. Clients go away in many ways; none is this node's affair.
async fn until_closed(connection: impl Future<Output = Result<(), BoxError>>) {
    if let Err(error) = connection.await {
        tracing::debug!(error, "a connection ended badly");
    }
}
