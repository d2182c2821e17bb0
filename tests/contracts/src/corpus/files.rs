//! Compiled contracts in a directory that is gone afterwards, as a node keeps its own.

use std::fs;
use std::path::PathBuf;

use primitives::Hash;
use tempfile::TempDir;
use vm::engine::Artifacts;

#[derive(Debug)]
pub(super) struct Files(TempDir);

impl Files {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self(tempfile::tempdir()?))
    }

    fn path(&self, name: &Hash) -> PathBuf {
        self.0.path().join(name.to_string())
    }
}

impl Artifacts for Files {
    fn load(&self, name: &Hash) -> Option<Vec<u8>> {
        fs::read(self.path(name)).ok()
    }

    fn keep(&self, name: &Hash, artifact: &[u8]) {
        let written = fs::write(self.path(name), artifact);
        written.unwrap_or_else(|error| panic!("an artifact cannot be kept: {error}"));
    }

    fn wants(&self, name: &Hash) -> bool {
        !self.path(name).exists()
    }
}
