//! Names resolve wherever glibc's `files` and `dns` do (case A14): scripted name servers, the file that ships.
//! Never asks a real name server: `/etc/resolv.conf` and `/etc/hosts` are replaced in a mount namespace.
//! Needs root (port 53 of a loopback address, mounts); says so and passes without it.

use std::fs;
use std::net::Ipv4Addr;

use e2e::names::{GOOD, NameServer, Server, Way};
use e2e::{Site, options};

/// One case: what it is, the servers in their order (`None`: nobody listens there), and more lines of resolv.conf.
type Case = (&'static str, Vec<Option<Server>>, &'static str);

fn cases() -> Vec<Case> {
    let with = |aaaa| vec![Some(Server { aaaa, ..GOOD })];
    let first = |a, aaaa, other| {
        vec![
            Some(Server {
                a,
                aaaa,
                other,
                ..GOOD
            }),
            Some(GOOD),
        ]
    };
    let all = |way| first(way, way, way);
    let ipv4 = |a| vec![Some(Server { a, ..GOOD })];
    let search = |other| vec![Some(Server { other, ..GOOD })];
    const FIVE: &str = "search site.test other.test\noptions ndots:5\n";
    vec![
        ("AAAA has no data", with(Way::NoData), ""),
        ("AAAA: SERVFAIL", with(Way::Code(2)), ""),
        ("AAAA: NXDOMAIN", with(Way::Code(3)), ""),
        ("AAAA: REFUSED", with(Way::Code(5)), ""),
        ("AAAA: NOTIMP", with(Way::Code(4)), ""),
        ("AAAA: FORMERR", with(Way::Code(1)), ""),
        ("AAAA: silence", with(Way::Silent), ""),
        ("AAAA leads nowhere", with(Way::Has), ""),
        (
            "AAAA leads nowhere, A of the first server fails",
            first(Way::Code(2), Way::Has, Way::Code(3)),
            "",
        ),
        (
            "truncated, whole by TCP",
            ipv4(Way::Truncated {
                partial: true,
                tcp: true,
            }),
            "",
        ),
        (
            "truncated to nothing, whole by TCP",
            ipv4(Way::Truncated {
                partial: false,
                tcp: true,
            }),
            "",
        ),
        (
            "truncated, no TCP",
            ipv4(Way::Truncated {
                partial: true,
                tcp: false,
            }),
            "",
        ),
        (
            "the first server says NXDOMAIN falsely",
            all(Way::Code(3)),
            "",
        ),
        ("the first server says SERVFAIL", all(Way::Code(2)), ""),
        ("the first server says REFUSED", all(Way::Code(5)), ""),
        ("the first server has no data", all(Way::NoData), ""),
        ("the first server is silent", all(Way::Silent), ""),
        (
            "nobody listens at the first server",
            vec![None, Some(GOOD)],
            "",
        ),
        (
            "nobody listens at the first two",
            vec![None, None, Some(GOOD)],
            "",
        ),
        (
            "ndots:5, the search domains do not exist",
            search(Way::Code(3)),
            FIVE,
        ),
        (
            "ndots:5, the search domains fail",
            search(Way::Code(2)),
            FIVE,
        ),
        (
            "ndots:5, the search domains are refused",
            search(Way::Code(5)),
            FIVE,
        ),
        (
            "ndots:5, the search domains are silent",
            search(Way::Silent),
            FIVE,
        ),
        ("an alias of an alias", ipv4(Way::Alias), ""),
        ("the first packet is lost", ipv4(Way::SecondTime), ""),
        ("a forged answer comes first", ipv4(Way::Forged), ""),
        (
            "odd options",
            ipv4(Way::Has),
            "options edns0 trust-ad rotate no-such:9 timeout:x\nfamily inet4\nsortlist 1\n\u{1}\n",
        ),
        ("TCP from the beginning", ipv4(Way::Has), "options use-vc\n"),
    ]
}

/// A synchronization of a box whose central has this name, with these files in `/etc`; nothing where it cannot be done.
fn sync(site: &mut Site, host: &str, resolv: &str, hosts: &str) -> Option<e2e::Ran> {
    let port = site.central.address().port();
    site.set("central", "url", &format!("\"http://{host}:{port}/\""));
    fs::write(site.path("resolv.conf"), resolv).unwrap();
    fs::write(site.path("hosts"), hosts).unwrap();
    site.in_own_mounts(
        "mount --bind \"$2/resolv.conf\" /etc/resolv.conf; mount --bind \"$2/hosts\" /etc/hosts; \
         exec \"$1\" --root \"$2\" sync --json --results",
    )
}

/// Loopback addresses of this process alone.
fn own_address(n: usize) -> Ipv4Addr {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 50 + n as u8, high, low.clamp(1, 254))
}

fn can_serve() -> bool {
    if nix::unistd::geteuid().is_root() {
        return true;
    }
    eprintln!("skipped: name servers listen on port 53, which needs root");
    false
}

#[test]
fn names_resolve_wherever_glibc_finds_them() {
    if !can_serve() {
        return;
    }
    let mut site = Site::enrolled(options(1, 0, (1, 1)));
    for (what, servers, lines) in cases() {
        let mut resolv = String::new();
        let mut running = Vec::new();
        for (n, server) in servers.into_iter().enumerate() {
            let at = own_address(n);
            resolv += &format!("nameserver {at}\n");
            running.extend(server.map(|script| NameServer::start(at, script)));
        }
        assert!(
            running
                .iter()
                .all(|server| resolv.contains(&server.at().to_string()))
        );
        resolv += lines;
        let Some(ran) = sync(&mut site, "central.test", &resolv, "") else {
            eprintln!("skipped: this machine allows no mount namespaces");
            return;
        };
        assert_eq!(ran.exit, Some(0), "{what}\n{}", ran.story());
    }
}

#[test]
fn a_search_domain_completes_a_name_and_hosts_comes_first() {
    if !can_serve() {
        return;
    }
    let mut site = Site::enrolled(options(1, 0, (1, 1)));
    let name = "central.site.test";
    let at = own_address(10);
    let server = NameServer::start(at, Server { name, ..GOOD });
    let resolv = format!("nameserver {at}\nsearch other.test site.test\n");
    let Some(ran) = sync(&mut site, "central", &resolv, "") else {
        eprintln!("skipped: this machine allows no mount namespaces");
        return;
    };
    assert_eq!(ran.exit, Some(0), "{}", ran.story());
    drop(server);
    // No name server at all, and one that knows nothing.
    let hosts = "127.0.0.1 CENTRAL.test # the box's own\n";
    for resolv in ["", "nonsense\n"] {
        let ran = sync(&mut site, "central.test", resolv, hosts).unwrap();
        assert_eq!(ran.exit, Some(0), "{}", ran.story());
    }
}

#[test]
fn why_a_name_has_no_address_is_said() {
    if !can_serve() {
        return;
    }
    let mut site = Site::enrolled(options(1, 0, (1, 1)));
    let at = own_address(20);
    let cases = [
        (Way::Code(3), "there is no such name"),
        (Way::Code(2), "SERVFAIL"),
    ];
    for (way, words) in cases {
        let _server = NameServer::start(
            at,
            Server {
                a: way,
                aaaa: way,
                ..GOOD
            },
        );
        let Some(ran) = sync(&mut site, "central.test", &format!("nameserver {at}\n"), "") else {
            eprintln!("skipped: this machine allows no mount namespaces");
            return;
        };
        let ran = ran.exits(4);
        let object = ran.object();
        assert_eq!(object["code"], "net.dns", "{}", ran.story());
        let reason = object["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{reason}");
    }
}
