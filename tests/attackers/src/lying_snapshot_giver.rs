//! Gives false pieces of its snapshots to whoever joins; which ones it has, and what they begin with, it says truly.

use primitives::{Hash, Height, Namespace, StateKey};
use replica::{Action, Message, PackedPieces, SnapshotAnswer, SnapshotRequest};
use state::{Child, Entry, Piece, Prefix};

use crate::attacker::Attack;
use crate::context::Context;

#[derive(Debug, Default)]
pub struct LyingSnapshotGiver {
    asked: u64,
}

impl LyingSnapshotGiver {
    /// What stands below the prefix, according to it; another lie each time.
    fn lie(&mut self, prefix: Prefix) -> (Prefix, Piece) {
        self.asked += 1;
        let invented = |at: u64| {
            let key = StateKey { namespace: Namespace::Storage, key: at.to_le_bytes().to_vec() };
            Entry { key, changed: Height(at), value: vec![0xee; 32] }
        };
        match self.asked % 4 {
            // Nothing at all.
            0 => (prefix, Piece::Values(Vec::new())),
            // One value that nobody wrote.
            1 => (prefix, Piece::Values(vec![invented(self.asked)])),
            // Subtrees that do not exist.
            2 => (prefix, Piece::Branch([Child::Inner(Hash([0xee; 32])); 16])),
            // What nobody asked for.
            _ => {
                let other = prefix.children().last().unwrap_or(prefix);
                (other, Piece::Values(Vec::new()))
            }
        }
    }
}

impl Attack for LyingSnapshotGiver {
    fn act(&mut self, _: &Context, mut actions: Vec<Action>) -> Vec<Action> {
        for action in &mut actions {
            if let Action::ServeSnapshot {
                to,
                request: SnapshotRequest::Pieces { height, prefixes },
            } = action
                && let Some(prefix) = prefixes.first()
            {
                let pieces = PackedPieces::pack(&[self.lie(*prefix)]);
                let answer = SnapshotAnswer::Pieces { height: *height, pieces };
                *action = Action::Send { to: *to, message: Message::Snapshot(answer) };
            }
        }
        actions
    }
}
