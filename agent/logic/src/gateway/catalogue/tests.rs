//! What the gateway answers of a catalogue: pages, details and classes, as a client of central reads them.
//! Never part of the product.
//! Run by `cargo test -p logic`.

use super::*;
use crate::api::{ChecksumPage, Reply, answer as reading};
use crate::entity::Value;

struct CatalogueStub {
    lists: Vec<(EntityType, Vec<(String, String)>)>,
    classes: Vec<Entity>,
}

impl CatalogueView for CatalogueStub {
    fn organisation(&self) -> &str {
        "1001"
    }

    fn list(&self, kind: EntityType) -> Result<&[(String, String)], Fault> {
        let list = self.lists.iter().find(|(held, _)| *held == kind);
        Ok(list.map_or(&[], |(_, list)| list))
    }

    fn entity(&self, kind: EntityType, id: &str) -> Result<Option<Entity>, Fault> {
        let mut list = self.list(kind)?.iter();
        Ok(list
            .find(|(held, _)| held == id)
            .map(|(id, _)| named(id, &[])))
    }

    fn class(&self, id: &str) -> Result<Option<Entity>, Fault> {
        Ok(self.classes.iter().find(|class| class.id == id).cloned())
    }
}

fn named(id: &str, parents: &[&str]) -> Entity {
    let parents = parents.iter().collect();
    Entity {
        id: id.to_owned(),
        checksum: "c".into(),
        properties: [(SUB_CLASS.to_owned(), Value::Many(parents))]
            .into_iter()
            .collect(),
    }
}

fn desk(kind: EntityType, count: usize) -> CatalogueStub {
    let list = (0..count).map(|n| (format!("a#{n:04}"), format!("c{n}")));
    CatalogueStub {
        lists: vec![(kind, list.collect())],
        classes: Vec::new(),
    }
}

fn voice() -> AnswerSigner {
    AnswerSigner {
        version: "2022.11".into(),
    }
}

fn known() -> Vec<String> {
    vec!["2022.11".into()]
}

fn reply(answer: GatewayAnswer) -> Reply {
    Reply {
        status: answer.status,
        body: answer.body,
        ..Reply::default()
    }
}

const PARAMS: &str =
    "params[organisation_id]=1001&params[sync_id]=7&params[box_id]=b&params[tao_version]=2022.11";

#[test]
fn a_chain_of_pages_brings_everything_once_and_ends() {
    for count in [0, 1, 99, 100, 101, 200, 300, 340] {
        for kind in EntityType::ALL {
            let desk = desk(kind, count);
            let mut query = format!("type={}&{PARAMS}", kind.word());
            let mut ids = Vec::new();
            let mut pages = 0;
            loop {
                let ask = Checksums::read(&query, None, &known(), &voice()).unwrap();
                assert_eq!(ask.run().unwrap().sync_id, "7");
                let page =
                    ChecksumPage::read(&reply(ask.answer(&desk, &voice()).unwrap())).unwrap();
                ids.extend(page.listed.into_iter().map(|(id, _)| id));
                pages += 1;
                let Some(next) = page.next else { break };
                query = next.split_once('?').unwrap().1.to_owned();
            }
            assert_eq!(pages, count.div_ceil(PAGE).max(1));
            ids.dedup();
            assert_eq!(ids.len(), count);
        }
    }
}

#[test]
fn refusals_are_those_of_central() {
    let status = |query: &str| {
        let ask = Checksums::read(query, None, &known(), &voice());
        ask.map_or_else(|answer| answer.status, |_| 200)
    };
    assert_eq!(status(&format!("type=proctor&{PARAMS}")), 200);
    assert_eq!(status(PARAMS), 500);
    assert_eq!(status(&format!("type=banana&{PARAMS}")), 400);
    assert_eq!(status("type=proctor&params=abc"), 500);
    assert_eq!(status("type=banana&params[tao_version]=1"), 500);
    assert_eq!(status("type=proctor&params[tao_version]=2022.11"), 404);
    assert_eq!(
        status(&format!("type=proctor&{PARAMS}&params[offset]=abc")),
        500
    );
    let query = "type=proctor&params[tao_version]=2022.11";
    let session = Checksums::read(query, Some("1001"), &known(), &voice()).unwrap();
    assert_eq!(session.organisation, "1001");
}

#[test]
fn another_organisation_is_never_an_empty_list() {
    let query = format!("type=proctor&{}", PARAMS.replace("1001", "9999"));
    let ask = Checksums::read(&query, None, &known(), &voice()).unwrap();
    let answer = ask.answer(&desk(EntityType::Proctor, 3), &voice()).unwrap();
    assert_eq!(answer.status, 409);
    assert!(
        String::from_utf8(answer.body)
            .unwrap()
            .contains("not of 9999")
    );
}

#[test]
fn details_are_found_once_whatever_their_type() {
    let params = r#""params":{"tao_version":"2022.11","sync_id":7,"box_id":"b"}"#;
    let body = format!(r#"{{"type":"proctor","entityIds":["a#0001","x","a#0001"],{params}}}"#);
    let ask = DetailsRequest::read(body.as_bytes(), &known(), &voice()).unwrap();
    assert_eq!(ask.run().unwrap().sync_id, "7");
    let answer = ask
        .answer(&desk(EntityType::TestTaker, 3), &voice())
        .unwrap();
    let details = reading::Details::read(&reply(answer)).unwrap();
    let ids: Vec<_> = details.entities.iter().map(|e| e.id.as_str()).collect();
    assert_eq!(ids, ["a#0001"]);
    let body = body.replace("proctor", "test-center");
    let ask = DetailsRequest::read(body.as_bytes(), &known(), &voice()).unwrap();
    let answer = ask
        .answer(&desk(EntityType::TestTaker, 3), &voice())
        .unwrap();
    assert_eq!(answer.body, b"[]");
}

#[test]
fn ancestors_come_before_a_class_and_a_circle_ends() {
    let classes = vec![
        named("x#c", &["x#b"]),
        named("x#b", &["x#a", "http://www.tao.lu/Ontologies/TAO.rdf#User"]),
        named("x#a", &["x#c"]),
    ];
    let desk = CatalogueStub {
        lists: Vec::new(),
        classes,
    };
    let body = r#"{"type":"test-taker","requested-classes":["x#c","x#a","nope","http://www.tao.lu/Ontologies/TAO.rdf#User"]}"#;
    let ask = ClassesRequest::read(body.as_bytes(), &voice()).unwrap();
    let answer = ask.answer(&desk).unwrap();
    let classes = reading::Classes::read(&reply(answer)).unwrap();
    let ids: Vec<_> = classes.entities.iter().map(|e| e.id.as_str()).collect();
    assert_eq!(ids, ["x#a", "x#b", "x#c", "nope"]);
    assert_eq!(
        classes.entities[3].checksum,
        "40cd750bba9870f18aada2478b24840a"
    );
}
