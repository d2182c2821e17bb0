//! The JSON-RPC interface: traits and types, server, client.
