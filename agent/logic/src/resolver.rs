//! Names to addresses as a stub resolver does it (RFC 1034 5.3.1): what to ask whom, and which answer counts.
//! Never sends and never reads a file: `uplink` executes the commands and hands in the texts of `/etc`.
//! Called by `uplink::names`.
//!
//! musl's own resolver, which the static file would use, gives up where one of the two questions (A, AAAA) is answered
//! badly, where an answer is truncated, and where a search domain fails (docs/decisions/004). The rules here, as a table:
//!
//! | Seen | Then |
//! |---|---|
//! | A has addresses, AAAA is answered in any way | done |
//! | A has addresses, AAAA is silent | done after `AAAA_DELAY` |
//! | AAAA has addresses, A is empty | done |
//! | AAAA has addresses, A fails or is silent | the next server is asked; done after `A_DELAY` |
//! | neither has addresses | the next server is asked for the same name, then the next name of the search list |
//! | nothing is heard for `STAGGER` | the next server is asked beside it, the old question stays open |
//! | truncated (TC) | the same server by TCP; what came truncated counts if that fails |
//! | every server has answered for every name, none with an address | `LookupFailure`, the most telling answer |

pub mod files;
pub mod lookup;
pub mod message;
pub mod service;

pub use files::{Config, NameServerAddress, hosts};
pub use lookup::{Lookup, LookupCommand, LookupEvent, Question};
pub use message::{DnsReply, RecordType};

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a name has no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LookupFailure {
    /// The text cannot be asked for: an empty or overlong label.
    NotAName,
    /// No name server can be reached.
    Unreachable,
    /// None answered in time.
    Silent,
    /// All that answered say that there is no such name (NXDOMAIN).
    NoName,
    /// The name exists and has neither an IPv4 nor an IPv6 address.
    NoAddress,
    /// The servers did not do it: the response code (RFC 1035 4.1.1).
    Refused(u8),
}

impl fmt::Display for LookupFailure {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Self::NotAName => "it is not a host name",
            Self::Unreachable => "no name server can be reached",
            Self::Silent => "no name server answered in time",
            Self::NoName => "the name server says that there is no such name",
            Self::NoAddress => "the name exists, but no address stands by it",
            Self::Refused(1) => "the name server answers FORMERR",
            Self::Refused(2) => "the name server answers SERVFAIL",
            Self::Refused(4) => "the name server answers NOTIMP",
            Self::Refused(5) => "the name server answers REFUSED",
            Self::Refused(code) => return write!(to, "the name server answers error {code}"),
        };
        to.write_str(word)
    }
}
