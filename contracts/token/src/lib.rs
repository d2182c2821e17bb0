//! A fungible token.
