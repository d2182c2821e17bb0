//! The JSON-RPC interface of a node: traits and types, server, client.
//!
//! - Each namespace (`chain`, `tx`, `account`, `contract`, `state`, `consensus`, `node`) is a trait
//!   in its own file. The server implements it over a [`backend::Backend`]; the typed [`client`] is
//!   made from the same trait.
//! - [`types`]: the JSON forms of arguments and results. [`error`]: the codes. [`limits`]: every
//!   cap.
//! - [`server`]: HTTP and WebSocket on one port.
//! - [`openrpc`]: the interface's description of itself.
//!
//! The crate knows nothing of how a node keeps state, executes or agrees: it sees a
//! [`backend::Backend`].

mod account;
pub mod backend;
mod chain;
pub mod client;
mod consensus;
mod contract;
mod decode;
pub mod error;
mod gate;
mod handlers;
mod http;
pub mod limits;
mod node;
pub mod openrpc;
mod pool;
pub mod server;
mod state;
mod subscribe;
mod tx;
pub mod types;
mod verify;

pub use error::{ApiError, ErrorCode, Retry};
/// For implementations of [`backend::Backend`].
pub use jsonrpsee::core::async_trait;
pub use limits::Limits;
pub use server::Server;
