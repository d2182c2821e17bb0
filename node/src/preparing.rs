//! The thread that compiles contracts before anybody calls them: those of a state that came as a snapshot, and all
//! after a release that compiles or charges otherwise. It rests as long as it works, and ends with its work.

use std::convert::Infallible;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use replica::LedgerView;
use tracing::{info, warn};

/// Starts the thread. It ends early, behind what it is at, when the sender is dropped.
pub fn start(ledger: LedgerView) -> std::io::Result<(Sender<Infallible>, JoinHandle<()>)> {
    let (sender, stop) = channel();
    let run = move || {
        let (began, mut contracts) = (Instant::now(), 0);
        for code in ledger.codes() {
            let before = Instant::now();
            match ledger.prepare(&code) {
                Ok(compiled) => contracts += u32::from(compiled),
                Err(error) => warn!(%code, %error, "a contract is not compiled before its call"),
            }
            if stop.recv_timeout(before.elapsed()) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
        if contracts > 0 {
            let seconds = began.elapsed().as_secs();
            info!(contracts, seconds, "contracts are compiled that were not called yet");
        }
    };
    let thread = thread::Builder::new().name("preparing".into()).spawn(run)?;
    Ok((sender, thread))
}
