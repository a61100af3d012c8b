//! `identity`: who this box is to central, and with which credentials the TAO on it finds boxsync.
//! Never prints a secret of central's; those of the gateway only when asked for by name.
//! Called by `cli`.

use std::net::{Ipv4Addr, SocketAddr};

use clap::Subcommand;
use logic::encryption::EncryptionMode;
use logic::fault::Fault;
use logic::gateway::setup::mismatch;
use logic::health::message::HoldingsMessage;
use logic::phrase;
use serde_json::json;

use super::screen::{Screen, pairs, time};
use super::words::{ActTerm, IdentityTerm, Term};
use crate::engine::Engine;
use crate::gateway::{ledger, root_url};

/// What to tell instead.
#[derive(Debug, Subcommand)]
pub(super) enum IdentityVerb {
    /// Credentials and commands that point a TAO on this box at boxsync. Prints a secret.
    Gateway,
}

pub(super) fn act(
    engine: &Engine,
    act: Option<&IdentityVerb>,
    screen: &Screen,
) -> Result<u8, Fault> {
    if let Some(IdentityVerb::Gateway) = act {
        return gateway(engine, screen);
    }
    let identity = engine.identity()?;
    let enrolment = engine.enrolment()?;
    let (organisation, version) = (engine.organisation(), engine.version());
    if screen.json {
        screen.object(json!({
            "box_id": identity.box_id, "copied_from": identity.copied_from, "sync_id": identity.sync_id, "tao_version": version.ok(),
            "organisation_id": organisation.ok(), "client": enrolment.as_ref().map(|e| &e.key),
            "enrolled_at": enrolment.as_ref().map(|e| e.enrolled_at),
        }));
        return Ok(0);
    }
    let or_why = |result: Result<String, Fault>| {
        result.unwrap_or_else(|trouble| {
            let code = trouble.code.into();
            let why = phrase::cause(screen.language, Some(&code), &trouble.cause);
            screen.told(&IdentityTerm::UnknownFor { why })
        })
    };
    let mut rows = Vec::new();
    let mut row = |name: IdentityTerm, text: String| rows.push((screen.told(&name), text));
    row(IdentityTerm::BoxId, identity.box_id);
    if let Some(original) = identity.copied_from {
        let text = screen.told(&IdentityTerm::Copy { id: original });
        row(IdentityTerm::CopiedFrom, text);
    }
    row(IdentityTerm::Synchronizations, identity.sync_id.to_string());
    let organisation = match organisation {
        Err(_) if enrolment.is_none() => screen.told(&IdentityTerm::NotYet),
        told => or_why(told),
    };
    row(IdentityTerm::Organisation, organisation);
    row(IdentityTerm::Version, or_why(version));
    match enrolment {
        Some(enrolment) => {
            let at = time(screen.language, enrolment.enrolled_at);
            row(IdentityTerm::Enrolled, at);
            row(IdentityTerm::Client, enrolment.key);
        }
        None => row(IdentityTerm::Enrolled, screen.told(&Term::No)),
    }
    for line in pairs(&rows, screen.width) {
        screen.line(&line);
    }
    Ok(0)
}

/// Where the gateway listens when it is switched on without a word on where (design 4.1).
const USUAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7380);

fn gateway(engine: &Engine, screen: &Screen) -> Result<u8, Fault> {
    let listen = engine.settings().gateway.listen;
    let client = ledger::client(engine.vault())?;
    let root = root_url(listen.unwrap_or(USUAL));
    let token_url = format!("{root}taoOauth/TokenApi/requestToken");
    if listen.is_none() {
        screen.say(&screen.told(&ActTerm::GatewayOff));
    }
    // A TAO that is set up otherwise than central fails at its first synchronization.
    let known = vault::encryption::standing(engine.vault());
    let tao = vault::encryption::tao(engine.vault());
    if let Some(differs) = mismatch(known.mode, &tao) {
        screen.say(&screen.told(&HoldingsMessage::from(differs)));
    } else if known.mode == EncryptionMode::Plain {
        screen.say(&screen.told(&IdentityTerm::CentralPlain));
    } else if known.is_encrypted() {
        screen.say(&screen.told(&IdentityTerm::CentralEncrypts));
    }
    if screen.json {
        screen.object(json!({
            "encrypted": known.is_encrypted(), "tao_encrypted": tao.has_encryption, "key": client.key, "secret": client.secret, "token_url": token_url, "root_url": root,
        }));
        return Ok(0);
    }
    let head = screen.told(&IdentityTerm::RunBoth);
    for line in commands(&head, &client.key, &client.secret, &token_url, &root) {
        screen.line(&line);
    }
    Ok(0)
}

/// The credentials, and the two commands of TAO that make it ask boxsync (protocol 1.4, 2.4). Not cut to the width of
/// a screen: they are there to be copied.
fn commands(head: &str, key: &str, secret: &str, token_url: &str, root: &str) -> [String; 7] {
    [
        format!("key        {key}"),
        format!("secret     {secret}"),
        format!("token url  {token_url}"),
        format!("root url   {root}"),
        head.to_owned(),
        format!(
            r"php index.php 'oat\taoSync\scripts\tool\oauth\ImportOauthCredentials' -k {key} -s {secret} -tu {token_url} -u {root}"
        ),
        format!(
            r"php index.php 'oat\taoSync\scripts\tool\RegisterHandShakeRootURL' --rootUrl={root}"
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_are_those_that_central_prints() {
        let lines = commands("", "k", "s", "http://b/t", "http://b/");
        assert_eq!(
            lines[5],
            r"php index.php 'oat\taoSync\scripts\tool\oauth\ImportOauthCredentials' -k k -s s -tu http://b/t -u http://b/"
        );
        assert_eq!(
            lines[6],
            r"php index.php 'oat\taoSync\scripts\tool\RegisterHandShakeRootURL' --rootUrl=http://b/"
        );
    }
}
