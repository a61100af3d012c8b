//! Work that waits for the disk or computes for long, on a thread of its own beside the event loop.
//! Never hides that such a thread ended early.
//! Called by whoever opens, seals or flushes what is large.

use logic::words::{Class, Outcome, Trouble};
use tokio::task::{JoinError, spawn_blocking};

/// Runs the work; the event loop goes on meanwhile.
///
/// # Errors
/// As `ended`.
pub async fn away<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Trouble> {
    spawn_blocking(work).await.map_err(|error| ended(&error))
}

/// `engine.worker`: the thread ended before its work did.
pub fn ended(error: &JoinError) -> Trouble {
    let reason = format!("a worker thread ended early: {error}");
    Trouble::new("engine.worker", Class::Retry, Outcome::Failed, reason)
}
