//! Boxes behind a router: links, addresses, gateways, name servers, firewalls, proxies, bad lines; all real, in namespaces.
//! Never waits for silence but where silence is the case.
//! Rows of the table of `doctor`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use central::{Certificate, Options};
use e2e::names::{GOOD, NameReply, NameServer, ServerScript};
use e2e::net::{BESIDE, CENTRAL, Manner, Net, ProxyServer, ROUTER, Shape};
use e2e::{Running, Site};

use super::{BoxMade, Broken, broken, pair, small};

const SKIPPED: &str = "a network of its own needs root";
/// The port of proxies.
const PROXY: u16 = 3128;

pub(super) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn four(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

/// A box that is enrolled, its central behind the router. What `breaks` gives lasts until doctor has looked.
pub(super) fn on<K>(
    net: Option<Net>,
    tls: Option<Certificate>,
    breaks: impl FnOnce(&Net, &mut Site) -> K,
) -> BoxMade {
    let Some(net) = net else {
        return BoxMade::Skipped(SKIPPED);
    };
    let options = Options {
        listen: SocketAddr::new(ip(CENTRAL), 0),
        host: CENTRAL.into(),
        tls,
        ..small()
    };
    let mut site = net.far(|| match tls {
        // No box gets in there at all.
        Some(Certificate::ForClients) => Site::new(options),
        _ => Site::enrolled(options),
    });
    let kept = breaks(&net, &mut site);
    let ran = Running::start(net.command(&site.command(&["doctor", "--json"]))).end();
    drop(kept);
    BoxMade::Ran(ran)
}

pub(super) fn behind<K>(breaks: impl FnOnce(&Net, &mut Site) -> K) -> BoxMade {
    on(Net::new(), None, breaks)
}

pub(super) fn over_tls<K>(breaks: impl FnOnce(&Net, &mut Site) -> K) -> BoxMade {
    on(Net::new(), Some(Certificate::Good), breaks)
}

/// Central by its name, and a name server that tells of it by this script.
fn named(net: &Net, site: &mut Site, script: ServerScript) -> NameServer {
    by_name(site, "central.test");
    net.far(|| NameServer::start(ip(BESIDE), script))
}

fn by_name(site: &mut Site, host: &str) {
    let port = site.central.address().port();
    site.set("central", "url", &format!("\"http://{host}:{port}/\""));
}

/// A name server that answers questions for the IPv4 address this way, and has no other.
fn answering(a: NameReply) -> ServerScript {
    ServerScript { a, aaaa: a, ..GOOD }
}

/// One that tells where central is.
fn good() -> ServerScript {
    ServerScript {
        four: four(CENTRAL),
        ..GOOD
    }
}

fn proxied(site: &mut Site, host: &str) {
    let proxy = format!("\"http://{host}:{PROXY}\"");
    site.set("central", "proxy", &proxy);
}

/// A TLS alert (RFC 8446 6) to what is no TLS: fatal, `unexpected_message`.
const UNEXPECTED_MESSAGE: &[u8] = &[21, 3, 3, 0, 2, 2, 10];

/// A proxy beside central.
fn proxy(net: &Net, site: &mut Site, manner: Manner) -> ProxyServer {
    proxied(site, BESIDE);
    net.far(|| ProxyServer::start(SocketAddr::new(ip(BESIDE), PROXY), manner))
}

pub(super) fn table() -> Vec<Broken> {
    [local(), names(), firewalls(), lines(), proxies(), pairs()].concat()
}

/// The box's own end, and its router.
fn local() -> Vec<Broken> {
    vec![
        broken("the cable is out", "net.no_link", || {
            behind(|net, _| net.on_router("link set lan0 down"))
        }),
        broken("the interface is switched off", "net.disabled", || {
            behind(|net, _| net.on_box("link set eth0 down"))
        }),
        broken("there is no interface", "net.no_link", || {
            behind(|net, _| net.on_box("link del eth0"))
        }),
        broken("no DHCP server answered", "net.no_address", || {
            behind(|net, _| net.on_box("address flush dev eth0"))
        }),
        broken("the box gave itself an address", "net.no_address", || {
            behind(|net, _| {
                net.on_box(
                    "address flush dev eth0\naddress add 169.254.7.7/16 dev eth0\nroute add default dev eth0",
                );
            })
        }),
        broken("no default gateway is set", "net.no_route", || {
            behind(|net, _| net.on_box("route del default"))
        }),
        broken("the router is dead", "net.gateway", || {
            behind(|net, site| {
                by_name(site, "central.test");
                net.on_router("address flush dev lan0");
            })
        }),
        broken(
            "the router is dead and was the name server",
            "net.gateway",
            || {
                behind(|net, site| {
                    by_name(site, "central.test");
                    net.resolves(&format!("nameserver {ROUTER}\n"));
                    net.on_router("address flush dev lan0");
                })
            },
        ),
        broken(
            "another gateway is set than the router's address",
            "net.gateway",
            || behind(|net, _| net.on_box("route replace default via 10.1.0.9")),
        ),
        broken(
            "the router of an IPv6 network is dead",
            "net.gateway",
            || {
                behind(|net, site| {
                    net.add_six();
                    by_name(site, "[fd02::2]");
                    net.on_box("address del 10.1.0.2/24 dev eth0");
                    net.on_router("address flush dev lan0");
                })
            },
        ),
    ]
}

fn names() -> Vec<Broken> {
    vec![
        broken("the name server is silent", "net.dns", || {
            behind(|net, site| named(net, site, answering(NameReply::Silent)))
        }),
        broken(
            "nothing listens at the name server's port",
            "net.dns",
            || behind(|_, site| by_name(site, "central.test")),
        ),
        broken("the way to the name server is cut", "net.dns", || {
            behind(|net, site| {
                by_name(site, "central.test");
                net.on_router(&format!("route add blackhole {BESIDE}/32"));
            })
        }),
        broken("the name does not exist", "net.dns", || {
            behind(|net, site| named(net, site, answering(NameReply::Code(3))))
        }),
        broken("the name server fails", "net.dns", || {
            behind(|net, site| named(net, site, answering(NameReply::Code(2))))
        }),
        broken("the name server refuses", "net.dns", || {
            behind(|net, site| named(net, site, answering(NameReply::Code(5))))
        }),
        broken("a short name, and no search domain", "net.dns", || {
            behind(|net, site| {
                by_name(site, "central");
                net.far(|| NameServer::start(ip(BESIDE), good()))
            })
        }),
        broken(
            "a search domain that has an answer for every name",
            "central.foreign",
            || {
                behind(|net, site| {
                    by_name(site, "central.tset");
                    net.resolves(&format!("search school.test\nnameserver {BESIDE}\n"));
                    let script = ServerScript {
                        name: "central.tset.school.test",
                        four: four(ROUTER),
                        ..GOOD
                    };
                    let at = SocketAddr::new(ip(ROUTER), site.central.address().port());
                    let portal = net.at_router(|| ProxyServer::start(at, Manner::Page));
                    let server = net.far(|| NameServer::start(ip(BESIDE), script));
                    (server, portal)
                })
            },
        ),
        broken("the name has no address", "net.dns", || {
            behind(|net, site| named(net, site, answering(NameReply::NoData)))
        }),
        broken("no name server is known", "net.dns", || {
            behind(|net, site| {
                by_name(site, "central.test");
                net.resolves("# nothing\n");
            })
        }),
        broken(
            "a filter says that central is this machine",
            "net.filtered",
            || behind(|net, site| named(net, site, GOOD)),
        ),
        broken(
            "a filter says that central is 0.0.0.0 and ::",
            "net.filtered",
            || {
                behind(|net, site| {
                    let script = ServerScript {
                        aaaa: NameReply::Has,
                        four: Ipv4Addr::UNSPECIFIED,
                        six: std::net::Ipv6Addr::UNSPECIFIED,
                        ..GOOD
                    };
                    named(net, site, script)
                })
            },
        ),
        broken(
            "a filter says that central is itself",
            "net.filtered",
            || {
                behind(|net, site| {
                    let script = ServerScript {
                        four: four(BESIDE),
                        ..GOOD
                    };
                    named(net, site, script)
                })
            },
        ),
        broken(
            "central has an IPv6 address alone, the network has IPv4",
            "net.family",
            || {
                behind(|net, site| {
                    let script = ServerScript {
                        a: NameReply::NoData,
                        aaaa: NameReply::Has,
                        six: "fd02::2".parse().unwrap(),
                        ..GOOD
                    };
                    named(net, site, script)
                })
            },
        ),
        broken(
            "central has an IPv4 address alone, the network has IPv6",
            "net.family",
            || {
                behind(|net, site| {
                    net.add_six();
                    net.on_box("address del 10.1.0.2/24 dev eth0");
                    net.resolves("nameserver fd02::3\n");
                    by_name(site, "central.test");
                    net.far(|| NameServer::start(ip("fd02::3"), good()))
                })
            },
        ),
        broken(
            "/etc/hosts names an old address of central",
            "net.unreachable",
            || {
                behind(|net, site| {
                    by_name(site, "central.test");
                    net.hosts("10.0.2.9 central.test\n");
                })
            },
        ),
    ]
}

fn firewalls() -> Vec<Broken> {
    vec![
        broken(
            "a firewall swallows packets to central",
            "net.unreachable",
            || behind(|net, _| net.on_router(&format!("route add blackhole {CENTRAL}/32"))),
        ),
        broken(
            "a firewall rejects packets to central",
            "net.unreachable",
            || behind(|net, _| net.on_router(&format!("route add prohibit {CENTRAL}/32"))),
        ),
        broken(
            "the provider has no route to central",
            "net.unreachable",
            || behind(|net, _| net.on_router(&format!("route add unreachable {CENTRAL}/32"))),
        ),
        broken("central's machine is off", "net.unreachable", || {
            behind(|net, _| net.on_central(&format!("address del {CENTRAL}/24 dev eth0")))
        }),
        broken(
            "the box's own firewall forbids it",
            "net.unreachable",
            || {
                behind(|net, site| {
                    net.on_box(&format!("route add prohibit {CENTRAL}/32"));
                    named(net, site, good())
                })
            },
        ),
        broken("central's web server is down", "net.refused", || {
            behind(|_, site| site.central.set_listening(false))
        }),
        broken(
            "a portal answers for central's name",
            "central.foreign",
            || {
                behind(|net, site| {
                    let script = ServerScript {
                        four: four(ROUTER),
                        ..GOOD
                    };
                    let port = site.central.address().port();
                    let at = SocketAddr::new(ip(ROUTER), port);
                    let portal = net.at_router(|| ProxyServer::start(at, Manner::Page));
                    (named(net, site, script), portal)
                })
            },
        ),
        broken("something listens and says nothing", "net.timeout", || {
            behind(|net, site| {
                let at = SocketAddr::new(ip(BESIDE), 80);
                site.set("central", "url", &format!("\"http://{BESIDE}/\""));
                net.far(|| ProxyServer::start(at, Manner::Silent))
            })
        }),
        broken(
            "central's clock is 400 days behind",
            "clock.central",
            || {
                over_tls(|net, site| {
                    // It has heard central at the right time.
                    net.far(|| site.sync()).exits(0);
                    site.central.set_clock_offset(-400 * 86_400 - 600);
                })
            },
        ),
    ]
}

fn lines() -> Vec<Broken> {
    vec![
        broken("every second packet is lost", "net.loss", || {
            let shape = Shape {
                lost: 2,
                ..Shape::default()
            };
            on(Net::with_relay(shape), None, |_, _| ())
        }),
        broken("packets above 1300 bytes vanish", "net.mtu", || {
            let shape = Shape {
                largest: 1300,
                ..Shape::default()
            };
            on(Net::with_relay(shape), None, |_, _| ())
        }),
        broken(
            "packets above 1450 bytes vanish, over TLS",
            "net.mtu",
            || {
                let shape = Shape {
                    largest: 1450,
                    ..Shape::default()
                };
                on(Net::with_relay(shape), Some(Certificate::Good), |_, _| ())
            },
        ),
    ]
}

fn proxies() -> Vec<Broken> {
    vec![
        broken("the proxy's machine is off", "net.proxy", || {
            over_tls(|_, site| proxied(site, "10.0.2.9"))
        }),
        broken("nothing listens at the proxy's port", "net.proxy", || {
            over_tls(|_, site| proxied(site, BESIDE))
        }),
        broken("the proxy's name does not exist", "net.proxy", || {
            over_tls(|net, site| {
                proxied(site, "proxy.test");
                net.far(|| NameServer::start(ip(BESIDE), good()))
            })
        }),
        broken("the proxy wants a password", "net.proxy", || {
            over_tls(|net, site| proxy(net, site, Manner::Answers(407)))
        }),
        broken("the proxy refuses central's host", "net.proxy", || {
            over_tls(|net, site| proxy(net, site, Manner::Answers(403)))
        }),
        broken("the proxy is a web server", "net.proxy", || {
            over_tls(|net, site| proxy(net, site, Manner::Page))
        }),
        broken("the proxy closes at CONNECT", "net.proxy", || {
            over_tls(|net, site| proxy(net, site, Manner::Closes))
        }),
        broken("the proxy itself speaks https", "net.proxy", || {
            over_tls(|net, site| proxy(net, site, Manner::Says(UNEXPECTED_MESSAGE)))
        }),
        broken("the proxy's port is of something else", "net.proxy", || {
            let banner = b"220 mail.school.test ESMTP\r\n";
            over_tls(|net, site| proxy(net, site, Manner::Says(banner)))
        }),
        broken("the proxy accepts and says nothing", "net.proxy", || {
            over_tls(|net, site| proxy(net, site, Manner::Silent))
        }),
        broken("the proxy cannot reach central", "net.proxy", || {
            over_tls(|net, site| {
                site.central.set_listening(false);
                proxy(net, site, Manner::Leads)
            })
        }),
        broken(
            "the proxy of the service is dead, the shell has none",
            "net.proxy",
            || {
                over_tls(|net, site| {
                    let mut inner = site.command(&["run"]);
                    inner.env("https_proxy", format!("http://{BESIDE}:{PROXY}"));
                    let mut daemon = Running::start(net.command(&inner));
                    let api = site.api();
                    assert!(daemon.until("the daemon", || api.connect().is_some()));
                    daemon
                })
            },
        ),
    ]
}

/// Two things at once: the cause that lies first is told first, and what does not follow from it beside it.
fn pairs() -> Vec<Broken> {
    vec![
        pair(
            "a dead router, and central's clock is 400 days behind",
            &["net.gateway"],
            || {
                behind(|net, site| {
                    by_name(site, "central.test");
                    site.central.set_clock_offset(-400 * 86_400 - 600);
                    net.on_router("address flush dev lan0");
                })
            },
        ),
        pair(
            "a misspelt key and a dead router",
            &["config.unknown_key"],
            || {
                behind(|net, site| {
                    site.set("sync", "intervall", "\"5m\"");
                    net.on_router("address flush dev lan0");
                })
            },
        ),
        pair(
            "the name server filters, and the key is gone",
            &["key.sealed", "net.filtered"],
            || {
                behind(|net, site| {
                    std::fs::remove_file(site.state("boxsync.key")).unwrap();
                    named(net, site, GOOD)
                })
            },
        ),
        pair(
            "packets are lost, and the key is gone",
            &["key.sealed", "net.loss"],
            || {
                let shape = Shape {
                    lost: 2,
                    ..Shape::default()
                };
                on(Net::with_relay(shape), None, |_, site| {
                    std::fs::remove_file(site.state("boxsync.key")).unwrap();
                })
            },
        ),
        pair(
            "large packets vanish, and the clocks are three days apart",
            &["net.mtu", "clock.wrong"],
            || {
                let shape = Shape {
                    largest: 1300,
                    ..Shape::default()
                };
                on(Net::with_relay(shape), None, |_, site| {
                    site.central.set_clock_offset(3 * 86_400 + 600);
                })
            },
        ),
        pair(
            "the interface is switched off, and the box was never enrolled",
            &["net.disabled", "auth.not_enrolled"],
            || {
                behind(|net, site| {
                    std::fs::remove_file(site.state("credentials")).unwrap();
                    net.on_box("link set eth0 down");
                })
            },
        ),
        pair(
            "an address of IPv6 comes first and leads nowhere, and central is in maintenance",
            &["central.maintenance"],
            || {
                behind(|net, site| {
                    net.add_six();
                    site.central.set_maintenance(true);
                    let script = ServerScript {
                        aaaa: NameReply::Has,
                        six: "fd02::2".parse().unwrap(),
                        ..good()
                    };
                    named(net, site, script)
                })
            },
        ),
        pair(
            "the first name server is silent, and central does not support the VM",
            &["version.unsupported"],
            || {
                behind(|net, site| {
                    site.central.set_versions(&["2024.06"]);
                    net.resolves(&format!("nameserver 10.0.2.9\nnameserver {BESIDE}\n"));
                    named(net, site, good())
                })
            },
        ),
    ]
}

#[test]
fn doctor_takes_the_way_of_the_daemon() {
    let Some(net) = Net::new() else { return };
    let options = Options {
        listen: SocketAddr::new(ip(CENTRAL), 0),
        host: CENTRAL.into(),
        tls: Some(Certificate::Good),
        ..small()
    };
    let site = net.far(|| Site::enrolled(options).held());
    let leading = net.far(|| ProxyServer::start(SocketAddr::new(ip(BESIDE), PROXY), Manner::Leads));
    // The shell has no way there.
    net.on_router(&format!("route add blackhole {CENTRAL}/32"));
    let mut inner = site.command(&["run"]);
    inner.env("https_proxy", format!("http://{}", leading.at()));
    let mut daemon = Running::start(net.command(&inner));
    let api = site.api();
    assert!(daemon.until("the daemon", || api.connect().is_some()));
    let before = leading.asked();
    let ran = Running::start(net.command(&site.command(&["doctor", "--json"]))).end();
    let object = ran.exits(0).object();
    let checks = object["checks"].as_array().unwrap();
    let of = |code: &str| checks.iter().find(|check| check["code"] == code).unwrap();
    assert_eq!(of("central.answer")["status"], "pass");
    assert_eq!(
        of("net.connect")["summary"],
        format!("the proxy {BESIDE}:{PROXY} accepts a connection")
    );
    assert!(leading.asked() > before);
    drop(daemon);
}
