//! Which panics are held, and which must end the process.
//!
//! A panic in a host function is a bug of ours, and the same on every machine: the call pays for it
//! and the node goes on, since a chain that stops on all validators at once is worse. A storage that
//! cannot be read is a fault of this machine alone: no result may come of it. The difference must be
//! known when the panic is raised, because a process that ends on panics ends there.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

thread_local! {
    static HELD: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic that this thread raises now is held and becomes a failed call. Who ends the
/// process on panics leaves those alone.
pub fn holds_panics() -> bool {
    HELD.get()
}

/// Runs something whose panics are held.
pub(crate) fn held<T>(run: impl FnOnce() -> T) -> thread::Result<T> {
    let before = HELD.replace(true);
    let ran = catch_unwind(AssertUnwindSafe(run));
    HELD.set(before);
    ran
}

/// Runs something whose panics are not held, although those of what it is part of may be.
pub(crate) fn not_held<T>(run: impl FnOnce() -> T) -> T {
    with(false, run)
}

/// Runs something whose panics are held, or not, as they were when [`holds_panics`] said so.
pub(crate) fn with<T>(holds: bool, run: impl FnOnce() -> T) -> T {
    let before = HELD.replace(holds);
    let answer = run();
    HELD.set(before);
    answer
}
