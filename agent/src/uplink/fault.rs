//! Failures of the line as troubles: one stable code per meaning, in plain words, with the place that failed.
//! Never repeats a header, a body or a secret.
//! Called by every part of `uplink`.

use std::io;

use logic::fault::{Code, Fault};
use logic::words::Class;

use super::refusal;

/// A failure of the line that may pass by itself, of a kind that mostly somebody has to mend: a proxy that is
/// restarted, a handshake that was cut.
pub(super) fn passing(code: Code, reason: impl Into<String>) -> Fault {
    Fault::new(code, reason).classed(Class::Retry)
}

/// The content of an answer exceeds what the caller reads.
pub(super) fn too_large(name: &str, limit: usize) -> Fault {
    Fault::new(
        Code::CentralTooLarge,
        format!("central's answer to {name} is longer than {limit} bytes"),
    )
}

/// What a failed exchange means that ended without an answer's head; `answered`: bytes had come, `http`: the first of
/// them were those of a status line.
pub(super) fn headless(error: &hyper::Error, place: &str, answered: bool, http: bool) -> Fault {
    if is_demand(error) {
        return Fault::new(Code::NetTlsClient, refusal::demands_certificate(place));
    }
    if error.is_parse_too_large() {
        return Fault::new(
            Code::CentralTooLarge,
            format!(
                "the header of {place}'s answer is longer than {} KiB or has more than {} fields",
                super::HEADER_LIMIT >> 10,
                super::HEADER_FIELDS
            ),
        );
    }
    if error.is_parse() {
        let what = match http {
            true => "with a header that is not sound HTTP",
            false => "something that is not HTTP",
        };
        return Fault::new(Code::CentralForeign, format!("{place} answered {what}"));
    }
    if answered {
        return Fault::new(
            Code::NetCut,
            format!("the connection to {place} was cut in the head of the answer"),
        );
    }
    Fault::new(
        Code::NetReset,
        format!("{place} {} without an answer", ending(error)),
    )
}

/// What a failure within the content of an answer means. Broken framing is not the line's fault: TCP or TLS carried it.
pub(super) fn cut(error: &hyper::Error, place: &str, bytes: u64) -> Fault {
    if io_kind(error) == Some(io::ErrorKind::InvalidInput) {
        return Fault::new(
            Code::CentralForeign,
            format!("{place} broke the framing of its answer after {bytes} bytes"),
        );
    }
    Fault::new(
        Code::NetCut,
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

fn io_kind(error: &hyper::Error) -> Option<io::ErrorKind> {
    io_of(error).map(io::Error::kind)
}

/// Whether the other side ended the connection for want of a certificate of the box.
pub(super) fn is_demand(error: &hyper::Error) -> bool {
    io_of(error).is_some_and(refusal::is_demand)
}

/// The I/O error within.
fn io_of(error: &hyper::Error) -> Option<&io::Error> {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return Some(io);
        }
        source = inner.source();
    }
    None
}
