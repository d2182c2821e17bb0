//! The line that shows a run while it lasts: in place on a terminal, now and then elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::drive::Board;

const ON_A_TERMINAL: Duration = Duration::from_millis(250);
const ELSEWHERE: Duration = Duration::from_secs(5);

/// Shows until it is stopped.
#[derive(Debug)]
pub struct Live(JoinHandle<()>);

impl Live {
    pub fn start(board: Arc<Board>) -> Self {
        Self(tokio::spawn(show(board)))
    }

    pub fn stop(self) {
        self.0.abort();
        if std::io::stderr().is_terminal() {
            eprint!("\r\x1b[K");
        }
    }
}

async fn show(board: Arc<Board>) {
    let in_place = std::io::stderr().is_terminal();
    let period = if in_place { ON_A_TERMINAL } else { ELSEWHERE };
    let began = Instant::now();
    let (mut before, mut looked) = (0, began);
    let mut ticks = tokio::time::interval(period);
    // The first tick comes at once.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let committed = board.committed.load(Ordering::Relaxed);
        let rate = (committed - before) as f64 / looked.elapsed().as_secs_f64();
        (before, looked) = (committed, Instant::now());
        let line = format!(
            "{:>4} s   sent {}   committed {committed} ({rate:.0}/s)   under way {}   refused {}",
            began.elapsed().as_secs(),
            board.sent.load(Ordering::Relaxed),
            board.under_way(),
            board.refusals(),
        );
        if in_place {
            eprint!("\r\x1b[K{line}");
            // A terminal that has gone away needs no line.
            let _ = std::io::stderr().flush();
        } else {
            eprintln!("{line}");
        }
    }
}
