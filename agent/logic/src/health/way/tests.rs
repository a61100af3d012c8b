//! What is seen on the way to central, and what is told first of it.
//! Never part of the product.
//! Run by `cargo test -p logic`.

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
fn sound() -> WaySeen {
    WaySeen {
        interfaces: Some(vec![interface("eth0", true, true, &["10.1.0.2"])]),
        sources: Some(Sources {
            four: Some(ip("10.1.0.2")),
            six: None,
        }),
        gateway: Some(GatewayStation {
            address: ip("10.1.0.1"),
            answers: Some(true),
        }),
        name: Some(named(Ok(vec!["192.88.99.7"]))),
        connect: Some(Ok("192.88.99.7:443".into())),
        tries: vec![Some(20); TRIES],
        sizes: vec![(1500, true)],
    }
}

fn named(answer: Result<Vec<&str>, LookupFailure>) -> Name {
    Name {
        host: "central.example".into(),
        port: 443,
        servers: vec!["10.1.0.1".into()],
        answer: Some(answer.map(|list| list.into_iter().map(ip).collect())),
        ..Name::default()
    }
}

/// No connection came about, for this reason.
fn cut(refusal: ConnectFailure) -> WaySeen {
    WaySeen {
        connect: Some(Err(refusal)),
        ..sound()
    }
}

fn first(way: &WaySeen, central: Option<bool>) -> CheckFinding {
    let facts = Facts {
        url: true,
        https: true,
        ..Facts::default()
    };
    let mut found = way.judge(central);
    for check in Check::ALL {
        found
            .entry(check)
            .or_insert_with(|| CheckFinding::skip(check, SkipReason::Offline));
    }
    fold(&plan(&facts), found).remove(0)
}

#[test]
fn the_first_thing_that_is_wrong_on_the_way_is_told() {
    let dead = Some(GatewayStation {
        address: ip("10.1.0.1"),
        answers: Some(false),
    });
    let proxied = |answer| Name {
        proxy: true,
        ..named(answer)
    };
    let unnamed = |answer| WaySeen {
        name: Some(named(answer)),
        connect: None,
        ..sound()
    };
    let sunk = |address| WaySeen {
        name: Some(named(Ok(vec![address]))),
        ..cut(ConnectFailure::Refused)
    };
    let tries = |times: &[Option<u32>]| WaySeen {
        tries: times.to_vec(),
        ..sound()
    };
    let (well, again) = (Some(20), Some(1040));
    let table: Vec<(&str, WaySeen, Code, CheckStatus)> = vec![
        ("sound", sound(), Code::NetLink, CheckStatus::Pass),
        (
            "no interface",
            WaySeen {
                interfaces: Some(vec![]),
                ..WaySeen::default()
            },
            Code::NetNoLink,
            CheckStatus::Fail,
        ),
        (
            "a cable is out",
            WaySeen {
                interfaces: Some(vec![interface("eth0", true, false, &[])]),
                ..WaySeen::default()
            },
            Code::NetNoLink,
            CheckStatus::Fail,
        ),
        (
            "switched off",
            WaySeen {
                interfaces: Some(vec![interface("eth0", false, false, &["10.1.0.2"])]),
                ..WaySeen::default()
            },
            Code::NetDisabled,
            CheckStatus::Fail,
        ),
        (
            "one switched off, a cable out of the other",
            WaySeen {
                interfaces: Some(vec![
                    interface("eth0", true, false, &[]),
                    interface("wlan0", false, false, &[]),
                ]),
                ..WaySeen::default()
            },
            Code::NetNoLink,
            CheckStatus::Fail,
        ),
        (
            "no address",
            WaySeen {
                interfaces: Some(vec![interface("eth0", true, true, &["fe80::1"])]),
                sources: Some(Sources::default()),
                ..WaySeen::default()
            },
            Code::NetNoAddress,
            CheckStatus::Fail,
        ),
        (
            "an address that the box gave itself, with a route",
            WaySeen {
                interfaces: Some(vec![interface("eth0", true, true, &["169.254.7.7"])]),
                sources: Some(Sources {
                    four: Some(ip("169.254.7.7")),
                    six: None,
                }),
                ..WaySeen::default()
            },
            Code::NetNoAddress,
            CheckStatus::Fail,
        ),
        (
            "an address of an interface that is down is none",
            WaySeen {
                interfaces: Some(vec![
                    interface("eth0", true, true, &[]),
                    interface("eth1", true, false, &["10.9.9.9"]),
                ]),
                sources: Some(Sources::default()),
                ..WaySeen::default()
            },
            Code::NetNoAddress,
            CheckStatus::Fail,
        ),
        (
            "no route",
            WaySeen {
                sources: Some(Sources::default()),
                gateway: None,
                connect: Some(Err(ConnectFailure::NoRoute)),
                ..sound()
            },
            Code::NetNoRoute,
            CheckStatus::Fail,
        ),
        (
            "a dead router",
            WaySeen {
                gateway: dead,
                ..unnamed(Err(LookupFailure::Unreachable))
            },
            Code::NetGateway,
            CheckStatus::Fail,
        ),
        (
            "a router that says nothing of itself and lets through",
            WaySeen {
                gateway: dead,
                ..sound()
            },
            Code::NetLink,
            CheckStatus::Pass,
        ),
        (
            "a router that says nothing, and a name that is known not to exist",
            WaySeen {
                gateway: dead,
                name: Some(Name {
                    known: true,
                    ..named(Err(LookupFailure::NoName))
                }),
                connect: None,
                ..sound()
            },
            Code::NetDns,
            CheckStatus::Fail,
        ),
        (
            "a router that says nothing, and a central that refuses",
            WaySeen {
                gateway: dead,
                ..cut(ConnectFailure::Refused)
            },
            Code::NetRefused,
            CheckStatus::Fail,
        ),
        (
            "no name",
            unnamed(Err(LookupFailure::Silent)),
            Code::NetDns,
            CheckStatus::Fail,
        ),
        (
            "no name of the proxy",
            WaySeen {
                name: Some(proxied(Err(LookupFailure::Silent))),
                connect: None,
                ..sound()
            },
            Code::NetProxy,
            CheckStatus::Fail,
        ),
        (
            "sunk",
            sunk("127.0.0.1"),
            Code::NetFiltered,
            CheckStatus::Fail,
        ),
        (
            "sunk",
            sunk("0.0.0.0"),
            Code::NetFiltered,
            CheckStatus::Fail,
        ),
        ("sunk", sunk("::"), Code::NetFiltered, CheckStatus::Fail),
        (
            "sunk",
            sunk("::ffff:0.0.0.0"),
            Code::NetFiltered,
            CheckStatus::Fail,
        ),
        (
            "sunk",
            sunk("240.0.0.1"),
            Code::NetFiltered,
            CheckStatus::Fail,
        ),
        (
            "sunk at the name server's own address",
            sunk("10.1.0.1"),
            Code::NetFiltered,
            CheckStatus::Fail,
        ),
        (
            "a private address is central's as well as any other",
            sunk("10.7.0.3"),
            Code::NetRefused,
            CheckStatus::Fail,
        ),
        (
            "somebody wrote it into /etc/hosts",
            WaySeen {
                name: Some(Name {
                    listed: true,
                    ..named(Ok(vec!["127.0.0.1"]))
                }),
                ..cut(ConnectFailure::Refused)
            },
            Code::NetRefused,
            CheckStatus::Fail,
        ),
        (
            "refused",
            cut(ConnectFailure::Refused),
            Code::NetRefused,
            CheckStatus::Fail,
        ),
        (
            "silent",
            cut(ConnectFailure::Late(4)),
            Code::NetUnreachable,
            CheckStatus::Fail,
        ),
        (
            "a proxy that refuses",
            WaySeen {
                name: Some(proxied(Ok(vec!["192.88.99.7"]))),
                ..cut(ConnectFailure::Refused)
            },
            Code::NetProxy,
            CheckStatus::Fail,
        ),
        (
            "only IPv6 there, only IPv4 here",
            WaySeen {
                name: Some(named(Ok(vec!["2a00::7", "2a00::8"]))),
                ..cut(ConnectFailure::NoRoute)
            },
            Code::NetFamily,
            CheckStatus::Fail,
        ),
        (
            "only IPv4 there, only IPv6 here",
            WaySeen {
                sources: Some(Sources {
                    four: None,
                    six: Some(ip("2a00::2")),
                }),
                ..cut(ConnectFailure::NoRoute)
            },
            Code::NetFamily,
            CheckStatus::Fail,
        ),
        (
            "both there: the route of one fails",
            WaySeen {
                name: Some(named(Ok(vec!["2a00::7", "192.88.99.7"]))),
                ..cut(ConnectFailure::NoRoute)
            },
            Code::NetUnreachable,
            CheckStatus::Fail,
        ),
        (
            "one lost of ten is chance",
            tries(&[well, well, None, well, well, well, well, well, well, well]),
            Code::NetLink,
            CheckStatus::Pass,
        ),
        (
            "two of ten",
            tries(&[well, again, None, well, well, well, well, well, well, well]),
            Code::NetLoss,
            CheckStatus::Warn,
        ),
        (
            "four of ten",
            tries(&[
                well, again, None, again, well, again, well, well, well, well,
            ]),
            Code::NetLoss,
            CheckStatus::Fail,
        ),
        (
            "far away, and nothing is lost",
            tries(&[Some(1400); TRIES]),
            Code::NetLink,
            CheckStatus::Pass,
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
    let here = WaySeen {
        name: Some(named(Ok(vec!["127.0.0.1"]))),
        ..sound()
    };
    assert_eq!(first(&here, Some(true)).status, CheckStatus::Pass);
    assert_eq!(first(&here, Some(false)).code, Code::NetFiltered);
    // A portal answers at the router's own address: its page is told.
    let portal = WaySeen {
        name: Some(named(Ok(vec!["10.1.0.1"]))),
        ..sound()
    };
    assert_eq!(first(&portal, Some(false)).status, CheckStatus::Pass);
}

#[test]
fn a_size_is_the_cause_only_where_all_smaller_come_and_all_larger_vanish() {
    let with = |pattern: &str, tries: Vec<Option<u32>>| {
        let came = pattern.chars().map(|mark| mark == '+');
        let way = WaySeen {
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
        (Some(Code::NetMtu), CheckStatus::Fail)
    );
    assert_eq!(
        told.summary.english(),
        "packets of 1320 bytes come through, those of 1360 vanish on the way"
    );
    for (pattern, status) in [
        ("++++++++++++", CheckStatus::Pass),
        ("------------", CheckStatus::Skip),
        ("-------+-+++", CheckStatus::Skip),
        ("-+++++++++++", CheckStatus::Skip),
        ("-----------+", CheckStatus::Skip),
    ] {
        assert_eq!(with(pattern, whole()).status, status, "{pattern}");
    }
    let lossy = [vec![None; 3], vec![Some(20); 7]].concat();
    assert_eq!(with("-------+++++", lossy).status, CheckStatus::Skip);
    assert_eq!(with("", whole()).status, CheckStatus::Skip);
}

#[test]
fn what_was_seen_survives_json() {
    let way = cut(ConnectFailure::Late(4));
    let text = serde_json::to_string(&way).unwrap();
    assert_eq!(serde_json::from_str::<WaySeen>(&text).unwrap(), way);
    assert_eq!(
        serde_json::from_str::<WaySeen>("{}").unwrap(),
        WaySeen::default()
    );
}

#[test]
fn why_there_is_no_connection_is_said_in_words() {
    for refusal in [
        ConnectFailure::Refused,
        ConnectFailure::NoRoute,
        ConnectFailure::Unreachable,
        ConnectFailure::Forbidden,
        ConnectFailure::Late(4),
    ] {
        let way = cut(refusal);
        let told = &way.judge(None)[&Check::Connect];
        let told = told.summary.english();
        assert!(told.starts_with("central.example:443 "));
        assert!(!told.contains("os error"), "{told}");
    }
}
