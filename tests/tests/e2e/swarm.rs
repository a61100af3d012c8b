//! A package crosses the line to central once for all boxes of a room.
//! Never asks a box what came from where but by what it says of its line; the content is compared with central's.
//! The boxes are processes on loopback addresses of their own. Run by `cargo test -p e2e`.

use std::fs;
use std::path::Path;

use e2e::{Running, Site, options};
use serde_json::Value;

use crate::room::{address, another, listening, room};
use crate::trace::at;

const SIZE: u64 = 6_000_000;
/// The end that each box looks at itself.
const END: u64 = 64 << 10;

fn syncs(site: &Site, root: &Path) -> Running {
    at(site, root, &["sync", "--json"])
}

/// Bytes of packages that came from central.
fn on_wire(running: Running) -> u64 {
    let ran: Value = running.end().exits(0).code("ok");
    assert_eq!(ran["packages"]["downloaded"], 1, "{ran}");
    ran["packages"]["bytes_on_wire"].as_u64().unwrap()
}

fn assert_is_central_s(site: &Site, root: &Path) {
    let (delivery, file) = (site.delivery(0), root.join("exported.zip"));
    let words = ["packages", "export", &delivery, file.to_str().unwrap()];
    at(site, root, &words).end().exits(0);
    let central = site.central.package(&delivery).unwrap();
    assert!(fs::read(&file).unwrap() == central, "{}", root.display());
}

#[test]
fn what_a_sibling_holds_is_not_asked_of_central() {
    const TEST: u8 = 67;
    let site = room(Site::enrolled(options(3, 1, (SIZE, SIZE))), TEST, 2);
    let own_root = site.path("");
    let root = another(&site, TEST, 1);
    let own = listening(&site, &own_root, address(TEST, 0));
    let second = listening(&site, &root, address(TEST, 1));
    assert!(on_wire(syncs(&site, &own_root)) >= SIZE);
    let came = on_wire(syncs(&site, &root));
    assert!(came <= SIZE / 8, "{came} of {SIZE} bytes came from central");
    assert_is_central_s(&site, &root);
    own.kill().was_killed();
    second.kill().was_killed();
}

#[test]
fn boxes_that_begin_together_cross_the_line_once() {
    const TEST: u8 = 68;
    let site = room(Site::enrolled(options(3, 1, (SIZE, SIZE))), TEST, 3);
    let own_root = site.path("");
    let roots = [own_root, another(&site, TEST, 1), another(&site, TEST, 2)];
    let daemons: Vec<Running> = (0..3)
        .map(|n| listening(&site, &roots[usize::from(n)], address(TEST, n)))
        .collect();
    // Long enough that each sees what the others do.
    site.central.set_rate(250_000);
    let running: Vec<Running> = roots.iter().map(|root| syncs(&site, root)).collect();
    let came: Vec<u64> = running.into_iter().map(on_wire).collect();
    let sum: u64 = came.iter().sum();
    println!("{came:?} of {SIZE} bytes");
    assert!(
        sum <= SIZE * 115 / 100 + 3 * END,
        "{came:?} of {SIZE} bytes"
    );
    for root in &roots {
        assert_is_central_s(&site, root);
    }
    for daemon in daemons {
        daemon.kill().was_killed();
    }
}

/// While an exam runs on the box that has it, it comes from central.
#[test]
fn a_sibling_gives_nothing_while_an_exam_runs_there() {
    const TEST: u8 = 69;
    let site = room(Site::enrolled(options(3, 1, (SIZE, SIZE))), TEST, 2);
    let own_root = site.path("");
    let root = another(&site, TEST, 1);
    let own = listening(&site, &own_root, address(TEST, 0));
    on_wire(syncs(&site, &own_root));
    site.api()
        .call("PUT", "/v1/exam", r#"{"active": true, "ttl_seconds": 600}"#)
        .unwrap();
    let second = listening(&site, &root, address(TEST, 1));
    let came = on_wire(syncs(&site, &root));
    assert!(
        came >= SIZE * 9 / 10,
        "{came} of {SIZE} bytes came from central"
    );
    assert_is_central_s(&site, &root);
    own.kill().was_killed();
    second.kill().was_killed();
}
