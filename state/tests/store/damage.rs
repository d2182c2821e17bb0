//! What is wrong with a database is noticed when it is opened, and said.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use primitives::Status;
use quorate_state::{Head, OpenError, State, check};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use tempfile::TempDir;

use crate::chain::{
    commit, commit_with, genesis, genesis_of, height, key, random_changes, receipt,
};

/// A database that has been closed, with its values in files; and its head.
fn closed_database() -> (TempDir, PathBuf, Head) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    let mut random = ChaCha20Rng::seed_from_u64(1);
    let state = State::open(&path, &genesis()).unwrap();
    for _ in 0..20 {
        commit(&state, random_changes(&mut random, 2_000, 400));
    }
    drop(state);
    // Opening moves what the log holds into files.
    let head = State::open(&path, &genesis()).unwrap().head();
    (directory, path, head)
}

fn files(path: &Path, wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|file| wanted(file.file_name().unwrap().to_str().unwrap())).collect();
    files.sort();
    files
}

fn copy(from: &Path) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    fs::create_dir(&path).unwrap();
    for file in files(from, |_| true) {
        fs::copy(&file, path.join(file.file_name().unwrap())).unwrap();
    }
    (directory, path)
}

/// Expects the error that says the database is damaged, and what to do.
fn check_damaged(path: &Path, context: &str) {
    let error = State::open(path, &genesis()).map(|state| state.head()).expect_err(context);
    assert!(matches!(error, OpenError::Damaged { .. }), "{context}: {error}");
    let text = error.to_string();
    assert!(text.contains("is damaged") && text.contains("Restore it from a backup"), "{text}");
}

/// Flips a bit without replacing the file, so that whoever has it open sees it.
fn flip_in_place(file: &Path, position: usize) {
    let bytes = fs::read(file).unwrap();
    let mut file = fs::OpenOptions::new().write(true).open(file).unwrap();
    file.seek(SeekFrom::Start(position as u64)).unwrap();
    file.write_all(&[bytes[position] ^ 0x10]).unwrap();
}

fn flip(file: &Path, position: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[position] ^= 0x10;
    fs::write(file, bytes).unwrap();
}

/// A node that has run for a while: every family has rows in files.
fn settled_database() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    let mut random = ChaCha20Rng::seed_from_u64(4);
    let state = State::open(&path, &genesis()).unwrap();
    for number in 0..40 {
        let receipts = vec![receipt(number, Status::Success)];
        commit_with(&state, random_changes(&mut random, 14_000, 700), receipts);
    }
    drop(state);
    drop(State::open(&path, &genesis()).unwrap());
    (directory, path)
}

/// Says how many flips it tried: `QUORATE_FLIPS=1000` for the long form.
#[test]
fn a_check_finds_every_flipped_byte() {
    let flips = std::env::var("QUORATE_FLIPS").map_or(100, |flips| flips.parse().unwrap());
    let (_directory, path) = settled_database();
    let report = check(&path).unwrap();
    assert!(report.is_whole(), "{report}");
    let tables = files(&path, |name| name.ends_with(".sst"));
    let lengths: Vec<_> = tables.iter().map(|table| fs::metadata(table).unwrap().len()).collect();
    let mut random = ChaCha20Rng::seed_from_u64(1);
    for number in 0..flips {
        // Each table as often as any other: a family's table may be small.
        let at = number % tables.len();
        let position = usize::try_from(random.next_u64() % lengths[at]).unwrap();
        let (_copied, copied) = copy(&path);
        flip(&copied.join(tables[at].file_name().unwrap()), position);
        let context = format!("byte {position} of {} of {}", lengths[at], tables[at].display());
        match check(&copied) {
            Ok(report) => assert!(!report.is_whole(), "{context}"),
            Err(error) => assert!(matches!(error, OpenError::Damaged { .. }), "{context}: {error}"),
        }
    }
    println!("{flips} flips in {} tables, all found", tables.len());
}

/// Wherever a bit is flipped, the database is refused or as it was: never another state.
#[test]
fn a_flipped_bit_in_the_manifest_never_opens_another_state() {
    let (_directory, path, head) = closed_database();
    let manifest = files(&path, |name| name.starts_with("MANIFEST")).pop().unwrap();
    let name = manifest.file_name().unwrap().to_str().unwrap();
    let length = usize::try_from(fs::metadata(&manifest).unwrap().len()).unwrap();
    let mut refused = 0;
    for position in (0..length).step_by(length / 24) {
        let (_copied, copied) = copy(&path);
        flip(&copied.join(name), position);
        match State::open(&copied, &genesis()) {
            Ok(state) => assert_eq!(state.head(), head, "byte {position} of {length}"),
            Err(OpenError::Damaged { .. }) => refused += 1,
            Err(error) => panic!("byte {position} of {length}: {error}"),
        }
    }
    assert!(refused > 0);
    let (_copied, copied) = copy(&path);
    flip(&copied.join(name), length / 2);
    check_damaged(&copied, "the middle of the manifest");
}

/// The end of a write to the manifest, of which a power cut left some sectors and not others.
#[test]
fn an_unsynced_end_of_the_manifest_is_no_damage() {
    let (_directory, path, head) = closed_database();
    let manifest = files(&path, |name| name.starts_with("MANIFEST")).pop().unwrap();
    let name = manifest.file_name().unwrap().to_str().unwrap();
    let synced = fs::read(&manifest).unwrap();
    // A record of 1,200 bytes that its checksum does not fit.
    let mut written = [&synced[..], &[9, 9, 9, 9, 0xb0, 4, 1], &[9; 1_200]].concat();
    let lost = (synced.len() / 512 + 1) * 512;
    for is_lost in [false, true] {
        let (_copied, copied) = copy(&path);
        if is_lost {
            written[lost..lost + 512].fill(0);
        }
        fs::write(copied.join(name), &written).unwrap();
        if is_lost {
            assert_eq!(State::open(&copied, &genesis()).unwrap().head(), head);
        } else {
            check_damaged(&copied, "an unreadable end with nothing missing");
        }
    }
}

/// A new manifest has been named, and the name of its own is lost.
#[test]
fn a_name_ahead_of_its_manifest_is_no_damage() {
    let (_directory, path, head) = closed_database();
    let manifest = files(&path, |name| name.starts_with("MANIFEST")).pop().unwrap();
    let name = manifest.file_name().unwrap().to_str().unwrap();
    for ahead in ["MANIFEST-000999\n", "MANIFEST-1000000\n"] {
        let (_copied, copied) = copy(&path);
        fs::write(copied.join("CURRENT"), ahead).unwrap();
        assert_eq!(State::open(&copied, &genesis()).unwrap().head(), head);
        fs::write(copied.join("CURRENT"), ahead).unwrap();
        for left in files(&copied, |name| name.starts_with("MANIFEST")) {
            fs::remove_file(left).unwrap();
        }
        check_damaged(&copied, &format!("no manifest beside {name}"));
    }
}

#[test]
fn a_missing_or_shortened_file_is_noticed() {
    let (_directory, path, _) = closed_database();
    let essential =
        |name: &str| name.ends_with(".sst") || name.starts_with("MANIFEST") || name == "CURRENT";
    for file in files(&path, essential) {
        let name = file.file_name().unwrap().to_str().unwrap();
        let (_copied, copied) = copy(&path);
        let bytes = fs::read(copied.join(name)).unwrap();
        fs::write(copied.join(name), &bytes[..bytes.len() / 2]).unwrap();
        check_damaged(&copied, &format!("half of {name}"));
        fs::remove_file(copied.join(name)).unwrap();
        check_damaged(&copied, &format!("without {name}"));
    }
}

/// A log whose end is unreadable is what a power cut leaves, so RocksDB drops it. What remains is
/// the state of an earlier commit, whole, and never a mixture.
#[test]
fn a_flipped_bit_in_the_log_loses_whole_commits_only() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    let mut random = ChaCha20Rng::seed_from_u64(2);
    let state = State::open(&path, &genesis()).unwrap();
    let mut heads = vec![state.head()];
    for _ in 0..10 {
        commit(&state, random_changes(&mut random, 100, 30));
        heads.push(state.head());
    }
    // Copied while it is open, as a killed process leaves it.
    let (_killed, killed) = copy(&path);
    assert_eq!(State::open(&killed, &genesis()).unwrap().head(), heads[10]);
    let log = files(&path, |name| name.ends_with(".log")).pop().unwrap();
    let name = log.file_name().unwrap().to_str().unwrap();
    let length = usize::try_from(fs::metadata(&log).unwrap().len()).unwrap();
    let mut reached = Vec::new();
    for position in (0..length).step_by(length / 12) {
        let (_copied, copied) = copy(&path);
        flip(&copied.join(name), position);
        let head = State::open(&copied, &genesis()).unwrap().head();
        assert!(heads.contains(&head), "byte {position} of {length}");
        reached.push(head.header.height);
    }
    assert!(reached.is_sorted() && reached.first() < reached.last(), "{reached:?}");
}

#[test]
fn a_read_that_the_disk_fails_makes_no_value_up() {
    let (_directory, path, _) = closed_database();
    let state = State::open(&path, &genesis()).unwrap();
    for table in files(&path, |name| name.ends_with(".sst")) {
        let length = usize::try_from(fs::metadata(&table).unwrap().len()).unwrap();
        (0..length / 2).step_by(64).for_each(|position| flip_in_place(&table, position));
    }
    let past = state.view_at(height(3)).unwrap();
    let read = || (0..2_000).filter_map(|number| past.get(&key(number))).count();
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).unwrap_err();
    let words = panic.downcast::<String>().unwrap();
    assert!(words.starts_with("reading the state failed: the store is damaged"), "{words}");
}

#[test]
fn another_chains_genesis_is_refused() {
    let (_directory, path, _) = closed_database();
    let other = genesis_of(b"another chain", BTreeMap::new());
    let error = State::open(&path, &other).map(|_| ()).unwrap_err();
    assert!(matches!(error, OpenError::OtherGenesis { .. }), "{error}");
    let (stored, given) = (genesis().genesis_hash.to_string(), other.genesis_hash.to_string());
    let text = error.to_string();
    assert!(text.contains(&stored) && text.contains(&given), "{text}");
}

#[test]
fn a_database_in_use_is_said_to_be() {
    let (_directory, path, _) = closed_database();
    let _open = State::open(&path, &genesis()).unwrap();
    let error = State::open(&path, &genesis()).map(|_| ()).unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    assert!(error.to_string().contains("another process uses"), "{error}");
}

#[test]
fn a_creation_cut_short_is_taken_up_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    // As a crash leaves it: the database was made, and not moved to its place.
    drop(State::open(&path, &genesis()).unwrap());
    fs::rename(&path, directory.path().join("state.unfinished")).unwrap();
    let state = State::open(&path, &genesis()).unwrap();
    assert_eq!(state.get(&key(1)), Some(vec![1; 3]));
    assert!(!directory.path().join("state.unfinished").exists());
}

#[test]
fn a_path_that_is_no_directory_is_said_to_be_inaccessible() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    fs::write(&path, "a file").unwrap();
    let error = State::open(&path, &genesis()).map(|_| ()).unwrap_err();
    assert!(matches!(error, OpenError::Inaccessible { .. }), "{error}");
}
