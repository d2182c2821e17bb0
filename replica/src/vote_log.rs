//! The vote log: what this validator has signed and may never forget, on disk before it leaves.
//!
//! One file, appended. It begins with a header and goes on with frames. A frame is everything that one turn of the
//! replica persists, so that a turn costs one sync:
//!
//! ```text
//! header: "QVL2" | salt, 16 bytes | CRC-32 of both, u32 LE
//! frame:  "QVF2" | length u32 LE  | CRC-32 of salt, position u64 LE and body, u32 LE | body: canonical Vec<Record>
//! ```
//!
//! Salt and position bind a frame to its place: neither an old frame of another file, nor bytes that a client put
//! into a transaction, pass for one.
//!
//! * **A torn tail is dropped.** A frame that was never synced may be torn by a crash. It is the last one, and nothing
//!   was sent that depends on it.
//! * **Damage before an intact frame is refused,** and so is a damaged header: the disk lost what was synced, and
//!   signing on could contradict a forgotten vote. (Damage of the very last synced frame looks like a torn tail; no
//!   format can tell the two apart without a second place to write to.)
//! * **After a failed write nothing is written any more.** Whether the bytes are there is unknown, and a further frame
//!   would stand behind a torn one.
//!
//! A missing or empty file reads as no records. Then nothing says from which view on this validator may sign, and
//! agreement begins as an observer (`consensus/src/rejoin.rs`).
//!
//! Where I/O begins is a trait, [`LogFiles`]. The node gives it a directory, the simulator a disk that tears, fills
//! up and forgets; what is between is the same code.

use std::io;

use primitives::codec::{self, DecodeError};
use thiserror::Error;

use crate::replica::Record;

const HEADER_MAGIC: &[u8; 4] = b"QVL2";
const FRAME_MAGIC: &[u8; 4] = b"QVF2";
/// Bytes of the file's header.
pub const HEADER_BYTES: usize = 24;
const FRAME_HEADER_BYTES: usize = 12;
/// Bytes of one frame's body: a turn may persist a few blocks' batches.
const FRAME_BYTES_MAX: usize = 256 << 20;

/// The file of a log and its successor while that is written. Appends and truncations are durable once
/// [`LogFiles::sync`] has returned; a name is, once [`LogFiles::sync_names`] has.
pub trait LogFiles {
    /// What a message calls the log, such as its path.
    fn name(&self) -> String;

    /// Everything in the file; nothing when there is none.
    fn read(&mut self) -> io::Result<Vec<u8>>;

    /// Writes at the end of the file, and creates it when there is none.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file to this many bytes.
    fn truncate(&mut self, bytes: u64) -> io::Result<()>;

    /// Waits until the file's bytes are on disk.
    fn sync(&mut self) -> io::Result<()>;

    /// Writes a successor beside the file, in place of one that was left behind.
    fn write_successor(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Waits until the successor's bytes are on disk.
    fn sync_successor(&mut self) -> io::Result<()>;

    /// Gives the successor the file's name, at once and whole. From now on it is the file.
    fn adopt_successor(&mut self) -> io::Result<()>;

    /// Waits until the names are on disk.
    fn sync_names(&mut self) -> io::Result<()>;
}

/// Why the log cannot be used. The validator must not sign without it.
#[derive(Debug, Error)]
pub enum VoteLogError {
    #[error("the vote log {name} cannot be used: {error}")]
    Io { name: String, error: io::Error },
    #[error("the vote log {name} failed before; what it holds is unknown until it is read again")]
    Failed { name: String },
    #[error(
        "the vote log {name} is damaged at byte {offset}: the disk has lost votes that were synced. This validator \
         must not sign on. Restore the file if you can. Otherwise move it away and start again: the validator then \
         follows the others, and votes again once they have shown that they are past all it can have signed"
    )]
    Damaged { name: String, offset: usize },
    #[error("the vote log {name} holds a record that this version cannot read: {error}")]
    Record { name: String, error: DecodeError },
}

/// How a log is kept.
#[derive(Clone, Copy, Debug)]
pub struct VoteLogOptions {
    /// What a new file's frames are bound to; differs from file to file, and no client can know it.
    pub salt: [u8; 16],
    /// Bytes of the file above which it is worth rewriting without what is no longer needed.
    pub compact_above_bytes: u64,
}

/// The open log.
#[derive(Debug)]
pub struct VoteLog<F> {
    files: F,
    salt: [u8; 16],
    compact_above_bytes: u64,
    /// Bytes of the file.
    length: u64,
    /// The length after the last compaction, so that a large live set is not rewritten at every turn.
    compacted: u64,
    failed: bool,
    /// Bytes of a torn tail that opening dropped.
    dropped: u64,
}

impl<F: LogFiles> VoteLog<F> {
    /// Opens or creates the log, and reads what it holds.
    ///
    /// # Errors
    /// When it cannot be read or written, or is damaged.
    pub fn open(
        mut files: F,
        options: VoteLogOptions,
    ) -> Result<(Self, Vec<Record>), VoteLogError> {
        let name = files.name();
        let io = |error| VoteLogError::Io { name: name.clone(), error };
        let bytes = files.read().map_err(io)?;
        // Nothing is appended before the header is synced: a shorter file has never held a vote.
        if bytes.len() < HEADER_BYTES {
            let mut log = Self::fresh(files, options);
            log.replace(&header(&options.salt))?;
            return Ok((log, Vec::new()));
        }
        let Some(salt) = read_header(&bytes) else {
            return Err(VoteLogError::Damaged { name, offset: 0 });
        };
        let (records, end) = read_frames(&name, &salt, &bytes)?;
        if end < bytes.len() {
            files.truncate(end as u64).and_then(|()| files.sync()).map_err(io)?;
        }
        // The name may be newer than the last sync of names.
        files.sync_names().map_err(io)?;
        let mut log = Self::fresh(files, VoteLogOptions { salt, ..options });
        log.length = end as u64;
        log.compacted = log.length;
        log.dropped = (bytes.len() - end) as u64;
        Ok((log, records))
    }

    fn fresh(files: F, options: VoteLogOptions) -> Self {
        let VoteLogOptions { salt, compact_above_bytes } = options;
        let (length, compacted, failed, dropped) = (0, 0, false, 0);
        Self { files, salt, compact_above_bytes, length, compacted, failed, dropped }
    }

    /// Writes records behind the others. They count once [`VoteLog::sync`] has returned.
    ///
    /// # Errors
    /// When the disk refuses. Then the log is of no more use.
    pub fn write(&mut self, records: &[Record]) -> Result<(), VoteLogError> {
        let frame = frame(&self.salt, self.length, records);
        self.attempt(|files| files.append(&frame))?;
        self.length += frame.len() as u64;
        Ok(())
    }

    /// Waits until everything that was written is on disk.
    ///
    /// # Errors
    /// When the disk refuses. Then the log is of no more use.
    pub fn sync(&mut self) -> Result<(), VoteLogError> {
        self.attempt(LogFiles::sync)
    }

    /// Whether the file is long, and longer than what the last compaction left by so much that another pays.
    pub fn is_worth_compacting(&self) -> bool {
        self.length > self.compact_above_bytes.max(self.compacted.saturating_mul(2))
    }

    /// Replaces the log by one that holds only these records. Whenever it is interrupted, either the old log or the
    /// new one is there, whole.
    ///
    /// # Errors
    /// When the disk refuses. Then the log is of no more use.
    pub fn compact(&mut self, records: &[Record]) -> Result<(), VoteLogError> {
        let frame = frame(&self.salt, HEADER_BYTES as u64, records);
        self.replace(&[&header(&self.salt)[..], &frame].concat())
    }

    /// Bytes of a torn tail that opening dropped; for the log.
    pub fn dropped_bytes(&self) -> u64 {
        self.dropped
    }

    /// Gives the files back.
    pub fn into_files(self) -> F {
        self.files
    }

    /// What it is written to.
    pub fn files(&self) -> &F {
        &self.files
    }

    /// The same, to be changed behind the log's back.
    pub fn files_mut(&mut self) -> &mut F {
        &mut self.files
    }

    fn replace(&mut self, bytes: &[u8]) -> Result<(), VoteLogError> {
        self.attempt(|files| files.write_successor(bytes))?;
        self.attempt(LogFiles::sync_successor)?;
        self.attempt(LogFiles::adopt_successor)?;
        self.attempt(LogFiles::sync_names)?;
        self.length = bytes.len() as u64;
        self.compacted = self.length;
        Ok(())
    }

    fn attempt(
        &mut self,
        write: impl FnOnce(&mut F) -> io::Result<()>,
    ) -> Result<(), VoteLogError> {
        if self.failed {
            return Err(VoteLogError::Failed { name: self.files.name() });
        }
        write(&mut self.files).map_err(|error| {
            self.failed = true;
            VoteLogError::Io { name: self.files.name(), error }
        })
    }
}

fn header(salt: &[u8; 16]) -> [u8; HEADER_BYTES] {
    let checked = [&HEADER_MAGIC[..], salt].concat();
    let checksum = crc32fast::hash(&checked).to_le_bytes();
    let mut header = [0; HEADER_BYTES];
    for (byte, from) in header.iter_mut().zip(checked.iter().chain(&checksum)) {
        *byte = *from;
    }
    header
}

/// The salt, if the header is intact.
fn read_header(bytes: &[u8]) -> Option<[u8; 16]> {
    let salt: [u8; 16] = bytes.get(4..20)?.try_into().ok()?;
    (bytes.get(..HEADER_BYTES)? == header(&salt)).then_some(salt)
}

fn checksum(salt: &[u8; 16], position: u64, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(salt);
    hasher.update(&position.to_le_bytes());
    hasher.update(body);
    hasher.finalize()
}

fn frame(salt: &[u8; 16], position: u64, records: &[Record]) -> Vec<u8> {
    let body = codec::encode(records);
    let Some(length) = u32::try_from(body.len()).ok().filter(|_| body.len() <= FRAME_BYTES_MAX)
    else {
        panic!("one turn persists {} bytes, more than a frame holds", body.len());
    };
    let checksum = checksum(salt, position, &body);
    [&FRAME_MAGIC[..], &length.to_le_bytes(), &checksum.to_le_bytes(), &body].concat()
}

/// All records, and where the good frames end.
fn read_frames(
    name: &str,
    salt: &[u8; 16],
    bytes: &[u8],
) -> Result<(Vec<Record>, usize), VoteLogError> {
    let mut records = Vec::new();
    let mut offset = HEADER_BYTES;
    while offset < bytes.len() {
        let Some(body) = body_at(salt, bytes, offset) else {
            if (offset + 1..bytes.len()).any(|at| body_at(salt, bytes, at).is_some()) {
                return Err(VoteLogError::Damaged { name: name.to_owned(), offset });
            }
            break;
        };
        let many: Vec<Record> = codec::decode(body, FRAME_BYTES_MAX)
            .map_err(|error| VoteLogError::Record { name: name.to_owned(), error })?;
        records.extend(many);
        offset += FRAME_HEADER_BYTES + body.len();
    }
    Ok((records, offset))
}

/// The body of the intact frame at an offset.
fn body_at<'a>(salt: &[u8; 16], bytes: &'a [u8], offset: usize) -> Option<&'a [u8]> {
    let frame = bytes.get(offset..)?;
    let (magic, rest) = frame.split_first_chunk::<4>()?;
    if magic != FRAME_MAGIC {
        return None;
    }
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let body = rest.get(..usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    (checksum(salt, offset as u64, body) == u32::from_le_bytes(*sum)).then_some(body)
}
