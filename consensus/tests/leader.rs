//! The schedule of leaders: a function of committed blocks, that demotes who missed its turns and lets it return.

use primitives::codec::FormatVersion;
use primitives::{Epoch, Hash, Header, Height, TimestampMs, ValidatorIndex, View};
use quorate_consensus::leader::Schedule;

/// Turns of each validator in a term.
const TURNS: u64 = 16;

fn header(view: u64, proposer: ValidatorIndex) -> Header {
    Header {
        version: FormatVersion::V1,
        epoch: Epoch(0),
        view: View(view),
        height: Height(view),
        parent: Hash([0; 32]),
        parent_view: View(0),
        payload: Vec::new(),
        timestamp: TimestampMs(view),
        proposer,
    }
}

/// Commits the blocks of `views`, but for those that a validator of `silent` should have led.
fn commit(schedule: &mut Schedule, views: std::ops::Range<u64>, silent: &[u16]) {
    for view in views {
        let leader = schedule.leader(View(view));
        if !silent.contains(&leader.0) {
            schedule.committed(&header(view, leader));
        }
    }
}

fn turns(schedule: &Schedule, validators: u16, term: u64) -> Vec<usize> {
    let length = TURNS * u64::from(validators);
    let leaders: Vec<_> =
        (term * length..(term + 1) * length).map(|view| schedule.leader(View(view)).0).collect();
    (0..validators).map(|index| leaders.iter().filter(|leader| **leader == index).count()).collect()
}

#[test]
fn everybody_leads_as_often_while_nobody_misses_a_turn() {
    let mut schedule = Schedule::new(4);
    commit(&mut schedule, 1..64 * 4, &[]);
    for term in 0..6 {
        assert_eq!(turns(&schedule, 4, term), [16; 4]);
    }
}

#[test]
fn who_missed_its_turns_leads_only_roll_calls_two_terms_later_until_it_is_back() {
    let mut schedule = Schedule::new(4);
    commit(&mut schedule, 1..64, &[2]);
    assert_eq!(turns(&schedule, 4, 1), [16; 4]);
    let demoted = turns(&schedule, 4, 2);
    assert_eq!((demoted[2], demoted.iter().sum::<usize>()), (2, 64));
    assert!(demoted.iter().max() <= Some(&21), "{demoted:?}");
    assert_eq!(schedule.demoted(View(128)), [ValidatorIndex(2)]);
    commit(&mut schedule, 64..128, &[]);
    assert_eq!(turns(&schedule, 4, 3), [16; 4]);
    // It is back for the second roll call of the term in which it is demoted.
    commit(&mut schedule, 128..186, &[2]);
    commit(&mut schedule, 186..193, &[]);
    assert_eq!(turns(&schedule, 4, 4), [16; 4]);
}

#[test]
fn a_term_in_which_more_than_f_missed_their_turns_demotes_nobody() {
    let mut schedule = Schedule::new(4);
    commit(&mut schedule, 1..64, &[1, 2]);
    assert_eq!(turns(&schedule, 4, 2), [16; 4]);
    let mut schedule = Schedule::new(7);
    commit(&mut schedule, 1..112, &[1, 2]);
    assert_eq!(schedule.demoted(View(224)), [ValidatorIndex(1), ValidatorIndex(2)]);
    assert_eq!(turns(&schedule, 7, 2)[1..3], [2, 2]);
}

#[test]
fn a_restarted_validator_has_the_same_schedule_from_the_last_blocks_alone() {
    let mut schedule = Schedule::new(4);
    let mut blocks = Vec::new();
    for view in 1..1_000 {
        let leader = schedule.leader(View(view));
        // Each is away for some time, and all for a while.
        let away = u64::from(leader.0) == view / 180 % 5 || (400..590).contains(&view);
        if !away {
            blocks.push(header(view, leader));
            schedule.committed(blocks.last().unwrap_or_else(|| unreachable!()));
        }
        let first = Schedule::first_needed(4, blocks.last().map_or(View(0), |last| last.view));
        let mut restarted = Schedule::new(4);
        for block in blocks.iter().filter(|block| block.view >= first) {
            restarted.committed(block);
        }
        for view in view..view + 200 {
            assert_eq!(restarted.leader(View(view)), schedule.leader(View(view)), "{view}");
        }
    }
}
