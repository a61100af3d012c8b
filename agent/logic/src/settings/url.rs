//! Absolute http and https URLs of servers: central's root, a token URL, a proxy.
//! Never resolves, never percent-decodes a path, and refuses user information, query and fragment.
//! Called by `settings`, and by `uplink` to join and to address.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::fault::SettingForm;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// An absolute URL in parts (RFC 3986, http and https only).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// `https` rather than `http`.
    pub https: bool,
    /// Name in lower case, IPv4 address, or IPv6 address without its brackets.
    pub host: String,
    /// The port written, or 443 and 80.
    pub port: u16,
    /// Begins with `/`; ends with `/` when it is a root.
    pub path: String,
}

impl Url {
    /// Reads a URL as it is, a token URL for example; an empty path becomes `/`.
    ///
    /// # Errors
    /// What was expected, in words that never repeat the text: it may hold a password.
    pub fn parse(text: &str) -> Result<Self, SettingForm> {
        let (https, rest) = scheme(text.trim())?;
        if let Some(mark) = rest.find(['?', '#']).map(|at| &rest[at..=at]) {
            return Err(SettingForm::UrlUntil {
                mark: mark.to_owned(),
            });
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(SettingForm::UrlWithoutUser);
        }
        let (host, port) = address(authority)?;
        Ok(Self {
            https,
            host,
            port: port.unwrap_or(if https { 443 } else { 80 }),
            path: checked_path(path)?,
        })
    }

    /// Reads central's root URL: as `parse`, with the trailing slash added that it always has (protocol 0.1).
    ///
    /// # Errors
    /// As `parse`.
    pub fn root(text: &str) -> Result<Self, SettingForm> {
        let mut url = Self::parse(text)?;
        if !url.path.ends_with('/') {
            url.path.push('/');
        }
        Ok(url)
    }

    /// Path and query of a relative reference below this URL: exactly one slash between them, since central
    /// answers 403 to a doubled one (protocol 0.1). The request target of RFC 9112 3.2.1.
    pub fn target(&self, relative: &str) -> String {
        format!(
            "{}/{}",
            self.path.trim_end_matches('/'),
            relative.trim_start_matches('/')
        )
    }

    /// The absolute URL of a relative reference below this URL.
    pub fn join(&self, relative: &str) -> String {
        format!("{}{}", self.origin(), self.target(relative))
    }

    /// Host and port as in a `Host` field: IPv6 in brackets, the scheme's own port left out.
    pub fn authority(&self) -> String {
        let host = self.bracketed();
        if self.port == if self.https { 443 } else { 80 } {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }

    /// Host and port, the port always: the target of `CONNECT` (RFC 9110 9.3.6).
    pub fn endpoint(&self) -> String {
        format!("{}:{}", self.bracketed(), self.port)
    }

    /// Scheme and authority, without a slash at the end.
    pub fn origin(&self) -> String {
        let scheme = if self.https { "https" } else { "http" };
        format!("{scheme}://{}", self.authority())
    }

    fn bracketed(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", self.origin(), self.path)
    }
}

/// A proxy: where it is and as whom it is asked; its password lies in a file of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Scheme, host and port; the path is `/`.
    pub url: Url,
    /// User name, percent-decoded.
    pub user: Option<String>,
}

impl Proxy {
    /// Reads `http://proxy:3128` or `http://user@proxy:3128`; without a scheme it is http, as curl and wget take it.
    ///
    /// # Errors
    /// What was expected, in words that never repeat the text: it may hold a password.
    pub fn parse(text: &str) -> Result<Self, SettingForm> {
        let text = text.trim();
        let (https, rest) = match text.contains("://") {
            true => scheme(text)?,
            false => (false, text),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (user, address) = match authority.rsplit_once('@') {
            Some((user, address)) => (Some(user), address),
            None => (None, authority),
        };
        if user.is_some_and(|u| u.contains(':')) {
            return Err(SettingForm::ProxyWithoutPassword);
        }
        let user = user
            .map(|u| percent_decode_str(u).decode_utf8())
            .transpose()
            .map_err(|_| SettingForm::Utf8User)?
            .map(|u| u.into_owned());
        // RFC 7617 2: a colon would end the user name, a control character breaks the header.
        if user
            .as_ref()
            .is_some_and(|u| u.is_empty() || u.contains(|c: char| c == ':' || c.is_control()))
        {
            return Err(SettingForm::UserCharacters);
        }
        let scheme = if https { "https" } else { "http" };
        let url = Url::parse(&format!("{scheme}://{address}{path}"))?;
        if url.path != "/" {
            return Err(SettingForm::ProxyWithoutPath);
        }
        Ok(Self { url, user })
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.url.https { "https" } else { "http" };
        let user = self
            .user
            .as_ref()
            .map(|u| format!("{}@", utf8_percent_encode(u, NON_ALPHANUMERIC)))
            .unwrap_or_default();
        write!(out, "{scheme}://{user}{}", self.url.endpoint())
    }
}

/// Whether it is https, and what follows `://`.
fn scheme(text: &str) -> Result<(bool, &str), SettingForm> {
    let (scheme, rest) = text.split_once("://").ok_or(SettingForm::Url)?;
    match scheme.to_ascii_lowercase().as_str() {
        "https" => Ok((true, rest)),
        "http" => Ok((false, rest)),
        _ => Err(SettingForm::Url),
    }
}

/// Host and written port.
fn address(authority: &str) -> Result<(String, Option<u16>), SettingForm> {
    let (host, rest) = match authority.strip_prefix('[') {
        Some(inner) => {
            let (inner, rest) = inner.split_once(']').ok_or(SettingForm::Bracket)?;
            let address: Ipv6Addr = inner.parse().map_err(|_| SettingForm::Ipv6)?;
            (address.to_string(), rest)
        }
        None => {
            let end = authority.find(':').unwrap_or(authority.len());
            (name(&authority[..end])?, &authority[end..])
        }
    };
    let port = match rest.strip_prefix(':') {
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok(),
        None if rest.is_empty() => return Ok((host, None)),
        _ => None,
    };
    match port {
        Some(port) if port > 0 => Ok((host, Some(port))),
        _ => Err(SettingForm::Port),
    }
}

/// A host name of RFC 1123 (underscores are met in the wild) or an IPv4 address.
fn name(host: &str) -> Result<String, SettingForm> {
    if host.is_empty() {
        return Err(SettingForm::Host);
    }
    if !host.is_ascii() {
        return Err(SettingForm::AsciiHost);
    }
    let mut labels = host.strip_suffix('.').unwrap_or(host).split('.');
    let whole = host.len() <= 253
        && labels.clone().all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        });
    if !whole {
        return Err(SettingForm::HostCharacters);
    }
    let numeric = |label: &str| label.bytes().all(|b| b.is_ascii_digit());
    if labels.next_back().is_some_and(numeric) && host.parse::<Ipv4Addr>().is_err() {
        return Err(SettingForm::Ipv4);
    }
    Ok(host.to_ascii_lowercase())
}

/// A path of RFC 3986 3.3 without empty, `.` and `..` segments: central's router knows none of them.
fn checked_path(path: &str) -> Result<String, SettingForm> {
    if path.is_empty() {
        return Ok("/".to_owned());
    }
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@%".contains(&b);
    let mut escapes = path.split('%').skip(1);
    let escaped = escapes.all(|e| {
        e.as_bytes()
            .get(..2)
            .is_some_and(|h| h.iter().all(u8::is_ascii_hexdigit))
    });
    if !path.bytes().all(legal) || !escaped {
        return Err(SettingForm::PathCharacters);
    }
    let segments = path.trim_end_matches('/').split('/').skip(1);
    if segments.clone().any(|s| matches!(s, "" | "." | "..")) {
        return Err(SettingForm::PathSegments);
    }
    let mut clean: String = segments.map(|s| format!("/{s}")).collect();
    if path.ends_with('/') {
        clean.push('/');
    }
    Ok(clean)
}

#[cfg(test)]
mod tests;
