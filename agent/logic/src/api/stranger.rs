//! Decides whether a reply is central's at all, or that of a portal, a proxy or a wrong URL.
//! Never reads more of it than its status and its first byte.
//! Called by `sync`: what a stranger answers is no entity's fault.

use super::Reply;

/// Somebody else answered in central's place: what was asked is not at fault, and asking for less brings the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stranger {
    /// A web page with a success, or the demand of the network to log in (RFC 6585 6): a portal, a proxy, a wrong URL.
    Page,
    /// This path leads elsewhere.
    Redirect,
}

/// Whether a reply is somebody else's, by its status and its first byte.
pub fn stranger(reply: &Reply) -> Option<Stranger> {
    match reply.status {
        200 | 206 if reply.body.trim_ascii_start().first() == Some(&b'<') => Some(Stranger::Page),
        511 => Some(Stranger::Page),
        300..=399 => Some(Stranger::Redirect),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_is_known_by_status_and_first_byte() {
        let table = [
            (200, " \n<!DOCTYPE html>", Some(Stranger::Page)),
            (206, "<html>", Some(Stranger::Page)),
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
}
