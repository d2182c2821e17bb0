//! How consensus and the node stand.

use primitives::{Height, ValidatorIndex, View};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// Who has prepared in this view.
    pub prepare_votes: Vec<String>,
    /// Who has voted to commit in this view.
    pub commit_votes: Vec<String>,
    /// Who has timed out in this view.
    pub timeout_votes: Vec<String>,
    /// Who has not been heard of for a while.
    pub missing: Vec<MissingValidator>,
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
}

/// A view that ended by timeout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastTimeout {
    pub view: View,
    /// The leader of that view.
    pub leader: String,
    /// What had not come, in one sentence.
    pub reason: String,
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
