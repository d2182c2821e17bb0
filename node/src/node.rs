//! Wiring, top to bottom: opens the home, connects the replica to network, disk, time and clients, runs, and ends
//! in the reverse order.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, bail};
use libp2p::Multiaddr;
use primitives::{
    Genesis, Hash, Height, SecretKey, SignedBatch, StateKey, ValidatorIndex, ValidatorSet, codec,
    limits,
};
use replica::{Event, Ledger, Limits, Machine, Message, Now, Options, Replica};
use state::{Retention, State, StateOptions};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::backend::NodeBackend;
use crate::commits::Commits;
use crate::compiler::ChildCompiler;
use crate::config::peers::PeerBook;
use crate::config::{Home, Ports, Settings, ready};
use crate::control;
use crate::disk::{self, DiskWatch};
use crate::driver::{Clock, Driver, Replies, Watched};
use crate::failure;
use crate::gauge::WriteGauge;
use crate::giver::{self, Giver};
use crate::inbox::Inbox;
use crate::modules::ModuleFiles;
use crate::network::{self, NetworkEvent, NetworkEvents, NetworkHandle, NetworkOptions};
use crate::preparing;
use crate::syncing::{self, Syncing};
use crate::vote_log;
use crate::workers::{self, Jobs, LedgerWork, Pool};

/// How often the addresses of unreachable peers are looked up again.
const PEER_LOOKUP: Duration = Duration::from_millis(250);

/// How long the system may take to open the ports.
const LISTEN_PATIENCE: Duration = Duration::from_secs(10);

/// What decides for a node, made of its restored replica. The product's is [`honest`]; the nets of the tests have a
/// binary of their own, which seats an attacker.
pub type Seat = fn(Replica, &Options, Now) -> Box<dyn Machine>;

/// The replica decides by itself.
pub fn honest(replica: Replica, _: &Options, _: Now) -> Box<dyn Machine> {
    Box::new(replica)
}

/// Runs the node of this home until it is told to stop.
///
/// # Errors
/// When the node cannot start, or had to stop by itself; the message says what to do next.
pub fn run(home: Home, settings: Settings, seat: Seat) -> anyhow::Result<()> {
    failure::stop_on_panic();
    let _lock = home.lock()?;
    let genesis = home.genesis()?;
    let validators = genesis.validator_set().context("the genesis")?;
    let key = home.validator_key(&settings.validator)?;
    let own = own_place(&settings, &key, &validators)?;
    let data = home.data();
    std::fs::create_dir_all(&data).with_context(|| format!("{}", data.display()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let clock = Clock::start();
    let (inbox, commands) = Inbox::new();
    let (log, records) = vote_log::open(&home.vote_log())?;

    let disk = DiskWatch::begin(&home, &settings.disk, clock)?;
    let outlook = disk.subscribe();
    disk.start(inbox.clone())?;
    let (network, mut events) =
        start_network(&settings, &key, own, &validators, &genesis, &runtime)?;
    let book = PeerBook::new(&home, &settings.network);
    let dialing = runtime.spawn(keep_dialing(book, network.clone(), validators.clone()));
    let (listening, addresses) = watch::channel(0);
    let syncing = Syncing {
        home: &home,
        settings: &settings,
        genesis: &genesis,
        validators: &validators,
        own,
        network: &network,
        events: &mut events,
        listening: &listening,
        clock,
        disk: outlook.clone(),
    };
    let Some((state, connected)) = runtime.block_on(syncing.state())? else {
        runtime.block_on(network.shutdown());
        return Ok(());
    };
    let head = state.head();
    tell_start(&genesis, &validators, own, head.header.height);
    let ledger = ledger(&state, &settings, &genesis, &data)?;
    let ledger_view = ledger.view();

    let commits = Arc::new(Commits::new(head.header.height, state.usage()));
    let (work, mut workers) =
        start_workers(ledger, &commits, &inbox, &network, genesis.hash(), &validators)?;

    let (preparing, preparer) = preparing::start(ledger_view.clone())?;
    workers.push(preparer);

    let options = Options { genesis: genesis.clone(), key, own, limits: limits_of(&settings)? };
    let replies: Replies = Arc::new(Mutex::default());
    let replica = Replica::new(options.clone(), state.clone(), records, clock.now());
    let machine = seat(replica, &options, clock.now());
    let watched = Watched::new(machine.replica().core().status(clock.uptime_ms()));
    let status = watched.status.subscribe();
    let gauge = Arc::new(WriteGauge::default());
    let driver = Driver {
        machine,
        log,
        network: network.clone(),
        ledger: work.ledger,
        pool: work.pool,
        giver: work.giver,
        restoring: syncing::directory(&data),
        replies: Arc::clone(&replies),
        clock,
        validators: validators.clone(),
        watched,
        gauge: Arc::clone(&gauge),
    };
    let driver =
        thread::Builder::new().name("replica".into()).spawn(move || driver.run(&commands))?;
    start_pump(events, connected, &inbox, listening)?;

    let backend = NodeBackend::new(
        ledger_view,
        inbox.clone(),
        Arc::clone(&commits),
        replies,
        clock,
        status,
        gauge,
        outlook.clone(),
        validators.clone(),
        &genesis,
        own,
    );
    let served = runtime.block_on(async {
        // Before the addresses are published, the system must have chosen all ports.
        all_listening(addresses, settings.network.listen.len()).await?;
        tokio::spawn(control::Socket::open(&home)?.serve(home.clone(), state));
        let serving = serve(&home, &settings, backend, &network, &validators, own, &commits);
        tokio::select! {
            served = serving => served,
            reason = disk::exhausted(&data, outlook) => Err(reason.into()),
        }
    });
    dialing.abort();
    runtime.block_on(network.shutdown());
    inbox.stop();
    drop(preparing);
    workers.push(driver);
    // Everybody who holds the database has to end before the process does: RocksDB's statics are destroyed at exit,
    // and whoever closes a database after that aborts.
    drop(runtime);
    join(workers)?;
    served
}

/// Waits for the threads, the last one first.
fn join(workers: Vec<JoinHandle<()>>) -> anyhow::Result<()> {
    for worker in workers.into_iter().rev() {
        if worker.join().is_err() {
            bail!("a thread ended by a panic");
        }
    }
    Ok(())
}

fn start_pump(
    events: NetworkEvents,
    connected: BTreeSet<ValidatorIndex>,
    inbox: &Inbox,
    listening: watch::Sender<usize>,
) -> anyhow::Result<()> {
    // Who connected before there was a replica.
    for peer in connected {
        let _ = inbox.push(Event::Peer { peer, connected: true }, 0);
    }
    let inbox = inbox.clone();
    let run = move || pump(events, &inbox, &listening);
    thread::Builder::new().name("network".into()).spawn(run)?;
    Ok(())
}

fn tell_start(genesis: &Genesis, validators: &ValidatorSet, own: ValidatorIndex, height: Height) {
    tracing::info!(
        chain = %genesis.chain_id,
        genesis = %genesis.hash(),
        validator = validators.get(own).map_or("", |validator| validator.name.as_str()),
        %height,
        "starting"
    );
}

/// What the replica's thread gives to others.
struct Work {
    ledger: Sender<LedgerWork>,
    pool: Jobs,
    giver: Giver,
}

fn start_workers(
    ledger: Ledger,
    commits: &Arc<Commits>,
    inbox: &Inbox,
    network: &NetworkHandle,
    chain: Hash,
    validators: &ValidatorSet,
) -> anyhow::Result<(Work, Vec<JoinHandle<()>>)> {
    let view = ledger.view();
    let (giver, giver_thread) = giver::start(view.snapshots().clone(), network.clone())?;
    let (ledger, ledger_thread) =
        workers::start_ledger(ledger, Arc::clone(commits), inbox.clone())?;
    let (validators, network, inbox) = (validators.clone(), network.clone(), inbox.clone());
    let pool = Pool { chain, validators, ledger: view, network, inbox };
    let (pool, mut threads) =
        workers::start_pool(pool, thread::available_parallelism().map_or(1, usize::from))?;
    threads.extend([ledger_thread, giver_thread]);
    Ok((Work { ledger, pool, giver }, threads))
}

fn own_place(
    settings: &Settings,
    key: &SecretKey,
    validators: &ValidatorSet,
) -> anyhow::Result<ValidatorIndex> {
    let (name, public) = (&settings.validator.key, key.public_key());
    validators.index_of(&public).with_context(|| {
        format!(
            "the key {name:?} ({public}) is not a validator of this genesis: use the key that it names, or another \
             genesis"
        )
    })
}

/// How the settings want the state to be kept.
pub fn state_options(settings: &Settings) -> anyhow::Result<StateOptions> {
    let retention = match settings.state.retention_blocks {
        0 => Retention::All,
        blocks => Retention::Blocks(blocks),
    };
    let tree_bytes = usize::try_from(settings.state.tree_mib)? << 20;
    Ok(StateOptions { retention, tree_bytes })
}

fn ledger(
    state: &State,
    settings: &Settings,
    genesis: &Genesis,
    data: &Path,
) -> anyhow::Result<Ledger> {
    let costs = state.get(&StateKey::system(vm::COSTS_KEY));
    vm::CostTable::check(costs.as_deref())?;
    let cache_bytes_max = usize::try_from(settings.vm.modules_mib)? << 20;
    let directory = data.join("modules");
    let bytes_max = u64::from(settings.vm.artifacts_mib) << 20;
    let files = ModuleFiles::new(&directory, &vm::engine::environment(), bytes_max)
        .with_context(|| directory.display().to_string())?;
    let artifacts = Some(Arc::new(files) as Arc<dyn vm::engine::Artifacts>);
    let compiler = Arc::new(ChildCompiler::start()?);
    let threads = match settings.vm.threads {
        0 => vm::ExecutorOptions::default().threads,
        threads => threads.into(),
    };
    let options = vm::ExecutorOptions { cache_bytes_max, artifacts, compiler, threads };
    let executor = vm::Executor::new(options);
    let every = settings.sync.snapshot_blocks;
    Ok(Ledger::with_snapshots(state.clone(), Arc::new(executor), genesis, every))
}

fn limits_of(settings: &Settings) -> anyhow::Result<Limits> {
    let pending_bytes_max = usize::try_from(settings.mempool.size_mib)? << 20;
    Ok(Limits { pending_bytes_max, ..Limits::default() })
}

fn start_network(
    settings: &Settings,
    key: &SecretKey,
    own: ValidatorIndex,
    validators: &ValidatorSet,
    genesis: &Genesis,
    runtime: &tokio::runtime::Runtime,
) -> anyhow::Result<(NetworkHandle, NetworkEvents)> {
    let mut listen = Vec::new();
    for address in &settings.network.listen {
        listen.push(multiaddr(address)?);
    }
    let options = NetworkOptions {
        secret: key.clone(),
        own,
        validators: validators.clone(),
        chain: genesis.hash(),
        listen,
        peers: BTreeMap::new(),
    };
    Ok(network::start(options, runtime.handle())?)
}

fn multiaddr(text: &str) -> anyhow::Result<Multiaddr> {
    text.parse()
        .with_context(|| format!("{text:?} is no multiaddress, such as /ip4/10.0.0.7/tcp/7645"))
}

async fn all_listening(mut count: watch::Receiver<usize>, needed: usize) -> anyhow::Result<()> {
    let listening = count.wait_for(|count| *count >= needed);
    let waited = tokio::time::timeout(LISTEN_PATIENCE, listening).await;
    waited.context("the network does not listen on all of its addresses")??;
    Ok(())
}

/// Serves clients until a signal comes.
async fn serve(
    home: &Home,
    settings: &Settings,
    backend: NodeBackend,
    network: &NetworkHandle,
    validators: &ValidatorSet,
    own: ValidatorIndex,
    commits: &Commits,
) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let limits = rpc::limits::Limits {
        connections: usize::try_from(settings.rpc.connections_max)?,
        ..rpc::limits::Limits::default()
    };
    let address = settings.rpc.listen;
    let server = rpc::Server::start(address, Arc::new(backend), limits)
        .await
        .with_context(|| format!("RPC cannot listen on {address}"))?;
    home.write_ports(&ports(validators, own, server.address(), network))?;
    let telling = tokio::spawn(tell_heights(commits.heights()));
    tracing::info!(rpc = %server.address(), "serving");
    if let Err(error) = ready::notify() {
        tracing::warn!("whoever waits for this node cannot be told that it serves: {error}");
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping as told");
    telling.abort();
    server.stop().await;
    Ok(())
}

fn ports(
    validators: &ValidatorSet,
    own: ValidatorIndex,
    rpc: SocketAddr,
    network: &NetworkHandle,
) -> Ports {
    let name = validators.get(own).map(|validator| validator.name.clone()).unwrap_or_default();
    let p2p = network.status().listening.iter().map(ToString::to_string).collect();
    Ports { name, rpc, p2p, pid: std::process::id() }
}

/// One line a block, for whoever reads the log.
async fn tell_heights(mut heights: tokio::sync::watch::Receiver<primitives::Height>) {
    while heights.changed().await.is_ok() {
        let height = *heights.borrow_and_update();
        tracing::info!(%height, "committed");
    }
}

/// Gives the network the addresses of peers that are not connected, as they are found.
async fn keep_dialing(book: PeerBook, network: NetworkHandle, validators: ValidatorSet) {
    let mut told: BTreeMap<ValidatorIndex, Vec<Multiaddr>> = BTreeMap::new();
    loop {
        let connected = network.status().peers.iter().all(|peer| peer.connected_since.is_some());
        if !connected {
            let addresses = book.addresses();
            for (index, validator) in validators.iter() {
                let Some(texts) = addresses.get(&validator.name) else { continue };
                let parsed: Vec<Multiaddr> =
                    texts.iter().filter_map(|text| text.parse().ok()).collect();
                if told.get(&index) != Some(&parsed) {
                    network.set_addresses(index, parsed.clone());
                    told.insert(index, parsed);
                }
            }
        }
        tokio::time::sleep(PEER_LOOKUP).await;
    }
}

/// Carries what the network brings to the replica. Waits when the replica has enough: then the network stops
/// reading, and the senders wait.
fn pump(mut events: NetworkEvents, inbox: &Inbox, listening: &watch::Sender<usize>) {
    while let Some(event) = events.blocking_recv() {
        let length = match &event {
            NetworkEvent::Message { bytes, .. } | NetworkEvent::Gossip { bytes, .. } => bytes.len(),
            _ => 0,
        };
        let event = match event {
            NetworkEvent::Listening(address) => {
                tracing::info!(%address, "listening for validators");
                listening.send_modify(|count| *count += 1);
                continue;
            }
            NetworkEvent::Connected(peer) => Event::Peer { peer, connected: true },
            NetworkEvent::Disconnected(peer) => Event::Peer { peer, connected: false },
            NetworkEvent::Message { from, bytes, .. } => match Message::decode(&bytes) {
                Ok(message) => Event::Message { from, message },
                Err(error) => {
                    tracing::debug!(%from, "a message cannot be read: {error}");
                    Event::Unreadable { from }
                }
            },
            NetworkEvent::Gossip { bytes, from } => {
                match codec::decode::<SignedBatch>(&bytes, limits::BATCH_BYTES_MAX) {
                    Ok(batch) => Event::Gossip { from, batch },
                    Err(error) => {
                        tracing::warn!(%from, "a gossiped batch cannot be read: {error}");
                        continue;
                    }
                }
            }
        };
        if inbox.push(event, length).is_err() {
            break;
        }
    }
}
