//! Reads the kernel's tables of routes: through which gateway the way to an address leads.
//! Never asks the kernel: the text of `/proc/net/route` and `/proc/net/ipv6_route` is an argument.
//! Called by `agent/doctor`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Flags of a route (linux/route.h).
const UP: u32 = 0x1;
const GATEWAY: u32 = 0x2;
const REJECT: u32 = 0x200;

/// The gateway on the way to `to` and the interface before it; without an address that of the default route. `None`
/// where no route leads there, or where the address is on the local network.
pub fn gateway(four: &str, six: &str, to: Option<IpAddr>) -> Option<(IpAddr, String)> {
    match to {
        Some(IpAddr::V4(to)) => by_four(four, to),
        Some(IpAddr::V6(to)) => by_six(six, to),
        // Where nothing else is known, most of the world still goes by IPv4. These stand for "anywhere" (RFC 5737, 3849).
        None => by_four(four, Ipv4Addr::new(192, 0, 2, 1))
            .or_else(|| by_six(six, Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))),
    }
}

fn by_four(text: &str, to: Ipv4Addr) -> Option<(IpAddr, String)> {
    // Numbers in the byte order of the machine, in hexadecimal.
    let address = |hex: &str| {
        let number = u32::from_str_radix(hex, 16).ok()?;
        Some(Ipv4Addr::from(number.to_ne_bytes()))
    };
    let routes = text.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [name, to, via, flags, _, _, metric, mask, ..] = fields.as_slice() else {
            return None;
        };
        Some(KernelRoute {
            to: u128::from(u32::from(address(to)?)),
            bits: u32::from(address(mask)?).leading_ones(),
            via: address(via)?.into(),
            flags: u32::from_str_radix(flags, 16).ok()?,
            metric: metric.parse().ok()?,
            name,
        })
    });
    best(routes, u128::from(u32::from(to)), 32)
}

fn by_six(text: &str, to: Ipv6Addr) -> Option<(IpAddr, String)> {
    let address = |hex: &str| u128::from_str_radix(hex, 16).ok();
    let routes = text.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [to, bits, _, _, via, metric, _, _, flags, name] = fields.as_slice() else {
            return None;
        };
        Some(KernelRoute {
            to: address(to)?,
            bits: u32::from_str_radix(bits, 16).ok()?,
            via: Ipv6Addr::from(address(via)?).into(),
            flags: u32::from_str_radix(flags, 16).ok()?,
            metric: u32::from_str_radix(metric, 16).ok()?,
            name,
        })
    });
    best(routes, u128::from(to), 128)
}

struct KernelRoute<'a> {
    to: u128,
    bits: u32,
    via: IpAddr,
    flags: u32,
    metric: u32,
    name: &'a str,
}

/// The longest prefix that covers the address, and of those the one with the least metric.
fn best<'a>(
    routes: impl Iterator<Item = KernelRoute<'a>>,
    to: u128,
    length: u32,
) -> Option<(IpAddr, String)> {
    let covers = |route: &KernelRoute<'_>| {
        let free = length.saturating_sub(route.bits);
        let same = (to ^ route.to).checked_shr(free).unwrap_or(0) == 0;
        same && route.flags & (UP | REJECT) == UP
    };
    let chosen = routes
        .filter(covers)
        .min_by_key(|route| (std::cmp::Reverse(route.bits), route.metric))?;
    (chosen.flags & GATEWAY != 0).then(|| (chosen.via, chosen.name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                        eth0\t00000000\t0100010A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
                        wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n\
                        eth0\t0000010A\t00000000\t0001\t0\t0\t100\t0000FFFF\t0\t0\t0\n\
                        tun0\t0000090A\t0200010A\t0003\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
    const SIX: &str = "20010db8000000000000000000000000 20 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n\
                       fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0\n\
                       00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n";

    #[test]
    fn the_gateway_is_that_of_the_narrowest_route_with_the_least_metric() {
        let ip = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        let via = |text: &str, name: &str| Some((text.parse().unwrap(), name.to_owned()));
        // The tables are those of a machine whose least significant byte comes first.
        if cfg!(target_endian = "big") {
            return;
        }
        let table = [
            (None, via("10.1.0.1", "eth0")),
            (ip("192.88.99.7"), via("10.1.0.1", "eth0")),
            (ip("10.1.7.7"), None),
            (ip("10.9.7.7"), via("10.1.0.2", "tun0")),
            (ip("2001:db8::7"), via("fe80::1", "eth0")),
            (ip("2a00::7"), None),
        ];
        for (to, expected) in table {
            assert_eq!(gateway(FOUR, SIX, to), expected, "{to:?}");
        }
        assert_eq!(gateway("", SIX, None), via("fe80::1", "eth0"));
        assert_eq!(gateway("", "", None), None);
        assert_eq!(gateway("junk\nmore junk\n", "junk", None), None);
    }
}
