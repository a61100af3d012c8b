//! Whether central can have processed a request that ended in a failure: the column of the table, read in one place.
//! Never takes a code that it does not know for a proof: what may be processed is asked about, not sent again.
//! Called by `spool` for what is owed, and by `uplink` for its token.
//!
//! | The exchange failed | Codes | Central has it |
//! |---|---|---|
//! | on the way: name, route, connection, proxy, TLS | `net.dns`, `net.refused`, `net.proxy`, `net.tls*`, … | surely not |
//! | for want of a token, whatever the token's own exchange died of | `net.token`, `auth.*`, `central.maintenance`, `central.unavailable`, `central.error`, `central.token`; any other with `Fault::sent` | surely not |
//! | at the box itself | `config.*` | surely not |
//! | the request was on its way, or an answer came that could not be used | `net.reset`, `net.timeout`, `net.cut`, `net.stalled`, `central.foreign`, … | perhaps |
//! | the answer had come before the failure (`Fault::sent`) | any | perhaps |
//!
//! A status of central is no failure in this sense: it arrives as a `Reply`. So a `central.unavailable` here is the
//! token endpoint's, and the request that needed the token never left.

use crate::fault::{Fault, Sent};

/// Whether central surely never saw the request that ended in `trouble`.
pub fn surely_unsent(trouble: &Fault) -> bool {
    trouble.sent.unwrap_or(trouble.code.sent()) == Sent::Unsent
}

/// The same failure where it was that of a token's exchange: the request that waited for the token never left.
#[must_use]
pub fn without_token(trouble: Fault) -> Fault {
    Fault {
        sent: Some(Sent::Unsent),
        ..trouble
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Area, Code};

    /// Codes of a request that was on its way.
    const AFTER: &[Code] = &[
        Code::NetReset,
        Code::NetTimeout,
        Code::NetCut,
        Code::NetStalled,
    ];
    /// Codes that no exchange ends in.
    const NONE: &[Code] = &[
        Code::NetOffline,
        Code::NetOnline,
        Code::NetLoss,
        Code::NetMtu,
    ];
    /// Codes of other areas that only the token's own exchange ends in; for `clock.floor`, only an anonymous question
    /// for the date went before.
    const TOKEN: &[Code] = &[
        Code::CentralUnavailable,
        Code::CentralError,
        Code::CentralMaintenance,
        Code::CentralToken,
        Code::ClockFloor,
    ];

    fn trouble(code: Code) -> Fault {
        Fault::new(code, "")
    }

    #[test]
    fn only_what_never_left_the_box_is_surely_unsent() {
        for code in Code::ALL.iter().copied() {
            let line = code.is(Area::Net) && !AFTER.contains(&code) && !NONE.contains(&code);
            let own = code.is(Area::Auth) || code.is(Area::Config);
            let expected = line || own || TOKEN.contains(&code);
            assert_eq!(surely_unsent(&trouble(code)), expected, "{code}");
        }
    }

    #[test]
    fn an_answer_that_was_judged_late_was_processed() {
        let judged_late = Fault {
            sent: Some(Sent::Sent),
            ..trouble(Code::NetTlsExpired)
        };
        assert!(!surely_unsent(&judged_late));
    }

    #[test]
    fn what_waited_for_a_token_never_left_whatever_code_its_exchange_ended_in() {
        for code in Code::ALL.iter().copied() {
            assert!(surely_unsent(&without_token(trouble(code))), "{code}");
        }
        // The head that had come was that of the answer to the token's own request.
        let cut = Fault {
            sent: Some(Sent::Sent),
            ..trouble(Code::NetToken)
        };
        assert!(surely_unsent(&without_token(cut)));
    }
}
