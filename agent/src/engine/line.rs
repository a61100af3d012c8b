//! Where central is and how it is reached: configuration, secrets in files, the proxies of the environment.
//! Never takes a secret from the environment.
//! Called by `Engine::uplink` and by `doctor`.

use std::path::Path;

use logic::fault::{Code, ConfigCause, Fault, OsCause};
use logic::health::seen::ServiceConfig;
use logic::settings::{Proxy, Settings, Url};

use system::clock::Clock;
use system::root::read_at_most;
use uplink::{InProcess, Secret, UplinkConfig};

/// No secret and no bundle of certificates is a tenth of this long.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// Where central is and how it is reached, as configured.
///
/// # Errors
/// `config.no_url`, or a CA file or proxy password that cannot be read.
pub fn line(settings: &Settings, box_id: String) -> Result<UplinkConfig, Fault> {
    line_to(settings, settings.central()?.clone(), box_id)
}

/// How another server is reached: through the same proxy, under the same authorities.
///
/// # Errors
/// As `line`.
pub fn line_to(settings: &Settings, root: Url, box_id: String) -> Result<UplinkConfig, Fault> {
    let central = &settings.central;
    let read =
        |path: &Path| read_at_most(path, MAX_FILE_BYTES).map_err(|error| config(path, &error));
    let proxy = match &central.proxy {
        Some(proxy) => Some(proxy.clone()),
        None => proxy_of_environment(root.https)?,
    };
    Ok(UplinkConfig {
        root,
        ca_pem: central.ca_file.as_deref().map(read).transpose()?,
        proxy,
        proxy_password: central
            .proxy_password_file
            .as_deref()
            .map(secret_file)
            .transpose()?,
        no_proxy: no_proxy(),
        box_id,
        time: Clock::shared(),
        token_elsewhere: central.token_elsewhere,
        connections: most_at_once(settings) + 1,
        segment: None,
        proxy_patience: None,
        in_process: None,
    })
}

/// The line to what answers within this process in the place of central.
pub(super) fn line_within(
    settings: &Settings,
    box_id: String,
    url: Url,
    within: InProcess,
) -> UplinkConfig {
    UplinkConfig {
        root: url,
        ca_pem: None,
        proxy: None,
        proxy_password: None,
        no_proxy: Vec::new(),
        box_id,
        time: Clock::shared(),
        token_elsewhere: false,
        connections: most_at_once(settings) + 1,
        segment: None,
        proxy_patience: None,
        in_process: Some(within),
    }
}

/// Calls that one part of a run has under way at once at most.
fn most_at_once(settings: &Settings) -> usize {
    let connections = settings.download.connections.most();
    let lanes = connections.max(settings.sync.lanes);
    usize::from(lanes).max(super::pass::PAGES_AT_ONCE)
}

/// The same as far as it is no secret and no file has to be read: what this process uses, for one that has another
/// environment.
pub fn in_force(settings: &Settings) -> ServiceConfig {
    let central = &settings.central;
    let https = central.url.as_ref().is_some_and(|url| url.https);
    let proxy = central.proxy.clone();
    let proxy = proxy.or_else(|| proxy_of_environment(https).ok().flatten());
    ServiceConfig {
        url: central.url.as_ref().map(ToString::to_string),
        proxy_user: proxy.as_ref().is_some_and(|proxy| proxy.user.is_some()),
        proxy: proxy.map(|proxy| proxy.url.origin()),
        no_proxy: no_proxy(),
        fault: None,
        push: None,
    }
}

/// The proxy that the environment names for the scheme; the configuration comes first.
fn proxy_of_environment(https: bool) -> Result<Option<Proxy>, Fault> {
    // `HTTP_PROXY` in capitals may come from a request's header in CGI; lower case is the custom for it.
    let names: &[&str] = if https {
        &["HTTPS_PROXY", "https_proxy"]
    } else {
        &["http_proxy"]
    };
    let Some((name, text)) = names.iter().find_map(|name| {
        Some((
            name,
            std::env::var(name).ok().filter(|text| !text.is_empty())?,
        ))
    }) else {
        return Ok(None);
    };
    Proxy::parse(&text).map(Some).map_err(|expected| {
        let name = (*name).to_owned();
        Fault::new(Code::ConfigProxy, ConfigCause::Proxy { name, expected })
    })
}

/// Hosts without proxy, separated by commas or blanks.
fn no_proxy() -> Vec<String> {
    let text = ["NO_PROXY", "no_proxy"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .unwrap_or_default();
    text.split([',', ' '])
        .filter(|host| !host.is_empty())
        .map(str::to_owned)
        .collect()
}

pub(super) fn config(path: &Path, error: &std::io::Error) -> Fault {
    let cause = ConfigCause::Unreadable {
        path: path.display().to_string(),
        why: error.into(),
    };
    Fault::new(Code::ConfigFile, cause)
}

/// A secret kept in a file: its first line, without the line end.
///
/// # Errors
/// `config.file` when it cannot be read or is empty.
pub fn secret_file(path: &Path) -> Result<Secret, Fault> {
    let bytes = read_at_most(path, MAX_FILE_BYTES).map_err(|error| config(path, &error))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| config(path, &std::io::Error::other(OsCause::NotUtf8)))?;
    secret_line(&text).ok_or_else(|| {
        let path = path.display().to_string();
        Fault::new(Code::ConfigFile, ConfigCause::NoSecret { path })
    })
}

/// The secret in a text: its first line, without the line end and without the mark of an encoding (U+FEFF) that some
/// editors put before it.
pub fn secret_line(text: &str) -> Option<Secret> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let line = text.lines().next().unwrap_or_default();
    (!line.is_empty()).then(|| Secret::new(line.to_owned()))
}
