//! Flushes package content away from the event loop, a window at a time.
//! Never lets more than one window of written bytes be without a flush under way or done: that much, over all
//! connections together, is what a power cut can cost.
//! Called by `fetch`, `lane` and `rebuild` after each write.

use std::cell::RefCell;
use std::fs::File;
use std::io;

use logic::fault::{Fault, FileAct};
use tokio::task::JoinHandle;

use crate::away::ended;
use crate::vault::package::Part;

/// Counts what was written and flushes it in the background.
pub(super) struct Flusher {
    /// Half of the window: one half may gather while the other is being flushed.
    half: u64,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    gathered: u64,
    next: Option<File>,
    running: Option<JoinHandle<io::Result<()>>>,
}

impl Flusher {
    /// At most `window` bytes stay unflushed.
    pub(super) fn new(window: u64) -> Self {
        Self {
            half: (window / 2).max(1),
            state: RefCell::default(),
        }
    }

    /// Notes bytes written to a part; `settle` acts on them.
    pub(super) fn written(&self, bytes: u64, part: &Part) {
        let mut state = self.state.borrow_mut();
        state.gathered += bytes;
        if state.gathered >= self.half && state.next.is_none() {
            // Without a second handle the final sync of `publish` still covers these bytes.
            state.next = part.handle().ok();
        }
    }

    /// Begins a flush when half a window has gathered, after the one before has ended.
    ///
    /// # Errors
    /// `disk.full` or `state.io`, when a flush failed.
    pub(super) async fn settle(&self) -> Result<(), Fault> {
        if self.state.borrow().next.is_none() {
            return Ok(());
        }
        let running = self.state.borrow_mut().running.take();
        if let Some(running) = running {
            match running.await {
                Ok(Err(error)) => {
                    return Err(crate::root::trouble(
                        std::path::Path::new("packages"),
                        FileAct::Sync,
                        &error,
                    ));
                }
                Err(error) => return Err(ended(&error)),
                Ok(Ok(())) => {}
            }
        }
        let mut state = self.state.borrow_mut();
        if let Some(file) = state.next.take() {
            state.gathered = 0;
            state.running = Some(tokio::task::spawn_blocking(move || file.sync_data()));
        }
        Ok(())
    }
}
