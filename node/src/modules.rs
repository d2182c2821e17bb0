//! Compiled contracts on the disk, so that a start does not compile them again.
//!
//! A directory of the node's own, bounded in bytes; what was used longest ago leaves first, and what
//! another release has compiled leaves at the start. It may be removed at any time. What cannot be
//! read or written is as if it were not there: the contract is compiled, and nothing else depends on
//! it.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use primitives::Hash;
use tracing::warn;
use vm::engine::Artifacts;

/// What is being written has another ending.
const ENDING: &str = "module";

/// The directory.
#[derive(Debug)]
pub struct ModuleFiles {
    directory: PathBuf,
    bytes_max: u64,
    /// Bytes that are kept. Who holds it keeps and removes.
    bytes: Mutex<u64>,
}

/// One kept artifact.
struct Kept {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

impl ModuleFiles {
    /// Makes the directory if it is not there, and in it one for this environment; whatever else is
    /// in it is removed. Only its owner may look into it: what lies in it is run.
    pub fn new(directory: &Path, environment: &Hash, bytes_max: u64) -> std::io::Result<Self> {
        let own = directory.join(hex::encode(environment.0));
        DirBuilder::new().recursive(true).mode(0o700).create(&own)?;
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() && path != own {
                fs::remove_dir_all(path)?;
            } else if path != own {
                fs::remove_file(path)?;
            }
        }
        let files = Self { directory: own, bytes_max, bytes: Mutex::default() };
        files.make_room(&mut files.bytes(), bytes_max)?;
        Ok(files)
    }

    fn path(&self, name: &Hash) -> PathBuf {
        self.directory.join(hex::encode(name.0)).with_extension(ENDING)
    }

    fn bytes(&self) -> MutexGuard<'_, u64> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_keep(&self, name: &Hash, artifact: &[u8]) -> std::io::Result<()> {
        let mut bytes = self.bytes();
        let path = self.path(name);
        let unfinished = path.with_extension("unfinished");
        fs::write(&unfinished, artifact)?;
        // What it may replace is counted twice, until all are counted again.
        fs::rename(&unfinished, &path)?;
        *bytes = bytes.saturating_add(artifact.len() as u64);
        if *bytes > self.bytes_max {
            self.make_room(&mut bytes, self.bytes_max / 8 * 7)?;
        }
        Ok(())
    }

    /// Removes what was used longest ago until the rest takes at most so many bytes. Looks at every
    /// file, so there is more room afterwards than for the next.
    fn make_room(&self, bytes: &mut u64, most: u64) -> std::io::Result<()> {
        let mut kept = self.kept()?;
        kept.sort_by_key(|kept| kept.used);
        *bytes = kept.iter().map(|kept| kept.bytes).sum();
        for kept in kept {
            if *bytes <= most {
                break;
            }
            fs::remove_file(&kept.path)?;
            *bytes = bytes.saturating_sub(kept.bytes);
        }
        Ok(())
    }

    fn kept(&self) -> std::io::Result<Vec<Kept>> {
        let mut kept = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let (path, about) = entry.and_then(|entry| Ok((entry.path(), entry.metadata()?)))?;
            if path.extension().is_some_and(|ending| ending == ENDING) {
                kept.push(Kept { path, bytes: about.len(), used: about.modified()? });
            }
        }
        Ok(kept)
    }
}

impl Artifacts for ModuleFiles {
    fn load(&self, name: &Hash) -> Option<Vec<u8>> {
        let path = self.path(name);
        let artifact = fs::read(&path).ok()?;
        // The time of the last use, by which they leave.
        let touched = File::options().append(true).open(&path);
        let _ = touched.and_then(|file| file.set_modified(SystemTime::now()));
        Some(artifact)
    }

    fn keep(&self, name: &Hash, artifact: &[u8]) {
        if let Err(error) = self.try_keep(name, artifact) {
            warn!(%error, "a compiled contract is not kept");
        }
    }

    /// Room for what is not needed at once ends where [`Self::make_room`] ends.
    fn wants(&self, name: &Hash) -> bool {
        *self.bytes() < self.bytes_max / 8 * 7 && !self.path(name).exists()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_was_used_longest_ago_leaves() {
        let home = tempfile::tempdir().unwrap();
        let files = ModuleFiles::new(&home.path().join("modules"), &Hash::ZERO, 29).unwrap();
        let name = |number| Hash([number; 32]);
        for number in 1..=2 {
            files.keep(&name(number), &[number; 10]);
            let file = File::options().append(true).open(files.path(&name(number))).unwrap();
            let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(number));
            file.set_modified(long_ago).unwrap();
        }
        assert_eq!(files.load(&name(1)), Some(vec![1; 10]));
        files.keep(&name(3), &[3; 10]);
        let loaded: Vec<_> = (1..=3).map(|number| files.load(&name(number)).is_some()).collect();
        assert_eq!(loaded, [true, false, true]);
    }

    #[test]
    fn what_another_release_compiled_leaves() {
        let home = tempfile::tempdir().unwrap();
        let (directory, name) = (home.path().join("modules"), Hash([7; 32]));
        let start = |release| ModuleFiles::new(&directory, &Hash([release; 32]), 100).unwrap();
        start(1).keep(&name, &[1; 10]);
        fs::write(directory.join("of an older form"), []).unwrap();
        assert_eq!(start(1).load(&name), Some(vec![1; 10]));
        assert_eq!(start(2).load(&name), None);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
    }

    /// What is not needed at once takes no other's place.
    #[test]
    fn what_is_compiled_ahead_needs_room() {
        let home = tempfile::tempdir().unwrap();
        let files = ModuleFiles::new(home.path(), &Hash::ZERO, 80).unwrap();
        let (first, second) = (Hash([1; 32]), Hash([2; 32]));
        assert!(files.wants(&first));
        files.keep(&first, &[0; 69]);
        assert!(!files.wants(&first) && files.wants(&second));
        files.keep(&first, &[0; 70]);
        assert!(!files.wants(&second));
    }
}
