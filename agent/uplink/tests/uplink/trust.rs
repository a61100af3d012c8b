//! Certificates: judged by the box's own time, each flaw named, a dead clock no reason to look away.
//! Never trusts more than central's own date under a chain that is valid at that date.
//! Run by `main`.

use std::sync::Arc;

use logic::api::Call;
use logic::fault::Code;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use system::clock::Clock;
use uplink::{Proxy, Secret, Uplink, UplinkConfig, surely_unsent};

use crate::central::*;

/// What the server shows: a certificate for `name` from `from` to `to` (years, from January), and the PEM of its CA.
fn authority(name: &str, from: i32, to: i32) -> (Arc<ServerConfig>, Vec<u8>) {
    authority_called("Test Authority", name, from, to)
}

fn authority_called(called: &str, name: &str, from: i32, to: i32) -> (Arc<ServerConfig>, Vec<u8>) {
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name
        .push(rcgen::DnType::CommonName, called);
    ca.not_before = date_time_ymd(2000, 1, 1);
    ca.not_after = date_time_ymd(2100, 1, 1);
    let ca_key = KeyPair::generate().unwrap();
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem().into_bytes();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(to, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .unwrap();
    (Arc::new(config), ca_pem)
}

fn trusting(central: &ScriptedCentral, ca_pem: Vec<u8>, time: u64) -> Uplink {
    by(central, ca_pem, Clock::standing(time as i64))
}

fn by(central: &ScriptedCentral, ca_pem: Vec<u8>, time: Clock) -> Uplink {
    let line = UplinkConfig {
        ca_pem: Some(ca_pem),
        time,
        ..line(&format!("https://127.0.0.1:{}/", central.port))
    };
    Uplink::new(line, None).unwrap()
}

/// One call at `time` to a central of that certificate: code and reason of its failure, if it fails.
async fn judged(name: &str, from: i32, to: i32, time: u64) -> Result<Option<i64>, (Code, String)> {
    let (config, ca_pem) = authority(name, from, to);
    let central = ScriptedCentral::tls(config, |_| Told::ok("{}")).await;
    let uplink = trusting(&central, ca_pem, time);
    match uplink.call(&open_get()).await {
        Ok(_) => Ok(uplink.heard().map(|heard| heard.date)),
        Err(trouble) => {
            assert_eq!(trouble.outcome.exit(), 4);
            // What the date of the answer itself says of the certificate comes too late for that.
            assert_eq!(
                surely_unsent(&trouble),
                !trouble.answered,
                "{}",
                trouble.code
            );
            assert!(trouble.reason().contains("certificate"));
            assert_eq!(uplink.heard(), None);
            Err((trouble.code, trouble.reason()))
        }
    }
}

#[test]
fn each_flaw_of_a_certificate_is_named() {
    run(async {
        let today = Ok(Some(TODAY as i64));
        assert_eq!(judged("127.0.0.1", 2025, 2028, TODAY).await, today);
        for (name, from, to, code, words) in [
            (
                "127.0.0.1",
                2020,
                2021,
                Code::NetTlsExpired,
                "has expired: it ended Fri, 01 Jan 2021",
            ),
            (
                "other.example",
                2025,
                2028,
                Code::NetTlsHost,
                "is not for 127.0.0.1",
            ),
            (
                "127.0.0.1",
                2027,
                2028,
                Code::NetTlsNotYet,
                "not yet valid: it begins Fri, 01 Jan 2027",
            ),
        ] {
            let (told, reason) = judged(name, from, to, TODAY).await.unwrap_err();
            assert_eq!(told, code, "{reason}");
            assert!(reason.contains(words), "{reason}");
        }
        let (_, reason) = judged("other.example", 2025, 2028, TODAY)
            .await
            .unwrap_err();
        assert!(reason.ends_with("but for other.example"), "{reason}");

        for (called, words) in [
            (
                "Other Authority",
                "signed by “Test Authority”, an authority that",
            ),
            ("Test Authority", "not signed by the authority"),
        ] {
            let (config, _) = authority("127.0.0.1", 2025, 2028);
            let (_, other) = authority_called(called, "127.0.0.1", 2025, 2028);
            let central = ScriptedCentral::tls(config, |_| Told::ok("{}")).await;
            let uplink = trusting(&central, other, TODAY);
            let trouble = uplink.call(&open_get()).await.unwrap_err();
            assert_eq!(trouble.code, Code::NetTlsIssuer, "{}", trouble.reason());
            assert!(trouble.reason().contains(words), "{}", trouble.reason());
        }
    });
}

/// A certificate that the server signed itself, and its PEM: of an authority or not, for names, for a common name, until
/// a year.
fn own(is_ca: bool, names: &[&str], common: &str, to: i32) -> (Arc<ServerConfig>, Vec<u8>) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    if is_ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, common);
    params.not_before = date_time_ymd(2019, 1, 1);
    params.not_after = date_time_ymd(to, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .unwrap();
    (Arc::new(config), certificate.pem().into_bytes())
}

/// B14: `openssl req -x509` makes such ones, with CA:TRUE and often without a subjectAltName; curl takes them.
#[test]
fn a_server_s_own_certificate_is_taken_if_it_was_given_exactly() {
    run(async {
        let here = &["127.0.0.1"][..];
        let ok = None;
        let table = [
            (true, here, "central", 2028, true, ok),
            (false, here, "central", 2028, true, ok),
            (true, &[], "127.0.0.1", 2028, true, ok),
            (false, &[], "127.0.0.1", 2028, true, ok),
            (
                true,
                &["other.example"],
                "127.0.0.1",
                2028,
                true,
                Some((Code::NetTlsHost, "but for other.example")),
            ),
            (
                false,
                &["other.example"],
                "127.0.0.1",
                2028,
                true,
                Some((Code::NetTlsHost, "but for other.example")),
            ),
            (
                true,
                &[],
                "other.example",
                2028,
                true,
                Some((Code::NetTlsHost, "no subjectAltName")),
            ),
            (
                true,
                here,
                "central",
                2021,
                true,
                Some((Code::NetTlsExpired, "it ended Fri, 01 Jan 2021")),
            ),
            (
                false,
                here,
                "central",
                2021,
                true,
                Some((Code::NetTlsExpired, "it ended Fri, 01 Jan 2021")),
            ),
            (
                true,
                &[],
                "127.0.0.1",
                2021,
                true,
                Some((Code::NetTlsExpired, "it ended Fri, 01 Jan 2021")),
            ),
            // Another one of the same name is not the given one.
            (
                true,
                here,
                "central",
                2028,
                false,
                Some((Code::NetTlsIssuer, "signed by itself alone")),
            ),
        ];
        for (is_ca, names, common, to, given, expected) in table {
            let (config, shown) = own(is_ca, names, common, to);
            let pem = match given {
                true => shown,
                false => own(is_ca, names, common, to).1,
            };
            let central = ScriptedCentral::tls(config, |_| Told::ok("{}")).await;
            let uplink = trusting(&central, pem, TODAY);
            let answered = uplink.call(&open_get()).await;
            let met = answered.as_ref().err();
            let what = format!("{is_ca} {names:?} {common} {to}: {met:?}");
            assert_eq!(
                met.map(|t| t.code),
                expected.map(|(code, _)| code),
                "{what}"
            );
            if let (Some(trouble), Some((_, words))) = (met, expected) {
                assert!(trouble.reason().contains(words), "{}", trouble.reason());
            }
        }
        // A dead clock is no obstacle here either.
        let (config, pem) = own(true, here, "central", 2028);
        let central = ScriptedCentral::tls(config, |_| Told::ok("{}")).await;
        let uplink = trusting(&central, pem, 0);
        uplink.call(&open_get()).await.unwrap();
        assert_eq!(uplink.heard().map(|heard| heard.date), Some(TODAY as i64));
    });
}

#[test]
fn a_ca_file_that_holds_no_certificate_is_said_in_words() {
    let sound = String::from_utf8(own(true, &[], "x", 2028).1).unwrap();
    let rubbish = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let cut = sound.split_once("-----END").unwrap().0;
    let odd = sound.replacen('M', "!", 1);
    for (pem, words) in [
        ("", "found none"),
        (cut, "without its END line"),
        (&odd, "not sound base64"),
        (rubbish, "one that is not a certificate"),
    ] {
        let line = UplinkConfig {
            ca_pem: Some(pem.as_bytes().to_vec()),
            ..line("https://127.0.0.1/")
        };
        let trouble = Uplink::new(line, None).err().unwrap();
        assert_eq!(trouble.code, Code::ConfigCaFile);
        assert!(trouble.reason().ends_with(words), "{}", trouble.reason());
    }
}

#[test]
fn a_dead_clock_is_no_obstacle_and_no_licence() {
    run(async {
        // In 1970 the certificate has not begun; central's date proves that it has.
        assert_eq!(
            judged("127.0.0.1", 2025, 2028, 0).await,
            Ok(Some(TODAY as i64))
        );
        // The lower bound of the box is in 2019: expired at central's own date, though not by the box's. Then: expired
        // by the lower bound already.
        for bound in [1_546_300_800, TODAY] {
            let (code, reason) = judged("127.0.0.1", 2020, 2021, bound).await.unwrap_err();
            assert_eq!(code, Code::NetTlsExpired, "{reason}");
        }
    });
}

#[test]
fn once_central_was_heard_its_time_counts_for_the_next_connection() {
    run(async {
        let (config, ca_pem) = authority("127.0.0.1", 2025, 2028);
        // Each answer closes: the second one comes over a new connection, which is judged strictly.
        let central = ScriptedCentral::tls(config, |asked| Told {
            then: Then::Close,
            ..match asked.nth {
                1 => Told::whole(200, "Connection: close\r\n", b"{}"),
                _ => Told::raw("HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n{}", Then::Close),
            }
        })
        .await;
        let uplink = trusting(&central, ca_pem, 0);
        uplink.call(&open_get()).await.unwrap();
        assert_eq!(uplink.heard().map(|heard| heard.date), Some(TODAY as i64));
        uplink.call(&open_get()).await.unwrap();
        assert_eq!(central.asked()[1].connection, 2);
    });
}

#[test]
fn a_date_that_proves_nothing_is_not_believed() {
    run(async {
        let cases = [
            // Without a date nothing can be proven; from a cache it is old.
            (0, "HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n{}".to_owned(), Some("no date")),
            (0, format!("HTTP/1.1 200 X\r\nDate: {DATE}\r\nAge: 5\r\nContent-Length: 2\r\n\r\n{{}}"), Some("no date")),
            // Valid by the box's time, not by central's: its clock is wrong, and is not taken over.
            (TODAY, "HTTP/1.1 200 X\r\nDate: Thu, 01 Jan 1970 00:00:10 GMT\r\nContent-Length: 2\r\n\r\n{}".to_owned(), None),
        ];
        for (time, answer, expected) in cases {
            let (config, ca_pem) = authority("127.0.0.1", 2025, 2028);
            let central =
                ScriptedCentral::tls(config, move |_| Told::raw(answer.clone(), Then::Keep)).await;
            let uplink = trusting(&central, ca_pem, time);
            let reason = uplink
                .call(&open_get())
                .await
                .err()
                .map(|trouble| trouble.reason());
            match expected {
                None => assert_eq!(reason, None),
                Some(words) => assert!(reason.as_ref().unwrap().contains(words), "{reason:?}"),
            }
            assert_eq!(uplink.heard(), None);
        }
        let plain = ScriptedCentral::plain(|_| Told::ok("{}")).await;
        let uplink = Uplink::new(line(&plain.root()), None).unwrap();
        uplink.call(&open_get()).await.unwrap();
        assert_eq!(uplink.heard(), None, "plain text proves nothing");
    });
}

/// 1 March 2027, when the good certificate of these tests has ended.
const LATER: i64 = 1_803_859_200;
const HOUR: u64 = 3600;

/// A central of 2025 and 2026 that is right, one whose certificate and clock are of 2027, and the authorities of both.
async fn good_and_later(clock: &Clock) -> (ScriptedCentral, ScriptedCentral, Vec<u8>) {
    let (good, mut pem) = authority("127.0.0.1", 2025, 2027);
    let (later, other) = authority("127.0.0.1", 2027, 2028);
    pem.extend(other);
    let passed = |clock: &Clock| clock.lowest() - TODAY as i64;
    let (one, two) = (clock.clone(), clock.clone());
    let good = ScriptedCentral::tls(good, move |_| Told::dated(TODAY as i64 + passed(&one))).await;
    let later = ScriptedCentral::tls(later, move |_| Told::dated(LATER + passed(&two))).await;
    (good, later, pem)
}

async fn told(central: &ScriptedCentral, pem: &[u8], clock: &Clock) -> Result<(), Code> {
    let uplink = by(central, pem.to_vec(), clock.clone());
    uplink
        .call(&open_get())
        .await
        .map(|_| ())
        .map_err(|trouble| {
            // Nothing private is in this call, so it went before its answer's date was known, and was processed.
            assert!(!surely_unsent(&trouble));
            assert_eq!(trouble.outcome.exit(), 4);
            assert!(
                trouble.reason().contains("certificate"),
                "{}",
                trouble.reason()
            );
            trouble.code
        })
}

#[test]
fn one_answer_of_a_later_time_is_accepted_and_locks_nobody_out() {
    run(async {
        let clock = Clock::standing(TODAY as i64);
        let (good, later, pem) = good_and_later(&clock).await;
        assert_eq!(told(&good, &pem, &clock).await, Ok(()));
        clock.pass(120);
        // As a box that was off for a summer meets a renewed certificate.
        assert_eq!(told(&later, &pem, &clock).await, Ok(()));
        assert!(clock.time() >= LATER);
        clock.pass(120);
        assert_eq!(told(&good, &pem, &clock).await, Ok(()));
        assert!(clock.time() < LATER && clock.floor() < LATER);
    });
}

#[test]
fn a_later_time_that_was_said_twice_is_taken_back_within_a_day() {
    run(async {
        let clock = Clock::standing(TODAY as i64);
        let (good, later, pem) = good_and_later(&clock).await;
        for _ in 0..2 {
            assert_eq!(told(&later, &pem, &clock).await, Ok(()));
            clock.pass(HOUR);
        }
        for hours in 0..24 {
            let refused = told(&good, &pem, &clock).await;
            assert_eq!(refused, Err(Code::ClockFloor), "{hours}");
            clock.pass(HOUR);
        }
        assert_eq!(told(&good, &pem, &clock).await, Ok(()));
    });
}

#[test]
fn what_a_person_accepts_counts_at_once() {
    run(async {
        let clock = Clock::standing(TODAY as i64);
        let (good, later, pem) = good_and_later(&clock).await;
        for _ in 0..2 {
            assert_eq!(told(&later, &pem, &clock).await, Ok(()));
            clock.pass(HOUR);
        }
        assert!(told(&good, &pem, &clock).await.is_err());
        let (mut estimate, now) = (clock.estimate(), clock.uptime());
        estimate.accept(TODAY as i64 + 7200, TODAY as i64, now);
        clock.take_unsaved();
        clock.install(estimate);
        assert_eq!(told(&good, &pem, &clock).await, Ok(()));
    });
}

#[test]
fn nothing_secret_is_sent_before_the_date_has_proven_the_certificate() {
    run(async {
        // Of a box in 1970 neither certificate is valid; by central's date the first one is, the second has ended.
        for (from, to, right) in [(2025, 2028, true), (2020, 2021, false)] {
            let (config, ca_pem) = authority("127.0.0.1", from, to);
            // The first answer closes: what comes after needs a connection of its own.
            let central = ScriptedCentral::tls(config, |asked| match asked.nth {
                1 => Told {
                    then: Then::Close,
                    ..Told::whole(401, "Connection: close\r\n", b"{}")
                },
                _ if asked.is_token() => Told::token(1),
                _ => Told::ok("{}"),
            })
            .await;
            let root = format!("https://127.0.0.1:{}/", central.port);
            let line = UplinkConfig {
                ca_pem: Some(ca_pem),
                time: Clock::standing(0),
                ..line(&root)
            };
            let uplink = Uplink::new(line, Some(credentials(&root))).unwrap();
            let answered = uplink.call(&Call::versions()).await;
            let asked = central.asked();
            let first = &asked[0];
            assert!(first.head.starts_with("GET ") && first.body.is_empty());
            assert_eq!(
                (first.field("Authorization"), first.field("x-tao-box-id")),
                (None, None)
            );
            match right {
                true => {
                    answered.unwrap();
                    let [_, token, call] = &asked[..] else {
                        panic!("a question, a token, the call: {}", asked.len())
                    };
                    assert!(token.is_token() && call.field("Authorization").is_some());
                }
                false => {
                    assert_eq!(answered.unwrap_err().code, Code::NetTlsExpired);
                    assert_eq!(asked.len(), 1);
                }
            }
        }
    });
}

#[test]
fn the_wrong_scheme_is_recognised_both_ways() {
    run(async {
        let plain = ScriptedCentral::plain(|_| Told::ok("{}")).await;
        let (config, ca_pem) = authority("127.0.0.1", 2025, 2028);
        let trouble = trusting(&plain, ca_pem, TODAY)
            .call(&open_get())
            .await
            .unwrap_err();
        assert_eq!(trouble.code, Code::NetTls, "{}", trouble.reason());
        // The scripted server waits for a whole head; a real one answers at once.
        let talker = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = talker.local_addr().unwrap().port();
        tokio::task::spawn_local(async move {
            use tokio::io::AsyncWriteExt;
            let (mut stream, _) = talker.accept().await.unwrap();
            let _ = stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
                .await;
            std::future::pending::<()>().await;
        });
        let root = format!("https://127.0.0.1:{port}/");
        let trouble = Uplink::new(line(&root), None)
            .unwrap()
            .call(&open_get())
            .await
            .unwrap_err();
        assert!(
            trouble.reason().contains("does not speak TLS") && trouble.reason().contains("http://"),
            "{}",
            trouble.reason()
        );

        let central = ScriptedCentral::tls(config, |_| Told::ok("{}")).await;
        let nginx = ScriptedCentral::plain(|_| {
            Told::whole(
                400,
                "",
                b"<html>The plain HTTP request was sent to HTTPS port</html>",
            )
        })
        .await;
        for server in [&central, &nginx] {
            let uplink = Uplink::new(line(&server.root()), None).unwrap();
            let trouble = uplink.call(&open_get()).await.unwrap_err();
            assert_eq!(trouble.code, Code::NetTls, "{}", trouble.reason());
            assert!(
                trouble.reason().contains("https://"),
                "{}",
                trouble.reason()
            );
        }
    });
}

#[test]
fn tls_goes_through_a_proxy_end_to_end() {
    run(async {
        let (config, ca_pem) = authority("central.example", 2025, 2028);
        let central =
            ScriptedCentral::tls(config, |asked| match asked.head.starts_with("CONNECT") {
                true => Told::raw(
                    "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n",
                    Then::Keep,
                ),
                false => Told::ok("{}"),
            })
            .await;
        let line = UplinkConfig {
            ca_pem: Some(ca_pem),
            proxy: Some(Proxy::parse(&format!("http://user@127.0.0.1:{}", central.port)).unwrap()),
            proxy_password: Some(Secret::new("secret".into())),
            ..line("https://central.example/")
        };
        let uplink = Uplink::new(line, None).unwrap();
        for _ in 0..2 {
            uplink.call(&open_get()).await.unwrap();
        }
        let [connect, first, second] = &central.asked()[..] else {
            panic!("one way, two requests")
        };
        assert_eq!(connect.target(), "central.example:443");
        assert_eq!(
            connect.field("Proxy-Authorization"),
            Some("Basic dXNlcjpzZWNyZXQ=")
        );
        for asked in [first, second] {
            assert_eq!(
                (asked.connection, asked.target()),
                (1, "/taoSync/api/supportedVm")
            );
            assert_eq!(asked.field("Proxy-Authorization"), None);
        }
    });
}

#[test]
fn authorities_that_are_none_are_refused_at_once() {
    for pem in [
        &b""[..],
        b"garbage",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let line = UplinkConfig {
            ca_pem: Some(pem.to_vec()),
            ..line("https://central.example/")
        };
        let trouble = Uplink::new(line, None).err().unwrap();
        assert_eq!(trouble.code, Code::ConfigCaFile);
    }
}
