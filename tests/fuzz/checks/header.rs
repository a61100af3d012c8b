//! Header fields of central and of callers: `Content-Range`, `Retry-After`, dates, `Range`.
//! Never asks more than that what was understood can be said again, and lies within its bounds.
//! Called by the target of this name with what libFuzzer makes up, and by a test of `logic` with the corpus.

use std::time::{Duration, UNIX_EPOCH};

use logic::gateway::{accepts, login, span};
use logic::range::{ContentRange, MAX_RETRY_AFTER, retry_after, unix};

/// Holds what must be true of any input.
pub(crate) fn hold(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (value, date) = text.split_once('\n').unwrap_or((&text, ""));
    if let Some(range) = ContentRange::parse(value) {
        assert!(range.first <= range.last && range.last < range.total);
        assert_eq!(range.len(), range.last - range.first + 1);
        let again = format!("bytes {}-{}/{}", range.first, range.last, range.total);
        assert_eq!(ContentRange::parse(&again), Some(range));
    }
    for date in [None, Some(date)] {
        let wish = retry_after(value, date);
        assert!(wish.is_none_or(|wish| wish <= MAX_RETRY_AFTER));
        if let Some(seconds) = wish.filter(|_| date.is_none()) {
            let again = seconds.as_secs().to_string();
            assert_eq!(retry_after(&again, None), Some(seconds));
        }
    }
    if let Some(seconds) = unix(value) {
        let time = UNIX_EPOCH + Duration::from_secs(seconds.try_into().expect("after 1970"));
        assert_eq!(unix(&httpdate::fmt_http_date(time)), Some(seconds));
    }
    for size in [0, 1, 1000, u64::MAX] {
        for (first, last) in span::spans(value, size).unwrap_or_default() {
            assert!(first <= last && last < size);
        }
    }
    let _ = accepts(Some(value));
    match login::shown(Some(value)) {
        Some(login::ShownCredentials::Token(token)) => {
            assert!(!token.is_empty() && value.contains(&token))
        }
        Some(login::ShownCredentials::Login(login, _)) => assert!(!login.contains(':')),
        None => {}
    }
}
