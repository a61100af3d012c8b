//! `clock`: what time it is to this box, what it rests on, and a person's word where that is wrong.
//! Never sets the clock of the system.
//! Called by `cli`.

use clap::Subcommand;
use logic::fault::Fault;
use logic::language::figure::Seconds;
use logic::language::plain;
use logic::time::Estimate;
use serde_json::{Value as Json, json};

use super::screen::{Screen, pairs, remedied, time};
use super::words::{ClockSource, ClockTerm};
use crate::engine::Engine;
use system::clock::{self, Clock};

/// What to do with the time.
#[derive(Debug, Subcommand)]
pub(super) enum ClockVerb {
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

pub(super) fn act(engine: &Engine, act: &ClockVerb, screen: &Screen) -> Result<u8, Fault> {
    let clock = Clock::shared();
    let (estimate, now) = (clock.estimate(), clock.uptime());
    match act {
        ClockVerb::Show => {}
        ClockVerb::Accept { system } => {
            let said = estimate.pending(now).filter(|_| !system);
            let (date, whose) = match said {
                Some((date, _)) => (date, ClockSource::Central),
                None => (clock::system(), ClockSource::System),
            };
            let accepted = date.max(clock::built());
            engine.vault().accept_time(accepted)?;
            let moment = time(screen.language, accepted);
            screen.say(&screen.told(&ClockTerm::Accepted { moment, whose }));
            if accepted > date {
                screen.say(&screen.told(&ClockTerm::BeforeBuild));
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
    for line in pairs(&rows(estimate, now, system, screen), screen.width) {
        screen.line(&line);
    }
    if let Some((_, left)) = estimate.pending(now).filter(|(_, left)| *left > 0) {
        let left = Seconds(left);
        let told = screen.told(&ClockTerm::CountsLater { left });
        for line in remedied(&told, screen.width) {
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

fn rows(
    estimate: &Estimate,
    now: logic::time::Uptime,
    system: i64,
    screen: &Screen,
) -> Vec<(String, String)> {
    let basis = match estimate.heard() {
        true => ClockTerm::Heard,
        false => ClockTerm::FromSetup,
    };
    let told = |term: ClockTerm| plain(&screen.told(&term));
    let moment = |wall: i64| time(screen.language, wall);
    let at_least = ClockTerm::JudgedBy {
        moment: moment(estimate.floor(now)),
    };
    let mut rows = vec![
        (told(ClockTerm::Time), moment(estimate.time(now))),
        (told(ClockTerm::Basis), screen.told(&basis)),
        (told(ClockTerm::AtLeast), screen.told(&at_least)),
    ];
    if let Some((date, left)) = estimate.pending(now).filter(|(_, left)| *left > 0) {
        let (moment, left) = (moment(date), Seconds(left));
        let text = screen.told(&ClockTerm::CountsIn { moment, left });
        rows.push((told(ClockTerm::CentralSays), text));
    }
    rows.push((told(ClockTerm::SystemClock), moment(system)));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::each;
    use logic::time::{DatedAnswer, Uptime};

    #[test]
    fn a_person_sees_what_the_box_takes_for_certain_and_what_central_says() {
        let built = 1_795_500_000;
        let at = |seconds| Uptime { boot: 1, seconds };
        let mut estimate = Estimate::new(built, built, at(0)).with_bound(built + 300 * 86_400);
        let answer = DatedAnswer {
            date: built + 7200,
            at: estimate.moment(at(7200)),
        };
        estimate.answer(answer);
        each("clock", |screen| {
            let rows = rows(&estimate, at(10_800), built + 10_860, screen);
            pairs(&rows, screen.width)
        });
        let object = object(&estimate, built);
        assert_eq!(object["source"], "central");
    }
}
