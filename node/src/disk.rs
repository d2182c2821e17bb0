//! The watch on the disk under `data/`: how much is free, how fast that goes, and what follows.
//!
//! A database that meets a full disk stops in the middle of a write. So admission stops first: below a floor this node
//! refuses transactions of its clients and packs none, while it votes and commits what the others order. Far below,
//! it stops in good order. All of that is outside the replica, which knows of no disk: `measure` looks,
//! `forecast` and `policy` are functions of what it saw, and a thread publishes what comes of it.

mod forecast;
mod measure;
mod policy;
mod words;

use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use replica::Event;
use tokio::sync::watch;

use crate::config::Home;
use crate::config::settings::DiskSettings;
use crate::driver::Clock;
use crate::failure::{self, Stopped};
use crate::inbox::Inbox;

pub use forecast::{Forecast, Rates};
use forecast::{History, Sample, forecast};
use measure::Places;
pub use measure::Used;
pub use policy::{Level, Policy};
pub use words::{size, span};

/// How often it is looked at how much is free. What is written in between must find room below the floor.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often the data is measured for the forecast, in milliseconds: that looks at every file.
const SAMPLE_MS: u64 = 15_000;
/// How often the log repeats what still holds, in milliseconds.
const REMIND_MS: u64 = 3_600_000;

/// What is known of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlook {
    pub level: Level,
    pub free_bytes: u64,
    pub used: Used,
    /// `None` until enough was measured.
    pub rates: Option<Rates>,
    /// When transactions are refused.
    pub forecast: Forecast,
    pub policy: Policy,
}

impl Outlook {
    /// Before anything was measured.
    fn unseen(policy: Policy) -> Self {
        let (level, forecast) = (Level::Plenty, Forecast::Unknown);
        Self { level, free_bytes: 0, used: Used::default(), rates: None, forecast, policy }
    }

    /// After this was measured.
    fn then(self, free_bytes: u64, used: Used, rates: Option<Rates>) -> Self {
        let forecast = forecast(free_bytes, self.policy.refuse_below, rates);
        let level = self.policy.level(self.level, free_bytes, forecast);
        Self { level, free_bytes, used, rates, forecast, ..self }
    }

    /// Whether clients' transactions are refused.
    pub fn refuses(&self) -> bool {
        self.level >= Level::Refusing
    }
}

/// Looks at the disk, and tells who wants to know.
#[derive(Debug)]
pub struct DiskWatch {
    places: Places,
    clock: Clock,
    history: History,
    outlook: watch::Sender<Outlook>,
    sampled_ms: Option<u64>,
    /// When the log was last told of the level.
    told_ms: Option<u64>,
    /// When the log was last told that nothing can be measured.
    complained_ms: Option<u64>,
}

impl DiskWatch {
    /// Looks for the first time. To be called before the database is opened, since opening writes.
    ///
    /// # Errors
    /// When there is too little room to start, or the file system does not say how much there is.
    pub fn begin(home: &Home, settings: &DiskSettings, clock: Clock) -> anyhow::Result<Self> {
        let (places, policy) = (Places::of(home), Policy::of(settings));
        let free_bytes = places.free_bytes().with_context(|| {
            format!("how full the disk of {} is cannot be found out", places.data().display())
        })?;
        let outlook = Outlook::unseen(policy).then(free_bytes, Used::default(), None);
        if free_bytes < policy.start_from() {
            return Err(stopped(places.data(), &outlook.too_little_to_start()).into());
        }
        let mut watch = Self {
            places,
            clock,
            history: History::default(),
            outlook: watch::Sender::new(outlook),
            sampled_ms: None,
            told_ms: None,
            complained_ms: None,
        };
        watch.tell(clock.uptime_ms());
        Ok(watch)
    }

    pub fn subscribe(&self) -> watch::Receiver<Outlook> {
        self.outlook.subscribe()
    }

    /// Starts the thread that looks again and again, until the node must stop or has. The replica is told when it may
    /// not pack, and when it may again.
    pub fn start(self, inbox: Inbox) -> io::Result<()> {
        thread::Builder::new().name("disk".into()).spawn(move || self.run(&inbox))?;
        Ok(())
    }

    fn run(mut self, inbox: &Inbox) {
        let mut allowed = true;
        loop {
            self.look();
            let outlook = *self.outlook.borrow();
            if outlook.level == Level::Stopping {
                return;
            }
            if allowed == outlook.refuses() {
                allowed = !allowed;
                if inbox.notify(Event::Packing { allowed }).is_err() {
                    return;
                }
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    fn look(&mut self) {
        let before = *self.outlook.borrow();
        let now_ms = self.clock.uptime_ms();
        let free_bytes = self.places.free_bytes();
        let Some(free_bytes) = self.or_complain(free_bytes, now_ms) else { return };
        let (mut used, mut rates) = (before.used, before.rates);
        if is_due(self.sampled_ms, SAMPLE_MS, now_ms) {
            self.sampled_ms = Some(now_ms);
            let measured = self.places.used();
            if let Some(measured) = self.or_complain(measured, now_ms) {
                used = measured;
                self.history.add(Sample { at_ms: now_ms, free_bytes, used_bytes: used.bytes() });
                rates = self.history.rates();
            }
        }
        let outlook = before.then(free_bytes, used, rates);
        self.outlook.send_replace(outlook);
        let stands = outlook.level > Level::Plenty && is_due(self.told_ms, REMIND_MS, now_ms);
        if stands || outlook.level != before.level {
            self.tell(now_ms);
        }
    }

    /// What was measured. Without it what was last known holds, which is told now and then.
    fn or_complain<T>(&mut self, measured: io::Result<T>, now_ms: u64) -> Option<T> {
        if let Err(error) = &measured
            && is_due(self.complained_ms, REMIND_MS, now_ms)
        {
            self.complained_ms = Some(now_ms);
            tracing::warn!("how full this node's disk is cannot be found out: {error}");
        }
        measured.ok()
    }

    /// One line for the log. That the node stops is said by who stops it.
    fn tell(&mut self, now_ms: u64) {
        self.told_ms = Some(now_ms);
        let outlook = *self.outlook.borrow();
        let free = size(outlook.free_bytes);
        match (outlook.level, outlook.warning()) {
            (Level::Stopping, _) => {}
            (_, Some(warning)) => tracing::warn!("{warning}"),
            (_, None) => tracing::info!("this node's disk has {free} free"),
        }
    }
}

/// Waits until the node must stop for want of room, and says why.
pub async fn exhausted(data: &Path, mut outlook: watch::Receiver<Outlook>) -> Stopped {
    let Ok(outlook) = outlook.wait_for(|outlook| outlook.level == Level::Stopping).await else {
        failure::stop("the watch on the disk has ended");
    };
    let reason = stopped(data, &outlook.warning().unwrap_or_default());
    tracing::error!("stopping: {reason}");
    reason
}

/// Whether it is time again for what was last done then.
fn is_due(last_ms: Option<u64>, every_ms: u64, now_ms: u64) -> bool {
    last_ms.is_none_or(|last_ms| now_ms >= last_ms.saturating_add(every_ms))
}

fn stopped(data: &Path, why: &str) -> Stopped {
    Stopped(format!("{}: {why}", data.display()))
}
