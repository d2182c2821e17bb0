//! The allocator: it goes up, and gives back only what was taken last.
//!
//! A call lives for a moment and its memory is thrown away whole, so that nothing more is worth its
//! code and its gas. Vectors that grow at the top of the heap grow in place.
#![allow(unsafe_code, reason = "an allocator deals in raw memory")]

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32::{memory_grow, memory_size};
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const PAGE_BYTES: usize = 64 << 10;

#[global_allocator]
static HEAP: Heap = Heap { top: AtomicUsize::new(0) };

/// A contract has one thread: the atomic is a cell that may stand in a static.
struct Heap {
    /// Where free memory begins; 0 until the first allocation.
    top: AtomicUsize,
}

unsafe extern "C" {
    /// The linker puts it where the module's own data ends.
    static __heap_base: u8;
}

impl Heap {
    fn top(&self) -> usize {
        match self.top.load(Relaxed) {
            0 => (&raw const __heap_base).addr(),
            top => top,
        }
    }

    /// Moves the top up to `end`. False when the memory cannot grow that far.
    fn reach(&self, end: usize) -> bool {
        let have = memory_size(0) * PAGE_BYTES;
        if end > have && memory_grow(0, (end - have).div_ceil(PAGE_BYTES)) == usize::MAX {
            return false;
        }
        self.top.store(end, Relaxed);
        true
    }
}

unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = self.top().checked_next_multiple_of(layout.align());
        let Some((start, end)) = start.and_then(|at| Some((at, at.checked_add(layout.size())?)))
        else {
            return ptr::null_mut();
        };
        if self.reach(end) { ptr::with_exposed_provenance_mut(start) } else { ptr::null_mut() }
    }

    /// Fresh pages are zero, but memory below the top may have been used before.
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        if at.addr() + layout.size() == self.top() {
            self.top.store(at.addr(), Relaxed);
        }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if at.addr() + layout.size() == self.top() {
            return match at.addr().checked_add(size) {
                Some(end) if self.reach(end) => at,
                _ => ptr::null_mut(),
            };
        }
        if size <= layout.size() {
            return at;
        }
        // The new size was checked by the caller, as `GlobalAlloc::realloc` demands.
        let moved = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        let to = unsafe { self.alloc(moved) };
        if !to.is_null() {
            unsafe { ptr::copy_nonoverlapping(at, to, layout.size()) };
        }
        to
    }
}
