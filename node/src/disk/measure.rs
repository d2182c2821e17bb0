//! What the file system says.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::statvfs;

use crate::config::Home;
use crate::syncing;

/// What `st_blocks` counts, whatever the file system's own blocks are.
const BLOCK_BYTES: u64 = 512;

/// The places whose growth fills the disk.
#[derive(Clone, Debug)]
pub struct Places {
    data: PathBuf,
    database: PathBuf,
    /// The database that is being restored, if one is.
    restoring: PathBuf,
    /// The vote log, and its successor while it is compacted.
    votes: [PathBuf; 2],
}

/// Bytes that the node's data takes on the disk: what is laid out ahead counts, since nobody else can have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    pub database_bytes: u64,
    pub votes_bytes: u64,
}

impl Used {
    pub fn bytes(&self) -> u64 {
        self.database_bytes.saturating_add(self.votes_bytes)
    }
}

impl Places {
    pub fn of(home: &Home) -> Self {
        let (data, votes) = (home.data(), home.vote_log());
        let restoring = syncing::directory(&data);
        let votes = [votes.clone(), votes.with_extension("new")];
        Self { data, database: home.database(), restoring, votes }
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Bytes that this process may still write. The database may have a disk of its own; then the fuller one counts.
    pub fn free_bytes(&self) -> io::Result<u64> {
        let mut free_bytes = free_below(&self.data)?;
        if self.database.exists() {
            free_bytes = free_bytes.min(free_below(&self.database)?);
        }
        Ok(free_bytes)
    }

    pub fn used(&self) -> io::Result<Used> {
        let [votes, successor] = &self.votes;
        Ok(Used {
            database_bytes: allocated(&self.database)? + allocated(&self.restoring)?,
            votes_bytes: allocated(votes)? + allocated(successor)?,
        })
    }
}

fn free_below(path: &Path) -> io::Result<u64> {
    let found = statvfs(path)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Bytes of a file, or of all files in a directory. What is removed meanwhile takes nothing.
fn allocated(path: &Path) -> io::Result<u64> {
    let Some(found) = or_gone(fs::metadata(path))? else { return Ok(0) };
    let mut bytes = found.blocks().saturating_mul(BLOCK_BYTES);
    if found.is_dir() {
        for entry in or_gone(fs::read_dir(path))?.into_iter().flatten() {
            let entry = entry?;
            // A link inside could lead round in a circle.
            if !entry.file_type()?.is_symlink() {
                bytes = bytes.saturating_add(allocated(&entry.path())?);
            }
        }
    }
    Ok(bytes)
}

fn or_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_counted_where_it_lies() {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::new(directory.path());
        home.create().unwrap();
        let places = Places::of(&home);
        assert_eq!(places.used().unwrap(), Used::default(), "nothing is there");
        assert!(places.free_bytes().unwrap() > 0);

        fs::create_dir_all(home.database().join("inside")).unwrap();
        let empty = places.used().unwrap();
        fs::write(home.database().join("inside/file"), vec![1; 100_000]).unwrap();
        fs::write(home.vote_log(), vec![1; 50_000]).unwrap();
        fs::write(home.vote_log().with_extension("new"), vec![1; 50_000]).unwrap();
        let full = places.used().unwrap();
        let grown = full.database_bytes - empty.database_bytes;
        assert!((100_000..140_000).contains(&grown), "{grown}");
        assert!((100_000..140_000).contains(&full.votes_bytes), "{full:?}");
        assert_eq!(full.bytes(), full.database_bytes + full.votes_bytes);
    }

    #[test]
    fn a_place_that_is_gone_is_an_error() {
        let places = Places::of(&Home::new("/nowhere/at/all"));
        assert!(places.free_bytes().is_err());
    }
}
