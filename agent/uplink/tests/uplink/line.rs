//! What goes over the line and how it is shared: header fields, connections, counters, gzip, proxy.
//! Never looks inside `uplink`.
//! Run by `main`.

use std::io::Write;
use std::time::Duration;

use logic::api::{Call, PackageRange};
use logic::entity::EntityType;
use logic::fault::Code;
use logic::words::SyncParams;
use uplink::{Proxy, Secret, Uplink};

use crate::central::*;

fn params() -> SyncParams {
    SyncParams {
        organisation_id: "1001".into(),
        sync_id: 1,
        box_id: "5e0b1c2d3f4a5".into(),
        tao_version: "2022.11".into(),
    }
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    out.extend(miniz_oxide::deflate::compress_to_vec(content, 6));
    out.write_all(&crc32fast::hash(content).to_le_bytes())
        .unwrap();
    out.write_all(&(content.len() as u32).to_le_bytes())
        .unwrap();
    out
}

#[test]
fn a_call_is_sent_as_the_protocol_wants_it() {
    run(async {
        let central = ScriptedCentral::plain(|asked| match asked.is_token() {
            true => ScriptedAnswer::token(1),
            false => ScriptedAnswer::ok("{}"),
        })
        .await;
        let root = format!("{}tao/", central.root());
        let uplink = uplink(&root);
        let call = Call::package("http://x/t.rdf#i1", Some(PackageRange::Suffix(4096)));
        uplink.call(&call).await.unwrap();
        let call = Call::details(EntityType::Proctor, &["a".into()], &params());
        uplink.call(&call).await.unwrap();
        let call = Call::next_page("/taoSync/x?a[b]=1 2\"é&c=%20");
        uplink.call(&call).await.unwrap();
        uplink.call(&Call::handshake("l", "p")).await.unwrap();

        let [token, package, details, next, handshake] = &central.asked()[..] else {
            panic!("five requests")
        };
        assert_eq!(
            token.body,
            "grant_type=client_credentials&client_id=3cefc40f584f096b22ab63e8feb8e02f&client_secret=s3cret"
        );
        assert_eq!(
            token.field("Content-Type"),
            Some("application/x-www-form-urlencoded")
        );
        assert_eq!(token.target(), "/tao/taoOauth/TokenApi/requestToken");
        assert_eq!(
            (token.field("X-Tao-Box-Id"), token.field("Authorization")),
            (None, None)
        );
        assert_eq!(
            package.head,
            format!(
                "GET /tao/taoSync/SynchronisationApi/getDeliveryTest?delivery-uri=http%3A%2F%2Fx%2Ft.rdf%23i1 HTTP/1.1\r\n\
                 Host: 127.0.0.1:{}\r\nUser-Agent: boxsync/{}\r\nAccept: application/json\r\nAccept-Encoding: identity\r\n\
                 Range: bytes=-4096\r\nAuthorization: Bearer token1\r\nX-Tao-Box-Id: 5e0b1c2d3f4a5\r\n\r\n",
                central.port,
                env!("CARGO_PKG_VERSION")
            )
        );
        assert!(
            details
                .head
                .starts_with("POST /tao/taoSync/SynchronisationApi/fetchEntityDetails ")
        );
        assert_eq!(details.field("Content-Type"), Some("application/json"));
        assert_eq!(details.field("Accept-Encoding"), Some("gzip"));
        assert!(details.body.starts_with('{') && details.body.contains(r#""entityIds":["a"]"#));
        assert_eq!(next.target(), "/tao/taoSync/x?a[b]=1%202%22%C3%A9&c=%20");
        assert_eq!(handshake.field("Authorization"), None);
        assert_eq!(handshake.field("X-Tao-Box-Id"), None);
        assert_eq!(handshake.connection, 1, "one connection for all");
    });
}

#[test]
fn connections_are_kept_bounded_and_counted() {
    run(async {
        let central = ScriptedCentral::plain(|_| ScriptedAnswer::ok("0123456789")).await;
        let uplink = Uplink::new(
            uplink::UplinkConfig {
                connections: 2,
                ..line(&central.root())
            },
            None,
        )
        .unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..9 {
            let uplink = uplink.clone();
            tasks.spawn_local(async move { uplink.call(&open_get()).await.unwrap().body.len() });
        }
        assert_eq!(tasks.join_all().await, [10; 9]);
        let most = central.asked().iter().map(|a| a.connection).max();
        assert_eq!(most, Some(2));
        let meter = uplink.meter();
        assert_eq!((meter.requests, meter.connections), (9, 2));
        let sent: usize = central.asked().iter().map(|a| a.head.len()).sum();
        assert_eq!(meter.sent, sent as u64);
        assert_eq!(
            meter.received,
            9 * ScriptedAnswer::ok("0123456789").bytes.len() as u64
        );
        assert_eq!(meter.samples.len(), 9);
        assert!(
            meter
                .samples
                .iter()
                .all(|s| s.ok && s.bytes == 10 && s.name == "versions")
        );
        assert_eq!(meter.samples[8].nth, 9);
    });
}

#[test]
fn an_answer_that_nobody_reads_on_gives_its_place_back() {
    run(async {
        let central = ScriptedCentral::plain(|asked| match asked.nth {
            1 => ScriptedAnswer::raw(
                "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n12345",
                Then::Hang,
            ),
            _ => ScriptedAnswer::ok("{}"),
        })
        .await;
        let uplink = Uplink::new(
            uplink::UplinkConfig {
                connections: 1,
                ..line(&central.root())
            },
            None,
        )
        .unwrap();
        let mut opened = uplink.open(&open_get()).await.unwrap();
        assert_eq!(
            (opened.status, opened.header("content-length")),
            (200, Some("100"))
        );
        assert_eq!(opened.chunk().await.unwrap().unwrap(), "12345");
        let waiting = tokio::task::spawn_local({
            let uplink = uplink.clone();
            async move { uplink.call(&open_get()).await }
        });
        tokio::task::yield_now().await;
        drop(opened);
        assert_eq!(waiting.await.unwrap().unwrap().body, b"{}");
        assert_eq!(central.asked()[1].connection, 2);
        let ok: Vec<bool> = uplink.meter().samples.iter().map(|s| s.ok).collect();
        assert_eq!(ok, [false, true]);
    });
}

#[test]
fn a_pause_of_the_reader_is_no_stall() {
    run(async {
        let central = ScriptedCentral::plain(|_| {
            ScriptedAnswer::raw(
                "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                Then::Keep,
            )
        })
        .await;
        let uplink = Uplink::new(line(&central.root()), None).unwrap();
        let mut opened = uplink.open(&open_get()).await.unwrap();
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(opened.chunk().await.unwrap().unwrap(), "abc");
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(opened.chunk().await.unwrap(), None);
    });
}

#[test]
fn gzip_is_inflated_within_the_limit_and_refused_for_packages() {
    run(async {
        let content = br#"{"id":"a","checksum":"c"},"#.repeat(1000);
        let packed = gzip(&content);
        let told = packed.clone();
        let central = ScriptedCentral::plain(move |asked| match asked.is_token() {
            true => ScriptedAnswer::token(1),
            false => ScriptedAnswer::whole(200, "Content-Encoding: gzip\r\n", &told),
        })
        .await;
        let uplink = uplink(&central.root());
        let mut call = open_get();
        call.limit = content.len();
        assert_eq!(uplink.call(&call).await.unwrap().body, content);
        assert_eq!(uplink.meter().samples[0].bytes, packed.len() as u64);
        call.limit -= 1;
        assert_eq!(
            uplink.call(&call).await.unwrap_err().code,
            Code::CentralTooLarge
        );
        let package = Call::package("x", Some(PackageRange::Span(0, 9)));
        let Err(trouble) = uplink.open(&package).await else {
            panic!("a compressed package")
        };
        assert_eq!(trouble.code, Code::CentralCompressed);
    });
}

#[test]
fn plain_http_goes_to_a_proxy_in_absolute_form_with_its_user() {
    run(async {
        let proxy = ScriptedCentral::plain(|asked| match asked.nth {
            1 => ScriptedAnswer::ok("{}"),
            _ => ScriptedAnswer::whole(407, "Proxy-Authenticate: Basic\r\n", b""),
        })
        .await;
        let uplink = Uplink::new(
            uplink::UplinkConfig {
                proxy: Some(
                    Proxy::parse(&format!("http://user@127.0.0.1:{}", proxy.port)).unwrap(),
                ),
                proxy_password: Some(Secret::new("secret".into())),
                ..line("http://central.example/tao/")
            },
            None,
        )
        .unwrap();
        uplink.call(&open_get()).await.unwrap();
        let asked = &proxy.asked()[0];
        assert_eq!(
            asked.target(),
            "http://central.example/tao/taoSync/api/supportedVm"
        );
        assert_eq!(asked.field("Host"), Some("central.example"));
        assert_eq!(
            asked.field("Proxy-Authorization"),
            Some("Basic dXNlcjpzZWNyZXQ=")
        );
        let trouble = uplink.call(&open_get()).await.unwrap_err();
        assert_eq!(trouble.code, Code::NetProxy);
        assert!(trouble.reason().contains("407") && !trouble.reason().contains("secret"));
    });
}
