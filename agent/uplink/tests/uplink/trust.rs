//! Certificates: judged by the box's own time, each flaw named, a dead clock no reason to look away.
//! Never trusts more than central's own date under a chain that is valid at that date.
//! Run by `main`.

mod time;

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
    let central = ScriptedCentral::tls(config, |_| ScriptedAnswer::ok("{}")).await;
    let uplink = trusting(&central, ca_pem, time);
    match uplink.call(&open_get()).await {
        Ok(_) => Ok(uplink.heard().map(|heard| heard.date)),
        Err(trouble) => {
            assert_eq!(trouble.outcome.exit(), 4);
            // What the date of the answer itself says of the certificate comes too late for that.
            assert_eq!(
                surely_unsent(&trouble),
                trouble.sent.is_none(),
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
            let central = ScriptedCentral::tls(config, |_| ScriptedAnswer::ok("{}")).await;
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
            let central = ScriptedCentral::tls(config, |_| ScriptedAnswer::ok("{}")).await;
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
        let central = ScriptedCentral::tls(config, |_| ScriptedAnswer::ok("{}")).await;
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
fn the_wrong_scheme_is_recognised_both_ways() {
    run(async {
        let plain = ScriptedCentral::plain(|_| ScriptedAnswer::ok("{}")).await;
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

        let central = ScriptedCentral::tls(config, |_| ScriptedAnswer::ok("{}")).await;
        let nginx = ScriptedCentral::plain(|_| {
            ScriptedAnswer::whole(
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
                true => ScriptedAnswer::raw(
                    "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n",
                    Then::Keep,
                ),
                false => ScriptedAnswer::ok("{}"),
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
