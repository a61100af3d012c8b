//! What time it is, from what central's authenticated answers said and from running time; which chains that admits.
//! Never believes the system clock once central was heard, never refuses a chain because it is of a later time, and
//! never lets one answer move the floor.
//! Called by `agent`'s `clock`, which feeds it; asked for every stored stamp, every age and every certificate.
//!
//! | An answer says | Then |
//! |---|---|
//! | the floor, within `AGREE` | what was ahead of it or behind it is forgotten |
//! | later | it is ahead: stamps use it; a second one `CONFIRM` later that agrees raises the floor to the first |
//! | earlier | it is behind: when such answers have agreed with one another for `REVOKE`, the floor goes back to them |
//! | earlier than the floor would be without any jump | nothing: that clock is wrong |
//!
//! Running time alone moves the floor otherwise, so that it is late by the time that the box was off, and never early
//! by more than what an answer was wrong by. A jump can always be revoked: whoever holds central's key for less than
//! `REVOKE` of running time can keep the box from central for less than `REVOKE` after that.

use serde::{Deserialize, Serialize};

use super::{RunningTime, Uptime};

/// Answers no further apart than this, running time allowed for, agree (s): clocks drift, answers travel.
const AGREE: i64 = 600;
/// Running time between two answers that agree, after which what they say counts (s).
const CONFIRM: u64 = 60 * 60;
/// Running time over which answers that are behind the floor must agree to take it back (s).
const REVOKE: u64 = 24 * 60 * 60;

/// A moment of running time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Moment {
    /// Seconds of running time.
    pub running: u64,
    /// The boot. Between two moments of one boot exactly the running time has passed; else at least that.
    pub boot: u128,
}

/// The `Date` of an answer under a chain that is valid at that date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatedAnswer {
    /// Unix seconds by central's clock.
    pub date: i64,
    /// When it was heard.
    pub at: Moment,
}

impl DatedAnswer {
    /// Unix seconds at another moment, as far as running time tells. It may be an earlier one: two processes hear
    /// answers, and what they heard is put together when each of them ends.
    fn now(self, running: u64) -> i64 {
        let passed = i128::from(running) - i128::from(self.at.running);
        let now = i128::from(self.date) + passed;
        now.clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }

    /// Whether a later answer may come from a clock that goes on from this one.
    fn agrees(self, later: DatedAnswer) -> bool {
        let excess = later.date.saturating_sub(self.now(later.at.running));
        // While the box was off more may have passed than it knows of; without ids of boots it may always have been.
        let boot = later.at.boot;
        excess >= -AGREE && (excess <= AGREE || boot != self.at.boot || boot == 0)
    }
}

/// Answers that agree with one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Agreement {
    first: DatedAnswer,
    last: DatedAnswer,
}

impl Agreement {
    fn of(answer: DatedAnswer) -> Self {
        Self {
            first: answer,
            last: answer,
        }
    }

    /// With a later answer: either it agrees with all, or it begins anew.
    fn joined(agreement: Option<Self>, answer: DatedAnswer) -> Self {
        match agreement {
            Some(Self { first, last }) if first.agrees(answer) && last.agrees(answer) => Self {
                first,
                last: match answer.at.running >= last.at.running {
                    true => answer,
                    false => last,
                },
            },
            _ => Self::of(answer),
        }
    }

    fn lasted(&self) -> u64 {
        self.last.at.running.saturating_sub(self.first.at.running)
    }
}

/// The estimate of time, one for the whole program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    running: RunningTime,
    /// What the system clock said when the box was set up; counts until central is heard over TLS, or a person says.
    set_up: DatedAnswer,
    /// Whether an authenticated answer was ever heard, or a person has said what time it is.
    heard: bool,
    /// It is not earlier than this.
    floor: DatedAnswer,
    /// What the floor would be without any jump: no answer takes it further back.
    lowest: DatedAnswer,
    ahead: Option<Agreement>,
    behind: Option<Agreement>,
}

impl Estimate {
    /// A box that is set up now. `built`: Unix seconds of the build; `system`: those of the system clock.
    pub fn new(built: i64, system: i64, now: Uptime) -> Self {
        let running = RunningTime::default().advance(now);
        let at = |date| DatedAnswer {
            date,
            at: Moment {
                running: running.at(now),
                boot: now.boot,
            },
        };
        Self {
            running,
            set_up: at(system.max(built)),
            heard: false,
            floor: at(built),
            lowest: at(built),
            ahead: None,
            behind: None,
        }
    }

    /// The same for a box that has heard central before this estimate was kept; its bound counts, and can be revoked.
    #[must_use]
    pub fn with_bound(mut self, heard: i64) -> Self {
        self.heard = true;
        self.floor.date = self.floor.date.max(heard);
        self
    }

    /// A newer build raises what nothing goes below.
    #[must_use]
    pub fn with_build(mut self, built: i64, now: Uptime) -> Self {
        let at = self.moment(now);
        for bound in [&mut self.floor, &mut self.lowest, &mut self.set_up] {
            if bound.now(at.running) < built {
                *bound = DatedAnswer { date: built, at };
            }
        }
        self
    }

    /// Running time, and the boot.
    pub fn moment(&self, now: Uptime) -> Moment {
        Moment {
            running: self.running.at(now),
            boot: now.boot,
        }
    }

    /// Time goes on, and is known to have: what a boot has been up is lost with it unless it is written down.
    pub fn tick(&mut self, now: Uptime) {
        self.running = self.running.advance(now);
    }

    /// The box is set up now: until central is heard, the system clock of this moment counts.
    pub fn set_up(&mut self, system: i64, now: Uptime) {
        let at = self.moment(now);
        self.set_up = DatedAnswer {
            date: system.max(self.lowest.now(at.running)),
            at,
        };
    }

    /// A person says what time it is; nothing that was heard before has a say any more. Never before the build.
    pub fn accept(&mut self, date: i64, built: i64, now: Uptime) {
        let at = self.moment(now);
        let date = date.max(built);
        self.set_up = DatedAnswer { date, at };
        self.floor = DatedAnswer { date, at };
        self.lowest = DatedAnswer { date: built, at };
        self.heard = true;
        self.ahead = None;
        self.behind = None;
    }

    /// Takes the date of an answer, whether its chain was accepted or not. Answers come in the order of running time.
    pub fn answer(&mut self, answer: DatedAnswer) {
        let running = answer.at.running;
        let distance = answer.date.saturating_sub(self.floor.now(running));
        if answer.date < self.lowest.now(running).saturating_sub(AGREE) {
            return;
        }
        self.heard = true;
        if distance < -AGREE {
            self.ahead = None;
            let behind = Agreement::joined(self.behind, answer);
            self.behind = Some(behind);
            if behind.lasted() >= REVOKE {
                self.floor = behind.first.max(self.lowest, running);
                self.behind = None;
                self.ahead =
                    Some(Agreement::of(answer)).filter(|_| answer.date > self.floor.now(running));
            }
            return;
        }
        self.behind = None;
        if distance <= 0 {
            self.ahead = None;
            return;
        }
        let ahead = Agreement::joined(self.ahead, answer);
        self.ahead = Some(ahead);
        if ahead.lasted() >= CONFIRM {
            self.floor = ahead.first;
            // What the box was off in between has one witness so far.
            self.ahead = Some(Agreement::of(answer));
        }
    }

    /// It is not earlier than this, Unix seconds; only answers that were confirmed, running time and a person move it.
    pub fn floor(&self, now: Uptime) -> i64 {
        self.floor.now(self.running.at(now))
    }

    /// What the floor may be taken back to.
    pub fn lowest(&self, now: Uptime) -> i64 {
        self.lowest.now(self.running.at(now))
    }

    /// What time it is as far as was heard, Unix seconds: for stamps, windows and screens. Counts one answer at once,
    /// so nothing is refused by it.
    pub fn time(&self, now: Uptime) -> i64 {
        let running = self.running.at(now);
        match self.ahead {
            Some(ahead) => ahead.last.now(running),
            None => self.sure(now),
        }
    }

    /// The same without what has only one witness: for ages, which may make a box refuse something.
    pub fn sure(&self, now: Uptime) -> i64 {
        let running = self.running.at(now);
        match self.heard {
            true => self.floor.now(running),
            false => self.set_up.now(running).max(self.floor.now(running)),
        }
    }

    /// Whether central's time was ever heard, or a person has said it; else the system clock of the set-up counts.
    pub fn heard(&self) -> bool {
        self.heard
    }

    /// What answers say that does not count yet: the time now by them, and the seconds of running time until it counts.
    pub fn pending(&self, now: Uptime) -> Option<(i64, u64)> {
        let running = self.running.at(now);
        let (agreement, needed) = match (self.ahead, self.behind) {
            (_, Some(behind)) => (behind, REVOKE),
            (Some(ahead), None) => (ahead, CONFIRM),
            (None, None) => return None,
        };
        let waited = running.saturating_sub(agreement.first.at.running);
        Some((agreement.last.now(running), needed.saturating_sub(waited)))
    }
}

impl DatedAnswer {
    fn max(self, other: Self, running: u64) -> Self {
        match self.now(running) >= other.now(running) {
            true => self,
            false => other,
        }
    }
}

/// Why a chain is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainReason {
    /// It is valid at the date of its own answer: that date is authenticated.
    ByDate,
    /// It is valid by the box's own bound, and central's clock is wrong or says nothing.
    ByFloor,
}

/// What a chain and the date of its answer come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainVerdict {
    /// It may be spoken with.
    Accepted(ChainReason),
    /// Valid at its own date, which is before the floor, and no more at the floor: one of the two is wrong. Its date is
    /// heard all the same, for it may take the floor back.
    Behind,
    /// Valid neither at this time (the later of the two) nor at the floor.
    Refused(i64),
    /// Not valid at the floor, and no date to judge it by.
    Undated,
}

/// Judges a chain. `valid`: whether it is valid at a time, Unix seconds; `floor` and `lowest`: those of the estimate.
pub fn judge(
    valid: impl Fn(i64) -> bool,
    date: Option<i64>,
    floor: i64,
    lowest: i64,
) -> ChainVerdict {
    let Some(date) = date else {
        return match valid(floor) {
            true => ChainVerdict::Accepted(ChainReason::ByFloor),
            false => ChainVerdict::Undated,
        };
    };
    match (valid(date), valid(floor)) {
        // A clock before anything that the box ever was sure of is wrong, whatever its chain says.
        (true, by_floor) if date >= lowest.saturating_sub(AGREE) => match by_floor || date >= floor
        {
            true => ChainVerdict::Accepted(ChainReason::ByDate),
            false => ChainVerdict::Behind,
        },
        (_, true) => ChainVerdict::Accepted(ChainReason::ByFloor),
        (_, false) => ChainVerdict::Refused(date.max(floor)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILT: i64 = 1_795_000_000;
    const DAY: i64 = 86_400;
    const HOUR: u64 = 3600;

    fn up(seconds: u64) -> Uptime {
        Uptime { boot: 1, seconds }
    }

    /// A box that was set up as its first boot began, with a clock that is right.
    fn fresh() -> Estimate {
        Estimate::new(BUILT, BUILT + 30 * DAY, up(0))
    }

    fn hear(estimate: &mut Estimate, date: i64, seconds: u64) {
        let at = estimate.moment(up(seconds));
        estimate.answer(DatedAnswer { date, at });
    }

    #[test]
    fn one_answer_counts_for_stamps_and_a_second_one_an_hour_later_for_the_floor() {
        let mut estimate = fresh();
        assert_eq!(estimate.time(up(60)), BUILT + 30 * DAY + 60);
        let date = BUILT + 100 * DAY;
        hear(&mut estimate, date, 100);
        assert_eq!(estimate.time(up(160)), date + 60);
        assert_eq!(estimate.sure(up(160)), BUILT + 160);
        hear(&mut estimate, date + 3599, 100 + HOUR - 1);
        assert_eq!(estimate.floor(up(100 + HOUR)), BUILT + 3700);
        assert_eq!(estimate.pending(up(100 + HOUR)), Some((date + 3600, 0)));
        hear(&mut estimate, date + 3600, 100 + HOUR);
        assert_eq!(estimate.floor(up(100 + HOUR)), date + 3600);
        assert_eq!(estimate.sure(up(200 + HOUR)), date + 3700);
    }

    #[test]
    fn an_answer_that_others_contradict_never_counts() {
        let mut estimate = fresh();
        let date = BUILT + 40 * DAY;
        for hours in 0..50 {
            let ahead = if hours % 2 == 0 { 0 } else { 300 * DAY };
            let passed = hours as i64 * 3600;
            hear(&mut estimate, date + ahead + passed, hours * HOUR);
            assert_eq!(estimate.floor(up(hours * HOUR)), BUILT + passed);
        }
    }

    #[test]
    fn a_jump_is_taken_back_by_answers_that_agree_for_a_day() {
        let mut estimate = fresh();
        let right = BUILT + 40 * DAY;
        let at = |hours: u64| right + (hours * HOUR) as i64;
        for hours in 0..2 {
            hear(&mut estimate, at(hours), hours * HOUR);
        }
        for hours in 2..4 {
            hear(&mut estimate, at(hours) + 300 * DAY, hours * HOUR);
        }
        assert_eq!(estimate.floor(up(4 * HOUR)), at(4) + 300 * DAY);
        for hours in 4..28 {
            hear(&mut estimate, at(hours), hours * HOUR);
            assert!(estimate.floor(up(hours * HOUR)) > at(hours), "{hours}");
        }
        hear(&mut estimate, at(28), 28 * HOUR);
        assert_eq!(estimate.floor(up(28 * HOUR)), at(28));
        // The bound that the version before kept is revoked in the same way.
        let mut estimate = fresh().with_bound(BUILT + 400 * DAY);
        for hours in 0..=24 {
            hear(&mut estimate, at(hours), hours * HOUR);
        }
        assert_eq!(estimate.floor(up(24 * HOUR)), at(24));
    }

    #[test]
    fn a_person_ends_every_doubt() {
        let mut estimate = fresh().with_bound(BUILT + 400 * DAY);
        hear(&mut estimate, BUILT + 40 * DAY, 60);
        assert_eq!(estimate.pending(up(60)), Some((BUILT + 40 * DAY, REVOKE)));
        estimate.accept(BUILT + 41 * DAY, BUILT, up(60));
        assert_eq!(estimate.floor(up(61)), BUILT + 41 * DAY + 1);
        assert_eq!(estimate.pending(up(61)), None);
        estimate.accept(0, BUILT, up(60));
        assert_eq!(estimate.time(up(60)), BUILT, "never before the build");
    }

    #[test]
    fn what_two_processes_heard_is_put_together_in_any_order() {
        let mut estimate = fresh().with_bound(BUILT + 400 * DAY);
        let right = BUILT + 40 * DAY;
        for hours in [0, 5, 3, 8, 6, 24] {
            hear(&mut estimate, right + (hours * HOUR) as i64, hours * HOUR);
        }
        assert_eq!(estimate.floor(up(24 * HOUR)), right + DAY);
    }

    #[test]
    fn a_chain_is_judged_at_the_date_of_its_own_answer_and_at_the_floor() {
        use ChainReason::{ByDate, ByFloor};
        use ChainVerdict::{Behind, Refused, Undated};
        let floor = BUILT + 100 * DAY;
        let day = |days: i64| BUILT + days * DAY;
        // (valid from, valid to, date, verdict), all in days after the build; the floor is at 100.
        let table = [
            (90, 110, Some(100), ChainVerdict::Accepted(ByDate)),
            // Of a later time: renewed while the box was off, or a wrong clock; nothing is refused for it.
            (150, 240, Some(200), ChainVerdict::Accepted(ByDate)),
            (90, 110, Some(5000), ChainVerdict::Accepted(ByFloor)),
            (90, 110, None, ChainVerdict::Accepted(ByFloor)),
            (90, 110, Some(-300), ChainVerdict::Accepted(ByFloor)),
            (-400, 110, Some(-300), ChainVerdict::Accepted(ByFloor)),
            (90, 110, Some(95), ChainVerdict::Accepted(ByDate)),
            // It has ended by the floor: the floor or its date is wrong.
            (20, 90, Some(80), Behind),
            (20, 90, Some(120), Refused(day(120))),
            (20, 90, Some(10), Refused(floor)),
            (-400, -200, Some(-300), Refused(floor)),
            (150, 240, Some(120), Refused(day(120))),
            (150, 240, None, Undated),
        ];
        for (from, to, date, verdict) in table {
            let valid = |at: i64| (day(from)..=day(to)).contains(&at);
            let judged = judge(valid, date.map(day), floor, BUILT);
            assert_eq!(judged, verdict, "{from} {to} {date:?}");
        }
    }
}
