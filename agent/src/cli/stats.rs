//! `stats`: the link over time, and what the coming night can carry.
//! Never speaks to central: only past synchronizations are read.
//! Called by `cli`.

use logic::fault::Fault;
use logic::health::BoxStanding;
use logic::health::stats::{DayStats, Night, Spread, Stats, sparkline};
use logic::language::Language;
use logic::language::figure::{self, Bytes, Decimal};
use serde_json::{Value as Json, json};

use super::screen::{Screen, fold, pairs};
use super::words::{PastTerm, RunCount, Term};
use crate::doctor::standing;
use crate::engine::Engine;
use system::clock;

/// As many past synchronizations as are kept.
const RUNS_KEPT: usize = 500;

pub(super) fn act(engine: &Engine, screen: &Screen) -> Result<u8, Fault> {
    let all = engine.organisations()?;
    let now = clock::now().wall;
    let offset = engine.settings().download.offset(now);
    let mut each = Vec::new();
    let mut reports = Vec::new();
    for one in &all {
        let own = standing::reports(one, RUNS_KEPT)?;
        let standing = standing::take(one);
        each.push(json!({
            "organisation_id": one.organisation_id(), "link": Stats::of(&own, now, offset.seconds()),
            "packages": packages(&standing),
        }));
        reports.extend(own);
    }
    // The line is the box's, and so is what it has to carry.
    reports.sort_by_key(|report| std::cmp::Reverse(report.sync_id));
    reports.truncate(RUNS_KEPT);
    let stats = Stats::of(&reports, now, offset.seconds());
    let (_, mut standing, awaited) = standing::take_worst(&all);
    standing.packages.bytes_left = awaited.iter().filter_map(|one| one.left).sum();
    standing.packages.unknown = awaited.iter().filter(|one| one.left.is_none()).count() as u64;
    if screen.json {
        let mut told = json!({ "link": stats, "packages": packages(&standing) });
        if all.len() > 1 {
            told["organisations"] = json!(each);
        }
        screen.object(told);
        return Ok(0);
    }
    if stats.runs == 0 {
        screen.say(&screen.told(&Term::NoRunYet));
        return Ok(0);
    }
    for line in lines(&stats, &standing, &offset.to_string(), screen) {
        screen.line(&line);
    }
    Ok(0)
}

/// What is left of the packages, for machines.
fn packages(standing: &BoxStanding) -> Json {
    let stock = &standing.packages;
    json!({ "bytes_left": stock.bytes_left, "unknown": stock.unknown })
}

fn lines(stats: &Stats, standing: &BoxStanding, offset: &str, screen: &Screen) -> Vec<String> {
    let (language, width) = (screen.language, screen.width);
    let mut lines = Vec::new();
    if let Some((first, last)) = stats.between {
        let day = |wall| figure::date(language, wall, stats.offset);
        let (first, last) = (day(first), day(last));
        let days = match first == last {
            true => first,
            false => screen.told(&PastTerm::Days { first, last }),
        };
        let runs = RunCount::Counted { count: stats.runs };
        let head = screen.told(&PastTerm::LinkOver { runs, days });
        lines.extend(fold(&head, width));
        lines.push(String::new());
    }
    let mut rows = Vec::new();
    let mut row = |name: PastTerm, text: String| rows.push((screen.told(&name), text));
    row(PastTerm::Download, spread(stats.download.as_ref(), screen));
    row(PastTerm::Upload, spread(stats.upload.as_ref(), screen));
    row(PastTerm::FailedRow, failed(stats, screen));
    row(
        PastTerm::ByHour,
        format!("00 {} 23", sparkline(stats.hours.iter().copied())),
    );
    row(PastTerm::ByDay, days(stats, language));
    lines.extend(pairs(&rows, width));
    let offset = offset.to_owned();
    lines.extend(fold(&screen.told(&PastTerm::Legend { offset }), width));
    if let Some(night) = &stats.night {
        lines.push(String::new());
        for line in nights(night, standing, stats.offset) {
            lines.extend(fold(&screen.told(&line), width));
        }
    }
    lines
}

fn spread(spread: Option<&Spread>, screen: &Screen) -> String {
    screen.told(&match spread {
        None => PastTerm::NotMeasured,
        Some(spread) => PastTerm::Spread {
            middle: Decimal(spread.p50),
            below: Decimal(spread.p10),
            above: Decimal(spread.p90),
        },
    })
}

/// Runs and packages that failed.
fn failed(stats: &Stats, screen: &Screen) -> String {
    let share = |part: u64, whole: u64, term: PastTerm| {
        let text = screen.told(&term);
        match part {
            0 => text,
            _ => screen.told(&PastTerm::Share {
                text,
                percent: part * 100 / whole,
            }),
        }
    };
    let (part, whole) = (stats.failed, stats.runs);
    let runs = share(part, whole, PastTerm::RunsFailed { part, whole });
    let offline = match stats.offline {
        0 => String::new(),
        count => screen.told(&PastTerm::OfflineOf { count }),
    };
    let (part, whole) = (stats.packages.0, stats.packages.0 + stats.packages.1);
    let packages = share(part, whole, PastTerm::PackagesFailed { part, whole });
    let mark = match screen.language {
        Language::English => ";",
        Language::French => "\u{202f};",
    };
    format!("{runs}{offline}{mark} {packages}")
}

fn days(stats: &Stats, language: Language) -> String {
    // Month and day are enough within two weeks.
    let date_of = |day: Option<&DayStats>| {
        day.map_or_else(String::new, |day| {
            figure::month_day(language, day.noon, stats.offset)
        })
    };
    format!(
        "{} {} {}",
        date_of(stats.days.first()),
        sparkline(stats.days.iter().map(|day| day.rate)),
        date_of(stats.days.last())
    )
}

fn nights(night: &Night, standing: &BoxStanding, offset: i64) -> Vec<PastTerm> {
    let from = figure::minute(night.begins, offset);
    let to = figure::minute(night.begins + night.seconds, offset);
    let (bytes, least) = (Bytes(night.bytes), Bytes(night.at_least));
    let mut lines = vec![match night.at_least < night.bytes {
        true => PastTerm::NightOrSlow {
            from,
            to,
            bytes,
            least,
        },
        false => PastTerm::Night { from, to, bytes },
    }];
    let left = Bytes(standing.packages.bytes_left);
    // Nobody knows the size of a package that has not begun.
    let unknown = match standing.packages.unknown {
        0 => None,
        count => Some(Box::new(PastTerm::UnknownSizes { count })),
    };
    match (left, unknown) {
        (Bytes(0), None) => {}
        (Bytes(0), Some(unknown)) => lines.push(PastTerm::ToComeUnknown { unknown }),
        (left, Some(unknown)) => lines.push(PastTerm::ToComeBoth { left, unknown }),
        (left, None) if left.0 <= night.at_least => lines.push(PastTerm::Fits { left }),
        (left, None) if left.0 <= night.bytes => lines.push(PastTerm::FitsIfFast { left }),
        (left, None) => lines.push(PastTerm::DoesNotFit { left }),
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::{each, held};
    use logic::fault::Code;
    use logic::report::Report;
    use logic::words::SyncParams;

    /// 2026-11-24 00:00 UTC.
    const MIDNIGHT: i64 = 1_795_478_400;

    fn report(started_at: i64, rate: f64) -> Report {
        let params = SyncParams {
            organisation_id: "1".into(),
            sync_id: 1,
            box_id: "b".into(),
            tao_version: "v".into(),
        };
        let mut report = Report::new(&params, started_at);
        report.connection.download_mbit_s = rate;
        report.packages.downloaded = 2;
        if rate == 0.0 {
            report.packages.failed = 2;
            report.stop(&Fault::new(Code::NetDns, "no address"));
        }
        report
    }

    #[test]
    fn the_link_is_drawn_on_one_screen() {
        let reports: Vec<Report> = (0..48)
            .map(|hour| {
                let rate = if hour % 12 == 5 {
                    0.0
                } else {
                    1.0 + (hour % 24) as f64 / 4.0
                };
                report(MIDNIGHT - 86_400 + hour * 3600, rate)
            })
            .collect();
        let stats = Stats::of(&reports, MIDNIGHT + 34 * 3600, 3600);
        let mut standing = BoxStanding::default();
        standing.packages.bytes_left = 20_000_000_000;
        each("stats", |screen| lines(&stats, &standing, "+01:00", screen));
        let wide = Screen::plain(80);
        held("stats", &lines(&stats, &standing, "+01:00", &wide), 80);
        standing.packages.unknown = 2;
        let one = Stats::of(&reports[..1], MIDNIGHT + 3600, 0);
        each("stats-one", |screen| {
            lines(&one, &standing, "+00:00", screen)
        });
    }
}
