//! Figures as people read them in either language: amounts, rates, lengths of time, moments. The same everywhere.
//! Never reads a clock, and never shows a quantity in two units: bytes are decimal (IEC 80000-13), as disks are sold.
//! Called by whoever tells a figure: command line, status page, doctor.

use super::{Language, Localized};
use crate::zone::civil;

/// Between a figure and its unit.
const BLANK: char = '\u{a0}';
/// Between thousands, in French.
const NARROW: char = '\u{202f}';
const DAY: u64 = 86_400;

/// Bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

/// A length of time in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds(pub u64);

/// A rate in Mbit/s.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MegabitRate(pub f64);

/// A number with one digit behind its mark.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decimal(pub f64);

/// A number with as many digits as it has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number(pub f64);

impl Localized for Decimal {
    fn localized(&self, language: Language) -> String {
        decimal(language, self.0)
    }
}

impl Localized for Number {
    fn localized(&self, language: Language) -> String {
        let text = self.0.to_string();
        match language {
            Language::English => text,
            Language::French => text.replace('.', ","),
        }
    }
}

impl Localized for Bytes {
    fn localized(&self, language: Language) -> String {
        bytes(language, self.0)
    }
}

impl Localized for Seconds {
    fn localized(&self, language: Language) -> String {
        span(language, self.0)
    }
}

impl Localized for MegabitRate {
    fn localized(&self, language: Language) -> String {
        format!("{}{BLANK}Mbit/s", decimal(language, self.0))
    }
}

/// A whole number; French sets its thousands apart from 10,000 on.
pub fn integer(language: Language, value: u64) -> String {
    let digits = value.to_string();
    if language == Language::English || digits.len() < 5 {
        return digits;
    }
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(NARROW);
        }
        out.push(digit);
    }
    out
}

/// A number with one digit behind the mark of the language.
pub fn decimal(language: Language, value: f64) -> String {
    let text = format!("{value:.1}");
    match language {
        Language::English => text,
        Language::French => text.replace('.', ","),
    }
}

/// 25.0 MB, 25,0 Mo; powers of 1000.
pub fn bytes(language: Language, bytes: u64) -> String {
    let units = ["", "k", "M", "G", "T"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 999.95 && unit < units.len() - 1 {
        value /= 1000.0;
        unit += 1;
    }
    let letter = match language {
        Language::English => 'B',
        Language::French => 'o',
    };
    let number = match unit {
        0 => bytes.to_string(),
        _ => decimal(language, value),
    };
    format!("{number}{BLANK}{}{letter}", units[unit])
}

/// 45 s, 12 min, 3 h 5 min, 2 d 7 h; 2 j 7 h.
pub fn span(language: Language, seconds: u64) -> String {
    let day = match language {
        Language::English => 'd',
        Language::French => 'j',
    };
    let two = |(first, one): (u64, char), (second, other): (u64, &str)| match second {
        0 => format!("{first}{BLANK}{one}"),
        _ => format!("{first}{BLANK}{one}{BLANK}{second}{BLANK}{other}"),
    };
    match seconds {
        0..120 => format!("{seconds}{BLANK}s"),
        120..7200 => format!("{}{BLANK}min", seconds / 60),
        7200..172_800 => two((seconds / 3600, 'h'), (seconds % 3600 / 60, "min")),
        _ => two((seconds / DAY, day), (seconds % DAY / 3600, "h")),
    }
}

/// How long something takes, and at most, where that is longer: 40 min, 40 min – 65 min.
pub fn spans(language: Language, seconds: u64, at_most: Option<u64>) -> String {
    let likely = span(language, seconds);
    match at_most.filter(|at_most| *at_most > seconds) {
        None => likely,
        Some(at_most) => format!("{likely} – {}", span(language, at_most)),
    }
}

/// Date and minute of a moment in Unix seconds, `offset` seconds ahead of UTC: 2026-11-24 06:48 UTC,
/// 24/11/2026 07:48 UTC+01:00.
pub fn moment(language: Language, at: i64, offset: i64) -> String {
    let zone = match offset {
        0 => "UTC".to_owned(),
        _ => {
            let sign = if offset < 0 { '-' } else { '+' };
            let minutes = offset.abs() / 60;
            format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60)
        }
    };
    format!(
        "{} {} {zone}",
        date(language, at, offset),
        minute(at, offset)
    )
}

/// Hour and minute of a moment: 06:48.
pub fn minute(at: i64, offset: i64) -> String {
    let second = (at + offset).rem_euclid(DAY as i64);
    format!("{:02}:{:02}", second / 3600, second % 3600 / 60)
}

/// The date alone.
pub fn date(language: Language, at: i64, offset: i64) -> String {
    let (year, month, day) = civil((at + offset).div_euclid(DAY as i64));
    match language {
        Language::English => format!("{year:04}-{month:02}-{day:02}"),
        Language::French => format!("{day:02}/{month:02}/{year:04}"),
    }
}

/// Month and day.
pub fn month_day(language: Language, at: i64, offset: i64) -> String {
    let (_, month, day) = civil((at + offset).div_euclid(DAY as i64));
    match language {
        Language::English => format!("{month:02}-{day:02}"),
        Language::French => format!("{day:02}/{month:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::plain;
    use super::*;
    use Language::{English, French};

    #[test]
    fn figures_are_of_their_language() {
        let amounts = [0, 999, 1000, 999_960, 25_000_000, 1_200_000_000];
        assert_eq!(
            amounts.map(|amount| plain(&bytes(English, amount))),
            ["0 B", "999 B", "1.0 kB", "1.0 MB", "25.0 MB", "1.2 GB"]
        );
        assert_eq!(bytes(French, 1_200_000_000), "1,2\u{a0}Go");
        assert_eq!(MegabitRate(4.25).localized(French), "4,2\u{a0}Mbit/s");
        let spans = [0, 119, 150, 7200, 7500, 172_800, 200_000];
        assert_eq!(
            spans.map(|seconds| plain(&span(English, seconds))),
            [
                "0 s",
                "119 s",
                "2 min",
                "2 h",
                "2 h 5 min",
                "2 d",
                "2 d 7 h"
            ]
        );
        assert_eq!(plain(&span(French, 200_000)), "2 j 7 h");
        assert_eq!(integer(English, 1_234_567), "1234567");
        assert_eq!(integer(French, 1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(integer(French, 9999), "9999");
        assert_eq!(integer(French, 12_345), "12\u{202f}345");
    }

    #[test]
    fn moments_are_of_their_language() {
        assert_eq!(moment(English, 1_795_500_000, 0), "2026-11-24 06:00 UTC");
        assert_eq!(
            moment(French, 1_795_500_000, 3600),
            "24/11/2026 07:00 UTC+01:00"
        );
        assert_eq!(moment(English, 951_782_400, 0), "2000-02-29 00:00 UTC");
        assert_eq!(moment(English, 0, 0), "1970-01-01 00:00 UTC");
        assert_eq!(
            moment(English, 1_795_500_000, -19_800),
            "2026-11-24 00:30 UTC-05:30"
        );
        assert_eq!(month_day(French, 1_795_500_000, 0), "24/11");
    }
}
