//! Pages without a hole.

use thiserror::Error;

use crate::prefix::Prefix;

/// How far pages, each below a prefix of its own, cover all that is below one prefix.
///
/// A client asks for the page of [`Self::next_prefix`]. Where that would be too long, the answer is of a narrower
/// prefix that begins at the same path. With each page proved by a [`SubtreeProof`](crate::SubtreeProof) against one
/// root, and none left to come, the entries of all pages are all that there is. How many pages to take of a stranger,
/// who can make them as narrow as he likes, is up to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tiling {
    whole: Prefix,
    next: Option<Prefix>,
}

/// Why a page does not come next.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TilingError {
    #[error(
        "the page of {page:?} leaves a hole or overlaps: {expected:?} or its first part is next"
    )]
    Gap { page: Prefix, expected: Prefix },
    #[error("the pages are complete, and none comes after them")]
    Complete,
}

impl Tiling {
    /// No page yet.
    pub fn of(whole: Prefix) -> Self {
        Self { whole, next: Some(whole) }
    }

    /// The widest prefix that the next page can have; `None` when the pages are complete.
    pub fn next_prefix(&self) -> Option<Prefix> {
        self.next
    }

    /// Adds the page of a prefix, if it comes next.
    pub fn push(&mut self, page: &Prefix) -> Result<(), TilingError> {
        let expected = self.next.ok_or(TilingError::Complete)?;
        if page.first_path() != expected.first_path() || page.depth() < expected.depth() {
            return Err(TilingError::Gap { page: *page, expected });
        }
        self.next = page.next_within(&self.whole);
        Ok(())
    }
}
