//! What a download is asked to bring, and what goes from one to the next.
//! Never changes while one package comes, but for what the link shows.
//! Called by `download` and by `agent`, which asks.

use super::command::SiblingId;
use super::flow::FlowControl;
use crate::pace::ConcurrencyController;
use crate::rate::{Rate, RateOverride};
use crate::zip::PackageIdentity;

/// One package that is to come.
#[derive(Debug, Clone, Default)]
pub struct Task {
    /// URI of the delivery.
    pub delivery: String,
    /// A package is held for it.
    pub is_held: bool,
    /// Its edition, where that is known.
    pub held: Option<PackageIdentity>,
    /// Something of a package is there already, or was found out about it.
    pub is_known: bool,
    /// One of more than so many bytes that does not come with the first answer is only looked at.
    pub defers_above: Option<u64>,
    /// Where the sequence of random numbers begins.
    pub random: u64,
    /// The box's own name among its siblings, where there may be any.
    pub site: Option<SiblingId>,
}

/// What goes from one package to the next: what the link has shown, and what is allowed.
#[derive(Debug, Clone)]
pub struct Carriage {
    pub(super) pace: ConcurrencyController,
    pub(super) flow: FlowControl,
    pub(super) window: u64,
    /// Siblings that gave what central has otherwise.
    pub(super) expelled: Vec<SiblingId>,
}

impl Carriage {
    /// At most `connections` at once and so many bytes a second; at most `window` bytes stay without a flush.
    pub fn new(connections: usize, rate: Rate, window: u64) -> Self {
        Self {
            pace: ConcurrencyController::new(connections),
            flow: FlowControl::new(rate, window),
            window,
            expelled: Vec::new(),
        }
    }

    /// Another rate is in force, or the configured one again.
    pub fn instead(&mut self, rate: Option<RateOverride>) {
        self.flow.instead(rate);
    }
}
