//! Oracles: what must never happen. They see what leaves a validator, what it writes and what it commits, and share
//! no code with the core that they judge.

pub mod certificates;
pub mod ledger;
pub mod proposals;
pub mod signatures;

use std::rc::Rc;

use primitives::Header;

use crate::world::World;

/// A broken promise: which oracle says so, and what it saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub oracle: &'static str,
    pub text: String,
}

pub type Verdict = Result<(), Violation>;

/// The answer of an oracle that has seen something.
pub fn violation(oracle: &'static str, text: String) -> Verdict {
    Err(Violation { oracle, text })
}

/// All that judge a run.
#[derive(Debug)]
pub struct Oracles {
    pub ledger: ledger::Ledger,
    pub signatures: signatures::Signatures,
    pub certificates: certificates::Certificates,
    pub proposals: proposals::Proposals,
}

impl Oracles {
    pub fn new(world: &Rc<World>, instances: usize) -> Self {
        let genesis: &Header = &world.genesis;
        Self {
            ledger: ledger::Ledger::new(genesis, instances),
            signatures: signatures::Signatures::default(),
            certificates: certificates::Certificates::new(Rc::clone(world)),
            proposals: proposals::Proposals::new(Rc::clone(world)),
        }
    }
}
