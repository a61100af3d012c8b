//! `clock`: what time it is to this box, what it rests on, and a person's word where that is wrong.
//! Never sets the clock of the system.
//! Called by `cli`.

use clap::Subcommand;
use logic::fault::Fault;
use logic::time::Estimate;
use serde_json::{Value as Json, json};

use super::screen::{Screen, fold, pairs, time};
use crate::clock::{self, Clock};
use crate::engine::Engine;

/// What to do with the time.
#[derive(Debug, Subcommand)]
pub(super) enum Act {
    /// The time of this box, the bound that certificates are judged by, and the system clock.
    Show,
    /// Takes as right what central said last, or the system clock where central said nothing else.
    #[command(
        after_help = "Look at `boxsync clock show` first. Certificates are judged by it from the next call on."
    )]
    Accept {
        /// The system clock, whatever central said.
        #[arg(long)]
        system: bool,
    },
}

pub(super) fn act(engine: &Engine, act: &Act, screen: &Screen) -> Result<u8, Fault> {
    let clock = Clock::shared();
    let (estimate, now) = (clock.estimate(), clock.uptime());
    match act {
        Act::Show => {}
        Act::Accept { system } => {
            let said = estimate.pending(now).filter(|_| !system);
            let (date, whose) = match said {
                Some((date, _)) => (date, "what central said last"),
                None => (clock::system(), "the system clock"),
            };
            let accepted = date.max(clock::built());
            engine.vault().accept_time(accepted)?;
            screen.say(&format!("{} is accepted: {whose}", time(accepted)));
            if accepted > date {
                screen.say(
                    "it stands before the day of this boxsync's build, which is taken instead",
                );
            }
        }
    }
    show(&clock.estimate(), screen);
    Ok(0)
}

fn show(estimate: &Estimate, screen: &Screen) {
    let (now, system) = (clock::uptime(), clock::system());
    if screen.json {
        screen.object(object(estimate, system));
        return;
    }
    for line in pairs(&rows(estimate, now, system), screen.width) {
        screen.line(&line);
    }
    if let Some((_, left)) = estimate.pending(now).filter(|(_, left)| *left > 0) {
        let told = format!(
            "What central said counts for certificates when it has been said for {} of running time more; `boxsync clock accept` believes it now.",
            super::screen::span(left)
        );
        for line in fold(&told, screen.width) {
            screen.line(&line);
        }
    }
}

/// Unix seconds, but for `running_seconds` and `counts_in_seconds`.
fn object(estimate: &Estimate, system: i64) -> Json {
    let now = clock::uptime();
    let pending = estimate
        .pending(now)
        .map(|(date, left)| json!({ "time": date, "counts_in_seconds": left }));
    json!({
        "time": estimate.time(now),
        "floor": estimate.floor(now),
        "source": source(estimate),
        "system": system,
        "running_seconds": estimate.moment(now).running,
        "pending": pending,
    })
}

fn source(estimate: &Estimate) -> &'static str {
    match estimate.heard() {
        true => "central",
        false => "setup",
    }
}

fn rows(estimate: &Estimate, now: logic::time::Uptime, system: i64) -> Vec<(String, String)> {
    let basis = match estimate.heard() {
        true => "from what central said, or a person, and running time",
        false => {
            "from the system clock when the box was set up, and running time: central was not heard over TLS"
        }
    };
    let mut rows = vec![
        ("time".to_owned(), time(estimate.time(now))),
        ("basis".to_owned(), basis.to_owned()),
        (
            "at least".to_owned(),
            format!(
                "{} (certificates are judged by it)",
                time(estimate.floor(now))
            ),
        ),
    ];
    if let Some((date, left)) = estimate.pending(now).filter(|(_, left)| *left > 0) {
        let text = format!("{} (counts in {})", time(date), super::screen::span(left));
        rows.push(("central says".to_owned(), text));
    }
    rows.push(("system clock".to_owned(), time(system)));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::held;
    use logic::time::{Answer, Uptime};

    #[test]
    fn a_person_sees_what_the_box_takes_for_certain_and_what_central_says() {
        let built = 1_795_500_000;
        let at = |seconds| Uptime { boot: 1, seconds };
        let mut estimate = Estimate::new(built, built, at(0)).with_bound(built + 300 * 86_400);
        let answer = Answer {
            date: built + 7200,
            at: estimate.moment(at(7200)),
        };
        estimate.answer(answer);
        let lines = pairs(&rows(&estimate, at(10_800), built + 10_860), 80);
        held("clock", &lines, 80);
        let object = object(&estimate, built);
        assert_eq!(object["source"], "central");
    }
}
