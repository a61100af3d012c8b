//! Failures of the line as troubles: one stable code per meaning, in plain words, with the place that failed.
//! Never repeats a header, a body or a secret.
//! Called by every part of `uplink`.

use std::io;

use logic::fault::{Cause, Code, ConnectionEnd, Fault, NetCause, TlsCause};
use logic::words::FaultClass;

use super::refusal;

/// A failure of the line that may pass by itself, of a kind that mostly somebody has to mend: a proxy that is
/// restarted, a handshake that was cut.
pub(super) fn passing(code: Code, cause: impl Into<Cause>) -> Fault {
    Fault::new(code, cause).classed(FaultClass::Retry)
}

/// The content of an answer exceeds what the caller reads.
pub(super) fn too_large(name: &str, limit: usize) -> Fault {
    Fault::new(
        Code::CentralTooLarge,
        NetCause::TooLarge {
            request: name.into(),
            limit,
        },
    )
}

/// What a failed exchange means that ended without an answer's head; `answered`: bytes had come, `http`: the first of
/// them were those of a status line.
pub(super) fn headless(error: &hyper::Error, place: &str, answered: bool, http: bool) -> Fault {
    if is_demand(error) {
        let host = place.to_owned();
        return Fault::new(Code::NetTlsClient, TlsCause::ClientCertificate { host });
    }
    if error.is_parse_too_large() {
        return Fault::new(
            Code::CentralTooLarge,
            NetCause::HeadTooLarge {
                place: place.into(),
                kibibytes: super::HEADER_LIMIT >> 10,
                fields: super::HEADER_FIELDS,
            },
        );
    }
    if error.is_parse() {
        let place = place.to_owned();
        let cause = match http {
            true => NetCause::HeadUnsound { place },
            false => NetCause::NotHttp { place },
        };
        return Fault::new(Code::CentralForeign, cause);
    }
    if answered {
        return Fault::new(
            Code::NetCut,
            NetCause::CutInHead {
                place: place.into(),
            },
        );
    }
    Fault::new(
        Code::NetReset,
        NetCause::NoAnswer {
            place: place.into(),
            ending: ending(error),
        },
    )
}

/// What a failure within the content of an answer means. Broken framing is not the line's fault: TCP or TLS carried it.
pub(super) fn cut(error: &hyper::Error, place: &str, bytes: u64) -> Fault {
    if io_kind(error) == Some(io::ErrorKind::InvalidInput) {
        return Fault::new(
            Code::CentralForeign,
            NetCause::BrokenFraming {
                place: place.into(),
                bytes,
            },
        );
    }
    Fault::new(
        Code::NetCut,
        NetCause::Cut {
            place: place.into(),
            ending: ending(error),
            bytes,
        },
    )
}

fn ending(error: &hyper::Error) -> ConnectionEnd {
    match io_kind(error) {
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted) => {
            ConnectionEnd::Reset
        }
        Some(io::ErrorKind::TimedOut) => ConnectionEnd::Silent,
        _ => ConnectionEnd::Closed,
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
