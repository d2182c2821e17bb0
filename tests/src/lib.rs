//! The harness: a deterministic simulator around the real replica, nets of real processes, and the oracles that judge
//! both.

pub mod attacks;
pub mod catch_up;
pub mod chain;
pub mod fuzz;
pub mod load;
pub mod net;
pub mod scenario;
pub mod sim;
pub mod state_sync;
pub mod wallet;
