//! Builds, checks and scaffolds contracts.
