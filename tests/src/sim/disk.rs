//! The simulated disk of a vote log: real bytes, and what of them a crash keeps.
//!
//! Bytes that were not synced survive a crash whole, in part or not at all; so does a name that was given and not
//! synced. The disk fills up when told to, and fails when told to.

use std::io;

use replica::LogFiles;

use crate::sim::plan::Chance;

/// What a crash leaves of the writes that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsynced {
    Lost,
    Kept,
    /// A prefix of the bytes, of any length; names as they were or as they became.
    Torn,
}

/// One file.
#[derive(Clone, Debug, Default)]
struct File {
    bytes: Vec<u8>,
    /// This many of the bytes are on disk for certain.
    synced: usize,
}

impl File {
    fn crash(&mut self, unsynced: Unsynced, chance: &mut Chance) {
        let written = self.bytes.len().saturating_sub(self.synced);
        let survives = match unsynced {
            Unsynced::Lost => 0,
            Unsynced::Kept => written,
            Unsynced::Torn => chance.index(written + 1),
        };
        self.bytes.truncate(self.synced + survives);
        self.synced = self.bytes.len();
    }
}

/// One instance's disk.
#[derive(Debug, Default)]
pub struct Disk {
    log: Option<File>,
    successor: Option<File>,
    /// What the log was before a successor got its name, until the names are synced.
    replaced: Option<Option<File>>,
    /// Bytes that may still be written; no bound when none is set.
    room: Option<usize>,
    /// Writes, syncs and renames so far; the one with this number fails.
    operations: u64,
    fails_at: Option<u64>,
}

impl Disk {
    /// A disk whose log has these bytes.
    pub fn with_log(bytes: Vec<u8>) -> Self {
        let synced = bytes.len();
        Self { log: Some(File { bytes, synced }), ..Self::default() }
    }

    /// The log's bytes, synced or not.
    pub fn bytes(&self) -> &[u8] {
        self.log.as_ref().map_or(&[], |file| &file.bytes)
    }

    /// Fills the disk up: so many more bytes can be written.
    pub fn fill(&mut self, room: usize) {
        self.room = Some(room);
    }

    /// Makes room again.
    pub fn clear(&mut self) {
        self.room = None;
    }

    /// The operation with this number from now on fails, half done.
    pub fn fail_at(&mut self, operation: u64) {
        self.fails_at = Some(self.operations + operation);
    }

    pub fn operations(&self) -> u64 {
        self.operations
    }

    /// The machine stops.
    pub fn crash(&mut self, unsynced: Unsynced, chance: &mut Chance) {
        if let Some(replaced) = self.replaced.take() {
            let undone = match unsynced {
                Unsynced::Lost => true,
                Unsynced::Kept => false,
                Unsynced::Torn => chance.happens(500),
            };
            if undone {
                self.log = replaced;
            }
        }
        for file in [&mut self.log, &mut self.successor].into_iter().flatten() {
            file.crash(unsynced, chance);
        }
        self.fails_at = None;
    }

    /// The log is gone.
    pub fn lose_log(&mut self) {
        (self.log, self.successor, self.replaced) = (None, None, None);
    }

    /// Counts an operation; true when it is the one that fails.
    fn fails(&mut self) -> bool {
        self.operations += 1;
        self.fails_at == Some(self.operations - 1)
    }

    /// How many of the bytes can be written, and whether that is all of them.
    fn take_room(&mut self, bytes: usize) -> (usize, io::Result<()>) {
        if self.fails() {
            return (bytes / 2, Err(io::Error::other("a write fails")));
        }
        let Some(room) = &mut self.room else { return (bytes, Ok(())) };
        let written = bytes.min(*room);
        *room -= written;
        let full = || io::Error::new(io::ErrorKind::StorageFull, "the disk is full");
        (written, if written == bytes { Ok(()) } else { Err(full()) })
    }

    fn operation(&mut self) -> io::Result<()> {
        if self.fails() { Err(io::Error::other("a sync fails")) } else { Ok(()) }
    }
}

impl LogFiles for Disk {
    fn name(&self) -> String {
        "of the simulator".to_owned()
    }

    fn read(&mut self) -> io::Result<Vec<u8>> {
        Ok(self.bytes().to_vec())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (written, outcome) = self.take_room(bytes.len());
        let file = self.log.get_or_insert_default();
        file.bytes.extend(bytes.iter().take(written));
        outcome
    }

    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        self.operation()?;
        let file = self.log.get_or_insert_default();
        file.bytes.truncate(usize::try_from(bytes).unwrap_or(usize::MAX));
        file.synced = file.synced.min(file.bytes.len());
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.operation()?;
        let file = self.log.get_or_insert_default();
        file.synced = file.bytes.len();
        Ok(())
    }

    fn write_successor(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (written, outcome) = self.take_room(bytes.len());
        let bytes = bytes.iter().take(written).copied().collect();
        self.successor = Some(File { bytes, synced: 0 });
        outcome
    }

    fn sync_successor(&mut self) -> io::Result<()> {
        self.operation()?;
        if let Some(file) = &mut self.successor {
            file.synced = file.bytes.len();
        }
        Ok(())
    }

    fn adopt_successor(&mut self) -> io::Result<()> {
        self.operation()?;
        let Some(successor) = self.successor.take() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let replaced = self.log.replace(successor);
        self.replaced.get_or_insert(replaced);
        Ok(())
    }

    fn sync_names(&mut self) -> io::Result<()> {
        self.operation()?;
        self.replaced = None;
        Ok(())
    }
}
