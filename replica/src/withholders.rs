//! Authors whose batches could not be had.
//!
//! A withholder signs a batch, shows it to the leader alone, and lets the view time out for want of it. So a leader
//! does not name the batches of a suspect: it carries them inside its proposal, where whoever votes finds them. That
//! bounds what a withholder can cost, and an author that was suspected for no fault of its own loses nothing but
//! speed.
//!
//! An author is suspect when f + 1 validators, one of them honest, lacked its batch in a view that this validator led
//! itself, or in views of f + 1 different leaders. An honest leader names only what it holds, and hands it out. So f
//! faulty leaders that name batches which do not exist cannot make an honest author suspect.
//!
//! Suspicion lasts a period, which doubles when it comes again within another, up to a cap, and halves for each period
//! that passes without blame.

use std::collections::{BTreeMap, BTreeSet};

use primitives::{ValidatorIndex, View};

/// How long an author is suspect the first time, in milliseconds.
const PERIOD_MS_MIN: u64 = 10_000;
/// And at most.
const PERIOD_MS_MAX: u64 = 640_000;

#[derive(Debug, Default)]
struct Record {
    /// Leaders in whose views a batch was missing, since the last suspicion or the last long silence.
    leaders: BTreeSet<ValidatorIndex>,
    blamed_ms: u64,
    suspect_until_ms: u64,
    period_ms: u64,
}

/// What is known of authors that were blamed. Bounded by the number of validators.
#[derive(Debug, Default)]
pub struct Withholders {
    records: BTreeMap<ValidatorIndex, Record>,
}

/// f + 1 validators lacked a batch of an author.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blame {
    pub view: View,
    pub leader: ValidatorIndex,
    pub author: ValidatorIndex,
}

impl Withholders {
    /// Takes a blame, as `own` among validators of which `faulty_max` may be faulty. Whether the author has become
    /// suspect by it.
    pub fn blame(
        &mut self,
        now_ms: u64,
        blame: Blame,
        own: ValidatorIndex,
        faulty_max: usize,
    ) -> bool {
        let Blame { leader, author, .. } = blame;
        if author == own {
            return false;
        }
        let record = self.records.entry(author).or_default();
        if now_ms.saturating_sub(record.blamed_ms) > PERIOD_MS_MAX {
            record.leaders.clear();
        }
        let silent_ms = now_ms.saturating_sub(record.blamed_ms.max(record.suspect_until_ms));
        record.blamed_ms = now_ms;
        record.leaders.insert(leader);
        let suspect = leader == own || record.leaders.len() > faulty_max;
        if !suspect || now_ms < record.suspect_until_ms {
            return false;
        }
        record.leaders.clear();
        record.period_ms = next_period_ms(record.period_ms, silent_ms);
        record.suspect_until_ms = now_ms.saturating_add(record.period_ms);
        true
    }

    /// Whose batches are to be carried.
    pub fn suspects(&self, now_ms: u64) -> BTreeSet<ValidatorIndex> {
        let suspect = self.records.iter().filter(|(_, one)| now_ms < one.suspect_until_ms);
        suspect.map(|(author, _)| *author).collect()
    }
}

fn next_period_ms(mut last_ms: u64, mut silent_ms: u64) -> u64 {
    while last_ms > PERIOD_MS_MIN && silent_ms > last_ms {
        silent_ms -= last_ms;
        last_ms /= 2;
    }
    let again = last_ms > 0 && silent_ms <= last_ms;
    if again { (last_ms * 2).min(PERIOD_MS_MAX) } else { PERIOD_MS_MIN }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: ValidatorIndex = ValidatorIndex(0);
    const AUTHOR: ValidatorIndex = ValidatorIndex(3);

    fn blame(withholders: &mut Withholders, now_ms: u64, leader: u16) -> bool {
        let blame = Blame { view: View(1), leader: ValidatorIndex(leader), author: AUTHOR };
        withholders.blame(now_ms, blame, OWN, 1)
    }

    #[test]
    fn an_author_is_suspect_by_an_own_view_or_by_views_of_more_leaders_than_may_be_faulty() {
        let mut withholders = Withholders::default();
        for now_ms in 0..100 {
            assert!(!blame(&mut withholders, now_ms, 2), "one leader alone convinces nobody");
        }
        assert!(blame(&mut withholders, 100, 1));
        assert_eq!(Vec::from_iter(withholders.suspects(101)), [AUTHOR]);

        let mut withholders = Withholders::default();
        assert!(blame(&mut withholders, 5, OWN.0), "this validator knows what it held");
        let own = Blame { view: View(1), leader: OWN, author: OWN };
        assert!(!withholders.blame(6, own, OWN, 1));
    }

    #[test]
    fn suspicion_doubles_when_it_comes_again_is_bounded_and_decays() {
        let mut withholders = Withholders::default();
        let (mut now_ms, mut periods) = (1_000, Vec::new());
        for _ in 0..9 {
            assert!(blame(&mut withholders, now_ms, OWN.0));
            let mut until = now_ms;
            while withholders.suspects(until).contains(&AUTHOR) {
                until += 1_000;
            }
            periods.push(until - now_ms);
            now_ms = until + 1;
        }
        let doubled = [10, 20, 40, 80, 160, 320, 640, 640, 640].map(|seconds| seconds * 1_000);
        assert_eq!(periods, doubled);
        now_ms += 640_000 + 320_000 + 5_000;
        assert!(blame(&mut withholders, now_ms, OWN.0));
        assert!(withholders.suspects(now_ms + 319_000).contains(&AUTHOR));
        assert!(withholders.suspects(now_ms + 321_000).is_empty(), "half of half, doubled");
        now_ms += 100 * PERIOD_MS_MAX;
        assert!(blame(&mut withholders, now_ms, OWN.0));
        assert!(withholders.suspects(now_ms + PERIOD_MS_MIN).is_empty(), "forgiven");
    }
}
