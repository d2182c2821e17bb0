//! The rules by name, so that a test can remove one and see that its harness notices.
//!
//! Without the feature `mutations` every rule holds, and the compiler sees it: the conditions cost nothing. With it,
//! [`remove`] takes one rule away from the cores of the current thread. The harness is `tests/agreement`.

/// Whether rules can be removed. A program that anybody relies on asserts at compile time that they cannot.
pub const REMOVABLE: bool = cfg!(feature = "mutations");

/// The part of the protocol that a rule belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Propose,
    Prepare,
    Justification,
    Certificates,
    Commit,
    Timeout,
    VoteLog,
    Pacemaker,
    Sync,
    Bounds,
}

macro_rules! rules {
    ($($name:ident ($part:ident) $sentence:literal)*) => {
        /// One rule of the protocol.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Rule {
            $(#[doc = $sentence] $name,)*
        }

        impl Rule {
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name in code and on the command line.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// What it says, in one sentence.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence,)* }
            }

            pub const fn part(self) -> Part {
                match self { $(Self::$name => Part::$part,)* }
            }
        }
    };
}

rules! {
    LeaderProposes (Propose) "A view's proposal comes from its leader."
    ProposalSigned (Propose) "A proposal carries its proposer's signature."
    IdleWaits (Propose) "Nobody proposes while nothing is to be ordered or finished."
    Heartbeat (Propose) "An idle chain has one block a heartbeat."
    FinishPrepared (Propose) "After a timeout a block is proposed to finish what was prepared and not committed."

    OnePrepare (Prepare) "One prepare a view: for the first proposal."
    PrepareInCurrentView (Prepare) "Prepare is signed only in the view where one stands."
    NoPrepareAfterTimeout (Prepare) "No prepare in a view that was given up."
    HeightFollows (Prepare) "A block's height is its parent's plus one."
    TimestampAfterParent (Prepare) "A block's timestamp is later than its parent's."
    TimestampNotAhead (Prepare) "A block's timestamp is not ahead of the own clock by more than the drift allowed."
    PayloadWellFormed (Prepare) "A block names no batch twice."
    PayloadHeld (Prepare) "The whole payload is held before prepare."

    ParentCertified (Justification) "The parent's certificate is verified."
    CommitParentCertified (Justification) "A commit certificate is verified, though the parent is known to be prepared."
    ParentIsCertificates (Justification) "The parent is the block that the certificate is for."
    SkippedViews (Justification) "Every skipped view has its timeout certificate."
    TimeoutsCertified (Justification) "The timeout certificates are verified."

    Quorum (Certificates) "A certificate is made of a quorum, not of one vote less."
    VotesVerified (Certificates) "The votes that make a certificate are verified."
    OwnVotes (Certificates) "A validator sends its own votes only."
    OneResult (Certificates) "Commits count together only over the same result."
    CertificateQuorum (Certificates) "A certificate from outside has a quorum of signatures."
    CertificateSigners (Certificates) "A certificate from outside has distinct signers."
    CertificateSignatures (Certificates) "A certificate from outside has valid signatures."

    NoCommitAfterTimeout (Commit) "No commit in a view that was given up."
    SameResult (Commit) "A block whose own result differs from the certified one is not committed."
    OldestFirst (Commit) "Ancestors are committed oldest first."
    AllAncestors (Commit) "All ancestors are committed with a block."
    CommitOnce (Commit) "Each block is committed once."

    NoTimeoutAfterCommit (Timeout) "No timeout in a view that was left, since commit may be signed in it."
    TruthfulTimeout (Timeout) "A timeout states what was prepared in its view."
    JoinTimeouts (Timeout) "f+1 timeouts of the current view are joined at once."
    InvalidTimesOut (Timeout) "A view with an invalid proposal is given up at once."
    SilentLeader (Timeout) "A leader that is silent while a quorum is active is given up at once."

    PersistBeforeSend (VoteLog) "What is signed is on disk before it leaves."
    FlagsKept (VoteLog) "What was signed is remembered for every view above the decided one."
    VotesRestored (VoteLog) "A restart restores what was signed."
    ViewRestored (VoteLog) "A restart continues above the view of every certificate."
    FloorAfterLoss (VoteLog) "Who has lost its log signs nothing in the views in which it may have signed."
    TimeoutCertificatesRestored (VoteLog) "A restart restores timeout certificates too."

    TimersGrow (Pacemaker) "Timers grow with each view in a row that timed out."
    ReasonsAgree (Pacemaker) "That a leader was silent, f + 1 must say before timers need not grow."
    TimersCapped (Pacemaker) "Timers grow to a cap."
    TimersReset (Pacemaker) "A commit resets the timers."
    SlowLeadersBounded (Pacemaker) "The f slowest leaders are waited for no longer than a multiple of the others."
    ResendWhileStuck (Pacemaker) "Everything is said again while a view is stuck."

    AnswerLateTimeout (Sync) "A timeout of a view that was left is answered with the certificates that left it."
    AskForCertificates (Sync) "A leader asks for the certificates that its justification lacks."
    FetchBlocks (Sync) "A block that a certificate names and that is not held is asked for."
    CatchUp (Sync) "A commit certificate far ahead starts a catch-up."
    GreetPeers (Sync) "A peer that came back is told where one stands."

    VoteWindow (Bounds) "Votes are kept for the current view and the next, not beyond."
    Pipeline (Bounds) "Only so many blocks stand above the committed one."
}

#[cfg(feature = "mutations")]
mod removed {
    use std::cell::Cell;

    use super::Rule;

    thread_local! {
        static REMOVED: Cell<Option<Rule>> = const { Cell::new(None) };
    }

    /// From now on the cores of this thread do without this rule, or have all of them again.
    pub fn remove(rule: Option<Rule>) {
        REMOVED.set(rule);
    }

    pub(super) fn is_removed(rule: Rule) -> bool {
        REMOVED.get() == Some(rule)
    }
}

#[cfg(feature = "mutations")]
pub use removed::remove;

impl Rule {
    /// Whether the rule is in force: always, but in a test of the tests.
    #[inline]
    pub(crate) fn holds(self) -> bool {
        #[cfg(feature = "mutations")]
        return !removed::is_removed(self);
        #[cfg(not(feature = "mutations"))]
        true
    }

    /// Whether the rule lets pass what fulfils, or does not fulfil, its condition.
    #[inline]
    pub(crate) fn permits(self, condition: bool) -> bool {
        condition || !self.holds()
    }
}
