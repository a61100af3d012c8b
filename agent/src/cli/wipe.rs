//! `wipe`: destroys the key and the data, after asking twice.
//! Never wipes what candidates did without saying how much of it central has not acknowledged.
//! Called by `cli`.

use std::io::IsTerminal;

use logic::fault::{Code, Fault, InputCause};

use super::prompt::typed;
use super::screen::Screen;
use super::words::ActTerm;
use crate::engine;
use system::root::{Root, become_owner, permits};
use vault::Vault;
use vault::identity::Identities;

/// What is typed in place of the id of a box that cannot be read any more.
const UNKNOWN_BOX: &str = "wipe";

pub(super) fn act(
    root: &Root,
    yes: Option<&str>,
    discard: Option<u64>,
    screen: &Screen,
) -> Result<u8, Fault> {
    permits(root)?;
    become_owner(root)?;
    engine::no_daemon(root)?;
    // A box whose key is lost can still be wiped: then another word is asked for.
    let vault = Vault::open(root).ok();
    let identity = vault
        .as_ref()
        .and_then(|vault| Identities::of(vault).read().ok());
    let box_id = identity
        .and_then(|held| held.identity)
        .map(|identity| identity.box_id);
    if yes.is_some_and(|typed| typed != box_id.as_deref().unwrap_or(UNKNOWN_BOX)) {
        return Err(refused(match box_id {
            Some(word) => InputCause::OtherBox { word },
            None => InputCause::UnknownBox {
                word: UNKNOWN_BOX.to_owned(),
            },
        }));
    }
    let word = box_id.unwrap_or_else(|| UNKNOWN_BOX.to_owned());
    engine::owed(root, vault.as_ref())?.permits(discard)?;
    match yes {
        Some(_) => {}
        None if !std::io::stdin().is_terminal() => {
            return Err(refused(InputCause::NoTerminal {
                option: format!("--yes {word}"),
            }));
        }
        None => {
            let path = root.state().display().to_string();
            screen.say(&screen.told(&ActTerm::WipeWarning { path }));
            let id = word.clone();
            let is_meant = typed(&screen.told(&ActTerm::TypeWipe), "wipe", screen)
                && typed(&screen.told(&ActTerm::TypeBoxId { id }), &word, screen);
            if !is_meant {
                return Err(refused(InputCause::NotWiped));
            }
        }
    }
    engine::wipe(root, vault.as_ref(), discard)?;
    screen.done(&ActTerm::Wiped);
    Ok(0)
}

fn refused(cause: InputCause) -> Fault {
    Fault::new(Code::InputWipe, cause)
}
