//! Empty: only a browser build of libp2p would use the real crate, and Quorate has none.
