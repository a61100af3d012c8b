//! Decides whether a host is reached directly or through the proxy.
//! Never resolves a name: NO_PROXY is compared with the host as it is written.
//! Called by `dial`.

use std::net::IpAddr;
use std::time::Duration;

use super::secret::{Secret, basic};
use logic::settings::{Proxy, Url};

/// The proxy's answer to CONNECT comes within this time.
const TUNNEL: Duration = Duration::from_secs(20);

/// The proxy, and whom it is not for.
#[derive(Debug)]
pub(super) struct ProxyRoute {
    proxy: Option<Via>,
    no_proxy: Vec<String>,
    /// The most bytes in one packet of TCP, where that is tried.
    pub(super) segment: Option<u16>,
    /// How long it may take to answer CONNECT: it connects onward meanwhile.
    pub(super) patience: Duration,
}

/// A proxy with the password of its user.
#[derive(Debug, Clone)]
pub(super) struct Via {
    pub(super) host: String,
    pub(super) port: u16,
    /// The value of `Proxy-Authorization`, if it wants to know the user.
    pub(super) authorization: Option<Secret>,
}

impl Via {
    /// Host and port, as it is told.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl ProxyRoute {
    /// `no_proxy` as in NO_PROXY: entries separated by commas or blanks.
    pub(super) fn new(
        proxy: Option<&Proxy>,
        password: Option<&Secret>,
        no_proxy: &[String],
    ) -> Self {
        let proxy = proxy.map(|proxy| Via {
            host: proxy.url.host.clone(),
            port: proxy.url.port,
            authorization: proxy.user.as_ref().map(|user| {
                let password = password.map(Secret::reveal).unwrap_or_default();
                let pair = Secret::new(format!("{user}:{password}"));
                basic(pair.reveal())
            }),
        });
        let no_proxy = no_proxy
            .iter()
            .flat_map(|text| text.split([',', ' ', '\t']))
            .filter(|entry| !entry.is_empty())
            .map(str::to_ascii_lowercase)
            .collect();
        Self {
            proxy,
            no_proxy,
            segment: None,
            patience: TUNNEL,
        }
    }

    /// The same, in packets of TCP with at most so many bytes.
    pub(super) fn in_segments(self, segment: Option<u16>) -> Self {
        Self { segment, ..self }
    }

    /// The same for one who waits no longer than that.
    pub(super) fn within(self, most: Option<Duration>) -> Self {
        Self {
            patience: most.unwrap_or(TUNNEL),
            ..self
        }
    }

    /// The proxy for this URL; loopback never has one.
    pub(super) fn via(&self, url: &Url) -> Option<&Via> {
        let direct = loopback(&url.host)
            || self
                .no_proxy
                .iter()
                .any(|entry| covers(entry, &url.host, url.port));
        self.proxy.as_ref().filter(|_| !direct)
    }
}

/// Whether the name or address of a host means this machine.
pub fn loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether an entry of NO_PROXY names the host: `*`, a suffix at a dot, an address, a network, each with or without
/// a port.
fn covers(entry: &str, host: &str, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Some((network, bits)) = entry.split_once('/') {
        return within(network, bits, host);
    }
    let (name, wanted) = split_port(entry);
    if wanted.is_some_and(|wanted| wanted != port) {
        return false;
    }
    if let (Ok(a), Ok(b)) = (name.parse::<IpAddr>(), host.parse::<IpAddr>()) {
        return a == b;
    }
    let name = name.trim_start_matches("*.").trim_start_matches('.');
    let prefix = host.strip_suffix(name);
    !name.is_empty() && prefix.is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('.'))
}

/// `host:port`, `[v6]:port`, `[v6]`, or neither.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    if let Some((host, rest)) = entry.strip_prefix('[').and_then(|e| e.split_once(']')) {
        return (host, rest.strip_prefix(':').and_then(|p| p.parse().ok()));
    }
    match entry.split_once(':') {
        Some((host, port)) if !port.contains(':') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

fn within(network: &str, bits: &str, host: &str) -> bool {
    let (Ok(network), Ok(bits), Ok(host)) = (
        network.parse::<IpAddr>(),
        bits.parse::<u32>(),
        host.parse::<IpAddr>(),
    ) else {
        return false;
    };
    let (network, host, width) = match (network, host) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits()), u128::from(b.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
        _ => return false,
    };
    bits <= width && (network ^ host).checked_shr(width - bits).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxied(no_proxy: &str, url: &str) -> bool {
        let proxy = Proxy::parse("http://user@proxy:3128").unwrap();
        let password = Secret::new("secret".into());
        let route = ProxyRoute::new(Some(&proxy), Some(&password), &[no_proxy.to_owned()]);
        route.via(&Url::parse(url).unwrap()).is_some()
    }

    #[test]
    fn no_proxy_names_suffixes_ports_addresses_and_networks() {
        let table = [
            ("", "https://central.example/", true),
            ("*", "https://central.example/", false),
            ("central.example", "https://central.example/", false),
            ("example", "https://central.example/", false),
            (".example", "https://central.example/", false),
            ("*.example", "https://central.example/", false),
            ("ample", "https://central.example/", true),
            (
                "a.b, other.org CENTRAL.EXAMPLE",
                "https://central.example/",
                false,
            ),
            ("central.example:443", "https://central.example/", false),
            ("central.example:444", "https://central.example/", true),
            ("10.1.2.3", "http://10.1.2.3/", false),
            ("10.1.2.30", "http://10.1.2.3/", true),
            ("10.0.0.0/8", "http://10.1.2.3/", false),
            ("10.0.0.0/16", "http://10.1.2.3/", true),
            ("0.0.0.0/0", "http://10.1.2.3/", false),
            ("fd00::/8", "http://[fd00::1]/", false),
            ("[fd00::1]:80", "http://[fd00::1]/", false),
            ("fd00::1", "http://[fd00::2]/", true),
            ("10.0.0.0/99", "http://10.1.2.3/", true),
        ];
        for (entry, url, expected) in table {
            assert_eq!(proxied(entry, url), expected, "{entry} {url}");
        }
    }

    #[test]
    fn loopback_is_never_proxied() {
        for url in [
            "http://localhost/",
            "http://tao.localhost/",
            "http://127.0.0.1:8080/",
            "http://[::1]/",
        ] {
            assert!(!proxied("", url), "{url}");
        }
    }

    #[test]
    fn user_and_password_become_one_field_that_debug_does_not_show() {
        let proxy = Proxy::parse("http://user@proxy:3128").unwrap();
        let route = ProxyRoute::new(Some(&proxy), Some(&Secret::new("secret".into())), &[]);
        let via = route
            .via(&Url::parse("http://central.example/").unwrap())
            .unwrap();
        assert_eq!(
            via.authorization.as_ref().unwrap().reveal(),
            "Basic dXNlcjpzZWNyZXQ="
        );
        assert!(!format!("{route:?}").contains("dXNlc"));
    }
}
