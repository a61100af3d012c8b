//! Keeps idle connections and bounds how many are open, over all hosts together.
//! Never opens or speaks; waiting calls are served in the order they came.
//! Called by the exchange and by `opened` (giving back).

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::dial::{Destination, OpenConnection};

/// Idle connections and the right to have open ones.
pub(super) struct ConnectionPool {
    permits: Arc<Semaphore>,
    most: usize,
    idle: RefCell<VecDeque<OpenConnection>>,
}

impl ConnectionPool {
    /// At most `most` connections, at least one.
    pub(super) fn new(most: usize) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            permits: Arc::new(Semaphore::new(most)),
            most,
            idle: RefCell::default(),
        }
    }

    /// The right to use one connection, when its turn comes.
    pub(super) async fn turn(&self) -> OwnedSemaphorePermit {
        let turn = self.permits.clone().acquire_owned().await;
        turn.expect("the semaphore is never closed")
    }

    /// The idle connection to `place` that was used last, if it is idle for less than `age` and still open.
    pub(super) fn take(&self, place: &Destination, age: Duration) -> Option<OpenConnection> {
        let mut idle = self.idle.borrow_mut();
        idle.retain(|lane| !lane.sender.is_closed());
        let at = idle
            .iter()
            .rposition(|lane| lane.place == *place && lane.idle_since.elapsed() < age)?;
        idle.remove(at)
    }

    /// Closes idle connections until a holder of a turn may open another one.
    pub(super) fn make_room(&self) {
        let busy = self.most - self.permits.available_permits();
        let mut idle = self.idle.borrow_mut();
        while !idle.is_empty() && idle.len() + busy > self.most {
            idle.pop_front();
        }
    }

    /// Keeps a connection whose answer was read to the end.
    pub(super) fn give(&self, mut lane: OpenConnection) {
        if !lane.sender.is_closed() {
            lane.idle_since = tokio::time::Instant::now();
            self.idle.borrow_mut().push_back(lane);
        }
    }
}
