//! Boxes that meet another TLS than they expect: certificates, versions, ports of the other kind.
//! Never a real authority.
//! Rows of the table of `doctor`.

use std::fs;
use std::net::SocketAddr;

use central::{Certificate, Options};
use e2e::Site;
use e2e::net::{BESIDE, Manner, Net, ProxyServer};

use super::net::{behind, ip, on, over_tls};
use super::{BoxMade, Broken, at, broken, over, pair, small};

/// A TLS alert as a record (RFC 8446 6): fatal, `protocol_version`, as a server that knows no version since 1.2 sends it.
const PROTOCOL_VERSION: &[u8] = &[21, 3, 1, 0, 2, 2, 70];
/// As nginx answers plain HTTP at a port of HTTPS.
const PLAIN_TO_HTTPS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Type: text/html\r\nContent-Length: 116\r\n\
Connection: close\r\n\r\n<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>\r\n\
<body>nginx</body>\r\n</html>\r\n";

/// Something else stands at central's address.
fn instead_of_central(scheme: &str, manner: Manner) -> BoxMade {
    behind(|net, site| {
        let at = SocketAddr::new(ip(BESIDE), 8443);
        site.set("central", "url", &format!("\"{scheme}://{at}/\""));
        net.far(|| ProxyServer::start(at, manner))
    })
}

pub(super) fn table() -> Vec<Broken> {
    [certificates(), ports()].concat()
}

fn certificates() -> Vec<Broken> {
    vec![
        broken("another authority signs", "net.tls_issuer", || {
            let site = Site::enrolled(over(Certificate::Good)).held();
            let other = Site::new(over(Certificate::Good));
            let pem = other.central.ca_pem().unwrap();
            fs::write(site.path("etc/boxsync/ca.pem"), pem).unwrap();
            at(site)
        }),
        pair(
            "an authority that the box was not given signs",
            &["net.tls_issuer", "auth.not_enrolled"],
            || {
                let mut site = Site::new(over(Certificate::Good));
                site.unset("central", "ca_file");
                at(site)
            },
        ),
        pair(
            "central's certificate has expired",
            &["net.tls_expired", "auth.not_enrolled"],
            || at(Site::new(over(Certificate::Expired))),
        ),
        pair(
            "central's certificate is of a later time",
            &["net.tls_not_yet", "auth.not_enrolled"],
            || at(Site::new(over(Certificate::Early))),
        ),
        pair(
            "a certificate for another host",
            &["net.tls_host", "auth.not_enrolled"],
            || at(Site::new(over(Certificate::WrongHost))),
        ),
        pair(
            "a certificate that is signed by itself",
            &["net.tls_issuer", "auth.not_enrolled"],
            || at(Site::new(over(Certificate::SelfSigned))),
        ),
        pair(
            "a certificate without that of its intermediate authority",
            &["net.tls_issuer", "auth.not_enrolled"],
            || at(Site::new(over(Certificate::NoIntermediate))),
        ),
    ]
}

/// Behind a router.
fn ports() -> Vec<Broken> {
    vec![
        broken(
            "a firewall opens the encrypted connection",
            "net.tls_issuer",
            || {
                over_tls(|_, site| {
                    let other = Site::new(Options {
                        tls: Some(Certificate::Good),
                        ..small()
                    });
                    let pem = other.central.ca_pem().unwrap();
                    std::fs::write(site.path("etc/boxsync/ca.pem"), pem).unwrap();
                })
            },
        ),
        pair(
            "central demands a certificate of the box",
            &["net.tls_client", "auth.not_enrolled"],
            || on(Net::new(), Some(Certificate::ForClients), |_, _| ()),
        ),
        broken("https, where central speaks http", "net.tls", || {
            behind(|_, site| {
                let url = site.central.url().replace("http://", "https://");
                site.set("central", "url", &format!("\"{url}\""));
            })
        }),
        broken("https, where something closes at once", "net.tls", || {
            instead_of_central("https", Manner::Closes)
        }),
        broken(
            "central speaks old versions of TLS alone",
            "net.tls_old",
            || instead_of_central("https", Manner::Says(PROTOCOL_VERSION)),
        ),
        broken("http, where central speaks https", "net.tls", || {
            over_tls(|_, site| {
                let url = site.central.url().replace("https://", "http://");
                site.set("central", "url", &format!("\"{url}\""));
            })
        }),
        broken("http, where a web server expects https", "net.tls", || {
            instead_of_central("http", Manner::Says(PLAIN_TO_HTTPS))
        }),
    ]
}
