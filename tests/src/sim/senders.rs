//! The clients' part of a run: what they send to whom, and what must not be lost.
#![expect(
    clippy::indexing_slicing,
    reason = "instances are numbered by the plan; a wrong number is the harness's own bug"
)]

use primitives::{Hash, TimestampMs};
use replica::{Event, RequestId};

use crate::sim::clients::Client;
use crate::sim::cluster::{CLIENT_MS, Cluster, EPOCH, Happening};
use crate::sim::plan::FAULTS_MS;

impl Cluster {
    pub(super) fn look_after_clients(&mut self) {
        let up: Vec<usize> =
            (0..self.nodes.len()).filter(|i| self.nodes[*i].running.is_some()).collect();
        let Some(receiver) = self.clients.first().map(Client::address) else { return };
        for number in 0..self.clients.len() {
            let waits_for = self.clients[number].waits_for();
            let done = waits_for.is_some_and(|hash| {
                (0..self.nodes.len()).any(|i| self.checkers.is_executed_at(i, &hash))
            });
            if done {
                self.clients[number].done();
            }
            if up.is_empty() || !self.chance.happens(400) {
                continue;
            }
            let instance = up[self.chance.index(up.len())];
            // A client that relies on its validator sends to an honest one, and again only when that has crashed.
            let relied = self.clients[number].relies_on();
            let kept = relied.is_some_and(|(_, at, life, _)| self.is_alive(at, life));
            if self.clients[number].relies && (kept || !self.plan.is_honest(instance)) {
                continue;
            }
            let wall = TimestampMs(EPOCH + self.now_ms);
            let chain = self.genesis.chain_id.clone();
            let next = self.clients[number].next(self.now_ms, wall, &chain, receiver);
            if let Some(signed) = next {
                let transaction = signed.verify().expect("a client signs well");
                let request = RequestId(number as u64);
                let event = Event::Transaction { request, transaction };
                let life = self.nodes[instance].life;
                self.schedule(self.now_ms, Happening::Event { instance, life, event });
            }
        }
        self.schedule(self.now_ms + CLIENT_MS, Happening::Clients);
    }

    /// What honest validators admitted before the network was good, and nobody has executed. A validator that crashed
    /// may have forgotten it; a client that has not seen its validator crash relies on it.
    pub(super) fn lost_transactions(&self) -> Vec<Hash> {
        let kept = |(_, instance, life, admitted_ms): &(Hash, usize, u64, u64)| {
            *admitted_ms < FAULTS_MS && self.is_alive(*instance, *life)
        };
        let relied_upon = self.clients.iter().filter_map(Client::relies_on).filter(kept);
        let executed =
            |hash: &Hash| (0..self.nodes.len()).any(|i| self.checkers.is_executed_at(i, hash));
        relied_upon.map(|(hash, ..)| hash).filter(|hash| !executed(hash)).collect()
    }
}
