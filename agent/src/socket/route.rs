//! Which request is answered by what, and what a failure looks like on the wire.
//! Never lets anybody in who was not admitted, and never reads more of a body than its route takes.
//! Called for every request of every connection.

use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as _, Incoming};
use hyper::header::{ALLOW, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use logic::access::{ApiRole, ApiRoles};
use logic::fault::{ApiCause, BusyWith, Code, Fault, ParameterFlaw, ServiceCause};
use logic::intake::ItemKind;
use logic::outside;
use logic::package::order::DownloadOrder;
use logic::places::{self, Caller};
use logic::schedule::Errand;
use logic::texts::inflated;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::{broadcast, mpsc};

use super::body::ResponseBody;
use super::query::{Query, flaw, parameter};
use super::receive;
use super::state::SharedState;
use super::target::RouteTarget;
use super::wire::{object, refusal, whole, with_type};
use super::{content, events, exam, feed, member, metrics, package, results, standing};
use crate::connections::{ConnectionTicket, KeptContent, TakenPlace};
use system::clock;

/// The largest body of a request that is no intake.
const MAX_BODY_BYTES: usize = 16 << 10;
/// A body has to come within this.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// The description of the API, deflated by the build: as it is it would be a fiftieth of the program.
const OPENAPI: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json.deflate"));

/// Answers one request, with its place until the answer was sent.
pub(super) async fn answer(
    shared: &SharedState,
    ticket: &ConnectionTicket,
    roles: ApiRoles,
    request: Request<Incoming>,
) -> Response<KeptContent<ResponseBody, Option<TakenPlace>>> {
    shared.count();
    let keep = |response: Response<ResponseBody>, place| {
        response.map(|body| KeptContent::new(body, place))
    };
    if ticket.caller() == Caller::Denied {
        let denied = Fault::new(Code::ApiDenied, ServiceCause::Denied);
        return keep(refusal(&denied), None);
    }
    let route = request.uri().path().strip_prefix("/v1/");
    let needed = ApiRole::of(route.unwrap_or_default());
    if let Some(needed) = needed.filter(|role| !roles.has(*role)) {
        return keep(refusal(&without(needed)), None);
    }
    let length = request.body().size_hint().upper();
    let query = request.uri().query().unwrap_or_default();
    let reads = request.method() == Method::GET;
    let class = places::PlaceClass::of(route.unwrap_or_default(), query, reads, length);
    let Some(place) = ticket.place(class).await else {
        return keep(refusal(&busy(class)), None);
    };
    let _ahead = match class {
        places::PlaceClass::Intake | places::PlaceClass::LargeIntake => {
            Some(shared.priority().ahead())
        }
        places::PlaceClass::Reader => {
            shared.priority().give_way().await;
            None
        }
        places::PlaceClass::Control | places::PlaceClass::Stream => None,
    };
    let response = dispatch(shared, roles, request).await;
    keep(
        response.unwrap_or_else(|trouble| refusal(&trouble)),
        Some(place),
    )
}

fn without(role: ApiRole) -> Fault {
    let role = role.word().to_owned();
    Fault::new(Code::ApiRole, ServiceCause::NoRole { role })
}

fn busy(class: places::PlaceClass) -> Fault {
    let with = match class {
        places::PlaceClass::Intake | places::PlaceClass::LargeIntake => BusyWith::Items,
        places::PlaceClass::Control => BusyWith::Orders,
        places::PlaceClass::Reader => BusyWith::Readers,
        places::PlaceClass::Stream => BusyWith::Followers,
    };
    let busy = Fault::new(Code::ApiBusy, ServiceCause::Busy { with });
    Fault {
        retry_after: Some(class.retry_after()),
        ..busy
    }
}

async fn dispatch(
    shared: &SharedState,
    roles: ApiRoles,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Fault> {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().map(str::to_owned);
    let query = |known: &[&str]| Query::read(query.as_deref(), known);
    let route = path.strip_prefix("/v1/").unwrap_or_default();
    let target = RouteTarget::of(route).transpose()?;
    // What became of results can be asked for.
    let kept = target
        .as_ref()
        .is_some_and(|target| target.kind == ItemKind::Results);
    let reads = kept && request.method() == Method::GET;
    let allow = match (route, &target) {
        // One item is put in its place, a document of many is handed over.
        (_, Some(target)) if target.id.is_some() => Method::PUT,
        (_, Some(_)) => Method::POST,
        _ => method_of(&path, route)?,
    };
    // Whoever looks at a package before it reads.
    let looks = request.method() == Method::HEAD && route.starts_with("packages/");
    if request.method() != allow && !looks && !reads {
        let cause = ApiCause::Method {
            path: (&path).into(),
            method: allow.to_string(),
        };
        let trouble = Fault::new(Code::ApiMethod, cause);
        let mut response = refusal(&trouble);
        let looks = match route.starts_with("packages/") {
            true => ", HEAD",
            false if kept => ", GET",
            false => "",
        };
        if let Ok(allow) = HeaderValue::from_str(&format!("{allow}{looks}")) {
            response.headers_mut().insert(ALLOW, allow);
        }
        return Ok(response);
    }
    if let Some(target) = target {
        if !reads {
            let query = query(&receive::PARAMETERS)?;
            return receive::answer(shared, target, &query, request).await;
        }
        return match &target.id {
            Some(id) => {
                query(&[])?;
                results::one(shared, id).await
            }
            None => results::list(shared, &query(&results::PARAMETERS)?),
        };
    }
    match route {
        "status" => {
            query(&[])?;
            Ok(object(StatusCode::OK, standing::status(shared).await))
        }
        "sync" => {
            query(&[])?;
            let errand: Errand = read(request).await?;
            let accepted = shared.ask(errand).await?;
            let told = json!({ "schema": 1, "run": accepted.run, "joined": accepted.joined });
            Ok(object(StatusCode::ACCEPTED, told))
        }
        "sync/events" => {
            query(&[])?;
            Ok(sync_events(shared))
        }
        "events" => {
            let query = query(&events::PARAMETERS)?;
            let shared = &shared.at(query.text("organisation"))?;
            events::answer(shared, roles, &query, request.headers())
        }
        "entities" => {
            let query = query(&["type", "id*", "login", "organisation"])?;
            let shared = &shared.at(query.text("organisation"))?;
            content::entities(shared, roles, &query).await
        }
        "feed" => {
            let query = query(&feed::PARAMETERS)?;
            let shared = &shared.at(query.text("organisation"))?;
            feed::answer(shared, roles, &query).await
        }
        "packages" => {
            query(&[])?;
            content::packages(shared).await
        }
        "packages/content" => {
            let query = query(&["delivery", package::PARAMETERS[0]])?;
            let missing = || parameter("delivery", ParameterFlaw::Delivery);
            let delivery = query.text("delivery").ok_or_else(missing)?;
            package::content(shared, &asked(delivery, &query, &request))
        }
        "exam" => {
            query(&[])?;
            exam::answer(shared, request).await
        }
        "exam/terminate" => {
            query(&[])?;
            exam::terminate(shared, read(request).await?).await
        }
        "downloads" => {
            query(&[])?;
            shared.order(&read::<DownloadOrder>(request).await?)?;
            let orders = shared.orders().in_force(clock::uptime());
            Ok(object(
                StatusCode::OK,
                json!({ "schema": 1, "orders": orders }),
            ))
        }
        "metrics" => {
            query(&[])?;
            Ok(metrics::answer(shared, request.headers()).await)
        }
        "openapi.json" => {
            query(&[])?;
            Ok(with_type(
                StatusCode::OK,
                "application/json",
                ResponseBody::whole(inflated(OPENAPI).into_bytes()),
            ))
        }
        _ => {
            let query = query(&package::PARAMETERS)?;
            let target = member::MemberTarget::of(route).ok_or_else(|| unknown(&path))??;
            let asked = asked(&target.delivery, &query, &request);
            match &target.member {
                Some(name) => member::read(shared, &asked, name),
                None => member::list(shared, &asked),
            }
        }
    }
}

fn asked<'a>(
    delivery: &'a str,
    query: &'a Query,
    request: &'a Request<Incoming>,
) -> package::PackageRead<'a> {
    package::PackageRead {
        delivery,
        query,
        headers: request.headers(),
        method: request.method(),
    }
}

fn method_of(path: &str, route: &str) -> Result<Method, Fault> {
    match route {
        "status" | "sync/events" | "events" | "entities" | "feed" | "packages"
        | "packages/content" | "metrics" | "openapi.json" => Ok(Method::GET),
        "sync" | "downloads" | "exam/terminate" => Ok(Method::POST),
        "exam" => Ok(Method::PUT),
        _ if member::MemberTarget::of(route).is_some() => Ok(Method::GET),
        _ => Err(unknown(path)),
    }
}

fn unknown(path: &str) -> Fault {
    let path = path.into();
    Fault::new(Code::ApiUnknownRoute, ApiCause::NoRoute { path })
}

/// Reads a body as JSON; an empty one is an empty object.
async fn read<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, Fault> {
    read_within(request, MAX_BODY_BYTES).await
}

/// The same of at most so many bytes.
pub(super) async fn read_within<T: DeserializeOwned>(
    request: Request<Incoming>,
    most: usize,
) -> Result<T, Fault> {
    let bytes = whole(request, most, BODY_TIMEOUT).await?;
    let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
    // A list would be taken for the fields in their order.
    if text.trim_ascii_start().first() != Some(&b'{') {
        return Err(flaw(ApiCause::NoObject));
    }
    serde_json::from_slice(text).map_err(|error| {
        let found = (&error).into();
        flaw(ApiCause::Body { found })
    })
}

/// Server-sent events (WHATWG HTML 9.2): how it stands now, then whatever is told.
fn sync_events(shared: &SharedState) -> Response<ResponseBody> {
    let mut told = shared.follow();
    let (send, receive) = mpsc::channel(16);
    let first = event("state", &outside::json(&standing::daemon(shared)));
    system::task::spawn_local(async move {
        if send.send(first).await.is_err() {
            return;
        }
        loop {
            let next = tokio::select! {
                next = told.recv() => next,
                () = send.closed() => return,
            };
            match next {
                Ok(next) => {
                    if send.send(event(next.kind, &next.data)).await.is_err() {
                        return;
                    }
                }
                // A slow reader misses progress; what comes next is newer.
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    });
    with_type(
        StatusCode::OK,
        "text/event-stream",
        ResponseBody::Events(receive),
    )
}

fn event(kind: &str, data: &str) -> Bytes {
    format!("event: {kind}\ndata: {data}\n\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use logic::fault::Area;

    /// Written anew like the codes: `BOXSYNC_SNAPSHOTS=1 cargo nextest run -p agent -E 'test(codes)'`.
    #[test]
    fn the_description_has_the_codes_of_the_table() {
        let description = inflated(OPENAPI);
        let (before, list) = description.split_once(r#""KnownCode": {"#).unwrap();
        let (head, list) = list.split_once("[\n").unwrap();
        let (_, after) = list.split_once("\n    ]").unwrap();
        let mut names: Vec<String> = Code::ALL.iter().map(ToString::to_string).collect();
        names.sort();
        let lines: Vec<String> = names
            .iter()
            .map(|name| format!("     {}", json!(name)))
            .collect();
        let lines = lines.join(",\n");
        let text = format!(
            r#"{before}"KnownCode": {{{head}[{}{lines}{}    ]{after}"#,
            '\n', '\n'
        );
        crate::fixture::held("../../../agent/src/socket/openapi.json", &text);
    }

    #[test]
    fn what_intake_refuses_and_warns_of_is_described() {
        let description = inflated(OPENAPI);
        let intake = Code::ALL.iter().filter(|code| code.is(Area::Intake));
        for code in intake.filter(|code| code.status() == Some(422)) {
            let named = format!("`{code}`");
            assert!(description.contains(&named), "{named}");
        }
    }
}
