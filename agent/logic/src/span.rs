//! A length of time as people write it: `15m`, `1h30m`, `7d`, or plain seconds.
//! Never finer than a second: nothing that is configured needs it.
//! Called by `settings` and by whoever shows a configured time.

use std::time::Duration;

/// Seconds of each unit, largest first: the order in which they may follow each other.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Reads a length of time. A number without a unit is seconds and stands alone; `None` for what is no
/// such length.
pub fn parse(text: &str) -> Option<Duration> {
    read(text.trim()).map(Duration::from_secs)
}

fn read(text: &str) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok();
    }
    let mut units = UNITS.iter();
    let mut rest = text;
    let mut total = 0u64;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let amount: u64 = rest[..end].parse().ok()?;
        let unit = rest[end..].chars().next()?;
        let (_, seconds) = units.find(|(name, _)| *name == unit)?;
        total = total.checked_add(amount.checked_mul(*seconds)?)?;
        rest = &rest[end + unit.len_utf8()..];
    }
    Some(total)
}

/// Writes a length of time in the fewest units; a fraction of a second is cut off.
pub fn print(span: Duration) -> String {
    let mut rest = span.as_secs();
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, seconds) in UNITS {
        if rest >= seconds {
            text.push_str(&(rest / seconds).to_string());
            text.push(unit);
            rest %= seconds;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_as_people_write_them() {
        for (text, seconds) in [
            ("15m", 900),
            ("90s", 90),
            ("90", 90),
            ("1h30m", 5_400),
            ("7d", 604_800),
            ("1d1s", 86_401),
            (" 2s ", 2),
            ("0", 0),
        ] {
            assert_eq!(parse(text), Some(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        for text in [
            "",
            "m",
            "15 minutes",
            "30m1h",
            "1m1m",
            "1h30",
            "-5s",
            "1.5h",
            "5µ",
            "500ms",
            "300000000000000d",
            "18446744073709551616",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn times_are_printed_short() {
        for (seconds, text) in [
            (0, "0s"),
            (90, "1m30s"),
            (900, "15m"),
            (86_400, "1d"),
            (90_061, "1d1h1m1s"),
        ] {
            assert_eq!(print(Duration::from_secs(seconds)), text);
        }
    }

    proptest! {
        #[test]
        fn printing_loses_no_second(seconds in any::<u64>()) {
            let span = Duration::from_secs(seconds);
            prop_assert_eq!(parse(&print(span)), Some(span));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,12}") {
            if let Some(span) = parse(&text) {
                prop_assert_eq!(parse(&print(span)), Some(span));
            }
        }
    }
}
