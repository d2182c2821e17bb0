//! The time before a node takes part, when it is far behind: it restores a snapshot that others give. What is decided
//! says `replica/src/state_sync.rs`; here it is connected to network, disk and time.
//!
//! No replica exists meanwhile, so nothing is signed. The vote log is not touched: the restored head is above all that
//! it holds, or the log says what was signed above the head, as after any start.

mod backend;

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use primitives::{Genesis, Hash, TimestampMs, ValidatorIndex, ValidatorSet, codec};
use replica::{
    Happening, Message, Outcome, Progress, StateSync, StateSyncOptions, Step, Urgency,
    genesis_block,
};
use rpc::types::Anchor;
use state::{Restore, State};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use self::backend::SyncingBackend;
use crate::config::settings::{SyncMode, SyncSettings};
use crate::config::{Home, Ports, Settings, ready};
use crate::disk::{self, Outlook};
use crate::driver::{self, Clock};
use crate::failure;
use crate::network::{NetworkEvent, NetworkEvents, NetworkHandle};
use crate::node;

/// Blocks a second that no net exceeds for long: how far behind a head of some age can be.
const BLOCKS_PER_SECOND_MAX: u64 = 100;
/// How often the log says how far it is, in milliseconds.
const PROGRESS_MS: u64 = 5_000;

/// Where a database is restored, beside it. While this exists, a restoration is under way or has to be.
pub fn directory(data: &Path) -> PathBuf {
    data.join("db.syncing")
}

/// Notes that nothing but a snapshot brings this home on: its next start fetches one.
pub fn demand(directory: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)
}

/// Whether it is worth asking what the others have, and what if they have nothing.
pub fn urgency(
    settings: &SyncSettings,
    directory: &Path,
    head: TimestampMs,
    now: TimestampMs,
) -> Option<Urgency> {
    if directory.exists() {
        return Some(Urgency::Needed);
    }
    let age_ms = now.0.saturating_sub(head.0);
    let behind_max = age_ms / 1_000 * BLOCKS_PER_SECOND_MAX;
    let worth = settings.mode == SyncMode::Snapshot && behind_max >= settings.behind_blocks;
    worth.then_some(Urgency::Optional)
}

/// What a node is made of before it has a state.
#[derive(Debug)]
pub struct Syncing<'a> {
    pub home: &'a Home,
    pub settings: &'a Settings,
    pub genesis: &'a Genesis,
    pub validators: &'a ValidatorSet,
    pub own: ValidatorIndex,
    pub network: &'a NetworkHandle,
    pub events: &'a mut NetworkEvents,
    /// Counts the addresses that the network listens on.
    pub listening: &'a watch::Sender<usize>,
    pub clock: Clock,
    /// What is known of the disk.
    pub disk: watch::Receiver<Outlook>,
}

/// How looking for a snapshot ended.
#[derive(Debug)]
enum Ended {
    /// The node may begin; these are connected.
    Ready(BTreeSet<ValidatorIndex>),
    /// A signal came.
    Told,
}

impl Syncing<'_> {
    /// The state, as recent as it can be had before there is a replica, and who is connected by then; nothing when a
    /// signal came first.
    ///
    /// # Errors
    /// When the disk fails or is nearly full; what is there stays, and the next start goes on with it.
    pub async fn state(self) -> anyhow::Result<Option<(State, BTreeSet<ValidatorIndex>)>> {
        let (database, genesis) = (self.home.database(), genesis_block(self.genesis));
        let kept = node::state_options(self.settings)?;
        let state = State::open_with(&database, &genesis, kept)?;
        let (head, now) = (state.head(), self.clock.now().wall);
        let settings = &self.settings.sync;
        let Some(urgency) = urgency(settings, &self.directory(), head.header.timestamp, now) else {
            return Ok(Some((state, BTreeSet::new())));
        };
        let options = StateSyncOptions {
            chain: genesis.genesis_hash,
            validators: self.validators.clone(),
            own: self.own,
            height: head.header.height,
            floor: state.floor(),
            behind_blocks: settings.behind_blocks,
            urgency,
        };
        // The restoration takes over what the database holds, and its place.
        drop(state);
        match self.restore(options, crate::backend::anchor(&head)).await? {
            Ended::Ready(connected) => {
                Ok(Some((State::open_with(&database, &genesis, kept)?, connected)))
            }
            Ended::Told => {
                tracing::info!("stopping as told");
                Ok(None)
            }
        }
    }

    fn directory(&self) -> PathBuf {
        directory(&self.home.data())
    }

    /// Looks for a snapshot and restores it, or finds that blocks will do.
    async fn restore(self, options: StateSyncOptions, head: Anchor) -> anyhow::Result<Ended> {
        let chain = options.chain;
        let (progress, watched) = watch::channel(Progress::default());
        let mut sync = StateSync::new(options, self.clock.uptime_ms());
        let mut connected = BTreeSet::new();
        let mut steps = VecDeque::new();
        let mut server = None;
        if self.directory().exists() {
            steps.extend(sync.begin(self.clock.uptime_ms(), self.open()?));
            let keys = sync.progress().keys;
            tracing::info!(keys, "going on with a state that was being restored");
        }
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let data = self.home.data();
        let mut exhausted = pin!(disk::exhausted(&data, self.disk.clone()));
        let mut told_ms = 0;
        loop {
            while let Some(step) = steps.pop_front() {
                match step {
                    Step::Begin => {
                        steps.extend(sync.begin(self.clock.uptime_ms(), self.open()?));
                    }
                    Step::End(Outcome::Blocks) => return Ok(Ended::Ready(connected)),
                    Step::End(Outcome::Restored) => {
                        self.finish(sync, chain)?;
                        if let Some(server) = server {
                            rpc::Server::stop(server).await;
                        }
                        return Ok(Ended::Ready(connected));
                    }
                    other => self.act(other),
                }
            }
            if server.is_none() && self.directory().exists() {
                server = Some(self.serve(head, watched.clone()).await?);
            }
            progress.send_replace(sync.progress());
            if self.clock.uptime_ms() >= told_ms {
                told_ms = self.clock.uptime_ms().saturating_add(PROGRESS_MS);
                tell(&sync);
            }
            let until_ms = sync.deadline_ms().min(told_ms);
            let wait = Duration::from_millis(until_ms.saturating_sub(self.clock.uptime_ms()));
            let happening = tokio::select! {
                _ = terminate.recv() => return Ok(Ended::Told),
                _ = interrupt.recv() => return Ok(Ended::Told),
                reason = &mut exhausted => return Err(reason.into()),
                event = self.events.recv() => match event {
                    Some(event) => self.take(event, &mut connected),
                    None => return Ok(Ended::Told),
                },
                () = tokio::time::sleep(wait) => Some(Happening::Tick),
            };
            if let Some(happening) = happening {
                steps.extend(sync.on_event(self.clock.uptime_ms(), happening));
            }
        }
    }

    fn open(&self) -> anyhow::Result<Restore> {
        Ok(Restore::begin(&self.directory(), Some(&self.home.database()))?)
    }

    fn finish(&self, sync: StateSync, chain: Hash) -> anyhow::Result<()> {
        tell(&sync);
        if let Some(restore) = sync.into_restore() {
            restore.finish(&self.home.database(), chain)?;
        }
        tracing::info!("the state is restored");
        Ok(())
    }

    fn act(&self, step: Step) {
        match step {
            Step::Send { to, message } => {
                self.network.send(to, driver::class(&message), codec::encode(&message).into());
            }
            Step::Aimed { height } => tracing::info!(%height, "restoring the state of this block"),
            Step::Misbehaviour { peer, what } => {
                let peer = self.validators.get(peer).map_or("unknown", |one| one.name.as_str());
                tracing::warn!(peer, "a validator sent {what}; it is not asked again");
            }
            Step::Stop { reason } => failure::stop(&reason),
            Step::Begin | Step::End(_) => {}
        }
    }

    /// What an event of the network means here; agreement and gossip are for nobody yet.
    fn take(
        &self,
        event: NetworkEvent,
        connected: &mut BTreeSet<ValidatorIndex>,
    ) -> Option<Happening> {
        match event {
            NetworkEvent::Listening(address) => {
                tracing::info!(%address, "listening for validators");
                self.listening.send_modify(|count| *count += 1);
                None
            }
            NetworkEvent::Connected(peer) => {
                connected.insert(peer);
                Some(Happening::Peer { peer, connected: true })
            }
            NetworkEvent::Disconnected(peer) => {
                connected.remove(&peer);
                Some(Happening::Peer { peer, connected: false })
            }
            NetworkEvent::Message { from, bytes, .. } => Some(match Message::decode(&bytes) {
                Ok(message) => Happening::Message { from, message },
                Err(error) => {
                    tracing::debug!(%from, "a message cannot be read: {error}");
                    Happening::Unreadable { from }
                }
            }),
            NetworkEvent::Gossip { .. } => None,
        }
    }

    /// Tells clients that they have to wait, and for what.
    async fn serve(
        &self,
        head: Anchor,
        progress: watch::Receiver<Progress>,
    ) -> anyhow::Result<rpc::Server> {
        let chain = crate::backend::summary(self.genesis, self.validators, self.own);
        let name = chain.node_name.clone().unwrap_or_default();
        let (heights, quorum) = (watch::Sender::new(head.height), self.validators.quorum());
        let disk = self.disk.clone();
        let backend = Arc::new(SyncingBackend { chain, head, progress, heights, quorum, disk });
        let address = self.settings.rpc.listen;
        let server = rpc::Server::start(address, backend, rpc::limits::Limits::default()).await;
        let server = server.with_context(|| format!("RPC cannot listen on {address}"))?;
        let (rpc, p2p, pid) = (server.address(), Vec::new(), std::process::id());
        self.home.write_ports(&Ports { name, rpc, p2p, pid })?;
        Ok(server)
    }
}

/// How far it is, for whoever reads the log and for whoever started the process.
fn tell(sync: &StateSync) {
    let progress = sync.progress();
    ready::works(&backend::words(&progress));
    let Some(target) = progress.target else {
        return tracing::info!("asking the other validators which snapshots they have");
    };
    let (keys, pieces, peers) = (progress.keys, progress.pieces, progress.peers);
    let percent = format!("{:.1}", 100.0 * progress.done);
    let kib = progress.bytes >> 10;
    tracing::info!(block = %target, percent, keys, pieces, kib, peers, "restoring the state");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node that was away for a moment must not wait for anybody's answer before it votes again.
    #[test]
    fn nobody_is_asked_when_the_head_is_too_young_to_be_far_behind() {
        let home = tempfile::tempdir().unwrap();
        let directory = directory(home.path());
        let settings = SyncSettings::default();
        let ask = |settings: &SyncSettings, age_ms: u64| {
            urgency(settings, &directory, TimestampMs(1_000), TimestampMs(1_000 + age_ms))
        };
        assert_eq!(ask(&settings, 99_000), None);
        assert_eq!(ask(&settings, 100_000), Some(Urgency::Optional));
        let blocks = SyncSettings { mode: SyncMode::Blocks, ..settings.clone() };
        assert_eq!(ask(&blocks, 100_000), None);
        demand(&directory).unwrap();
        assert_eq!(ask(&blocks, 0), Some(Urgency::Needed), "what was begun is taken up");
    }
}
