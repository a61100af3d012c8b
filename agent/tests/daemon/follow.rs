//! The change feed as those see it who wait for it, in each phase of a publication that this test makes itself.
//! Never a time that is waited for: the daemon looks when a run of its own tells something.
//! Run by `cargo test`.

use std::fs::OpenOptions;
use std::io::{Read, Write};

use logic::entity::{Entity, EntityType, Value, uri};
use nix::fcntl::{Flock, FlockArg};
use serde_json::Value as Json;
use vault::Vault;
use vault::catalogue::{CatalogueRevision, CatalogueStore};
use vault::feed::{Feed, FeedChange, FeedUpdate, Op};

use crate::house::*;

const KIND: EntityType = EntityType::TestTaker;

/// A publication, one step at a time, as a run makes it.
pub(crate) struct Press {
    vault: Vault,
    shown: CatalogueRevision,
}

impl Press {
    pub(crate) fn new(house: &DaemonHouse) -> Self {
        Self {
            vault: Vault::open(&house.root()).unwrap(),
            shown: CatalogueRevision::default(),
        }
    }

    pub(crate) fn id(number: u32) -> String {
        format!("https://central.example/tao.rdf#t{number}")
    }

    /// The catalogue alone; gives what the feed has to say.
    pub(crate) fn show(&mut self, put: &[u32], gone: &[u32]) -> (FeedUpdate, Vec<FeedChange>) {
        let catalogue = CatalogueStore::open(&self.vault).unwrap();
        let before = self.shown.clone();
        self.shown.generation += 1;
        let generation = self.shown.generation;
        let mut writer = catalogue.writer().unwrap();
        let rows = self.shown.types.entry(KIND).or_default();
        for number in put {
            let id = Self::id(*number);
            let label = Value::One(format!("of generation {generation}"));
            let password = Value::One("a1B2c3D4e5".to_owned());
            let properties = [(uri::LABEL, label), (uri::PASSWORD, password)];
            let properties = properties.map(|(name, value)| (name.to_owned(), value));
            let properties = properties.into_iter().collect();
            let checksum = logic::php::checksum(&properties, &[]);
            let name = self.vault.keys().name(KIND.word(), &id);
            let entity = Entity {
                id,
                checksum,
                properties,
            };
            rows.insert(name, writer.entity(KIND, name, &entity).unwrap());
        }
        for number in gone {
            rows.remove(&self.vault.keys().name(KIND.word(), &Self::id(*number)));
        }
        let segments = before.segments();
        catalogue
            .publish(&segments, &self.shown, Some(writer))
            .unwrap();
        let change = |number: &u32, op| FeedChange {
            kind: KIND,
            id: Self::id(*number),
            op,
            generation,
        };
        let put = put.iter().map(|number| change(number, Op::Put));
        let changes = put.chain(gone.iter().map(|number| change(number, Op::Remove)));
        let step = FeedUpdate {
            before: before.generation,
            generation,
            from_empty: before.count(KIND) == 0,
            complete: true,
        };
        (step, changes.collect())
    }

    pub(crate) fn tell(&self, (step, changes): (FeedUpdate, Vec<FeedChange>)) {
        let changes = changes.into_iter().map(Ok);
        Feed::of(&self.vault).append(step, changes).unwrap();
    }

    /// The lock of a run.
    fn lock(&self) -> Flock<std::fs::File> {
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(false);
        let file = options.open(self.vault.state().join("lock")).unwrap();
        Flock::lock(file, FlockArg::LockExclusiveNonblock).unwrap()
    }
}

/// Ids, and the generation that their contents are of.
fn told(feed: &Json) -> Vec<(String, Option<String>)> {
    let label = |change: &Json| {
        Some(
            change["entity"]["properties"][uri::LABEL]
                .as_str()?
                .to_owned(),
        )
    };
    let changes = feed["changes"].as_array().unwrap().iter();
    changes
        .map(|change| (change["id"].as_str().unwrap().to_owned(), label(change)))
        .collect()
}

#[test]
fn who_waits_hears_at_once_and_reads_contents_and_64_of_them_delay_nobody() {
    let house = DaemonHouse::new(QUIET);
    let daemon = house.start();
    let mut press = Press::new(&house);
    let changes = press.show(&[1, 2], &[]);
    press.tell(changes);
    let first = house.get("/v1/feed").json();
    assert!(first["changes"][0].get("entity").is_none());
    let place = format!("cursor={}", first["cursor"].as_str().unwrap());
    let path = format!("/v1/feed?{place}&include=entity&wait=60s");
    // Who is of another history has nothing to wait for.
    assert_eq!(house.get("/v1/feed?epoch=9&since=0&wait=60s").status, 410);
    let waiting: Vec<_> = (0..64)
        .map(|_| {
            let mut stream = house.connect();
            let request = format!("GET {path} HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).unwrap();
            stream
        })
        .collect();
    assert_eq!(house.get("/v1/entities").status, 200);
    assert_eq!(house.get("/v1/status").status, 200);
    let changes = press.show(&[1, 3], &[]);
    press.tell(changes);
    // Its account is told to the followers, and the daemon looks.
    assert_eq!(house.call("POST", "/v1/sync", "", "").status, 202);
    let of = |number, generation: u32| {
        (
            Press::id(number),
            Some(format!("of generation {generation}")),
        )
    };
    for mut stream in waiting {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let feed: Json = serde_json::from_str(body).unwrap();
        assert_eq!(told(&feed), [of(1, 2), of(3, 2)]);
    }
    // What came and went has no contents; what came twice has those of now.
    let changes = press.show(&[3], &[1]);
    press.tell(changes);
    let none = (Press::id(1), None);
    let later = house.get(&path).json();
    assert_eq!(told(&later), [none.clone(), of(3, 3), of(3, 3), none]);
    assert_eq!(later["changes"][0]["entity"], Json::Null);
    assert!(later["changes"][3].get("entity").is_none());
    assert_eq!(terminate(&house, daemon).code(), Some(0));
}

#[test]
fn between_the_catalogue_and_its_feed_nobody_is_refused_and_nothing_is_missed() {
    let house = DaemonHouse::new(QUIET);
    let daemon = house.start();
    let mut press = Press::new(&house);
    let changes = press.show(&[1], &[]);
    press.tell(changes);
    let feed = house.get("/v1/feed").json();
    let follows = format!("/v1/feed?cursor={}", feed["cursor"].as_str().unwrap());
    let lock = press.lock();
    let changes = press.show(&[2], &[1]);
    // Behind: who follows waits, who begins has a place of its own.
    let behind = house.get(&follows).json();
    assert_eq!(
        (told(&behind).len(), &behind["cursor"]),
        (0, &feed["cursor"])
    );
    let all = house.get("/v1/entities");
    let begins = format!(
        "/v1/feed?epoch={}&since={}",
        all.field("boxsync-epoch"),
        all.field("boxsync-position")
    );
    assert_eq!(
        (all.lines().len(), told(&house.get(&begins).json()).len()),
        (1, 0)
    );
    press.tell(changes);
    drop(lock);
    assert_eq!(told(&house.get(&follows).json()).len(), 2);
    assert_eq!(house.get(&begins).status, 410);
    // Cut: nobody will bring the rest, twice.
    let mut places = vec![follows];
    for _ in 0..2 {
        let _cut = press.show(&[3], &[]);
        for place in &places {
            assert_eq!(house.get(place).status, 410, "{place}");
        }
        let gone = house.get("/v1/feed").json();
        places = vec![
            format!(
                "/v1/feed?epoch={}&since={}",
                gone["epoch"], gone["position"]
            ),
            format!("/v1/feed?cursor={}", gone["cursor"].as_str().unwrap()),
        ];
        for place in &places {
            assert_eq!(told(&house.get(place).json()).len(), 0, "{place}");
        }
    }
    let changes = press.show(&[4], &[]);
    press.tell(changes);
    for place in &places {
        assert_eq!(house.get(place).status, 410, "{place}");
    }
    assert_eq!(terminate(&house, daemon).code(), Some(0));
}
