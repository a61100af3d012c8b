//! Whether central can have processed a request that ended in a failure: the one place that decides it.
//! Never takes a code that it does not know for a proof: what may be processed is asked about, not sent again.
//! Called by `spool` for what is owed, and by `uplink` for its token.
//!
//! | The exchange failed | Codes | Central has it |
//! |---|---|---|
//! | on the way: name, route, connection, proxy, TLS | `net.dns`, `net.refused`, `net.proxy`, `net.tls*`, … | surely not |
//! | for want of a token, whatever the token's own exchange died of | `net.token`, `auth.*`, `central.maintenance`, `central.unavailable`, `central.error` | surely not |
//! | at the box itself | `config.*` | surely not |
//! | the request was on its way, or an answer came that could not be used | `net.reset`, `net.timeout`, `net.cut`, `net.stalled`, `central.foreign`, … | perhaps |
//! | the answer had come before the failure (`Trouble::answered`) | any | perhaps |
//!
//! A status of central is no failure in this sense: it arrives as a `Reply`. So a `central.unavailable` here is the
//! token endpoint's, and the request that needed the token never left.

use crate::words::Trouble;

/// Codes of a line that failed before the request was on it.
const BEFORE: &[&str] = &[
    "net.link",
    "net.no_link",
    "net.address",
    "net.no_address",
    "net.no_route",
    "net.dns",
    "net.connect",
    "net.refused",
    "net.unreachable",
    "net.proxy",
    "net.token",
    // Only an anonymous question for the date went before.
    "clock.floor",
    "central.maintenance",
    "central.unavailable",
    "central.error",
];

/// Whether central surely never saw the request that ended in `trouble`.
pub fn surely_unsent(trouble: &Trouble) -> bool {
    let code = trouble.code.as_str();
    let area = |area: &str| code.starts_with(area);
    !trouble.answered
        && (BEFORE.contains(&code) || area("net.tls") || area("auth.") || area("config."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::catalogue;
    use crate::words::{Class, Outcome};

    /// Codes of a request that was on its way.
    const AFTER: &[&str] = &["net.reset", "net.timeout", "net.cut", "net.stalled"];
    /// Codes that no exchange ends in.
    const NONE: &[&str] = &["net.offline", "net.online"];

    fn trouble(code: &str) -> Trouble {
        Trouble::new(code, Class::Retry, Outcome::Offline, "")
    }

    #[test]
    fn every_code_of_the_line_is_decided() {
        for code in catalogue::all().map(|code| code.code) {
            if !code.starts_with("net.") || NONE.contains(&code) {
                continue;
            }
            let unsent = surely_unsent(&trouble(code));
            assert_eq!(unsent, !AFTER.contains(&code), "{code}: decide it here");
        }
    }

    #[test]
    fn what_may_be_processed_is_never_taken_for_unsent() {
        let foreign = [
            "central.foreign",
            "central.too_large",
            "central.compressed",
            "central.garbled",
            "something.new",
        ];
        for code in AFTER.iter().chain(&foreign) {
            assert!(!surely_unsent(&trouble(code)), "{code}");
        }
        let judged_late = Trouble {
            answered: true,
            ..trouble("net.tls_expired")
        };
        assert!(!surely_unsent(&judged_late));
    }

    #[test]
    fn a_token_that_cannot_be_had_is_no_lost_answer() {
        for code in [
            "central.unavailable",
            "central.error",
            "central.maintenance",
            "auth.token",
            "auth.refused",
            "auth.not_enrolled",
            "net.token",
        ] {
            assert!(surely_unsent(&trouble(code)), "{code}");
        }
    }
}
