//! The talk with central: clock, certificate, whether it is central, token, role, version, organisation, ranges.
//! Never changes anything there: calls without a number of a synchronization are not logged by central (protocol 4.5).
//! Never judges: `logic::health::talk` does. Called by `doctor`, beside the look at the way.

use std::time::Duration;

use logic::api::{Call, ChecksumPage, PackageRange, Reply, answer};
use logic::entity::EntityType;
use logic::fault::{Code, EnrolCause, Expected, Fault, PackageCause, PartFlaw};
use logic::health::clock::{ClockReferences, Dated};
use logic::health::honesty::{self, judge};
use logic::health::message::RangeFlaw;
use logic::health::seen::{ReportedFault, ServiceConfig};
use logic::health::talk::{EXPIRY, PackagePart, who_answers};
use logic::health::{Check, PlannedCheck};
use logic::identity::Enrolment;
use logic::outside;
use logic::settings::Settings;
use logic::words::SyncParams;
use tokio::time::{Instant, timeout};

use super::first::line_of;
use super::{SeenSoFar, limit, made, size};
use crate::engine::Engine;
use system::clock::{self, Clock};
use uplink::{Uplink, UplinkConfig};
use vault::catalogue::CatalogueStore;
use vault::identity::Identities;
use vault::package::{Meta, PackageStore};

/// The part that is asked for: from the second byte on, so that a shift shows.
const PART: (u64, u64) = (1, 64);

/// With what central is spoken to.
pub(super) struct TalkMeans<'a> {
    pub(super) steps: &'a [PlannedCheck],
    pub(super) settings: &'a Settings,
    /// The line of the daemon, where one runs.
    pub(super) daemon: Option<&'a ServiceConfig>,
}

impl TalkMeans<'_> {
    fn line(&self, box_id: String) -> Result<UplinkConfig, Fault> {
        line_of(self.settings, self.daemon, box_id)
    }
}

/// Everything that is said to central and heard from it.
pub(super) async fn speak(means: &TalkMeans<'_>, engine: Option<&Engine>, found: &SeenSoFar) {
    let steps = means.steps;
    let vouched = vouched(means.settings, made(steps, Check::Tls));
    found.see(|seen| seen.time = Some(vouched));
    if !made(steps, Check::Answer) {
        return;
    }
    // A copy: doctor looks, and leaves no trace in what the box takes for the time.
    let begun = Instant::now();
    let tls = first(means, Clock::new(Clock::shared().estimate())).await;
    let took = begun.elapsed();
    let answered = match &tls {
        Ok(answered) => Ok(answered.clone()),
        // What nobody answers is not asked again.
        Err(trouble) if is_silence(trouble.code) => Err(trouble.clone()),
        // Whether it is central shows all the same, where only what the box has heard before speaks against it.
        Err(_) => first(means, Clock::standing(clock::built())).await,
    };
    let dated = answered.as_ref().ok().and_then(|(_, dated)| *dated);
    let answer = answered
        .map_err(Into::into)
        .and_then(|(reply, _)| who_answers(&reply));
    let sound = answer.is_ok() && tls.is_ok();
    // The proxy is there, and nothing comes through it: whether it or central is silent does not show.
    let through = |told: ReportedFault| match found.look(|seen| seen.way.proxied()) {
        Some(proxy) if told.code == Code::NetTimeout => {
            let reason = format!(
                "the proxy {proxy} is there, but nothing comes through it: {}",
                told.reason
            );
            ReportedFault::new(Code::NetProxy, reason)
        }
        _ => told,
    };
    let answer = answer.map_err(through);
    let shown = tls
        .as_ref()
        .map(|_| ())
        .map_err(|trouble| through(trouble.clone().into()));
    found.see(|seen| {
        seen.talk.dated = dated;
        seen.talk.answer = Some(answer);
        if made(steps, Check::Tls) {
            seen.talk.tls = Some(shown);
        }
    });
    let later = async {
        if !made(steps, Check::Tls) || tls.is_err() {
            return;
        }
        // By central's time where it is authenticated, never by the system's clock or by one that is behind.
        let date = dated.filter(|dated| dated.authenticated);
        let now = clock::now().wall.max(date.map_or(0, |dated| dated.now));
        let lasting = first(means, Clock::standing(now + EXPIRY)).await;
        let lasting = lasting.map(|_| ()).map_err(Into::into);
        found.see(|seen| seen.talk.later = Some(lasting));
    };
    let admitted = async {
        if sound {
            admitted(means, engine, found).await;
        }
    };
    let size = async {
        match &tls {
            Ok(_) => size::look(steps, means, Some(took), found).await,
            Err(trouble) if is_silence(trouble.code) => {
                size::look(steps, means, None, found).await;
            }
            Err(_) => {}
        }
    };
    tokio::join!(later, admitted, size);
}

fn vouched(settings: &Settings, over_tls: bool) -> ClockReferences {
    let plain = settings.central().is_ok_and(|url| !url.https);
    ClockReferences {
        over_tls,
        system: clock::system(),
        floor: Clock::shared().floor(),
        heard: Clock::shared().time(),
        built: clock::built(),
        windows: plain && !settings.download.windows.is_empty(),
    }
}

/// Whether nothing came after a connection was made, as if packets had vanished.
pub(super) fn is_silence(code: Code) -> bool {
    matches!(code, Code::NetTimeout | Code::NetStalled)
}

/// A short question.
async fn first(means: &TalkMeans<'_>, time: Clock) -> Result<(Reply, Option<Dated>), Fault> {
    let work = contact(means, time, None, 0);
    within(means.steps, Check::Tls, work).await
}

/// One call without a token, its certificate judged by a given time, in packets of TCP with at most `segment` bytes, so
/// many bytes longer than it needs to be. Gives the answer and its date.
pub(super) async fn contact(
    means: &TalkMeans<'_>,
    time: Clock,
    segment: Option<u16>,
    longer: usize,
) -> Result<(Reply, Option<Dated>), Fault> {
    let line = UplinkConfig {
        time,
        segment,
        // A proxy that stalls shall be told of, before central is.
        proxy_patience: Some(limit(means.steps, Check::Tls).mul_f32(0.75)),
        in_process: None,
        ..means.line(String::new())?
    };
    let uplink = Uplink::new(line, None)?;
    let plain = Call::versions();
    let call = Call {
        bearer: false,
        path: match longer {
            0 => plain.path.clone(),
            // Central ignores what it does not know.
            longer => format!("{}?pad={}", plain.path, "x".repeat(longer)),
        },
        ..plain
    };
    let begun = Instant::now();
    let reply = uplink.call(&call).await?;
    let half = begun.elapsed().as_secs() as i64 / 2;
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
    steps: &[PlannedCheck],
    check: Check,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    let limit: Duration = limit(steps, check);
    timeout(limit, work).await.unwrap_or_else(|_| {
        let seconds = limit.as_secs();
        Err(Fault::new(
            Code::NetTimeout,
            EnrolCause::NoAnswer { seconds },
        ))
    })
}

/// With the credentials of the box: token, role, version, then what the box may ask for.
async fn admitted(means: &TalkMeans<'_>, engine: Option<&Engine>, found: &SeenSoFar) {
    let steps = means.steps;
    let Some(engine) = engine.filter(|engine| matches!(engine.enrolment(), Ok(Some(_)))) else {
        return;
    };
    let asked = async {
        let uplink = uplink(means, engine)?;
        let reply = within(steps, Check::Token, uplink.call(&Call::versions())).await?;
        answer::versions(&reply).map(|versions| (uplink, versions))
    };
    let (uplink, versions) = match asked.await {
        Ok(admitted) => admitted,
        Err(trouble) => return found.see(|seen| seen.talk.versions = Some(Err(trouble.into()))),
    };
    let version = engine.version();
    let supported = version
        .as_ref()
        .is_ok_and(|version| versions.contains(version));
    let told = version.clone().map_err(Into::into);
    found.see(|seen| {
        seen.talk.versions = Some(Ok(versions));
        seen.talk.version = Some(told);
    });
    if let Some(version) = version.ok().filter(|_| supported) {
        tokio::join!(
            organisation(steps, engine, &uplink, &version, found),
            range(steps, engine, &uplink, found),
        );
    }
}

/// The line with the credentials of the box, which are only read.
fn uplink(means: &TalkMeans<'_>, engine: &Engine) -> Result<Uplink, Fault> {
    let enrolment: Option<Enrolment> = engine.enrolment()?;
    let identity = Identities::of(engine.vault()).read()?.identity;
    match (enrolment, identity) {
        (Some(enrolment), Some(identity)) => {
            let line = means.line(identity.box_id.clone())?;
            Engine::over(line, Some((&enrolment, &identity)))
        }
        _ => Err(Fault::new(Code::AuthNotEnrolled, EnrolCause::NoCredentials)),
    }
}

/// How many test centres central names for the organisation of the box.
async fn organisation(
    steps: &[PlannedCheck],
    engine: &Engine,
    uplink: &Uplink,
    version: &str,
    found: &SeenSoFar,
) {
    if !made(steps, Check::Organisation) {
        return;
    }
    let id = engine.organisation();
    let centres = match &id {
        Err(_) => None,
        Ok(id) => {
            let params = SyncParams {
                organisation_id: id.clone(),
                sync_id: 0,
                box_id: String::new(),
                tao_version: version.to_owned(),
            };
            let call = Call::checksums(EntityType::TestCenter, &params);
            let page = within(steps, Check::Organisation, uplink.call(&call))
                .await
                .and_then(|reply| ChecksumPage::read(&reply));
            Some(
                page.map(|page| page.listed.len() as u64)
                    .map_err(Into::into),
            )
        }
    };
    found.see(|seen| {
        seen.talk.organisation = Some(id.map_err(Into::into));
        seen.talk.centres = centres;
    });
}

/// A small part of one package, compared with what the box holds of it.
async fn range(steps: &[PlannedCheck], engine: &Engine, uplink: &Uplink, found: &SeenSoFar) {
    if !made(steps, Check::Range) {
        return;
    }
    let part = match sample(engine) {
        Err(trouble) => PackagePart::Failed(trouble.into()),
        Ok(None) => PackagePart::NothingToAsk,
        Ok(Some(sample)) => match within(steps, Check::Range, part(uplink, &sample)).await {
            Ok(came) => PackagePart::Came(came, outside::id(&sample.delivery)),
            Err(trouble) => PackagePart::Failed(trouble.into()),
        },
    };
    found.see(|seen| seen.talk.range = Some(part));
}

struct RequestSample {
    delivery: String,
    known: Option<(Meta, Vec<u8>)>,
}

/// A delivery to ask for: one whose package is held, else the first of the catalogue.
fn sample(engine: &Engine) -> Result<Option<RequestSample>, Fault> {
    let packages = PackageStore::open(engine.vault())?;
    let catalogue = CatalogueStore::open(engine.vault())?;
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
            return Ok(Some(RequestSample {
                delivery,
                known: Some((meta, bytes)),
            }));
        }
        first.get_or_insert(delivery);
    }
    Ok(first.map(|delivery| RequestSample {
        delivery,
        known: None,
    }))
}

async fn part(uplink: &Uplink, sample: &RequestSample) -> Result<Result<(), RangeFlaw>, Fault> {
    let call = Call::package(&sample.delivery, Some(PackageRange::Span(PART.0, PART.1)));
    let mut opened = uplink.open(&call).await?;
    let status = opened.status;
    if !matches!(status, 200 | 206) {
        let refused =
            answer::parse::<serde::de::IgnoredAny>(&opened.reply().await?, Expected::Package);
        return Err(refused.err().unwrap_or_else(|| {
            let what = PartFlaw::Status { status };
            Fault::new(Code::PackageRange, PackageCause::Dishonest { what })
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
    let part = honesty::RangePart {
        range: field.as_deref(),
        content: &content,
        known,
    };
    Ok(judge(&part, PART.0, PART.1).map(|_| ()))
}
