//! The #[contract] attribute.
