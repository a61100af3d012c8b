//! Tasks of the event loop and of its threads, boxed: tokio's code for a task stands once in the program for each kind of
//! outcome, and not for each future.
//! Never waits for one.
//! Called by whoever starts a task.

use std::pin::Pin;

use tokio::task::{AbortHandle, JoinHandle, JoinSet};

/// Any future with such an outcome, of this thread.
type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

fn boxed<T>(future: impl Future<Output = T> + 'static) -> LocalFuture<T> {
    Box::pin(future)
}

/// As that of tokio.
pub fn spawn_local<T: 'static>(future: impl Future<Output = T> + 'static) -> JoinHandle<T> {
    tokio::task::spawn_local(boxed(future))
}

/// Ends a task and waits until it has let go what it held, a port mostly.
pub async fn ended(task: Option<JoinHandle<()>>) {
    if let Some(task) = task {
        task.abort();
        let _ = task.await;
    }
}

/// Works on an event loop of its own, on this thread, to the end.
///
/// # Panics
/// Where the process may open no more files.
pub fn on_own_loop<T>(work: impl Future<Output = T>) -> T {
    let work: Pin<Box<dyn Future<Output = T> + '_>> = Box::pin(work);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("an event loop needs only file descriptors");
    tokio::task::LocalSet::new().block_on(&runtime, work)
}

/// As that of tokio.
pub fn spawn_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    let work: Box<dyn FnOnce() -> T + Send> = Box::new(work);
    tokio::task::spawn_blocking(work)
}

/// Boxed tasks of a set.
pub trait BoxedTasks<T> {
    /// As `spawn_local`.
    fn spawn_boxed(&mut self, future: impl Future<Output = T> + 'static) -> AbortHandle;
}

impl<T: 'static> BoxedTasks<T> for JoinSet<T> {
    fn spawn_boxed(&mut self, future: impl Future<Output = T> + 'static) -> AbortHandle {
        self.spawn_local(boxed(future))
    }
}
