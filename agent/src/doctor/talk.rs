//! The talk with central: clock, certificate, whether it is central, token, role, version, organisation, ranges.
//! Never changes anything there: calls without a number of a synchronization are not logged by central (protocol 4.5).
//! Called by `doctor`, beside the look at the way.

use logic::api::{Call, Page, Range, Reply, answer};
use logic::entity::EntityType;
use logic::fault::{Area, Code, Fault};
use logic::health::honesty::{Part, judge};
use logic::health::verdict::counted;
use logic::health::{Check, Finding, Step};
use logic::identity::Enrolment;
use logic::outside;
use logic::settings::Settings;
use logic::words::Params;
use tokio::time::timeout;

use super::time::{Dated, Vouched, judge_clock};
use super::{Found, limit, made};
use crate::clock::{self, Clock};
use crate::engine::{self, Engine};
use crate::uplink::Uplink;
use crate::vault::catalogue::Catalogue;
use crate::vault::identity::Identities;
use crate::vault::package::{Meta, Packages};

/// Central's certificate should live longer than this.
const EXPIRY: i64 = 21 * 86_400;
/// The part that is asked for: from the second byte on, so that a shift shows.
const PART: (u64, u64) = (1, 64);

/// Everything that is said to central and heard from it.
pub(super) async fn speak(
    steps: &[Step],
    settings: &Settings,
    engine: Option<&Engine>,
    found: &Found,
) {
    let vouched = Vouched::of(settings, made(steps, Check::Tls));
    if !made(steps, Check::Answer) {
        found.tell(Check::Clock, judge_clock(None, vouched));
        return;
    }
    // A copy: doctor looks, and leaves no trace in what the box takes for the time.
    let tls = contact(steps, settings, Clock::new(Clock::shared().estimate())).await;
    let answered = match &tls {
        Ok(answered) => Ok(answered.clone()),
        // Whether it is central shows all the same, where only what the box has heard before speaks against it.
        Err(_) => contact(steps, settings, Clock::standing(clock::built())).await,
    };
    let told_by = answered.as_ref().ok().and_then(|(_, dated)| *dated);
    found.tell(Check::Clock, judge_clock(told_by, vouched));
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
        // By central's time where it is authenticated, never by the system's clock or by one that is behind.
        let date = told_by.filter(|dated| dated.authenticated);
        let now = clock::now().wall.max(date.map_or(0, |dated| dated.now));
        let lasting = match &tls {
            Ok(_) => contact(steps, settings, Clock::standing(now + EXPIRY))
                .await
                .err(),
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

/// One call without a token, its certificate judged by a given time. Gives the answer and its date.
async fn contact(
    steps: &[Step],
    settings: &Settings,
    time: Clock,
) -> Result<(Reply, Option<Dated>), Fault> {
    let mut line = engine::line(settings, String::new())?;
    line.time = time;
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
    let dated = date.map(|date| Dated {
        now: date + half,
        authenticated: uplink.heard().is_some(),
    });
    Ok((reply, dated))
}

async fn within<T>(
    steps: &[Step],
    check: Check,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    let limit = limit(steps, check);
    timeout(limit, work).await.unwrap_or_else(|_| {
        Err(Fault::new(
            Code::NetTimeout,
            format!("central did not answer within {} s", limit.as_secs()),
        ))
    })
}

fn told(trouble: &Fault) -> Finding {
    Finding::fail(trouble.code, &trouble.reason)
}

/// `now`: what failed by the time that the box uses; `later`: what fails by a time three weeks on.
fn certificate(now: Option<&Fault>, later: Option<&Fault>) -> Finding {
    match (
        now,
        later.filter(|trouble| trouble.code == Code::NetTlsExpired),
    ) {
        (Some(trouble), _) => told(trouble),
        (None, Some(trouble)) => Finding::warn(
            Code::NetTlsExpiring,
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
fn who_answers(reply: &Reply) -> Result<(), Fault> {
    let json = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&reply.body);
    match answer::versions(reply) {
        Ok(_) => Ok(()),
        // Nobody is told "not for you" before he said who he is, but for a path that TAO does not know (protocol 2).
        Err(trouble) if trouble.code == Code::AuthRole && json.is_ok() => Err(Fault::new(
            Code::CentralNotFound,
            "a TAO answers, but there is no synchronisation at this path",
        )),
        Err(trouble) if trouble.code.is(Area::Auth) && json.is_ok() => Ok(()),
        Err(trouble) if trouble.code.is(Area::Auth) => Err(Fault::new(
            Code::CentralForeign,
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
        Err(trouble) if trouble.code == Code::AuthRole => {
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
                    outside::ids(&versions)
                }
            );
            return found.tell(
                Check::Version,
                Finding::fail(Code::VersionUnsupported, summary),
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
fn line(engine: &Engine) -> Result<Uplink, Fault> {
    let enrolment: Option<Enrolment> = engine.enrolment()?;
    let identity = Identities::of(engine.vault()).read()?.identity;
    match (enrolment, identity) {
        (Some(enrolment), Some(identity)) => engine.uplink(Some((&enrolment, &identity))),
        _ => Err(Fault::new(
            Code::AuthNotEnrolled,
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
                    Code::CatalogueUnknownOrganisation,
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
            Err(trouble) if trouble.code == Code::CentralNotFound => Finding::skip(
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
fn sample(engine: &Engine) -> Result<Option<Sample>, Fault> {
    let packages = Packages::open(engine.vault())?;
    let catalogue = Catalogue::open(engine.vault())?;
    let edition = catalogue.shown()?;
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

async fn part(uplink: &Uplink, sample: &Sample) -> Result<Finding, Fault> {
    let call = Call::package(&sample.delivery, Some(Range::Span(PART.0, PART.1)));
    let mut opened = uplink.open(&call).await?;
    if !matches!(opened.status, 200 | 206) {
        let refused = answer::parse::<serde::de::IgnoredAny>(&opened.reply().await?, "a package");
        return Err(refused.err().unwrap_or_else(|| {
            Fault::new(
                Code::PackageRange,
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
        Err(told) => Finding::fail(Code::PackageRange, told).detail(&sample.delivery),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use logic::health::Status;

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
            (401, "<html>log in", Code::CentralForeign),
            (403, "<html>blocked", Code::CentralForeign),
            (200, "<html>welcome", Code::CentralForeign),
            (302, "", Code::CentralForeign),
            (
                200,
                "<title>Under Maintenance</title>",
                Code::CentralMaintenance,
            ),
            (503, "", Code::CentralUnavailable),
            (404, "", Code::CentralNotFound),
            (
                403,
                r#"{"success":false,"errorCode":403,"errorMsg":"Access denied."}"#,
                Code::CentralNotFound,
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
            Fault::new(code, "because").classed(class).ending(outcome)
        };
        let ended = tls(Code::NetTlsExpired);
        assert_eq!(certificate(None, None).status, Status::Pass);
        assert_eq!(certificate(None, Some(&ended)).code, Code::NetTlsExpiring);
        // A handshake that was cut says nothing of the day on which the certificate ends.
        assert_eq!(
            certificate(None, Some(&tls(Code::NetTls))).code,
            Code::NetTls
        );
        let failed = certificate(Some(&ended), None);
        assert_eq!(
            (failed.code, failed.status),
            (Code::NetTlsExpired.into(), Status::Fail)
        );
    }
}
