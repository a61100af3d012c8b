//! Addresses at which no central can be, and addresses that a box gives itself.
//! Never asks anybody.
//! Called by `way`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A kind of address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressFamily {
    /// IPv4.
    Four,
    /// IPv6.
    Six,
}

impl AddressFamily {
    /// As people call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Four => "IPv4",
            Self::Six => "IPv6",
        }
    }

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Four => Self::Six,
            Self::Six => Self::Four,
        }
    }

    fn of(ip: &IpAddr) -> Self {
        if ip.is_ipv4() { Self::Four } else { Self::Six }
    }

    /// The only one of these addresses; `None` when there are both, or no address.
    pub(super) fn of_all(addresses: &[IpAddr]) -> Option<Self> {
        let first = Self::of(addresses.first()?);
        addresses
            .iter()
            .all(|ip| Self::of(ip) == first)
            .then_some(first)
    }
}

/// Without a DHCP server or a router a host gives itself an address that leads nowhere (RFC 3927, RFC 4862 5.3).
pub(super) fn is_own_making(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_unspecified() || ip.is_loopback(),
        IpAddr::V6(ip) => ip.is_unicast_link_local() || ip.is_unspecified() || ip.is_loopback(),
    }
}

/// No server of anybody else answers here: this host, this network, none, many, or reserved (RFC 6890).
pub(super) fn is_nowhere(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_nowhere_four(ip),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => is_nowhere_four(ip),
            None => is_nowhere_six(ip),
        },
    }
}

fn is_nowhere_four(ip: Ipv4Addr) -> bool {
    let [first, ..] = ip.octets();
    first == 0
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || ip.is_multicast()
        || first >= 240
}

fn is_nowhere_six(ip: Ipv6Addr) -> bool {
    let segments = ip.segments();
    // `100::/64` discards (RFC 6666), `2001:db8::/32` is for documents (RFC 3849).
    ip.is_unspecified()
        || ip.is_loopback()
        || ip.is_multicast()
        || ip.is_unicast_link_local()
        || segments[..4] == [0x100, 0, 0, 0]
        || segments[..2] == [0x2001, 0xdb8]
}
