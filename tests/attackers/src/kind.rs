//! The attacks by name.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::attacker::Attack;
use crate::batch_withholder::BatchWithholder;
use crate::certificate_forger::CertificateForger;
use crate::certificate_hoarder::CertificateHoarder;
use crate::colluders::Colluder;
use crate::commit_and_timeout::CommitAndTimeout;
use crate::double_voter::DoubleVoter;
use crate::equivocating_proposer::EquivocatingProposer;
use crate::future_flooder::FutureFlooder;
use crate::garbage_signer::GarbageSigner;
use crate::late_proposer::LateProposer;
use crate::lying_snapshot_giver::LyingSnapshotGiver;
use crate::lying_sync_peer::LyingSyncPeer;
use crate::mute::Mute;
use crate::one_sided_voter::OneSidedVoter;
use crate::replayer::Replayer;
use crate::wrong_result::WrongResult;

/// Every attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AttackKind {
    EquivocatingProposer,
    DoubleVoter,
    CommitAndTimeout,
    Colluders,
    OneSidedVoter,
    CertificateHoarder,
    BatchWithholder,
    LateProposer,
    CertificateForger,
    FutureFlooder,
    GarbageSigner,
    LyingSyncPeer,
    WrongResult,
    Mute,
    Replayer,
    LyingSnapshotGiver,
}

/// A text that names no attack.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no attack {0:?}; there are {names}", names = AttackKind::ALL.map(AttackKind::name).join(", "))]
pub struct UnknownAttack(pub String);

impl AttackKind {
    pub const ALL: [Self; 16] = [
        Self::EquivocatingProposer,
        Self::DoubleVoter,
        Self::CommitAndTimeout,
        Self::Colluders,
        Self::OneSidedVoter,
        Self::CertificateHoarder,
        Self::BatchWithholder,
        Self::LateProposer,
        Self::CertificateForger,
        Self::FutureFlooder,
        Self::GarbageSigner,
        Self::LyingSyncPeer,
        Self::WrongResult,
        Self::Mute,
        Self::Replayer,
        Self::LyingSnapshotGiver,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::EquivocatingProposer => "equivocating-proposer",
            Self::DoubleVoter => "double-voter",
            Self::CommitAndTimeout => "commit-and-timeout",
            Self::Colluders => "colluders",
            Self::OneSidedVoter => "one-sided-voter",
            Self::CertificateHoarder => "certificate-hoarder",
            Self::BatchWithholder => "batch-withholder",
            Self::LateProposer => "late-proposer",
            Self::CertificateForger => "certificate-forger",
            Self::FutureFlooder => "future-flooder",
            Self::GarbageSigner => "garbage-signer",
            Self::LyingSyncPeer => "lying-sync-peer",
            Self::WrongResult => "wrong-result",
            Self::Mute => "mute",
            Self::Replayer => "replayer",
            Self::LyingSnapshotGiver => "lying-snapshot-giver",
        }
    }

    /// Whether the attacker signs pairs that convict it, and shows both halves to honest validators.
    pub const fn is_provable(self) -> bool {
        matches!(
            self,
            Self::EquivocatingProposer
                | Self::DoubleVoter
                | Self::CommitAndTimeout
                | Self::Colluders
        )
    }

    /// The attack, at its beginning.
    pub fn attack(self) -> Box<dyn Attack> {
        match self {
            Self::EquivocatingProposer => Box::<EquivocatingProposer>::default(),
            Self::DoubleVoter => Box::new(DoubleVoter),
            Self::CommitAndTimeout => Box::new(CommitAndTimeout),
            Self::Colluders => Box::<Colluder>::default(),
            Self::OneSidedVoter => Box::new(OneSidedVoter),
            Self::CertificateHoarder => Box::new(CertificateHoarder),
            Self::BatchWithholder => Box::<BatchWithholder>::default(),
            Self::LateProposer => Box::<LateProposer>::default(),
            Self::CertificateForger => Box::<CertificateForger>::default(),
            Self::FutureFlooder => Box::new(FutureFlooder),
            Self::GarbageSigner => Box::new(GarbageSigner),
            Self::LyingSyncPeer => Box::<LyingSyncPeer>::default(),
            Self::WrongResult => Box::new(WrongResult),
            Self::Mute => Box::new(Mute),
            Self::Replayer => Box::<Replayer>::default(),
            Self::LyingSnapshotGiver => Box::<LyingSnapshotGiver>::default(),
        }
    }
}

impl fmt::Display for AttackKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for AttackKind {
    type Err = UnknownAttack;

    fn from_str(text: &str) -> Result<Self, UnknownAttack> {
        let named = Self::ALL.into_iter().find(|kind| kind.name() == text);
        named.ok_or_else(|| UnknownAttack(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_attack_has_a_name_of_its_own_that_reads_back() {
        let names: BTreeSet<&str> = AttackKind::ALL.map(AttackKind::name).into();
        assert_eq!(names.len(), AttackKind::ALL.len());
        for kind in AttackKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        let refused = "double voter".parse::<AttackKind>().map_err(|error| error.to_string());
        assert!(refused.is_err_and(|words| words.contains("double-voter")));
    }
}
