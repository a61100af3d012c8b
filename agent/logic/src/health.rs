//! What a technician asks: is the box ready, what is wrong, what is the one thing to do, what can the link carry.
//! Never looks at the world: facts and readings arrive as values.
//! Called by `doctor`, `status`, `stats` and whoever shows the same elsewhere (page, socket, journal).

pub mod clock;
pub mod flag;
pub mod holdings;
pub mod honesty;
pub mod message;
pub mod metrics;
pub mod plan;
pub mod push;
pub mod redact;
pub mod seen;
pub mod sibling;
pub mod standing;
pub mod stats;
pub mod talk;
pub mod tar;
pub mod unit;
pub mod verdict;
pub mod way;

pub use message::Message;
pub use plan::{Check, CheckFinding, CheckStatus, Facts, PlannedCheck, fold, plan, worst};
pub use seen::{Observations, ReportedFault};
pub use standing::{BoxStanding, OrganisationVerdict};
pub use verdict::{Verdict, Word};
