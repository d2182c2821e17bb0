//! A directory of backups: generations of a node's files that share what did not change.
//!
//! ```text
//! files/HASH       contents, each once, named by its BLAKE3
//! NUMBER.json      a generation: its files by name, size and hash, under a seal over all of that
//! lock             held by whoever writes
//! ```
//!
//! A generation is there when its file is, which is written last, in one renaming; a crash leaves
//! contents that nothing names, and the next backup removes them. The store's tables never change
//! once written, so a further generation copies the new ones only. All of them are read each time:
//! the name is the hash of what is there, and not of what is expected.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use primitives::{Hash, Height};
use serde::{Deserialize, Serialize};
use state::Summary;

use crate::files::{create_private, sync_directory, write_atomically};

/// What the names of a store's files begin with.
const STORE: &str = "db/";
/// Bytes copied at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// The backups in one directory.
#[derive(Debug)]
pub struct Backups {
    directory: PathBuf,
}

/// One backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Generation {
    /// Of this form.
    pub version: u32,
    /// Rises from backup to backup.
    pub number: u64,
    pub about: About,
    pub files: Vec<Entry>,
}

/// What it is a backup of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct About {
    /// When it was made, in milliseconds since 1970.
    pub made_ms: u64,
    pub genesis: Hash,
    pub height: Height,
    pub state_root: Hash,
    pub floor: Height,
}

/// A file of a generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// `db/NAME`, or a file of the home.
    pub name: String,
    pub bytes: u64,
    pub hash: Hash,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    generation: Generation,
    /// The BLAKE3 of the generation's compact JSON.
    seal: Hash,
}

/// What a backup took.
#[derive(Clone, Debug)]
pub struct Made {
    pub generation: Generation,
    pub new_files: usize,
    pub new_bytes: u64,
    /// Numbers of the generations that were too many.
    pub removed: Vec<u64>,
}

impl Generation {
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

impl Backups {
    /// Those in a directory that has some.
    pub fn open(directory: &Path) -> anyhow::Result<Self> {
        let backups = Self { directory: directory.to_owned() };
        ensure!(backups.files().is_dir(), "there are no backups in {}", directory.display());
        Ok(backups)
    }

    /// Those in a directory, which is made if it is missing. One that holds something else is left
    /// alone.
    pub fn open_or_make(directory: &Path) -> anyhow::Result<Self> {
        let backups = Self { directory: directory.to_owned() };
        if !backups.files().is_dir() {
            let is_other = directory.is_dir() && fs::read_dir(directory)?.next().is_some();
            let named = directory.display();
            ensure!(!is_other, "{named} holds other files: name an empty or a new directory");
            create_private(&backups.files())?;
            sync_directory(directory)?;
            sync_directory(directory.parent().unwrap_or(directory))?;
        }
        Ok(backups)
    }

    fn files(&self) -> PathBuf {
        self.directory.join("files")
    }

    fn content(&self, hash: &Hash) -> PathBuf {
        self.files().join(hex::encode(hash.0))
    }

    fn manifest(&self, number: u64) -> PathBuf {
        self.directory.join(format!("{number:06}.json"))
    }

    fn numbers(&self) -> anyhow::Result<BTreeSet<u64>> {
        let mut numbers = BTreeSet::new();
        for entry in fs::read_dir(&self.directory)? {
            let name = entry?.file_name();
            let stem = name.to_str().and_then(|name| name.strip_suffix(".json"));
            numbers.extend(stem.and_then(|stem| stem.parse::<u64>().ok()));
        }
        Ok(numbers)
    }

    /// All generations, the oldest first; an unreadable one with the reason.
    pub fn all(&self) -> anyhow::Result<Vec<(u64, anyhow::Result<Generation>)>> {
        let numbers = self.numbers()?.into_iter();
        Ok(numbers.map(|number| (number, self.generation(number))).collect())
    }

    /// One generation, whose seal is intact.
    pub fn generation(&self, number: u64) -> anyhow::Result<Generation> {
        let path = self.manifest(number);
        let text = fs::read(&path).with_context(|| path.display().to_string())?;
        let broken = || format!("{} is damaged", path.display());
        let Sealed { generation, seal } = serde_json::from_slice(&text).with_context(broken)?;
        ensure!(seal_of(&generation)? == seal, "{}: its seal is broken", broken());
        ensure!(generation.version == 1, "{} is of a newer version", path.display());
        ensure!(generation.number == number, "{} is another one's", path.display());
        Ok(generation)
    }

    /// The number of the newest.
    pub fn newest(&self) -> anyhow::Result<u64> {
        let newest = self.numbers()?.last().copied();
        newest.with_context(|| format!("there are no backups in {}", self.directory.display()))
    }

    /// Makes a generation of these files, by their names, and keeps `keep` of all. `about` is asked
    /// when all are copied; if it fails, there is no generation.
    pub fn make(
        &self,
        sources: &[(String, PathBuf)],
        keep: usize,
        about: impl FnOnce() -> anyhow::Result<About>,
    ) -> anyhow::Result<Made> {
        let lock = File::create(self.directory.join("lock"))?;
        let busy = "another backup is being made in this directory";
        lock.try_lock().ok().context(busy)?;
        let (mut files, mut new_files, mut new_bytes) = (Vec::new(), 0, 0);
        for (name, path) in sources {
            let (entry, is_new) = self
                .take(name, path)
                .with_context(|| format!("{} cannot be copied", path.display()))?;
            if is_new {
                new_files += 1;
                new_bytes += entry.bytes;
            }
            files.push(entry);
        }
        sync_directory(&self.files())?;
        let number = self.numbers()?.last().map_or(1, |last| last + 1);
        let generation = Generation { version: 1, number, about: about()?, files };
        let sealed = Sealed { seal: seal_of(&generation)?, generation };
        write_atomically(&self.manifest(number), &serde_json::to_vec_pretty(&sealed)?)?;
        let removed = self.prune(keep)?;
        Ok(Made { generation: sealed.generation, new_files, new_bytes, removed })
    }

    /// Copies a file unless its content is here.
    fn take(&self, name: &str, path: &Path) -> io::Result<(Entry, bool)> {
        let unfinished = self.files().join("unfinished");
        let (hash, bytes) = read_through(path, &mut io::sink())?;
        let place = self.content(&hash);
        let is_new = fs::metadata(&place).map_or(true, |there| there.len() != bytes);
        if is_new {
            let mut out = File::create(&unfinished)?;
            if read_through(path, &mut out)? != (hash, bytes) {
                return Err(io::Error::other("it changes while it is read"));
            }
            out.sync_all()?;
            fs::rename(&unfinished, &place)?;
        }
        Ok((Entry { name: name.to_owned(), bytes, hash }, is_new))
    }

    /// Removes the oldest generations, and all contents that none names. Nothing while one is
    /// unreadable: nobody knows what that names.
    fn prune(&self, keep: usize) -> anyhow::Result<Vec<u64>> {
        let mut all = Vec::new();
        for (_, generation) in self.all()? {
            let Ok(generation) = generation else { return Ok(Vec::new()) };
            all.push(generation);
        }
        let kept = all.split_off(all.len().saturating_sub(keep.max(1)));
        for old in &all {
            fs::remove_file(self.manifest(old.number))?;
        }
        // A name that came back with a power cut would be that of a backup without contents.
        sync_directory(&self.directory)?;
        let files = kept.iter().flat_map(|generation| &generation.files);
        let named: BTreeSet<PathBuf> = files.map(|file| self.content(&file.hash)).collect();
        for entry in fs::read_dir(self.files())? {
            let path = entry?.path();
            if !named.contains(&path) {
                fs::remove_file(path)?;
            }
        }
        Ok(all.into_iter().map(|generation| generation.number).collect())
    }

    /// Reads all files of a generation; names those that are not what they were.
    pub fn verify(&self, generation: &Generation) -> Vec<String> {
        let mut problems = Vec::new();
        for Entry { name, bytes, hash } in &generation.files {
            match read_through(&self.content(hash), &mut io::sink()) {
                Ok(found) if found == (*hash, *bytes) => {}
                Ok(_) => problems.push(format!("{name} is damaged")),
                Err(error) => problems.push(format!("{name} cannot be read: {error}")),
            }
        }
        problems
    }

    /// Copies the store of a generation into `directory`, which is made anew, and those of the other
    /// files to which `place` gives one. All are checked; where one is not what it was, nothing
    /// stays in `directory`.
    pub fn restore(
        &self,
        generation: &Generation,
        directory: &Path,
        place: impl Fn(&str) -> Option<PathBuf>,
    ) -> anyhow::Result<()> {
        let _ = fs::remove_dir_all(directory);
        fs::create_dir(directory).with_context(|| directory.display().to_string())?;
        let place = |name: &str| match name.strip_prefix(STORE) {
            Some(name) => Some(directory.join(name)),
            None => place(name),
        };
        let checked = self.copy(generation, place).and_then(|()| {
            let Summary { height, root, .. } = state::summary(directory)?;
            let expected = (generation.about.height, generation.about.state_root);
            ensure!((height, root) == expected, "it holds height {height}, not {}", expected.0);
            Ok(())
        });
        checked.inspect_err(|_| {
            let _ = fs::remove_dir_all(directory);
        })
    }

    /// Copies those files of a generation to which `place` gives one, and checks each.
    fn copy(
        &self,
        generation: &Generation,
        place: impl Fn(&str) -> Option<PathBuf>,
    ) -> anyhow::Result<()> {
        for Entry { name, bytes, hash } in &generation.files {
            ensure!(is_safe(name), "{name:?} is no name of a file of a backup");
            let Some(path) = place(name) else { continue };
            let mut out = File::create(&path).with_context(|| path.display().to_string())?;
            let copied = read_through(&self.content(hash), &mut out);
            let copied = copied.with_context(|| format!("{name} of the backup"))?;
            if copied != (*hash, *bytes) {
                bail!("{name} of the backup is damaged");
            }
            out.sync_all()?;
        }
        Ok(())
    }
}

/// The files of a store, for a backup: a checkpoint that nobody writes.
pub fn store_files(checkpoint: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(checkpoint)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        files.push((format!("{STORE}{name}"), entry.path()));
    }
    files.sort();
    Ok(files)
}

/// A plain name, or one in `db`: a backup that somebody else made must not write elsewhere.
fn is_safe(name: &str) -> bool {
    let name = name.strip_prefix(STORE).unwrap_or(name);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !name.is_empty() && !name.starts_with('.') && name.chars().all(is_plain)
}

fn seal_of(generation: &Generation) -> anyhow::Result<Hash> {
    Ok(Hash(blake3::hash(&serde_json::to_vec(generation)?).into()))
}

/// Hashes a file while it goes by.
fn read_through(path: &Path, out: &mut impl io::Write) -> io::Result<(Hash, u64)> {
    let (mut file, mut hasher, mut bytes) = (File::open(path)?, blake3::Hasher::new(), 0);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let length = file.read(&mut chunk)?;
        let part = chunk.get(..length).unwrap_or_default();
        if part.is_empty() {
            return Ok((Hash(hasher.finalize().into()), bytes));
        }
        hasher.update(part);
        out.write_all(part)?;
        bytes += length as u64;
    }
}

#[cfg(test)]
#[path = "backup_tests.rs"]
mod tests;
