//! boxsync.
fn main() {}
