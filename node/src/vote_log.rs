//! The vote log: what this validator has signed and may never forget, on disk before it leaves.
//!
//! One file of frames, appended. A frame is everything that one turn of the replica persists, so that a turn costs
//! one `fdatasync`:
//!
//! ```text
//! magic "QVL1" | length u32 LE | CRC-32 of the body u32 LE | body: canonical Vec<Record>
//! ```
//!
//! A frame that was never synced may be torn by a crash. It is the last one, nothing was sent that depends on it,
//! and it is dropped. A bad frame with a good one behind it means that the disk lost what was synced: the log
//! refuses to open, since signing on could contradict a forgotten vote.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use primitives::codec::{self, DecodeError};
use replica::Record;
use thiserror::Error;

const MAGIC: &[u8; 4] = b"QVL1";
const HEADER_BYTES: usize = 12;
/// Bytes of one frame's body: a turn may persist a few blocks' batches.
const FRAME_BYTES_MAX: usize = 256 << 20;
/// Bytes of the file above which it is worth rewriting without what is no longer needed.
const COMPACT_ABOVE_BYTES: u64 = 32 << 20;

/// Why the log cannot be used. The node must not sign without it.
#[derive(Debug, Error)]
pub enum VoteLogError {
    #[error("the vote log {path} cannot be used: {error}")]
    Io { path: PathBuf, error: io::Error },
    #[error(
        "the vote log {path} is damaged at byte {offset}, and what follows is intact: the disk has lost votes that \
         were synced. This node must not sign on. Restore the file if you can; otherwise remove this validator \
         from the set before you start it with an empty data directory"
    )]
    Damaged { path: PathBuf, offset: usize },
    #[error("the vote log {path} holds a record that this version cannot read: {error}")]
    Record { path: PathBuf, error: DecodeError },
}

/// The open log.
#[derive(Debug)]
pub struct VoteLog {
    path: PathBuf,
    file: File,
    length: u64,
    /// The length after the last compaction, so that a large live set is not rewritten at every turn.
    compacted: u64,
}

impl VoteLog {
    /// Opens or creates the log, and reads what it holds.
    pub fn open(path: &Path) -> Result<(Self, Vec<Record>), VoteLogError> {
        let io = |error| VoteLogError::Io { path: path.to_owned(), error };
        let mut options = OpenOptions::new();
        let mut file =
            options.create(true).read(true).write(true).truncate(false).open(path).map_err(io)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io)?;
        let (records, end) = read_frames(path, &bytes)?;
        if end < bytes.len() {
            tracing::warn!(
                dropped_bytes = bytes.len() - end,
                "the vote log ends in a frame that was never synced; it is dropped"
            );
            file.set_len(end as u64).map_err(io)?;
            file.sync_data().map_err(io)?;
        }
        file.seek(SeekFrom::Start(end as u64)).map_err(io)?;
        sync_directory(path).map_err(io)?;
        let length = end as u64;
        Ok((Self { path: path.to_owned(), file, length, compacted: length }, records))
    }

    /// Writes records and waits until they are on disk.
    pub fn append(&mut self, records: &[Record]) -> Result<(), VoteLogError> {
        let frame = frame(records);
        self.file
            .write_all(&frame)
            .and_then(|()| self.file.sync_data())
            .map_err(|error| VoteLogError::Io { path: self.path.clone(), error })?;
        self.length += frame.len() as u64;
        Ok(())
    }

    pub fn is_worth_compacting(&self) -> bool {
        self.length > COMPACT_ABOVE_BYTES.max(self.compacted.saturating_mul(2))
    }

    /// Replaces the log by one that holds only these records, atomically.
    pub fn compact(&mut self, records: &[Record]) -> Result<(), VoteLogError> {
        let path = self.path.clone();
        let io = |error| VoteLogError::Io { path: path.clone(), error };
        let new = self.path.with_extension("new");
        let frame = frame(records);
        let mut file = File::create(&new).map_err(io)?;
        file.write_all(&frame).and_then(|()| file.sync_all()).map_err(io)?;
        std::fs::rename(&new, &self.path).map_err(io)?;
        sync_directory(&self.path).map_err(io)?;
        self.file = file;
        self.length = frame.len() as u64;
        self.compacted = self.length;
        Ok(())
    }
}

fn frame(records: &[Record]) -> Vec<u8> {
    let body = codec::encode(records);
    let Some(length) = u32::try_from(body.len()).ok().filter(|_| body.len() <= FRAME_BYTES_MAX)
    else {
        panic!("one turn persists {} bytes, more than a frame holds", body.len());
    };
    let checksum = crc32fast::hash(&body);
    [&MAGIC[..], &length.to_le_bytes(), &checksum.to_le_bytes(), &body].concat()
}

/// All records, and where the good frames end.
fn read_frames(path: &Path, bytes: &[u8]) -> Result<(Vec<Record>, usize), VoteLogError> {
    let mut records = Vec::new();
    let mut offset = 0;
    while offset < bytes.len() {
        let Some(body) = body_at(bytes, offset) else {
            let later = (offset + 1..bytes.len()).any(|at| body_at(bytes, at).is_some());
            if later {
                return Err(VoteLogError::Damaged { path: path.to_owned(), offset });
            }
            break;
        };
        let many: Vec<Record> = codec::decode(body, FRAME_BYTES_MAX)
            .map_err(|error| VoteLogError::Record { path: path.to_owned(), error })?;
        records.extend(many);
        offset += HEADER_BYTES + body.len();
    }
    Ok((records, offset))
}

/// The body of the intact frame at an offset.
fn body_at(bytes: &[u8], offset: usize) -> Option<&[u8]> {
    let frame = bytes.get(offset..)?;
    let (magic, rest) = frame.split_first_chunk::<4>()?;
    if magic != MAGIC {
        return None;
    }
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (checksum, rest) = rest.split_first_chunk::<4>()?;
    let body = rest.get(..usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    (crc32fast::hash(body) == u32::from_le_bytes(*checksum)).then_some(body)
}

/// A new name in a directory is durable only once the directory is synced.
fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use primitives::{
        Epoch, Hash, SecretKey, SigningContext, TimeoutVote, ValidatorIndex, View, Vote,
    };

    use super::*;

    fn record(view: u64) -> Record {
        let context = SigningContext { chain: Hash::ZERO, epoch: Epoch(0) };
        let key = SecretKey::from_seed([1; 32]);
        let vote = TimeoutVote::new(&context, View(view), None, ValidatorIndex(0), &key);
        Record::Consensus(consensus::Record::Vote(Vote::Timeout(vote)))
    }

    fn written(path: &Path, views: std::ops::Range<u64>) -> Vec<Record> {
        let (mut log, _) = VoteLog::open(path).unwrap();
        let records: Vec<_> = views.map(record).collect();
        for record in &records {
            log.append(std::slice::from_ref(record)).unwrap();
        }
        records
    }

    #[test]
    fn what_was_appended_is_read_again_and_after_compaction_what_was_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("votes.log");
        let records = written(&path, 0..5);
        let (mut log, read) = VoteLog::open(&path).unwrap();
        assert_eq!(read, records);
        log.compact(&records[3..]).unwrap();
        log.append(&[record(9)]).unwrap();
        assert_eq!(VoteLog::open(&path).unwrap().1, [record(3), record(4), record(9)]);
    }

    #[test]
    fn a_torn_tail_is_dropped_wherever_it_is_torn() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("votes.log");
        let records = written(&path, 0..3);
        let whole = std::fs::read(&path).unwrap();
        let last = frame(&records[2..]).len();
        for cut in 1..=last {
            std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            assert_eq!(VoteLog::open(&path).unwrap().1, records[..2], "cut by {cut}");
        }
    }

    #[test]
    fn damage_in_the_middle_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("votes.log");
        written(&path, 0..3);
        let whole = std::fs::read(&path).unwrap();
        let first = frame(&[record(0)]).len();
        for at in 0..first {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x40;
            std::fs::write(&path, &bytes).unwrap();
            assert!(matches!(VoteLog::open(&path), Err(VoteLogError::Damaged { offset: 0, .. })));
        }
    }
}
