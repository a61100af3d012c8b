//! Whose clock is wrong: that of the system, or central's.
//! Never believes the system clock, and central's only where the box knows nothing better.
//! Called by `seen`.

use serde::{Deserialize, Serialize};

use super::message::{ClockMessage, DateSource};
use super::{Check, CheckFinding};
use crate::fault::Code;
use crate::language::figure::Seconds;

/// A clock that is further off than this, in seconds, is told.
pub const TOLERANCE: i64 = 5 * 60;
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
pub struct ClockReferences {
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
pub fn judge(dated: Option<Dated>, vouched: ClockReferences) -> CheckFinding {
    let ClockReferences {
        over_tls,
        system,
        floor,
        heard,
        built,
        windows,
    } = vouched;
    let whose = match over_tls {
        true => DateSource::Authenticated,
        false => DateSource::Unauthenticated,
    };
    let far = |seconds: i64| Seconds(seconds.unsigned_abs());
    if let Some(dated) = dated.filter(|_| over_tls) {
        if floor - dated.now > TOLERANCE {
            let far = far(heard - dated.now);
            return CheckFinding::warn(Code::ClockCentral, ClockMessage::CentralBehind { far });
        }
        if !dated.authenticated && dated.now - floor > TOLERANCE {
            let far = far(dated.now - heard);
            return CheckFinding::warn(Code::ClockCentral, ClockMessage::CentralAhead { far });
        }
    }
    let plain = dated.filter(|_| !over_tls).map(|dated| built - dated.now);
    if let Some(behind) = plain.filter(|behind| *behind > TOLERANCE) {
        // Nobody vouches for either, but both know when this boxsync was built.
        let summary = ClockMessage::CentralBehindBuild { far: far(behind) };
        return CheckFinding::warn(Code::ClockCentral, summary);
    }
    match dated.map(|dated| dated.now - system) {
        Some(skew) if skew.abs() > TOLERANCE => {
            let far = far(skew);
            let summary = match skew > 0 {
                true => ClockMessage::Behind { far, whose },
                false => ClockMessage::Ahead { far, whose },
            };
            if skew.abs() > FAR_OFF {
                CheckFinding::fail(Code::ClockWrong, summary)
            } else {
                CheckFinding::warn(Code::ClockWrong, summary)
            }
        }
        _ if windows => CheckFinding::warn(Code::ClockUnproven, ClockMessage::Unproven),
        Some(skew) => {
            let far = far(skew);
            CheckFinding::pass(Check::Clock, ClockMessage::Near { far, whose })
        }
        None if system < built => CheckFinding::fail(Code::ClockBehind, ClockMessage::BeforeBuild),
        None => CheckFinding::pass(Check::Clock, ClockMessage::Unheard),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::CheckStatus;
    use crate::language::Localized;

    #[test]
    fn the_clock_that_is_wrong_is_named() {
        const DAY: i64 = 86_400;
        let vouched = ClockReferences {
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
            ClockReferences {
                system: 10,
                ..vouched
            },
        );
        let plain = ClockReferences {
            over_tls: false,
            windows: true,
            ..vouched
        };
        let table = [
            (
                dated(system + 3, true),
                vouched,
                Code::ClockSkew,
                CheckStatus::Pass,
            ),
            (
                dated(system + 3600, true),
                vouched,
                Code::ClockWrong,
                CheckStatus::Warn,
            ),
            (
                dated(system + 3 * DAY, true),
                vouched,
                Code::ClockWrong,
                CheckStatus::Fail,
            ),
            // A dead battery: the system's clock is wrong, not central's.
            (
                dated(400 * DAY, true),
                late,
                Code::ClockWrong,
                CheckStatus::Fail,
            ),
            // Central is behind what has surely passed, or at a time that its own certificate is not valid at.
            (
                dated(DAY - 3600, true),
                vouched,
                Code::ClockCentral,
                CheckStatus::Warn,
            ),
            (
                dated(-400 * DAY, false),
                vouched,
                Code::ClockCentral,
                CheckStatus::Warn,
            ),
            (
                dated(4000 * DAY, false),
                vouched,
                Code::ClockCentral,
                CheckStatus::Warn,
            ),
            (None, vouched, Code::ClockSkew, CheckStatus::Pass),
            (None, late, Code::ClockBehind, CheckStatus::Fail),
            (
                dated(system, false),
                plain,
                Code::ClockUnproven,
                CheckStatus::Warn,
            ),
            (
                dated(system + 3 * DAY, false),
                plain,
                Code::ClockWrong,
                CheckStatus::Fail,
            ),
            // Over plain http neither is believed, but what is before this boxsync was built is wrong.
            (
                dated(DAY - 3600, false),
                plain,
                Code::ClockCentral,
                CheckStatus::Warn,
            ),
            (
                dated(400 * DAY, false),
                ClockReferences {
                    system: 10,
                    ..plain
                },
                Code::ClockWrong,
                CheckStatus::Fail,
            ),
            (
                None,
                ClockReferences {
                    windows: false,
                    ..plain
                },
                Code::ClockSkew,
                CheckStatus::Pass,
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
            judge(dated(-399 * DAY, false), vouched).summary.english(),
            "central's clock is 400 d behind what this box knows"
        );
        assert_eq!(
            judge(dated(system + 3 * DAY, true), vouched)
                .summary
                .english(),
            "the clock is 3 d behind central's authenticated date"
        );
    }
}
