//! The end of RocksDB's manifest after a power cut.
//!
//! The manifest lists the files of a database: records appended and synced, in the format of its
//! logs (RocksDB's wiki, "Write Ahead Log File Format"). RocksDB takes a record that is cut short for
//! the end. A disk writes sectors in any order, though: when the power fails within a sync, a later
//! sector of the last record may be there and an earlier one not, and that RocksDB calls corruption.
//!
//! Such an end can be told from damage and taken off. A sector that was never written reads as zeros
//! beyond the length that was synced before, so the first unreadable record has nothing but zeros in
//! one of its sectors. And nothing is lost with it: a file that a record replaces is deleted when
//! the record is synced, and RocksDB misses a file that the records left name.

use std::fs::{self, OpenOptions};
use std::io::Result;
use std::path::Path;

/// Records do not cross the borders of blocks.
const BLOCK: usize = 32 << 10;
/// Masked CRC-32C of all that follows, length (little endian), kind.
const HEADER: usize = 4 + 2 + 1;
/// What disks write whole.
const SECTOR: usize = 512;

/// Takes off what a power cut left of the last write to the manifest of the closed database at
/// `path`; whether there was such a thing. A manifest that is missing is RocksDB's to report.
pub(crate) fn cut_torn_end(path: &Path) -> Result<bool> {
    let current = fs::read_to_string(path.join("CURRENT")).unwrap_or_default();
    let manifest = path.join(current.trim_end());
    let Ok(bytes) = fs::read(&manifest) else { return Ok(false) };
    let Some(end) = torn_end(&bytes) else { return Ok(false) };
    let file = OpenOptions::new().write(true).open(&manifest)?;
    file.set_len(end as u64)?;
    file.sync_all()?;
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
