//! What `/etc/resolv.conf` and `/etc/hosts` say, read as glibc reads them (resolv.conf(5), hosts(5)).
//! Never refuses a file for a line that it does not know.
//! Called by `uplink::names`, which reads the files anew for each look-up.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Name servers beyond the third are not asked (`MAXNS` of resolv.h).
const MAX_SERVERS: usize = 3;
/// `ndots` is capped at this (`RES_MAXNDOTS` of resolv.h).
const MAX_NDOTS: usize = 15;

/// A name server: its address, and the interface of a link-local one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameServerAddress {
    /// Where it is; port 53.
    pub address: IpAddr,
    /// What stands behind `%`.
    pub scope: Option<String>,
}

/// How names are to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// In the order of the file, at most three; the loopback address where the file names none.
    pub servers: Vec<NameServerAddress>,
    /// Domains that are appended to a name.
    pub search: Vec<String>,
    /// A name with at least so many dots is asked for as it is before the search list.
    pub ndots: usize,
    /// `options use-vc`: TCP from the beginning.
    pub tcp: bool,
}

impl Config {
    /// Reads the text of `/etc/resolv.conf`; `host_domain` is what follows the first dot of the host's own name, which
    /// is the search list where the file names none.
    pub fn parse(text: &str, host_domain: Option<&str>) -> Self {
        let mut config = Self {
            servers: Vec::new(),
            search: host_domain
                .filter(|domain| !domain.is_empty())
                .map(str::to_owned)
                .into_iter()
                .collect(),
            ndots: 1,
            tcp: false,
        };
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") if config.servers.len() < MAX_SERVERS => {
                    config.servers.extend(words.next().and_then(server));
                }
                // The last of the two keywords counts (resolv.conf(5)).
                Some("search") => config.search = words.map(domain).collect(),
                Some("domain") => config.search = words.next().map(domain).into_iter().collect(),
                Some("options") => words.for_each(|option| config.option(option)),
                _ => {}
            }
        }
        config.search.retain(|domain| !domain.is_empty());
        if config.servers.is_empty() {
            config.servers.push(NameServerAddress {
                address: Ipv4Addr::LOCALHOST.into(),
                scope: None,
            });
        }
        config
    }

    fn option(&mut self, option: &str) {
        if option == "use-vc" {
            self.tcp = true;
        }
        let ndots = option
            .strip_prefix("ndots:")
            .and_then(|n| n.parse::<usize>().ok());
        if let Some(ndots) = ndots {
            self.ndots = ndots.min(MAX_NDOTS);
        }
    }

    /// The names to ask for, in order (search list and `ndots`). A name that ends with a dot is absolute.
    pub fn candidates(&self, name: &str) -> Vec<String> {
        if let Some(absolute) = name.strip_suffix('.') {
            return vec![absolute.to_owned()];
        }
        let longer = self.search.iter().map(|domain| format!("{name}.{domain}"));
        let own = std::iter::once(name.to_owned());
        match name.matches('.').count() >= self.ndots {
            true => own.chain(longer).collect(),
            false => longer.chain(own).collect(),
        }
    }
}

fn domain(word: &str) -> String {
    word.trim_matches('.').to_owned()
}

fn server(word: &str) -> Option<NameServerAddress> {
    let (address, scope) = match word.split_once('%') {
        Some((address, scope)) => (address, Some(scope.to_owned())),
        None => (word, None),
    };
    Some(NameServerAddress {
        address: address.parse().ok()?,
        scope,
    })
}

/// The addresses that `/etc/hosts` gives a name, in its order; empty when it names none. The special name `localhost`
/// has its addresses even without the file (RFC 6761 6.3).
pub fn hosts(text: &str, name: &str) -> Vec<IpAddr> {
    let name = name.trim_end_matches('.');
    let mut found = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        let Some(Ok(address)) = words.next().map(str::parse::<IpAddr>) else {
            continue;
        };
        if words.any(|word| word.trim_end_matches('.').eq_ignore_ascii_case(name))
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    if found.is_empty() && name.eq_ignore_ascii_case("localhost") {
        found = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(config: &Config) -> Vec<String> {
        let word = |server: &NameServerAddress| match &server.scope {
            Some(scope) => format!("{}%{scope}", server.address),
            None => server.address.to_string(),
        };
        config.servers.iter().map(word).collect()
    }

    #[test]
    fn an_odd_file_is_read_as_far_as_it_is_known() {
        let text = "\u{feff}# made by hand\n; old style\nnameserver\t192.0.2.1\nnameserver nonsense\nnameserver fe80::1%eth0\n\
            nameserver 2001:db8::1\nnameserver 192.0.2.9\nsortlist 10.0.0.0\ndomain first.example\nsearch a.example. b.example\n\
            options edns0 trust-ad ndots:99 timeout:x no-such-thing use-vc\n\0\n";
        let config = Config::parse(text, Some("host.example"));
        assert_eq!(
            addresses(&config),
            ["192.0.2.1", "fe80::1%eth0", "2001:db8::1"]
        );
        assert_eq!(config.search, ["a.example", "b.example"]);
        assert_eq!((config.ndots, config.tcp), (15, true));
    }

    #[test]
    fn a_file_that_names_nothing_means_the_loopback_and_the_host_s_domain() {
        for text in ["", "nameserver\nsearch", "options"] {
            assert_eq!(addresses(&Config::parse(text, None)), ["127.0.0.1"]);
        }
        assert_eq!(
            Config::parse("", Some("site.example")).search,
            ["site.example"]
        );
        assert!(
            Config::parse("search .", Some("site.example"))
                .search
                .is_empty()
        );
    }

    #[test]
    fn a_name_with_enough_dots_is_asked_for_as_it_is_first() {
        let config = |text| Config::parse(text, None);
        let names = |text, name| config(text).candidates(name).join(" ");
        assert_eq!(
            names("search a.example b", "host"),
            "host.a.example host.b host"
        );
        assert_eq!(
            names("search a.example", "host.test"),
            "host.test host.test.a.example"
        );
        assert_eq!(
            names("search a.example\noptions ndots:5", "host.test"),
            "host.test.a.example host.test"
        );
        assert_eq!(
            names("search a.example\noptions ndots:5", "host.test."),
            "host.test"
        );
        assert_eq!(names("", "host"), "host");
    }

    #[test]
    fn hosts_gives_all_addresses_of_a_name_whatever_its_case() {
        let text = "192.0.2.1 host.test Host # host.other\n\
            nonsense host\n::1 HOST\n192.0.2.1 host\n192.0.2.7\n";
        let found =
            |name| -> Vec<String> { hosts(text, name).iter().map(ToString::to_string).collect() };
        assert_eq!(found("hOST"), ["192.0.2.1", "::1"]);
        assert_eq!(found("host.test."), ["192.0.2.1"]);
        assert_eq!(found("host.other"), Vec::<String>::new());
        assert_eq!(found("localhost"), ["127.0.0.1", "::1"]);
    }
}
