//! The way to central below TLS: link, address and route, name, connection.
//! Never sends anything: a route is asked of the kernel, a connection is opened and closed.
//! Called by `doctor`, beside the talk with central.

use std::fs;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;

use logic::fault::Code;
use logic::health::{Check, Finding, Step};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::first::target;
use super::{Found, limit, made};
use crate::uplink::{Line, resolve};

/// Whether an interface is up, and whether it has an address with a way out.
pub(super) async fn link_and_address(steps: &[Step], line: Option<&Line>, found: &Found) {
    if made(steps, Check::Link) {
        found.tell(Check::Link, link(Path::new("/sys/class/net")));
    }
    if made(steps, Check::Address) {
        let host = line.map(|line| target(line).0);
        let outside = host.and_then(|host| host.parse::<IpAddr>().ok());
        // Nothing is sent: the kernel only says which address it would send from.
        let probes: Vec<IpAddr> = match outside {
            Some(ip) => vec![ip],
            None => ["192.0.2.1", "2001:db8::1"]
                .iter()
                .filter_map(|text| text.parse().ok())
                .collect(),
        };
        found.tell(Check::Address, address(probes.iter().map(|ip| source(*ip))));
    }
}

fn link(folder: &Path) -> Finding {
    let mut up = Vec::new();
    let mut down = Vec::new();
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name != "lo")
        .collect();
    names.sort();
    for name in names {
        let read = |file: &str| {
            let text = fs::read_to_string(folder.join(&name).join(file)).unwrap_or_default();
            text.trim().to_owned()
        };
        // Tunnels say "unknown" and have a carrier.
        if read("operstate") == "up" || read("carrier") == "1" {
            up.push(name);
        } else {
            down.push(name);
        }
    }
    if !up.is_empty() {
        return Finding::pass(Check::Link, format!("up: {}", up.join(", ")));
    }
    let seen = match down.as_slice() {
        [] => "there is no network interface".to_owned(),
        names => format!("no link: {}", names.join(", ")),
    };
    Finding::fail(Code::NetNoLink, seen)
}

/// The address that the kernel would send from, or why it would not.
fn source(to: IpAddr) -> Result<IpAddr, std::io::ErrorKind> {
    let own: SocketAddr = match to {
        IpAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        IpAddr::V6(_) => ([0u16; 8], 0).into(),
    };
    UdpSocket::bind(own)
        .and_then(|socket| {
            socket.connect((to, 9))?;
            socket.local_addr()
        })
        .map(|address| address.ip())
        .map_err(|error| error.kind())
}

fn address(sources: impl Iterator<Item = Result<IpAddr, std::io::ErrorKind>>) -> Finding {
    let found: Vec<IpAddr> = sources.filter_map(Result::ok).collect();
    let own = |ip: &&IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_link_local() && !ip.is_unspecified(),
        IpAddr::V6(ip) => !ip.is_unicast_link_local() && !ip.is_unspecified(),
    };
    if let Some(ip) = found.iter().find(own) {
        return Finding::pass(Check::Address, format!("{ip}, with a way out"));
    }
    match found.first() {
        Some(ip) => Finding::fail(
            Code::NetNoAddress,
            format!("{ip} is an address that the box gave itself"),
        ),
        None => Finding::fail(Code::NetNoRoute, "no route leads out of this box"),
    }
}

/// Whether the name of central (or of the proxy) has an address, and whether it accepts a connection.
pub(super) async fn name_and_connection(steps: &[Step], line: Option<&Line>, found: &Found) {
    let Some(line) = line.filter(|_| made(steps, Check::Dns)) else {
        return;
    };
    let (host, port) = target(line);
    let whose = if line.proxy.is_some() && host != line.root.host {
        "the proxy "
    } else {
        ""
    };
    let Some(addresses) = name(steps, host, port, whose, found).await else {
        return;
    };
    let fail = |code, summary| Finding::fail(blamed(whose, code), summary);
    let limit = limit(steps, Check::Connect);
    let finding = match timeout(limit, any(addresses)).await {
        Ok(Ok(address)) => Finding::pass(
            Check::Connect,
            format!("{whose}{address} accepts a connection"),
        ),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => fail(
            Code::NetRefused,
            format!("{whose}{host}:{port} refused the connection"),
        ),
        Ok(Err(error)) => fail(
            Code::NetUnreachable,
            format!("{whose}{host}:{port} cannot be reached: {error}"),
        ),
        Err(_) => fail(
            Code::NetUnreachable,
            format!(
                "{whose}{host}:{port} did not accept a connection within {} s",
                limit.as_secs()
            ),
        ),
    };
    found.tell(Check::Connect, finding);
}

/// The code of a failure on the way: what fails at the proxy is mended there, not at central.
fn blamed(whose: &str, code: Code) -> Code {
    match whose {
        "" => code,
        _ => Code::NetProxy,
    }
}

async fn name(
    steps: &[Step],
    host: &str,
    port: u16,
    whose: &str,
    found: &Found,
) -> Option<Vec<SocketAddr>> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        let summary = format!("{whose}{host} is an address, no name is needed");
        found.tell(Check::Dns, Finding::skip(Check::Dns, summary));
        return Some(vec![(ip, port).into()]);
    }
    let limit = limit(steps, Check::Dns);
    let finding = match resolve(host, port, limit).await {
        Ok(addresses) => {
            let list: Vec<String> = addresses.iter().map(|a| a.ip().to_string()).collect();
            let summary = format!("{whose}{host} is {}", list.join(", "));
            found.tell(Check::Dns, Finding::pass(Check::Dns, summary));
            return Some(addresses);
        }
        Err(failure) => {
            let summary = format!("{whose}{host} has no address: {failure}");
            Finding::fail(blamed(whose, Code::NetDns), summary).detail(servers())
        }
    };
    found.tell(Check::Dns, finding);
    None
}

/// The name servers in /etc/resolv.conf, for the technician.
fn servers() -> String {
    let text = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let servers: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver"))
        .map(str::trim)
        .collect();
    match servers.as_slice() {
        [] => "/etc/resolv.conf names no name server".into(),
        servers => format!("name servers: {}", servers.join(", ")),
    }
}

/// The first address that accepts; the error is that of the last.
async fn any(addresses: Vec<SocketAddr>) -> std::io::Result<SocketAddr> {
    let mut tries = JoinSet::new();
    for address in addresses {
        tries.spawn(async move { TcpStream::connect(address).await.map(|_| address) });
    }
    let mut last = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
    while let Some(joined) = tries.join_next().await {
        match joined {
            Ok(Ok(address)) => return Ok(address),
            Ok(Err(error)) => last = error,
            Err(_) => {}
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_read_from_the_kernel_s_files() {
        let dir = tempfile::tempdir().unwrap();
        let card = |name: &str, state: &str, carrier: &str| {
            let folder = dir.path().join(name);
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("operstate"), format!("{state}\n")).unwrap();
            fs::write(folder.join("carrier"), format!("{carrier}\n")).unwrap();
        };
        assert_eq!(link(dir.path()).code, Code::NetNoLink);
        card("lo", "unknown", "1");
        card("eth0", "down", "0");
        assert_eq!(link(dir.path()).summary, "no link: eth0");
        card("wg0", "unknown", "1");
        assert_eq!(link(dir.path()).summary, "up: wg0");
    }

    #[test]
    fn an_address_that_the_box_gave_itself_is_none() {
        let ip = |text: &str| Ok(text.parse().unwrap());
        let no = Err(std::io::ErrorKind::NetworkUnreachable);
        assert_eq!(address([no, no].into_iter()).code, Code::NetNoRoute);
        assert_eq!(
            address([ip("169.254.7.7"), no].into_iter()).code,
            Code::NetNoAddress
        );
        assert_eq!(
            address([ip("169.254.7.7"), ip("fd00::5")].into_iter()).code,
            Code::NetAddress
        );
    }
}
