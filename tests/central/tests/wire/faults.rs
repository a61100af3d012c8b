//! Each scripted fault and each crash.
//! Never touches the data, except where a fault does.
//! Run by `cargo test -p central`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use central::{Change, Fault, Route, Rule};

use crate::site::{WireSite, json_of};

#[test]
fn a_refused_connection_is_dead_and_the_next_one_lives() {
    let site = WireSite::small();
    site.central.script(Rule::any(Fault::Refuse));
    assert_eq!(site.versions().status, 0);
    assert_eq!(site.versions().status, 200);
    site.central.script(Rule::on(Route::Results, Fault::Refuse));
    assert_eq!(site.versions().status, 200);
    assert_eq!(site.results(&["e"]).status, 0);
    assert!(site.central.executions().is_empty());
    assert_eq!(site.central.firings(), (2, 0));
}

#[test]
fn an_upload_that_is_cut_is_not_processed() {
    let site = WireSite::small();
    site.central
        .script(Rule::on(Route::Results, Fault::CutUpload { after: 10 }));
    assert_eq!(site.results(&["e"]).status, 0);
    assert!(site.central.executions().is_empty());
    assert!(site.central.requests_on(Route::Results)[0].is_struck);
}

#[test]
fn a_cut_answer_has_exactly_the_bytes_it_was_given() {
    let site = WireSite::small();
    for after in [0, 1, 1000, 39_999] {
        site.central.script(Rule::on(
            Route::Package,
            Fault::Cut {
                after,
                reset: false,
            },
        ));
        let answer = site.package("");
        assert_eq!((answer.status, answer.body.len() as u64), (200, after));
        assert!(!answer.is_complete);
    }
    site.central.script(Rule::on(
        Route::SupportedVm,
        Fault::Cut {
            after: 5,
            reset: false,
        },
    ));
    assert_eq!(site.versions().body, b"{\"suc");
    site.central.script(Rule::on(
        Route::Package,
        Fault::Cut {
            after: 9,
            reset: true,
        },
    ));
    assert!(!site.package("").is_complete);
    assert_eq!(
        site.package("").body,
        site.central.package(&site.delivery()).unwrap()
    );
}

#[test]
fn a_stalled_or_silent_answer_sends_nothing_more_and_keeps_the_connection() {
    let site = WireSite::small();
    let heard = |fault: Fault| {
        site.central.script(Rule::on(Route::SupportedVm, fault));
        let mut socket = TcpStream::connect(site.central.address()).unwrap();
        socket
            .write_all(&site.request("GET", "/taoSync/api/supportedVm", "", ""))
            .unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(300)))
            .unwrap();
        let mut bytes = Vec::new();
        let error = socket.read_to_end(&mut bytes).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
        String::from_utf8(bytes).unwrap()
    };
    assert_eq!(heard(Fault::Silence), "");
    assert!(heard(Fault::Stall { after: 4 }).ends_with("\r\n\r\n4\r\n{\"su\r\n"));
}

#[test]
fn corruption_hits_the_byte_that_was_named() {
    let site = WireSite::small();
    let whole = site.central.package(&site.delivery()).unwrap();
    site.central.script(Rule::on(
        Route::Package,
        Fault::Corrupt {
            at: 7,
            in_package: false,
        },
    ));
    let body = site.package("Range: bytes=100-9999\r\n").body;
    assert_eq!(
        (body[7], &body[8..]),
        (whole[107] ^ 0xff, &whole[108..10_000])
    );
    let rule = Rule::on(
        Route::Package,
        Fault::Corrupt {
            at: 107,
            in_package: true,
        },
    );
    site.central.script(rule.times(2));
    assert_eq!(
        site.package("Range: bytes=200-9999\r\n").body,
        whole[200..10_000]
    );
    assert_eq!(
        site.package("Range: bytes=100-9999\r\n").body[7],
        whole[107] ^ 0xff
    );
}

#[test]
fn statuses_and_pages_come_instead_of_processing() {
    let site = WireSite::small();
    let script = |fault: Fault| site.central.script(Rule::on(Route::Results, fault));
    script(Fault::Unauthorized);
    assert_eq!(site.results(&["e"]).status, 401);
    let status = Fault::Status {
        code: 503,
        body: "busy".into(),
        retry_after: Some("7".into()),
        location: None,
    };
    script(status);
    let answer = site.results(&["e"]);
    assert_eq!(
        (answer.status, answer.body.as_slice()),
        (503, b"busy".as_slice())
    );
    assert_eq!(answer.header("retry-after"), Some("7"));
    script(Fault::Page {
        html: "<html>captive</html>".into(),
    });
    let answer = site.results(&["e"]);
    assert_eq!(
        (answer.status, answer.body.starts_with(b"<html>")),
        (200, true)
    );
    script(Fault::Maintenance);
    assert!(site.results(&["e"]).body.starts_with(b"<!doctype html>"));
    assert!(site.central.executions().is_empty());
    site.central.set_maintenance(true);
    let answer = site.versions();
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("text/html; charset=UTF-8"))
    );
    assert_eq!(
        site.get(
            "/taoSync/api/supportedVm",
            "X-Requested-With: XMLHttpRequest\r\n"
        )
        .status,
        500
    );
    site.central.set_maintenance(false);
    site.central.expire_tokens();
    assert_eq!(site.versions().status, 401);
}

#[test]
fn a_compressed_answer_inflates_to_the_plain_one() {
    let site = WireSite::small();
    let plain = site.package("").body;
    site.central
        .script(Rule::on(Route::Package, Fault::Gzip { always: false }).times(3));
    assert_eq!(site.package("").header("content-encoding"), None);
    let ranged = site.package("Accept-Encoding: gzip\r\nRange: bytes=0-9999\r\n");
    assert_eq!(
        (ranged.status, ranged.header("content-encoding")),
        (206, None)
    );
    let packed = site.package("Accept-Encoding: gzip\r\n");
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert_eq!(
        (
            packed.header("content-length"),
            packed.header("accept-ranges")
        ),
        (None, None)
    );
    let deflated = &packed.body[10..packed.body.len() - 8];
    assert_eq!(
        miniz_oxide::inflate::decompress_to_vec(deflated).unwrap(),
        plain
    );
}

#[test]
fn json_is_spoilt_as_told() {
    let site = WireSite::small();
    let spoilt = |fault: Fault| {
        site.central.script(Rule::on(Route::SupportedVm, fault));
        let answer = site.versions();
        assert!(answer.is_complete);
        answer.body
    };
    assert_eq!(spoilt(Fault::Truncate { bytes: 9 }), b"{\"success");
    assert_eq!(spoilt(Fault::Huge { bytes: 3 << 20 }).len(), 3 << 20);
    assert_eq!(spoilt(Fault::Deep { depth: 5 }), b"[[[[[]]]]]");
    assert!(String::from_utf8(spoilt(Fault::NotUtf8)).is_err());
}

#[test]
fn a_slow_link_and_a_late_answer_take_their_time() {
    let site = WireSite::small();
    let took = |act: &dyn Fn()| {
        let start = Instant::now();
        act();
        start.elapsed()
    };
    let size = site.package("").body.len() as u64;
    site.central
        .script(Rule::on(Route::Package, Fault::Throttle { rate: size * 4 }));
    assert!(took(&|| drop(site.package(""))) >= Duration::from_millis(240));
    site.central.set_rate(size * 4);
    assert!(took(&|| drop(site.package(""))) >= Duration::from_millis(240));
    site.central.set_rate(0);
    site.central.set_latency(120);
    assert!(took(&|| drop(site.versions())) >= Duration::from_millis(120));
}

#[test]
fn a_crash_stores_all_or_nothing_or_what_came_before_it() {
    let site = WireSite::small();
    let crash = |fault: Fault, ids: &[&str]| {
        site.central.script(Rule::on(Route::Results, fault));
        assert_eq!(site.results(ids).status, 0);
    };
    crash(Fault::CrashBefore, &["before"]);
    assert!(site.central.executions().is_empty() && !site.is_mapped("before"));
    crash(Fault::CrashAfter, &["after"]);
    assert!(site.is_mapped("after"));
    assert_eq!(json_of(&site.results(&["after"]))["after"]["success"], 0);
    crash(Fault::CrashInside { variables: 3 }, &["first", "second"]);
    assert!(site.is_mapped("first") && !site.is_mapped("second"));
    let orphans = site.central.orphans();
    assert_eq!((orphans.len(), orphans[0].variables.len()), (1, 1));
    assert_eq!(json_of(&site.results(&["second"]))["second"]["success"], 1);
    assert_eq!(site.central.executions().len(), 4);
    assert!(
        site.central.log_rows().is_empty(),
        "the probe stores nothing"
    );
}

#[test]
fn a_package_can_change_between_two_ranges() {
    let site = WireSite::small();
    let before = site.central.package(&site.delivery()).unwrap();
    let change = Change {
        percent: 10.0,
        same_size: true,
    };
    site.central
        .script(Rule::on(Route::Package, Fault::ChangePackage(change)).nth(2));
    assert_eq!(
        site.package("Range: bytes=0-9999\r\n").body,
        before[..10_000]
    );
    let rest = site.package("Range: bytes=10000-\r\n").body;
    let after = site.central.package(&site.delivery()).unwrap();
    assert_ne!(before, after);
    assert_eq!(
        (after.len(), rest.as_slice()),
        (before.len(), &after[10_000..])
    );
}

#[test]
fn a_closed_port_refuses_and_a_severed_connection_ends() {
    let site = WireSite::small();
    let mut kept = TcpStream::connect(site.central.address()).unwrap();
    let request = site.request("GET", "/taoSync/api/supportedVm", "", "");
    kept.write_all(&request).unwrap();
    let mut first = [0; 8];
    kept.read_exact(&mut first).unwrap();
    site.central.sever();
    let mut rest = Vec::new();
    let _ = kept.read_to_end(&mut rest);
    site.central.set_listening(false);
    let refused = TcpStream::connect(site.central.address()).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    site.central.set_listening(true);
    assert_eq!(site.versions().status, 200);
}

#[test]
fn a_range_can_be_longer_than_it_says() {
    let site = WireSite::small();
    let whole = site.central.package(&site.delivery()).unwrap();
    site.central
        .script(Rule::on(Route::Package, Fault::LongRange { bytes: 5 }));
    let answer = site.package("Range: bytes=10-5009\r\n");
    assert_eq!(
        answer.header("content-range"),
        Some(format!("bytes 10-5009/{}", whole.len()).as_str())
    );
    assert_eq!(answer.body, whole[10..5015]);
}

#[test]
fn ranges_can_be_refused_stripped_or_without_their_place() {
    let site = WireSite::small();
    let whole = site.central.package(&site.delivery()).unwrap();
    let set = |fault: Fault| {
        site.central.clear_script();
        site.central
            .script(Rule::on(Route::Package, fault).always());
    };
    for tells_size in [true, false] {
        set(Fault::RefuseSuffix { tells_size });
        let refused = site.package("Range: bytes=-100\r\n");
        assert_eq!(refused.status, 416);
        let size = format!("bytes */{}", whole.len());
        assert_eq!(
            refused.header("content-range"),
            tells_size.then_some(size.as_str())
        );
        assert_eq!(site.package("Range: bytes=0-9\r\n").body, whole[..10]);
    }
    set(Fault::Unsized);
    let stripped = site.package("Range: bytes=-100\r\n");
    assert_eq!(
        (stripped.status, stripped.header("content-length")),
        (200, None)
    );
    assert_eq!(stripped.body, whole);
    set(Fault::Placeless);
    let placeless = site.package("Range: bytes=10-5009\r\n");
    assert_eq!(
        (placeless.status, placeless.header("content-range")),
        (206, None)
    );
    assert_eq!(placeless.body, whole[10..5010]);
}

#[test]
fn bodies_are_rewritten_and_given() {
    let site = WireSite::small();
    let rewrite = Fault::Rewrite {
        find: "\"2022.11\"".into(),
        with: "7".into(),
    };
    site.central.script(Rule::on(Route::SupportedVm, rewrite));
    assert_eq!(json_of(&site.versions())["data"][0], 7);
    site.central.script(Rule::on(
        Route::SupportedVm,
        Fault::Json { body: "[1]".into() },
    ));
    assert_eq!(site.versions().body, b"[1]");
}

#[test]
fn a_connection_that_hangs_up_gives_its_answer_first() {
    let site = WireSite::small();
    site.central.script(Rule::on(Route::Package, Fault::HangUp));
    let mut socket = TcpStream::connect(site.central.address()).unwrap();
    let ask = |path: &str| site.request("GET", path, "", "");
    let uri = site.delivery().replace('#', "%23");
    let target = format!("/taoSync/SynchronisationApi/getDeliveryTest?delivery-uri={uri}");
    socket.write_all(&ask("/taoSync/api/supportedVm")).unwrap();
    socket.write_all(&ask(&target)).unwrap();
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes).unwrap();
    assert!(bytes.ends_with(&site.central.package(&site.delivery()).unwrap()));
    let text = String::from_utf8_lossy(&bytes);
    assert_eq!(
        (
            text.matches("HTTP/1.1 200").count(),
            text.contains("onnection: close")
        ),
        (2, false)
    );
    assert_eq!(site.versions().status, 200);
}
