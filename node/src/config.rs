//! What a node is told by its operator: the settings and where each came from, the home on disk,
//! keys, peers.
//!
//! Rules that validators must share are not here: they stand in the genesis and on the chain.

pub mod home;
pub mod keyfile;
pub mod layers;
pub mod log;
pub mod passphrase;
pub mod peers;
pub mod ready;
pub mod settings;

pub use home::{Home, HomeLock, Ports};
pub use layers::Layers;
pub use settings::Settings;
