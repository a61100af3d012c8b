//! Requests to the box: the local API's path, query and range, and the half of central that the gateway plays.
//! Never a connection: what is read here is what stands between the bytes and the store.
//! Called by the target of this name with what libFuzzer makes up, and by a test of `logic` with the corpus.

#[path = "../../../agent/src/socket/query.rs"]
mod query;
#[path = "../../../agent/src/socket/target.rs"]
mod target;
#[path = "../../../agent/src/socket/wanted.rs"]
mod wanted;

use logic::fault::{Code, Fault};
use logic::gateway::catalogue::{Checksums, ClassesRequest, DetailsRequest};
use logic::gateway::confirm::Confirmation;
use logic::gateway::login::{self, GatewayClient};
use logic::gateway::owed::{Batch, OfferOutcome};
use logic::gateway::query::QueryParams;
use logic::gateway::{AnswerSigner, GatewayAnswer, GatewayRoute};
use logic::intake::ItemKind;
use logic::words::FaultClass;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use query::Query;
use serde_json::Value as Json;
use target::RouteTarget;
use wanted::WantedRange;

const KNOWN: [&str; 3] = ["id", "since", "type"];

/// Holds what must be true of any input.
pub(crate) fn hold(data: &[u8]) {
    let mut lines = data.splitn(3, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (path, query, body) = (line(), line(), line());
    let (path, query) = (
        String::from_utf8_lossy(path),
        String::from_utf8_lossy(query),
    );
    local(&path, &query);
    central(&path, &query, body);
}

fn local(path: &str, text: &str) {
    match Query::read(Some(text), &KNOWN) {
        Ok(query) => {
            match (query.text("since"), query.number("since")) {
                (None, told) => assert_eq!(told, Ok(None)),
                (Some(text), Ok(number)) => assert_eq!(text.parse().ok(), number),
                (Some(text), Err(flaw)) => {
                    refused(&flaw);
                    assert!(text.parse::<u64>().is_err() || text.starts_with('+'));
                }
            }
            let pairs = KNOWN
                .iter()
                .filter_map(|name| Some((name, query.text(name)?)));
            let again: Vec<String> = pairs
                .map(|(name, value)| format!("{name}={}", encode(value)))
                .collect();
            assert_eq!(Query::read(Some(&again.join("&")), &KNOWN), Ok(query));
        }
        Err(flaw) => refused(&flaw),
    }
    match RouteTarget::of(path) {
        Some(Ok(RouteTarget { kind, id: Some(id) })) => {
            assert!(!id.is_empty());
            let again = RouteTarget::of(&format!("{}/{}", kind.word(), encode(&id)));
            assert_eq!(again, Some(Ok(RouteTarget { kind, id: Some(id) })));
        }
        Some(Ok(target)) => assert_eq!(target.kind.word(), path),
        Some(Err(flaw)) => refused(&flaw),
        None => {}
    }
    for size in [0, 1, 1000, u64::MAX] {
        if let WantedRange::Part(start, end) = WantedRange::read(text, size) {
            assert!(start < end && end <= size, "{start} {end} of {size}");
        }
    }
}

fn refused(flaw: &Fault) {
    assert_eq!(
        (flaw.code, flaw.class),
        (Code::ApiRequest, FaultClass::GiveUp)
    );
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn central(path: &str, query: &str, body: &[u8]) {
    let place = GatewayRoute::of(path);
    assert!(place.limit() > 0);
    assert!(
        !path.contains("//") || place == GatewayRoute::Nowhere || place == GatewayRoute::NoFile
    );
    let params = QueryParams::read(body);
    assert_eq!(
        QueryParams::read(params.build().as_bytes()).build(),
        params.build()
    );

    let voice = AnswerSigner {
        version: "2022.11".into(),
    };
    let known = ["2022.11".to_owned()];
    let _ = Checksums::read(query, Some("1001"), &known, &voice).map_err(failure);
    let _ = DetailsRequest::read(body, &known, &voice).map_err(failure);
    let _ = ClassesRequest::read(body, &voice).map_err(failure);
    for finished in [true, false] {
        if let Ok(heard) = Confirmation::read(finished, body, 0, &voice).map_err(failure) {
            assert!(
                heard
                    .reason
                    .is_none_or(|reason| reason.chars().count() <= 1000)
            );
        }
    }
    let _ = login::handshake(body, &voice).map_err(failure);
    token(query, body, &voice);
    for kind in ItemKind::ALL {
        if let Ok(batch) = Batch::read(kind, body, &known, &voice).map_err(failure) {
            offered(&batch, &voice);
        }
    }
}

/// Nobody gets a token who does not show the whole secret.
fn token(query: &str, body: &[u8], voice: &AnswerSigner) {
    let client = GatewayClient::new([7; 48]);
    let mut granted = false;
    let answer = login::token_request(query, body, &client, voice, || {
        granted = true;
        ("token".into(), 0)
    });
    assert_eq!(answer.status == 200, granted);
    let shown = [query.as_bytes(), body].concat();
    let shown = QueryParams::read(&shown).build() + &String::from_utf8_lossy(&shown);
    assert!(!granted || shown.contains(&client.secret));
    failure(answer);
}

fn offered(batch: &Batch, voice: &AnswerSigner) {
    for offer in &batch.offers {
        serde_json::from_str::<Json>(&offer.content).expect("an offer is JSON");
    }
    let durable: Vec<_> = batch.offers.iter().map(|_| OfferOutcome::Durable).collect();
    failure(batch.answer(&durable, voice));
    if batch.offers.is_empty() {
        return;
    }
    let trouble = || Fault::new(Code::DiskFull, "full");
    let mut failed = durable.clone();
    failed[0] = OfferOutcome::Failed(trouble());
    assert_eq!(
        batch.answer(&failed, voice).status,
        503,
        "nobody may forget what is not on disk"
    );
    let mut some = durable;
    some[0] = OfferOutcome::Refused(trouble());
    let answer = batch.answer(&some, voice);
    if batch.offers[0].kind != ItemKind::Logs {
        assert_eq!(answer.status, 500);
    }
}

/// An answer can be written on a line of HTTP, and is JSON where it says so.
fn failure(answer: GatewayAnswer) {
    let plain = |text: &str| text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    assert!(
        answer
            .headers
            .iter()
            .all(|(name, value)| plain(name) && plain(value))
    );
    assert!(answer.phrase.as_deref().is_none_or(plain));
    let is_json = answer
        .headers
        .iter()
        .any(|(name, value)| *name == "content-type" && value.contains("json"));
    if is_json && !answer.body.is_empty() {
        serde_json::from_slice::<Json>(&answer.body).expect("JSON");
    }
}
