//! Names resolve wherever glibc's `files` and `dns` do (case A14): scripted name servers, the file that ships.
//! Never asks a real name server: `/etc/resolv.conf` and `/etc/hosts` are replaced in a mount namespace.
//! Needs root (port 53 of a loopback address, mounts); says so and passes without it.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use e2e::{Site, options};

const A: u16 = 1;
const CNAME: u16 = 5;

/// What a server answers to one type of question about the right name.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    /// The addresses that stand by the name.
    Has,
    NoData,
    /// A response code (RFC 1035 4.1.1): 3 is NXDOMAIN.
    Code(u8),
    Silent,
    /// TC by UDP, with or without a first address; by TCP the whole, or no listener.
    Truncated {
        partial: bool,
        tcp: bool,
    },
    /// Through two aliases.
    Alias,
    /// Nothing to the first question.
    SecondTime,
    /// A forged answer with another id before the right one.
    Forged,
}

#[derive(Debug, Clone, Copy)]
struct Server {
    name: &'static str,
    a: Way,
    aaaa: Way,
    /// Toward any other name.
    other: Way,
}

const GOOD: Server = Server {
    name: "central.test",
    a: Way::Has,
    aaaa: Way::NoData,
    other: Way::Code(3),
};

/// A name server that runs until it is dropped.
struct Running {
    at: Ipv4Addr,
    ended: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Running {
    fn start(at: Ipv4Addr, script: Server) -> Self {
        let udp =
            UdpSocket::bind((at, 53)).expect("port 53 of a loopback address of our own is free");
        udp.set_read_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        let ended = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        let end = Arc::clone(&ended);
        let seen = AtomicUsize::new(0);
        threads.push(thread::spawn(move || {
            let mut packet = [0; 1024];
            while !end.load(Ordering::Relaxed) {
                if let Ok((length, from)) = udp.recv_from(&mut packet) {
                    for answer in answers(&packet[..length], &script, false, &seen) {
                        udp.send_to(&answer, from).unwrap();
                    }
                }
            }
        }));
        let by_tcp = |way| !matches!(way, Way::Truncated { tcp: false, .. });
        if by_tcp(script.a) && by_tcp(script.aaaa) {
            let tcp = TcpListener::bind((at, 53)).unwrap();
            tcp.set_nonblocking(true).unwrap();
            let end = Arc::clone(&ended);
            threads.push(thread::spawn(move || serve_tcp(&tcp, &script, &end)));
        }
        Self { at, ended, threads }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

fn serve_tcp(listener: &TcpListener, script: &Server, end: &AtomicBool) {
    while !end.load(Ordering::Relaxed) {
        let Ok((mut stream, _)) = listener.accept() else {
            thread::park_timeout(Duration::from_millis(5));
            continue;
        };
        stream.set_nonblocking(false).unwrap();
        let mut length = [0; 2];
        if stream.read_exact(&mut length).is_err() {
            continue;
        }
        let mut packet = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut packet).unwrap();
        for answer in answers(&packet, script, true, &AtomicUsize::new(1)) {
            stream
                .write_all(&(answer.len() as u16).to_be_bytes())
                .unwrap();
            stream.write_all(&answer).unwrap();
        }
    }
}

/// The name and type that are asked for, and where the question ends.
fn question(packet: &[u8]) -> (String, u16, usize) {
    let (mut name, mut at) = (String::new(), 12);
    while packet[at] != 0 {
        let length = usize::from(packet[at]);
        name += std::str::from_utf8(&packet[at + 1..=at + length]).unwrap();
        name.push('.');
        at += length + 1;
    }
    let kind = u16::from_be_bytes([packet[at + 1], packet[at + 2]]);
    (name.trim_end_matches('.').to_owned(), kind, at + 5)
}

fn answers(packet: &[u8], script: &Server, tcp: bool, seen: &AtomicUsize) -> Vec<Vec<u8>> {
    let (name, kind, end) = question(packet);
    let way = match (name == script.name, kind) {
        (true, A) => script.a,
        (true, _) => script.aaaa,
        (false, _) => script.other,
    };
    let answer = |flags: u16, records: &[(Vec<u8>, u16, Vec<u8>)]| {
        let mut message = packet[..end].to_vec();
        message[2..4].copy_from_slice(&(0x8180 | flags).to_be_bytes());
        message[6..12].copy_from_slice(&[0, records.len() as u8, 0, 0, 0, 0]);
        for (owner, kind, data) in records {
            message.extend(owner);
            message.extend(kind.to_be_bytes());
            message.extend([0, 1, 0, 0, 0, 1]);
            message.extend((data.len() as u16).to_be_bytes());
            message.extend(data);
        }
        message
    };
    let own = || vec![0xc0, 12];
    let address = || match kind {
        A => vec![127, 0, 0, 1],
        // Nobody is there: only the other family leads to central.
        _ => "2001:db8::1"
            .parse::<std::net::Ipv6Addr>()
            .unwrap()
            .octets()
            .to_vec(),
    };
    let labels = |name: &str| {
        let mut bytes: Vec<u8> = name
            .split('.')
            .flat_map(|l| [&[l.len() as u8], l.as_bytes()].concat())
            .collect();
        bytes.push(0);
        bytes
    };
    let has = || answer(0, &[(own(), kind, address())]);
    match way {
        Way::Has => vec![has()],
        Way::NoData => vec![answer(0, &[])],
        Way::Code(code) => vec![answer(code.into(), &[])],
        Way::Silent => Vec::new(),
        Way::Truncated { .. } if tcp => vec![has()],
        Way::Truncated { partial: true, .. } => vec![answer(0x200, &[(own(), kind, address())])],
        Way::Truncated { .. } => vec![answer(0x200, &[])],
        Way::Alias => vec![answer(
            0,
            &[
                (own(), CNAME, labels("Front.Test")),
                (labels("front.test"), CNAME, labels("node.test")),
                (labels("node.test"), kind, address()),
            ],
        )],
        Way::SecondTime if seen.fetch_add(1, Ordering::Relaxed) == 0 => Vec::new(),
        Way::SecondTime => vec![has()],
        Way::Forged => {
            let mut forged = answer(0, &[(own(), kind, vec![127, 66, 66, 66])]);
            forged[0] ^= 1;
            vec![forged, has()]
        }
    }
}

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
            running.extend(server.map(|script| Running::start(at, script)));
        }
        assert!(
            running
                .iter()
                .all(|server| resolv.contains(&server.at.to_string()))
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
    let server = Running::start(at, Server { name, ..GOOD });
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
        let _server = Running::start(
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
