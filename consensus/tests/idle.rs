//! Four validators with nothing to order: what a heartbeat costs, and what silence means.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper that fails fails its test"
)]

mod world;

use std::collections::BTreeMap;

use primitives::{ValidatorIndex, View};
use quorate_consensus::{Core, Effect, Input, Payload, TimeoutReason};
use world::*;

const HEARTBEAT_MS: u64 = 3_000;
/// A message on its way.
const DELAY_MS: u64 = 2;
/// A leader needs longer to build a proposal than others need to say something.
const BUILDING_MS: u64 = 5;

/// Validators on a network without faults; some may be dead.
struct Net {
    cores: BTreeMap<u16, Core>,
    events: BTreeMap<(u64, u64), (u16, Input)>,
    now_ms: u64,
    count: u64,
    height: u64,
    given_up: Vec<(View, TimeoutReason)>,
}

impl Net {
    fn new(alive: &[u16]) -> Self {
        let world = World::new();
        let core = |own: &u16| (*own, world.core_with_heartbeat(*own, Vec::new(), HEARTBEAT_MS));
        let mut net = Self {
            cores: alive.iter().map(core).collect(),
            events: BTreeMap::new(),
            now_ms: 0,
            count: 0,
            height: 0,
            given_up: Vec::new(),
        };
        for own in alive {
            net.step(*own, Input::Start);
        }
        net
    }

    fn later(&mut self, delay_ms: u64, to: u16, input: Input) {
        self.count += 1;
        self.events.insert((self.now_ms + delay_ms, self.count), (to, input));
    }

    fn send(&mut self, from: u16, to: u16, message: quorate_consensus::Message) {
        let from = ValidatorIndex(from);
        if self.cores.contains_key(&to) && from.0 != to {
            self.later(DELAY_MS, to, Input::Message { from, message });
        }
    }

    fn step(&mut self, own: u16, input: Input) {
        let effects = self.cores.get_mut(&own).unwrap().step(at(self.now_ms), input);
        for effect in effects {
            match effect {
                Effect::Send { to, message } => self.send(own, to.0, message),
                Effect::Broadcast(message) => {
                    for to in 0..4 {
                        self.send(own, to, message.clone());
                    }
                }
                Effect::CheckPayload { header, .. } => {
                    self.later(0, own, Input::PayloadReady { block: header.hash() });
                }
                Effect::BuildPayload { view, .. } => {
                    let payload = Payload::default();
                    self.later(BUILDING_MS, own, Input::Payload { view, payload });
                }
                Effect::Execute { header } => {
                    let (block, result) = (header.hash(), result_at(header.height.0));
                    self.later(0, own, Input::Executed { block, result });
                }
                Effect::Commit { blocks, .. } => {
                    self.height = self.height.max(blocks.last().unwrap().height.0);
                }
                Effect::TimedOut { view, reason } => self.given_up.push((view, reason)),
                Effect::Stop { reason } => panic!("{reason}"),
                _ => {}
            }
        }
    }

    /// Until this many blocks are committed.
    fn run(&mut self, height: u64) {
        while self.height < height {
            let event_ms = self.events.keys().next().map_or(u64::MAX, |(ms, _)| *ms);
            let deadline = |(own, core): (&u16, &Core)| (core.deadline_ms().max(self.now_ms), *own);
            let (tick_ms, own) = self.cores.iter().map(deadline).min().unwrap();
            self.now_ms = event_ms.min(tick_ms);
            assert!(self.now_ms < 1_000 * HEARTBEAT_MS, "{} blocks by now", self.height);
            if tick_ms < event_ms {
                self.step(own, Input::Tick);
            } else {
                let (to, input) = self.events.pop_first().unwrap().1;
                self.step(to, input);
            }
        }
    }
}

/// Nobody speaks between two heartbeats, which is longer than a leader may be silent.
#[test]
fn an_idle_chain_gives_no_view_up() {
    let mut net = Net::new(&[0, 1, 2, 3]);
    net.run(40);
    assert_eq!(net.given_up, []);
    assert!(net.now_ms < 40 * (HEARTBEAT_MS + 50), "40 blocks took {} ms", net.now_ms);
}

#[test]
fn a_dead_leader_of_an_idle_chain_is_skipped_once_it_has_missed_some_turns() {
    let mut net = Net::new(&[0, 1, 3]);
    net.run(40);
    let (before_ms, known) = (net.now_ms, net.given_up.len());
    net.run(48);
    let reasons = net.given_up.split_off(known);
    let skipped = |(_, reason): &(View, TimeoutReason)| {
        matches!(reason, TimeoutReason::SilentLeader | TimeoutReason::Joined)
    };
    assert!(!reasons.is_empty() && reasons.iter().all(skipped), "{reasons:?}");
    let took_ms = net.now_ms - before_ms;
    assert!(took_ms < 8 * (HEARTBEAT_MS + 50), "8 blocks took {took_ms} ms");
}
