//! Scripted faults: which request goes wrong, and how.
//! Never rolls dice: a rule fires on the n-th matching request and says so.
//! Called by `serve` before and after the handlers.

mod answer;

pub(crate) use answer::{Passage, distort, instead};

use serde::Deserialize;

use crate::package::Change;
use crate::route::Route;
use crate::wire::HttpRequest;

/// What goes wrong with one request.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// The connection is reset before the body is read; nothing is processed. A rule without a route
    /// refuses the connection before anything is read. A text that the rule names must be in the target.
    Refuse,
    /// The connection is reset after so many bytes of the request body; nothing is processed. A text that
    /// the rule names must be in the target.
    CutUpload {
        /// Bytes of the request body that are read.
        after: u64,
    },
    /// The request is read and never processed nor answered; the connection stays open.
    Silence,
    /// The answer stops after so many bytes of its body, for ever.
    Stall {
        /// Bytes of the body that are sent.
        after: u64,
    },
    /// The connection ends after so many bytes of the answer's body.
    Cut {
        /// Bytes of the body that are sent.
        after: u64,
        /// With a reset (bytes under way may be lost) instead of an orderly end.
        #[serde(default)]
        reset: bool,
    },
    /// One byte of the body is inverted.
    Corrupt {
        /// Offset in the body, or in the package.
        at: u64,
        /// Whether the offset counts from the start of the package; answers without that byte are whole.
        #[serde(default)]
        in_package: bool,
    },
    /// A request on a connection that carried one before: reset before the body is read; nothing is processed.
    DropKept,
    /// 401 as for an unknown token; nothing is processed.
    Unauthorized,
    /// PHP dies of the request without a word: 500 with an empty body (protocol 0.4, 7.2); nothing is processed.
    TypeError,
    /// The database is away: TAO's own 500 with `errorCode` 500, as recorded; nothing is processed.
    DatabaseDown,
    /// The database goes away after so many variables, groups of log rows or sessions of the request: `success` 0 for
    /// the entry under way and for all after it.
    StorageAway {
        /// What is still stored.
        after: u64,
    },
    /// A status of a proxy or a sick server; nothing is processed.
    Status {
        /// HTTP status.
        code: u16,
        /// Body, empty by default.
        #[serde(default)]
        body: String,
        /// `Retry-After`, seconds or a date.
        #[serde(default)]
        retry_after: Option<String>,
        /// `Location` of a redirection.
        #[serde(default)]
        location: Option<String>,
    },
    /// 200 and this JSON text, whatever was asked; nothing is processed.
    Json {
        /// The text.
        body: String,
    },
    /// An HTML page with status 200; nothing is processed.
    Page {
        /// The page.
        html: String,
    },
    /// TAO's maintenance page; nothing is processed.
    Maintenance,
    /// The answer is compressed, without `Content-Length` and `Accept-Ranges`.
    Gzip {
        /// Also when the request did not allow it, and 206 too; else as nginx does.
        #[serde(default)]
        always: bool,
    },
    /// An answer to a range has fewer bytes than asked for.
    ShortRange {
        /// Bytes that are sent.
        bytes: u64,
        /// Whether `Content-Range` tells the truth.
        #[serde(default)]
        honest: bool,
    },
    /// An answer to a range goes on for so many bytes beyond what `Content-Range` says.
    LongRange {
        /// Bytes beyond.
        bytes: u64,
    },
    /// The range is ignored: 200 and the whole file.
    IgnoreRange,
    /// The range is ignored, and the whole file comes without its length: chunked.
    Unsized,
    /// 416 to a range that counts from the end; others are served (RFC 9110 14.1.2).
    RefuseSuffix {
        /// Whether the refusal tells the size (RFC 9110 15.5.17).
        #[serde(default)]
        tells_size: bool,
    },
    /// An answer to a range does not say which part it is.
    Placeless,
    /// A server in front gives packages a tag of their content and of its own name, and heeds `If-Range` (RFC 9110
    /// 13.1.5): of a package with another tag, or a weak one, it gives the whole.
    Tag {
        /// Name of the server; what stands before the tag.
        server: String,
        /// Whether the tag is weak.
        #[serde(default)]
        weak: bool,
    },
    /// The answer to a range is another one.
    ShiftRange {
        /// Bytes by which it is shifted.
        by: i64,
        /// Whether the bytes are shifted as `Content-Range` says; else only the header is.
        #[serde(default)]
        honest: bool,
    },
    /// The answer is slow.
    Throttle {
        /// Bytes per second.
        rate: u64,
    },
    /// The first byte of the answer is late; the request is processed first.
    Latency {
        /// Milliseconds.
        ms: u64,
    },
    /// The connection is closed without notice once the answer has left.
    HangUp,
    /// A text in the body is replaced wherever it stands; `/` is escaped in JSON.
    Rewrite {
        /// What is replaced.
        find: String,
        /// By what.
        with: String,
    },
    /// The body ends early, well framed.
    Truncate {
        /// Bytes of the body that are kept.
        bytes: u64,
    },
    /// The body is valid JSON of so many bytes.
    Huge {
        /// Bytes of the body.
        bytes: u64,
    },
    /// The body is JSON nested so deep.
    Deep {
        /// Levels of arrays.
        depth: u64,
    },
    /// The body is JSON but for one byte that is no UTF-8.
    NotUtf8,
    /// The process dies before anything is processed: no answer.
    CrashBefore,
    /// The process dies after everything was stored: no answer.
    CrashAfter,
    /// The process dies when so many variables of the request were stored (results only): no answer.
    CrashInside {
        /// Variables of the request that are stored.
        variables: u64,
    },
    /// The package is replaced just before this request is answered.
    ChangePackage(Change),
    /// An answer to a range says that it is the end of a whole of so many bytes.
    RangeTotal {
        /// Bytes of the whole.
        total: u64,
    },
    /// A cache on the way that ignores the query gives this delivery's package, unless the request says that no cache
    /// may answer.
    Cached {
        /// URI of the delivery whose package the cache has.
        delivery: String,
    },
}

/// Which requests a fault befalls.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Only this route.
    pub route: Option<Route>,
    /// Only requests whose target (percent-encoded and decoded) or body contains this text.
    pub containing: Option<String>,
    /// The first matching request that is befallen, counted from 1 when the rule is added.
    pub nth: u64,
    /// How many requests are befallen, from the n-th on.
    pub times: u64,
    /// What befalls them.
    pub fault: Fault,
}

impl Rule {
    /// The next request of a route.
    #[must_use]
    pub fn on(route: Route, fault: Fault) -> Self {
        Self {
            route: Some(route),
            ..Self::any(fault)
        }
    }

    /// The next request of any route.
    #[must_use]
    pub fn any(fault: Fault) -> Self {
        Self {
            route: None,
            containing: None,
            nth: 1,
            times: 1,
            fault,
        }
    }

    /// Only requests that contain this text.
    #[must_use]
    pub fn containing(mut self, text: &str) -> Self {
        self.containing = Some(text.to_owned());
        self
    }

    /// From the n-th matching request on.
    #[must_use]
    pub fn nth(mut self, nth: u64) -> Self {
        self.nth = nth;
        self
    }

    /// So many times.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    /// For ever.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(u64::MAX)
    }
}

struct Armed {
    rule: Rule,
    seen: u64,
    fired: u64,
}

/// When a fault is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultStage {
    /// A connection was accepted.
    Accepted,
    /// The head was read; the body was not.
    Head,
    /// The request is complete.
    Complete,
}

impl FaultStage {
    fn of(rule: &Rule) -> Self {
        match rule.fault {
            Fault::Refuse if rule.route.is_none() && rule.containing.is_none() => Self::Accepted,
            Fault::Refuse | Fault::CutUpload { .. } | Fault::DropKept => Self::Head,
            _ => Self::Complete,
        }
    }
}

/// The script.
#[derive(Default)]
pub(crate) struct FaultScript {
    armed: Vec<Armed>,
}

impl FaultScript {
    pub(crate) fn add(&mut self, rule: Rule) {
        self.armed.push(Armed {
            rule,
            seen: 0,
            fired: 0,
        });
    }

    pub(crate) fn clear(&mut self) {
        self.armed.clear();
    }

    /// Firings still to come, rules without end not counted.
    pub(crate) fn pending(&self) -> u64 {
        self.armed
            .iter()
            .filter(|a| a.rule.times != u64::MAX)
            .map(|a| a.rule.times - a.fired)
            .sum()
    }

    /// Firings so far of all rules that were not cleared.
    pub(crate) fn fired(&self) -> u64 {
        self.armed.iter().map(|a| a.fired).sum()
    }

    /// The faults that befall a request now, in the order their rules were added.
    pub(crate) fn strike(
        &mut self,
        stage: FaultStage,
        request: Option<&HttpRequest>,
    ) -> Vec<Fault> {
        let mut faults = Vec::new();
        for armed in &mut self.armed {
            let rule = &armed.rule;
            if FaultStage::of(rule) != stage || !request.is_none_or(|r| matches(rule, r)) {
                continue;
            }
            armed.seen += 1;
            if armed.seen >= rule.nth && armed.fired < rule.times {
                armed.fired += 1;
                faults.push(rule.fault.clone());
            }
        }
        faults
    }
}

fn matches(rule: &Rule, request: &HttpRequest) -> bool {
    if rule.route.is_some_and(|route| route != request.route)
        || (rule.fault == Fault::DropKept && !request.is_kept)
    {
        return false;
    }
    let Some(text) = &rule.containing else {
        return true;
    };
    let target = format!("{}?{}", request.path, request.query);
    target.contains(text)
        || crate::query::unescape(&target).contains(text)
        || contains(&request.body, text.as_bytes())
        || contains(&request.body, text.replace('/', "\\/").as_bytes())
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty()
        && haystack
            .windows(needle.len())
            .any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire;
    use bytes::Bytes;
    use hyper::header::{CONTENT_LENGTH, CONTENT_RANGE};
    use hyper::{HeaderMap, Method};

    fn request(route: Route, body: &'static str) -> HttpRequest {
        HttpRequest {
            route,
            method: Method::POST,
            path: "p".into(),
            query: "delivery-uri=a%23b".into(),
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()),
            is_kept: false,
        }
    }

    #[test]
    fn a_rule_fires_from_its_nth_match_so_many_times() {
        let mut script = FaultScript::default();
        script.add(
            Rule::on(Route::Results, Fault::CrashBefore)
                .containing("exec")
                .nth(2)
                .times(2),
        );
        let hit = request(Route::Results, "{\"exec\":1}");
        let miss = request(Route::Logs, "{\"exec\":1}");
        let strikes: Vec<usize> = [&hit, &miss, &hit, &hit, &hit]
            .map(|r| script.strike(FaultStage::Complete, Some(r)).len())
            .into();
        assert_eq!(strikes, [0, 0, 1, 1, 0]);
        assert_eq!((script.pending(), script.fired()), (0, 2));
    }

    #[test]
    fn a_target_matches_decoded_too() {
        let rule = Rule::any(Fault::Silence).containing("a#b");
        assert!(matches(&rule, &request(Route::Package, "")));
    }

    #[test]
    fn ranges_are_shortened_and_shifted_as_told() {
        let content: Bytes = (0..=255).collect::<Vec<u8>>().into();
        let asked = || wire::package(&content, &[(10, 19)], 0);
        let run = |fault: &Fault| {
            let mut answer = asked();
            let request = request(Route::Package, "");
            distort(fault, &request, &mut answer, &mut Passage::default());
            let range = answer
                .get(&CONTENT_RANGE)
                .map(|v| v.to_str().unwrap().to_owned());
            let length = answer
                .get(&CONTENT_LENGTH)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            (range.unwrap_or_default(), length, answer.whole().to_vec())
        };
        let (range, length, body) = run(&Fault::ShortRange {
            bytes: 4,
            honest: true,
        });
        assert_eq!(
            (range.as_str(), length.as_str(), body),
            ("bytes 10-13/256", "4", vec![10, 11, 12, 13])
        );
        let (range, length, _) = run(&Fault::ShortRange {
            bytes: 4,
            honest: false,
        });
        assert_eq!((range.as_str(), length.as_str()), ("bytes 10-19/256", "4"));
        let (range, _, body) = run(&Fault::ShiftRange {
            by: 5,
            honest: true,
        });
        assert_eq!(
            (range.as_str(), body[0], body.len()),
            ("bytes 15-24/256", 15, 10)
        );
        let (range, _, body) = run(&Fault::ShiftRange {
            by: -5,
            honest: false,
        });
        assert_eq!((range.as_str(), body[0]), ("bytes 5-14/256", 10));
        let (range, length, _) = run(&Fault::IgnoreRange);
        assert_eq!((range.as_str(), length.as_str()), ("", "256"));
    }
}
