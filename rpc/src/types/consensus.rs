//! How consensus and the node stand.

use primitives::{Height, ValidatorIndex, View};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ResultView;

/// Consensus as one validator sees it: where it is, who has voted, who is missing, and what it
/// waits for. Validators are named as the genesis names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConsensusStatus {
    pub view: View,
    /// The last committed height.
    pub height: Height,
    /// Who leads this view.
    pub leader: Leader,
    pub state: ConsensusState,
    /// One sentence for people: what must happen before the next block commits.
    pub waiting_for: String,
    /// The rest of the story, a sentence each: differing results, a slow disk, who is missing and what that means,
    /// clocks, why the last view was given up.
    pub explanation: Vec<String>,
    /// Who has prepared in this view.
    pub prepare_votes: Vec<String>,
    /// Who has voted to commit in this view.
    pub commit_votes: Vec<String>,
    /// What the commit votes say that the block's execution gave. More than one group means that validators disagree
    /// on the state, and that the chain stops.
    pub results: Vec<ResultVotes>,
    /// Who has timed out in this view.
    pub timeout_votes: Vec<String>,
    /// Who has not been heard of for a while.
    pub missing: Vec<MissingValidator>,
    /// The height that others have committed, when it is above `height`.
    pub others_height: Option<Height>,
    /// To whom this node does not listen for a while, because it sent what no honest validator sends.
    pub banned: Vec<BannedValidator>,
    /// Who hardly leads for now, because it missed its turns.
    pub demoted: Vec<String>,
    /// The last views that ended without a block, newest first.
    pub last_timeouts: Vec<LastTimeout>,
    pub validators: u32,
    /// Votes needed: validators − faultyMax.
    pub quorum: u32,
    /// How many may be faulty at once.
    pub faulty_max: u32,
}

/// The leader of a view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Leader {
    pub index: ValidatorIndex,
    pub name: String,
}

/// Whether blocks are being made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ConsensusState {
    /// Nothing to do.
    Idle,
    /// A block is on its way.
    Working,
    /// There is something to do and it does not come to an end.
    Stalled,
}

/// A validator of which nothing is heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MissingValidator {
    pub name: String,
    /// Milliseconds since its last message; since this node's start when there was none.
    pub since_ms: u64,
    /// Whether a connection stands; it is then silent though something waits.
    pub connected: bool,
}

/// A validator whose messages are not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BannedValidator {
    pub name: String,
    /// How much longer, in milliseconds.
    pub remaining_ms: u64,
    /// What it sent.
    pub reason: String,
}

/// A view that ended by timeout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastTimeout {
    pub view: View,
    /// The leader of that view.
    pub leader: String,
    /// Why those who voted so gave it up.
    pub votes: Vec<TimeoutVoteView>,
}

/// Why one validator gave a view up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimeoutVoteView {
    pub validator: String,
    pub reason: String,
}

/// Validators that say that a block's execution gave this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResultVotes {
    pub result: ResultView,
    pub validators: Vec<String>,
}

/// Whether a load balancer should send clients here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Readiness {
    /// Why not, one sentence each; ready when empty.
    pub reasons: Vec<String>,
}

impl Readiness {
    pub fn is_ready(&self) -> bool {
        self.reasons.is_empty()
    }
}
