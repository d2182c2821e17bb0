//! What a validator keeps does not grow with how long it runs.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper that fails fails its test"
)]

mod world;

use primitives::certificate::ParentCertificate;
use primitives::{Hash, Header, Justification, TimeoutCertificate, ValidatorIndex};
use quorate_consensus::{Certificate, Core, Effect, Input};
use world::*;

const OTHERS: [u16; 3] = [1, 2, 3];

/// A chain as validator 0 sees it: the others prepare and commit what one of them proposes, and give up every fifth
/// view and those that validator 0 leads. Validator 3 lies meanwhile.
struct Chain {
    world: World,
    core: Core,
    tip: Header,
    certificate: ParentCertificate,
    skipped: Vec<TimeoutCertificate>,
    leader: u16,
    now_ms: u64,
}

impl Chain {
    fn new() -> Self {
        let world = World::new();
        let core = world.core(0, Vec::new());
        let (tip, leader) = (world.genesis.clone(), world.leader(1));
        let certificate = ParentCertificate::Genesis;
        Self { world, core, tip, certificate, skipped: Vec::new(), leader, now_ms: 0 }
    }

    fn step(&mut self, input: Input) {
        for effect in self.core.step(at(self.now_ms), input) {
            if let Effect::EnteredView { leader, .. } = effect {
                self.leader = leader.0;
            }
        }
    }

    fn play(&mut self, view: u64) {
        self.now_ms += 50;
        self.lie(view);
        if self.leader == 0 || view.is_multiple_of(5) {
            let given_up = self.world.timeout_certificate(view, &OTHERS);
            self.skipped.push(given_up.clone());
            return self.step(certificate(1, Certificate::Timeout(given_up)));
        }
        let mut block = self.world.child(view, &self.tip);
        block.proposer = ValidatorIndex(self.leader);
        let hash = block.hash();
        let (parent, timeouts) = (self.certificate.clone(), std::mem::take(&mut self.skipped));
        self.step(self.world.justified(block.clone(), Justification { parent, timeouts }));
        self.step(Input::PayloadReady { block: hash });
        let prepared = self.world.prepare_certificate(view, hash, &OTHERS);
        self.step(certificate(1, Certificate::Prepare(prepared)));
        let result = result_at(block.height.0);
        self.step(Input::Executed { block: hash, result });
        let committed = self.world.commit_certificate(view, hash, result, &OTHERS);
        self.step(certificate(2, Certificate::Commit(committed.clone())));
        assert_eq!(self.core.status(self.now_ms).committed_view.0, view);
        (self.tip, self.certificate) = (block, ParentCertificate::Commit(committed));
    }

    /// Votes for two blocks, for what lies ahead and for what is long over.
    fn lie(&mut self, view: u64) {
        for (ahead, byte) in [(0, 1), (0, 2), (1, 3), (9, 4)] {
            self.step(vote(self.world.prepare(3, view + ahead, Hash([byte; 32]))));
            self.step(vote(self.world.commit(3, view + ahead, Hash([byte; 32]), result())));
            self.step(gives_up(self.world.timeout(3, view + ahead)));
        }
        self.step(gives_up(self.world.timeout(3, view.saturating_sub(20))));
    }

    /// Everything that the core holds, written out: it knows nothing of being measured.
    fn held_bytes(&self) -> usize {
        format!("{:?}", self.core).len()
    }
}

#[test]
fn what_is_kept_does_not_grow_with_time() {
    let mut chain = Chain::new();
    let mut held = Vec::new();
    for view in 1..=2_000 {
        chain.play(view);
        if view % 500 == 0 {
            held.push(chain.held_bytes());
        }
    }
    let most = held[0] + held[0] / 20;
    assert!(held.iter().all(|bytes| *bytes <= most), "{held:?} bytes");
}
