//! What people and machines read: data on stdout, words on stderr, colour and bars only on a terminal.
//! Never prints a person's name unless a verb was asked for entities.
//! Called by every verb.

use std::io::{IsTerminal, Write};

use logic::words::Trouble;
use serde_json::{Value as Json, json};

/// How this process writes.
pub(super) struct Screen {
    /// Machines read stdout.
    pub(super) json: bool,
    /// People watch stderr.
    pub(super) live: bool,
    pub(super) colour: bool,
}

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Good,
    Doubt,
    Bad,
}

impl Screen {
    pub(super) fn new(json: bool) -> Self {
        let live = std::io::stderr().is_terminal();
        let colour = std::io::stdout().is_terminal()
            && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        Self { json, live, colour }
    }

    /// Neither colour nor bars, as in a file.
    #[cfg(test)]
    pub(super) fn plain() -> Self {
        Self {
            json: false,
            live: false,
            colour: false,
        }
    }

    /// A line of data for people; broken pipes end the program quietly elsewhere.
    pub(super) fn line(&self, text: &str) {
        let _ = writeln!(std::io::stdout(), "{text}");
    }

    /// An object for machines; `schema` is added.
    pub(super) fn object(&self, mut object: Json) {
        if let Some(map) = object.as_object_mut() {
            map.entry("schema").or_insert(json!(1));
        }
        let _ = writeln!(std::io::stdout(), "{object}");
    }

    /// Words beside the data.
    pub(super) fn say(&self, text: &str) {
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// What went wrong, for people; for machines an object too.
    pub(super) fn trouble(&self, trouble: &Trouble) {
        self.say(&format!("boxsync: {} [{}]", trouble.reason, trouble.code));
        if self.json {
            self.object(json!({ "outcome": trouble.outcome.word(), "code": trouble.code, "reason": trouble.reason }));
        }
    }

    /// Text in the colour of its mood, on a terminal.
    pub(super) fn paint(&self, mood: Mood, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match mood {
            Mood::Good => 32,
            Mood::Doubt => 33,
            Mood::Bad => 31,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Rows in columns as wide as their widest cell, figures to the right; a line is cut to fit 80.
pub(super) fn table(rows: &[Vec<String>]) -> Vec<String> {
    const WIDTH: usize = 80;
    // The last column is never padded: its long cells would push the others away.
    let width = |column: usize| {
        let cells = rows
            .iter()
            .filter(|row| row.len() > column + 1 || is_figure(&row[row.len() - 1]));
        cells
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row
            .iter()
            .enumerate()
            .map(|(column, cell)| {
                let pad = " ".repeat(width(column).saturating_sub(cell.chars().count()));
                if column > 0 && is_figure(cell) {
                    pad + cell
                } else {
                    cell.clone() + &pad
                }
            })
            .collect();
        cut(cells.join("  ").trim_end(), WIDTH)
    };
    rows.iter().map(line).collect()
}

/// Whether a cell is a number, perhaps with a unit.
fn is_figure(cell: &str) -> bool {
    let (number, unit) = cell.split_once(' ').unwrap_or((cell, ""));
    let digits = number.chars().all(|c| c.is_ascii_digit() || c == '.');
    digits && !number.is_empty() && ["", "B", "kB", "MB", "GB", "TB", "s", "min"].contains(&unit)
}

/// Names and what is said of each, in two columns; the second is cut to fit 80.
pub(super) fn pairs(rows: &[(String, String)]) -> Vec<String> {
    let widths = rows.iter().map(|(name, _)| name.chars().count());
    let width = widths.max().unwrap_or(0);
    rows.iter()
        .map(|(name, text)| cut(format!("{name:width$}  {text}").trim_end(), 80))
        .collect()
}

/// Text in lines of at most `width` characters, broken at blanks; a longer word has a line of its own.
pub(super) fn fold(text: &str, width: usize) -> impl Iterator<Item = String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let taken = line.chars().count();
        if taken > 0 && taken + 1 + word.chars().count() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines.into_iter()
}

/// At most `width` characters, an ellipsis where something is missing.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// Bytes as people read them: 25.0 MB, powers of 1000.
pub(super) fn bytes(bytes: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 999.95 && unit < units.len() - 1 {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{bytes} B")
    } else {
        format!("{value:.1} {}", units[unit])
    }
}

/// A UTC time as people read it: 2026-11-24 15:30 UTC.
pub(super) fn time(wall: i64) -> String {
    let days = wall.div_euclid(86_400);
    let second = wall.rem_euclid(86_400);
    // Civil date of a day number, with years that begin in March.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 {
        month_index + 3
    } else {
        month_index - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02} UTC",
        second / 3600,
        second % 3600 / 60
    )
}

/// A span as people read it: 12 s, 3 min, 2 h 5 min, 4 d 3 h.
pub(super) fn span(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!(
            [
                bytes(0),
                bytes(999),
                bytes(1000),
                bytes(999_960),
                bytes(25_000_000)
            ],
            ["0 B", "999 B", "1.0 kB", "1.0 MB", "25.0 MB"]
        );
        assert_eq!(time(0), "1970-01-01 00:00 UTC");
        assert_eq!(time(1_795_445_872), "2026-11-23 14:57 UTC");
        assert_eq!(time(951_782_400), "2000-02-29 00:00 UTC");
        assert_eq!(
            [span(5), span(150), span(7500), span(200_000)],
            ["5 s", "2 min", "2 h 5 min", "2 d 7 h"]
        );
    }

    #[test]
    fn a_table_fits_eighty_columns_and_aligns_numbers() {
        let rows = vec![
            vec!["test-taker".into(), "300".into()],
            vec!["delivery".into(), "7".into()],
            vec!["x".repeat(100)],
            vec!["proctor".into(), "3 new".into()],
        ];
        let lines = table(&rows);
        assert!(lines.iter().all(|line| line.chars().count() <= 80));
        assert!(lines[0].ends_with("  300") && lines[1].ends_with("    7"));
        assert_eq!(lines[3], "proctor     3 new");
    }
}
