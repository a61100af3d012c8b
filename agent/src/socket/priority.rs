//! Who goes first on the one thread of the daemon: results that are handed in, before readers.
//! Never keeps a reader waiting while nothing is handed in, and never all of them for long.
//! Called by `route` for every request.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Mutex;

/// While something is handed in, one reader is let through in this time: each takes about half of it.
const TURN: Duration = Duration::from_millis(1);

/// What is handed in now, and the row of readers.
#[derive(Clone, Default)]
pub(super) struct Priority(Rc<Inner>);

#[derive(Default)]
struct Inner {
    intakes: Cell<usize>,
    row: Mutex<()>,
}

/// Something is handed in until this is dropped.
pub(super) struct IntakeGuard(Priority);

impl Drop for IntakeGuard {
    fn drop(&mut self) {
        let intakes = &self.0.0.intakes;
        intakes.set(intakes.get() - 1);
    }
}

impl Priority {
    /// Something is handed in from now on.
    pub(super) fn ahead(&self) -> IntakeGuard {
        self.0.intakes.set(self.0.intakes.get() + 1);
        IntakeGuard(self.clone())
    }

    /// A reader lets them go first: where something is handed in, readers go on one after the other.
    pub(super) async fn give_way(&self) {
        if self.0.intakes.get() == 0 {
            return;
        }
        let _row = self.0.row.lock().await;
        if self.0.intakes.get() > 0 {
            tokio::time::sleep(TURN).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn readers_go_one_after_the_other_while_something_is_handed_in() {
        let priority = Priority::default();
        let all = async |count: u32| {
            let begun = Instant::now();
            let mut readers = tokio::task::JoinSet::new();
            let local = tokio::task::LocalSet::new();
            for _ in 0..count {
                let priority = priority.clone();
                readers.spawn_local_on(async move { priority.give_way().await }, &local);
            }
            local.run_until(readers.join_all()).await;
            begun.elapsed()
        };
        assert_eq!(all(30).await, Duration::ZERO);
        let ahead = priority.ahead();
        assert!(all(30).await >= TURN * 30);
        let again = priority.ahead();
        drop(ahead);
        assert!(all(2).await >= TURN * 2);
        drop(again);
        assert_eq!(all(30).await, Duration::ZERO);
    }
}
