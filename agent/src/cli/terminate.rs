//! `sync --terminate`: has the delivery engines end what is being sat, after asking twice.
//! Never ends an execution itself, and never goes on where an engine has not said that nothing goes on.
//! Called by `sync`.

use std::io::IsTerminal;

use logic::exam;
use logic::fault::{Code, Fault, InputCause, ServiceCause};

use super::prompt::typed;
use super::runtime;
use super::screen::Screen;
use super::words::{self, ActTerm};
use crate::socket::client;
use system::root::Root;

/// Comes back when nothing is sat any more. `yes`: the number of executions, in place of the questions.
pub(super) fn act(root: &Root, yes: Option<u64>, screen: &Screen) -> Result<(), Fault> {
    let down = || Fault::new(Code::UnitDown, ServiceCause::Down);
    let standing = runtime(client::exam(root))?.ok_or_else(down)?;
    if standing.exam_seconds_left.is_none() {
        screen.say(&screen.told(&ActTerm::NothingSat));
        return Ok(());
    }
    let count = exam::sum(&standing.executions);
    match yes {
        Some(named) if named != count => return Err(refused(InputCause::OtherCount { count })),
        Some(_) => {}
        None if !std::io::stdin().is_terminal() => {
            let option = format!("--yes {count}");
            return Err(refused(InputCause::NoTerminal { option }));
        }
        None => {
            screen.say(&screen.told(&ActTerm::TerminateWarning { count }));
            for line in words::executions(&standing.executions, screen.language) {
                screen.say(&line);
            }
            let number = count.to_string();
            let is_meant = typed(&screen.told(&ActTerm::TypeTerminate), "terminate", screen)
                && typed(&screen.told(&ActTerm::TypeCount { count }), &number, screen);
            if !is_meant {
                return Err(refused(InputCause::NotTerminated));
            }
        }
    }
    screen.say(&screen.told(&ActTerm::Terminating { count }));
    runtime(client::terminate(root, count))?.ok_or_else(down)
}

fn refused(cause: InputCause) -> Fault {
    Fault::new(Code::InputTerminate, cause)
}
