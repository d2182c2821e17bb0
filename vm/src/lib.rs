//! The state transition: transactions, gas, WebAssembly contracts.
