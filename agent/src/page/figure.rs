//! Text that is safe in HTML, and how long ago something was.
//! Never reads a clock; what figures look like is decided by `logic::language::figure`.
//! Called by `render` and `chart`.

use logic::language::Language;
use logic::outside;

pub(super) use logic::language::figure::{bytes, date, decimal, moment, month_day, span, spans};

use super::words::{put, words};

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

/// How long ago that was.
pub(super) fn ago(language: Language, at: i64, now: i64) -> String {
    let words = words(language);
    match u64::try_from(now - at) {
        Ok(seconds) => put(words.ago, &[&span(language, seconds)]),
        Err(_) => words.ahead.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{English, French};

    #[test]
    fn what_was_before_now_and_what_was_not_is_told() {
        assert_eq!(ago(French, 0, 720), "il y a 12\u{a0}min");
        assert_eq!(ago(English, 1, 0), "by a clock that was ahead of now");
    }

    #[test]
    fn nothing_becomes_markup() {
        assert_eq!(
            escape(r#"<img src=x onerror='a("&")'>"#),
            "&lt;img src=x onerror=&#39;a(&quot;&amp;&quot;)&#39;&gt;"
        );
    }
}
