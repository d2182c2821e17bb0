//! Counts what a thread allocates.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// Bytes held now, and the most that were, since counting began.
    static HELD: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

/// The system's allocator with a count beside it. A program that wants counts names it as its global allocator.
#[derive(Clone, Copy, Debug)]
pub struct Counting;

fn change(more: usize, less: usize) {
    // A thread that ends may free after its counters are gone.
    let _ = HELD.try_with(|cell| {
        let (held, peak) = cell.get();
        let held = held.saturating_add(more);
        cell.set((held.saturating_sub(less), peak.max(held)));
    });
}

#[expect(unsafe_code, reason = "an allocator is an unsafe trait; this one only hands on")]
// SAFETY: every call is the system allocator's own, with the caller's own arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        change(layout.size(), 0);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        change(0, layout.size());
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Old and new may stand side by side for a moment.
        change(size, layout.size());
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Runs something, and answers how many bytes it held at most beyond what the thread held before. Zero where
/// [`Counting`] is not the allocator.
pub fn count<T>(run: impl FnOnce() -> T) -> (T, usize) {
    HELD.with(|cell| cell.set((0, 0)));
    let value = run();
    (value, HELD.with(Cell::get).1)
}
