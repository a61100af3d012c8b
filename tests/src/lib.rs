//! The harness of the end-to-end tests: a reference central, a root folder of its own, the real binary.
//! Never shares code or a folder with the product, and never pauses but in `wait_until`.
//! Used by the tests of this crate.

mod api;
pub mod names;
pub mod net;
mod process;
pub mod sealed;
mod site;
mod tao;
mod truth;

use std::time::{Duration, Instant};

pub use api::{Api, ApiAnswer};
pub use process::{Ran, Running, binary};
pub use site::{Site, mode, options, status};
pub use tao::{Brought, Tao, TaoAnswer};
pub use truth::ExpectedEntity;

/// No run of the binary takes longer; a run that does is killed and fails its test.
pub const LIMIT: Duration = Duration::from_secs(90);

/// Waits until a condition holds.
///
/// # Panics
/// When it does not hold within the limit.
pub fn wait_until(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + limit;
    while !condition() {
        assert!(Instant::now() < end, "waited {limit:?} in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
