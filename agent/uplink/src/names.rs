//! Asks for the addresses of a name: sends the questions of `logic::resolver`, reads `/etc/resolv.conf` and `/etc/hosts`
//! anew for each look-up.
//! Never calls the C library's resolver: musl's fails where glibc's does not (docs/decisions/004).
//! Called by `dial` and by `doctor`.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use logic::resolver::message::{query, reply};
use logic::resolver::{
    Config, DnsReply, Lookup, LookupCommand, LookupEvent, LookupFailure, NameServerAddress,
    Question, hosts,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

/// The port of name servers (RFC 1035 4.2).
const DNS_PORT: u16 = 53;
/// A question by UDP that is not answered is sent again after this.
const RESEND_AFTER: Duration = Duration::from_millis(1500);
/// The longest answer by UDP that a server may send unasked is 512 bytes; some send more.
const UDP_ANSWER: usize = 4096;

/// The addresses of `host`, those that a route leads to first, both families in turn (RFC 8305 4).
///
/// # Errors
/// Why there is none, at the latest after `limit`.
pub async fn resolve(
    host: &str,
    port: u16,
    limit: Duration,
) -> Result<Vec<SocketAddr>, LookupFailure> {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = literal.parse::<IpAddr>() {
        return Ok(vec![(address, port).into()]);
    }
    let read = |path: &str| {
        let bytes = fs::read(path).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let mut found = hosts(&read("/etc/hosts"), host);
    if found.is_empty() {
        let own_name = read("/proc/sys/kernel/hostname");
        let domain = own_name.trim().split_once('.').map(|(_, domain)| domain);
        let config = Config::parse(&read("/etc/resolv.conf"), domain);
        found = ask(&config, host, limit).await?;
    }
    Ok(in_order(found, port))
}

/// Whether the name stands in `/etc/hosts`: no name server is asked then.
pub fn is_listed(host: &str) -> bool {
    let bytes = fs::read("/etc/hosts").unwrap_or_default();
    !hosts(&String::from_utf8_lossy(&bytes), host).is_empty()
}

/// Drives one look-up to its end.
async fn ask(config: &Config, host: &str, limit: Duration) -> Result<Vec<IpAddr>, LookupFailure> {
    let begun = Instant::now();
    let mut lookup = Lookup::new(config.clone(), host, Duration::ZERO);
    // Dropped at the end, with every question that is still open.
    let mut open = JoinSet::new();
    loop {
        match lookup.next() {
            Some(LookupCommand::Done(result)) => return result,
            Some(LookupCommand::Ask(ticket, question)) => {
                let server = config.servers[question.server].clone();
                open.spawn(async move {
                    match exchange(&server, &question).await {
                        Ok(reply) => LookupEvent::Reply(ticket, reply),
                        Err(_) => LookupEvent::Failed(ticket),
                    }
                });
                continue;
            }
            None => {}
        }
        let due = lookup.due().map_or(limit, |due| due.min(limit));
        tokio::select! {
            Some(Ok(event)) = open.join_next() => lookup.handle(event, begun.elapsed()),
            () = sleep_until(begun + due) => {
                if begun.elapsed() >= limit {
                    return lookup.give_up();
                }
                lookup.wake(begun.elapsed());
            }
        }
    }
}

async fn exchange(server: &NameServerAddress, question: &Question) -> io::Result<DnsReply> {
    let mut id = [0; 2];
    getrandom::fill(&mut id).map_err(|error| io::Error::other(error.to_string()))?;
    let id = u16::from_be_bytes(id);
    let message = query(id, &question.name, question.kind)
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let read = |answer: &[u8]| reply(answer, id, &question.name, question.kind);
    match question.tcp {
        true => by_tcp(place(server)?, &message, read).await,
        false => by_udp(place(server)?, &message, read).await,
    }
}

/// Sends again until an answer to the question comes: whoever asked ends the wait.
async fn by_udp(
    server: SocketAddr,
    message: &[u8],
    read: impl Fn(&[u8]) -> Option<DnsReply>,
) -> io::Result<DnsReply> {
    let own: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    // A port of its own for each question makes answers hard to forge; connected, only the server can answer.
    let socket = UdpSocket::bind(own).await?;
    socket.connect(server).await?;
    let mut answer = [0; UDP_ANSWER];
    loop {
        socket.send(message).await?;
        let wait = async {
            loop {
                let length = socket.recv(&mut answer).await?;
                if let Some(reply) = read(&answer[..length]) {
                    return io::Result::Ok(reply);
                }
            }
        };
        if let Ok(answered) = timeout(RESEND_AFTER, wait).await {
            return answered;
        }
    }
}

/// One question, one answer, each behind its length (RFC 1035 4.2.2).
async fn by_tcp(
    server: SocketAddr,
    message: &[u8],
    read: impl Fn(&[u8]) -> Option<DnsReply>,
) -> io::Result<DnsReply> {
    let mut stream = TcpStream::connect(server).await?;
    let mut framed = (message.len() as u16).to_be_bytes().to_vec();
    framed.extend(message);
    stream.write_all(&framed).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    read(&answer).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn place(server: &NameServerAddress) -> io::Result<SocketAddr> {
    let scope = match &server.scope {
        None => 0,
        Some(scope) => match scope.parse() {
            Ok(number) => number,
            Err(_) => interface(scope)?,
        },
    };
    Ok(match server.address {
        IpAddr::V4(address) => (address, DNS_PORT).into(),
        IpAddr::V6(address) => SocketAddrV6::new(address, DNS_PORT, 0, scope).into(),
    })
}

/// The number of a network interface by its name.
fn interface(name: &str) -> io::Result<u32> {
    let unknown = || io::Error::from(io::ErrorKind::NotFound);
    if name.contains('/') {
        return Err(unknown());
    }
    let text = fs::read_to_string(format!("/sys/class/net/{name}/ifindex"))?;
    text.trim().parse().map_err(|_| unknown())
}

/// Addresses that a route leads to come first, and the families take turns, IPv6 before IPv4.
fn in_order(found: Vec<IpAddr>, port: u16) -> Vec<SocketAddr> {
    let (near, far): (Vec<_>, Vec<_>) = found.into_iter().partition(|ip| has_route(*ip));
    let ordered = in_turn(&near).into_iter().chain(in_turn(&far));
    ordered.map(|ip| (ip, port).into()).collect()
}

fn in_turn(found: &[IpAddr]) -> Vec<IpAddr> {
    let family = |six: bool| found.iter().copied().filter(move |ip| ip.is_ipv6() == six);
    let (mut six, mut four) = (family(true), family(false));
    let mut ordered = Vec::with_capacity(found.len());
    loop {
        let pair = [six.next(), four.next()];
        if pair == [None, None] {
            return ordered;
        }
        ordered.extend(pair.into_iter().flatten());
    }
}

/// Whether the kernel would send something there; nothing is sent.
fn has_route(to: IpAddr) -> bool {
    let own: SocketAddr = match to {
        IpAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        IpAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    std::net::UdpSocket::bind(own).is_ok_and(|socket| socket.connect((to, 9)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let found = [ip("2001:db8::1"), ip("2001:db8::2"), ip("192.0.2.1")];
        assert_eq!(in_turn(&found), [found[0], found[2], found[1]]);
    }

    #[tokio::test]
    async fn an_address_is_its_own() {
        let found = resolve("[::1]", 443, Duration::ZERO).await.unwrap();
        assert_eq!(found, ["[::1]:443".parse().unwrap()]);
    }
}
