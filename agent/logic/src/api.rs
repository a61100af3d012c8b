//! The calls a box makes to central and what their answers mean (protocol 0 to 10).
//! Never sends anything: a `Call` is a value, a `Reply` is what came back for it.
//! Called by `sync`, `spool` and `package` (build and read), and by `uplink` (send).

pub mod ack;
pub mod answer;
pub mod call;
mod notice;
mod public_key;
mod sent;
pub mod stranger;

pub use answer::{ChecksumPage, Classes, Details, Handshake, Odd};
pub use call::{Call, CallBody, Method, PackageRange};
pub use public_key::KeyAnswer;
pub use sent::{surely_unsent, without_token};

use crate::fault::Fault;

/// What came back for a `Call`: RFC 9110 status, header fields and the whole body (bounded by the sender).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// Header fields in the order received, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The decoded content; at most the bound that the sender was given.
    pub body: Vec<u8>,
}

impl Reply {
    /// The first value of a header field, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }
}

/// The result of one call: an answer of any status, or a failure before there was one.
pub type Answered = Result<Reply, Fault>;
