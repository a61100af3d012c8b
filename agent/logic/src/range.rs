//! Header fields that decide what bytes mean: `Content-Range` (RFC 9110 14.4), `Content-Length` (8.6), codings (8.4), `ETag`
//! (8.8.3) and `Retry-After` (10.2.3). Never believes more than was parsed: what is not exactly a range is none.
//! Called by `api`, `package` and `uplink`.

#![deny(clippy::arithmetic_side_effects)]

use std::time::{Duration, UNIX_EPOCH};

/// The largest package that is believed, in bytes (1 PiB): no box holds it, and what is computed from sizes up to here
/// stays far from the end of the numbers.
pub const SIZE_LIMIT: u64 = 1 << 50;

/// A parsed `Content-Range: bytes first-last/total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentRange {
    /// Offset of the first byte.
    pub first: u64,
    /// Offset of the last byte, inclusive.
    pub last: u64,
    /// Size of the whole.
    pub total: u64,
}

impl ContentRange {
    /// Reads the field value; `None` for everything that is not a satisfied range of a known whole. After the unit old
    /// servers write `:` or `=` instead of the blank, as curl knows.
    pub fn parse(value: &str) -> Option<Self> {
        let (span, total) = bytes(value)?.split_once('/')?;
        let (first, last) = span.split_once('-')?;
        let range = Self {
            first: digits(first.trim())?,
            last: digits(last.trim())?,
            total: digits(total.trim())?,
        };
        let sound =
            range.first <= range.last && range.last < range.total && range.total <= SIZE_LIMIT;
        sound.then_some(range)
    }

    /// The size of the whole that comes with the refusal of a range: `bytes */total` (RFC 9110 15.5.17).
    pub fn unsatisfied(value: &str) -> Option<u64> {
        let total = bytes(value)?.strip_prefix('*')?.trim_start();
        digits(total.strip_prefix('/')?.trim()).filter(|total| *total <= SIZE_LIMIT)
    }

    /// Bytes that it announces; at least 1.
    #[expect(
        clippy::len_without_is_empty,
        reason = "a satisfied range is never empty"
    )]
    pub fn len(&self) -> u64 {
        self.last.abs_diff(self.first).saturating_add(1)
    }
}

/// What follows the unit `bytes` of a `Content-Range`.
fn bytes(value: &str) -> Option<&str> {
    let (unit, rest) = value.trim().split_at_checked("bytes".len())?;
    let parted = rest.starts_with([' ', '\t', ':', '=']);
    let rest = rest.trim_start_matches([' ', '\t', ':', '=']);
    (parted && unit.eq_ignore_ascii_case("bytes")).then_some(rest)
}

/// The value of a `Content-Length` field (RFC 9110 8.6), of a content that a box can hold; the same one twice is one.
pub fn content_length(value: &str) -> Option<u64> {
    let mut lengths = value.split(',').map(|length| digits(length.trim()));
    let length = lengths.next()??;
    (length <= SIZE_LIMIT && lengths.all(|again| again == Some(length))).then_some(length)
}

/// How the content of an answer is coded (RFC 9110 8.4, RFC 9112 6.1), chunks left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coding {
    /// As it is.
    Plain,
    /// Once as gzip.
    Gzip,
    /// In another way: what it says.
    Other(String),
}

/// The coding that header fields (names in lower case) tell: the fields may come more than once, each with a list, in any
/// case (RFC 9110 8.4.1). A transfer coding beside `chunked` is one more: nobody here looks at the content as it was sent.
pub fn coding(fields: &[(String, String)]) -> Coding {
    let of = |wanted: &'static str| {
        let values = fields.iter().filter(move |(name, _)| name == wanted);
        let each = values.flat_map(|(_, value)| value.split(','));
        each.map(|coding| coding.trim().to_ascii_lowercase())
    };
    // "none" is written by some, and curl takes it.
    let none = |coding: &String| ["", "identity", "none"].contains(&coding.as_str());
    let transfer: Vec<String> = of("transfer-encoding")
        .filter(|coding| !none(coding) && coding != "chunked")
        .collect();
    let content: Vec<String> = of("content-encoding").filter(|c| !none(c)).collect();
    let all = [content, transfer].concat();
    match &all[..] {
        [] => Coding::Plain,
        [one] if one == "gzip" || one == "x-gzip" => Coding::Gzip,
        several => Coding::Other(several.join(", ")),
    }
}

/// The value of an `ETag` field if it is a strong one (RFC 9110 8.8.3): only such may be held against a part.
pub fn strong_tag(value: &str) -> Option<&str> {
    let value = value.trim();
    let inner = value.strip_prefix('"')?.strip_suffix('"')?;
    let fits = |byte: u8| byte == 0x21 || (0x23..=0x7e).contains(&byte) || byte >= 0x80;
    inner.bytes().all(fits).then_some(value)
}

/// Only digits: no sign, no blank, at most what fits.
fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// The longest wish that is honoured: a box must not sleep through an exam day because of a typing error.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(6 * 60 * 60);

/// Reads `Retry-After` in either form, seconds or a date, the latter against the answer's own `Date`: the clock of
/// the box is not asked. Bounded by `MAX_RETRY_AFTER`.
pub fn retry_after(value: &str, date: Option<&str>) -> Option<Duration> {
    let value = value.trim();
    if let Some(seconds) = digits(value) {
        return Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let sent = httpdate::parse_http_date(date?).ok()?;
    Some(
        until
            .duration_since(sent)
            .unwrap_or_default()
            .min(MAX_RETRY_AFTER),
    )
}

/// Unix seconds of an HTTP date (RFC 9110 5.6.7).
pub fn unix(date: &str) -> Option<i64> {
    let time = httpdate::parse_http_date(date).ok()?;
    Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_a_sound_range_is_one() {
        let range = ContentRange {
            first: 1000,
            last: 1999,
            total: 1_639_949,
        };
        assert_eq!(ContentRange::parse("bytes 1000-1999/1639949"), Some(range));
        assert_eq!(range.len(), 1000);
        for odd in [
            "Bytes  1000-1999/1639949 ",
            "bytes: 1000-1999/1639949",
            "bytes=1000 - 1999 / 1639949",
        ] {
            assert_eq!(ContentRange::parse(odd), Some(range), "{odd}");
        }
        for odd in [
            "",
            "bytes",
            "bytes */5",
            "bytes 0-4/*",
            "bytes 4-0/5",
            "bytes 0-5/5",
            "bytes +0-4/5",
            "bytes 0-4/5/6",
            "items 0-4/5",
            "0-4/5",
            "bytes0-4/5",
            "octets=0-4/5",
            "bytes 0-99999999999999999999/999999999999999999999",
            // Sealed it would have more bytes than a number holds.
            "bytes 18438866140179029480-18438866140179029543/18438866140179029544",
            "bytes 0-63/1125899906842625",
        ] {
            assert_eq!(ContentRange::parse(odd), None, "{odd}");
        }
        assert!(ContentRange::parse("bytes 0-63/1125899906842624").is_some());
    }

    #[test]
    fn a_length_is_digits_and_within_bounds() {
        assert_eq!(content_length(" 1639949 "), Some(1_639_949));
        assert_eq!(content_length("0"), Some(0));
        assert_eq!(content_length("5, 5"), Some(5));
        for odd in [
            "",
            "+5",
            "-5",
            "5, 6",
            "5,",
            "0x5",
            "1125899906842625",
            "18438866140179029544",
        ] {
            assert_eq!(content_length(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_refused_range_may_tell_the_size() {
        for (value, size) in [
            ("bytes */1639949", Some(1_639_949)),
            ("Bytes: * / 5", Some(5)),
            ("bytes */0", Some(0)),
            ("bytes */*", None),
            ("bytes 0-4/5", None),
            ("bytes */18438866140179029544", None),
            ("*/5", None),
        ] {
            assert_eq!(ContentRange::unsatisfied(value), size, "{value}");
        }
    }

    #[test]
    fn a_coding_is_read_in_any_case_and_any_number_of_fields() {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let content = |value: &str| vec![field("content-encoding", value)];
        let other = |what: &str| Coding::Other(what.to_owned());
        let both = [content("identity"), content("X-GZip")].concat();
        let twice = [content("gzip"), content("gzip")].concat();
        for (fields, expected) in [
            (vec![], Coding::Plain),
            (content(""), Coding::Plain),
            (content(" Identity "), Coding::Plain),
            (content("GZIP"), Coding::Gzip),
            (content("identity, gzip"), Coding::Gzip),
            (both, Coding::Gzip),
            (content("br"), other("br")),
            (twice, other("gzip, gzip")),
            (vec![field("transfer-encoding", "Chunked")], Coding::Plain),
            (
                vec![field("transfer-encoding", "gzip, chunked")],
                Coding::Gzip,
            ),
        ] {
            assert_eq!(coding(&fields), expected, "{fields:?}");
        }
    }

    #[test]
    fn a_wish_comes_in_two_forms_and_is_bounded() {
        let now = Some("Mon, 23 Nov 2026 15:09:43 GMT");
        assert_eq!(retry_after("120", None), Some(Duration::from_secs(120)));
        assert_eq!(
            retry_after("Mon, 23 Nov 2026 15:10:13 GMT", now),
            Some(Duration::from_secs(30))
        );
        assert_eq!(
            retry_after("Mon, 23 Nov 2026 15:00:00 GMT", now),
            Some(Duration::ZERO)
        );
        assert_eq!(retry_after("Mon, 23 Nov 2026 15:10:13 GMT", None), None);
        assert_eq!(retry_after("99999999", None), Some(MAX_RETRY_AFTER));
        assert_eq!(retry_after("soon", now), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC*", date in "\\PC*") {
            if let Some(range) = ContentRange::parse(&text) {
                prop_assert!(range.last < range.total);
            }
            retry_after(&text, Some(&date));
        }
    }

    #[test]
    fn only_a_strong_tag_is_held_against_a_part() {
        for tag in ["\"\"", "\"5f-1a2b\"", " \"xy\u{e4}z\" "] {
            assert_eq!(strong_tag(tag), Some(tag.trim()));
        }
        for tag in [
            "",
            "\"",
            "W/\"5f\"",
            "5f",
            "\"a\"b\"",
            "\"a b\"",
            "\"a\", \"b\"",
            "\"a\u{7f}\"",
        ] {
            assert_eq!(strong_tag(tag), None, "{tag}");
        }
    }
}
