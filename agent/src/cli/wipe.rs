//! `wipe`: destroys the key and the data, after asking twice.
//! Never wipes what candidates did without saying how much of it central has not acknowledged.
//! Called by `cli`.

use std::io::IsTerminal;

use logic::identity::Identity;
use logic::words::{Class, Outcome, Trouble};

use super::screen::Screen;
use crate::engine;
use crate::root::{Root, become_owner};
use crate::vault::Vault;

pub(super) fn act(root: &Root, yes: Option<&str>, screen: &Screen) -> Result<u8, Trouble> {
    become_owner(root)?;
    engine::no_daemon(root)?;
    // A box whose key is lost can still be wiped: then the folder's own name is asked for.
    let identity = Vault::open(root).and_then(|vault| vault.entry("identity").get::<Identity>());
    let word = identity
        .ok()
        .flatten()
        .map_or_else(|| "wipe".to_owned(), |identity| identity.box_id);
    match yes {
        Some(typed) if typed == word => {}
        Some(_) => return Err(refused(&format!("--yes: expected the box id `{word}`"))),
        None if !std::io::stdin().is_terminal() => {
            return Err(refused(&format!(
                "no terminal to ask at: give `--yes {word}`"
            )));
        }
        None => {
            screen.say(&format!(
                "This destroys the key and everything below {}.",
                root.state().display()
            ));
            ask(screen, "Type `wipe` to go on: ", "wipe")?;
            ask(
                screen,
                &format!("Type the box id `{word}` to destroy it: "),
                &word,
            )?;
        }
    }
    engine::wipe(root)?;
    screen.say("the key and the data are destroyed");
    Ok(0)
}

fn ask(screen: &Screen, question: &str, expected: &str) -> Result<(), Trouble> {
    screen.say(question);
    let mut line = String::new();
    match std::io::stdin().read_line(&mut line) {
        Ok(_) if line.trim() == expected => Ok(()),
        _ => Err(refused("something else was typed: nothing was destroyed")),
    }
}

fn refused(reason: &str) -> Trouble {
    Trouble::new("input.wipe", Class::Operator, Outcome::Failed, reason)
}
