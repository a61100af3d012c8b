//! What the time on the box has to do with certificates: dead clocks, proven dates, and one answer that lies.
//! Never waits on a real clock.
//! Run by `cargo test -p uplink`.

use super::*;

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
        let central = ScriptedCentral::tls(config, |asked| ScriptedAnswer {
            then: Then::Close,
            ..match asked.nth {
                1 => ScriptedAnswer::whole(200, "Connection: close\r\n", b"{}"),
                _ => ScriptedAnswer::raw(
                    "HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n{}",
                    Then::Close,
                ),
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
            let central = ScriptedCentral::tls(config, move |_| {
                ScriptedAnswer::raw(answer.clone(), Then::Keep)
            })
            .await;
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
        let plain = ScriptedCentral::plain(|_| ScriptedAnswer::ok("{}")).await;
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
    let good = ScriptedCentral::tls(good, move |_| {
        ScriptedAnswer::dated(TODAY as i64 + passed(&one))
    })
    .await;
    let later =
        ScriptedCentral::tls(later, move |_| ScriptedAnswer::dated(LATER + passed(&two))).await;
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
                1 => ScriptedAnswer {
                    then: Then::Close,
                    ..ScriptedAnswer::whole(401, "Connection: close\r\n", b"{}")
                },
                _ if asked.is_token() => ScriptedAnswer::token(1),
                _ => ScriptedAnswer::ok("{}"),
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
