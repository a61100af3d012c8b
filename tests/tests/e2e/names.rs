//! Names resolve wherever glibc's `files` and `dns` do (case A14): scripted name servers, the file that ships.
//! Never asks a real name server: `/etc/resolv.conf` and `/etc/hosts` are replaced in a mount namespace.
//! Needs root (port 53 of a loopback address, mounts); says so and passes without it.

use std::fs;
use std::net::Ipv4Addr;

use e2e::names::{GOOD, NameReply, NameServer, ServerScript};
use e2e::{Site, options};

/// One case: what it is, the servers in their order (`None`: nobody listens there), and more lines of resolv.conf.
type NameCase = (&'static str, Vec<Option<ServerScript>>, &'static str);

fn cases() -> Vec<NameCase> {
    let with = |aaaa| vec![Some(ServerScript { aaaa, ..GOOD })];
    let first = |a, aaaa, other| {
        vec![
            Some(ServerScript {
                a,
                aaaa,
                other,
                ..GOOD
            }),
            Some(GOOD),
        ]
    };
    let all = |way| first(way, way, way);
    let ipv4 = |a| vec![Some(ServerScript { a, ..GOOD })];
    let search = |other| vec![Some(ServerScript { other, ..GOOD })];
    const FIVE: &str = "search site.test other.test\noptions ndots:5\n";
    vec![
        ("AAAA has no data", with(NameReply::NoData), ""),
        ("AAAA: SERVFAIL", with(NameReply::Code(2)), ""),
        ("AAAA: NXDOMAIN", with(NameReply::Code(3)), ""),
        ("AAAA: REFUSED", with(NameReply::Code(5)), ""),
        ("AAAA: NOTIMP", with(NameReply::Code(4)), ""),
        ("AAAA: FORMERR", with(NameReply::Code(1)), ""),
        ("AAAA: silence", with(NameReply::Silent), ""),
        ("AAAA leads nowhere", with(NameReply::Has), ""),
        (
            "AAAA leads nowhere, A of the first server fails",
            first(NameReply::Code(2), NameReply::Has, NameReply::Code(3)),
            "",
        ),
        (
            "truncated, whole by TCP",
            ipv4(NameReply::Truncated {
                partial: true,
                tcp: true,
            }),
            "",
        ),
        (
            "truncated to nothing, whole by TCP",
            ipv4(NameReply::Truncated {
                partial: false,
                tcp: true,
            }),
            "",
        ),
        (
            "truncated, no TCP",
            ipv4(NameReply::Truncated {
                partial: true,
                tcp: false,
            }),
            "",
        ),
        (
            "the first server says NXDOMAIN falsely",
            all(NameReply::Code(3)),
            "",
        ),
        (
            "the first server says SERVFAIL",
            all(NameReply::Code(2)),
            "",
        ),
        ("the first server says REFUSED", all(NameReply::Code(5)), ""),
        ("the first server has no data", all(NameReply::NoData), ""),
        ("the first server is silent", all(NameReply::Silent), ""),
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
            search(NameReply::Code(3)),
            FIVE,
        ),
        (
            "ndots:5, the search domains fail",
            search(NameReply::Code(2)),
            FIVE,
        ),
        (
            "ndots:5, the search domains are refused",
            search(NameReply::Code(5)),
            FIVE,
        ),
        (
            "ndots:5, the search domains are silent",
            search(NameReply::Silent),
            FIVE,
        ),
        ("an alias of an alias", ipv4(NameReply::Alias), ""),
        ("the first packet is lost", ipv4(NameReply::SecondTime), ""),
        ("a forged answer comes first", ipv4(NameReply::Forged), ""),
        (
            "odd options",
            ipv4(NameReply::Has),
            "options edns0 trust-ad rotate no-such:9 timeout:x\nfamily inet4\nsortlist 1\n\u{1}\n",
        ),
        (
            "TCP from the beginning",
            ipv4(NameReply::Has),
            "options use-vc\n",
        ),
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
    let server = NameServer::start(at, ServerScript { name, ..GOOD });
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
        (NameReply::Code(3), "there is no such name"),
        (NameReply::Code(2), "SERVFAIL"),
    ];
    for (way, words) in cases {
        let _server = NameServer::start(
            at,
            ServerScript {
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
