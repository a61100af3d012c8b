//! Whose clock is wrong: that of the system, or central's.
//! Never believes the system clock, and central's only where the box knows nothing better.
//! Called by `seen`.

use serde::{Deserialize, Serialize};

use super::{Check, Finding};
use crate::fault::Code;

/// A clock that is further off than this is told.
const OFF: i64 = 5 * 60;
/// A clock that is further off than this makes certificates seem wrong.
const FAR_OFF: i64 = 24 * 60 * 60;

/// What central's `Date` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dated {
    /// Unix seconds by it now.
    pub now: i64,
    /// Its certificate is valid at that date, which the box may rely on.
    pub authenticated: bool,
}

/// What the times are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Vouched {
    /// Central is spoken to over TLS.
    pub over_tls: bool,
    /// Unix seconds of the system clock.
    pub system: i64,
    /// What the box takes for certain: it is not earlier.
    pub floor: i64,
    /// What time it is as far as the box has heard.
    pub heard: i64,
    /// When this boxsync was built: whatever says less is wrong.
    pub built: i64,
    /// Windows of downloads open by a time that nobody vouches for.
    pub windows: bool,
}

/// Whose clock is wrong: central's, where it contradicts what the box takes for certain or its own certificate; else
/// that of the system, which nobody vouches for.
pub fn judge(dated: Option<Dated>, vouched: Vouched) -> Finding {
    let Vouched {
        over_tls,
        system,
        floor,
        heard,
        built,
        windows,
    } = vouched;
    let whose = match over_tls {
        true => "central's authenticated date",
        false => "central's date",
    };
    if let Some(dated) = dated.filter(|_| over_tls) {
        let far = |seconds: i64| span(seconds.unsigned_abs());
        if floor - dated.now > OFF {
            let summary = format!(
                "central's clock is {} behind what this box knows",
                far(heard - dated.now)
            );
            return Finding::warn(Code::ClockCentral, summary);
        }
        if !dated.authenticated && dated.now - floor > OFF {
            let summary = format!(
                "central's clock is {} ahead of what this box knows, and central's certificate is not valid then",
                far(dated.now - heard)
            );
            return Finding::warn(Code::ClockCentral, summary);
        }
    }
    let plain = dated.filter(|_| !over_tls).map(|dated| built - dated.now);
    if let Some(behind) = plain.filter(|behind| *behind > OFF) {
        // Nobody vouches for either, but both know when this boxsync was built.
        let behind = span(behind.unsigned_abs());
        let summary =
            format!("central's clock is {behind} behind the day on which this boxsync was built");
        return Finding::warn(Code::ClockCentral, summary);
    }
    match dated.map(|dated| dated.now - system) {
        Some(skew) if skew.abs() > OFF => {
            let way = if skew > 0 { "behind" } else { "ahead of" };
            let summary = format!("the clock is {} {way} {whose}", span(skew.unsigned_abs()));
            if skew.abs() > FAR_OFF {
                Finding::fail(Code::ClockWrong, summary)
            } else {
                Finding::warn(Code::ClockWrong, summary)
            }
        }
        _ if windows => Finding::warn(
            Code::ClockUnproven,
            "over plain http nobody vouches for the time: the download windows go by what the system clock said when the box was set up, and running time",
        ),
        Some(skew) => Finding::pass(Check::Clock, format!("{} s from {whose}", skew.abs())),
        None if system < built => Finding::fail(
            Code::ClockBehind,
            "the clock is behind the day on which this boxsync was built",
        ),
        None => Finding::pass(Check::Clock, "plausible; central's time was not heard"),
    }
}

fn span(seconds: u64) -> String {
    match seconds {
        0..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Status;

    #[test]
    fn the_clock_that_is_wrong_is_named() {
        const DAY: i64 = 86_400;
        let vouched = Vouched {
            over_tls: true,
            system: 2 * DAY,
            floor: DAY,
            heard: DAY,
            built: DAY,
            windows: false,
        };
        let dated = |now, authenticated| Some(Dated { now, authenticated });
        let (system, late) = (
            vouched.system,
            Vouched {
                system: 10,
                ..vouched
            },
        );
        let plain = Vouched {
            over_tls: false,
            windows: true,
            ..vouched
        };
        let table = [
            (
                dated(system + 3, true),
                vouched,
                Code::ClockSkew,
                Status::Pass,
            ),
            (
                dated(system + 3600, true),
                vouched,
                Code::ClockWrong,
                Status::Warn,
            ),
            (
                dated(system + 3 * DAY, true),
                vouched,
                Code::ClockWrong,
                Status::Fail,
            ),
            // A dead battery: the system's clock is wrong, not central's.
            (dated(400 * DAY, true), late, Code::ClockWrong, Status::Fail),
            // Central is behind what has surely passed, or at a time that its own certificate is not valid at.
            (
                dated(DAY - 3600, true),
                vouched,
                Code::ClockCentral,
                Status::Warn,
            ),
            (
                dated(-400 * DAY, false),
                vouched,
                Code::ClockCentral,
                Status::Warn,
            ),
            (
                dated(4000 * DAY, false),
                vouched,
                Code::ClockCentral,
                Status::Warn,
            ),
            (None, vouched, Code::ClockSkew, Status::Pass),
            (None, late, Code::ClockBehind, Status::Fail),
            (
                dated(system, false),
                plain,
                Code::ClockUnproven,
                Status::Warn,
            ),
            (
                dated(system + 3 * DAY, false),
                plain,
                Code::ClockWrong,
                Status::Fail,
            ),
            // Over plain http neither is believed, but what is before this boxsync was built is wrong.
            (
                dated(DAY - 3600, false),
                plain,
                Code::ClockCentral,
                Status::Warn,
            ),
            (
                dated(400 * DAY, false),
                Vouched {
                    system: 10,
                    ..plain
                },
                Code::ClockWrong,
                Status::Fail,
            ),
            (
                None,
                Vouched {
                    windows: false,
                    ..plain
                },
                Code::ClockSkew,
                Status::Pass,
            ),
        ];
        for (dated, vouched, code, status) in table {
            let finding = judge(dated, vouched);
            assert_eq!(
                (finding.code.known(), finding.status),
                (Some(code), status),
                "{dated:?}"
            );
        }
        assert_eq!(
            judge(dated(-399 * DAY, false), vouched).summary,
            "central's clock is 400 days behind what this box knows"
        );
        assert_eq!(
            judge(dated(system + 3 * DAY, true), vouched).summary,
            "the clock is 3 days behind central's authenticated date"
        );
    }
}
