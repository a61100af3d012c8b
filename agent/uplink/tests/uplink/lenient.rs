//! Odd HTTP: what curl and wget read past is read, the rest is refused in true words; all of it bounded.
//! Never knows TAO: the content is the same seven bytes throughout.
//! Run by `main`.

use logic::api::{Answered, Call};
use logic::fault::Code;
use uplink::Uplink;

use crate::central::*;

const BODY: &str = r#"{"a":1}"#;

async fn answered(bytes: Vec<u8>, identity: bool) -> Answered {
    let central =
        ScriptedCentral::plain(move |_| ScriptedAnswer::raw(bytes.clone(), Then::Close)).await;
    let call = Call {
        identity,
        ..open_get()
    };
    let uplink = Uplink::new(line(&central.root()), None).unwrap();
    uplink.call(&call).await
}

/// An answer with these fields and a length.
fn with(fields: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 7\r\n\r\n{BODY}").into_bytes()
}

fn gzip(content: &str) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    out.extend(miniz_oxide::deflate::compress_to_vec(content.as_bytes(), 6));
    out.extend(crc32fast::hash(content.as_bytes()).to_le_bytes());
    out.extend((content.len() as u32).to_le_bytes());
    out
}

fn coded(coding: &str, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = format!("HTTP/1.1 200 OK\r\n{coding}\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), content].concat()
}

fn chunked(chunks: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}").into_bytes()
}

#[test]
fn what_well_kept_clients_read_is_read() {
    let many: String = (0..120).map(|n| format!("X-{n}: y\r\n")).collect();
    let plain = |text: &str| text.replace("BODY", BODY).into_bytes();
    let table = [
        ("a folded field", with("X: a\r\n b\r\n\tc\r\n")),
        ("a blank before the colon", with("X : b\r\n")),
        (
            "… of the length",
            plain("HTTP/1.1 200 OK\r\nContent-Length : 7\r\n\r\nBODY"),
        ),
        ("120 short fields", with(&many)),
        ("a field's name with blanks", with("X Powered By: a\r\n")),
        (
            "a line that is no field",
            with("garbage\r\n: a\r\nX-é: a\r\n"),
        ),
        ("an odd type", with("Content-Type: ;;/\r\n")),
        ("a value in UTF-8", with("X: é\r\n")),
        (
            "203",
            plain("HTTP/1.1 203 X\r\nContent-Length: 7\r\n\r\nBODY"),
        ),
        (
            "line ends without CR",
            plain("HTTP/1.1 200 OK\nA: b\r\nContent-Length: 7\n\nBODY"),
        ),
        (
            "no reason",
            plain("HTTP/1.1 200\r\nContent-Length: 7\r\n\r\nBODY"),
        ),
        (
            "a reason in UTF-8",
            plain("HTTP/1.1 200 Réussi\r\nContent-Length: 7\r\n\r\nBODY"),
        ),
        (
            "an empty line before",
            plain("\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nBODY"),
        ),
        (
            "an end by closing",
            plain("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nBODY"),
        ),
        (
            "the same length twice",
            plain("HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Length: 7 \t\r\n\r\nBODY"),
        ),
        (
            "the same length in one field",
            plain("HTTP/1.1 200 OK\r\nContent-Length: 7, 7\r\n\r\nBODY"),
        ),
        (
            "answers before the answer",
            plain(
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nBODY",
            ),
        ),
        (
            "a length beside chunks",
            plain(
                "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\nTransfer-Encoding: Chunked\r\n\r\n7\r\nBODY\r\n0\r\n\r\n",
            ),
        ),
        (
            "chunks with extensions and trailers",
            chunked(&format!(
                "007;a=b;c=\"d\"\r\n{BODY}\r\n0;x\r\nX-Sum: 1\r\n\r\n"
            )),
        ),
        (
            "chunks with blanks",
            chunked(&format!("7  \r\n{BODY}\r\n0  \r\n\r\n")),
        ),
        ("GZIP", coded("Content-Encoding: GZIP", &gzip(BODY))),
        (
            "gzip and nothing",
            coded("Content-Encoding: identity, X-gzip", &gzip(BODY)),
        ),
        (
            "no coding",
            coded("Content-Encoding: none", BODY.as_bytes()),
        ),
        (
            "gzip as transfer coding",
            [
                format!(
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n{:x}\r\n",
                    gzip(BODY).len()
                )
                .into_bytes(),
                gzip(BODY),
                b"\r\n0\r\n\r\n".to_vec(),
            ]
            .concat(),
        ),
        (
            "gzip, filled up with zeros",
            coded(
                "Content-Encoding: gzip",
                &[gzip(BODY), vec![0; 40]].concat(),
            ),
        ),
        (
            "gzip in two members",
            coded(
                "Content-Encoding: gzip",
                &[gzip("{\"a\""), gzip(":1}")].concat(),
            ),
        ),
    ];
    run(async move {
        for (what, bytes) in table {
            let reply = answered(bytes, false).await;
            let reply = reply.unwrap_or_else(|trouble| panic!("{what}: {}", trouble.reason()));
            assert!([200, 203].contains(&reply.status), "{what}");
            assert_eq!(reply.body, BODY.as_bytes(), "{what}");
        }
    });
}

#[test]
fn what_cannot_be_read_is_refused_in_true_words() {
    let many: String = (0..1001).map(|n| format!("X-{n}:\r\n")).collect();
    let table = [
        (with(&many), Code::CentralTooLarge, "more than 1000 fields"),
        (
            b"http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec(),
            Code::CentralForeign,
            "a header that is not sound HTTP",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Length: 8\r\n\r\n{\"a\":1}".to_vec(),
            Code::CentralForeign,
            "a header that is not sound HTTP",
        ),
        (
            b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_vec(),
            Code::CentralForeign,
            "a header that is not sound HTTP",
        ),
        (
            b"220 mail.example ESMTP\r\n\r\n".to_vec(),
            Code::CentralForeign,
            "something that is not HTTP",
        ),
        (
            coded("Content-Encoding: br", b"x"),
            Code::CentralCompressed,
            "came as “br”, which was not asked for",
        ),
        (
            coded("Content-Encoding: é\"", b"x"),
            Code::CentralCompressed,
            "came as “é\"”, which",
        ),
        (
            coded("Content-Encoding: gzip", BODY.as_bytes()),
            Code::CentralGarbled,
            "damaged gzip",
        ),
        (
            coded(
                "Content-Encoding: gzip",
                &[gzip(BODY), b"rest".to_vec()].concat(),
            ),
            Code::CentralGarbled,
            "damaged gzip",
        ),
        (
            chunked(&format!("7\r\n{BODY}\r\n")),
            Code::NetCut,
            "closed the connection after 7 bytes",
        ),
    ];
    run(async move {
        for (bytes, code, words) in table {
            let head = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
            let trouble = answered(bytes, false).await.unwrap_err();
            assert_eq!(trouble.code, code, "{head}");
            assert!(
                trouble.reason().contains(words),
                "{head}: {}",
                trouble.reason()
            );
        }
        // Of a package nothing may be unpacked on the way: its ranges would mean something else.
        let packed = coded("Content-Encoding: Gzip", &gzip(BODY));
        let trouble = answered(packed, true).await.unwrap_err();
        assert_eq!(trouble.code, Code::CentralCompressed);
        assert!(trouble.reason().contains("came as “gzip”"));
    });
}
