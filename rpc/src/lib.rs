//! The JSON-RPC interface: traits and types, server, client.

pub mod backend;
pub mod limits;
pub mod types;
