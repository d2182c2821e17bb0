//! Builds contracts and scaffolds new ones.
//!
//! [`build`] makes a module of a project with whatever compiler there is ([`toolchain`] says in
//! which order it looks), and reads back the description that the module carries. [`reproduce`]
//! builds again from nothing but the source, to compare the bytes. [`new_project`]
//! writes a project that needs no checkout of this repository: the SDK's source travels inside the
//! binary.
//!
//! The crate knows the contract interface and cargo, nothing of chains.

mod compile;
mod lockfile;
pub mod origin;
mod project;
mod reproduce;
pub mod toolchain;
mod vendor;

pub use compile::{BuildError, Built, Lock, Messages, Options, build};
pub use project::{NewProjectError, new_project};
pub use reproduce::reproduce;
pub use toolchain::Installing;
