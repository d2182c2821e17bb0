//! Catching up: fetching committed blocks, range by range, when others are ahead.

use primitives::{Height, ValidatorIndex};

/// How long one validator may take to answer before another is asked, in milliseconds.
const PATIENCE_MS: u64 = 1_000;

/// Where catch-up stands.
#[derive(Debug, Default)]
pub struct CatchUp {
    /// The highest height known to be committed by others.
    target: Height,
    asked: Option<Asked>,
    /// Counts attempts, to go round the peers.
    attempt: usize,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    peer: ValidatorIndex,
    /// The committed height at which it was asked.
    above: Height,
    until_ms: u64,
    answered: bool,
}

impl CatchUp {
    /// Others have committed this height.
    pub fn aim(&mut self, target: Height) {
        self.target = self.target.max(target);
    }

    /// Whom to ask now for what is above the committed height, if anybody.
    pub fn ask(
        &mut self,
        now_ms: u64,
        committed: Height,
        peers: &[ValidatorIndex],
    ) -> Option<ValidatorIndex> {
        if self.target <= committed {
            self.asked = None;
            return None;
        }
        // An answer takes its time to be executed; asking again meanwhile would bring the same blocks.
        let waits = |asked: Asked| {
            let finished = asked.answered && committed > asked.above;
            !finished && now_ms < asked.until_ms
        };
        if self.asked.is_some_and(waits) || peers.is_empty() {
            return None;
        }
        let peer = *peers.get(self.attempt % peers.len())?;
        self.attempt += 1;
        let until_ms = now_ms.saturating_add(PATIENCE_MS);
        self.asked = Some(Asked { peer, above: committed, until_ms, answered: false });
        Some(peer)
    }

    /// Whether this peer was asked and has now answered. The next range goes to the same peer if the answer was
    /// good, since it serves.
    pub fn answered(&mut self, peer: ValidatorIndex, good: bool) -> bool {
        let Some(asked) = self.asked.as_mut().filter(|asked| asked.peer == peer && !asked.answered)
        else {
            return false;
        };
        if good {
            asked.answered = true;
            self.attempt = self.attempt.saturating_sub(1);
        } else {
            self.asked = None;
        }
        true
    }

    pub fn deadline_ms(&self) -> Option<u64> {
        self.asked.map(|asked| asked.until_ms)
    }
}
