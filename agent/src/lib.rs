//! The half of boxsync that touches the world: sockets, files, clocks, the terminal.
//! Never decides what `logic` can decide.
//! Called by the binary `boxsync`.

pub mod clock;
pub mod root;
pub mod vault;
