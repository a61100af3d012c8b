//! `enroll` and `credentials import`: how the box gets its OAuth credentials.
//! Never takes a secret from an argument or the environment, and never prints one.
//! Called by `cli`.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use logic::identity::Enrolment;
use logic::settings::Url;
use logic::words::{Class, Outcome, Trouble};
use serde_json::json;

use super::runtime;
use super::screen::Screen;
use crate::clock;
use crate::engine::{Engine, secret_file};
use crate::root::Root;
use crate::socket::client;
use crate::uplink::Secret;

/// What to do with credentials.
#[derive(Debug, Subcommand)]
pub(super) enum Act {
    /// Stores credentials made on central (`GenerateOauthCredentials`).
    Import {
        /// OAuth client id: 32 hex digits.
        #[arg(long)]
        key: String,
        /// File whose first line is the client secret; `-` reads standard input.
        #[arg(long, value_name = "FILE")]
        secret_file: PathBuf,
        /// Where tokens are asked for, as central printed it.
        #[arg(long, value_name = "URL")]
        token_url: String,
    },
}

pub(super) fn act(root: &Root, engine: &Engine, act: Act, screen: &Screen) -> Result<u8, Trouble> {
    let Act::Import {
        key,
        secret_file,
        token_url,
    } = act;
    let input =
        |code: &str, reason: String| Trouble::new(code, Class::Operator, Outcome::Failed, reason);
    if key.is_empty() || key.contains(char::is_whitespace) {
        return Err(input(
            "input.key",
            "--key: expected the client id that central printed".into(),
        ));
    }
    Url::parse(&token_url).map_err(|expected| {
        input(
            "input.token_url",
            format!("--token-url: expected {expected}"),
        )
    })?;
    let secret = read(&secret_file)?;
    let enrolment = Enrolment {
        key,
        secret: secret.reveal().to_owned(),
        token_url,
        sync_user: None,
        enrolled_at: clock::now().wall,
    };
    engine.keep(&enrolment)?;
    runtime(client::wake(root));
    tell(engine, &enrolment, screen)
}

pub(super) fn enroll(
    root: &Root,
    engine: &Engine,
    login: &str,
    password_file: &Path,
    screen: &Screen,
) -> Result<u8, Trouble> {
    let password = read(password_file)?;
    let enrolment = runtime(engine.enroll(login, password.reveal()))?;
    runtime(client::wake(root));
    tell(engine, &enrolment, screen)
}

fn tell(engine: &Engine, enrolment: &Enrolment, screen: &Screen) -> Result<u8, Trouble> {
    let identity = engine.identity()?;
    let organisations = enrolment.organisations();
    if screen.json {
        screen.object(json!({ "box_id": identity.box_id, "key": enrolment.key, "organisation_ids": organisations }));
        return Ok(0);
    }
    screen.say(&format!(
        "box {} has credentials now, sealed",
        identity.box_id
    ));
    match organisations.as_slice() {
        [] => screen.say(
            "central named no organisation: set `organisation_id` in section [box] of boxsync.toml",
        ),
        ids => screen.say(&format!("organisation: {}", ids.join(", "))),
    }
    Ok(0)
}

fn read(path: &Path) -> Result<Secret, Trouble> {
    if path != Path::new("-") {
        return secret_file(path).map_err(|trouble| Trouble {
            code: "input.file".into(),
            ..trouble
        });
    }
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line);
    match line.trim_end_matches(['\r', '\n']) {
        secret if read.is_ok() && !secret.is_empty() => Ok(Secret::new(secret.to_owned())),
        _ => Err(Trouble::new(
            "input.file",
            Class::Operator,
            Outcome::Failed,
            "expected a secret on standard input",
        )),
    }
}
