//! The state transition as a whole, on contracts written as WebAssembly text.

mod artifacts;
mod blocks;
mod calls;
mod host;
mod metering;
mod stack;
mod uploads;
