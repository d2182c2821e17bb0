//! Who leads which view.
//!
//! Views are counted in terms of 16n. A term begins and ends with a roll call, in which every validator leads one view.
//! In the views between, only those lead who may: a validator from which no block of either roll call was committed
//! two terms earlier is demoted for this one, and the roll calls are where it proves that it is back. When more than f
//! would be demoted, the term tells of the network and not of them, and nobody is.
//!
//! The schedule is a function of committed blocks, which are the same for everybody, and it lags by more than a term,
//! so whoever votes in a term has long committed what decides it. Should a validator be a whole term behind, it waits
//! for another leader until the answer to its next timeout vote has brought it the commit certificate that it lacks
//! (`view.rs`). Safety asks nothing of the leader: one prepare a view holds whoever proposes.
//!
//! Two roll calls, because one lost view is bad luck; all of it from headers alone, because the schedule of the term
//! before last is then not needed to know who missed a turn.

use std::collections::{BTreeMap, BTreeSet};

use primitives::{Header, ValidatorIndex, View};

/// Turns of each validator in a term, were none demoted.
const TURNS: u64 = 16;

/// The leaders of all views, as far as the committed blocks decide them.
#[derive(Clone, Debug)]
pub struct Schedule {
    validators: u64,
    /// Views of the latest committed block's term from which a block is committed.
    committed: BTreeSet<View>,
    /// Who may lead between the roll calls, for terms in which somebody is demoted.
    leaders: BTreeMap<u64, Vec<u64>>,
}

impl Schedule {
    /// Plain rotation, until blocks say otherwise.
    pub fn new(validators: usize) -> Self {
        let leaders = BTreeMap::new();
        Self { validators: validators as u64, committed: BTreeSet::new(), leaders }
    }

    /// Where a restarted validator begins that has committed `view`: blocks of earlier views decide nothing any more.
    pub fn first_needed(validators: usize, view: View) -> View {
        let length = TURNS * validators as u64;
        View((view.0 / length).saturating_sub(2) * length)
    }

    /// A block is committed. Blocks come in their order.
    pub fn committed(&mut self, header: &Header) {
        let (view, length) = (header.view, self.length());
        self.committed.insert(view);
        let term = view.0 / length;
        self.committed = self.committed.split_off(&View(term * length));
        self.leaders = self.leaders.split_off(&term);
        let present = |validator: &u64| {
            let (first, last) = (term * length + validator, (term + 1) * length - self.validators);
            self.committed.contains(&View(first))
                || self.committed.contains(&View(last + validator))
        };
        let leaders: Vec<u64> = (0..self.validators).filter(present).collect();
        let demoted = self.validators - leaders.len() as u64;
        if (1..=(self.validators - 1) / 3).contains(&demoted) {
            self.leaders.insert(term + 2, leaders);
        } else {
            self.leaders.remove(&(term + 2));
        }
    }

    /// The leader of a view.
    pub fn leader(&self, view: View) -> ValidatorIndex {
        let (length, position) = (self.length(), view.0 % self.length());
        let is_roll_call = position < self.validators || position >= length - self.validators;
        let rotation = position % self.validators;
        let chosen = self
            .leaders
            .get(&(view.0 / length))
            .filter(|_| !is_roll_call)
            .and_then(|leaders| {
                let turn = usize::try_from(position).ok()? % leaders.len();
                leaders.get(turn).copied()
            })
            .unwrap_or(rotation);
        let Ok(index) = u16::try_from(chosen) else {
            panic!("{} validators are more than an index can count", self.validators);
        };
        ValidatorIndex(index)
    }

    /// Validators that lead nothing but roll calls in the term of this view.
    pub fn demoted(&self, view: View) -> Vec<ValidatorIndex> {
        let Some(leaders) = self.leaders.get(&(view.0 / self.length())) else { return Vec::new() };
        let demoted = (0..self.validators).filter(|validator| !leaders.contains(validator));
        demoted.filter_map(|validator| u16::try_from(validator).ok().map(ValidatorIndex)).collect()
    }

    fn length(&self) -> u64 {
        TURNS * self.validators
    }
}
