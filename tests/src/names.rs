//! Name servers by script: what each answers to which question.
//! Never asks a real name server, and speaks for one name alone.
//! Started by tests at port 53 of an address of their own; needs root.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

const A: u16 = 1;
const CNAME: u16 = 5;

/// What a server answers to one type of question about the right name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NameReply {
    /// The addresses that stand by the name.
    Has,
    /// The name exists, an address does not.
    NoData,
    /// A response code (RFC 1035 4.1.1): 3 is NXDOMAIN.
    Code(u8),
    /// No answer.
    Silent,
    /// TC by UDP, with or without a first address; by TCP the whole, or no listener.
    Truncated {
        /// With a first address.
        partial: bool,
        /// The whole comes by TCP.
        tcp: bool,
    },
    /// Through two aliases.
    Alias,
    /// Nothing to the first question.
    SecondTime,
    /// A forged answer with another id before the right one.
    Forged,
}

/// What a server is and answers.
#[derive(Debug, Clone, Copy)]
pub struct ServerScript {
    /// The name that it knows.
    pub name: &'static str,
    /// To questions for its IPv4 address.
    pub a: NameReply,
    /// To questions for its IPv6 address.
    pub aaaa: NameReply,
    /// Toward any other name.
    pub other: NameReply,
    /// The IPv4 address that stands by the name.
    pub four: Ipv4Addr,
    /// The IPv6 address that stands by it.
    pub six: Ipv6Addr,
}

/// An IPv4 address of this machine and none of IPv6; every other name is unknown.
pub const GOOD: ServerScript = ServerScript {
    name: "central.test",
    a: NameReply::Has,
    aaaa: NameReply::NoData,
    other: NameReply::Code(3),
    four: Ipv4Addr::LOCALHOST,
    // Nobody is there: only the other family leads to central.
    six: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1),
};

/// A name server that runs until it is dropped.
pub struct NameServer {
    at: IpAddr,
    ended: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl NameServer {
    /// Where it listens.
    #[must_use]
    pub fn at(&self) -> IpAddr {
        self.at
    }

    /// Starts one in the network of this thread.
    ///
    /// # Panics
    /// When port 53 of the address is taken.
    #[must_use]
    pub fn start(at: impl Into<IpAddr>, script: ServerScript) -> Self {
        let at = at.into();
        let udp = UdpSocket::bind((at, 53)).expect("port 53 of an address of our own is free");
        udp.set_read_timeout(Some(Duration::from_millis(20)))
            .expect("a socket on this machine works");
        let ended = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        let end = Arc::clone(&ended);
        let seen = AtomicUsize::new(0);
        threads.push(thread::spawn(move || {
            let mut packet = [0; 1024];
            while !end.load(Ordering::Relaxed) {
                if let Ok((length, from)) = udp.recv_from(&mut packet) {
                    for answer in answers(&packet[..length], &script, false, &seen) {
                        // The network may be one that does not carry it.
                        let _ = udp.send_to(&answer, from);
                    }
                }
            }
        }));
        let by_tcp = |way| !matches!(way, NameReply::Truncated { tcp: false, .. });
        if by_tcp(script.a) && by_tcp(script.aaaa) {
            let tcp = TcpListener::bind((at, 53)).expect("a socket on this machine works");
            tcp.set_nonblocking(true)
                .expect("a socket on this machine works");
            let end = Arc::clone(&ended);
            threads.push(thread::spawn(move || serve_tcp(&tcp, &script, &end)));
        }
        Self { at, ended, threads }
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().expect("a socket on this machine works");
        }
    }
}

fn serve_tcp(listener: &TcpListener, script: &ServerScript, end: &AtomicBool) {
    while !end.load(Ordering::Relaxed) {
        let Ok((mut stream, _)) = listener.accept() else {
            thread::park_timeout(Duration::from_millis(5));
            continue;
        };
        stream
            .set_nonblocking(false)
            .expect("a socket on this machine works");
        let mut length = [0; 2];
        if stream.read_exact(&mut length).is_err() {
            continue;
        }
        let mut packet = vec![0; u16::from_be_bytes(length).into()];
        stream
            .read_exact(&mut packet)
            .expect("a socket on this machine works");
        for answer in answers(&packet, script, true, &AtomicUsize::new(1)) {
            stream
                .write_all(&(answer.len() as u16).to_be_bytes())
                .expect("a socket on this machine works");
            stream
                .write_all(&answer)
                .expect("a socket on this machine works");
        }
    }
}

/// The name and type that are asked for, and where the question ends.
fn question(packet: &[u8]) -> (String, u16, usize) {
    let (mut name, mut at) = (String::new(), 12);
    while packet[at] != 0 {
        let length = usize::from(packet[at]);
        name += std::str::from_utf8(&packet[at + 1..=at + length])
            .expect("a socket on this machine works");
        name.push('.');
        at += length + 1;
    }
    let kind = u16::from_be_bytes([packet[at + 1], packet[at + 2]]);
    (name.trim_end_matches('.').to_owned(), kind, at + 5)
}

fn answers(packet: &[u8], script: &ServerScript, tcp: bool, seen: &AtomicUsize) -> Vec<Vec<u8>> {
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
        A => script.four.octets().to_vec(),
        _ => script.six.octets().to_vec(),
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
        NameReply::Has => vec![has()],
        NameReply::NoData => vec![answer(0, &[])],
        NameReply::Code(code) => vec![answer(code.into(), &[])],
        NameReply::Silent => Vec::new(),
        NameReply::Truncated { .. } if tcp => vec![has()],
        NameReply::Truncated { partial: true, .. } => {
            vec![answer(0x200, &[(own(), kind, address())])]
        }
        NameReply::Truncated { .. } => vec![answer(0x200, &[])],
        NameReply::Alias => vec![answer(
            0,
            &[
                (own(), CNAME, labels("Front.Test")),
                (labels("front.test"), CNAME, labels("node.test")),
                (labels("node.test"), kind, address()),
            ],
        )],
        NameReply::SecondTime if seen.fetch_add(1, Ordering::Relaxed) == 0 => Vec::new(),
        NameReply::SecondTime => vec![has()],
        NameReply::Forged => {
            let mut forged = answer(0, &[(own(), kind, vec![127, 66, 66, 66])]);
            forged[0] ^= 1;
            vec![forged, has()]
        }
    }
}
