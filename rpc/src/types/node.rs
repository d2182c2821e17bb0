//! How one node stands, beside the chain.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How this node stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeStatus {
    pub disk: DiskStatus,
    /// What each namespace of the state holds; those that hold nothing are left out.
    pub state: Vec<NamespaceUsage>,
}

/// The disk under the node's data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiskStatus {
    pub level: DiskLevel,
    /// For people: what is wrong and what to do. Null while there is plenty.
    pub warning: Option<String>,
    /// Bytes that the node may still write.
    pub free_bytes: u64,
    /// With fewer free, it refuses transactions.
    pub refuse_below_bytes: u64,
    /// With fewer free, it stops.
    pub stop_below_bytes: u64,
    /// Bytes that the store takes.
    pub database_bytes: u64,
    /// Bytes that the vote log takes.
    pub votes_bytes: u64,
    /// By how much both grow in a day at the rate of the last hour; 0 when they shrink. Null in the
    /// first minutes.
    pub growth_bytes_a_day: Option<u64>,
    /// In how many seconds the node refuses transactions, at the rate of the last hour of whatever
    /// writes to this disk. Null in the first minutes, and when the disk does not fill.
    pub forecast_seconds: Option<u64>,
}

/// What follows from how full the disk is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum DiskLevel {
    /// Nothing.
    Plenty,
    /// A warning.
    Low,
    /// Transactions are refused. The node votes and commits what the others order.
    Refusing,
    /// The node stops.
    Stopping,
}

/// What one namespace of the state holds at the head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceUsage {
    pub namespace: String,
    pub keys: u64,
    /// Of keys and values.
    pub bytes: u64,
}
