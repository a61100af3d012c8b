//! The talk with central: clock, certificate, whether it is central, token, role, version, organisation, ranges.
//! Never changes anything there: calls without a number of a synchronization are not logged by central (protocol 4.5).
//! Called by `doctor`, beside the look at the way.

use std::sync::Arc;
use std::time::Duration;

use logic::api::{Call, Page, Range, Reply, answer};
use logic::entity::EntityType;
use logic::health::honesty::{Part, judge};
use logic::health::verdict::counted;
use logic::health::{Check, Finding, Step};
use logic::identity::{Enrolment, Identity};
use logic::settings::Settings;
use logic::words::{Params, Trouble};
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;
use tokio::time::timeout;

use super::{Found, limit, made};
use crate::clock;
use crate::engine::{self, Engine};
use crate::uplink::Uplink;
use crate::vault::catalogue::Catalogue;
use crate::vault::package::{Meta, Packages};

/// Central's certificate should live longer than this.
const EXPIRY: i64 = 21 * 86_400;
/// A clock that is further off than this is told.
const OFF: i64 = 5 * 60;
/// A clock that is further off than this makes certificates seem wrong.
const FAR_OFF: i64 = 24 * 60 * 60;
/// The part that is asked for: from the second byte on, so that a shift shows.
const PART: (u64, u64) = (1, 64);

/// A clock that stands still.
#[derive(Debug)]
struct Moment(i64);

impl TimeProvider for Moment {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

/// Everything that is said to central and heard from it.
pub(super) async fn speak(
    steps: &[Step],
    settings: &Settings,
    engine: Option<&Engine>,
    found: &Found,
) {
    if !made(steps, Check::Answer) {
        found.tell(Check::Clock, clock_finding(None, false));
        return;
    }
    let heard = engine.and_then(Engine::heard);
    let (answered, tls) = tokio::join!(
        contact(steps, settings, Moment(clock::built())),
        contact(steps, settings, clock::Estimate::new(heard)),
    );
    let dated = answered.as_ref().ok().and_then(|(_, skew)| *skew);
    found.tell(Check::Clock, clock_finding(dated, made(steps, Check::Tls)));
    let sound = match answered {
        Ok((reply, _)) => match who_answers(&reply) {
            Ok(()) => {
                found.tell(
                    Check::Answer,
                    Finding::pass(Check::Answer, "a TAO central server answers"),
                );
                true
            }
            Err(trouble) => {
                found.tell(Check::Answer, told(&trouble));
                false
            }
        },
        Err(trouble) => {
            found.tell(Check::Answer, told(&trouble));
            false
        }
    };
    let later = async {
        if !made(steps, Check::Tls) {
            return;
        }
        // By central's time, not by a clock that may be years ahead.
        let now = clock::now().wall + dated.unwrap_or(0);
        let lasting = match &tls {
            Ok(_) => contact(steps, settings, Moment(now + EXPIRY)).await.err(),
            Err(_) => None,
        };
        found.tell(
            Check::Tls,
            certificate(tls.as_ref().err(), lasting.as_ref()),
        );
    };
    let admitted = async {
        if sound && tls.is_ok() {
            admitted(steps, engine, found).await;
        }
    };
    tokio::join!(later, admitted);
}

/// One call without a token, its certificate judged by a given time. Gives the answer and how far central's
/// clock is ahead of the system's.
async fn contact(
    steps: &[Step],
    settings: &Settings,
    moment: impl TimeProvider + 'static,
) -> Result<(Reply, Option<i64>), Trouble> {
    let mut line = engine::line(settings, String::new(), None)?;
    line.time = Arc::new(moment);
    let uplink = Uplink::new(line, None)?;
    let call = Call {
        bearer: false,
        ..Call::versions()
    };
    let begun = clock::now();
    let reply = within(steps, Check::Tls, uplink.call(&call)).await?;
    let now = clock::now();
    let half = (now.mono.saturating_sub(begun.mono).as_secs() / 2) as i64;
    let date = reply
        .header("date")
        .filter(|_| reply.header("age").is_none())
        .and_then(|date| httpdate::parse_http_date(date).ok())
        .and_then(|date| date.duration_since(std::time::UNIX_EPOCH).ok())
        .and_then(|since| i64::try_from(since.as_secs()).ok());
    Ok((reply, date.map(|date| date + half - now.wall)))
}

async fn within<T>(
    steps: &[Step],
    check: Check,
    work: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Trouble> {
    let limit = limit(steps, check);
    timeout(limit, work).await.unwrap_or_else(|_| {
        Err(Trouble::new(
            "net.timeout",
            logic::words::Class::Retry,
            logic::words::Outcome::Offline,
            format!("central did not answer within {} s", limit.as_secs()),
        ))
    })
}

fn told(trouble: &Trouble) -> Finding {
    Finding::fail(&trouble.code, &trouble.reason)
}

/// `skew`: how far central's clock is ahead, in seconds, if it was heard.
fn clock_finding(skew: Option<i64>, over_tls: bool) -> Finding {
    let wall = clock::now().wall;
    judge_clock(skew, over_tls, wall, clock::built())
}

fn judge_clock(skew: Option<i64>, over_tls: bool, wall: i64, built: i64) -> Finding {
    let whose = if over_tls {
        "central's authenticated date"
    } else {
        "central's date"
    };
    match skew {
        Some(skew) if skew.abs() > OFF => {
            let way = if skew > 0 { "behind" } else { "ahead of" };
            let summary = format!("the clock is {} {way} {whose}", span(skew.unsigned_abs()));
            if skew.abs() > FAR_OFF {
                Finding::fail("clock.wrong", summary)
            } else {
                Finding::warn("clock.wrong", summary)
            }
        }
        Some(skew) => Finding::pass(Check::Clock, format!("{} s from {whose}", skew.abs())),
        None if wall < built => Finding::fail(
            "clock.behind",
            "the clock is behind the day on which this boxsync was built",
        ),
        None => Finding::pass(Check::Clock, "plausible; central's time was not heard"),
    }
}

fn span(seconds: u64) -> String {
    match seconds {
        0..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// `now`: what failed by the time that the box uses; `later`: what fails by a time three weeks on.
fn certificate(now: Option<&Trouble>, later: Option<&Trouble>) -> Finding {
    match (
        now,
        later.filter(|trouble| trouble.code == "net.tls_expired"),
    ) {
        (Some(trouble), _) => told(trouble),
        (None, Some(trouble)) => Finding::warn(
            "net.tls_expiring",
            "central's certificate ends within three weeks",
        )
        .detail(&trouble.reason),
        (None, None) => Finding::pass(
            Check::Tls,
            "the certificate is valid for three weeks at least",
        ),
    }
}

/// Whether the answer to an anonymous call is one that central gives: a refusal in JSON, or the list itself.
fn who_answers(reply: &Reply) -> Result<(), Trouble> {
    let json = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&reply.body);
    match answer::versions(reply) {
        Ok(_) => Ok(()),
        // Nobody is told "not for you" before he said who he is, but for a path that TAO does not know (protocol 2).
        Err(trouble) if trouble.code == "auth.role" && json.is_ok() => Err(Trouble::new(
            "central.not_found",
            trouble.class,
            logic::words::Outcome::Failed,
            "a TAO answers, but there is no synchronisation at this path",
        )),
        Err(trouble) if trouble.code.starts_with("auth.") && json.is_ok() => Ok(()),
        Err(trouble) if trouble.code.starts_with("auth.") => Err(Trouble::new(
            "central.foreign",
            trouble.class,
            logic::words::Outcome::Failed,
            format!(
                "a page with status {} came instead of central's answer: a proxy, a captive portal or a wrong URL",
                reply.status
            ),
        )),
        Err(trouble) => Err(trouble),
    }
}

/// With the credentials of the box: token, role, version, then what the box may ask for.
async fn admitted(steps: &[Step], engine: Option<&Engine>, found: &Found) {
    let Some(engine) = engine.filter(|engine| matches!(engine.enrolment(), Ok(Some(_)))) else {
        return;
    };
    let uplink = match line(engine) {
        Ok(uplink) => uplink,
        Err(trouble) => return found.tell(Check::Token, told(&trouble)),
    };
    let versions = within(steps, Check::Token, uplink.call(&Call::versions()))
        .await
        .and_then(|reply| answer::versions(&reply));
    let granted = |found: &Found| {
        let summary = "central takes the credentials";
        found.tell(Check::Token, Finding::pass(Check::Token, summary));
    };
    let versions = match versions {
        Ok(versions) => versions,
        Err(trouble) if trouble.code == "auth.role" => {
            granted(found);
            return found.tell(Check::Role, told(&trouble));
        }
        Err(trouble) => return found.tell(Check::Token, told(&trouble)),
    };
    granted(found);
    found.tell(
        Check::Role,
        Finding::pass(Check::Role, "the client may synchronize"),
    );
    let version = match engine.version() {
        Ok(version) if versions.contains(&version) => version,
        Ok(version) => {
            let summary = format!(
                "central supports {}, not {version}",
                if versions.is_empty() {
                    "no version".into()
                } else {
                    versions.join(", ")
                }
            );
            return found.tell(
                Check::Version,
                Finding::fail("version.unsupported", summary),
            );
        }
        Err(trouble) => return found.tell(Check::Version, told(&trouble)),
    };
    let summary = format!("central supports {version}");
    found.tell(Check::Version, Finding::pass(Check::Version, summary));
    tokio::join!(
        organisation(steps, engine, &uplink, &version, found),
        range(steps, engine, &uplink, found),
    );
}

/// The line with the credentials of the box, which are only read.
fn line(engine: &Engine) -> Result<Uplink, Trouble> {
    let enrolment: Option<Enrolment> = engine.enrolment()?;
    let identity: Option<Identity> = engine.vault().entry("identity").get()?;
    match (enrolment, identity) {
        (Some(enrolment), Some(identity)) => engine.uplink(Some((&enrolment, &identity))),
        _ => Err(Trouble::new(
            "auth.not_enrolled",
            logic::words::Class::Operator,
            logic::words::Outcome::Unauthorized,
            "this box has no credentials for central",
        )),
    }
}

/// Central answers an unknown organisation with empty lists: a known one has a test centre.
async fn organisation(
    steps: &[Step],
    engine: &Engine,
    uplink: &Uplink,
    version: &str,
    found: &Found,
) {
    if !made(steps, Check::Organisation) {
        return;
    }
    let finding = match engine.organisation() {
        Err(trouble) => told(&trouble),
        Ok(id) => {
            let params = Params {
                organisation_id: id.clone(),
                sync_id: 0,
                box_id: String::new(),
                tao_version: version.to_owned(),
            };
            let call = Call::checksums(EntityType::TestCenter, &params);
            let page = within(steps, Check::Organisation, uplink.call(&call))
                .await
                .and_then(|reply| Page::read(&reply));
            match page {
                Ok(page) if page.listed.is_empty() => Finding::fail(
                    "catalogue.unknown_organisation",
                    format!("central names no test centre for organisation {id}"),
                ),
                Ok(page) => Finding::pass(
                    Check::Organisation,
                    format!(
                        "{id}: central names {}",
                        counted(page.listed.len() as u64, "test centre", "test centres")
                    ),
                ),
                Err(trouble) => told(&trouble),
            }
        }
    };
    found.tell(Check::Organisation, finding);
}

/// A small part of one package, compared with what the box holds of it.
async fn range(steps: &[Step], engine: &Engine, uplink: &Uplink, found: &Found) {
    if !made(steps, Check::Range) {
        return;
    }
    let finding = match sample(engine) {
        Err(trouble) => told(&trouble),
        Ok(None) => Finding::skip(Check::Range, "no delivery is known to ask for"),
        Ok(Some(sample)) => match within(steps, Check::Range, part(uplink, &sample)).await {
            Ok(finding) => finding,
            Err(trouble) if trouble.code == "central.not_found" => Finding::skip(
                Check::Range,
                "central has no package for the delivery that was asked for",
            ),
            Err(trouble) => told(&trouble),
        },
    };
    found.tell(Check::Range, finding);
}

struct Sample {
    delivery: String,
    known: Option<(Meta, Vec<u8>)>,
}

/// A delivery to ask for: one whose package is held, else the first of the catalogue.
fn sample(engine: &Engine) -> Result<Option<Sample>, Trouble> {
    let packages = Packages::open(engine.vault())?;
    let catalogue = Catalogue::open(engine.vault())?;
    let edition = catalogue.edition()?;
    let mut reader = catalogue.reader();
    let mut first = None;
    for (name, row) in edition.rows(EntityType::Delivery) {
        let delivery = reader.entity(EntityType::Delivery, name, row)?.id;
        if let Ok(Some(meta)) = packages.held(&delivery)
            && meta.size > PART.1
            && let Ok(bytes) = packages
                .content(&meta)
                .and_then(|content| content.from(PART.0, PART.1 - PART.0 + 1))
        {
            return Ok(Some(Sample {
                delivery,
                known: Some((meta, bytes)),
            }));
        }
        first.get_or_insert(delivery);
    }
    Ok(first.map(|delivery| Sample {
        delivery,
        known: None,
    }))
}

async fn part(uplink: &Uplink, sample: &Sample) -> Result<Finding, Trouble> {
    let call = Call::package(&sample.delivery, Some(Range::Span(PART.0, PART.1)));
    let mut opened = uplink.open(&call).await?;
    if !matches!(opened.status, 200 | 206) {
        let refused = answer::parse::<serde::de::IgnoredAny>(&opened.reply().await?, "a package");
        return Err(refused.err().unwrap_or_else(|| {
            Trouble::new(
                "package.range",
                logic::words::Class::GiveUp,
                logic::words::Outcome::Failed,
                "an odd status came for a part of a package",
            )
        }));
    }
    let field = opened.header("content-range").map(str::to_owned);
    let mut content = Vec::new();
    while let Some(piece) = opened.chunk().await? {
        content.extend_from_slice(&piece);
        if content.len() as u64 > PART.1 - PART.0 + 1 {
            break;
        }
    }
    let total = field
        .as_deref()
        .and_then(logic::range::ContentRange::parse)
        .map(|range| range.total);
    // A package of another size is another edition: its bytes are not compared.
    let known = sample
        .known
        .as_ref()
        .filter(|(meta, _)| total == Some(meta.size))
        .map(|(_, bytes)| bytes.as_slice());
    let part = Part {
        range: field.as_deref(),
        content: &content,
        known,
    };
    Ok(match judge(&part, PART.0, PART.1) {
        Ok(_) => Finding::pass(
            Check::Range,
            "a part of a package came exactly as asked for",
        ),
        Err(told) => Finding::fail("package.range", told).detail(&sample.delivery),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use logic::health::Status;

    #[test]
    fn the_clock_is_judged_by_central_or_by_the_day_of_the_build() {
        let table = [
            (Some(3), 2000, "clock.skew", Status::Pass),
            (Some(3600), 2000, "clock.wrong", Status::Warn),
            (Some(-200_000), 2000, "clock.wrong", Status::Fail),
            (None, 2000, "clock.skew", Status::Pass),
            (None, 10, "clock.behind", Status::Fail),
        ];
        for (skew, wall, code, status) in table {
            let finding = judge_clock(skew, true, wall, 1000);
            assert_eq!((finding.code.as_str(), finding.status), (code, status));
        }
        assert_eq!(
            judge_clock(Some(-200_000), true, 2000, 1000).summary,
            "the clock is 2 days ahead of central's authenticated date"
        );
    }

    #[test]
    fn a_page_is_not_central_and_a_refusal_in_json_is() {
        let reply = |status, body: &str| Reply {
            status,
            body: body.into(),
            ..Reply::default()
        };
        let code = |status, body| who_answers(&reply(status, body)).map_err(|t| t.code);
        assert_eq!(code(401, r#"{"success":false,"errorCode":"401"}"#), Ok(()));
        assert_eq!(code(200, r#"{"data":["2022.11"]}"#), Ok(()));
        for (status, body, expected) in [
            (401, "<html>log in", "central.foreign"),
            (403, "<html>blocked", "central.foreign"),
            (200, "<html>welcome", "central.foreign"),
            (302, "", "central.foreign"),
            (
                200,
                "<title>Under Maintenance</title>",
                "central.maintenance",
            ),
            (503, "", "central.unavailable"),
            (404, "", "central.not_found"),
            (
                403,
                r#"{"success":false,"errorCode":403,"errorMsg":"Access denied."}"#,
                "central.not_found",
            ),
        ] {
            assert_eq!(
                code(status, body),
                Err(expected.to_owned()),
                "{status} {body}"
            );
        }
    }

    #[test]
    fn a_certificate_that_ends_soon_is_a_warning() {
        let tls = |code| {
            let (class, outcome) = (
                logic::words::Class::Operator,
                logic::words::Outcome::Offline,
            );
            Trouble::new(code, class, outcome, "because")
        };
        let ended = tls("net.tls_expired");
        assert_eq!(certificate(None, None).status, Status::Pass);
        assert_eq!(certificate(None, Some(&ended)).code, "net.tls_expiring");
        // A handshake that was cut says nothing of the day on which the certificate ends.
        assert_eq!(certificate(None, Some(&tls("net.tls"))).code, "net.tls");
        let failed = certificate(Some(&ended), None);
        assert_eq!(
            (failed.code.as_str(), failed.status),
            ("net.tls_expired", Status::Fail)
        );
    }
}
