//! What is left of the store when the process that writes it ends, at any of its operations on the disk.
//!
//! A workload (`workload`) runs in a process of its own, before a disk that fails on purpose (`disk`, written in C:
//! `tests/crash/disk`). At one of its operations, a mode (`mode`) says what happens: the process is killed, a write is
//! torn, the power fails, the operation returns an error. Then the store is opened again without that disk (`check`):
//! it must stand at the last block that was acknowledged or the one in flight, be equal to a model in memory (`chain`),
//! and go on to the end. `case` is one such crash, `matrix` is all of them.

pub mod case;
pub mod chain;
pub mod check;
pub mod disk;
pub mod matrix;
pub mod mode;
pub mod workload;
