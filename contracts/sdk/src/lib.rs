//! What contract authors import.
