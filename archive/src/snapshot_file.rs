//! A snapshot as a file: a certified state, in the pieces in which it is checked.
//!
//! ```text
//! magic     16 bytes, the last the version
//! label     frame: whose state it is, for whoever lists files
//! head      frame: the block, its certificate, and what a validator needs of those below
//! piece …   frames: a prefix and what stands below it, from the root down, left to right
//! end       a frame of no bytes
//! frame     plain length, packed length: 4 bytes each, little-endian; then the zstd of the bytes
//! ```
//!
//! Nothing in the file is trusted: the head hangs on signatures of the genesis' validators, and each
//! piece on the hash that the piece above names. A torn file lacks its end.

use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use borsh::{BorshDeserialize, BorshSerialize};
use primitives::{Hash, Height, codec};
use state::{
    Child, HeadError, OpenError, Piece, PieceError, Prefix, Restore, Snapshot, SnapshotHead,
    StoreError,
};
use thiserror::Error;

use crate::files;

const MAGIC: [u8; 16] = *b"quorate-snapsho\x01";
/// Bytes of the values of a piece, unless it is a single value.
const PIECE_BYTES_MAX: usize = 1 << 20;
/// Bytes of a frame: a block with its receipts has more than any piece.
const FRAME_BYTES_MAX: usize = 64 << 20;
const LEVEL: i32 = 3;

/// Whose state it is. Not proved; the head behind it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Label {
    pub genesis: Hash,
    pub height: Height,
    pub root: Hash,
    pub keys: u64,
}

/// Why a file cannot be read.
#[derive(Debug, Error)]
pub enum FileError {
    #[error("it is no snapshot, or one of another version of this program")]
    Magic,
    #[error("it ends too early: it was cut off, or is still being written")]
    Torn,
    #[error("a part of it is unreadable: {0}")]
    Malformed(String),
    #[error(transparent)]
    Io(io::Error),
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Torn,
            _ => Self::Io(error),
        }
    }
}

/// Why a file did not become a database.
#[derive(Debug, Error)]
pub enum RestoreError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Head(#[from] HeadError),
    #[error(transparent)]
    Piece(#[from] PieceError),
    #[error("a part of the state is missing")]
    Incomplete,
    /// Not the file's fault.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Not the file's fault.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes a snapshot into a file, whole or not at all; `tell` hears how many keys are written.
pub fn save(
    path: &Path,
    label: &Label,
    head: &SnapshotHead,
    snapshot: &Snapshot,
    tell: impl FnMut(u64),
) -> io::Result<()> {
    files::write_whole(path, |file| {
        let mut out = BufWriter::new(file);
        write(&mut out, label, head, snapshot, tell)?;
        out.flush()
    })
}

/// Makes the snapshot the database at `place`, in place of what was there, and says how many keys it has. The caller
/// has verified the signatures of its head; `tell` hears how many keys are there. Where it was interrupted it goes on.
pub fn restore<R: Read>(
    mut reader: Reader<R>,
    place: &Path,
    mut tell: impl FnMut(u64),
) -> Result<u64, RestoreError> {
    let mut unfinished = place.as_os_str().to_owned();
    unfinished.push(".restore");
    let mut restore = Restore::begin(&PathBuf::from(unfinished), None)?;
    restore.aim(reader.head.clone())?;
    while restore.wanted().next().is_some() {
        let (prefix, piece) = reader.next()?.ok_or(RestoreError::Incomplete)?;
        // What an earlier attempt brought is there.
        if restore.wants(&prefix) {
            restore.accept(&prefix, piece)??;
            tell(restore.keys());
        }
    }
    let keys = restore.keys();
    restore.finish(place, reader.label.genesis)?;
    Ok(keys)
}

fn write(
    out: &mut impl Write,
    label: &Label,
    head: &SnapshotHead,
    snapshot: &Snapshot,
    mut tell: impl FnMut(u64),
) -> io::Result<()> {
    out.write_all(&MAGIC)?;
    write_frame(out, &codec::encode(label))?;
    write_frame(out, &codec::encode(head))?;
    let mut keys = 0;
    let mut waiting = vec![Prefix::ROOT];
    while let Some(prefix) = waiting.pop() {
        let piece = snapshot.piece(&prefix, PIECE_BYTES_MAX);
        write_frame(out, &codec::encode(&(prefix, &piece)))?;
        match piece {
            Piece::Values(entries) => {
                keys += entries.len() as u64;
                tell(keys);
            }
            Piece::Branch(children) => {
                let below: Vec<_> = prefix.children().zip(children).collect();
                let there = below.into_iter().rev().filter(|(_, child)| *child != Child::Empty);
                waiting.extend(there.map(|(prefix, _)| prefix));
            }
        }
    }
    out.write_all(&[0; 8])
}

fn write_frame(out: &mut impl Write, plain: &[u8]) -> io::Result<()> {
    let mut packed = vec![0; zstd_safe::compress_bound(plain.len())];
    let length = zstd_safe::compress(packed.as_mut_slice(), plain, LEVEL).map_err(packing)?;
    packed.truncate(length);
    for length in [plain.len(), packed.len()] {
        let length = u32::try_from(length).map_err(io::Error::other)?;
        out.write_all(&length.to_le_bytes())?;
    }
    out.write_all(&packed)
}

fn packing(code: zstd_safe::ErrorCode) -> io::Error {
    io::Error::other(zstd_safe::get_error_name(code))
}

/// A snapshot that is being read.
#[derive(Debug)]
pub struct Reader<R> {
    from: R,
    pub label: Label,
    pub head: SnapshotHead,
}

impl<R: Read> Reader<R> {
    pub fn open(mut from: R) -> Result<Self, FileError> {
        let label = read_label(&mut from)?;
        let head = decode(&read_frame(&mut from)?)?;
        Ok(Self { from, label, head })
    }

    /// The next piece; nothing at the end.
    fn next(&mut self) -> Result<Option<(Prefix, Piece)>, FileError> {
        let frame = read_frame(&mut self.from)?;
        if !frame.is_empty() {
            return decode(&frame).map(Some);
        }
        match self.from.read(&mut [0])? {
            0 => Ok(None),
            _ => Err(FileError::Malformed("something follows its end".to_owned())),
        }
    }
}

/// What a file says of itself.
pub fn read_label(from: &mut impl Read) -> Result<Label, FileError> {
    let mut magic = [0; MAGIC.len()];
    match from.read_exact(&mut magic) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(FileError::Magic),
        other => other?,
    }
    if magic != MAGIC {
        return Err(FileError::Magic);
    }
    decode(&read_frame(from)?)
}

/// Allocates no more than the file has and a frame may hold.
fn read_frame(from: &mut impl Read) -> Result<Vec<u8>, FileError> {
    let mut lengths = [0usize; 2];
    for length in &mut lengths {
        let mut bytes = [0; 4];
        from.read_exact(&mut bytes)?;
        *length = u32::from_le_bytes(bytes) as usize;
    }
    let [plain, packed] = lengths;
    if plain > FRAME_BYTES_MAX || packed > zstd_safe::compress_bound(FRAME_BYTES_MAX) {
        return Err(FileError::Malformed("a frame is longer than any may be".to_owned()));
    }
    if plain == 0 && packed == 0 {
        return Ok(Vec::new());
    }
    let mut bytes = Vec::new();
    if from.take(packed as u64).read_to_end(&mut bytes)? < packed {
        return Err(FileError::Torn);
    }
    let mut frame = vec![0; plain];
    match zstd_safe::decompress(frame.as_mut_slice(), &bytes) {
        Ok(length) if length == plain && plain > 0 => Ok(frame),
        Ok(_) => Err(FileError::Malformed("a frame has another length".to_owned())),
        Err(code) => Err(FileError::Malformed(zstd_safe::get_error_name(code).to_owned())),
    }
}

fn decode<T: BorshDeserialize>(frame: &[u8]) -> Result<T, FileError> {
    let decoded = codec::decode(frame, FRAME_BYTES_MAX);
    decoded.map_err(|error| FileError::Malformed(error.to_string()))
}

#[cfg(test)]
#[path = "snapshot_file_tests.rs"]
mod tests;
