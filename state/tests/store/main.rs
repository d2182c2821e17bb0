//! The store from outside: what its users rely on.

mod agreement;
mod chain;
mod commits;
mod damage;
mod overlays;
mod scans;
