//! Reads what stands in the place of data, or beside it: TAO's maintenance, words of PHP, a page of somebody else (protocol
//! 0.2). Never repeats a word of it: it comes from outside, and PHP names files and persons.
//! Called by `answer` and `stranger`.

/// What a body is that is not the JSON that was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    /// TAO says that it is under maintenance: a page, or JSON with status 500.
    Maintenance,
    /// PHP of central writes its messages into the answer (`display_errors`): the kind of the message.
    Php(&'static str),
    /// A page for people.
    Page,
}

/// The kinds of PHP's messages as it writes them (php.net, "Predefined Constants" of errors).
const KINDS: [&str; 7] = [
    "Warning",
    "Notice",
    "Deprecated",
    "Fatal error",
    "Parse error",
    "Recoverable fatal error",
    "Strict Standards",
];
/// So much of the beginning and of the end is looked at.
const LOOK: usize = 4096;

/// What the body is; `None` for everything else, JSON above all.
pub(super) fn notice(body: &[u8]) -> Option<Notice> {
    let head = String::from_utf8_lossy(&body[..body.len().min(LOOK)]);
    let text = head.trim_start_matches('\u{feff}').trim_start();
    if is_maintenance(text) {
        return Some(Notice::Maintenance);
    }
    let tail = String::from_utf8_lossy(&body[body.len().saturating_sub(LOOK)..]);
    if let Some(kind) = php(text).or_else(|| php_after(&tail)) {
        return Some(Notice::Php(kind));
    }
    text.starts_with('<').then_some(Notice::Page)
}

/// The title of TAO's page, or the exception that it gives instead to what calls itself a script.
fn is_maintenance(text: &str) -> bool {
    match text.as_bytes().first() {
        Some(b'<') => text.contains("Under Maintenance"),
        Some(b'{') => {
            text.len() < LOOK
                && text.contains("\"success\":false")
                && text.contains("common_exception_SystemUnderMaintenance")
        }
        _ => false,
    }
}

/// A message at the beginning: `<br />` and `<b>Warning</b>:`, or `Warning: … on line 7` where `html_errors` is off.
fn php(text: &str) -> Option<&'static str> {
    let mut rest = text;
    for tag in ["<br />", "<br/>", "<br>"] {
        rest = rest.strip_prefix(tag).unwrap_or(rest).trim_start();
    }
    if rest.starts_with("<font size='1'><table class='xdebug-error") {
        return Some("Xdebug");
    }
    let rest = rest.strip_prefix("PHP ").unwrap_or(rest);
    let marked = rest.strip_prefix("<b>");
    let said = marked.unwrap_or(rest);
    KINDS.into_iter().find(|kind| {
        let after = said.strip_prefix(kind);
        let after = match marked {
            Some(_) => after.and_then(|rest| rest.strip_prefix("</b>")),
            None => after.filter(|rest| rest.contains(" on line ")),
        };
        after.is_some_and(|rest| rest.starts_with(':'))
    })
}

/// A message behind the data.
fn php_after(tail: &str) -> Option<&'static str> {
    let json = tail.rfind(['}', ']'])?;
    let after = &tail[json + 1..];
    (!after.trim().is_empty()).then(|| php(after.trim_start()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_place_of_data_is_known() {
        use Notice::{Maintenance, Page, Php};
        let script = r#"{"success":false,"type":"Exception","message":"TAO is under maintenance","data":{"ExceptionType":"common_exception_SystemUnderMaintenance"}}"#;
        let page = "<!doctype html>\n<title>Currently Under Maintenance</title>";
        let html = "<br />\n<b>Warning</b>:  Undefined array key \"x\" in <b>/var/www/a.php</b> on line <b>12</b><br />\n{\"entities\":[]}";
        let plain = "\nNotice: Undefined index: x in /var/www/a.php on line 12\n{\"entities\":[]}";
        let behind =
            "{\"entities\":[]}<br />\n<b>Deprecated</b>:  x in <b>/a</b> on line <b>1</b><br />";
        let xdebug = "<br />\n<font size='1'><table class='xdebug-error xe-warning' dir='ltr'>";
        let table = [
            (page, Some(Maintenance)),
            (script, Some(Maintenance)),
            (html, Some(Php("Warning"))),
            (plain, Some(Php("Notice"))),
            (behind, Some(Php("Deprecated"))),
            (xdebug, Some(Php("Xdebug"))),
            (
                "PHP Fatal error:  x in /a on line 1",
                Some(Php("Fatal error")),
            ),
            (" <html><b>Warning</b>: you are offline", Some(Page)),
            ("\u{feff}<html>", Some(Page)),
            ("Warning: guests must log in", None),
            (
                "{\"success\":false,\"errorMsg\":\"TAO is under maintenance\"}",
                None,
            ),
            ("{\"a\":\"<b>Warning</b>: x on line 1\"}", None),
            ("[]", None),
            ("", None),
        ];
        for (body, expected) in table {
            assert_eq!(notice(body.as_bytes()), expected, "{body}");
        }
    }
}
