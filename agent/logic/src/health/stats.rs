//! The link over time, as past synchronizations met it: by hour, by day, percentiles, failures, the coming night.
//! Never smooths and never guesses: an hour without a measurement has none.
//! Called by `stats`, the support bundle and the status page.

use serde::Serialize;

use crate::report::Report;
use crate::words::Outcome;

/// Bits per second of one Mbit/s as TAO counts them (protocol 9.6).
const MEGABIT: f64 = 1_048_576.0;
const HOUR: i64 = 3600;
const DAY: i64 = 86_400;
/// So many days are shown.
const DAYS: i64 = 14;
/// The night begins and ends at these hours, local time.
const NIGHT: (i64, i64) = (18, 7);

/// The link over time. Rates are Mbit/s of 2^20 bits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stats {
    /// Synchronizations looked at.
    pub runs: u64,
    /// Unix seconds of the first and the last of them; `None` without any.
    pub between: Option<(i64, i64)>,
    /// Seconds by which local time is ahead of UTC.
    pub offset: i64,
    /// Runs that did not finish.
    pub failed: u64,
    /// Runs that did not reach central; part of `failed`.
    pub offline: u64,
    /// Packages that a run wanted and did not get, and those that it got.
    pub packages: (u64, u64),
    /// Towards the box.
    pub download: Option<Spread>,
    /// Towards central.
    pub upload: Option<Spread>,
    /// The middle download rate of the runs begun in each hour of the day, from midnight on.
    pub hours: Vec<Option<f64>>,
    /// The last days, oldest first.
    pub days: Vec<DayStats>,
    /// What the coming night can carry; `None` without a rate.
    pub night: Option<Night>,
}

/// How rates are spread.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Measurements.
    pub count: u64,
    /// One in ten is slower.
    pub p10: f64,
    /// The middle one.
    pub p50: f64,
    /// One in ten is faster.
    pub p90: f64,
}

/// One day of local time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DayStats {
    /// Unix seconds of its noon, local: within the day in any time zone.
    pub noon: i64,
    /// Runs begun on it.
    pub runs: u64,
    /// Runs of them that did not finish.
    pub failed: u64,
    /// The middle download rate.
    pub rate: Option<f64>,
}

/// The coming night, or what is left of the present one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Night {
    /// Unix seconds at which it begins; now when it has begun.
    pub begins: i64,
    /// How long it lasts from then on, in seconds.
    pub seconds: i64,
    /// Bytes at the middle rate of past nights, or of all runs when too few were at night.
    pub bytes: u64,
    /// Bytes at the rate than which one in ten is slower.
    pub at_least: u64,
}

impl Stats {
    /// From past runs in any order; `now` is Unix seconds, `offset` the seconds by which local time is ahead of UTC.
    pub fn of(reports: &[Report], now: i64, offset: i64) -> Self {
        let began = |report: &Report| report.started_at + offset;
        let hour = |report: &Report| began(report).rem_euclid(DAY) / HOUR;
        let rates = |keep: &dyn Fn(&Report) -> bool| -> Vec<f64> {
            let kept = reports.iter().filter(|report| keep(report));
            measured(kept.map(|report| report.connection.download_mbit_s))
        };
        let hours = (0..24)
            .map(|wanted| middle(&rates(&|report| hour(report) == wanted)))
            .collect();
        let today = (now + offset).div_euclid(DAY);
        let days = (today - DAYS + 1..=today)
            .map(|day| {
                let of_day = |report: &Report| began(report).div_euclid(DAY) == day;
                let runs = reports.iter().filter(|report| of_day(report));
                DayStats {
                    noon: day * DAY + DAY / 2 - offset,
                    runs: runs.clone().count() as u64,
                    failed: runs.filter(|report| unfinished(report)).count() as u64,
                    rate: middle(&rates(&of_day)),
                }
            })
            .collect();
        let all = rates(&|_| true);
        let at_night = rates(&|report| hour(report) >= NIGHT.0 || hour(report) < NIGHT.1);
        let nightly = if at_night.len() >= 5 { &at_night } else { &all };
        let times = || reports.iter().map(|report| report.started_at);
        Self {
            runs: reports.len() as u64,
            between: times().min().zip(times().max()),
            offset,
            failed: count(reports, unfinished),
            offline: count(reports, |report| report.outcome == Outcome::Offline),
            packages: (
                reports.iter().map(|report| report.packages.failed).sum(),
                reports
                    .iter()
                    .map(|report| report.packages.downloaded)
                    .sum(),
            ),
            download: spread(&all),
            upload: spread(&measured(
                reports.iter().map(|report| report.connection.upload_mbit_s),
            )),
            hours,
            days,
            night: night(nightly, now, offset),
        }
    }
}

fn unfinished(report: &Report) -> bool {
    report.outcome != Outcome::Finished
}

fn count(reports: &[Report], is: impl Fn(&Report) -> bool) -> u64 {
    reports.iter().filter(|report| is(report)).count() as u64
}

/// Rates in order; 0 is "not measured".
fn measured(rates: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut rates: Vec<f64> = rates.filter(|rate| *rate > 0.0).collect();
    rates.sort_by(f64::total_cmp);
    rates
}

/// The value below which `share` of the sorted values lie (nearest rank).
fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

fn middle(sorted: &[f64]) -> Option<f64> {
    percentile(sorted, 0.5)
}

fn spread(sorted: &[f64]) -> Option<Spread> {
    Some(Spread {
        count: sorted.len() as u64,
        p10: percentile(sorted, 0.1)?,
        p50: percentile(sorted, 0.5)?,
        p90: percentile(sorted, 0.9)?,
    })
}

fn night(rates: &[f64], now: i64, offset: i64) -> Option<Night> {
    let spread = spread(rates)?;
    let second = (now + offset).rem_euclid(DAY);
    let (evening, morning) = (NIGHT.0 * HOUR, NIGHT.1 * HOUR);
    let (wait, seconds) = if second < morning {
        (0, morning - second)
    } else if second < evening {
        (evening - second, DAY - evening + morning)
    } else {
        (0, DAY - second + morning)
    };
    let bytes = |rate: f64| (rate * MEGABIT / 8.0 * seconds as f64) as u64;
    Some(Night {
        begins: now + wait,
        seconds,
        bytes: bytes(spread.p50),
        at_least: bytes(spread.p10),
    })
}

/// Rates as a row of bars, each as high as its share of the highest; a dot where nothing was measured.
pub fn sparkline(rates: impl IntoIterator<Item = Option<f64>>) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let rates: Vec<Option<f64>> = rates.into_iter().collect();
    let most = rates.iter().flatten().copied().fold(0.0, f64::max);
    rates
        .into_iter()
        .map(|rate| match rate.filter(|rate| *rate > 0.0) {
            None => '·',
            Some(rate) => BARS[((rate / most * 8.0).ceil() as usize).clamp(1, 8) - 1],
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::SyncParams;
    use proptest::prelude::*;

    /// 2026-11-24 00:00 UTC.
    const MIDNIGHT: i64 = 1_795_478_400;

    fn report(started_at: i64, rate: f64, outcome: Outcome) -> Report {
        let params = SyncParams {
            organisation_id: "1".into(),
            sync_id: 1,
            box_id: "b".into(),
            tao_version: "v".into(),
        };
        let mut report = Report::new(&params, started_at);
        report.outcome = outcome;
        report.connection.download_mbit_s = rate;
        report
    }

    #[test]
    fn hours_and_days_are_local() {
        let reports = [
            report(MIDNIGHT - 1800, 4.0, Outcome::Finished),
            report(MIDNIGHT - 1700, 2.0, Outcome::Failed),
            report(MIDNIGHT - 1600, 8.0, Outcome::Finished),
            report(MIDNIGHT + 9 * HOUR, 0.0, Outcome::Offline),
        ];
        let stats = Stats::of(&reports, MIDNIGHT + 10 * HOUR, HOUR);
        assert_eq!(stats.hours[0], Some(4.0));
        assert_eq!(stats.hours[10], None);
        let today = stats.days[13];
        assert_eq!((today.runs, today.failed, today.rate), (4, 2, Some(4.0)));
        assert_eq!(stats.days[12].runs, 0);
        assert_eq!((stats.runs, stats.failed, stats.offline), (4, 2, 1));
        assert_eq!(
            stats.download,
            Some(Spread {
                count: 3,
                p10: 2.0,
                p50: 4.0,
                p90: 8.0
            })
        );
    }

    #[test]
    fn the_night_is_whole_in_the_day_and_what_is_left_of_it_at_night() {
        let reports = [report(MIDNIGHT, 8.0, Outcome::Finished)];
        let at = |hour: i64| {
            Stats::of(&reports, MIDNIGHT + hour * HOUR, 0)
                .night
                .unwrap()
        };
        assert_eq!(
            (at(10).begins, at(10).seconds),
            (MIDNIGHT + 18 * HOUR, 13 * HOUR)
        );
        assert_eq!(
            (at(20).begins, at(20).seconds),
            (MIDNIGHT + 20 * HOUR, 11 * HOUR)
        );
        assert_eq!(
            (at(5).begins, at(5).seconds),
            (MIDNIGHT + 5 * HOUR, 2 * HOUR)
        );
        // 8 Mbit/s are 1 MiB/s.
        assert_eq!(at(5).bytes, 7200 << 20);
        assert_eq!(Stats::of(&[], MIDNIGHT, 0).night, None);
    }

    #[test]
    fn bars_are_shares_of_the_highest() {
        let rates = [None, Some(0.1), Some(4.0), Some(8.0)];
        assert_eq!(sparkline(rates), "·▁▄█");
        assert_eq!(sparkline([None, None]), "··");
    }

    proptest! {
        #[test]
        fn percentiles_are_ordered_values_of_the_list(mut rates in proptest::collection::vec(0.1f64..1000.0, 1..60)) {
            rates.sort_by(f64::total_cmp);
            let spread = spread(&rates).unwrap();
            prop_assert!(spread.p10 <= spread.p50 && spread.p50 <= spread.p90);
            for value in [spread.p10, spread.p50, spread.p90] {
                prop_assert!(rates.contains(&value));
            }
            prop_assert_eq!(sparkline(rates.iter().map(|r| Some(*r))).chars().count(), rates.len());
        }
    }
}
