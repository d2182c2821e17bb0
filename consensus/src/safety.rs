//! May I sign this? The whole of what safety asks of one validator in one view.
//!
//! The flags are restored from the vote log before anything is signed, and are kept for every view above the
//! last committed one; below it nothing is signed at all. (ava-labs/Simplex#280 forked because a timeout's flag
//! was collected while its view could still be committed.)

use primitives::{CommitVote, PrepareVote, TimeoutVote, View};

use crate::rules::Rule;

/// What this validator has signed in one view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signed {
    pub prepare: Option<PrepareVote>,
    pub commit: Option<CommitVote>,
    pub timeout: Option<TimeoutVote>,
}

impl Signed {
    /// At most one prepare a view, none after giving the view up, and only in the view where one stands.
    pub fn may_prepare(&self, view: View, current: View) -> bool {
        Rule::PrepareInCurrentView.permits(view == current)
            && Rule::OnePrepare.permits(self.prepare.is_none())
            && Rule::NoPrepareAfterTimeout.permits(self.timeout.is_none())
    }

    /// At most one commit a view, and never with a timeout.
    pub fn may_commit(&self) -> bool {
        self.commit.is_none() && Rule::NoCommitAfterTimeout.permits(self.timeout.is_none())
    }

    /// At most one timeout a view, never with a commit, and never for a view that was left.
    pub fn may_time_out(&self, view: View, current: View) -> bool {
        Rule::NoTimeoutAfterCommit.permits(view == current && self.commit.is_none())
            && self.timeout.is_none()
    }
}
