//! The seam to the spool: whoever takes what candidates produced implements it (protocol 7, 8).
//! Never acknowledges: an offer becomes an answer only through what `ItemSink::take` says of it.
//! Called by the gateway, off the event loop; implemented for the box's one way in and by tests.
use logic::fault::Area;

pub use logic::gateway::owed::{ItemKind, Offer, OfferOutcome};

/// Takes results, logs, sessions and LTI users.
pub trait ItemSink: Send + Sync {
    /// What becomes of each offer, in their order. Returns after everything that is called `OfferOutcome::Durable` lies synced
    /// on disk; what was taken at an earlier time is `Durable` again. It may block.
    fn take(&self, offers: &[Offer]) -> Vec<OfferOutcome>;
}

impl ItemSink for crate::intake::Intake {
    fn take(&self, offers: &[Offer]) -> Vec<OfferOutcome> {
        let put = |offer: &Offer| match offer.kind {
            // A user without an id is known by its content.
            ItemKind::LtiUsers => {
                self.submit(offer.kind, format!("[{}]", offer.content).as_bytes())
            }
            _ => self.put(offer.kind, &offer.id, offer.content.as_bytes()),
        };
        let taken = |offer| match put(offer) {
            Ok(_) => OfferOutcome::Durable,
            Err(trouble) if trouble.code.is(Area::Intake) => OfferOutcome::Refused(trouble),
            Err(trouble) => OfferOutcome::Failed(trouble),
        };
        offers.iter().map(taken).collect()
    }
}
