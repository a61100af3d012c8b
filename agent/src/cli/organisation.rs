//! `organisation`: which organisations the box is enrolled for, and taking one away.
//! Never takes one away without saying what is still to go home for it; what is owed stays owed.
//! Called by `cli`.

use std::io::IsTerminal;

use clap::Subcommand;
use logic::fault::{Code, EnrolCause, Fault, InputCause};
use serde_json::json;

use super::prompt::typed;
use super::screen::{Screen, table};
use super::words::ActTerm;
use crate::engine::Engine;
use system::root::Root;

/// What to do with organisations.
#[derive(Debug, Subcommand)]
pub(super) enum OrganisationVerb {
    /// Which there are, whether each is enrolled, and what is to go home for it.
    List,
    /// Takes one away that was added: its credentials, catalogue and history.
    Remove {
        /// Its id.
        #[arg(value_name = "ID")]
        id: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
        /// So many items are still to go home for it; they go with the credentials of the first.
        #[arg(long, value_name = "N")]
        owed: Option<u64>,
    },
}

pub(super) fn act(root: &Root, act: OrganisationVerb, screen: &Screen) -> Result<u8, Fault> {
    let engine = super::open(root)?;
    match act {
        OrganisationVerb::List => list(&engine, screen),
        OrganisationVerb::Remove { id, yes, owed } => remove(&engine, &id, yes, owed, screen),
    }
}

fn list(engine: &Engine, screen: &Screen) -> Result<u8, Fault> {
    let mut rows = Vec::new();
    for one in engine.organisations()? {
        let id = one.organisation_id();
        let (enrolled, owed) = (one.enrolment()?.is_some(), one.owed_items()?);
        if screen.json {
            screen.object(json!({
                "organisation_id": id, "first": one.vault().is_first(), "enrolled": enrolled, "owed": owed,
            }));
            continue;
        }
        let enrolled = match enrolled {
            true => ActTerm::HasCredentialsNow,
            false => ActTerm::HasNoCredentials,
        };
        rows.push(vec![
            id.unwrap_or_else(|| "-".to_owned()),
            screen.told(&enrolled),
            screen.told(&ActTerm::OwesItems { count: owed }),
        ]);
    }
    for line in table(&rows, screen.width) {
        screen.line(&line);
    }
    Ok(0)
}

fn remove(
    engine: &Engine,
    id: &str,
    yes: bool,
    owed: Option<u64>,
    screen: &Screen,
) -> Result<u8, Fault> {
    engine.removable(id, owed)?;
    if !yes {
        if !std::io::stdin().is_terminal() {
            let option = "--yes".to_owned();
            return Err(refused(InputCause::NoTerminal { option }));
        }
        let question = ActTerm::TypeOrganisation { id: id.to_owned() };
        if !typed(&screen.told(&question), id, screen) {
            return Err(refused(EnrolCause::NotRemoved));
        }
    }
    engine.remove_organisation(id, owed)?;
    let ids = id.to_owned();
    screen.done(&ActTerm::OrganisationRemoved { ids });
    Ok(0)
}

fn refused(cause: impl Into<logic::fault::Cause>) -> Fault {
    Fault::new(Code::InputOrganisation, cause)
}
