//! The events worth finding in the journal: one constant MESSAGE_ID each (design 4.4).
//! Never changes an id: catalogs and searches of years to come name them.
//! Called by whoever tells the journal something; `systemd/events.txt` is the same table, a test compares them.
use logic::fault::Code;

/// An event with an id of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// The `MESSAGE_ID`: 32 hex digits.
    pub id: &'static str,
    /// The `CODE`, dotted.
    pub code: Code,
}

/// boxsync is ready.
pub const READY: Event = Event {
    id: "a25e88775eae46ca83c1157cdb2c43c3",
    code: Code::Ready,
};
/// boxsync is stopping.
pub const STOPPING: Event = Event {
    id: "df5c4b85bd1545a289238bc21f7bcf78",
    code: Code::Stopping,
};
/// A synchronization has started.
pub const SYNC_STARTED: Event = Event {
    id: "33606c17c2cc4aad974455065e0dc662",
    code: Code::SyncStarted,
};
/// A synchronization has finished.
pub const SYNC_FINISHED: Event = Event {
    id: "e3a6b133ab2b4c92b25f41db2945730d",
    code: Code::SyncFinished,
};
/// A synchronization has failed.
pub const SYNC_FAILED: Event = Event {
    id: "1355e5f3b4de4e55a171ae6c8b6c0a1f",
    code: Code::SyncFailed,
};
/// Central cannot be reached.
pub const NET_OFFLINE: Event = Event {
    id: "11cbedf31a464b9ea047f473acb54ae7",
    code: Code::NetOffline,
};
/// Central can be reached again.
pub const NET_ONLINE: Event = Event {
    id: "b8a1ae5e90834b429cc16b727ee7cd97",
    code: Code::NetOnline,
};
/// A test package is held.
pub const PACKAGE_HELD: Event = Event {
    id: "acd87a26d49e4a848f7a5191a5478c5b",
    code: Code::PackageHeld,
};
/// A test package is damaged.
pub const PACKAGE_DAMAGED: Event = Event {
    id: "c31eb182c5054d44bc3716f70ebe0eb6",
    code: Code::PackageDamaged,
};
/// Deletions are held back.
pub const DELETION_HELD_BACK: Event = Event {
    id: "fc4d9781dab4423b992bf3efc18911e1",
    code: Code::DeletionHeldBack,
};
/// The disk is full.
pub const DISK_FULL: Event = Event {
    id: "b6c58aabdd5d4086bb2da85141983384",
    code: Code::DiskFull,
};
/// The clock of this box is wrong.
pub const CLOCK_WRONG: Event = Event {
    id: "de997ff003b7466a9e71d018a01daa85",
    code: Code::ClockWrong,
};
/// The store was rebuilt.
pub const STORE_REBUILT: Event = Event {
    id: "7527776f0a09409f8abf64f1b6b289dc",
    code: Code::StoreRebuilt,
};
/// This box is a copy of another.
pub const CLONE_FOUND: Event = Event {
    id: "b0877c6b413a415caaf03e3823b06afc",
    code: Code::CloneFound,
};
/// The box is enrolled.
pub const ENROLLED: Event = Event {
    id: "254a014ae8fb491b978a914a89321f3d",
    code: Code::Enrolled,
};
/// Central refuses the credentials.
pub const AUTH_REFUSED: Event = Event {
    id: "2825ea978ec848afb630d522d9b29c87",
    code: Code::AuthRefused,
};
/// Central does not support this VM version.
pub const VERSION_UNSUPPORTED: Event = Event {
    id: "3766b98533b84e199fc2c686dcf29b16",
    code: Code::VersionUnsupported,
};
/// Central refuses a result.
pub const RESULT_REFUSED: Event = Event {
    id: "8e775713a34b4015a2460631c6688bae",
    code: Code::ResultRefused,
};
/// It is unknown whether central has a result.
pub const RESULT_UNCONFIRMED: Event = Event {
    id: "d41ae8cdbe0b48b98a6c1e82acd03974",
    code: Code::ResultUnconfirmed,
};
/// Central is under maintenance.
pub const CENTRAL_MAINTENANCE: Event = Event {
    id: "d5c6ad37e3dc486a8174fcf0219aa992",
    code: Code::CentralMaintenance,
};
/// Central names another test centre.
pub const CATALOGUE_OTHER_CENTRE: Event = Event {
    id: "ee40b772910e4c00a2d13d804dfe875f",
    code: Code::CatalogueOtherCentre,
};
/// The key does not open the data.
pub const KEY_WRONG: Event = Event {
    id: "4c376887b9434fceab74e019ccb367d6",
    code: Code::KeyWrong,
};
/// The configuration is wrong.
pub const CONFIG_WRONG: Event = Event {
    id: "7e25f4774cb8404c87b0233df99489aa",
    code: Code::ConfigWrong,
};
/// Central asks to be left alone for longer than is believed.
pub const CENTRAL_WISH: Event = Event {
    id: "6f1c52d04b9d4f0c9a7a5f3be2c8d7e1",
    code: Code::CentralWish,
};
/// Central takes back within hours what it said.
pub const CENTRAL_CONTRADICTS: Event = Event {
    id: "b3c0a6f95d214e7e8f2d9a41c6e07b58",
    code: Code::CentralContradicts,
};
/// A synchronization was cut off.
pub const RUN_KILLED: Event = Event {
    id: "a98d4186dc3bbc08fb11ab4d2b928830",
    code: Code::RunKilled,
};
/// The state of this box was put back.
pub const BOX_RESTORED: Event = Event {
    id: "012cf7526f52f0098cbc8781ce5bdab5",
    code: Code::BoxRestored,
};
/// This box runs twice.
pub const BOX_TWICE: Event = Event {
    id: "1cc9880557e6647384bf969b630a78e0",
    code: Code::BoxTwice,
};
/// The disk fails.
pub const DISK_FAILING: Event = Event {
    id: "0e7d1f52c4b84c0b9a63f8d2517ae9c4",
    code: Code::DiskFailing,
};
/// Answers of candidates cannot be kept.
pub const ANSWERS_NOT_KEPT: Event = Event {
    id: "9c41b7e0d35f4a8f86f20c9be1d47a35",
    code: Code::AnswersNotKept,
};

/// A worker of the daemon has ended before its work was done.
pub const WORKER_DIED: Event = Event {
    id: "5d0f6a3c8e1b4b7d9c2e7f4a61d83b90",
    code: Code::WorkerDied,
};

/// All of them.
pub const ALL: [Event; 31] = [
    READY,
    STOPPING,
    SYNC_STARTED,
    SYNC_FINISHED,
    SYNC_FAILED,
    NET_OFFLINE,
    NET_ONLINE,
    PACKAGE_HELD,
    PACKAGE_DAMAGED,
    DELETION_HELD_BACK,
    DISK_FULL,
    CLOCK_WRONG,
    STORE_REBUILT,
    CLONE_FOUND,
    ENROLLED,
    AUTH_REFUSED,
    VERSION_UNSUPPORTED,
    RESULT_REFUSED,
    RESULT_UNCONFIRMED,
    CENTRAL_MAINTENANCE,
    CATALOGUE_OTHER_CENTRE,
    KEY_WRONG,
    CONFIG_WRONG,
    CENTRAL_WISH,
    CENTRAL_CONTRADICTS,
    RUN_KILLED,
    BOX_RESTORED,
    BOX_TWICE,
    DISK_FAILING,
    ANSWERS_NOT_KEPT,
    WORKER_DIED,
];

/// The event that a code belongs to, as its table says; codes of one kind share one.
pub fn of(code: Code) -> Option<Event> {
    let leading = code.event()?;
    ALL.into_iter().find(|event| event.code == leading)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_one_that_the_catalog_explains() {
        let file = include_str!("../../../systemd/events.txt");
        let rows: Vec<(&str, &str)> = file
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
            .map(|line| {
                let mut cells = line.split('\t');
                (cells.next().unwrap(), cells.next().unwrap())
            })
            .collect();
        assert_eq!(rows, ALL.map(|event| (event.id, event.code.name())));
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
    fn the_catalog_says_what_each_event_means_and_what_to_do() {
        let catalog = include_str!("../../../systemd/boxsync.catalog");
        let entries: Vec<(&str, &str)> = catalog
            .split("\n-- ")
            .skip(1)
            .map(|entry| entry.split_once('\n').unwrap())
            .collect();
        assert_eq!(entries.len(), ALL.len());
        for (event, (id, text)) in ALL.iter().zip(entries) {
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

    #[test]
    fn codes_of_one_kind_share_an_event() {
        assert_eq!(of(Code::ConfigValue), Some(CONFIG_WRONG));
        assert_eq!(of(Code::DiskFull), Some(DISK_FULL));
        assert_eq!(of(Code::ResultsRejected), Some(RESULT_REFUSED));
        assert_eq!(of(Code::ResultsUnconfirmed), Some(RESULT_UNCONFIRMED));
        assert_eq!(of(Code::NetDns), None);
    }
}
