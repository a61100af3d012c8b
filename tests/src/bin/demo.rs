//! The gateway shown: a TAO behind a bad link, first alone, then with boxsync between, then with the link down.
//! Never a figure that was not measured here and now.
//! Run by `scripts/demo gateway`.

use std::time::{Duration, Instant};

use central::{Kind, Options};
use e2e::{Brought, LIMIT, Site, Tao, options, wait_until};

/// Bytes a second, and milliseconds before each answer.
const LINK: (u64, u64) = (400_000, 250);

fn main() {
    println!(
        "Central: 300 test takers, 12 deliveries of 40 kB to 1 MB; its link: 400 kB/s, 250 ms an answer"
    );
    let mut site = Site::new(Options {
        rate: LINK.0,
        latency_ms: LINK.1,
        ..options(300, 12, (40_000, 1_000_000))
    });
    site.set("sync", "on_boot", "false");
    let at = site.set_gateway(90);
    let consumer = site.central.consumer().expect("every central has a client");
    let alone = Tao {
        at: site.central.address(),
        prefix: prefix(&site.central.url()),
        key: consumer.key,
        secret: consumer.secret,
        sync_id: 1,
        organisation: "1001".into(),
    };
    let (direct, slow) = wall("A TAO alone over this link", || run(&alone));

    let _daemon = site.start(&["run"]);
    let socket = site.path("run/boxsync/boxsync.sock");
    wait_until("the daemon", LIMIT, || socket.exists());
    wall(
        "boxsync enrols as its sync manager, which wakes the daemon",
        || {
            let _ = site.enroll().exits(0);
        },
    );
    wall("boxsync brings the same home over the same link", || {
        assert_eq!(site.sync().exit, Some(0), "the synchronization failed");
    });

    let tao = site.tao(at, 2);
    site.central.set_listening(false);
    site.central.sever();
    println!("The link is down.");
    assert!(alone.token().is_err(), "a TAO alone gets nothing now");
    let (served, fast) = wall("The TAO synchronizes from boxsync", || run(&tao));
    assert_eq!(served, direct, "boxsync serves what central does");
    let execution = "http://box.test/local.rdf#exec1";
    wall("The TAO hands over a result", || {
        let token = tao.token().expect("a token");
        let said = tao.result(
            &token,
            execution,
            &site.delivery(0),
            &site.ids(Kind::TestTaker)[0],
        );
        assert_eq!(said.expect("an answer").json()[execution]["success"], 1);
    });

    site.central.set_listening(true);
    println!("The link is back.");
    wall("boxsync brings the result to central", || {
        assert_eq!(site.sync().exit, Some(0), "the synchronization failed");
        wait_until("the result on central", LIMIT, || {
            site.central.execution(execution).is_some()
        });
    });
    println!(
        "\n{:.1} s over the link, {:.2} s from boxsync: {:.0} times as fast, and with the link down",
        slow.as_secs_f64(),
        fast.as_secs_f64(),
        slow.as_secs_f64() / fast.as_secs_f64()
    );
}

fn run(tao: &Tao) -> Brought {
    let brought = tao
        .run()
        .unwrap_or_else(|error| panic!("the run of a TAO: {error}"));
    let bytes: usize = brought.packages.values().sum();
    println!(
        "  {} entities, {} packages of {:.1} MB together",
        brought.entities.len(),
        brought.packages.len(),
        bytes as f64 / 1e6
    );
    brought
}

fn wall<T>(what: &str, act: impl FnOnce() -> T) -> (T, Duration) {
    println!("{what} …");
    let begun = Instant::now();
    let done = act();
    let took = begun.elapsed();
    println!("  {:.2} s", took.as_secs_f64());
    (done, took)
}

fn prefix(url: &str) -> String {
    format!("/{}", url.splitn(4, '/').nth(3).unwrap_or_default())
}
