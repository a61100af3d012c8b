//! `enroll` and `credentials import`: how the box gets its OAuth credentials.
//! Never takes a secret from an argument or the environment, and never prints one.
//! Called by `cli`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use logic::credentials::EnrolWish;
use logic::fault::{Code, Fault, InputCause};
use logic::identity::Enrolment;
use logic::language::plain;
use logic::phrase;
use logic::settings::Url;
use serde_json::json;
use zeroize::Zeroizing;

use super::screen::Screen;
use super::words::ActTerm;
use super::{prompt, runtime};
use crate::engine::{Engine, StoredCredentials, secret_file, secret_line};
use crate::socket::client;
use system::clock;
use system::root::Root;
use uplink::Secret;

/// The organisation that credentials are for.
#[derive(Debug, Args)]
pub(super) struct WishArgs {
    /// Add an organisation to those of the box.
    #[arg(long)]
    add: bool,
    /// Which organisation they are for, where the sync manager has several.
    #[arg(long, value_name = "ID")]
    organisation: Option<String>,
}

impl WishArgs {
    fn wish(&self) -> EnrolWish<'_> {
        EnrolWish {
            add: self.add,
            organisation: self.organisation.as_deref(),
        }
    }
}

/// What to do with credentials.
#[derive(Debug, Subcommand)]
pub(super) enum CredentialsVerb {
    /// Stores credentials made on central (`GenerateOauthCredentials`).
    #[command(
        after_help = "They are tried first. Central's refusal replaces nothing. When central cannot be reached they are stored\nuntried if the box has none yet; good ones are replaced untried only with --untried."
    )]
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
        /// Replace credentials also when central cannot be reached to try the new ones.
        #[arg(long)]
        untried: bool,
        #[command(flatten)]
        wish: WishArgs,
    },
}

pub(super) fn act(root: &Root, act: CredentialsVerb, screen: &Screen) -> Result<u8, Fault> {
    let CredentialsVerb::Import {
        key,
        secret_file,
        token_url,
        untried,
        wish,
    } = act;
    if key.is_empty() || key.contains(char::is_whitespace) {
        return Err(Fault::new(Code::InputKey, InputCause::ClientId));
    }
    Url::parse(&token_url)
        .map_err(|expected| Fault::new(Code::InputTokenUrl, InputCause::TokenUrl { expected }))?;
    // The file is the caller's: it is read before the rights of the box's owner are taken.
    let secret = read(&secret_file, screen, &ActTerm::ClientSecret)?;
    let engine = super::open(root)?;
    let enrolment = Enrolment {
        key,
        secret: secret.reveal().to_owned(),
        token_url,
        sync_user: None,
        enrolled_at: clock::now().wall,
    };
    let stored = runtime(engine.import(enrolment, wish.wish(), untried))?;
    runtime(client::wake(root));
    tell(&engine, &stored, screen)
}

pub(super) fn enroll(
    root: &Root,
    login: &str,
    password_file: &Path,
    wish: &WishArgs,
    screen: &Screen,
) -> Result<u8, Fault> {
    // As in `act`.
    let password = read(password_file, screen, &ActTerm::Password)?;
    let engine = super::open(root)?;
    let stored = runtime(engine.enroll(login, password.reveal(), wish.wish()))?;
    runtime(client::wake(root));
    tell(&engine, &stored, screen)
}

fn tell(engine: &Engine, stored: &StoredCredentials, screen: &Screen) -> Result<u8, Fault> {
    let identity = engine.identity()?;
    let enrolment = &stored.enrolment;
    let organisations = enrolment.organisations();
    if screen.json {
        let mut told = json!({
            "box_id": identity.box_id, "key": enrolment.key, "organisation_ids": organisations,
            "tried": stored.untried.is_none(),
        });
        if let Some(id) = &stored.added {
            told["added"] = json!(id);
        }
        screen.object(told);
        return Ok(0);
    }
    let id = identity.box_id.clone();
    screen.say(&screen.told(&ActTerm::HasCredentials { id }));
    if let Some(why) = &stored.untried {
        let code = why.code.into();
        let why = phrase::cause(screen.language, Some(&code), &why.cause);
        screen.say(&screen.told(&ActTerm::Untried { why }));
    }
    if let Some(id) = &stored.added {
        let ids = id.clone();
        screen.say(&screen.told(&ActTerm::Organisation { ids }));
    } else if organisations.is_empty() && engine.settings().this_box.organisation_id.is_none() {
        screen.say(&screen.told(&ActTerm::NoOrganisationNamed));
    } else if !organisations.is_empty() {
        let ids = organisations.join(", ");
        screen.say(&screen.told(&ActTerm::Organisation { ids }));
    }
    Ok(0)
}

/// The secret in a file that the caller names. `question`: what a person is asked for at a terminal.
fn read(path: &Path, screen: &Screen, question: &ActTerm) -> Result<Secret, Fault> {
    if path != Path::new("-") {
        return secret_file(path).map_err(|trouble| Fault {
            code: Code::InputFile,
            ..trouble
        });
    }
    let typed = Zeroizing::new(match std::io::stdin().is_terminal() {
        true => prompt::secret(&plain(&screen.told(question))).unwrap_or_default(),
        false => {
            let mut line = String::new();
            let read = std::io::stdin().read_line(&mut line);
            read.map_or_else(|_| String::new(), |_| line)
        }
    });
    secret_line(&typed).ok_or_else(|| Fault::new(Code::InputFile, InputCause::NoSecret))
}
