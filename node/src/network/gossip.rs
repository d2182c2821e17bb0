//! The settings of gossipsub.
//!
//! Every validator is connected to every other, so the maker of a message sends it to all (flood
//! publishing) and nobody forwards what he received: each message crosses each link once. Only the
//! lazy half of gossipsub is left, as the repair: at each heartbeat peers name what they have of
//! late, and whoever missed a message asks for it. A mesh would carry every batch several times.
//!
//! Messages are anonymous: what is gossiped carries its maker's signature, and the connection
//! proves who forwarded it. A message is known by its content, so what comes twice is handed on
//! once.

use std::time::Duration;

use libp2p::gossipsub::{
    Behaviour, ConfigBuilder, IdentTopic, IdentityTransform, MessageAuthenticity, MessageId,
    ValidationMode, WhitelistSubscriptionFilter,
};
use primitives::Hash;
use primitives::hash::Domain;

use super::NetworkError;
use super::limits::{GOSSIP_BYTES_MAX, GOSSIP_PEER_QUEUE_MAX};

/// Between announcements of what one has: the time in which a lost message is repaired.
const HEARTBEAT: Duration = Duration::from_millis(250);
/// Heartbeats for which a message is kept to be asked for.
const KEPT_HEARTBEATS: usize = 16;
/// Heartbeats for which it is announced.
const ANNOUNCED_HEARTBEATS: usize = 4;
/// Peers to whom it is announced each time.
const ANNOUNCED_PEERS: usize = 6;
/// Bytes of announcements and requests in one packet: ids of some seven thousand messages.
const CONTROL_BYTES_MAX: usize = 256 << 10;
/// Bytes that the envelope adds to a message: the topic and protobuf tags.
const ENVELOPE_BYTES_MAX: usize = 1 << 10;

/// Gossipsub, open to one topic only.
pub(super) type Gossip = Behaviour<IdentityTransform, WhitelistSubscriptionFilter>;

/// The one topic of a chain.
pub(super) fn topic(chain: &Hash) -> IdentTopic {
    IdentTopic::new(format!("/quorate/{chain}/gossip/1"))
}

/// Gossipsub with its settings, subscribed to the chain's topic.
pub(super) fn behaviour(chain: &Hash) -> Result<Gossip, NetworkError> {
    let failed = |reason: String| NetworkError::Setup { part: "gossipsub", reason };
    let config = ConfigBuilder::default()
        .protocol_id_prefix(format!("/quorate/{chain}/gossipsub"))
        .validation_mode(ValidationMode::Anonymous)
        .message_id_fn(|message| {
            MessageId::from(Hash::of_bytes(Domain::Gossip, &message.data).0.to_vec())
        })
        .max_transmit_size(GOSSIP_BYTES_MAX + ENVELOPE_BYTES_MAX)
        .max_control_message_size(CONTROL_BYTES_MAX)
        .flood_publish(true)
        .mesh_outbound_min(0)
        .mesh_n_low(0)
        .mesh_n(0)
        .mesh_n_high(0)
        .heartbeat_initial_delay(HEARTBEAT)
        .heartbeat_interval(HEARTBEAT)
        .history_length(KEPT_HEARTBEATS)
        .history_gossip(ANNOUNCED_HEARTBEATS)
        .gossip_lazy(ANNOUNCED_PEERS)
        .connection_handler_queue_len(GOSSIP_PEER_QUEUE_MAX)
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let topic = topic(chain);
    let filter = WhitelistSubscriptionFilter([topic.hash()].into());
    let privacy = MessageAuthenticity::Anonymous;
    let mut gossip = Gossip::new_with_subscription_filter(privacy, config, filter)
        .map_err(|reason| failed(reason.to_owned()))?;
    gossip.subscribe(&topic).map_err(|error| failed(error.to_string()))?;
    Ok(gossip)
}
