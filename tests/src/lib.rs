//! Placeholder heads are replaced as each crate is built.
