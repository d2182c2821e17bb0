//! The smallest contract: a counter.
