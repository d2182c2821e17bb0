//! Messages of one class that wait to be sent to one peer.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::Class;
use super::limits::{MESSAGE_OVERHEAD_BYTES, outbox_bytes_max};

/// A bounded queue with any number of senders and at most one writer. When it is full the oldest
/// messages go: the newest are worth most to a peer that fell behind. Without a writer everything
/// is dropped.
#[derive(Debug)]
pub(super) struct Outbox {
    bytes_max: usize,
    queue: Mutex<Queue>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<Arc<[u8]>>,
    bytes: usize,
    writer: Option<WriterId>,
    /// The highest that attached or was closed.
    latest: WriterId,
}

/// The right to take messages, until a higher one attaches. Each time a connection is put to use it
/// gets the next of its peer's, so a stream that is late cannot take the queue from its successor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WriterId(u64);

impl WriterId {
    pub(super) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Outbox {
    pub(super) fn new(class: Class) -> Self {
        Self { bytes_max: outbox_bytes_max(class), queue: Mutex::default(), changed: Notify::new() }
    }

    /// Queues the message and returns how many messages were dropped, this or older ones.
    pub(super) fn push(&self, message: Arc<[u8]>) -> u64 {
        let mut queue = self.lock();
        let cost = cost(&message);
        if queue.writer.is_none() || cost > self.bytes_max {
            return 1;
        }
        let mut dropped = 0;
        while queue.bytes + cost > self.bytes_max && queue.pop().is_some() {
            dropped += 1;
        }
        queue.bytes += cost;
        queue.messages.push_back(message);
        drop(queue);
        self.changed.notify_one();
        dropped
    }

    /// Makes this the one writer, unless it is too late.
    pub(super) fn attach(&self, writer: WriterId) {
        let mut queue = self.lock();
        if writer > queue.latest {
            queue.latest = writer;
            queue.writer = Some(writer);
        }
        drop(queue);
        self.changed.notify_waiters();
    }

    /// Ends all writers up to this one and drops what is queued; returns how many messages those
    /// were.
    pub(super) fn close(&self, last: WriterId) -> u64 {
        let mut queue = self.lock();
        queue.latest = queue.latest.max(last);
        let dropped = queue.messages.len() as u64;
        queue.messages.clear();
        queue.bytes = 0;
        queue.writer = None;
        drop(queue);
        self.changed.notify_waiters();
        dropped
    }

    /// The next message, or nothing when this writer is no longer the one.
    pub(super) async fn next(&self, writer: WriterId) -> Option<Arc<[u8]>> {
        loop {
            // Taken before the look into the queue, so that no push in between goes unnoticed.
            let changed = self.changed.notified();
            {
                let mut queue = self.lock();
                if queue.writer != Some(writer) {
                    return None;
                }
                if let Some(message) = queue.pop() {
                    return Some(message);
                }
            }
            changed.await;
        }
    }

    /// The next message if one waits.
    pub(super) fn next_now(&self, writer: WriterId) -> Option<Arc<[u8]>> {
        let mut queue = self.lock();
        if queue.writer == Some(writer) { queue.pop() } else { None }
    }

    /// Bytes that wait, with their overhead.
    pub(super) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn pop(&mut self) -> Option<Arc<[u8]>> {
        let message = self.messages.pop_front()?;
        self.bytes -= cost(&message);
        Some(message)
    }
}

fn cost(message: &[u8]) -> usize {
    message.len() + MESSAGE_OVERHEAD_BYTES
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn message(length: usize, tag: u8) -> Arc<[u8]> {
        vec![tag; length].into()
    }

    #[test]
    fn without_a_writer_everything_is_dropped() {
        let outbox = Outbox::new(Class::Vote);
        assert_eq!(outbox.push(message(1, 0)), 1);
        outbox.attach(WriterId(1));
        assert_eq!(outbox.push(message(1, 1)), 0);
        assert_eq!(outbox.close(WriterId(1)), 1);
        assert_eq!((outbox.bytes(), outbox.next(WriterId(1)).now_or_never()), (0, Some(None)));
        outbox.attach(WriterId(1));
        assert_eq!(outbox.push(message(1, 2)), 1, "a stream that came late opened it again");
    }

    #[test]
    fn a_full_queue_drops_its_oldest_and_stays_bounded() {
        let outbox = Outbox::new(Class::Vote);
        let writer = WriterId(1);
        outbox.attach(writer);
        let sent = 10_000_u64;
        let dropped: u64 = (0..sent).map(|i| outbox.push(message(1_000, (i % 251) as u8))).sum();
        assert!(outbox.bytes() <= outbox_bytes_max(Class::Vote));
        let kept = std::iter::from_fn(|| outbox.next_now(writer)).collect::<Vec<_>>();
        assert_eq!(kept.len() as u64 + dropped, sent);
        assert!(dropped > 0 && kept.last() == Some(&message(1_000, ((sent - 1) % 251) as u8)));
        assert_eq!(outbox.bytes(), 0);
    }

    #[test]
    fn a_new_writer_takes_over_from_a_waiting_one() {
        let outbox = Outbox::new(Class::Vote);
        let (old, new) = (WriterId(1), WriterId(2));
        outbox.attach(old);
        let mut waiting = Box::pin(outbox.next(old));
        assert_eq!(waiting.as_mut().now_or_never(), None);
        outbox.attach(new);
        outbox.attach(old);
        assert_eq!(outbox.push(message(1, 7)), 0);
        assert_eq!(waiting.now_or_never(), Some(None));
        assert_eq!(outbox.next(new).now_or_never(), Some(Some(message(1, 7))));
    }
}
