//! How the box stands as one of its organisations: the standing, and what is shown beside it.
//! Never judges: the verdict is made of the standing.
//! Called by the verb `status`.

use logic::fault::Fault;
use logic::health::BoxStanding;
use logic::package::order::OrdersInForce;
use logic::package_lane::Waiting;

use crate::doctor::standing;
use crate::engine::{Engine, orders};
use system::clock;
use system::root::is_locked;

/// How the box stands as one of its organisations.
pub(super) struct OrganisationStatus {
    pub(super) id: Option<String>,
    pub(super) standing: BoxStanding,
    pub(super) seen: StatusExtras,
}

impl OrganisationStatus {
    pub(super) fn of(engine: &Engine) -> Self {
        let local = engine.settings().download.offset(clock::now().wall);
        Self {
            id: engine.organisation_id(),
            standing: standing::take(engine),
            seen: StatusExtras {
                box_id: engine.identity().map(|identity| identity.box_id).ok(),
                running: is_locked(&engine.vault().state().join("lock")),
                waiting: engine.waiting(),
                orders: orders::kept(engine.vault()).in_force(clock::uptime()),
                offset: local.seconds(),
            },
        }
    }

    pub(super) fn unreadable(trouble: &Fault) -> Self {
        Self {
            id: None,
            standing: standing::unreadable(trouble),
            seen: StatusExtras::default(),
        }
    }
}

/// What the verdict does not depend on.
#[derive(Debug, Default)]
pub(super) struct StatusExtras {
    /// Id of the box, when its folder opens.
    pub(super) box_id: Option<String>,
    /// A synchronization is under way.
    pub(super) running: bool,
    /// How far local time is ahead of UTC, in seconds: moments are told as the page tells them.
    pub(super) offset: i64,
    /// What packages that are not held wait for.
    pub(super) waiting: Option<Waiting>,
    /// What a person has ordered of the downloads.
    pub(super) orders: OrdersInForce,
}

impl StatusExtras {
    /// Only where a package is missing, and not when the time for it has passed.
    pub(super) fn waits(&self, standing: &BoxStanding) -> Option<Waiting> {
        let missing = standing.packages.held < standing.packages.wanted;
        self.waiting
            .filter(|waiting| missing && waiting.until.is_none_or(|until| until > standing.now))
    }
}
