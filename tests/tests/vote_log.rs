//! The vote log on a disk that tears, rots, fills up and fails, at every place where it can.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use consensus::Record as Agreement;
use primitives::codec::FormatVersion;
use primitives::{Batch, Hash, SecretKey, ValidatorIndex, View, Vote};
use primitives::{Epoch, SigningContext, TimeoutVote};
use quorate_tests::sim::disk::{Disk, Unsynced};
use quorate_tests::sim::plan::Chance;
use replica::{Record, VoteLog, VoteLogError, VoteLogOptions};

const OPTIONS: VoteLogOptions = VoteLogOptions { salt: [7; 16], compact_above_bytes: 1 << 20 };
const HEADER_BYTES: usize = 24;

/// What a validator logs in one view: records of different kinds and lengths.
fn turn(view: u64) -> Vec<Record> {
    let context = SigningContext { chain: Hash::ZERO, epoch: Epoch(0) };
    let key = SecretKey::from_seed([1; 32]);
    let prepared = view.is_multiple_of(2).then_some(Hash([9; 32]));
    let vote = TimeoutVote::new(&context, View(view), prepared, ValidatorIndex(0), &key);
    let vote = Record::Consensus(Agreement::Vote(Vote::Timeout(vote)));
    let (version, author) = (FormatVersion::V1, ValidatorIndex(1));
    let (system, transactions) = (Vec::new(), Vec::new());
    let batch = Batch { version, author, sequence: view, system, transactions };
    let batch = Record::Batch(Box::new(batch.sign(&Hash::ZERO, &key)));
    match view % 3 {
        0 => vec![vote],
        1 => vec![batch, vote],
        _ => vec![Record::Consensus(Agreement::Floor(View(view))), vote],
    }
}

fn open(disk: Disk) -> Result<(VoteLog<Disk>, Vec<Record>), VoteLogError> {
    VoteLog::open(disk, OPTIONS)
}

fn opened(bytes: &[u8]) -> Result<Vec<Record>, VoteLogError> {
    open(Disk::with_log(bytes.to_vec())).map(|(_, records)| records)
}

fn append(log: &mut VoteLog<Disk>, view: u64) -> Result<(), VoteLogError> {
    log.write(&turn(view))?;
    log.sync()
}

/// A log of so many turns; its bytes, and where each frame ends.
fn written(turns: u64) -> (Vec<u8>, Vec<usize>) {
    let (mut log, records) = open(Disk::default()).unwrap();
    assert_eq!(records, []);
    let mut ends = vec![log.files().bytes().len()];
    for view in 0..turns {
        append(&mut log, view).unwrap();
        ends.push(log.files().bytes().len());
    }
    (log.files().bytes().to_vec(), ends)
}

fn turns(views: impl IntoIterator<Item = u64>) -> Vec<Record> {
    views.into_iter().flat_map(turn).collect()
}

#[test]
fn torn_at_every_length_the_log_keeps_exactly_the_frames_that_are_whole() {
    let (bytes, ends) = written(4);
    for length in 0..=bytes.len() {
        let whole = ends.iter().filter(|end| **end <= length).count().saturating_sub(1) as u64;
        let (mut log, records) = open(Disk::with_log(bytes[..length].to_vec())).unwrap();
        assert_eq!(records, turns(0..whole), "cut at {length}");
        append(&mut log, 9).unwrap();
        let again = opened(log.files().bytes()).unwrap();
        assert_eq!(again, turns((0..whole).chain([9])), "written on after a cut at {length}");
    }
}

#[test]
fn each_flipped_bit_before_the_last_frame_is_found() {
    let (bytes, ends) = written(4);
    let last = ends[ends.len() - 2];
    for at in 0..last {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            let found = matches!(opened(&damaged), Err(VoteLogError::Damaged { .. }));
            assert!(found, "bit {bit} of byte {at} was flipped and nobody saw it");
        }
    }
    // In the last frame damage looks like a torn tail: that frame is dropped, and no other.
    for at in last..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        assert_eq!(opened(&damaged).unwrap(), turns(0..3), "byte {at}");
    }
}

#[test]
fn a_page_of_zeros_in_the_middle_is_found_and_at_the_end_is_a_torn_tail() {
    let (bytes, ends) = written(6);
    for first in HEADER_BYTES..ends[4] {
        let mut damaged = bytes.clone();
        damaged[first..first + 64].fill(0);
        assert!(matches!(opened(&damaged), Err(VoteLogError::Damaged { .. })), "from {first}");
    }
    let zeros = [&bytes[..], &[0; 4096]].concat();
    assert_eq!(opened(&zeros).unwrap(), turns(0..6));
}

/// What clients write into transactions lies in the log too; torn, it must not look like frames that follow damage.
#[test]
fn frames_inside_a_torn_frame_or_of_another_log_are_no_frames() {
    let (bytes, ends) = written(3);
    let frame = &bytes[ends[1]..ends[2]];
    let torn = [&bytes[..], b"QVF2\xff\xff\x00\x00torn", frame].concat();
    assert_eq!(opened(&torn).unwrap(), turns(0..3), "an old frame at another place");

    let other = VoteLogOptions { salt: [8; 16], ..OPTIONS };
    let (mut log, _) = VoteLog::open(Disk::default(), other).unwrap();
    for view in 0..3 {
        append(&mut log, view).unwrap();
    }
    let foreign = log.files().bytes()[ends[2]..].to_vec();
    let mixed = [&bytes[..ends[2]], &foreign].concat();
    assert_eq!(opened(&mixed).unwrap(), turns(0..2), "a frame of another log at its own place");
}

#[test]
fn a_disk_that_fills_up_at_any_byte_stops_the_log_and_loses_nothing_that_was_synced() {
    let (bytes, ends) = written(4);
    for room in 0..bytes.len() {
        let mut disk = Disk::default();
        disk.fill(room);
        let Ok((mut log, _)) = open(disk) else {
            assert!(room < HEADER_BYTES);
            continue;
        };
        let mut synced = 0;
        let error = loop {
            match append(&mut log, synced) {
                Ok(()) => synced += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, VoteLogError::Io { .. }), "{error}");
        assert_eq!(ends.iter().filter(|end| **end <= room).count() as u64, synced + 1);
        // Nothing goes behind a frame that may be torn, even if there is room by now.
        let refused = log.write(&turn(8));
        assert!(matches!(refused, Err(VoteLogError::Failed { .. })));
        let mut disk = log.into_files();
        disk.clear();
        let (mut log, records) = open(disk).unwrap();
        assert_eq!(records, turns(0..synced), "room for {room} bytes");
        append(&mut log, 9).unwrap();
        assert_eq!(opened(log.files().bytes()).unwrap(), turns((0..synced).chain([9])));
    }
}

/// Every write, sync and rename fails in turn, then the machine stops: what was synced is there, and nothing else but
/// what was being written.
#[test]
fn whichever_operation_fails_the_log_holds_what_it_said_it_holds() {
    let mut chance = Chance::new(1);
    for unsynced in [Unsynced::Lost, Unsynced::Kept, Unsynced::Torn] {
        for operation in 0.. {
            let mut disk = Disk::default();
            disk.fail_at(operation);
            let (mut synced, mut written) = (0, 0);
            let mut disk = match open(disk) {
                Err(_) => Disk::default(),
                Ok((mut log, _)) => {
                    while written < 6 {
                        written += 1;
                        if append(&mut log, written - 1).is_err() {
                            break;
                        }
                        synced = written;
                    }
                    log.into_files()
                }
            };
            disk.crash(unsynced, &mut chance);
            let (_, records) = open(disk).unwrap();
            let kept = records == turns(0..synced) || records == turns(0..written);
            assert!(kept, "{unsynced:?}, operation {operation}: {synced} synced, {records:?}");
            if synced == 6 {
                break;
            }
        }
    }
}

#[test]
fn compaction_interrupted_at_any_step_leaves_the_old_log_or_the_new_one() {
    let mut chance = Chance::new(2);
    for unsynced in [Unsynced::Lost, Unsynced::Kept, Unsynced::Torn] {
        for step in 0..=4 {
            let (mut log, _) = open(Disk::default()).unwrap();
            for view in 0..5 {
                append(&mut log, view).unwrap();
            }
            let mut disk = log.into_files();
            disk.fail_at(step);
            let (mut log, _) = open_again(disk, step);
            let done = log.compact(&turns(3..5)).is_ok();
            assert_eq!(done, step == 4);
            if !done {
                assert!(append(&mut log, 8).is_err(), "after a failure nothing is written");
            }
            let mut disk = log.into_files();
            disk.crash(unsynced, &mut chance);
            let (mut log, records) = open(disk).unwrap();
            let (old, new) = (turns(0..5), turns(3..5));
            assert!(records == new || (!done && records == old), "{unsynced:?}, step {step}");
            append(&mut log, 9).unwrap();
            let after = [records, turns([9])].concat();
            assert_eq!(opened(log.files().bytes()).unwrap(), after);
        }
    }
}

/// Opens an intact log, which syncs the names: the failure that was ordered is meant for what comes after.
fn open_again(mut disk: Disk, step: u64) -> (VoteLog<Disk>, Vec<Record>) {
    disk.fail_at(step + 1);
    open(disk).unwrap()
}

#[test]
fn a_compacted_log_is_not_compacted_again_before_it_has_doubled() {
    let options = VoteLogOptions { compact_above_bytes: 600, ..OPTIONS };
    let (mut log, _) = VoteLog::open(Disk::default(), options).unwrap();
    let mut view = 0;
    while !log.is_worth_compacting() {
        append(&mut log, view).unwrap();
        view += 1;
    }
    let live = turns(0..view);
    log.compact(&live).unwrap();
    assert!(!log.is_worth_compacting(), "all of it is live");
    let compacted = log.files().bytes().len();
    while !log.is_worth_compacting() {
        append(&mut log, view).unwrap();
        view += 1;
    }
    assert!(log.files().bytes().len() > 2 * compacted);
}
