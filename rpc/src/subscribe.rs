//! Subscriptions that lose nothing.
//!
//! Nothing is queued for a subscriber: it has a position, and each block from there is read from
//! the store when the socket has room. So a slow client costs no memory, and starting in the past
//! is the same as being slow. A client that was up to date and falls too far behind is told so and
//! put at the head: it asked for what happens now, and can fetch the gap, whose bounds it has been
//! given.

use jsonrpsee::SubscriptionSink;
use jsonrpsee::core::SubscriptionError;
use jsonrpsee::server::SubscriptionMessage;
use primitives::Height;
use serde::Serialize;
use tokio::sync::watch;

use crate::error::ApiError;
use crate::handlers::Handlers;
use crate::types::{At, BlockEvent, BlockView};

/// What to send next.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// All is sent: wait for a block.
    Wait,
    Send(Height),
    Skip {
        resume_from: Height,
        live_from: Height,
    },
}

/// A subscriber's position.
#[derive(Debug)]
struct Position {
    next: Height,
    /// It has had all there was, at some time.
    is_live: bool,
    lag_blocks: u64,
}

impl Position {
    fn step(&mut self, head: Height) -> Step {
        if self.next > head {
            self.is_live = true;
            return Step::Wait;
        }
        let behind = head.0 - self.next.0;
        if self.is_live && behind > self.lag_blocks {
            let resume_from = self.next;
            self.next = head;
            return Step::Skip { resume_from, live_from: head };
        }
        let height = self.next;
        self.next = height.next();
        Step::Send(height)
    }
}

/// Serves one subscriber until it goes away, or a block cannot be read.
pub(crate) async fn run(
    handlers: &Handlers,
    sink: SubscriptionSink,
    from: Height,
    mut heights: watch::Receiver<Height>,
) {
    let lag_blocks = handlers.limits.lag_blocks;
    let mut position = Position { next: from, is_live: false, lag_blocks };
    loop {
        let head = *heights.borrow_and_update();
        let (event, is_last) = match position.step(head) {
            Step::Wait => {
                let changed = tokio::select! {
                    changed = heights.changed() => changed.is_ok(),
                    () = sink.closed() => false,
                };
                if changed {
                    continue;
                }
                return;
            }
            Step::Skip { resume_from, live_from } => {
                (BlockEvent::Lagged { resume_from, live_from }, false)
            }
            Step::Send(height) => match block(handlers, height).await {
                Ok(event) => (event, false),
                Err(error) => {
                    let reason = error.message;
                    (BlockEvent::Interrupted { resume_from: height, reason }, true)
                }
            },
        };
        let sent = send(&sink, &event).await;
        if sent.is_err() || is_last {
            return;
        }
    }
}

async fn block(handlers: &Handlers, height: Height) -> Result<BlockEvent, ApiError> {
    let block = handlers.read(move |this| this.backend.block(At::Height(height))).await?;
    let view = BlockView { header: block.header.into(), transactions: block.transactions };
    Ok(BlockEvent::Block { cursor: height.next(), block: view, at: block.at })
}

/// Waits until the socket has room.
async fn send(sink: &SubscriptionSink, item: &impl Serialize) -> Result<(), SubscriptionError> {
    let message = SubscriptionMessage::new(sink.method_name(), sink.subscription_id(), item)?;
    tokio::select! {
        sent = sink.send(message) => Ok(sent?),
        () = sink.closed() => Err("the client went away".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a position against the heads that it sees, one a step.
    fn check(from: u64, lag_blocks: u64, heads: &[u64], expected: &[Step]) {
        let mut position = Position { next: Height(from), is_live: false, lag_blocks };
        let steps: Vec<_> = heads.iter().map(|head| position.step(Height(*head))).collect();
        assert_eq!(steps, expected);
    }

    #[test]
    fn a_subscriber_from_the_past_gets_every_block_however_far_behind() {
        let sent: Vec<_> = (0..=100).map(|height| Step::Send(Height(height))).collect();
        check(0, 2, &[100; 101], &sent);
    }

    #[test]
    fn a_live_subscriber_that_falls_behind_is_told_the_gap_and_goes_on_at_the_head() {
        let lagged = Step::Skip { resume_from: Height(6), live_from: Height(9) };
        let expected =
            [Step::Send(Height(5)), Step::Wait, lagged, Step::Send(Height(9)), Step::Wait];
        check(5, 2, &[5, 5, 9, 9, 9], &expected);
    }

    #[test]
    fn a_live_subscriber_within_the_lag_misses_nothing() {
        let expected = [Step::Wait, Step::Send(Height(6)), Step::Send(Height(7))];
        check(6, 2, &[5, 8, 8], &expected);
    }
}
