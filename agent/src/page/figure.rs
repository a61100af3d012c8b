//! Figures as people read them in either language: bytes, spans, moments, rates; and text that is safe in HTML.
//! Never reads a clock.
//! Called by `render` and `chart`.

use logic::outside;

use super::words::{Language, put};
use crate::clock::civil;

/// Text for an element or a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in outside::escaped(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A number with one digit behind the mark of the language.
pub(super) fn decimal(language: Language, value: f64) -> String {
    let text = format!("{value:.1}");
    match language {
        Language::English => text,
        Language::French => text.replace('.', ","),
    }
}

/// 25.0 MB, 25,0 Mo; powers of 1000.
pub(super) fn bytes(language: Language, bytes: u64) -> String {
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
    format!("{number}\u{a0}{}{letter}", units[unit])
}

/// 45 s, 12 min, 3 h 5 min, 2 days.
pub(super) fn span(language: Language, seconds: u64) -> String {
    let day = match language {
        Language::English => "d",
        Language::French => "j",
    };
    match seconds {
        0..120 => format!("{seconds}\u{a0}s"),
        120..7200 => format!("{}\u{a0}min", seconds / 60),
        7200..172_800 => format!("{}\u{a0}h {}\u{a0}min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}\u{a0}{day}", seconds / 86_400),
    }
}

/// How long ago that was.
pub(super) fn ago(language: Language, at: i64, now: i64) -> String {
    let words = language.words();
    match u64::try_from(now - at) {
        Ok(seconds) => put(words.ago, &[&span(language, seconds)]),
        Err(_) => words.ahead.to_owned(),
    }
}

/// Date and minute of a moment in Unix seconds, `offset` seconds ahead of UTC: 2026-11-24 06:48, 24/11/2026 06:48.
pub(super) fn moment(language: Language, at: i64, offset: i64) -> String {
    let second = (at + offset).rem_euclid(86_400);
    let (hour, minute) = (second / 3600, second % 3600 / 60);
    let zone = match offset {
        0 => "UTC".to_owned(),
        _ => {
            let sign = if offset < 0 { '-' } else { '+' };
            let minutes = offset.abs() / 60;
            format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60)
        }
    };
    format!(
        "{} {hour:02}:{minute:02} {zone}",
        date(language, at, offset)
    )
}

/// The date alone.
pub(super) fn date(language: Language, at: i64, offset: i64) -> String {
    let (year, month, day) = civil((at + offset).div_euclid(86_400));
    match language {
        Language::English => format!("{year:04}-{month:02}-{day:02}"),
        Language::French => format!("{day:02}/{month:02}/{year:04}"),
    }
}

/// Day and month.
pub(super) fn short(language: Language, at: i64, offset: i64) -> String {
    let (_, month, day) = civil((at + offset).div_euclid(86_400));
    match language {
        Language::English => format!("{month:02}-{day:02}"),
        Language::French => format!("{day:02}/{month:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{English, French};

    #[test]
    fn figures_are_of_their_language() {
        assert_eq!(bytes(English, 999), "999\u{a0}B");
        assert_eq!(bytes(English, 1_200_000_000), "1.2\u{a0}GB");
        assert_eq!(bytes(French, 1_200_000_000), "1,2\u{a0}Go");
        assert_eq!(span(English, 119), "119\u{a0}s");
        assert_eq!(span(French, 11_100), "3\u{a0}h 5\u{a0}min");
        assert_eq!(span(French, 200_000), "2\u{a0}j");
        assert_eq!(ago(French, 0, 720), "il y a 12\u{a0}min");
        assert_eq!(ago(English, 1, 0), "by a clock that was ahead of now");
        assert_eq!(moment(English, 1_795_500_000, 0), "2026-11-24 06:00 UTC");
        assert_eq!(
            moment(French, 1_795_500_000, 3600),
            "24/11/2026 07:00 UTC+01:00"
        );
        assert_eq!(moment(English, 951_782_400, 0), "2000-02-29 00:00 UTC");
        assert_eq!(
            moment(English, 1_795_500_000, -19_800),
            "2026-11-24 00:30 UTC-05:30"
        );
    }

    #[test]
    fn nothing_becomes_markup() {
        assert_eq!(
            escape(r#"<img src=x onerror='a("&")'>"#),
            "&lt;img src=x onerror=&#39;a(&quot;&amp;&quot;)&#39;&gt;"
        );
    }
}
