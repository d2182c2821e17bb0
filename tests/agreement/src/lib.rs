//! Agreement alone: `consensus::Core` under thousands of schedules a second.
//!
//! No ledger, no store, no real signatures (`primitives/logical-signatures`), so a schedule costs about a millisecond.
//! What is judged is the code that the node runs; who judges shares none of it ([`oracle`]). One number decides
//! everything that happens: [`plan::Plan`] is drawn from it, [`run::Run`] plays it. And since a harness that finds
//! nothing may be blind, every rule of the protocol can be removed to see that its absence is caught ([`mutation`]).

pub mod byzantine;
pub mod campaign;
pub mod chance;
pub mod disk;
mod effects;
pub mod instance;
pub mod mutation;
pub mod network;
mod observe;
pub mod oracle;
pub mod payload;
pub mod plan;
pub mod run;
mod stages;
pub mod twins;
pub mod world;
