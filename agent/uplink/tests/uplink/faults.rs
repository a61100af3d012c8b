//! Every way in which the line fails: its code, and whether the request may have been processed.
//! Never retries for the caller where a second request could do harm.
//! Run by `main`.

use std::time::Duration;

use logic::api::{Answered, Call};
use logic::fault::{Code, Fault};
use logic::words::Outcome;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::Instant;
use uplink::{Proxy, Uplink, surely_unsent};

use crate::central::*;

async fn trouble(root: &str, call: &Call) -> Fault {
    Uplink::new(line(root), Some(credentials(root)))
        .unwrap()
        .call(call)
        .await
        .unwrap_err()
}

/// One call to a central that answers `bytes` and then closes or hangs.
async fn answered(bytes: &'static [u8], hang: bool) -> Answered {
    let central = ScriptedCentral::plain(move |_| {
        ScriptedAnswer::raw(bytes, if hang { Then::Hang } else { Then::Close })
    })
    .await;
    Uplink::new(line(&central.root()), None)
        .unwrap()
        .call(&open_get())
        .await
}

fn results() -> Call {
    Call::results(&json!({}), &json!({}))
}

#[test]
fn what_was_never_sent_is_told_from_what_may_have_been_processed() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let refused = trouble(&format!("http://127.0.0.1:{port}/"), &results()).await;
        assert_eq!(refused.code, Code::NetRefused);
        assert_eq!(refused.outcome, Outcome::Offline);
        assert!(refused.reason().contains(&format!("127.0.0.1:{port}")));
        // A label of more than 63 characters is refused by the resolver itself: nothing is asked of the network.
        let mut nowhere = line("http://central.example/");
        nowhere.root.host = format!("{}.example", "a".repeat(64));
        let nowhere = Uplink::new(nowhere, None).unwrap();
        let unknown = nowhere.call(&open_get()).await.unwrap_err();
        assert_eq!(unknown.code, Code::NetDns);
        for sure in [refused, unknown] {
            assert!(surely_unsent(&sure), "{}", sure.code);
        }

        let table: [(&[u8], bool, Code); 9] = [
            (b"", false, Code::NetReset),
            (b"HTTP/1.1 200 X\r\nDate: M", false, Code::NetCut),
            (
                b"HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\n12345",
                false,
                Code::NetCut,
            ),
            (
                b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123",
                false,
                Code::NetCut,
            ),
            (
                b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
                false,
                Code::CentralForeign,
            ),
            (
                b"HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\n12345",
                true,
                Code::NetStalled,
            ),
            (b"", true, Code::NetTimeout),
            (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", false, Code::CentralForeign),
            (
                b"HTTP/1.1 200 X\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx",
                false,
                Code::CentralCompressed,
            ),
        ];
        for (bytes, hang, code) in table {
            let trouble = answered(bytes, hang).await.unwrap_err();
            assert_eq!(trouble.code, code, "{}", trouble.reason());
            assert!(!surely_unsent(&trouble), "{code}");
        }
    });
}

#[test]
fn a_content_that_ends_with_its_connection_is_whole() {
    run(async {
        // Apache with mod_php answers failures so (protocol 0.5).
        let reply = answered(b"HTTP/1.0 500 X\r\nConnection: close\r\n\r\n{}", false)
            .await
            .unwrap();
        assert_eq!((reply.status, &reply.body[..]), (500, &b"{}"[..]));
    });
}

#[test]
fn answers_are_bounded() {
    run(async {
        let central = ScriptedCentral::plain(|asked| match asked.nth {
            1 => ScriptedAnswer::raw(
                format!("HTTP/1.1 200 X\r\nX: {}\r\n\r\n", "x".repeat(70 << 10)),
                Then::Close,
            ),
            2 => ScriptedAnswer::raw(
                "HTTP/1.1 200 X\r\nContent-Length: 99999999999\r\n\r\n",
                Then::Hang,
            ),
            _ => ScriptedAnswer::whole(200, "", &[b'x'; 1001]),
        })
        .await;
        let uplink = Uplink::new(line(&central.root()), None).unwrap();
        let call = Call {
            limit: 1000,
            ..open_get()
        };
        for _ in 0..3 {
            let trouble = uplink.call(&call).await.unwrap_err();
            assert_eq!(trouble.code, Code::CentralTooLarge, "{}", trouble.reason());
        }
        let call = Call {
            limit: 1001,
            ..open_get()
        };
        assert_eq!(uplink.call(&call).await.unwrap().body.len(), 1001);
    });
}

#[test]
fn waits_end_when_they_should() {
    run(async {
        let central = ScriptedCentral::plain(|asked| match asked.is_token() {
            true => ScriptedAnswer::token(1),
            false => ScriptedAnswer::raw("", Then::Hang),
        })
        .await;
        let uplink = uplink(&central.root());
        let probe = Call {
            name: "probe",
            ..results()
        };
        for (call, seconds) in [(open_get(), 60), (results(), 120), (probe, 20)] {
            let began = Instant::now();
            assert_eq!(uplink.call(&call).await.unwrap_err().code, Code::NetTimeout);
            // The timer counts in milliseconds and rounds up.
            assert_eq!(began.elapsed().as_secs(), seconds);
        }
        let began = Instant::now();
        let trouble = answered(b"HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\n12345", true)
            .await
            .unwrap_err();
        assert_eq!(
            (trouble.code, began.elapsed().as_secs()),
            (Code::NetStalled, 30)
        );
    });
}

#[test]
fn a_trickle_is_a_stall_and_a_slow_link_is_not() {
    run(async {
        for (piece, code) in [(30, Some(Code::NetStalled)), (100, None)] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let root = format!("http://{}/", listener.local_addr().unwrap());
            tokio::task::spawn_local(async move {
                use tokio::io::{AsyncReadExt, AsyncWriteExt};
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.read_u8().await.unwrap();
                let head = format!("HTTP/1.1 200 X\r\nContent-Length: {}\r\n\r\n", piece * 200);
                stream.write_all(head.as_bytes()).await.unwrap();
                for _ in 0..200 {
                    // A piece every two seconds.
                    tokio::time::sleep(Duration::from_secs(2)).await;
                    if stream.write_all(&vec![b'x'; piece]).await.is_err() {
                        return;
                    }
                }
            });
            let answered = Uplink::new(line(&root), None)
                .unwrap()
                .call(&open_get())
                .await;
            assert_eq!(answered.err().map(|t| t.code), code);
        }
    });
}

#[test]
fn a_used_connection_that_fails_is_replaced_only_where_nothing_can_be_doubled() {
    run(async {
        let script = |asked: &ReceivedRequest| match (asked.is_token(), asked.connection) {
            (true, _) => ScriptedAnswer::token(1),
            // What comes second on the first connection meets its end.
            (false, 1) if asked.nth > 2 => ScriptedAnswer::raw("", Then::Close),
            _ => ScriptedAnswer::ok("{}"),
        };
        for (second, expected) in [
            (Call::versions(), None),
            (Call::classes(logic::entity::EntityType::Proctor, &[]), None),
            (results(), Some(Code::NetReset)),
            (Call::handshake("l", "p"), Some(Code::NetReset)),
        ] {
            let central = ScriptedCentral::plain(script).await;
            let uplink = uplink(&central.root());
            uplink.call(&Call::versions()).await.unwrap();
            let answered = uplink.call(&second).await;
            let code = answered.as_ref().err().map(|trouble| trouble.code);
            assert_eq!(code, expected, "{}", second.name);
            let sent = if expected.is_none() { 2 } else { 1 };
            assert_eq!(central.calls().len(), 1 + sent, "{}", second.name);
        }
    });
}

#[test]
fn what_must_not_be_doubled_does_not_ride_on_an_old_connection() {
    run(async {
        let central = ScriptedCentral::plain(|asked| match asked.is_token() {
            true => ScriptedAnswer::token(1),
            false => ScriptedAnswer::ok("{}"),
        })
        .await;
        let uplink = uplink(&central.root());
        uplink.call(&results()).await.unwrap();
        tokio::time::advance(Duration::from_secs(4)).await;
        uplink.call(&Call::versions()).await.unwrap();
        tokio::time::advance(Duration::from_secs(4)).await;
        uplink.call(&results()).await.unwrap();
        let used: Vec<usize> = central
            .calls()
            .iter()
            .map(|asked| asked.connection)
            .collect();
        assert_eq!(used, [1, 1, 2]);
    });
}

#[test]
fn a_proxy_that_refuses_is_named() {
    run(async {
        for (bytes, words) in [
            (
                &b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"[..],
                "407",
            ),
            (b"HTTP/1.1 503 Service Unavailable\r\nX: y\r\n\r\nno", "503"),
            (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "did not answer CONNECT"),
            (b"", "did not answer CONNECT"),
        ] {
            let proxy =
                ScriptedCentral::plain(move |_| ScriptedAnswer::raw(bytes, Then::Close)).await;
            let mut line = line("https://central.example/");
            line.proxy = Some(Proxy::parse(&format!("http://127.0.0.1:{}", proxy.port)).unwrap());
            let trouble = Uplink::new(line, None)
                .unwrap()
                .call(&open_get())
                .await
                .unwrap_err();
            assert_eq!(trouble.code, Code::NetProxy);
            assert!(trouble.reason().contains(words), "{}", trouble.reason());
            assert!(surely_unsent(&trouble));
            assert!(proxy.asked()[0].head.starts_with(
                "CONNECT central.example:443 HTTP/1.1\r\nHost: central.example:443\r\n"
            ));
        }
    });
}

async fn through(proxy: &ScriptedCentral, root: &str) -> Fault {
    let mut line = line(root);
    line.proxy = Some(Proxy::parse(&format!("127.0.0.1:{}", proxy.port)).unwrap());
    let uplink = Uplink::new(line, None).unwrap();
    uplink.call(&open_get()).await.unwrap_err()
}

#[test]
fn a_proxy_that_lets_nobody_in_with_basic_says_so() {
    run(async {
        let fields = "Proxy-Authenticate: Negotiate\r\nPROXY-AUTHENTICATE : NTLM\r\n";
        for root in ["https://central.example/", "http://central.example/"] {
            let answer = format!("HTTP/1.1 407 X\r\n{fields}Content-Length: 0\r\n\r\n");
            let proxy =
                ScriptedCentral::plain(move |_| ScriptedAnswer::raw(answer.clone(), Then::Close))
                    .await;
            let trouble = through(&proxy, root).await;
            assert_eq!(trouble.code, Code::NetProxyScheme, "{}", trouble.reason());
            let words = format!(
                "127.0.0.1:{} lets in with Negotiate, NTLM alone",
                proxy.port
            );
            assert!(trouble.reason().contains(&words), "{}", trouble.reason());
            assert!(surely_unsent(&trouble));
        }
    });
}

#[test]
fn a_proxy_that_stalls_is_named() {
    run(async {
        let proxy = ScriptedCentral::plain(|_| ScriptedAnswer::raw("", Then::Hang)).await;
        let place = format!("the proxy 127.0.0.1:{}", proxy.port);
        let began = Instant::now();
        let trouble = through(&proxy, "https://central.example/").await;
        assert_eq!(
            (trouble.code, began.elapsed().as_secs()),
            (Code::NetProxy, 20)
        );
        assert!(trouble.reason().contains(&place), "{}", trouble.reason());
        assert!(surely_unsent(&trouble));
        // Plain http is on its way once the proxy has it.
        let trouble = through(&proxy, "http://central.example/").await;
        assert_eq!(trouble.code, Code::NetTimeout);
        assert!(trouble.reason().contains(&place), "{}", trouble.reason());
        assert!(!surely_unsent(&trouble));
        // Whoever waits less long is told of the proxy, too.
        let mut line = line("https://central.example/");
        line.proxy = Some(Proxy::parse(&format!("127.0.0.1:{}", proxy.port)).unwrap());
        line.proxy_patience = Some(Duration::from_secs(3));
        let began = Instant::now();
        let uplink = Uplink::new(line, None).unwrap();
        let trouble = uplink.call(&open_get()).await.unwrap_err();
        assert_eq!(
            (trouble.code, began.elapsed().as_secs()),
            (Code::NetProxy, 3)
        );
    });
}
