//! Codes of the way to central: link, address, name, proxy, connection, TLS, rate.
//! Never a rule: only words.
//! Called by `catalogue`.

use super::{Code, code};

pub(super) const CODES: &[Code] = &[
    code(
        "net.link",
        "network link",
        "At least one network interface beside loopback has to be up and see its other end.",
        "Plug in the network cable or join the wireless network.",
    ),
    code(
        "net.no_link",
        "no network interface has a link",
        "Every interface is down or sees nothing at the other end: a cable is out, a switch has no power, the \
         wireless network is not joined, or the interface is disabled.",
        "Plug in the network cable or join the wireless network.",
    ),
    code(
        "net.address",
        "address and route",
        "The box needs an address of its own and a route that leads out.",
        "See `ip address` and `ip route`.",
    ),
    code(
        "net.no_address",
        "the box has no usable address",
        "The interface has no address, or only one that it gave itself (169.254…): no DHCP server answered.",
        "Ask for an address for this box: restart the router or give the box a fixed address.",
    ),
    code(
        "net.no_route",
        "no route leads to central",
        "The box has an address, but no gateway to the outside.",
        "Set the default gateway of the box, or restart the router.",
    ),
    code(
        "net.dns",
        "name of central",
        "The name of central (or of the proxy) has to be turned into an address. If that fails, the name server is \
         wrong or cannot be reached, or the name in the configuration is mistyped.",
        "Check the host name in [central] url and the name server in /etc/resolv.conf.",
    ),
    code(
        "net.connect",
        "connection",
        "A TCP connection to central, or to the proxy, has to be accepted.",
        "See that the firewall lets the box through to central's port.",
    ),
    code(
        "net.refused",
        "the connection was refused",
        "The machine at the other end is there, but nothing listens on this port, or it closed the connection at \
         once: central's web server is down, the port in the configuration is wrong, or a firewall refuses.",
        "Ask the operator of central whether it is up, and check the port in [central] url.",
    ),
    code(
        "net.unreachable",
        "central cannot be reached",
        "No connection came about: no route, or packets vanish on the way. Mostly a firewall of the site.",
        "Ask the network's administrator to let the box through to central's host and port.",
    ),
    code(
        "net.proxy",
        "the proxy does not lead to central",
        "The proxy cannot be reached, wants another user or password, or refuses central's host or port.",
        "Check proxy and proxy_password_file in [central], and ask for central's host to be allowed in the proxy.",
    ),
    code(
        "net.tls",
        "TLS and certificate",
        "Central's certificate has to be signed by a known authority, be valid now and be made for central's host \
         name. If it is not, either central's certificate is wrong, its authority is a private one that the box \
         does not know, or a firewall opens the encrypted connection.",
        "If central's authority is a private one, name its PEM file in [central] ca_file; else tell the operator of central.",
    ),
    code(
        "net.tls_expiring",
        "central's certificate ends soon",
        "In less than three weeks central's certificate ends; then no box can synchronize.",
        "Tell the operator of central to renew the certificate.",
    ),
    code(
        "net.token",
        "no token could be fetched",
        "The connection failed while the box asked for its token; what failed is told beside it.",
        "Run the synchronization again; if it stays, look at the network.",
    ),
    code(
        "net.reset",
        "the connection was closed without an answer",
        "The other side, or a firewall between, closed the connection before it answered.",
        "Run the synchronization again; if it stays, ask the network's administrator about the firewall.",
    ),
    code(
        "net.timeout",
        "central did not answer in time",
        "The request was sent and nothing came back within the limit. Central is overloaded, or the way back is cut.",
        "Try again later; if it stays, ask the operator of central.",
    ),
    code(
        "net.cut",
        "the connection broke within an answer",
        "What had come is kept, and the next attempt goes on from there.",
        "Run the synchronization again; if it stays, have the cable or the wireless link checked.",
    ),
    code(
        "net.stalled",
        "the answer came to a standstill",
        "The connection is open, but almost nothing came for half a minute. What had come is kept.",
        "Run the synchronization again; if it stays, have the cable or the wireless link checked.",
    ),
    code(
        "link.speed",
        "rate of the link",
        "The rate that past synchronizations met is compared with expected_download and expected_upload of [link].",
        "See `boxsync stats` for the hours at which the link is good.",
    ),
    code(
        "link.slow",
        "the link is slower than expected",
        "Past synchronizations met a lower rate than [link] expects. Packages take longer; nothing is broken.",
        "See `boxsync stats` for the hours at which the link is good, and synchronize then.",
    ),
];
