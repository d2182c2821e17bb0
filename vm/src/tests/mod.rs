//! The state transition as a whole, on contracts written as WebAssembly text.

mod artifacts;
mod blocks;
mod calls;
mod compilers;
mod crypto;
mod fetch;
mod host;
mod instances;
mod making;
mod metering;
mod panics;
mod parallel;
mod scans;
mod soup;
mod stack;
mod upgrades;
mod uploads;
