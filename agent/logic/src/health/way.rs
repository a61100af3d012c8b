//! What was seen on the way to central below TLS, and what it means: link, address, gateway, name, connection, loss, size.
//! Never looks at anything: `agent` does, and hands up a value; the thresholds stand here once.
//! Called by `seen`.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::message::{Names, Peer, WayMessage};
use super::{Check, CheckFinding, CheckStatus};
use crate::fault::Code;
use crate::resolver::LookupFailure;
use crate::small_map::SmallMap;

mod ip;
pub mod route;

pub use ip::AddressFamily;

/// So many small requests are made, shortly one after the other.
pub const TRIES: usize = 10;
/// A connection whose first packet was lost is asked for again after a second (RFC 6298 2): what took longer than the
/// fastest by this, in milliseconds, was.
const REPEATED_AFTER: u32 = 900;
/// With this many of ten that were lost or repeated the link is looked at; one may be chance.
const LOSSY: usize = 2;
/// With this many nothing works as it should.
const BROKEN: usize = 4;
/// Sizes of packets in bytes that are tried where the largest vanish, in falling order: those of Ethernet, PPPoE,
/// tunnels (GRE, WireGuard, IPsec), the least of IPv6, and the least that every host takes (RFC 791 3.2).
pub const SIZES: [u16; 12] = [
    1500, 1492, 1480, 1450, 1420, 1400, 1360, 1320, 1280, 1200, 1000, 576,
];
/// So many sizes have to be on either side, so that no lost packet is taken for one that was too large.
const SIDES: usize = 2;

/// What was seen. What was not looked at is empty or `None`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WaySeen {
    /// All but loopback; `None` when nobody looked.
    pub interfaces: Option<Vec<Interface>>,
    /// What the box would send from, by the kernel's routes.
    pub sources: Option<Sources>,
    /// The gateway, where the route leads through one.
    pub gateway: Option<GatewayStation>,
    /// The name of central, or of the proxy.
    pub name: Option<Name>,
    /// Whether a connection came about, and with whom.
    pub connect: Option<Result<String, ConnectFailure>>,
    /// How long each small request took, in milliseconds; `None` for one that was lost.
    pub tries: Vec<Option<u32>>,
    /// Sizes of packets that were tried, and whether an answer came.
    pub sizes: Vec<(u16, bool)>,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Interface {
    /// As the kernel calls it.
    pub name: String,
    /// Switched on in the settings of the machine.
    pub enabled: bool,
    /// It sees its other end.
    pub carrier: bool,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// The address that the kernel would send from, by family; `None` without a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sources {
    /// By IPv4.
    pub four: Option<IpAddr>,
    /// By IPv6.
    pub six: Option<IpAddr>,
}

/// The next station on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayStation {
    /// Its address.
    pub address: IpAddr,
    /// Whether it answers on the local network; `None` when that does not show.
    pub answers: Option<bool>,
}

/// The name that has to become an address.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Name {
    /// As it is configured.
    pub host: String,
    /// The port.
    pub port: u16,
    /// It is the proxy's, not central's.
    pub proxy: bool,
    /// It stands in /etc/hosts: somebody wanted it so.
    pub listed: bool,
    /// The name servers of /etc/resolv.conf.
    pub servers: Vec<String>,
    /// A name server knew what it answered: the network as far as it works.
    pub known: bool,
    /// The addresses, or why there is none; `None` when nobody has asked yet.
    pub answer: Option<Result<Vec<IpAddr>, LookupFailure>>,
}

/// Why no connection came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectFailure {
    /// The machine is there and nothing listens.
    Refused,
    /// The kernel knows no route.
    NoRoute,
    /// A station on the way, or the last one, says that the machine cannot be reached.
    Unreachable,
    /// A firewall forbids it, mostly that of this machine.
    Forbidden,
    /// Nothing came within so many seconds.
    Late(u64),
    /// Anything else, in words.
    Other(String),
}

impl WaySeen {
    /// What it means. `central`: whether it was central that answered in the end, as far as that is known.
    pub fn judge(&self, central: Option<bool>) -> SmallMap<Check, CheckFinding> {
        let mut found = SmallMap::new();
        if let Some(interfaces) = &self.interfaces {
            found.insert(Check::Link, link(interfaces));
        }
        if let Some(sources) = self.sources {
            found.insert(Check::Address, self.address(sources));
        }
        let connected = matches!(self.connect, Some(Ok(_)));
        if let Some(gateway) = self.gateway {
            // Whoever refuses, or knows that a name does not exist, lies behind it.
            let refused = matches!(self.connect, Some(Err(ConnectFailure::Refused)));
            let known = self.name.as_ref().is_some_and(|name| name.known);
            let passes = connected || refused || known;
            found.insert(Check::Gateway, gateway.judge(passes));
        } else if self.sources.is_some() {
            let finding = CheckFinding::skip(Check::Gateway, WayMessage::NoGateway);
            found.insert(Check::Gateway, finding);
        }
        if let Some(name) = &self.name {
            let gateway = self.gateway.map(|gateway| gateway.address);
            found.extend(
                name.judge(connected, central, gateway)
                    .map(|finding| (Check::Dns, finding)),
            );
            if let Some(connect) = &self.connect {
                found.insert(Check::Connect, self.connection(name, connect));
            }
        }
        if connected {
            let loss = self.loss();
            let lossy = loss.code == Code::NetLoss && loss.status >= CheckStatus::Warn;
            found.insert(Check::Loss, loss);
            found.insert(Check::Mtu, self.size(lossy));
        }
        found
    }

    /// The proxy through which central is spoken to, and that accepts connections.
    pub fn proxied(&self) -> Option<String> {
        let name = self.name.as_ref().filter(|name| name.proxy)?;
        matches!(self.connect, Some(Ok(_))).then(|| name.place())
    }

    fn address(&self, sources: Sources) -> CheckFinding {
        let usable = |ip: &IpAddr| !ip::is_own_making(*ip);
        let found = [sources.four, sources.six];
        if let Some(ip) = found.into_iter().flatten().find(usable) {
            return CheckFinding::pass(Check::Address, WayMessage::AddressUsable { ip });
        }
        let interfaces = self.interfaces.as_deref().unwrap_or_default();
        let up = interfaces.iter().filter(|one| one.enabled && one.carrier);
        let mut own = up.clone().flat_map(|one| &one.addresses);
        if let Some(ip) = own.find(|ip| usable(ip)).copied() {
            return CheckFinding::fail(Code::NetNoRoute, WayMessage::NoRouteFrom { ip });
        }
        let given = found
            .into_iter()
            .flatten()
            .chain(up.clone().flat_map(|one| one.addresses.iter().copied()));
        let summary = match given.min() {
            Some(ip) => WayMessage::OwnMaking { ip },
            None => {
                let interfaces = Names::of(up.map(|one| &one.name));
                match interfaces.0.is_empty() {
                    true => WayMessage::NoAddressAnywhere,
                    false => WayMessage::NoAddressOn { interfaces },
                }
            }
        };
        CheckFinding::fail(Code::NetNoAddress, summary)
    }

    fn connection(&self, name: &Name, connect: &Result<String, ConnectFailure>) -> CheckFinding {
        let refusal = match connect {
            Ok(address) => {
                let place = name.peer(address.clone());
                return CheckFinding::pass(Check::Connect, WayMessage::Accepts { place });
            }
            Err(refusal) => refusal,
        };
        if let Some(finding) = self.family(name) {
            return finding;
        }
        let code = match refusal {
            ConnectFailure::Refused => Code::NetRefused,
            _ => Code::NetUnreachable,
        };
        let place = name.peer(name.place());
        CheckFinding::fail(name.blamed(code), refusal.of(place))
    }

    /// The addresses are all of a family by which the box has no way out, and it has one by the other.
    fn family(&self, name: &Name) -> Option<CheckFinding> {
        let sources = self.sources?;
        let Some(Ok(addresses)) = &name.answer else {
            return None;
        };
        let family = AddressFamily::of_all(addresses)?;
        let (without, with) = match family {
            AddressFamily::Four => (sources.four, sources.six),
            AddressFamily::Six => (sources.six, sources.four),
        };
        let usable = |ip: Option<IpAddr>| ip.is_some_and(|ip| !ip::is_own_making(ip));
        (!usable(without) && usable(with)).then(|| {
            let summary = WayMessage::OtherFamily {
                place: name.peer(name.host.clone()),
                lacks: family.word().into(),
                has: family.other().word().into(),
            };
            CheckFinding::fail(Code::NetFamily, summary)
        })
    }

    fn loss(&self) -> CheckFinding {
        let all = self.tries.len();
        if all < TRIES / 2 {
            return CheckFinding::skip(Check::Loss, WayMessage::TooFewRequests);
        }
        let mut times: Vec<u32> = self.tries.iter().copied().flatten().collect();
        times.sort_unstable();
        let lost = all - times.len();
        let fastest = times.first().copied().unwrap_or_default();
        let repeated = times
            .iter()
            .filter(|time| **time - fastest >= REPEATED_AFTER)
            .count();
        let middle = times.get(times.len() / 2).copied().unwrap_or_default();
        let slowest = times.last().copied().unwrap_or_default();
        let bad = lost + repeated;
        if bad < LOSSY {
            let summary = WayMessage::CameThrough {
                requests: all as u64,
                milliseconds: middle.into(),
            };
            return CheckFinding::pass(Check::Loss, summary);
        }
        let summary = WayMessage::LostAtFirst {
            bad: bad as u64,
            requests: all as u64,
        };
        let finding = match bad {
            BROKEN.. => CheckFinding::fail(Code::NetLoss, summary),
            _ => CheckFinding::warn(Code::NetLoss, summary),
        };
        finding.detail(WayMessage::LostTimes {
            lost: lost as u64,
            repeated: repeated as u64,
            middle: middle.into(),
            slowest: slowest.into(),
        })
    }

    /// `lossy`: packets of every size are lost, so that one which did not come tells nothing.
    fn size(&self, lossy: bool) -> CheckFinding {
        let mut sizes = self.sizes.clone();
        sizes.sort_unstable();
        let split = sizes.partition_point(|(_, came)| *came);
        let (small, large) = sizes.split_at(split);
        let clean = large.iter().all(|(_, came)| !came);
        match (small.last(), large.first()) {
            (Some((passes, _)), Some((vanishes, _)))
                if clean && !lossy && small.len() >= SIDES && large.len() >= SIDES =>
            {
                let summary = WayMessage::LargeVanish {
                    passes: (*passes).into(),
                    vanishes: (*vanishes).into(),
                };
                CheckFinding::fail(Code::NetMtu, summary)
            }
            (Some(_), None) => CheckFinding::pass(Check::Mtu, WayMessage::LargePass),
            _ => CheckFinding::skip(Check::Mtu, WayMessage::SizeUnknown),
        }
    }
}

impl GatewayStation {
    fn judge(self, passes: bool) -> CheckFinding {
        let Self {
            address: ip,
            answers,
        } = self;
        match answers {
            Some(true) => CheckFinding::pass(Check::Gateway, WayMessage::GatewayAnswers { ip }),
            // What leads to central works, whatever it says of itself.
            _ if passes => CheckFinding::pass(Check::Gateway, WayMessage::GatewayPasses { ip }),
            Some(false) => CheckFinding::fail(Code::NetGateway, WayMessage::GatewaySilent { ip }),
            None => CheckFinding::skip(Check::Gateway, WayMessage::GatewayUnknown { ip }),
        }
    }
}

impl Name {
    /// A name or address of it, with whose it is.
    fn peer(&self, name: String) -> Peer {
        let proxy = self.proxy;
        Peer { name, proxy }
    }

    fn place(&self) -> String {
        match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V6(_)) => format!("[{}]:{}", self.host, self.port),
            _ => format!("{}:{}", self.host, self.port),
        }
    }

    /// The code of a failure on the way: what fails at the proxy is mended there, not at central.
    fn blamed(&self, code: Code) -> Code {
        if self.proxy { Code::NetProxy } else { code }
    }

    fn judge(
        &self,
        connected: bool,
        central: Option<bool>,
        gateway: Option<IpAddr>,
    ) -> Option<CheckFinding> {
        let host = self.peer(self.host.clone());
        if self.host.parse::<IpAddr>().is_ok() {
            let summary = WayMessage::NoNameNeeded { host };
            return Some(CheckFinding::skip(Check::Dns, summary));
        }
        let servers = || match self.servers.as_slice() {
            [] => WayMessage::NoNameServer,
            servers => WayMessage::NameServers {
                servers: Names(servers.to_vec()),
            },
        };
        let addresses = match self.answer.as_ref()? {
            Ok(addresses) => addresses,
            Err(why) => {
                let summary = WayMessage::NoAddressOf { host, why: *why };
                return Some(
                    CheckFinding::fail(self.blamed(Code::NetDns), summary).detail(servers()),
                );
            }
        };
        let list = Names::of(addresses);
        if self.is_sunk(addresses, connected, central, gateway) {
            let summary = WayMessage::Sunk {
                host,
                addresses: list,
            };
            return Some(CheckFinding::fail(Code::NetFiltered, summary).detail(servers()));
        }
        let summary = WayMessage::Resolved {
            host,
            addresses: list,
        };
        Some(CheckFinding::pass(Check::Dns, summary))
    }

    /// A filter answers with an address at which nothing is, or with its own.
    fn is_sunk(
        &self,
        addresses: &[IpAddr],
        connected: bool,
        central: Option<bool>,
        gateway: Option<IpAddr>,
    ) -> bool {
        let works = if self.proxy {
            connected
        } else {
            central == Some(true)
        };
        if self.listed || works || addresses.is_empty() {
            return false;
        }
        let own = |ip: &IpAddr| {
            gateway == Some(*ip) || self.servers.iter().any(|server| *server == ip.to_string())
        };
        addresses.iter().all(|ip| ip::is_nowhere(*ip))
            // A portal may be there, and is told by the page that it shows.
            || (!connected && addresses.iter().all(own))
    }
}

impl ConnectFailure {
    fn of(&self, place: Peer) -> WayMessage {
        match self {
            Self::Refused => WayMessage::Refused { place },
            Self::NoRoute => WayMessage::NoRouteTo { place },
            Self::Unreachable => WayMessage::Unreachable { place },
            Self::Forbidden => WayMessage::Forbidden { place },
            Self::Late(seconds) => WayMessage::Late {
                place,
                seconds: *seconds,
            },
            Self::Other(why) => WayMessage::OtherwiseUnreachable {
                place,
                why: why.clone(),
            },
        }
    }
}

fn link(interfaces: &[Interface]) -> CheckFinding {
    let names = |wanted: fn(&Interface) -> bool| {
        let chosen = interfaces.iter().filter(|one| wanted(one));
        Names::of(chosen.map(|one| &one.name))
    };
    let up = names(|one| one.enabled && one.carrier);
    if !up.0.is_empty() {
        return CheckFinding::pass(Check::Link, WayMessage::LinkUp { interfaces: up });
    }
    let dark = names(|one| one.enabled && !one.carrier);
    let off = names(|one| !one.enabled);
    let (no_dark, no_other) = (dark.0.is_empty(), off.0.is_empty());
    let off = WayMessage::SwitchedOff { interfaces: off };
    match (no_dark, no_other) {
        (true, true) => CheckFinding::fail(Code::NetNoLink, WayMessage::NoInterface),
        (true, false) => CheckFinding::fail(Code::NetDisabled, off),
        (false, no_other) => {
            let summary = WayMessage::NoLink { interfaces: dark };
            let finding = CheckFinding::fail(Code::NetNoLink, summary);
            match no_other {
                true => finding,
                false => finding.detail(off),
            }
        }
    }
}

#[cfg(test)]
mod tests;
