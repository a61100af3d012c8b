//! Where a sibling listens: a host and a port.
//! Never resolves a name.
//! Called by `settings::key`.

use std::fmt;
use std::str::FromStr;

use super::Url;
use crate::fault::SettingForm;

/// A sibling's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SitePeer {
    /// Name or address; IPv6 without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl FromStr for SitePeer {
    type Err = SettingForm;

    fn from_str(text: &str) -> Result<Self, SettingForm> {
        let text = text.trim();
        let port = text.rsplit(':').next().and_then(|port| port.parse().ok());
        let port = port.filter(|port: &u16| *port != 0 && text.contains(':'));
        let port = port.ok_or(SettingForm::Peer)?;
        let url = Url::parse(&format!("http://{text}"))?;
        // What has more than the two has it behind the port.
        let is_peer = url.port == port && !text.contains(['/', '?', '#', '@']);
        is_peer
            .then_some(Self {
                host: url.host,
                port,
            })
            .ok_or(SettingForm::Peer)
    }
}

impl fmt::Display for SitePeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        match host.contains(':') {
            true => write!(f, "[{host}]:{port}"),
            false => write!(f, "{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_a_host_and_a_port() {
        for text in ["box-2:7382", "10.0.0.7:80", "[fd00::7]:7382"] {
            let peer: SitePeer = text.parse().unwrap();
            assert_eq!(peer.to_string(), text);
        }
        for text in [
            "",
            "box-2",
            ":7382",
            "box:0",
            "box:70000",
            "box:1/x",
            "u@box:1",
            "http://box:1",
            "fd00::7",
            "box 2:1",
            "box:1?x",
            "[fd00::7]",
        ] {
            assert!(text.parse::<SitePeer>().is_err(), "{text}");
        }
    }
}
