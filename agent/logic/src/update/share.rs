//! Decides when a box's turn comes in a staged roll-out: share by share of the fleet, each box at a moment of its own.
//! Never draws lots: the moment follows from the version and the id of the box, and stays.
//! Called by the verb `update`.

use sha2::{Digest, Sha256};

use crate::zone::days;

const DAY: i64 = 86_400;
/// Shares are told in whole percent.
const ALL: u64 = 100;

/// When it is the turn of a box, Unix seconds; `None` where nothing says that it has to wait.
///
/// `plan` is the file `ROLLOUT` beside the manifest: a line a version, `2022.11 2026-12-01 1 5 15 40 60 90`: from the begin of that day (UTC) on,
/// after one day 1 % of the fleet have had their turn, after two 5 %, …; after the day behind the last one all. Within a day the boxes
/// come one after the other. What others say on the line is read strictly:
///
/// | line of this version | is |
/// |---|---|
/// | none | no wait |
/// | sound | the moment of this box |
/// | no date, no number, one above 100, or a share smaller than the one before | for ever: nobody goes by a plan that cannot be read |
pub fn turn(plan: &str, version: &str, box_id: &str) -> Option<i64> {
    let of = |line: &&str| line.split_whitespace().next() == Some(version);
    let line = plan.lines().find(of)?;
    let read = || {
        let mut words = line.split_whitespace().skip(1);
        let begin = date(words.next()?)?;
        let shares: Option<Vec<u64>> = words.map(|word| word.parse().ok()).collect();
        let shares = shares
            .filter(|shares| shares.is_sorted() && shares.iter().all(|share| *share <= ALL))?;
        Some(begin.saturating_add(after(&shares, position(version, box_id))))
    };
    Some(read().unwrap_or(i64::MAX))
}

/// Where a box stands in the fleet, as a part of 2^32 of it.
fn position(version: &str, box_id: &str) -> u64 {
    let hash = Sha256::digest(format!("{version}\n{box_id}"));
    u64::from(u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]))
}

/// Seconds after the begin at which a position has its turn.
fn after(shares: &[u64], position: u64) -> i64 {
    let part = |share: u64| (share << 32) / ALL;
    let mut from = 0;
    for (day, share) in (0i64..).zip(shares.iter().chain([&ALL])) {
        let to = part(*share);
        if position < to {
            // Both are below 2^32.
            let seconds = (position - from) * DAY as u64 / (to - from);
            return day.saturating_mul(DAY).saturating_add(seconds as i64);
        }
        from = to;
    }
    0
}

/// The begin of a day of the years 2000 to 2199, `YYYY-MM-DD`, Unix seconds.
fn date(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let fits = (2000..2200).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    fits.then(|| days(year, month, day) * DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = "2022.10 2026-01-01 100\n2022.11 2026-12-01 1 5 15 40 60 90\n";
    /// 2026-12-01 00:00 UTC.
    const BEGIN: i64 = 1_796_083_200;

    #[test]
    fn days_are_counted_from_1970() {
        assert_eq!(date("2026-12-01"), Some(BEGIN));
        assert_eq!(date("2000-02-29"), Some(951_782_400));
        for wrong in [
            "",
            "2026-12",
            "2026-13-01",
            "2026-00-01",
            "x-1-1",
            "1999-12-31",
            "2026-12-32",
        ] {
            assert_eq!(date(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn each_row_of_the_table() {
        assert_eq!(turn(PLAN, "2022.12", "a"), None);
        assert_eq!(turn("", "2022.11", "a"), None);
        for wrong in [
            "2026-12-01 5 1",
            "2026-12-01 101",
            "tomorrow 1",
            "2026-12-01 x",
            "2026-12-01 -1",
            "",
        ] {
            assert_eq!(
                turn(&format!("2 {wrong}"), "2", "a"),
                Some(i64::MAX),
                "{wrong}"
            );
        }
        // Without shares all have their turn within the first day.
        let at = turn("2 2026-12-01", "2", "a").unwrap();
        assert!((BEGIN..BEGIN + DAY).contains(&at));
    }

    /// 2,000 boxes: each day has its share, and within a day the source is loaded evenly.
    #[test]
    fn a_fleet_goes_share_by_share_and_loads_the_source_evenly() {
        let turns: Vec<i64> = (0..2000)
            .map(|n| turn(PLAN, "2022.11", &format!("box-{n:04}")).unwrap() - BEGIN)
            .collect();
        let by = |days: i64| turns.iter().filter(|at| **at < days * DAY).count();
        for (days, percent) in (1..).zip([1usize, 5, 15, 40, 60, 90, 100]) {
            let wanted = percent * 20;
            assert!(
                by(days).abs_diff(wanted) <= 50,
                "day {days}: {} of {wanted}",
                by(days)
            );
        }
        assert_eq!(by(7), 2000);
        // The fullest day has 600 boxes, 25 an hour.
        let hour = |hour: i64| turns.iter().filter(|at| **at / 3600 == hour).count();
        let most = (5 * 24..6 * 24).map(hour).max().unwrap();
        let least = (5 * 24..6 * 24).map(hour).min().unwrap();
        assert!(most <= 45 && least >= 8, "{least} to {most} an hour");
        // Another version has another order: the same boxes are not always the first.
        let first = |version: &str| {
            let plan = format!("{version} 2026-12-01 1 5 15 40 60 90");
            (0..2000)
                .filter(|n| turn(&plan, version, &format!("box-{n:04}")).unwrap() < BEGIN + DAY)
                .collect::<Vec<_>>()
        };
        assert_ne!(first("2022.11"), first("2022.12"));
    }
}
