//! The settings of one node, each with its default and what it means.
//!
//! [`KEYS`] names every setting once more, for help and for suggestions; a test keeps it equal to
//! the struct.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Everything an operator can set. An empty text, where a value may be absent, means that it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    pub validator: ValidatorSettings,
    pub rpc: RpcSettings,
    pub network: NetworkSettings,
    pub state: StateSettings,
    pub sync: SyncSettings,
    pub vm: VmSettings,
    pub mempool: MempoolSettings,
    pub disk: DiskSettings,
    pub log: LogSettings,
    pub client: ClientSettings,
}

/// Who this node is on the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ValidatorSettings {
    /// The name of the key in `keys/` with which it votes and by which its peers know it.
    pub key: String,
    /// A file whose first line is the key's passphrase; absent: `QUORATE_PASSPHRASE`, or a prompt.
    #[serde(with = "optional_path")]
    pub passphrase_file: Option<PathBuf>,
}

impl Default for ValidatorSettings {
    fn default() -> Self {
        Self { key: "validator".into(), passphrase_file: None }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RpcSettings {
    /// Where HTTP and WebSocket are served. Port 0: the system chooses; see `run/ports.json`.
    pub listen: SocketAddr,
    /// Open connections; further ones are refused.
    pub connections_max: u32,
}

impl Default for RpcSettings {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8645)), connections_max: 500 }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkSettings {
    /// Multiaddresses to listen on. Port 0: the system chooses; see `run/ports.json`.
    pub listen: Vec<String>,
    /// Multiaddresses of the other validators, by their names in the genesis.
    pub peers: BTreeMap<String, String>,
    /// Validators on this machine: the `ports.json` files in which their addresses stand, with one
    /// `*` as a whole path component, relative to the home. Read again at every attempt to dial.
    #[serde(with = "optional_text")]
    pub peers_from: Option<String>,
}

impl Default for NetworkSettings {
    fn default() -> Self {
        let listen = ["/ip4/0.0.0.0/tcp/7645", "/ip4/0.0.0.0/udp/7645/quic-v1"];
        Self { listen: listen.map(str::to_owned).into(), peers: BTreeMap::new(), peers_from: None }
    }
}

/// How the chain's state and blocks are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StateSettings {
    /// Blocks below the head whose state, receipts and indices can be read; 0: all since the
    /// genesis. What is below goes from the disk in the background.
    pub retention_blocks: u64,
    /// MiB of the tree's leaves kept in memory; beside them, 5 bytes a key are there in any case.
    pub tree_mib: u32,
}

impl Default for StateSettings {
    fn default() -> Self {
        Self { retention_blocks: 0, tree_mib: 1_024 }
    }
}

/// How a node that is behind comes to the others' state, and what it holds for such nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SyncSettings {
    pub mode: SyncMode,
    /// Blocks behind the others from which on a snapshot is fetched, where they have one.
    pub behind_blocks: u64,
    /// Blocks between two snapshots held for others; 0: none. As many as a net at full speed makes
    /// in about ten minutes. Two are held, each with what was overwritten since.
    pub snapshot_blocks: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyncMode {
    /// The state of a recent block, then the blocks after it.
    Snapshot,
    /// All blocks from the own head on.
    Blocks,
}

impl Default for SyncSettings {
    fn default() -> Self {
        Self { mode: SyncMode::Snapshot, behind_blocks: 10_000, snapshot_blocks: 10_000 }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VmSettings {
    /// MiB of compiled contracts kept in memory.
    pub modules_mib: u32,
    /// MiB of compiled contracts kept on the disk. What finds no room is compiled at its next call, for which nobody
    /// pays: so there is more than an attacker fills in a thousand full blocks.
    pub artifacts_mib: u32,
    /// Threads that execute a block, at most eight; 0: as many as pay on this machine.
    pub threads: u8,
}

impl Default for VmSettings {
    fn default() -> Self {
        Self { modules_mib: 256, artifacts_mib: 16_384, threads: 0 }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MempoolSettings {
    /// MiB of transactions waiting; further ones are refused.
    pub size_mib: u32,
}

impl Default for MempoolSettings {
    fn default() -> Self {
        Self { size_mib: 64 }
    }
}

/// The disk under `data/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiskSettings {
    /// MiB that are to stay free. Below, transactions of clients are refused. Below a quarter of it the node stops, so
    /// that must be room for what the database writes in a second; it starts again with half of it.
    pub free_mib_min: NonZeroU32,
    /// A forecast of fewer hours until `free_mib_min` is reached is worth a warning; 0: no forecast is.
    pub warn_hours: u32,
}

impl Default for DiskSettings {
    fn default() -> Self {
        const GIBIBYTE: NonZeroU32 = NonZeroU32::new(1_024).expect("it is not zero");
        Self { free_mib_min: GIBIBYTE, warn_hours: 24 }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives such as
    /// `info,quorate::network=debug`.
    pub level: String,
    pub format: LogFormat,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { level: "info".into(), format: LogFormat::Auto }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For a person on a terminal, JSON otherwise.
    Auto,
    Human,
    Json,
}

/// What the client commands of this home use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientSettings {
    /// The node to ask, as `http://host:port`; absent: the one of this home, or of `rpc_from`.
    #[serde(with = "optional_text")]
    pub rpc: Option<String>,
    /// As `network.peers_from`: ask the first node found running there.
    #[serde(with = "optional_text")]
    pub rpc_from: Option<String>,
    /// The name of the key in `keys/` that signs transactions.
    pub key: String,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self { rpc: None, rpc_from: None, key: "default".into() }
    }
}

/// One setting: its dotted name and what it means.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub name: &'static str,
    pub about: &'static str,
}

const fn key(name: &'static str, about: &'static str) -> Key {
    Key { name, about }
}

/// Every setting, in the order in which `config show` prints them.
pub const KEYS: &[Key] = &[
    key("validator.key", "name of the key in keys/ with which the node votes"),
    key("validator.passphrase_file", "file whose first line is that key's passphrase"),
    key("rpc.listen", "address of HTTP and WebSocket; port 0: chosen by the system"),
    key("rpc.connections_max", "open RPC connections"),
    key("network.listen", "multiaddresses to listen on; port 0: chosen by the system"),
    key("network.peers", "multiaddresses of the other validators, by name"),
    key("network.peers_from", "ports.json files of validators on this machine, such as ../*/run"),
    key("sync.mode", "how a node far behind catches up: snapshot, or blocks one by one"),
    key("sync.behind_blocks", "blocks behind from which on a snapshot is fetched"),
    key("sync.snapshot_blocks", "blocks between snapshots held for others; 0: none"),
    key("state.retention_blocks", "blocks below the head that can be read; 0: all"),
    key("state.tree_mib", "MiB of the state tree's leaves in memory"),
    key("vm.modules_mib", "MiB of compiled contracts in memory"),
    key("vm.artifacts_mib", "MiB of compiled contracts on the disk"),
    key("vm.threads", "threads that execute a block, at most 8; 0: as many as pay here"),
    key("mempool.size_mib", "MiB of transactions that wait for a block"),
    key(
        "disk.free_mib_min",
        "MiB free below which transactions are refused; the node stops at a quarter",
    ),
    key("disk.warn_hours", "hours until then below which the node warns; 0: never"),
    key("log.level", "error, warn, info, debug, trace, or directives per module"),
    key("log.format", "auto, human or json"),
    key("client.rpc", "node that the client commands ask, http://host:port"),
    key("client.rpc_from", "ports.json files of nodes to ask, such as ../*/run/ports.json"),
    key("client.key", "name of the key in keys/ that signs transactions"),
];

mod optional_text {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &Option<String>, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(value.as_deref().unwrap_or_default())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
        String::deserialize(d).map(|text| (!text.is_empty()).then_some(text))
    }
}

mod optional_path {
    use std::path::PathBuf;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(value: &Option<PathBuf>, s: S) -> Result<S::Ok, S::Error> {
        value.clone().unwrap_or_default().serialize(s)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<PathBuf>, D::Error> {
        let path = PathBuf::deserialize(d)?;
        Ok((!path.as_os_str().is_empty()).then_some(path))
    }
}
