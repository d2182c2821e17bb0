//! The same work on both halves of a slice, in two threads: what a commit hashes and reads is seldom
//! so much that more of them would pay.

use std::panic::resume_unwind;
use std::thread;

/// What `work` makes of the first half and of the second.
pub(crate) fn in_two<T: Sync, R: Send>(items: &[T], work: impl Fn(&[T]) -> R + Sync) -> (R, R) {
    let (first, second) = items.split_at(items.len() / 2);
    thread::scope(|scope| {
        let first = scope.spawn(|| work(first));
        let second = work(second);
        (first.join().unwrap_or_else(|panic| resume_unwind(panic)), second)
    })
}
