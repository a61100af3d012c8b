//! The events that something which happened is told as, and the event of a code that a run found.
//! Never an event that nothing tells: a constant without its use does not compile, and a test walks the rest.
//! Called by whoever tells the journal something; the ids stand in `logic::fault`.

use logic::fault::Code;

/// An event with an id of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalEvent {
    /// The `MESSAGE_ID`: 32 hex digits.
    pub id: &'static str,
    /// The `CODE` that leads it.
    pub code: Code,
}

/// The event that a code leads; one that leads none does not compile.
const fn led(code: Code) -> JournalEvent {
    match code.leads() {
        Some(id) => JournalEvent { id, code },
        None => panic!("the code leads no event"),
    }
}

/// boxsync is ready.
pub const READY: JournalEvent = led(Code::Ready);
/// boxsync is stopping.
pub const STOPPING: JournalEvent = led(Code::Stopping);
/// A synchronization has started.
pub const SYNC_STARTED: JournalEvent = led(Code::SyncStarted);
/// A synchronization has finished.
pub const SYNC_FINISHED: JournalEvent = led(Code::SyncFinished);
/// A synchronization has failed.
pub const SYNC_FAILED: JournalEvent = led(Code::SyncFailed);
/// Central cannot be reached.
pub const NET_OFFLINE: JournalEvent = led(Code::NetOffline);
/// Central can be reached again.
pub const NET_ONLINE: JournalEvent = led(Code::NetOnline);
/// A test package is held.
pub const PACKAGE_HELD: JournalEvent = led(Code::PackageHeld);
/// The clock of this box is wrong.
pub const CLOCK_WRONG: JournalEvent = led(Code::ClockWrong);
/// The index store was made anew.
pub const STORE_REBUILT: JournalEvent = led(Code::StoreRebuilt);
/// This box is a copy of another.
pub const CLONE_FOUND: JournalEvent = led(Code::CloneFound);
/// The box is enrolled.
pub const ENROLLED: JournalEvent = led(Code::Enrolled);
/// Central asks to be left alone for longer than is believed.
pub const CENTRAL_WISH: JournalEvent = led(Code::CentralWish);
/// A synchronization was cut off.
pub const RUN_KILLED: JournalEvent = led(Code::RunKilled);
/// The state of this box was put back.
pub const BOX_RESTORED: JournalEvent = led(Code::BoxRestored);
/// This box runs twice.
pub const BOX_TWICE: JournalEvent = led(Code::BoxTwice);
/// Answers of candidates cannot be kept.
pub const ANSWERS_NOT_KEPT: JournalEvent = led(Code::AnswersNotKept);

/// The event that a code belongs to, as its table says; codes of one kind share one.
pub fn of(code: Code) -> Option<JournalEvent> {
    let code = code.event()?;
    code.leads().map(|id| JournalEvent { id, code })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = JournalEvent> {
        Code::EVENTS.iter().copied().map(led)
    }

    #[test]
    fn the_table_is_the_one_that_the_catalog_explains() {
        let file = include_str!("../../../../systemd/events.txt");
        let rows: Vec<(&str, &str)> = file
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
            .map(|line| {
                let mut cells = line.split('\t');
                (cells.next().unwrap(), cells.next().unwrap())
            })
            .collect();
        assert_eq!(
            rows,
            all()
                .map(|event| (event.id, event.code.name()))
                .collect::<Vec<_>>()
        );
    }

    /// What is told with an event beside its code, besides what every account of a run has.
    fn fields(code: Code) -> &'static [&'static str] {
        match code {
            Code::PackageHeld => &["ENTITY", "BYTES"],
            Code::NetOnline => &["BOX_ID", "ATTEMPT"],
            Code::CentralWish => &["BOX_ID", "WAIT_MS"],
            Code::Ready
            | Code::Stopping
            | Code::SyncStarted
            | Code::CloneFound
            | Code::Enrolled => &["BOX_ID"],
            Code::SyncFinished | Code::SyncFailed | Code::RunKilled => &["BOX_ID", "SYNC_ID"],
            _ => &[],
        }
    }

    #[test]
    fn the_catalogs_say_what_each_event_means_and_what_to_do() {
        // The language of the second one follows from the name of its file.
        for catalog in [
            include_str!("../../../../systemd/boxsync.catalog"),
            include_str!("../../../../systemd/boxsync.fr.catalog"),
        ] {
            let entries: Vec<(&str, &str)> = catalog
                .split("\n-- ")
                .skip(1)
                .map(|entry| entry.split_once('\n').unwrap())
                .collect();
            assert_eq!(entries.len(), Code::EVENTS.len());
            for (event, (id, text)) in all().zip(entries) {
                assert_eq!(event.id, id);
                let (head, body) = text.split_once("\n\n").unwrap();
                assert!(head.starts_with("Subject: ") && head.contains("\nDefined-By: boxsync\n"));
                // What it means; what to do, or that there is nothing to do.
                assert!(body.trim().split("\n\n").count() >= 2, "{}", event.code);
                let named = body.split('@').skip(1).step_by(2);
                for field in named {
                    assert!(
                        field == "CODE" || fields(event.code).contains(&field),
                        "{}: {field} is not told",
                        event.code
                    );
                }
            }
        }
    }

    #[test]
    fn both_catalogs_name_the_same_fields_and_commands() {
        let english = include_str!("../../../../systemd/boxsync.catalog");
        let french = include_str!("../../../../systemd/boxsync.fr.catalog");
        let entries = |catalog: &str| -> Vec<Vec<String>> {
            let named = |entry: &str| {
                let fields = entry.split('@').skip(1).step_by(2).map(str::to_owned);
                let commands = entry.lines().filter_map(|line| line.strip_prefix("    "));
                let mut named: Vec<String> = fields
                    .chain(commands.map(|line| line.replace("FICHIER", "FILE")))
                    .collect();
                named.sort();
                named
            };
            catalog.split("\n-- ").skip(1).map(named).collect()
        };
        assert_eq!(entries(french), entries(english));
    }
}
