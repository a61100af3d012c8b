//! What is seen on the way to central, and what is told first of it.

use super::*;
use crate::health::message::SkipReason;
use crate::health::{Facts, fold, plan};
use crate::language::Localized;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn interface(name: &str, enabled: bool, carrier: bool, addresses: &[&str]) -> Interface {
    Interface {
        name: name.into(),
        enabled,
        carrier,
        addresses: addresses.iter().map(|text| ip(text)).collect(),
    }
}

/// A way on which nothing is wrong.
fn sound() -> Way {
    Way {
        interfaces: Some(vec![interface("eth0", true, true, &["10.1.0.2"])]),
        sources: Some(Sources {
            four: Some(ip("10.1.0.2")),
            six: None,
        }),
        gateway: Some(Gateway {
            address: ip("10.1.0.1"),
            answers: Some(true),
        }),
        name: Some(named(Ok(vec!["192.88.99.7"]))),
        connect: Some(Ok("192.88.99.7:443".into())),
        tries: vec![Some(20); TRIES],
        sizes: vec![(1500, true)],
    }
}

fn named(answer: Result<Vec<&str>, Failure>) -> Name {
    Name {
        host: "central.example".into(),
        port: 443,
        servers: vec!["10.1.0.1".into()],
        answer: Some(answer.map(|list| list.into_iter().map(ip).collect())),
        ..Name::default()
    }
}

/// No connection came about, for this reason.
fn cut(refusal: Refusal) -> Way {
    Way {
        connect: Some(Err(refusal)),
        ..sound()
    }
}

fn first(way: &Way, central: Option<bool>) -> Finding {
    let facts = Facts {
        url: true,
        https: true,
        ..Facts::default()
    };
    let mut found = way.judge(central);
    for check in Check::ALL {
        found
            .entry(check)
            .or_insert_with(|| Finding::skip(check, SkipReason::Offline));
    }
    fold(&plan(&facts), found).remove(0)
}

#[test]
fn the_first_thing_that_is_wrong_on_the_way_is_told() {
    let dead = Some(Gateway {
        address: ip("10.1.0.1"),
        answers: Some(false),
    });
    let proxied = |answer| Name {
        proxy: true,
        ..named(answer)
    };
    let unnamed = |answer| Way {
        name: Some(named(answer)),
        connect: None,
        ..sound()
    };
    let sunk = |address| Way {
        name: Some(named(Ok(vec![address]))),
        ..cut(Refusal::Refused)
    };
    let tries = |times: &[Option<u32>]| Way {
        tries: times.to_vec(),
        ..sound()
    };
    let (well, again) = (Some(20), Some(1040));
    let table: Vec<(&str, Way, Code, Status)> = vec![
        ("sound", sound(), Code::NetLink, Status::Pass),
        (
            "no interface",
            Way {
                interfaces: Some(vec![]),
                ..Way::default()
            },
            Code::NetNoLink,
            Status::Fail,
        ),
        (
            "a cable is out",
            Way {
                interfaces: Some(vec![interface("eth0", true, false, &[])]),
                ..Way::default()
            },
            Code::NetNoLink,
            Status::Fail,
        ),
        (
            "switched off",
            Way {
                interfaces: Some(vec![interface("eth0", false, false, &["10.1.0.2"])]),
                ..Way::default()
            },
            Code::NetDisabled,
            Status::Fail,
        ),
        (
            "one switched off, a cable out of the other",
            Way {
                interfaces: Some(vec![
                    interface("eth0", true, false, &[]),
                    interface("wlan0", false, false, &[]),
                ]),
                ..Way::default()
            },
            Code::NetNoLink,
            Status::Fail,
        ),
        (
            "no address",
            Way {
                interfaces: Some(vec![interface("eth0", true, true, &["fe80::1"])]),
                sources: Some(Sources::default()),
                ..Way::default()
            },
            Code::NetNoAddress,
            Status::Fail,
        ),
        (
            "an address that the box gave itself, with a route",
            Way {
                interfaces: Some(vec![interface("eth0", true, true, &["169.254.7.7"])]),
                sources: Some(Sources {
                    four: Some(ip("169.254.7.7")),
                    six: None,
                }),
                ..Way::default()
            },
            Code::NetNoAddress,
            Status::Fail,
        ),
        (
            "an address of an interface that is down is none",
            Way {
                interfaces: Some(vec![
                    interface("eth0", true, true, &[]),
                    interface("eth1", true, false, &["10.9.9.9"]),
                ]),
                sources: Some(Sources::default()),
                ..Way::default()
            },
            Code::NetNoAddress,
            Status::Fail,
        ),
        (
            "no route",
            Way {
                sources: Some(Sources::default()),
                gateway: None,
                connect: Some(Err(Refusal::NoRoute)),
                ..sound()
            },
            Code::NetNoRoute,
            Status::Fail,
        ),
        (
            "a dead router",
            Way {
                gateway: dead,
                ..unnamed(Err(Failure::Unreachable))
            },
            Code::NetGateway,
            Status::Fail,
        ),
        (
            "a router that says nothing of itself and lets through",
            Way {
                gateway: dead,
                ..sound()
            },
            Code::NetLink,
            Status::Pass,
        ),
        (
            "a router that says nothing, and a name that is known not to exist",
            Way {
                gateway: dead,
                name: Some(Name {
                    known: true,
                    ..named(Err(Failure::NoName))
                }),
                connect: None,
                ..sound()
            },
            Code::NetDns,
            Status::Fail,
        ),
        (
            "a router that says nothing, and a central that refuses",
            Way {
                gateway: dead,
                ..cut(Refusal::Refused)
            },
            Code::NetRefused,
            Status::Fail,
        ),
        (
            "no name",
            unnamed(Err(Failure::Silent)),
            Code::NetDns,
            Status::Fail,
        ),
        (
            "no name of the proxy",
            Way {
                name: Some(proxied(Err(Failure::Silent))),
                connect: None,
                ..sound()
            },
            Code::NetProxy,
            Status::Fail,
        ),
        ("sunk", sunk("127.0.0.1"), Code::NetFiltered, Status::Fail),
        ("sunk", sunk("0.0.0.0"), Code::NetFiltered, Status::Fail),
        ("sunk", sunk("::"), Code::NetFiltered, Status::Fail),
        (
            "sunk",
            sunk("::ffff:0.0.0.0"),
            Code::NetFiltered,
            Status::Fail,
        ),
        ("sunk", sunk("240.0.0.1"), Code::NetFiltered, Status::Fail),
        (
            "sunk at the name server's own address",
            sunk("10.1.0.1"),
            Code::NetFiltered,
            Status::Fail,
        ),
        (
            "a private address is central's as well as any other",
            sunk("10.7.0.3"),
            Code::NetRefused,
            Status::Fail,
        ),
        (
            "somebody wrote it into /etc/hosts",
            Way {
                name: Some(Name {
                    listed: true,
                    ..named(Ok(vec!["127.0.0.1"]))
                }),
                ..cut(Refusal::Refused)
            },
            Code::NetRefused,
            Status::Fail,
        ),
        (
            "refused",
            cut(Refusal::Refused),
            Code::NetRefused,
            Status::Fail,
        ),
        (
            "silent",
            cut(Refusal::Late(4)),
            Code::NetUnreachable,
            Status::Fail,
        ),
        (
            "a proxy that refuses",
            Way {
                name: Some(proxied(Ok(vec!["192.88.99.7"]))),
                ..cut(Refusal::Refused)
            },
            Code::NetProxy,
            Status::Fail,
        ),
        (
            "only IPv6 there, only IPv4 here",
            Way {
                name: Some(named(Ok(vec!["2a00::7", "2a00::8"]))),
                ..cut(Refusal::NoRoute)
            },
            Code::NetFamily,
            Status::Fail,
        ),
        (
            "only IPv4 there, only IPv6 here",
            Way {
                sources: Some(Sources {
                    four: None,
                    six: Some(ip("2a00::2")),
                }),
                ..cut(Refusal::NoRoute)
            },
            Code::NetFamily,
            Status::Fail,
        ),
        (
            "both there: the route of one fails",
            Way {
                name: Some(named(Ok(vec!["2a00::7", "192.88.99.7"]))),
                ..cut(Refusal::NoRoute)
            },
            Code::NetUnreachable,
            Status::Fail,
        ),
        (
            "one lost of ten is chance",
            tries(&[well, well, None, well, well, well, well, well, well, well]),
            Code::NetLink,
            Status::Pass,
        ),
        (
            "two of ten",
            tries(&[well, again, None, well, well, well, well, well, well, well]),
            Code::NetLoss,
            Status::Warn,
        ),
        (
            "four of ten",
            tries(&[
                well, again, None, again, well, again, well, well, well, well,
            ]),
            Code::NetLoss,
            Status::Fail,
        ),
        (
            "far away, and nothing is lost",
            tries(&[Some(1400); TRIES]),
            Code::NetLink,
            Status::Pass,
        ),
    ];
    for (what, way, code, status) in table {
        let told = first(&way, Some(matches!(way.connect, Some(Ok(_)))));
        assert_eq!(
            (told.code.known(), told.status),
            (Some(code), status),
            "{what}"
        );
    }
}

#[test]
fn an_address_where_no_central_can_be_is_told_by_who_answers_there() {
    let here = Way {
        name: Some(named(Ok(vec!["127.0.0.1"]))),
        ..sound()
    };
    assert_eq!(first(&here, Some(true)).status, Status::Pass);
    assert_eq!(first(&here, Some(false)).code, Code::NetFiltered);
    // A portal answers at the router's own address: its page is told.
    let portal = Way {
        name: Some(named(Ok(vec!["10.1.0.1"]))),
        ..sound()
    };
    assert_eq!(first(&portal, Some(false)).status, Status::Pass);
}

#[test]
fn a_size_is_the_cause_only_where_all_smaller_come_and_all_larger_vanish() {
    let with = |pattern: &str, tries: Vec<Option<u32>>| {
        let came = pattern.chars().map(|mark| mark == '+');
        let way = Way {
            sizes: SIZES.into_iter().zip(came).collect(),
            tries,
            ..sound()
        };
        way.judge(Some(true)).remove(&Check::Mtu).unwrap()
    };
    let whole = || vec![Some(20); TRIES];
    let told = with("-------+++++", whole());
    assert_eq!(
        (told.code.known(), told.status),
        (Some(Code::NetMtu), Status::Fail)
    );
    assert_eq!(
        told.summary.english(),
        "packets of 1320 bytes come through, those of 1360 vanish on the way"
    );
    for (pattern, status) in [
        ("++++++++++++", Status::Pass),
        ("------------", Status::Skip),
        ("-------+-+++", Status::Skip),
        ("-+++++++++++", Status::Skip),
        ("-----------+", Status::Skip),
    ] {
        assert_eq!(with(pattern, whole()).status, status, "{pattern}");
    }
    let lossy = [vec![None; 3], vec![Some(20); 7]].concat();
    assert_eq!(with("-------+++++", lossy).status, Status::Skip);
    assert_eq!(with("", whole()).status, Status::Skip);
}

#[test]
fn what_was_seen_survives_json() {
    let way = cut(Refusal::Late(4));
    let text = serde_json::to_string(&way).unwrap();
    assert_eq!(serde_json::from_str::<Way>(&text).unwrap(), way);
    assert_eq!(serde_json::from_str::<Way>("{}").unwrap(), Way::default());
}

#[test]
fn why_there_is_no_connection_is_said_in_words() {
    for refusal in [
        Refusal::Refused,
        Refusal::NoRoute,
        Refusal::Unreachable,
        Refusal::Forbidden,
        Refusal::Late(4),
    ] {
        let way = cut(refusal);
        let told = &way.judge(None)[&Check::Connect];
        let told = told.summary.english();
        assert!(told.starts_with("central.example:443 "));
        assert!(!told.contains("os error"), "{told}");
    }
}
