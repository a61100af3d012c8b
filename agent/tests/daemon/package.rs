//! Packages as a delivery engine reads them: by member, by range, by the edition that it means.
//! Never a package of the product's own making: the zip writer of the tests packs it.
//! Run by `cargo test`.

use std::fs::File;
use std::time::{Duration, SystemTime};

use serde_json::Value as Json;

use crate::api::{hold, provision};
use crate::house::*;
use crate::writer::{WrittenEntry, ZipWriter, noise};

fn path(rest: &str) -> String {
    let delivery = DELIVERY
        .replace(':', "%3A")
        .replace('/', "%2F")
        .replace('#', "%23");
    format!("/v1/packages/{delivery}/members{rest}")
}

fn content() -> String {
    format!(
        "/v1/packages/content?delivery={}",
        DELIVERY.replace('#', "%23")
    )
}

fn exam(house: &DaemonHouse, text: &str) {
    assert_eq!(house.call("PUT", "/v1/exam", "", text).status, 200);
}

/// RFC 1952, read by another's inflater.
fn gunzip(packed: &[u8]) -> Vec<u8> {
    let (head, rest) = packed.split_at(10);
    assert_eq!(head[..4], [0x1f, 0x8b, 8, 0]);
    let (deflated, tail) = rest.split_at(rest.len() - 8);
    let plain = miniz_oxide::inflate::decompress_to_vec(deflated).unwrap();
    assert_eq!(tail[..4], crc32fast::hash(&plain).to_le_bytes());
    assert_eq!(tail[4..], (plain.len() as u32).to_le_bytes());
    plain
}

/// A stored member, a deflated one of several records, an empty one, and one with an odd name.
fn entries() -> Vec<WrittenEntry> {
    let text: Vec<u8> = (0..90_000u32)
        .flat_map(|n| format!("<item n=\"{n}\"/>").into_bytes())
        .collect();
    vec![
        WrittenEntry::new("i1/logo.png", &noise(1, 200_000)),
        WrittenEntry::new("i1/qti.xml", &text).deflated(),
        WrittenEntry::new("empty.txt", b""),
        WrittenEntry::new("i2/a b&c=é.json", b"{}").deflated(),
    ]
}

#[test]
fn members_are_read_by_name_in_ranges_and_as_they_are_stored() {
    let house = DaemonHouse::new(QUIET);
    let entries = entries();
    provision(&house, &ZipWriter::default().pack(&entries));
    let daemon = house.start();
    let listed = house.get(&path(""));
    let edition = listed.field("boxsync-edition").to_owned();
    assert_eq!(
        house.get("/v1/packages").lines()[0]["edition"],
        edition.as_str()
    );
    let lines = listed.lines();
    let wanted = |entry: &WrittenEntry, media: &str| {
        let stored = if entry.method == 8 {
            "deflate"
        } else {
            "identity"
        };
        (
            Json::from(String::from_utf8(entry.name.clone()).unwrap()),
            Json::from(entry.content.len()),
            Json::from(format!("{:08x}", crc32fast::hash(&entry.content))),
            Json::from(media),
            Json::from(stored),
        )
    };
    let medias = [
        "image/png",
        "application/xml",
        "text/plain",
        "application/json",
    ];
    for ((line, entry), media) in lines.iter().zip(&entries).zip(medias) {
        let told = ["name", "bytes", "crc32", "media_type", "stored"].map(|key| line[key].clone());
        assert_eq!(
            <(Json, Json, Json, Json, Json)>::from(told),
            wanted(entry, media)
        );
    }
    assert_eq!(lines.len(), 4);
    let names = [
        "/i1/logo.png",
        "/i1/qti.xml",
        "/empty.txt",
        "/i2%2Fa%20b%26c%3D%C3%A9.json",
    ];
    for ((name, entry), media) in names.iter().zip(&entries).zip(medias) {
        let read = |headers: &str| house.call("GET", &path(name), headers, "");
        let whole = read("");
        assert_eq!(
            (whole.status, whole.body == entry.content),
            (200, true),
            "{name}"
        );
        assert_eq!(whole.field("content-type"), media);
        assert_eq!(
            whole.field("content-length"),
            entry.content.len().to_string()
        );
        assert_eq!(
            whole.field("boxsync-crc32"),
            format!("{:08x}", crc32fast::hash(&entry.content))
        );
        let packed = read("Accept-Encoding: br, gzip;q=0.5\r\n");
        assert_ne!(
            packed.head.contains("content-encoding: gzip"),
            entry.method == 0,
            "{name}"
        );
        if entry.method == 8 {
            assert!(gunzip(&packed.body) == entry.content, "{name}");
            assert_ne!(
                packed.field("etag"),
                whole.field("etag"),
                "another representation"
            );
            let size = packed.body.len();
            for (from, to) in [
                (0, 4),
                (4, 11),
                (9, size - 3),
                (size - 9, size),
                (size - 2, size),
            ] {
                let field = format!(
                    "Accept-Encoding: gzip\r\nRange: bytes={from}-{}\r\n",
                    to - 1
                );
                let part = read(&field);
                assert_eq!(
                    (part.status, part.body == packed.body[from..to]),
                    (206, true),
                    "{name} {from}-{to}"
                );
            }
        }
        let size = entry.content.len();
        for (from, to) in [
            (0, 1),
            (65_535, 65_537),
            (size.saturating_sub(70_000), size),
        ] {
            if to <= size && from < to {
                let part = read(&format!("Range: bytes={from}-{}\r\n", to - 1));
                assert_eq!(
                    (part.status, part.body == entry.content[from..to]),
                    (206, true),
                    "{name} {from}-{to}"
                );
            }
        }
    }
    let none = house.get(&path("/i1/none.xml"));
    assert_eq!(
        (none.status, &none.json()["code"]),
        (404, &"package.unknown_member".into())
    );
    assert_eq!(house.get("/v1/packages/x/members").status, 404);
    assert_eq!(house.get(&path("/")).status, 400);
    assert_eq!(house.call("PUT", &path(""), "", "").status, 405);
    assert_eq!(terminate(&house, daemon).code(), Some(0));
}

#[test]
fn an_edition_that_a_reader_named_outlives_its_successor_and_one_that_nobody_named_does_not() {
    let house = DaemonHouse::new(QUIET);
    let packed =
        |number| ZipWriter::default().pack(&[WrittenEntry::new("a.txt", &noise(number, 90_000))]);
    let (first, second, third) = (packed(1), packed(2), packed(3));
    provision(&house, &first);
    let daemon = house.start();
    let read = |headers: &str| house.call("GET", &content(), headers, "");
    let head = house.call("HEAD", &content(), "", "");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.field("content-length"), first.len().to_string());
    let tag = head.field("etag").to_owned();
    let edition = tag.trim_matches('"').to_owned();
    assert_eq!(
        read(&format!("If-None-Match: \"x\", {tag}\r\n")).status,
        304
    );
    assert_eq!(
        house
            .call("HEAD", &content(), &format!("If-None-Match: {tag}\r\n"), "")
            .status,
        304
    );
    let other = read("If-Match: \"00000000000000000000000000000000\"\r\n");
    assert_eq!(
        (other.status, &other.json()["code"]),
        (412, &"package.edition".into())
    );
    let named = format!("If-Match: {tag}\r\n");
    assert!(read(&named).body == first);
    hold(&house, &second);
    assert!(read("").body == second);
    // By its tag, by its name, by a member; a range of it is one of it.
    assert!(read(&named).body == first);
    let part = read(&format!(
        "{named}Range: bytes=100-199\r\nIf-Range: {tag}\r\n"
    ));
    assert!(part.status == 206 && part.body == first[100..200]);
    let member = house.get(&path(&format!("/a.txt?edition={edition}")));
    assert!(member.body == noise(1, 90_000));
    let by_tag = format!("If-Match: {}\r\n", member.field("etag"));
    assert!(house.call("GET", &path("/a.txt"), &by_tag, "").body == noise(1, 90_000));
    assert!(house.get(&path("/a.txt")).body == noise(2, 90_000));
    assert_eq!(house.get(&path("?edition=7")).status, 400);
    // Nobody meant the second one.
    let unnamed = read("").field("boxsync-edition").to_owned();
    hold(&house, &third);
    assert_eq!(
        house
            .get(&format!("{}&edition={unnamed}", content()))
            .status,
        412
    );
    // Long after it was named last it stays while an exam runs, whatever daemon is there; then it goes.
    let kept = house
        .root()
        .state()
        .join(format!("packages/kept/{edition}.meta"));
    let long_ago = SystemTime::now() - Duration::from_secs(9 * 3600);
    let old = || {
        let file = File::options().append(true).open(&kept).unwrap();
        file.set_modified(long_ago).unwrap();
    };
    exam(&house, r#"{"active":true,"ttl_seconds":3600}"#);
    old();
    assert_eq!(terminate(&house, daemon).code(), Some(0));
    let daemon = house.start();
    // The exam names it anew: what comes behind it counts from its end.
    while kept.metadata().unwrap().modified().unwrap() <= long_ago {}
    assert!(read(&named).body == first);
    exam(&house, r#"{"active":false}"#);
    old();
    assert_eq!(terminate(&house, daemon).code(), Some(0));
    let daemon = house.start();
    while house
        .call(
            "HEAD",
            &content(),
            &format!("If-Match: \"{edition}x\"\r\n"),
            "",
        )
        .status
        != 412
    {}
    assert_eq!(read(&named).status, 412);
    assert_eq!(terminate(&house, daemon).code(), Some(0));
}
