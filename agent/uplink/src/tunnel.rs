//! The way through a proxy: CONNECT (RFC 9110 9.3.6), and what a proxy's refusal says.
//! Never passes on a proxy's words but the names of its ways to log in.
//! Called by `dial`, and by the exchange where a proxy forwards plain http.

use logic::fault::{Code, Fault, NetCause, Scheme};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::fault::passing;
use super::route::Via;

/// The longest head of a proxy's answer to CONNECT.
const HEAD: usize = 16 << 10;

/// After a 2xx the stream leads to `endpoint`.
pub(super) async fn tunnel<S>(stream: &mut S, via: &Via, endpoint: &str) -> Result<(), Fault>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let place = via.place();
    let broken = |cause: NetCause| passing(Code::NetProxy, cause);
    let no_proxy = || {
        let proxy = place.clone();
        broken(NetCause::ProxyNoProxy { proxy })
    };
    let mut request = format!("CONNECT {endpoint} HTTP/1.1\r\nHost: {endpoint}\r\n");
    if let Some(authorization) = &via.authorization {
        request += &format!("Proxy-Authorization: {}\r\n", authorization.reveal());
    }
    request += "\r\n";
    let sent = stream.write_all(request.as_bytes()).await;
    zeroize::Zeroize::zeroize(&mut request);
    sent.map_err(|_| {
        let proxy = place.clone();
        broken(NetCause::ProxyClosed { proxy })
    })?;
    let mut head = Vec::new();
    let end = loop {
        let mut piece = [0; 1024];
        let n = stream.read(&mut piece).await.unwrap_or(0);
        head.extend_from_slice(&piece[..n]);
        if let Some(end) = end_of(&head) {
            break end;
        }
        if n == 0 || head.len() > HEAD {
            return Err(no_proxy());
        }
    };
    let text = String::from_utf8_lossy(&head[..end]);
    match status(&text) {
        Some(200..=299) if end == head.len() => Ok(()),
        Some(status @ 100..=599) => {
            let fields = text.lines().filter_map(|line| line.split_once(':'));
            let offers = fields
                .filter(|(name, _)| name.trim_end().eq_ignore_ascii_case("proxy-authenticate"));
            let offers = offers.map(|(_, value)| value);
            Err(refused(status, &place, endpoint, offers))
        }
        _ => Err(no_proxy()),
    }
}

/// Where a head ends: behind its first empty line, with or without CR (RFC 9112 2.2).
fn end_of(head: &[u8]) -> Option<usize> {
    let after = |end: &[u8]| {
        let at = head.windows(end.len()).position(|window| window == end)?;
        Some(at + end.len())
    };
    let ends = [after(b"\r\n\r\n"), after(b"\n\n"), after(b"\n\r\n")];
    ends.into_iter().flatten().min()
}

fn status(head: &str) -> Option<u16> {
    let rest = head.strip_prefix("HTTP/1.")?;
    let (_, status) = rest.split_once(' ')?;
    status.trim_start().get(..3)?.parse().ok()
}

/// A proxy said no; `offers`: the values of its `Proxy-Authenticate` fields (RFC 9110 11.7.1).
pub(super) fn refused<'a>(
    status: u16,
    place: &str,
    target: &str,
    offers: impl Iterator<Item = &'a str>,
) -> Fault {
    let proxy = place.to_owned();
    if status != 407 {
        let target = target.to_owned();
        let cause = NetCause::ProxyRefused {
            proxy,
            target,
            status,
        };
        return passing(Code::NetProxy, cause);
    }
    let schemes = schemes(offers);
    let is_basic = |scheme: &Scheme| matches!(scheme, Scheme::Named { name } if name == "Basic");
    if schemes.is_empty() || schemes.iter().any(is_basic) {
        return Fault::new(Code::NetProxy, NetCause::ProxyLogin { proxy });
    }
    Fault::new(
        Code::NetProxyScheme,
        NetCause::ProxyScheme { proxy, schemes },
    )
}

/// The ways to log in that are offered, by their registered names (RFC 9110 16.4.1) or as one of another name.
fn schemes<'a>(offers: impl Iterator<Item = &'a str>) -> Vec<Scheme> {
    const KNOWN: [&str; 6] = ["Basic", "Digest", "NTLM", "Negotiate", "Kerberos", "Bearer"];
    let mut found = Vec::new();
    for challenge in offers.flat_map(|offer| offer.split(',')) {
        let word = challenge.split_whitespace().next().unwrap_or_default();
        // What has a value is a parameter of the scheme before it.
        if word.is_empty() || word.contains('=') {
            continue;
        }
        let known = KNOWN.into_iter().find(|k| k.eq_ignore_ascii_case(word));
        let scheme = known.map_or(Scheme::Unknown, |name| Scheme::Named { name: name.into() });
        if !found.contains(&scheme) {
            found.push(scheme);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_with_or_without_cr() {
        for (head, end) in [
            (&b"HTTP/1.1 200 X\r\nA: b\r\n\r\nrest"[..], Some(24)),
            (b"HTTP/1.1 200 X\n\nrest\r\n\r\n", Some(16)),
            (b"HTTP/1.1 200 X\n\r\n", Some(17)),
            (b"HTTP/1.1 200 X\r\nA: b\r\n", None),
        ] {
            assert_eq!(end_of(head), end);
        }
        for (head, code) in [
            ("HTTP/1.1 200 OK", Some(200)),
            ("HTTP/1.0  407", Some(407)),
            ("HTTP/1.1 2", None),
            ("HTTP/2 200", None),
            ("SSH-2.0-OpenSSH_9.2", None),
        ] {
            assert_eq!(status(head), code, "{head}");
        }
    }

    #[test]
    fn only_basic_can_be_answered() {
        let told = |offers: &[&str]| {
            let offers = offers.iter().copied();
            refused(407, "proxy:3128", "central:443", offers)
        };
        for offers in [
            &[][..],
            &["Basic realm=\"a, b\""],
            &["Negotiate", "NTLM", "basic realm=x"],
            &["Digest realm=\"x\", nonce=\"y\", Basic realm=\"x\""],
        ] {
            assert_eq!(told(offers).code, Code::NetProxy, "{offers:?}");
        }
        let trouble = told(&["Negotiate", "NTLM, \u{1b}[2J"]);
        assert_eq!(trouble.code, Code::NetProxyScheme);
        let list = "with Negotiate, NTLM, a scheme of another name alone";
        assert!(trouble.reason().contains(list), "{}", trouble.reason());
    }
}
