//! Tells whoever waits that the node serves. Outside the process: a datagram to the socket named by
//! `NOTIFY_SOCKET`, the protocol of systemd's `Type=notify`. `quorate testnet up` listens the same
//! way, so nothing polls. Inside: whoever subscribed before the node was run.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

static SUBSCRIBER: Mutex<Option<Sender<()>>> = Mutex::new(None);

/// Gives a message when the node of this process serves. The last subscriber is told.
pub fn subscribe() -> Receiver<()> {
    let (sender, receiver) = channel();
    if let Ok(mut subscriber) = SUBSCRIBER.lock() {
        *subscriber = Some(sender);
    }
    receiver
}

/// Says that the node serves; `ports.json` must be written. Without anybody waiting it does
/// nothing.
///
/// # Errors
/// When somebody is named and cannot be told; the node may go on all the same.
pub fn notify() -> io::Result<()> {
    if let Some(subscriber) = SUBSCRIBER.lock().ok().and_then(|mut subscriber| subscriber.take()) {
        // A subscriber that has gone away does not matter.
        let _ = subscriber.send(());
    }
    tell(&format!("READY=1\nMAINPID={}\n", std::process::id()))
}

/// Says what a node does that does not serve yet, and that it needs another minute for it.
pub fn works(at: &str) {
    // Nobody has to listen.
    let _ = tell(&format!("STATUS={at}\nEXTEND_TIMEOUT_USEC=60000000\n"));
}

fn tell(message: &str) -> io::Result<()> {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET").filter(|path| !path.is_empty()) else {
        return Ok(());
    };
    let address = match path.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(&path)?,
    };
    UnixDatagram::unbound()?.send_to_addr(message.as_bytes(), &address).map(|_| ())
}
