//! The vote log's file on a real disk; what is in it, and why, says `replica/src/vote_log.rs`.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use primitives::View;
use replica::{LogFiles, Record, VoteLogError, VoteLogOptions};

/// The log of this node.
pub type VoteLog = replica::VoteLog<DiskFiles>;

/// Bytes of the file above which it is worth rewriting without what is no longer needed.
const COMPACT_ABOVE_BYTES: u64 = 32 << 20;

/// The log's file, and beside it, while it is compacted, its successor with the extension `new`.
#[derive(Debug)]
pub struct DiskFiles {
    path: PathBuf,
    file: Option<File>,
    successor: Option<File>,
}

/// Opens the log of a home that was made before, and reads what it holds.
///
/// # Errors
/// When it cannot be read or written, or is damaged.
pub fn open(path: &Path) -> anyhow::Result<(VoteLog, Vec<Record>)> {
    let options = VoteLogOptions { salt: salt()?, compact_above_bytes: COMPACT_ABOVE_BYTES };
    let (log, records) = VoteLog::open(DiskFiles::at(path), options)?;
    if log.dropped_bytes() > 0 {
        tracing::warn!(
            dropped_bytes = log.dropped_bytes(),
            "the vote log ends in a frame that was never synced; it is dropped"
        );
    }
    Ok((log, records))
}

/// Begins the log of a validator that has never signed anything. A node that finds no log does not take itself for
/// one: its log may have been lost.
///
/// # Errors
/// When there is a log already, or it cannot be written.
pub fn create(path: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(!path.exists(), "{} exists; it is never begun anew", path.display());
    let (mut log, _) = open(path)?;
    let birth = Record::Consensus(consensus::Record::Floor(View::ZERO));
    let written: Result<(), VoteLogError> = log.write(&[birth]).and_then(|()| log.sync());
    Ok(written?)
}

/// What a vote log is after the store beside it was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restored {
    /// It tells what this validator signed, and from which view on all is decided.
    Kept,
    Gone,
    /// It says that nothing was ever signed, as that of a home made for a key that has voted elsewhere would: nobody
    /// knows. Now it is here, and the node takes its log for lost.
    PutAside(PathBuf),
}

impl Restored {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Gone => "none: taken for lost",
            Self::PutAside(_) => "put aside, since it knows of no vote: taken for lost",
        }
    }
}

/// Sees to it that a validator whose store was restored cannot sign twice.
///
/// # Errors
/// When the log cannot be read or renamed, or is damaged.
pub fn after_restore(path: &Path) -> anyhow::Result<Restored> {
    if !path.exists() {
        return Ok(Restored::Gone);
    }
    let birth = Record::Consensus(consensus::Record::Floor(View::ZERO));
    if open(path)?.1 != [birth] {
        return Ok(Restored::Kept);
    }
    Ok(put_aside(path)?.map_or(Restored::Gone, Restored::PutAside))
}

/// Puts the log, if there is one, beside its place. Answers where it is now.
///
/// # Errors
/// When it cannot be renamed.
pub fn put_aside(path: &Path) -> anyhow::Result<Option<PathBuf>> {
    if !path.exists() {
        return Ok(None);
    }
    let mut number = 1;
    let aside = loop {
        let aside = path.with_extension(format!("log.aside-{number}"));
        if !aside.exists() {
            break aside;
        }
        number += 1;
    };
    std::fs::rename(path, &aside)?;
    DiskFiles::at(path).sync_names()?;
    Ok(Some(aside))
}

fn salt() -> anyhow::Result<[u8; 16]> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt)?;
    Ok(salt)
}

impl DiskFiles {
    fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), file: None, successor: None }
    }

    fn successor_path(&self) -> PathBuf {
        self.path.with_extension("new")
    }

    fn file(&mut self) -> io::Result<&mut File> {
        if self.file.is_none() {
            let mut options = OpenOptions::new();
            options.create(true).read(true).write(true).truncate(false);
            let mut file = options.open(&self.path)?;
            file.seek(SeekFrom::End(0))?;
            self.file = Some(file);
        }
        self.file.as_mut().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

impl LogFiles for DiskFiles {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => {
                opened?.read_to_end(&mut bytes)?;
            }
        }
        Ok(bytes)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file()?.write_all(bytes)
    }

    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        let file = self.file()?;
        file.set_len(bytes)?;
        file.seek(SeekFrom::Start(bytes))?;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file()?.sync_data()
    }

    fn write_successor(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create(self.successor_path())?;
        file.write_all(bytes)?;
        self.successor = Some(file);
        Ok(())
    }

    fn sync_successor(&mut self) -> io::Result<()> {
        self.successor.as_ref().map_or(Ok(()), File::sync_all)
    }

    fn adopt_successor(&mut self) -> io::Result<()> {
        std::fs::rename(self.successor_path(), &self.path)?;
        self.file = self.successor.take();
        Ok(())
    }

    fn sync_names(&mut self) -> io::Result<()> {
        match self.path.parent() {
            Some(directory) => File::open(directory)?.sync_all(),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floor(view: u64) -> Record {
        Record::Consensus(consensus::Record::Floor(View(view)))
    }

    #[test]
    fn a_log_outlives_its_process_its_compaction_and_a_torn_tail() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("votes.log");
        create(&path).unwrap();
        assert!(create(&path).is_err(), "a log is never begun anew");

        let (mut log, records) = open(&path).unwrap();
        assert_eq!(records, [floor(0)]);
        log.write(&[floor(1)]).and_then(|()| log.sync()).unwrap();
        log.compact(&[floor(2)]).unwrap();
        log.write(&[floor(3)]).and_then(|()| log.sync()).unwrap();
        drop(log);
        assert_eq!(open(&path).unwrap().1, [floor(2), floor(3)]);

        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert_eq!(open(&path).unwrap().1, [floor(2)]);
        let (mut log, _) = open(&path).unwrap();
        log.write(&[floor(4)]).and_then(|()| log.sync()).unwrap();
        assert_eq!(open(&path).unwrap().1, [floor(2), floor(4)]);

        std::fs::remove_file(&path).unwrap();
        assert_eq!(open(&path).unwrap().1, [], "a log that is gone has no floor to sign above");
    }
}
