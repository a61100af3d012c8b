//! Local time: the POSIX form of a time zone with its daylight saving, as TZif files end with it and `TZ` may hold it.
//! Never reads a file and never knows the history of a zone: only the rule that holds from now on.
//! Called by `settings` for the windows of downloads, and by who shows local hours.
//!
//! A library of zones costs 33 to 184 kB of the binary; this reads the one line that matters here.

/// Seconds of a day.
const DAY: i64 = 86_400;

/// A time zone; UTC by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Zone {
    /// Seconds to add to UTC outside of daylight saving.
    standard: i64,
    daylight: Option<Daylight>,
}

/// Daylight saving: from `begins`, told in standard time, to `ends`, told in its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Daylight {
    offset: i64,
    begins: TransitionRule,
    ends: TransitionRule,
}

/// A moment of each year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TransitionRule {
    day: RuleDay,
    /// Seconds after midnight; may be negative or beyond the day.
    time: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RuleDay {
    /// Weekday (0 = Sunday) of the n-th week of a month; 5 is the last.
    Weekday { month: i64, week: i64, day: i64 },
    /// 1 to 365, 29 February never counted.
    Julian(i64),
    /// 0 to 365.
    OfYear(i64),
}

impl Zone {
    /// Reads `CET-1CEST,M3.5.0,M10.5.0/3`; `None` for anything else.
    pub fn posix(text: &str) -> Option<Self> {
        let mut rest = Text(text.as_bytes());
        rest.name()?;
        let standard = -rest.time(24)?;
        if rest.0.is_empty() {
            return Some(Self {
                standard,
                daylight: None,
            });
        }
        rest.name()?;
        let offset = match rest.0.first() {
            None | Some(b',') => standard + 3600,
            Some(_) => -rest.time(24)?,
        };
        // Without rules those of the United States are meant (POSIX leaves it open).
        let (begins, ends) = match rest.0.is_empty() {
            true => (Text(b",M3.2.0").rule()?, Text(b",M11.1.0").rule()?),
            false => (rest.rule()?, rest.rule()?),
        };
        rest.0.is_empty().then_some(Self {
            standard,
            daylight: Some(Daylight {
                offset,
                begins,
                ends,
            }),
        })
    }

    /// Reads the rule that a TZif file ends with (RFC 8536, version 2 and later); `None` without one.
    pub fn tzif(file: &[u8]) -> Option<Self> {
        if !file.starts_with(b"TZif") || file.get(4) == Some(&0) {
            return None;
        }
        let line = file.strip_suffix(b"\n")?;
        let start = line.iter().rposition(|byte| *byte == b'\n')? + 1;
        Self::posix(std::str::from_utf8(&line[start..]).ok()?)
    }

    /// Seconds to add to UTC at a moment, Unix seconds.
    pub fn offset(&self, wall: i64) -> i64 {
        let Some(daylight) = &self.daylight else {
            return self.standard;
        };
        // Nobody has a rule for a year that no calendar of people reaches.
        let wall = wall.clamp(-100_000 * 365 * DAY, 100_000 * 365 * DAY);
        let (year, ..) = civil((wall + self.standard).div_euclid(DAY));
        let begins = daylight.begins.second(year) - self.standard;
        let ends = daylight.ends.second(year) - daylight.offset;
        let inside = match begins < ends {
            true => (begins..ends).contains(&wall),
            // South of the equator it lasts over the turn of the year.
            false => !(ends..begins).contains(&wall),
        };
        match inside {
            true => daylight.offset,
            false => self.standard,
        }
    }
}

impl TransitionRule {
    /// Local seconds since 1970 of this moment in a year.
    fn second(self, year: i64) -> i64 {
        let first = days(year, 1, 1);
        let day = match self.day {
            RuleDay::OfYear(day) => first + day,
            RuleDay::Julian(day) => {
                let leap = days(year, 3, 1) - first == 60;
                first + day - 1 + i64::from(leap && day >= 60)
            }
            RuleDay::Weekday { month, week, day } => {
                let first = days(year, month, 1);
                let next = match month {
                    12 => days(year + 1, 1, 1),
                    _ => days(year, month + 1, 1),
                };
                // 1970-01-01 was a Thursday.
                let weekday = (first + 4).rem_euclid(7);
                let found = first + (day - weekday).rem_euclid(7) + (week - 1) * 7;
                match found >= next {
                    true => found - 7,
                    false => found,
                }
            }
        };
        day * DAY + self.time
    }
}

/// What is left to be read of a rule.
struct Text<'a>(&'a [u8]);

impl Text<'_> {
    fn eat(&mut self, byte: u8) -> Option<()> {
        self.0 = self.0.strip_prefix(&[byte])?;
        Some(())
    }

    /// `CET`, or `<+03>`.
    fn name(&mut self) -> Option<()> {
        let (length, least) = match self.0.first()? {
            b'<' => (self.0.iter().position(|byte| *byte == b'>')? + 1, 5),
            _ => (
                self.0
                    .iter()
                    .take_while(|byte| byte.is_ascii_alphabetic())
                    .count(),
                3,
            ),
        };
        self.0 = &self.0[length..];
        (length >= least).then_some(())
    }

    fn number(&mut self, most: i64) -> Option<i64> {
        let length = self
            .0
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let (digits, rest) = self.0.split_at(length);
        let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
        self.0 = rest;
        (0..=most).contains(&number).then_some(number)
    }

    /// `[+-]hh[:mm[:ss]]`, in seconds.
    fn time(&mut self, hours: i64) -> Option<i64> {
        let sign = match self.0.first()? {
            b'-' => -1,
            _ => 1,
        };
        let _ = self.eat(b'-').or_else(|| self.eat(b'+'));
        let mut seconds = self.number(hours)? * 3600;
        for unit in [60, 1] {
            if self.eat(b':').is_none() {
                break;
            }
            seconds += self.number(59)? * unit;
        }
        Some(sign * seconds)
    }

    /// `,M3.5.0/2`, `,J60`, `,59/-1`.
    fn rule(&mut self) -> Option<TransitionRule> {
        self.eat(b',')?;
        let day = if self.eat(b'M').is_some() {
            let month = self.number(12).filter(|month| *month > 0)?;
            self.eat(b'.')?;
            let week = self.number(5).filter(|week| *week > 0)?;
            self.eat(b'.')?;
            RuleDay::Weekday {
                month,
                week,
                day: self.number(6)?,
            }
        } else if self.eat(b'J').is_some() {
            RuleDay::Julian(self.number(365).filter(|day| *day > 0)?)
        } else {
            RuleDay::OfYear(self.number(365)?)
        };
        let time = match self.eat(b'/') {
            Some(()) => self.time(167)?,
            None => 2 * 3600,
        };
        Some(TransitionRule { day, time })
    }
}

/// Year, month and day of a number of days since 1970 (UTC, proleptic Gregorian); counted in years that begin in March.
pub fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let index = (5 * day_of_year + 2) / 153;
    let month = if index < 10 { index + 3 } else { index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * index + 2) / 5 + 1)
}

/// Days since 1970 of a date: the way back from `civil`.
pub(crate) fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let index = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * index + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(year: i64, month: i64, day: i64, hour: i64) -> i64 {
        days(year, month, day) * DAY + hour * 3600
    }

    #[test]
    fn zones_of_the_world_have_their_hours() {
        // (zone, moment in UTC, hours ahead of it)
        let table = [
            ("CET-1CEST,M3.5.0,M10.5.0/3", at(2026, 1, 15, 12), 1.0),
            ("CET-1CEST,M3.5.0,M10.5.0/3", at(2026, 7, 15, 12), 2.0),
            ("CET-1CEST,M3.5.0,M10.5.0/3", at(2026, 3, 29, 1) - 1, 1.0),
            ("CET-1CEST,M3.5.0,M10.5.0/3", at(2026, 3, 29, 1), 2.0),
            ("CET-1CEST,M3.5.0,M10.5.0/3", at(2026, 10, 25, 1) - 1, 2.0),
            ("CET-1CEST,M3.5.0,M10.5.0/3", at(2026, 10, 25, 1), 1.0),
            ("IST-1GMT0,M10.5.0,M3.5.0/1", at(2026, 1, 15, 12), 0.0),
            ("IST-1GMT0,M10.5.0,M3.5.0/1", at(2026, 7, 15, 12), 1.0),
            ("EST5EDT,M3.2.0,M11.1.0", at(2026, 3, 8, 7) - 1, -5.0),
            ("EST5EDT", at(2026, 3, 8, 7), -4.0),
            ("AEST-10AEDT,M10.1.0,M4.1.0/3", at(2026, 1, 1, 0), 11.0),
            ("AEST-10AEDT,M10.1.0,M4.1.0/3", at(2026, 6, 1, 0), 10.0),
            ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", at(2026, 3, 29, 1), -1.0),
            ("<+0530>-5:30", at(2026, 6, 1, 0), 5.5),
            ("UTC0", at(2026, 6, 1, 0), 0.0),
            ("XST0XDT,J60,J300", at(2028, 3, 1, 2), 1.0),
            ("XST0XDT,59,299", at(2028, 2, 29, 2), 1.0),
        ];
        for (text, wall, hours) in table {
            let zone = Zone::posix(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(zone.offset(wall) as f64 / 3600.0, hours, "{text} {wall}");
        }
    }

    #[test]
    fn what_is_no_zone_is_none() {
        for text in [
            "",
            "CE",
            "CET",
            "Europe/Paris",
            "CET-1CEST,M3.5.0",
            "CET-1CEST,M13.5.0,M10.5.0",
            "CET-1CEST,M3.6.0,M10.5.0",
            "CET-1CEST,M3.5.0,M10.5.0/3x",
            "CET-25",
            "<CET-1",
            "CET-99999999999999999999",
        ] {
            assert_eq!(Zone::posix(text), None, "{text}");
        }
    }

    #[test]
    fn a_file_ends_with_its_rule() {
        let file =
            |version: u8, end: &str| [b"TZif", &[version][..], &[0; 90], end.as_bytes()].concat();
        let paris = Zone::posix("CET-1CEST,M3.5.0,M10.5.0/3");
        assert!(paris.is_some());
        assert_eq!(
            Zone::tzif(&file(b'2', "\nCET-1CEST,M3.5.0,M10.5.0/3\n")),
            paris
        );
        for bad in [
            file(0, "\nCET-1\n"),
            file(b'2', "\n\n"),
            file(b'2', "CET-1\n"),
            b"TZi".to_vec(),
            Vec::new(),
        ] {
            assert_eq!(Zone::tzif(&bad), None);
        }
    }

    proptest! {
        #[test]
        fn days_go_both_ways(day in -1_000_000i64..1_000_000) {
            let (year, month, of_month) = civil(day);
            prop_assert_eq!(days(year, month, of_month), day);
        }

        #[test]
        fn nothing_panics(text in "[A-Z<>]{0,5}[-+0-9:]{0,6}[A-Z]{0,4}[,MJ0-9./-]{0,20}", wall in any::<i64>(), bytes in any::<Vec<u8>>()) {
            if let Some(zone) = Zone::posix(&text) {
                prop_assert!(zone.offset(wall).abs() <= 26 * 3600);
            }
            let _ = Zone::tzif(&bytes);
        }
    }
}
