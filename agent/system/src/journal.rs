//! Where the daemon's words go: into the journal with fields, or as plain lines on standard error elsewhere.
//! Never a name of a person or a word of central (`clean`), never another library's chatter, never a line for each of
//! three hundred tries.
//! Called by `run` and its worker at their start; everybody else speaks through `tracing`.

mod clean;
pub mod event;
mod outlet;

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::os::fd::AsFd;

use logic::fault::Fault;
use tracing::field::{Field, Visit};
use tracing::{Event as Told, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::{Layer, Registry, filter};

use clean::Clean;
use event::JournalEvent;
use outlet::Outlet;

/// Begins to listen; a second call changes nothing.
pub fn begin() {
    let ours = filter::filter_fn(ours);
    let journal = under_journal().then(|| Outlet::new().ok()).flatten();
    // Only the first subscriber of a process counts.
    let _ = match journal {
        Some(layer) => tracing::subscriber::set_global_default(
            Registry::default().with(Clean(layer)).with(ours),
        ),
        None => tracing::subscriber::set_global_default(
            Registry::default().with(Clean(Plain)).with(ours),
        ),
    };
}

/// Tells a trouble with the id of its kind, if it has one.
pub fn trouble(trouble: &Fault) {
    let message_id = event::of(trouble.code).map(|event: JournalEvent| event.id);
    tracing::warn!(message_id, code = %trouble.code, "{}", trouble.reason());
}

fn ours(metadata: &Metadata<'_>) -> bool {
    let own = ["agent", "boxsync", "logic", "system", "uplink", "vault"];
    let name = metadata.target().split("::").next().unwrap_or_default();
    // TRACE is the journal's debug level: what is of interest only to whoever asks for it.
    let level = *metadata.level();
    (level <= Level::INFO || level == Level::TRACE) && own.contains(&name)
}

/// Whether standard error is the journal's own stream (systemd.exec(5), `$JOURNAL_STREAM`).
fn under_journal() -> bool {
    let Ok(named) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    nix::sys::stat::fstat(std::io::stderr().as_fd())
        .is_ok_and(|stat| named == format!("{}:{}", stat.st_dev, stat.st_ino))
}

/// A line for a person: the words, and the code that the manual explains.
struct Plain;

impl<S: Subscriber> Layer<S> for Plain {
    fn on_event(&self, event: &Told<'_>, _: Context<'_, S>) {
        if *event.metadata().level() > Level::INFO {
            return;
        }
        let mut line = JournalEntry::default();
        event.record(&mut line);
        let code = match line.code.as_str() {
            "" => String::new(),
            code => format!(" [{code}]"),
        };
        let _ = writeln!(
            std::io::stderr(),
            "boxsync: {}{}{code}",
            line.message,
            line.fields
        );
    }
}

#[derive(Default)]
struct JournalEntry {
    message: String,
    fields: String,
    code: String,
}

impl Visit for JournalEntry {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            "code" => write!(self.code, "{value:?}"),
            "message_id" => Ok(()),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
