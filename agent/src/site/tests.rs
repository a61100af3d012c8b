//! The link against those who lack the key, repeat, send back, cut and wait.
//! Never sleeps: time is tokio's, and stands still but for who waits.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{Method, StatusCode};
use logic::fault::Code;
use logic::settings::SitePeer;
use logic::site::SiteKey;
use logic::site::link::{LinkKey, LinkTrust, OFFER, OFFER_ANSWER};
use system::observed::BoxedStream;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;
use tokio::time::{Instant, timeout};

use super::proof::{accept, connect};
use super::stream::GivenRate;
use super::{SiteDoor, SiteLink, SiteMember, always, whole};

/// A box with the key `of` in its file, and what enrolment tells each box alike.
fn member(of: u8, box_id: &str) -> SiteMember {
    let key = SiteKey::new([of; 32]).of_organisation("1001").link();
    SiteMember {
        keys: vec![key, LinkKey::of_enrolment("1001", "hash")],
        box_id: box_id.to_owned(),
    }
}

fn stranger() -> SiteMember {
    SiteMember {
        keys: vec![SiteKey::new([9; 32]).of_organisation("1001").link()],
        box_id: "s".into(),
    }
}

fn pipe() -> (BoxedStream, DuplexStream) {
    let (near, far) = duplex(1 << 20);
    (Box::new(near), far)
}

/// A door that answers `content` to what is allowed; gives where it is, and how many requests came.
async fn opened(of: SiteMember, content: Vec<u8>) -> (SitePeer, Rc<Cell<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Rc::new(Cell::new(0));
    let count = asked.clone();
    let door = SiteDoor {
        member: always(of),
        handler: Rc::new(move |_| {
            count.set(count.get() + 1);
            let content = content.clone();
            Box::pin(async { whole(StatusCode::OK, content) })
        }),
    };
    system::task::spawn_local(door.serve(listener, 0));
    let host = "127.0.0.1".into();
    (SitePeer { host, port }, asked)
}

fn local(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, test);
}

async fn get(link: &mut SiteLink, path: &str) -> (StatusCode, Bytes) {
    let answer = link.request(Method::GET, path, Bytes::new()).await.unwrap();
    let status = answer.status();
    (
        status,
        answer.into_body().collect().await.unwrap().to_bytes(),
    )
}

#[test]
fn siblings_ask_over_a_link_that_both_have_proven() {
    local(async {
        let content: Vec<u8> = (0..300_000u32).map(|n| n as u8).collect();
        let (peer, asked) = opened(member(1, "a"), content.clone()).await;
        let mut link = SiteLink::open(&peer, &member(1, "b"))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(link.key.trust, LinkTrust::KeyFile);
        assert_eq!(link.sibling.box_id.as_deref(), Some("a"));
        for path in ["/site/1/copies", "/site/1/packages/x"] {
            assert_eq!(
                get(&mut link, path).await,
                (StatusCode::OK, content.clone().into())
            );
        }
        assert_eq!(get(&mut link, "/v1/status").await.0, StatusCode::NOT_FOUND);
        assert_eq!(asked.get(), 2);
        // Another key in the file: what follows from enrolment is left, and is good for packages alone.
        let mut link = SiteLink::open(&peer, &member(2, "c"))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (link.key.trust, link.sibling.box_id.as_deref()),
            (LinkTrust::Enrolment, None)
        );
        for path in ["/site/1/copies", "/site/1/standing"] {
            assert_eq!(
                get(&mut link, path).await.0,
                StatusCode::FORBIDDEN,
                "{path}"
            );
        }
        assert_eq!(get(&mut link, "/site/1/packages").await.0, StatusCode::OK);
        assert_eq!(asked.get(), 3);
        // Its own address in the list, and another site's box in the network.
        let own = SiteLink::open(&peer, &member(1, "a")).await.unwrap();
        assert!(own.is_none());
        let other = SiteLink::open(&peer, &stranger()).await.err().unwrap();
        assert_eq!(other.code, Code::SiteUnproven);
    });
}

#[test]
fn who_proves_nothing_gets_no_byte() {
    local(async {
        let (peer, asked) = opened(member(1, "a"), Vec::new()).await;
        let dial = || TcpStream::connect((peer.host.as_str(), peer.port));
        for sent in [
            &b"GET /site/1/standing HTTP/1.1\r\nHost: boxsync\r\n\r\n"[..],
            &[0; OFFER],
            &[0xff; 4 * OFFER],
            &[b"BOXLINK\x01".as_slice(), &[7; OFFER]].concat(),
        ] {
            let mut stream = dial().await.unwrap();
            stream.write_all(sent).await.unwrap();
            let _ = stream.shutdown().await;
            let mut got = Vec::new();
            // Hung up: with or without a reset.
            let _ = stream.read_to_end(&mut got).await;
            assert_eq!(got, b"", "after {} bytes", sent.len());
        }
        assert_eq!(asked.get(), 0);
    });
}

/// Both directions of a link that came about, as somebody who listens between the two has them.
async fn overheard() -> (Vec<u8>, Vec<u8>) {
    let (near, mut left) = pipe();
    let (far, mut right) = pipe();
    let (mut up, mut down) = (Vec::new(), Vec::new());
    let between = async {
        let mut offer = vec![0; OFFER];
        left.read_exact(&mut offer).await.unwrap();
        right.write_all(&offer).await.unwrap();
        let mut answer = vec![0; OFFER_ANSWER];
        right.read_exact(&mut answer).await.unwrap();
        left.write_all(&answer).await.unwrap();
        let mut greeting = vec![0; 4096];
        let length = left.read(&mut greeting).await.unwrap();
        right.write_all(&greeting[..length]).await.unwrap();
        (up, down) = ([&offer[..], &greeting[..length]].concat(), answer);
        let length = right.read(&mut greeting).await.unwrap();
        left.write_all(&greeting[..length]).await.unwrap();
    };
    let (b, a) = (member(1, "b"), member(1, "a"));
    let rate = GivenRate::new(0);
    let (connected, accepted, ()) = tokio::join!(connect(near, &b), accept(far, &a, rate), between);
    assert!(connected.unwrap().is_some() && accepted.unwrap().is_some());
    (up, down)
}

#[tokio::test(start_paused = true)]
async fn what_was_overheard_opens_no_link_again() {
    let (up, down) = overheard().await;
    // To who listens: everything that the other one sent then.
    let (far, mut replayer) = pipe();
    replayer.write_all(&up).await.unwrap();
    let accepted = accept(far, &member(1, "a"), GivenRate::new(0)).await;
    assert!(accepted.is_err(), "the first record is of another link");
    let mut got = Vec::new();
    replayer.read_to_end(&mut got).await.unwrap();
    assert_eq!(
        got.len(),
        OFFER_ANSWER,
        "less than was sent, and no greeting"
    );
    // To who connects: the answer of then.
    let (near, mut replayer) = pipe();
    replayer.write_all(&down).await.unwrap();
    assert!(connect(near, &member(1, "b")).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_a_box_sent_itself_is_no_answer() {
    let (near, mut mirror) = pipe();
    let reflect = async {
        let mut all = [0; 2 * OFFER];
        while let Ok(length @ 1..) = mirror.read(&mut all).await {
            if mirror.write_all(&all[..length]).await.is_err() {
                return;
            }
        }
    };
    let own = member(1, "a");
    let (connected, ()) = tokio::join!(connect(near, &own), reflect);
    assert!(connected.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn who_sends_slowly_is_not_waited_for() {
    let (far, mut slow) = pipe();
    let begun = Instant::now();
    let drip = async {
        for byte in [7u8; OFFER] {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if slow.write_all(&[byte]).await.is_err() {
                return;
            }
        }
    };
    let own = member(1, "a");
    let accepted = async {
        let accepted = accept(far, &own, GivenRate::new(0)).await;
        (accepted.err().map(|error| error.kind()), begun.elapsed())
    };
    let ((why, took), ()) = tokio::join!(accepted, drip);
    assert_eq!(why, Some(std::io::ErrorKind::TimedOut));
    assert!(took < Duration::from_secs(6), "{took:?}");
}

/// Cut after so many bytes of either direction: what is read is whole, or it is an error.
#[tokio::test(start_paused = true)]
async fn a_link_that_was_cut_is_not_taken_for_one_that_ended() {
    const CONTENT: usize = 40_000;
    let (b, a) = (member(1, "b"), member(1, "a"));
    let whole = OFFER_ANSWER + CONTENT + 4096;
    let (mut ended, mut cut) = (0, 0);
    for limit in (0..whole).step_by(997) {
        let (near, left) = duplex(1 << 20);
        let (far, right) = duplex(1 << 20);
        // What is between dies with it.
        let between = async move {
            let (mut from_left, mut to_left) = tokio::io::split(left);
            let (from_right, mut to_right) = tokio::io::split(right);
            let mut from_right = from_right.take(limit as u64);
            tokio::select! {
                _ = tokio::io::copy(&mut from_left, &mut to_right) => {}
                _ = tokio::io::copy(&mut from_right, &mut to_left) => {}
            }
        };
        let gives = async {
            let link = accept(Box::new(far), &a, GivenRate::new(0)).await;
            if let Ok(Some(mut link)) = link {
                // Who takes it may be gone.
                let _ = link.stream.write_all(&[5; CONTENT]).await;
                let _ = link.stream.shutdown().await;
            }
        };
        let takes = async {
            let mut link = connect(Box::new(near), &b).await.ok()??;
            let mut got = Vec::new();
            link.stream.read_to_end(&mut got).await.ok()?;
            Some(got)
        };
        let all = async { tokio::join!(between, gives, takes).2 };
        let took = timeout(Duration::from_secs(60), all);
        match took.await.unwrap() {
            Some(got) => {
                assert_eq!(got, vec![5; CONTENT], "cut after {limit}");
                ended += 1;
            }
            None => cut += 1,
        }
    }
    assert!(ended > 0 && cut > 30, "{ended} whole, {cut} cut");
}

#[tokio::test(start_paused = true)]
async fn siblings_are_given_no_more_than_the_rate_together() {
    const EACH: usize = 400_000;
    let rate = GivenRate::new(100_000);
    let begun = Instant::now();
    let one = async |id: &str| {
        let (near, far) = duplex(1 << 20);
        let (own, other) = (member(1, "a"), member(1, id));
        let gives = async {
            let link = accept(Box::new(far), &own, rate.clone()).await;
            let mut link = link.unwrap().unwrap();
            link.stream.write_all(&vec![1; EACH]).await.unwrap();
            link.stream.shutdown().await.unwrap();
        };
        let takes = async {
            let link = connect(Box::new(near), &other).await;
            let mut got = Vec::new();
            let mut stream = link.unwrap().unwrap().stream;
            stream.read_to_end(&mut got).await.unwrap();
            got.len()
        };
        tokio::join!(gives, takes).1
    };
    assert_eq!(tokio::join!(one("b"), one("c")), (EACH, EACH));
    let took = begun.elapsed().as_secs_f64();
    assert!((7.5..8.5).contains(&took), "{took} s");
}
