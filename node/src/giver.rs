//! The thread that gives snapshots to validators that are far behind. It rests nine times as long as it works, so that
//! it never takes more than a tenth of a core from what the chain needs.

use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use primitives::{ValidatorIndex, codec};
use replica::{Message, SnapshotRequest, Snapshots};

use crate::answering::{Answer, Answering};
use crate::driver;
use crate::network::NetworkHandle;

/// Rest for each moment of work.
const REST: u32 = 9;
/// No rest is longer: whoever waits would think that nothing comes.
const REST_MAX: Duration = Duration::from_secs(2);

/// Hands requests to the thread.
#[derive(Debug)]
pub struct Giver {
    sender: Sender<(Answer, ValidatorIndex, SnapshotRequest)>,
    answering: Answering,
}

impl Giver {
    /// Whether the thread is there to take it.
    pub fn give(&self, to: ValidatorIndex, request: SnapshotRequest) -> bool {
        let Some(answer) = self.answering.enter(to) else { return true };
        self.sender.send((answer, to, request)).is_ok()
    }
}

/// Starts the thread. It ends when the giver is dropped.
pub fn start(
    snapshots: Snapshots,
    network: NetworkHandle,
) -> std::io::Result<(Giver, JoinHandle<()>)> {
    let (sender, requests) = channel::<(Answer, ValidatorIndex, SnapshotRequest)>();
    let run = move || {
        while let Ok((answer, to, request)) = requests.recv() {
            let began = Instant::now();
            let message = Message::Snapshot(snapshots.answer(&request));
            network.send(to, driver::class(&message), codec::encode(&message).into());
            drop(answer);
            thread::sleep((began.elapsed() * REST).min(REST_MAX));
        }
    };
    let thread = thread::Builder::new().name("snapshots".into()).spawn(run)?;
    Ok((Giver { sender, answering: Answering::default() }, thread))
}
