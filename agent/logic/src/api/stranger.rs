//! Decides whether a reply is central's at all, or that of a portal, a proxy or a wrong URL.
//! Never looks at what was asked: only at status and body.
//! Called by `sync`: what a stranger answers is no entity's fault.

use super::notice::{Notice, notice};
use super::{Answered, Reply, surely_unsent};
use crate::fault::Code;

/// Somebody else answered in central's place: what was asked is not at fault, and asking for less brings the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stranger {
    /// A web page with a success or where credentials are refused, or the demand of the network to log in (RFC 6585 6): a
    /// portal, a proxy, a wrong URL.
    Page,
    /// This path leads elsewhere.
    Redirect,
    /// Central's PHP, which writes its messages into the answers: very likely into all of this kind.
    Php,
}

/// Whether a reply is somebody else's.
pub fn stranger(reply: &Reply) -> Option<Stranger> {
    match reply.status {
        200..=299 => match reply.body.trim_ascii_start().first() {
            // JSON is the rule, and may be long.
            Some(b'{' | b'[') | None => None,
            Some(_) => match notice(&reply.body)? {
                Notice::Php(_) => Some(Stranger::Php),
                Notice::Page | Notice::Maintenance => Some(Stranger::Page),
            },
        },
        // Central refuses in JSON (protocol 0.2).
        401 | 403 => (notice(&reply.body) == Some(Notice::Page)).then_some(Stranger::Page),
        511 => Some(Stranger::Page),
        300..=399 => Some(Stranger::Redirect),
        _ => None,
    }
}

/// The same of a call, which a stranger may have left without a token, too.
pub fn answered_by(answered: &Answered) -> Option<Stranger> {
    match answered {
        Ok(reply) => stranger(reply),
        Err(trouble) if !surely_unsent(trouble) => None,
        Err(trouble) => match trouble.code {
            Code::CentralForeign => Some(Stranger::Page),
            Code::CentralPhp => Some(Stranger::Php),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::without_token;
    use super::*;
    use crate::fault::Fault;

    #[test]
    fn a_stranger_is_known_by_status_and_body() {
        let table = [
            (200, " \n<!DOCTYPE html>", Some(Stranger::Page)),
            (206, "<html>", Some(Stranger::Page)),
            (203, "<html>", Some(Stranger::Page)),
            (
                200,
                "<br />\n<b>Notice</b>:  x in <b>/a</b> on line <b>1</b>{}",
                Some(Stranger::Php),
            ),
            (401, "<html>log in", Some(Stranger::Page)),
            (403, "<html>blocked", Some(Stranger::Page)),
            (401, r#"{"success":false,"errorCode":"401"}"#, None),
            (401, "", None),
            (511, "log in", Some(Stranger::Page)),
            (302, "", Some(Stranger::Redirect)),
            (307, "<html>", Some(Stranger::Redirect)),
            (200, r#"{"a":"<html>"}"#, None),
            (200, "", None),
            (500, "", None),
            (503, "<html>busy", None),
        ];
        for (status, body, expected) in table {
            let reply = Reply {
                status,
                body: body.into(),
                ..Reply::default()
            };
            assert_eq!(stranger(&reply), expected, "{status} {body}");
        }
    }

    #[test]
    fn whoever_gives_a_page_for_a_token_is_a_stranger_to_the_call_too() {
        let failed = |code| Fault::new(code, "");
        let table = [
            (
                without_token(failed(Code::CentralForeign)),
                Some(Stranger::Page),
            ),
            (without_token(failed(Code::CentralPhp)), Some(Stranger::Php)),
            (without_token(failed(Code::CentralNotFound)), None),
            (failed(Code::CentralToken), None),
            // Of the call's own answer: not HTTP, or cut.
            (failed(Code::CentralForeign), None),
            (failed(Code::NetReset), None),
        ];
        for (trouble, expected) in table {
            assert_eq!(answered_by(&Err(trouble.clone())), expected, "{trouble:?}");
        }
    }
}
