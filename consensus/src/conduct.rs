//! How others behave: what each may send in a while, and to whom this validator does not listen for a while.
//!
//! Whoever sends what no honest validator sends is banned, each time for twice as long. Never more than f are banned at
//! once, so that a fault of this node cannot cut it off from a quorum. Whoever sends more than anybody needs is not
//! banned; the rest is dropped, and what mattered of it comes again, as everything does.

use std::collections::BTreeMap;
use std::fmt;

use primitives::{ValidatorIndex, limits};

use crate::message::Message;

/// The first ban, in milliseconds.
const BAN_MS_MIN: u64 = 1_000;
/// No ban is longer, in milliseconds.
const BAN_MS_MAX: u64 = 64_000;
/// Whoever behaved for this long starts anew, in milliseconds.
const FORGIVEN_AFTER_MS: u64 = 600_000;

/// Messages by what they cost to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cost {
    /// A lookup; its signature is checked only in a quorum.
    Vote,
    /// The same, and perhaps an answer.
    Timeout,
    /// Signatures of a quorum for each certificate in it.
    Proposal,
    /// Signatures of a quorum.
    Certificate,
    /// An answer, to be looked up and sent.
    Request,
    /// Two signatures.
    Evidence,
    /// Batches and blocks: signatures of transactions.
    Bulk,
    /// A byte of an answer.
    AnswerByte,
}

impl Cost {
    pub(crate) fn of(message: &Message) -> Self {
        match message {
            Message::Vote(_) => Self::Vote,
            Message::Timeout { .. } => Self::Timeout,
            Message::Proposal(_) => Self::Proposal,
            Message::Certificate(_) | Message::ViewAnswer { .. } => Self::Certificate,
            Message::Evidence(_) => Self::Evidence,
            Message::CertificateRequest { .. }
            | Message::BlockRequest { .. }
            | Message::ViewRequest { .. } => Self::Request,
            Message::Block { .. } => Self::Certificate,
        }
    }

    /// How many may come at once from one validator, and as many a second. A view takes three votes, one proposal and
    /// seldom a certificate, and hundreds of views a second are more than any network has.
    const fn allowance(self) -> u64 {
        match self {
            Self::Vote => 4_096,
            Self::Certificate => 1_024,
            Self::Timeout | Self::Proposal | Self::Request | Self::Bulk => 512,
            Self::Evidence => 32,
            // A full block eight times a second.
            Self::AnswerByte => 8 * limits::BLOCK_BYTES_MAX as u64,
        }
    }
}

/// A validator that is not listened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    pub peer: ValidatorIndex,
    /// How much longer, in milliseconds.
    pub remaining_ms: u64,
    /// What it sent.
    pub what: &'static str,
}

/// What is remembered of one validator; nothing of it grows.
#[derive(Clone, Debug, Default)]
struct Peer {
    offences: u32,
    offended_ms: u64,
    banned_until_ms: u64,
    what: &'static str,
    /// By cost: thousandths of a message left, and when that was.
    left: BTreeMap<Cost, (u64, u64)>,
}

/// All others.
#[derive(Clone)]
pub struct Conduct {
    peers: BTreeMap<ValidatorIndex, Peer>,
    banned_max: usize,
}

/// Offences only: what is left of an allowance is no state of agreement.
impl fmt::Debug for Conduct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offences = self.peers.iter().map(|(index, peer)| (index, peer.offences));
        f.debug_map().entries(offences).finish()
    }
}

impl Conduct {
    /// `banned_max` is f: as many as can be faulty.
    pub fn new(banned_max: usize) -> Self {
        Self { peers: BTreeMap::new(), banned_max }
    }

    /// Whether so many messages are taken: their sender is not banned, and has them left of its allowance.
    pub fn admits(&mut self, now_ms: u64, peer: ValidatorIndex, cost: Cost, count: u64) -> bool {
        let peer = self.peers.entry(peer).or_default();
        if now_ms < peer.banned_until_ms {
            return false;
        }
        let full = cost.allowance() * 1_000;
        let (left, at) = peer.left.entry(cost).or_insert((full, now_ms));
        let gained = now_ms.saturating_sub(*at).saturating_mul(cost.allowance());
        *left = left.saturating_add(gained).min(full);
        *at = now_ms;
        let price = count.saturating_mul(1_000);
        let admitted = *left >= price;
        if admitted {
            *left -= price;
        }
        admitted
    }

    /// Notes that a validator sent what no honest one sends. Whether that is news: it was not banned already.
    pub fn punish(&mut self, now_ms: u64, peer: ValidatorIndex, what: &'static str) -> bool {
        let banned: Vec<_> = self.bans(now_ms).into_iter().filter(|ban| ban.peer != peer).collect();
        let first_to_end = banned.iter().min_by_key(|ban| ban.remaining_ms).map(|ban| ban.peer);
        if banned.len() >= self.banned_max
            && let Some(pardoned) = first_to_end.and_then(|first| self.peers.get_mut(&first))
        {
            pardoned.banned_until_ms = now_ms;
        }
        let may_ban = self.banned_max > 0;
        let peer = self.peers.entry(peer).or_default();
        if now_ms < peer.banned_until_ms {
            return false;
        }
        if now_ms.saturating_sub(peer.offended_ms) > FORGIVEN_AFTER_MS {
            peer.offences = 0;
        }
        let ban_ms = (BAN_MS_MIN << peer.offences.min(16)).min(BAN_MS_MAX);
        peer.offences = peer.offences.saturating_add(1);
        peer.offended_ms = now_ms;
        peer.what = what;
        if may_ban {
            peer.banned_until_ms = now_ms.saturating_add(ban_ms);
        }
        true
    }

    pub fn is_banned(&self, now_ms: u64, peer: ValidatorIndex) -> bool {
        self.peers.get(&peer).is_some_and(|peer| now_ms < peer.banned_until_ms)
    }

    /// Who is banned now.
    pub fn bans(&self, now_ms: u64) -> Vec<Ban> {
        let banned = self.peers.iter().filter(|(_, peer)| now_ms < peer.banned_until_ms);
        banned
            .map(|(index, peer)| Ban {
                peer: *index,
                remaining_ms: peer.banned_until_ms.saturating_sub(now_ms),
                what: peer.what,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: ValidatorIndex = ValidatorIndex(1);
    const TWO: ValidatorIndex = ValidatorIndex(2);

    #[test]
    fn bans_grow_to_a_cap_and_are_forgotten() {
        let mut conduct = Conduct::new(1);
        let mut now = 1_000;
        let mut lengths = Vec::new();
        for _ in 0..9 {
            assert!(conduct.punish(now, ONE, "rubbish"));
            assert!(!conduct.punish(now, ONE, "rubbish"), "told once");
            assert!(
                !conduct.admits(now, ONE, Cost::Vote, 1) && conduct.admits(now, TWO, Cost::Vote, 1)
            );
            let [ban] = &conduct.bans(now)[..] else { panic!("one is banned") };
            assert_eq!((ban.peer, ban.what), (ONE, "rubbish"));
            lengths.push(ban.remaining_ms / 1_000);
            now += ban.remaining_ms;
            assert!(conduct.admits(now, ONE, Cost::Vote, 1), "a ban ends");
        }
        assert_eq!(lengths, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
        now += FORGIVEN_AFTER_MS;
        conduct.punish(now, ONE, "rubbish");
        assert_eq!(conduct.bans(now).first().map(|ban| ban.remaining_ms), Some(BAN_MS_MIN));
    }

    /// Were all others banned, this node would be the one that is cut off.
    #[test]
    fn no_more_are_banned_than_can_be_faulty() {
        let mut conduct = Conduct::new(1);
        for peer in [ONE, TWO] {
            assert!(conduct.punish(10, peer, "rubbish"));
            assert_eq!(conduct.bans(10).iter().map(|ban| ban.peer).collect::<Vec<_>>(), [peer]);
        }
        let mut nobody = Conduct::new(0);
        assert!(nobody.punish(10, ONE, "rubbish") && nobody.admits(10, ONE, Cost::Vote, 1));
    }

    #[test]
    fn an_allowance_is_used_up_by_its_sender_and_its_kind_alone_and_comes_back() {
        for cost in [Cost::Vote, Cost::Proposal, Cost::Certificate, Cost::Evidence, Cost::Bulk] {
            let mut conduct = Conduct::new(1);
            let admitted = (0..10_000).filter(|_| conduct.admits(5, ONE, cost, 1)).count();
            assert_eq!(admitted as u64, cost.allowance());
            assert!(conduct.admits(5, ONE, Cost::Timeout, 1) && conduct.admits(5, TWO, cost, 1));
            let later = (0..10_000).filter(|_| conduct.admits(505, ONE, cost, 1)).count();
            assert_eq!(later as u64, cost.allowance() / 2);
            assert_eq!(conduct.bans(505), [], "too much is not misbehaviour");
        }
    }
}
