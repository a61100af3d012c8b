//! Failures of the line as troubles: one stable code per meaning, in plain words, with the place that failed.
//! Never repeats a header, a body or a secret.
//! Called by every part of `uplink`.

use std::io;

use logic::words::{Class, Outcome, Trouble};

/// A failure of the line that may pass by itself.
pub(super) fn passing(code: &str, reason: impl Into<String>) -> Trouble {
    Trouble::new(code, Class::Retry, Outcome::Offline, reason)
}

/// A failure of the line that somebody has to mend.
pub(super) fn standing(code: &str, reason: impl Into<String>) -> Trouble {
    Trouble::new(code, Class::Operator, Outcome::Offline, reason)
}

/// An answer that can never be used as it is.
pub(super) fn unusable(code: &str, reason: impl Into<String>) -> Trouble {
    Trouble::new(code, Class::GiveUp, Outcome::Failed, reason)
}

/// Credentials or the right to use them are missing.
pub(super) fn unauthorized(code: &str, reason: impl Into<String>) -> Trouble {
    Trouble::new(code, Class::Operator, Outcome::Unauthorized, reason)
}

/// The configuration cannot be used.
pub(super) fn misconfigured(code: &str, reason: impl Into<String>) -> Trouble {
    Trouble::new(code, Class::Operator, Outcome::Failed, reason)
}

/// The content of an answer exceeds what the caller reads.
pub(super) fn too_large(name: &str, limit: usize) -> Trouble {
    unusable(
        "central.too_large",
        format!("central's answer to {name} is longer than {limit} bytes"),
    )
}

/// What a failed exchange means that ended without an answer's head; `answered`: bytes had come.
pub(super) fn headless(error: &hyper::Error, place: &str, answered: bool) -> Trouble {
    if error.is_parse_too_large() {
        return unusable(
            "central.too_large",
            format!(
                "the header of {place}'s answer is longer than {} KiB",
                super::HEADER_LIMIT >> 10
            ),
        );
    }
    if error.is_parse() {
        return unusable(
            "central.foreign",
            format!("{place} answered something that is not HTTP"),
        );
    }
    if answered {
        return passing(
            "net.cut",
            format!("the connection to {place} was cut in the head of the answer"),
        );
    }
    passing(
        "net.reset",
        format!("{place} {} without an answer", ending(error)),
    )
}

/// What a failure within the content of an answer means. Broken framing is not the line's fault: TCP or TLS carried it.
pub(super) fn cut(error: &hyper::Error, place: &str, bytes: u64) -> Trouble {
    if io_kind(error) == Some(io::ErrorKind::InvalidInput) {
        return unusable(
            "central.foreign",
            format!("{place} broke the framing of its answer after {bytes} bytes"),
        );
    }
    passing(
        "net.cut",
        format!("{place} {} after {bytes} bytes of content", ending(error)),
    )
}

fn ending(error: &hyper::Error) -> &'static str {
    match io_kind(error) {
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted) => {
            "reset the connection"
        }
        Some(io::ErrorKind::TimedOut) => "stopped acknowledging",
        _ => "closed the connection",
    }
}

/// The kind of the I/O error within.
fn io_kind(error: &hyper::Error) -> Option<io::ErrorKind> {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        source = inner.source();
    }
    None
}
