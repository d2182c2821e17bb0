//! The contract interface: host functions, ABI description, canonical values.
