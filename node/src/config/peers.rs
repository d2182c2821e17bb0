//! Where the other validators can be reached.
//!
//! On real machines the settings name each peer's address. In a testnet the system chooses the
//! ports, anew at every start, so a node looks into the `ports.json` of its neighbours. The book is
//! therefore asked before *every* attempt to dial and reads the files again: who dials until all
//! peers are connected needs no order of starting, no exchange at the beginning, and finds a peer
//! that came back on another port.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::home::{self, Home, Ports};
use super::settings::NetworkSettings;

/// Files that one pattern may name; further ones are passed over.
const FILES_MAX: usize = 1_000;

/// Finds peers' addresses by their names in the genesis.
#[derive(Clone, Debug)]
pub struct PeerBook {
    home: PathBuf,
    stated: BTreeMap<String, String>,
    pattern: Option<String>,
}

impl PeerBook {
    pub fn new(home: &Home, settings: &NetworkSettings) -> Self {
        Self {
            home: home.root().to_owned(),
            stated: settings.peers.clone(),
            pattern: settings.peers_from.clone(),
        }
    }

    /// All addresses known at this moment: what the settings state, and what stands in the files
    /// now. It touches the disk (one small file a peer); call it when dialling, not for every
    /// message.
    pub fn addresses(&self) -> BTreeMap<String, Vec<String>> {
        let mut book: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, address) in &self.stated {
            book.entry(name.clone()).or_default().push(address.clone());
        }
        let pattern = self.pattern.as_deref();
        for ports in pattern.map(|pattern| running(&self.home, pattern)).unwrap_or_default() {
            book.entry(ports.name).or_default().extend(ports.p2p);
        }
        book
    }
}

/// The `ports.json` files that `pattern` names, in the order of their paths. The pattern is a path
/// relative to `base` in which one component may be `*`. A file that cannot be read now is passed
/// over: its node is starting, ending or dead.
pub fn running(base: &Path, pattern: &str) -> Vec<Ports> {
    let mut files: Vec<PathBuf> = match pattern.split_once('*') {
        None => vec![base.join(pattern)],
        Some((before, after)) => {
            let entries = fs::read_dir(base.join(before)).into_iter().flatten().flatten();
            let after = after.trim_start_matches('/');
            entries.take(FILES_MAX).map(|entry| entry.path().join(after)).collect()
        }
    };
    files.sort();
    files.iter().filter_map(|file| home::read_ports(file).ok().flatten()).collect()
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn a_peer_is_found_where_it_listens_now() {
        let directory = tempfile::tempdir().unwrap();
        let homes = ["one", "two"].map(|name| Home::new(directory.path().join(name)));
        let publish = |home: &Home, port: u16| {
            home.create().unwrap();
            let name = home.root().file_name().unwrap().to_string_lossy().into_owned();
            let p2p = vec![format!("/ip4/127.0.0.1/tcp/{port}")];
            let ports = Ports { name, rpc: SocketAddr::from(([127, 0, 0, 1], 1)), p2p, pid: 1 };
            home.write_ports(&ports).unwrap();
        };
        let settings = NetworkSettings {
            peers: [("far".to_owned(), "/dns4/far.example/tcp/7645".to_owned())].into(),
            peers_from: Some("../*/run/ports.json".into()),
            ..NetworkSettings::default()
        };
        publish(&homes[0], 1);
        let book = PeerBook::new(&homes[0], &settings);
        assert!(!book.addresses().contains_key("two"), "it has not started");
        publish(&homes[1], 2);
        assert_eq!(book.addresses()["two"], ["/ip4/127.0.0.1/tcp/2"]);
        publish(&homes[1], 3);
        assert_eq!(book.addresses()["two"], ["/ip4/127.0.0.1/tcp/3"]);
        assert_eq!(book.addresses()["far"], ["/dns4/far.example/tcp/7645"]);
        fs::write(homes[1].ports_file(), "{").unwrap();
        assert!(!book.addresses().contains_key("two"), "a broken file is passed over");
    }
}
