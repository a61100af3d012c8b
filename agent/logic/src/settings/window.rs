//! Weekly windows in which packages may be fetched, and the local time they are written in.
//! Never knows what time it is; how far local time is ahead of UTC is asked for each moment.
//! Called by `settings`; asked by the pacing of downloads.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::fault::SettingForm;

const DAY: u32 = 86_400;
const WEEK: u32 = 7 * DAY;
const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A weekly window, `mon-fri 18:00-07:00`. A window that passes midnight belongs to the day on which it opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First day, 0 = Monday.
    first: u8,
    /// Last day, 0 = Monday; before `first` when the range passes Sunday.
    last: u8,
    /// Minute of the day at which it opens, below 1440.
    opens: u16,
    /// Minute of the day at which it closes, 1440 at most, on the next day when not after `opens`.
    closes: u16,
}

impl Window {
    /// The seconds of the week (0 = Monday 00:00 local) at which it opens, and how long it stays open each time.
    fn openings(self) -> (impl Iterator<Item = u32>, u32) {
        let days = (u32::from(self.last) + 7 - u32::from(self.first)) % 7;
        let opens = u32::from(self.opens) * 60;
        let first = u32::from(self.first) * DAY;
        let starts = (0..=days).map(move |day| (first + day * DAY + opens) % WEEK);
        let closes = u32::from(self.closes) * 60;
        let length = if closes > opens {
            closes - opens
        } else {
            closes + DAY - opens
        };
        (starts, length)
    }

    /// Zero while the window is open at a second of the week, else the seconds until it opens.
    fn wait(self, second: u32) -> u32 {
        let (starts, length) = self.openings();
        starts
            .map(|start| {
                if (second + WEEK - start) % WEEK < length {
                    0
                } else {
                    (start + WEEK - second) % WEEK
                }
            })
            .min()
            .unwrap_or(0)
    }

    /// The seconds for which it stays open at a second of the week; zero while it is closed.
    fn open_for(self, second: u32) -> u32 {
        let (starts, length) = self.openings();
        let left = starts.map(|start| length.saturating_sub((second + WEEK - start) % WEEK));
        left.max().unwrap_or(0)
    }
}

/// How long until one of the windows is open: zero now, or when there are none.
///
/// `wall` is Unix seconds, the box's best estimate; `offset` the seconds by which local time is ahead of UTC then.
pub fn wait(windows: &[Window], offset: impl Fn(i64) -> i64, wall: i64) -> Duration {
    let mut at = wall;
    // A change of the offset on the way moves the opening by its hour: forward it is looked for again, back it would
    // have been passed.
    for _ in 0..3 {
        let seconds = fixed(windows, offset(at), at);
        if seconds == 0 {
            break;
        }
        let next = at.saturating_add(seconds.into());
        let gained = offset(next) - offset(at);
        let sooner = next.saturating_sub(gained.clamp(0, seconds.into()));
        at = match fixed(windows, offset(sooner), sooner) {
            0 => sooner,
            _ => next,
        };
    }
    Duration::from_secs(u64::try_from(at.saturating_sub(wall)).unwrap_or(0))
}

/// The times at which one of the windows is open, from a moment on: at most so many, each from one Unix second to before
/// another. Windows that meet are told one after the other.
pub fn open_spans(
    windows: &[Window],
    offset: impl Fn(i64) -> i64,
    wall: i64,
    most: usize,
) -> Vec<(i64, i64)> {
    let mut spans = Vec::new();
    let mut at = wall;
    while spans.len() < most && !windows.is_empty() {
        let wait_seconds = wait(windows, &offset, at).as_secs();
        let opens = at.saturating_add_unsigned(wait_seconds);
        let open = open_for(windows, offset(opens), opens);
        if open == 0 {
            break;
        }
        let closes = opens.saturating_add(open.into());
        // The local hour at which it closes comes sooner where the clocks go forward meanwhile, and later where they go back.
        let gained = offset(closes) - offset(opens);
        let closes = closes.saturating_sub(gained).max(opens + 1);
        spans.push((opens, closes));
        at = closes;
    }
    spans
}

/// Seconds for which the window that is open longest stays open; 0 where none is open.
fn open_for(windows: &[Window], offset: i64, wall: i64) -> u32 {
    let second = second_of_week(offset, wall);
    windows
        .iter()
        .map(|w| w.open_for(second))
        .max()
        .unwrap_or(0)
}

fn second_of_week(offset: i64, wall: i64) -> u32 {
    // 1970-01-01 was a Thursday.
    let local = wall.rem_euclid(i64::from(WEEK)) + offset + 3 * i64::from(DAY);
    local.rem_euclid(i64::from(WEEK)) as u32
}

/// Seconds until one of the windows is open where the offset stays as it is.
fn fixed(windows: &[Window], offset: i64, wall: i64) -> u32 {
    let second = second_of_week(offset, wall);
    windows.iter().map(|w| w.wait(second)).min().unwrap_or(0)
}

impl FromStr for Window {
    type Err = SettingForm;

    /// Reads `mon-fri 18:00-07:00`, `sun 00:00-24:00` or `18:00-07:00`; names of days in any case.
    fn from_str(text: &str) -> Result<Self, SettingForm> {
        read(text).ok_or(SettingForm::Window)
    }
}

fn read(text: &str) -> Option<Window> {
    let mut words = text.split_whitespace();
    let (days, times) = match (words.next()?, words.next(), words.next()) {
        (times, None, None) => ("mon-sun", times),
        (days, Some(times), None) => (days, times),
        _ => return None,
    };
    let (first, last) = days.split_once('-').unwrap_or((days, days));
    let (opens, closes) = times.split_once('-')?;
    let window = Window {
        first: day(first)?,
        last: day(last)?,
        opens: minute(opens)?,
        closes: minute(closes)?,
    };
    (window.opens < 1440 && window.opens != window.closes).then_some(window)
}

fn day(name: &str) -> Option<u8> {
    let day = NAMES.iter().position(|n| n.eq_ignore_ascii_case(name))?;
    u8::try_from(day).ok()
}

/// `HH:MM` to `24:00`, in minutes.
fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |t: &str| (t.len() == 2 && t.bytes().all(|b| b.is_ascii_digit())).then_some(());
    two(hours).and(two(minutes))?;
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let minute = hours * 60 + minutes;
    (minutes < 60 && minute <= 1440).then_some(minute)
}

impl fmt::Display for Window {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |day: u8| NAMES[usize::from(day % 7)];
        if self.first == self.last {
            write!(out, "{} ", name(self.first))?;
        } else {
            write!(out, "{}-{} ", name(self.first), name(self.last))?;
        }
        let (o, c) = (self.opens, self.closes);
        write!(
            out,
            "{:02}:{:02}-{:02}:{:02}",
            o / 60,
            o % 60,
            c / 60,
            c % 60
        )
    }
}

/// A fixed distance of local time from UTC, in minutes, within 14 hours either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offset(i16);

impl Offset {
    /// Of seconds to add to UTC, in whole minutes.
    pub fn of(seconds: i64) -> Self {
        Self((seconds / 60).clamp(-14 * 60, 14 * 60) as i16)
    }

    /// Seconds to add to UTC.
    pub fn seconds(self) -> i64 {
        i64::from(self.0) * 60
    }
}

impl FromStr for Offset {
    type Err = SettingForm;

    /// Reads `+01:00`, `-05:30` or `Z`.
    fn from_str(text: &str) -> Result<Self, SettingForm> {
        let text = text.trim();
        let signed = |sign: i16, rest: &str| {
            let minutes = i16::try_from(minute(rest)?).ok()?;
            (minutes <= 14 * 60).then_some(Self(sign * minutes))
        };
        match (text, text.split_at_checked(1)) {
            ("Z", _) => Some(Self(0)),
            (_, Some(("+", rest))) => signed(1, rest),
            (_, Some(("-", rest))) => signed(-1, rest),
            _ => None,
        }
        .ok_or(SettingForm::Offset)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { '-' } else { '+' };
        let minutes = self.0.unsigned_abs();
        write!(out, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::Zone;
    use proptest::prelude::*;

    /// Monday 2022-11-07 00:00:00 UTC.
    const MONDAY: i64 = 1_667_779_200;
    const HOUR: i64 = 3_600;

    fn windows(texts: &[&str]) -> Vec<Window> {
        texts.iter().map(|t| t.parse().unwrap()).collect()
    }

    fn wait_hours(texts: &[&str], offset: &str, wall: i64) -> u64 {
        let offset: Offset = offset.parse().unwrap();
        wait(&windows(texts), |_| offset.seconds(), wall).as_secs() / 3_600
    }

    /// How long a window in the time of Paris is still closed, in minutes.
    fn paris(text: &str, wall: i64) -> u64 {
        let zone = Zone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        wait(&windows(&[text]), |wall| zone.offset(wall), wall).as_secs() / 60
    }

    #[test]
    fn a_window_keeps_its_local_hours_through_the_year() {
        // 20:00 in Paris is 19:00 UTC in winter and 18:00 UTC in summer: 2026-01-15 and 2026-07-15.
        let (winter, summer) = (1_768_435_200, 1_784_073_600);
        assert_eq!(paris("20:00-06:00", winter + 18 * HOUR), 60);
        assert_eq!(paris("20:00-06:00", winter + 19 * HOUR), 0);
        assert_eq!(paris("20:00-06:00", summer + 18 * HOUR), 0);
        assert_eq!(paris("20:00-06:00", summer + 4 * HOUR), 14 * 60);
        // The clocks go forward on Sunday 2026-03-29 at 01:00 UTC, back on 2026-10-25 at 01:00 UTC.
        let (forward, back) = (1_774_742_400, 1_792_886_400);
        assert_eq!(paris("sun 20:00-22:00", forward), 18 * 60);
        assert_eq!(paris("sun 20:00-22:00", back), 19 * 60);
        assert_eq!(
            paris("sun 02:00-04:00", forward),
            60,
            "02:30 is no time of that day"
        );
    }

    #[test]
    fn a_night_belongs_to_the_day_it_begins_on() {
        let nights = ["mon-fri 18:00-07:00"];
        assert_eq!(wait_hours(&nights, "+00:00", MONDAY), 18);
        assert_eq!(wait_hours(&nights, "+00:00", MONDAY + 18 * HOUR), 0);
        let saturday = MONDAY + 5 * 24 * HOUR;
        assert_eq!(wait_hours(&nights, "Z", saturday + 7 * HOUR - 1), 0);
        assert_eq!(wait_hours(&nights, "Z", saturday + 7 * HOUR), 59);
    }

    #[test]
    fn the_times_at_which_windows_are_open_follow_one_another() {
        let spans = |texts: &[&str], from: i64| -> Vec<(i64, i64)> {
            let spans = open_spans(&windows(texts), |_| 0, MONDAY + from * HOUR, 3);
            let hours = |at: i64| (at - MONDAY) / HOUR;
            spans
                .iter()
                .map(|(opens, closes)| (hours(*opens), hours(*closes)))
                .collect()
        };
        let nights = &["22:00-06:00"];
        assert_eq!(spans(nights, 12), [(22, 30), (46, 54), (70, 78)]);
        assert_eq!(spans(nights, 29), [(29, 30), (46, 54), (70, 78)]);
        assert_eq!(
            spans(&["sun 20:00-22:00"], 0),
            [(164, 166), (332, 334), (500, 502)]
        );
        assert_eq!(
            spans(&["22:00-06:00", "mon 05:00-09:00"], 5),
            [(5, 9), (22, 30), (46, 54)]
        );
        assert_eq!(spans(&["00:00-24:00"], 5), [(5, 24), (24, 48), (48, 72)]);
        assert_eq!(spans(&[], 5), []);
        // In Paris the clocks go forward at 01:00 UTC in the night before Sunday 2026-03-29: an hour is missing.
        let zone = Zone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let sunday = 1_774_742_400;
        let night = open_spans(&windows(nights), |wall| zone.offset(wall), sunday, 1);
        assert_eq!(night, [(sunday, sunday + 4 * HOUR)]);
    }

    #[test]
    fn the_week_wraps_at_its_end() {
        let texts = ["sat-mon 22:00-02:00"];
        assert_eq!(wait_hours(&texts, "Z", MONDAY + HOUR), 0);
        assert_eq!(wait_hours(&texts, "Z", MONDAY + 25 * HOUR), 0);
        assert_eq!(wait_hours(&texts, "Z", MONDAY + 26 * HOUR), 4 * 24 + 20);
        assert_eq!(wait_hours(&["sun 00:00-24:00"], "Z", MONDAY - 1), 0);
        assert_eq!(wait_hours(&["sun 00:00-24:00"], "Z", MONDAY), 6 * 24);
    }

    #[test]
    fn the_offset_moves_the_window() {
        let texts = ["02:00-03:00"];
        assert_eq!(wait_hours(&texts, "+02:00", MONDAY), 0);
        assert_eq!(wait_hours(&texts, "-02:00", MONDAY), 4);
    }

    #[test]
    fn the_nearest_of_several_counts_and_none_is_always() {
        let texts = ["wed 10:00-11:00", "tue 05:00-06:00"];
        assert_eq!(wait_hours(&texts, "Z", MONDAY), 29);
        assert_eq!(wait_hours(&[], "Z", MONDAY), 0);
        assert_eq!(wait_hours(&["00:00-24:00"], "Z", i64::MIN), 0);
    }

    #[test]
    fn what_is_not_a_window_is_refused() {
        for text in [
            "",
            "mon",
            "mon-fri",
            "monday 10:00-11:00",
            "mon 10-11",
            "mon 10:00",
            "mon 25:00-26:00",
            "mon 24:00-01:00",
            "mon 10:00-10:00",
            "mon 10:60-11:00",
            "mon 1:00-2:00",
            "mon 10:00-24:01",
            "mon 10:00 - 11:00",
        ] {
            assert_eq!(text.parse::<Window>(), Err(SettingForm::Window), "{text}");
        }
        for text in ["", "1", "+1", "01:00", "+14:01", "+24:00", "é01:00", "CET"] {
            assert_eq!(text.parse::<Offset>(), Err(SettingForm::Offset), "{text}");
        }
    }

    prop_compose! {
        fn window()(first in 0u8..7, last in 0u8..7, opens in 0u16..1440, closes in 0u16..=1440) -> Window {
            let closes = if closes == opens { 1440 } else { closes };
            Window { first, last, opens, closes }
        }
    }

    proptest! {
        #[test]
        fn printing_loses_nothing(window in window(), minutes in -840i16..=840) {
            prop_assert_eq!(window.to_string().parse(), Ok(window));
            prop_assert_eq!(Offset(minutes).to_string().parse(), Ok(Offset(minutes)));
        }

        #[test]
        fn a_wait_ends_in_an_open_window(window in window(), minutes in -840i16..=840, wall in 0i64..1 << 40) {
            let offset = |_| i64::from(minutes) * 60;
            let first = wait(&[window], offset, wall);
            prop_assert!(first < Duration::from_secs(u64::from(WEEK)));
            prop_assert_eq!(wait(&[window], offset, wall + first.as_secs() as i64), Duration::ZERO);
            if !first.is_zero() {
                let just_before = wait(&[window], offset, wall + first.as_secs() as i64 - 1);
                prop_assert_eq!(just_before, Duration::from_secs(1));
            }
        }
    }
}
