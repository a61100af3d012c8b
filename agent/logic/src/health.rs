//! What a technician asks: is the box ready, what is wrong, what is the one thing to do, what can the link carry.
//! Never looks at the world: facts and readings arrive as values.
//! Called by `doctor`, `status`, `stats` and whoever shows the same elsewhere (page, socket, journal).

pub mod honesty;
pub mod plan;
pub mod redact;
pub mod standing;
pub mod stats;
pub mod tar;
pub mod verdict;

pub use plan::{Check, Facts, Finding, Status, Step, fold, plan, worst};
pub use standing::Standing;
pub use verdict::{Verdict, Word};
