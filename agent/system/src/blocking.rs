//! Work that waits for the disk or computes for long, on a thread of its own beside the event loop.
//! Never hides that such a thread ended early.
//! Called by whoever opens, seals or flushes what is large.

use logic::fault::{Code, Fault, RunCause};
use tokio::task::JoinError;

use crate::task::spawn_blocking;

/// Runs the work; the event loop goes on meanwhile.
///
/// # Errors
/// As `ended`.
pub async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    spawn_blocking(work).await.map_err(|error| ended(&error))
}

/// `engine.worker`: the thread ended before its work did.
pub fn ended(_: &JoinError) -> Fault {
    Fault::new(Code::EngineWorker, RunCause::ThreadEnded)
}
