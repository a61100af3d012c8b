//! What boxsync asks of the operating system: durable files and their locks, clocks, the journal, the service manager.
//! Never decides, never knows central, the store or the command line.
//! Called by every layer above.

pub mod blocking;
pub mod clock;
pub mod journal;
pub mod notify;
pub mod observed;
pub mod own;
pub mod root;
pub mod task;
