//! `stats`: the link over time, and what the coming night can carry.
//! Never speaks to central: only past synchronizations are read.
//! Called by `cli`.

use logic::fault::Fault;
use logic::health::Standing;
use logic::health::stats::{Day, Night, Spread, Stats, sparkline};
use logic::health::verdict::counted;
use serde_json::json;

use super::screen::{Screen, bytes, fold, pairs, time};
use crate::clock;
use crate::doctor::standing;
use crate::engine::Engine;

/// As many past synchronizations as are kept.
const MOST: usize = 500;

pub(super) fn act(engine: &Engine, screen: &Screen) -> Result<u8, Fault> {
    let reports = standing::reports(engine, MOST)?;
    let now = clock::now().wall;
    let offset = engine.settings().download.offset(now);
    let stats = Stats::of(&reports, now, offset.seconds());
    let standing = standing::take(engine);
    if screen.json {
        let stock = &standing.packages;
        screen.object(json!({
            "link": stats,
            "packages": { "bytes_left": stock.bytes_left, "unknown": stock.unknown },
        }));
        return Ok(0);
    }
    if stats.runs == 0 {
        screen.say("no synchronization yet");
        return Ok(0);
    }
    for line in lines(&stats, &standing, &offset.to_string(), screen.width) {
        screen.line(&line);
    }
    Ok(0)
}

fn lines(stats: &Stats, standing: &Standing, offset: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some((first, last)) = stats.between {
        let (first, last) = (date(first + stats.offset), date(last + stats.offset));
        let days = match first == last {
            true => first,
            false => format!("{first} to {last}"),
        };
        let runs = counted(stats.runs, "synchronization", "synchronizations");
        lines.push(format!("The link over {runs}, {days}"));
        lines.push(String::new());
    }
    let mut rows = Vec::new();
    let mut row = |name: &str, text: String| rows.push((name.to_owned(), text));
    row("download", spread(stats.download.as_ref()));
    row("upload", spread(stats.upload.as_ref()));
    row(
        "failed",
        format!(
            "{}{}; {}",
            share(stats.failed, stats.runs, "runs"),
            match stats.offline {
                0 => String::new(),
                offline => format!(", {offline} of them offline"),
            },
            share(
                stats.packages.0,
                stats.packages.0 + stats.packages.1,
                "packages"
            )
        ),
    );
    row(
        "by hour",
        format!("00 {} 23", sparkline(stats.hours.iter().copied())),
    );
    row("by day", days(stats));
    lines.extend(pairs(&rows, width));
    let legend = format!("local time is UTC{offset}; a dot: nothing was measured");
    lines.extend(fold(&legend, width));
    if let Some(night) = &stats.night {
        lines.push(String::new());
        for line in nights(night, standing, stats.offset) {
            lines.extend(fold(&line, width));
        }
    }
    lines
}

fn spread(spread: Option<&Spread>) -> String {
    match spread {
        None => "not measured yet".into(),
        Some(spread) => format!(
            "{:.1} Mbit/s in the middle; a tenth below {:.1}, a tenth above {:.1}",
            spread.p50, spread.p10, spread.p90
        ),
    }
}

fn share(part: u64, whole: u64, what: &str) -> String {
    match part {
        0 => format!("0 of {whole} {what}"),
        _ => format!("{part} of {whole} {what} ({} %)", part * 100 / whole),
    }
}

fn days(stats: &Stats) -> String {
    let date_of = |day: Option<&Day>| {
        let text = day.map_or_else(String::new, |day| date(day.noon + stats.offset));
        // Month and day are enough within two weeks.
        text.get(5..).unwrap_or_default().to_owned()
    };
    format!(
        "{} {} {}",
        date_of(stats.days.first()),
        sparkline(stats.days.iter().map(|day| day.rate)),
        date_of(stats.days.last())
    )
}

fn nights(night: &Night, standing: &Standing, offset: i64) -> Vec<String> {
    let clock = |wall: i64| time(wall).get(11..16).unwrap_or_default().to_owned();
    let slow = match night.at_least < night.bytes {
        true => format!(", {} when slow", bytes(night.at_least)),
        false => String::new(),
    };
    let mut lines = vec![format!(
        "The coming night, {} to {}, carries {}{slow}.",
        clock(night.begins + offset),
        clock(night.begins + night.seconds + offset),
        bytes(night.bytes),
    )];
    let left = standing.packages.bytes_left;
    // Nobody knows the size of a package that has not begun.
    let unknown = match standing.packages.unknown {
        0 => None,
        1 => Some("1 package of unknown size".to_owned()),
        many => Some(format!("{many} packages of unknown size")),
    };
    match (left, unknown) {
        (0, None) => {}
        (0, Some(unknown)) => lines.push(format!("Still to come: {unknown}.")),
        (left, Some(unknown)) => {
            lines.push(format!("Still to come: {} and {unknown}.", bytes(left)));
        }
        (left, None) => {
            let fits = if left <= night.at_least {
                "fits"
            } else if left <= night.bytes {
                "fits if the night is not slow"
            } else {
                "does not fit into one night"
            };
            lines.push(format!("Still to come: {}: that {fits}.", bytes(left)));
        }
    }
    lines
}

/// The date of a moment that is local already.
fn date(local: i64) -> String {
    time(local).get(..10).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::held;
    use logic::fault::Code;
    use logic::report::Report;
    use logic::words::Params;

    /// 2026-11-24 00:00 UTC.
    const MIDNIGHT: i64 = 1_795_478_400;

    fn report(started_at: i64, rate: f64) -> Report {
        let params = Params {
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
        let mut standing = Standing::default();
        standing.packages.bytes_left = 20_000_000_000;
        held("stats", &lines(&stats, &standing, "+01:00", 80), 80);
        held("stats-60", &lines(&stats, &standing, "+01:00", 60), 60);
        standing.packages.unknown = 2;
        let one = Stats::of(&reports[..1], MIDNIGHT + 3600, 0);
        held("stats-one", &lines(&one, &standing, "+00:00", 80), 80);
    }
}
