//! The seam to the spool: whoever takes what candidates produced implements it (protocol 7, 8).
//! Never acknowledges: an offer becomes an answer only through what `Intake::take` says of it.
//! Called by the gateway, off the event loop; implemented by the spool and by tests.

pub use logic::gateway::owed::{Kind, Offer, Taken};

/// Takes results, logs, sessions and LTI users.
pub trait Intake: Send + Sync {
    /// What becomes of each offer, in their order. Returns after everything that is called `Taken::Durable` lies synced
    /// on disk; what was taken at an earlier time is `Durable` again. It may block.
    fn take(&self, offers: &[Offer]) -> Vec<Taken>;
}
