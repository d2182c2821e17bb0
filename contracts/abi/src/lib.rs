//! The contract interface: host functions, ABI description, canonical values.
#![no_std]

extern crate alloc;

pub mod host;
