//! Starting validators, waiting until they serve, and how they stand.

use std::collections::BTreeMap;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use primitives::Height;
use rpc::client::ChainApiClient;
use serde::Serialize;

use super::layout::{Net, log_file, tail};
use super::process;
use crate::cli::output::{Output, table};
use crate::cli::remote::Remote;
use crate::config::Home;

/// How long a validator may take until it serves; opening a large store is most of it.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How often to look whether a validator has died while it is awaited.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Lines of the log shown of a validator that did not start.
const LOG_LINES: usize = 15;

/// One validator, for people.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub name: String,
    pub running: bool,
    pub pid: Option<u32>,
    pub rpc: Option<String>,
    pub height: Option<Height>,
}

/// Starts the validators that do not run, and waits until they serve. Answers with their names.
pub fn start(net: &Net, out: Output) -> anyhow::Result<Vec<String>> {
    let mut processes = net.processes()?;
    processes.retain(|_, process| process.is_alive());
    let waiting = Waiting::listen()?;
    let mut children = BTreeMap::new();
    for (name, home) in net.homes()? {
        if processes.contains_key(&name) || home.is_running() {
            continue;
        }
        let (child, process) = process::spawn(&home, &log_file(&home), &waiting.name)?;
        processes.insert(name.clone(), process);
        // At once, so that `down` finds it even if this command dies.
        net.remember_processes(&processes)?;
        children.insert(name, (child, home));
    }
    let names: Vec<_> = children.keys().cloned().collect();
    if !names.is_empty() {
        out.progress(&format!("starting {}", names.join(", ")));
    }
    waiting.until_all_serve(children)?;
    Ok(names)
}

/// The socket on which validators say that they serve.
struct Waiting {
    socket: UnixDatagram,
    /// As `NOTIFY_SOCKET` has it.
    name: String,
}

impl Waiting {
    /// In the abstract namespace: no file to leave behind, no limit by the length of a path.
    fn listen() -> anyhow::Result<Self> {
        let mut unique = [0u8; 8];
        getrandom::fill(&mut unique).map_err(|error| anyhow::anyhow!("{error}"))?;
        let name = format!("quorate-testnet-{}", hex::encode(unique));
        let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
        socket.set_read_timeout(Some(LOOK_EVERY))?;
        Ok(Self { socket, name: format!("@{name}") })
    }

    fn until_all_serve(&self, mut children: BTreeMap<String, (Child, Home)>) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        let mut buffer = [0u8; 512];
        while !children.is_empty() {
            if let Ok(length) = self.socket.recv(&mut buffer) {
                let message = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default());
                let serves = message.lines().any(|line| line == "READY=1");
                let mut lines = message.lines();
                let pid = lines.find_map(|line| line.strip_prefix("MAINPID=")?.parse().ok());
                children.retain(|_, (child, _)| !(serves && Some(child.id()) == pid));
            }
            for (name, (child, home)) in &mut children {
                if let Some(status) = child.try_wait()? {
                    bail!("{name} ended while starting ({status}):\n{}", last_words(home));
                }
            }
            if let Some((name, (_, home))) = children.first_key_value()
                && Instant::now() > deadline
            {
                let seconds = READY_WITHIN.as_secs();
                bail!("{name} does not serve after {seconds} s:\n{}", last_words(home));
            }
        }
        Ok(())
    }
}

fn last_words(home: &Home) -> String {
    let path = log_file(home);
    let lines = tail(&path, LOG_LINES).unwrap_or_default();
    format!("{lines}\n(the end of {})", path.display())
}

/// Asks every validator how far it is.
pub async fn survey(net: &Net) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (name, home) in net.homes()? {
        let ports = home.ports()?.filter(|_| home.is_running());
        let height = match &ports {
            Some(ports) => {
                let remote = Remote::at(&ports.rpc_url())?;
                remote.http.chain_info().await.ok().map(|info| info.at.height)
            }
            None => None,
        };
        rows.push(Row {
            name,
            running: ports.is_some(),
            pid: ports.as_ref().map(|ports| ports.pid),
            rpc: ports.as_ref().map(crate::config::Ports::rpc_url),
            height,
        });
    }
    Ok(rows)
}

pub fn table_of(rows: &[Row]) -> String {
    let head = ["validator", "state", "rpc", "height", "pid"].map(str::to_owned).to_vec();
    let lines = rows.iter().map(|row| {
        let state = match (row.running, row.height) {
            (false, _) => "down",
            (true, None) => "silent",
            (true, Some(_)) => "up",
        };
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        vec![
            row.name.clone(),
            state.to_owned(),
            or_dash(row.rpc.clone()),
            or_dash(row.height.map(|height| height.to_string())),
            or_dash(row.pid.map(|pid| pid.to_string())),
        ]
    });
    table(&std::iter::once(head).chain(lines).collect::<Vec<_>>())
}

/// The RPC of a running validator, by its position.
pub fn remote(net: &Net, position: usize) -> anyhow::Result<(String, Remote)> {
    let homes = net.homes()?;
    let running: Vec<_> = homes.iter().filter(|(_, home)| home.is_running()).collect();
    let count = running.len().max(1);
    let (name, home) = running.get(position % count).context("no validator runs")?;
    let ports = home.ports()?.with_context(|| format!("{name} has not said where it serves"))?;
    Ok((name.clone(), Remote::at(&ports.rpc_url())?))
}
