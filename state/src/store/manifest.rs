//! RocksDB's manifest after a power cut.
//!
//! The manifest lists the files of a database: records appended and synced, in the format of its
//! logs (RocksDB's wiki, "Write Ahead Log File Format"). The file `CURRENT` names it. Two things that
//! a power cut may leave RocksDB takes for damage, and both can be told from it:
//!
//! - **A torn end.** A record that is cut short is the end for RocksDB. But a disk writes sectors in
//!   any order: a later sector of the last record may be there and an earlier one not. Beyond the
//!   length that was synced before, a sector that was never written reads as zeros; so the first
//!   unreadable record has nothing but zeros in one of its sectors. It is taken off. Nothing is lost
//!   with it: what a record replaces is deleted when the record is synced, and RocksDB misses a file
//!   that the records left name.
//! - **A name ahead of what it names.** A new manifest is made, synced and then named, before the
//!   directory is synced; the second name may be there and the first not. The manifest before is
//!   named again: it goes, with all that only it names, after that directory is synced.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Result, Write};
use std::path::Path;

/// What the name of a manifest begins with, before its number.
const PREFIX: &str = "MANIFEST-";
/// Records do not cross the borders of blocks.
const BLOCK: usize = 32 << 10;
/// Masked CRC-32C of all that follows, length (little endian), kind.
const HEADER: usize = 4 + 2 + 1;
/// What disks write whole.
const SECTOR: usize = 512;

/// Mends what a power cut left of the closed database at `path`, if that is what is wrong with it;
/// whether it was. Any other fault is RocksDB's to report.
pub(crate) fn mend(path: &Path) -> Result<bool> {
    let current = fs::read_to_string(path.join("CURRENT")).unwrap_or_default();
    if !current.starts_with(PREFIX) {
        return Ok(false);
    }
    let manifest = path.join(current.trim_end());
    match fs::read(&manifest) {
        Ok(bytes) => cut(&manifest, torn_end(&bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => name_newest(path),
        Err(_) => Ok(false),
    }
}

fn cut(manifest: &Path, end: Option<usize>) -> Result<bool> {
    let Some(end) = end else { return Ok(false) };
    let file = OpenOptions::new().write(true).open(manifest)?;
    file.set_len(end as u64)?;
    file.sync_all()?;
    Ok(true)
}

/// Names the newest manifest that is there.
fn name_newest(path: &Path) -> Result<bool> {
    let mut newest: Option<u64> = None;
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.parse().ok());
        newest = newest.max(number);
    }
    let Some(number) = newest else { return Ok(false) };
    // A name of RocksDB's for what it removes when it opens the database.
    let unfinished = path.join(format!("{number:06}.dbtmp"));
    let mut file = File::create(&unfinished)?;
    file.write_all(format!("{PREFIX}{number:06}\n").as_bytes())?;
    file.sync_all()?;
    fs::rename(unfinished, path.join("CURRENT"))?;
    File::open(path)?.sync_all()?;
    Ok(true)
}

/// Where the whole records end, if what follows is what a power cut leaves.
fn torn_end(manifest: &[u8]) -> Option<usize> {
    let end = end_of_records(manifest);
    let rest = manifest.get(end..).filter(|rest| !rest.is_empty())?;
    let record = rest.get(..length(rest)).unwrap_or(rest);
    let (first, others) = record.split_at_checked(SECTOR - end % SECTOR).unwrap_or((record, &[]));
    let mut sectors = [first].into_iter().chain(others.chunks(SECTOR));
    sectors.any(|sector| sector.iter().all(|byte| *byte == 0)).then_some(end)
}

/// Where the first record begins that is not whole.
fn end_of_records(manifest: &[u8]) -> usize {
    let mut at = 0;
    while let Some(rest) = manifest.get(at..).filter(|rest| !rest.is_empty()) {
        let block = BLOCK - at % BLOCK;
        let rest = rest.get(..block).unwrap_or(rest);
        at += match whole_record(rest) {
            // No header fits there.
            _ if block < HEADER => rest.len(),
            Some(length) => length,
            None => break,
        };
    }
    at
}

/// The length of the record that `bytes` begin with, if it is what its checksum says.
fn whole_record(bytes: &[u8]) -> Option<usize> {
    let (checksum, _) = bytes.split_first_chunk::<4>()?;
    let length = length(bytes);
    let covered = bytes.get(HEADER - 1..length)?;
    (u32::from_le_bytes(*checksum) == masked(crc32c::crc32c(covered))).then_some(length)
}

/// How long the record is that `bytes` begin with, as far as it says so.
fn length(bytes: &[u8]) -> usize {
    let of_payload = bytes
        .get(4..6)
        .map_or(0, |length| length.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte)));
    HEADER + of_payload
}

/// RocksDB stores checksums so, since the checksum of what holds checksums is a weak one
/// (`util/crc32c.h`).
fn masked(checksum: u32) -> u32 {
    checksum.rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
