//! Copies of a state as files: a snapshot, which proves itself, and backups, which share what did not change.
//!
//! Either may be cut short anywhere: what has its name is whole, and what was said to be written is on the disk.

pub mod backup;
pub mod files;
pub mod snapshot_file;
