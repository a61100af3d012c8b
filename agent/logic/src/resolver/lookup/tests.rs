//! The look-up in virtual time: servers are scripts, and what a person would see is what is held.
//! Never part of the product.
//! Run by `cargo test -p logic`.

use std::net::IpAddr;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

const V4: &str = "192.0.2.1";
const V6: &str = "2001:db8::1";
const LIMIT: Duration = Duration::from_secs(10);

/// How a server behaves toward one type of question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LookupWay {
    Has,
    NoData,
    NoName,
    Refused(u8),
    Silent,
    Unreachable,
    /// Truncated by UDP with this much, then by TCP: the whole, or nothing.
    Truncated {
        partial: bool,
        tcp: bool,
    },
}

/// A server: its way with A and AAAA of the right name, and its way with every other name.
#[derive(Debug, Clone, Copy)]
struct NameServerScript {
    a: LookupWay,
    aaaa: LookupWay,
    other: LookupWay,
    delay_ms: u64,
}

const GOOD: NameServerScript = NameServerScript {
    a: LookupWay::Has,
    aaaa: LookupWay::NoData,
    other: LookupWay::NoName,
    delay_ms: 20,
};

fn address(kind: RecordType) -> Vec<IpAddr> {
    let text = match kind {
        RecordType::A => V4,
        RecordType::Aaaa => V6,
    };
    vec![text.parse().unwrap()]
}

fn behave(way: LookupWay, question: &Question, ticket: usize) -> Option<LookupEvent> {
    let reply = match way {
        LookupWay::Has => DnsReply::Addresses(address(question.kind)),
        LookupWay::NoData => DnsReply::NoData,
        LookupWay::NoName => DnsReply::NoName,
        LookupWay::Refused(code) => DnsReply::Refused(code),
        LookupWay::Silent => return None,
        LookupWay::Unreachable => return Some(LookupEvent::Failed(ticket)),
        LookupWay::Truncated { tcp: true, .. } if question.tcp => {
            DnsReply::Addresses(address(question.kind))
        }
        LookupWay::Truncated { .. } if question.tcp => return Some(LookupEvent::Failed(ticket)),
        LookupWay::Truncated { partial, .. } => DnsReply::Truncated(match partial {
            true => address(question.kind),
            false => Vec::new(),
        }),
    };
    Some(LookupEvent::Reply(ticket, reply))
}

/// What came of it, after how long, and how many questions were sent.
fn look_up(
    servers: &[NameServerScript],
    extra: &str,
    name: &str,
) -> (Result<Vec<IpAddr>, LookupFailure>, Duration, usize) {
    let lines = (0..servers.len()).map(|n| format!("nameserver 192.0.2.{}\n", 101 + n));
    let text = lines.collect::<String>() + extra;
    let mut now = Duration::ZERO;
    let mut lookup = Lookup::new(Config::parse(&text, None), name, now);
    let (mut coming, mut questions): (Vec<(Duration, LookupEvent)>, usize) = (Vec::new(), 0);
    loop {
        while let Some(command) = lookup.next() {
            match command {
                LookupCommand::Done(result) => return (result, now, questions),
                LookupCommand::Ask(ticket, question) => {
                    questions += 1;
                    let server = servers[question.server];
                    let way = match (question.name == "host.test", question.kind) {
                        (true, RecordType::A) => server.a,
                        (true, RecordType::Aaaa) => server.aaaa,
                        (false, _) => server.other,
                    };
                    if let Some(event) = behave(way, &question, ticket) {
                        coming.push((now + Duration::from_millis(server.delay_ms), event));
                    }
                }
            }
        }
        coming.sort_by_key(|(at, _)| *at);
        let event_at = coming.first().map(|(at, _)| *at);
        let next = event_at.into_iter().chain(lookup.due()).min();
        let Some(next) = next.filter(|next| *next <= LIMIT) else {
            return (lookup.give_up(), LIMIT, questions);
        };
        assert!(next >= now, "time does not go back");
        now = next;
        if event_at == Some(now) {
            lookup.handle(coming.remove(0).1, now);
        } else {
            lookup.wake(now);
            assert!(
                lookup.due().is_none_or(|due| due > now) || lookup.ended,
                "a busy loop"
            );
        }
    }
}

fn found(servers: &[NameServerScript], extra: &str) -> (Vec<String>, Duration) {
    let (result, took, _) = look_up(servers, extra, "host.test");
    let found = result.unwrap_or_else(|failure| panic!("{servers:?}: {failure}"));
    (found.iter().map(ToString::to_string).collect(), took)
}

#[test]
fn a_bad_answer_about_ipv6_costs_no_ipv4_address() {
    let bad = [1, 2, 4, 5].map(LookupWay::Refused);
    for aaaa in bad
        .into_iter()
        .chain([LookupWay::NoName, LookupWay::Unreachable])
    {
        assert_eq!(
            found(&[NameServerScript { aaaa, ..GOOD }], ""),
            (vec![V4.to_owned()], Duration::from_millis(20)),
            "{aaaa:?}"
        );
    }
    let (silent, took) = found(
        &[NameServerScript {
            aaaa: LookupWay::Silent,
            ..GOOD
        }],
        "",
    );
    assert_eq!(
        (silent, took),
        (vec![V4.to_owned()], Duration::from_millis(20) + AAAA_DELAY)
    );
}

#[test]
fn a_bad_answer_about_ipv4_asks_the_next_server() {
    let first = NameServerScript {
        a: LookupWay::Refused(2),
        aaaa: LookupWay::Has,
        ..GOOD
    };
    assert_eq!(found(&[first, GOOD], "").0, [V6, V4]);
    // Alone, its IPv6 addresses are all there is.
    let (alone, took) = found(&[first], "");
    assert_eq!(
        (alone, took),
        (vec![V6.to_owned()], Duration::from_millis(20))
    );
}

#[test]
fn one_good_server_is_enough_wherever_it_stands() {
    let ways = [
        LookupWay::NoName,
        LookupWay::NoData,
        LookupWay::Refused(2),
        LookupWay::Refused(5),
        LookupWay::Silent,
        LookupWay::Unreachable,
    ];
    for way in ways {
        let bad = NameServerScript {
            a: way,
            aaaa: way,
            other: way,
            delay_ms: 20,
        };
        let (addresses, took) = found(&[bad, bad, GOOD], "");
        assert_eq!(addresses, [V4], "{way:?}");
        assert!(
            took <= 2 * STAGGER + Duration::from_millis(60),
            "{way:?} {took:?}"
        );
    }
}

#[test]
fn a_search_domain_that_fails_does_not_hide_the_name() {
    for other in [
        LookupWay::NoName,
        LookupWay::Refused(2),
        LookupWay::Silent,
        LookupWay::Unreachable,
    ] {
        let server = NameServerScript { other, ..GOOD };
        let (addresses, took) = found(&[server], "search site.example\noptions ndots:5\n");
        assert_eq!(addresses, [V4], "{other:?}");
        assert!(
            took <= STAGGER + Duration::from_millis(60),
            "{other:?} {took:?}"
        );
    }
}

#[test]
fn a_truncated_answer_comes_whole_by_tcp_or_counts_as_it_is() {
    for (partial, tcp) in [(true, true), (false, true), (true, false)] {
        let a = LookupWay::Truncated { partial, tcp };
        assert_eq!(found(&[NameServerScript { a, ..GOOD }], "").0, [V4]);
    }
    let a = LookupWay::Truncated {
        partial: false,
        tcp: false,
    };
    let (result, ..) = look_up(&[NameServerScript { a, ..GOOD }], "", "host.test");
    assert_eq!(result, Err(LookupFailure::NoAddress));
}

#[test]
fn why_there_is_no_address_is_the_most_telling_answer() {
    let failure = |way, other| {
        let script = NameServerScript {
            a: way,
            aaaa: way,
            other,
            delay_ms: 20,
        };
        look_up(&[script], "search site.example\n", "host.test")
            .0
            .unwrap_err()
    };
    assert_eq!(
        failure(LookupWay::NoName, LookupWay::NoName),
        LookupFailure::NoName
    );
    assert_eq!(
        failure(LookupWay::NoData, LookupWay::NoName),
        LookupFailure::NoAddress
    );
    assert_eq!(
        failure(LookupWay::Refused(5), LookupWay::NoName),
        LookupFailure::Refused(5)
    );
    assert_eq!(
        failure(LookupWay::Silent, LookupWay::Silent),
        LookupFailure::Silent
    );
    assert_eq!(
        failure(LookupWay::Unreachable, LookupWay::Unreachable),
        LookupFailure::Unreachable
    );
    assert_eq!(look_up(&[GOOD], "", "a..b").0, Err(LookupFailure::NotAName));
}

fn way() -> impl Strategy<Value = LookupWay> {
    prop_oneof![
        Just(LookupWay::Has),
        Just(LookupWay::NoData),
        Just(LookupWay::NoName),
        (1u8..16)
            .prop_filter("3 is NXDOMAIN", |code| *code != 3)
            .prop_map(LookupWay::Refused),
        Just(LookupWay::Silent),
        Just(LookupWay::Unreachable),
        (any::<bool>(), any::<bool>())
            .prop_map(|(partial, tcp)| LookupWay::Truncated { partial, tcp }),
    ]
}

fn script() -> impl Strategy<Value = NameServerScript> {
    (way(), way(), way(), 0u64..400).prop_map(|(a, aaaa, other, delay_ms)| NameServerScript {
        a,
        aaaa,
        // Another name that exists would rightly be taken.
        other: if matches!(other, LookupWay::Has | LookupWay::Truncated { .. }) {
            LookupWay::NoName
        } else {
            other
        },
        delay_ms,
    })
}

proptest! {
    /// Whatever servers do: if any of them has an IPv4 address to give, the look-up ends with one or with an address
    /// of the other family, in bounded time and with a bounded number of questions.
    #[test]
    fn an_address_that_any_server_gives_is_found(
        servers in proptest::collection::vec(script(), 1..4), ndots in 0usize..4,
    ) {
        let extra = format!("search a.example b.example\noptions ndots:{ndots}\n");
        let (result, took, questions) = look_up(&servers, &extra, "host.test");
        let gives = |way: LookupWay| matches!(
            way, LookupWay::Has | LookupWay::Truncated { tcp: true, .. } | LookupWay::Truncated { partial: true, .. }
        );
        let any = servers.iter().any(|server| gives(server.a) || gives(server.aaaa));
        prop_assert_eq!(result.is_ok(), any, "{:?}", result);
        prop_assert!(questions <= 3 * 3 * 4, "{questions}");
        prop_assert!(took <= LIMIT);
    }
}
