//! The way to central: refused, cut, stalled, lied to by proxies, with every kind of certificate.
//! Never sees the product but as the built binary: central and the files of a box are all else.
//! Run by `cargo test -p e2e`.

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use central::{Central, Certificate, Fault, Options, Route, Rule};
use e2e::{Site, options, status};

fn small() -> Options {
    options(3, 1, (4_000, 4_000))
}

/// A port of this machine where nobody listens.
fn closed_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn reason(ran: &serde_json::Value) -> String {
    ran["reason"].as_str().unwrap().to_owned()
}

#[test]
fn a_central_that_cannot_be_reached_is_offline_with_a_code_and_soon() {
    // All at once: each spends its time waiting for the next attempt.
    thread::scope(|scope| {
        let closed = format!("http://127.0.0.1:{}/", closed_port());
        for (url, code) in [
            (closed.as_str(), "net.refused"),
            ("http://central.invalid/", "net.dns"),
        ] {
            let mut site = Site::enrolled(small());
            site.set("central", "url", &format!("\"{url}\""));
            scope.spawn(move || {
                let ran = site.sync().exits(4);
                assert_eq!(ran.code(code)["outcome"], "offline");
                assert!(ran.took < Duration::from_secs(60), "{}", ran.story());
                assert_eq!(site.central.counters().requests, 0);
            });
        }
        scope.spawn(|| {
            let site = Site::enrolled(small()).held();
            let before = site.entities();
            site.central.script(Rule::any(Fault::Refuse).always());
            let ran = site.sync().exits(4);
            let code = ran.object()["code"].to_string();
            assert!(code.starts_with("\"net."), "{code}");
            site.central.clear_script();
            site.sync().exits(0);
            assert_eq!(site.entities(), before);
        });
        scope.spawn(|| {
            let site = Site::new(small());
            site.central.set_listening(false);
            site.enroll().exits(4).code("net.refused");
        });
    });
}

#[test]
fn a_central_that_says_nothing_is_given_up_within_a_minute() {
    let site = Site::enrolled(small());
    site.central
        .script(Rule::on(Route::SupportedVm, Fault::Silence).always());
    let ran = site.sync().exits(4);
    assert_eq!(ran.code("net.timeout")["outcome"], "offline");
    assert!(ran.took < Duration::from_secs(60), "{}", ran.story());
}

#[test]
fn a_run_that_meets_short_faults_goes_on() {
    let site = Site::enrolled(small());
    let busy = status(503, "<html>busy</html>", Some(1));
    site.central
        .script(Rule::on(Route::SupportedVm, Fault::Refuse));
    site.central.script(
        Rule::on(
            Route::Checksums,
            Fault::Cut {
                after: 20,
                reset: true,
            },
        )
        .containing("type=proctor"),
    );
    site.central
        .script(Rule::on(Route::Details, busy).containing("test-taker"));
    site.sync().exits(0).code("ok");
    assert_eq!(site.central.firings(), (3, 0));
    site.assert_equal_to_central();
}

#[test]
fn certificates_that_prove_nothing_are_called_by_their_name() {
    thread::scope(|scope| {
        for (certificate, code) in [
            (Certificate::Expired, "net.tls_expired"),
            (Certificate::Early, "net.tls_not_yet"),
            (Certificate::WrongHost, "net.tls_host"),
        ] {
            scope.spawn(move || {
                let site = Site::new(Options {
                    tls: Some(certificate),
                    ..small()
                });
                let ran = site.enroll().exits(4).object();
                assert!(
                    reason(&ran).contains("certificate"),
                    "{certificate:?}: {ran}"
                );
                assert_eq!(ran["code"], code);
            });
        }
        scope.spawn(|| {
            let mut site = Site::new(Options {
                tls: Some(Certificate::Good),
                ..small()
            });
            site.enroll().exits(0);
            let stranger = Central::start(Options {
                tls: Some(Certificate::Good),
                ..small()
            })
            .unwrap();
            let file = site.path("stranger.pem");
            std::fs::write(&file, stranger.ca_pem().unwrap()).unwrap();
            site.set("central", "ca_file", &format!("{file:?}"));
            let ran = site.sync().exits(4).code("net.tls_issuer");
            assert!(reason(&ran).contains("certificate"), "{ran}");
            site.unset("central", "ca_file");
            let ran = site.sync().exits(4).code("net.tls_issuer");
            assert!(reason(&ran).contains("certificate"), "{ran}");
        });
    });
}

#[test]
fn over_tls_everything_is_as_without() {
    for host in ["127.0.0.1", "localhost"] {
        let site = Site::enrolled(Options {
            tls: Some(Certificate::Good),
            host: host.into(),
            ..options(30, 2, (40_000, 300_000))
        });
        let ran = site.sync().exits(0).code("ok");
        assert_eq!(ran["entities"]["test-taker"]["created"], 30);
        for n in 0..2 {
            site.assert_package(&site.delivery(n));
        }
    }
}

#[test]
fn http_where_tls_is_spoken_and_tls_where_it_is_not_are_told() {
    let mut site = Site::new(Options {
        tls: Some(Certificate::Good),
        ..small()
    });
    site.set(
        "central",
        "url",
        &format!("\"http://{}/\"", site.central.address()),
    );
    let ran = site.enroll();
    let told = ran.object();
    assert!(matches!(ran.exit, Some(1 | 2 | 4)), "{}", ran.story());
    assert!(reason(&told).to_lowercase().contains("https"), "{told}");
    let mut site = Site::new(small());
    site.set(
        "central",
        "url",
        &format!("\"https://{}/\"", site.central.address()),
    );
    let ran = site.enroll().exits(4).code("net.tls");
    assert!(reason(&ran).contains("http"), "{ran}");
}

#[test]
fn a_url_may_have_a_path() {
    for prefix in ["tao", "exam/tao"] {
        let site = Site::enrolled(Options {
            prefix: prefix.into(),
            page_size: 2,
            ..small()
        });
        site.sync().exits(0).code("ok");
        assert!(
            site.central
                .requests()
                .iter()
                .all(|seen| !seen.path.contains("//"))
        );
        site.assert_equal_to_central();
    }
    let mut site = Site::enrolled(small());
    // The trailing slash may be missing, and a page that is not central's is named.
    site.set(
        "central",
        "url",
        &format!("\"{}\"", site.central.url().trim_end_matches('/')),
    );
    site.sync().exits(0);
    site.set(
        "central",
        "url",
        &format!("\"{}nothing/here\"", site.central.url()),
    );
    let ran = site.sync();
    assert!(matches!(ran.exit, Some(1 | 3)), "{}", ran.story());
    assert_ne!(ran.object()["code"], "ok");
}

#[test]
fn a_proxy_that_is_not_there_is_named_as_the_proxy() {
    let mut site = Site::enrolled(small());
    let proxy = format!("http://127.0.0.1:{}", closed_port());
    site.set("central", "url", "\"http://central.example/\"");
    site.set("central", "proxy", &format!("\"{proxy}\""));
    let ran = site.sync().exits(4).code("net.proxy");
    assert!(reason(&ran).contains("proxy"), "{ran}");
}

#[test]
fn compressed_answers_are_read() {
    let site = Site::enrolled(options(60, 1, (4_000, 4_000)));
    site.central
        .script(Rule::any(Fault::Gzip { always: false }).always());
    site.sync().exits(0).code("ok");
    site.assert_equal_to_central();
}

/// B15: the proxy accepts and says nothing: it is told of, not central behind it.
#[test]
fn a_proxy_that_stalls_is_named_by_doctor() {
    // The kernel accepts; nobody reads.
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let mut site = Site::enrolled(small());
    site.set("central", "url", "\"https://central.example/\"");
    site.set("central", "proxy", &format!("\"{place}\""));
    let told = site.run(&["doctor", "--json"]).ends().object();
    let checks = told["checks"].as_array().unwrap();
    let first = checks.iter().find(|check| check["status"] == "fail");
    let first = first.unwrap();
    assert_eq!(first["code"], "net.proxy", "{first}");
    let summary = first["summary"].as_str().unwrap();
    assert!(summary.contains(&place), "{summary}");
}
