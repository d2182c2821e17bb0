//! Tells whoever started the node that it serves: a datagram to the socket named by `NOTIFY_SOCKET`, the
//! protocol of systemd's `Type=notify`. `quorate testnet up` listens the same way, so nothing polls.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Says that the node serves. Without anybody waiting it does nothing.
///
/// # Errors
/// When somebody is named and cannot be told; the node may go on all the same.
pub fn notify() -> io::Result<()> {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET").filter(|path| !path.is_empty()) else {
        return Ok(());
    };
    let address = match path.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(&path)?,
    };
    let message = format!("READY=1\nMAINPID={}\n", std::process::id());
    UnixDatagram::unbound()?.send_to_addr(message.as_bytes(), &address).map(|_| ())
}
