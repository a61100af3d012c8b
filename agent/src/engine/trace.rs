//! The trace of a run on disk: written before its first request, closed with its account.
//! Never decides what a trace means: `logic::trace` does.
//! Called by `engine`, and by `owed` before anything is sent a second time.

use std::cell::RefCell;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::rc::Rc;
use std::time::UNIX_EPOCH;

use logic::api::Call;
use logic::copies::{CopyStanding, RoomStanding};
use logic::fault::{Fault, FileAct, Finding};
use logic::identity::BoxIdentity;
use logic::report::Report;
use logic::trace::{Begun, Ended, FileIdentity, Trace, TraceSeen, Twice, next};
use logic::words::SyncParams;

use super::unkept::Unkept;
use super::{Engine, Request};
use system::clock;
use system::journal::event;
use system::root::{sync_folder, trouble};
use uplink::{self, Uplink};
use vault::history::History;
use vault::identity::Identities;
use vault::{SealedFile, Vault};

/// The file whose copy is another file: empty, made once, never written.
const PLACE_FILE: &str = "place";

/// The trace of the run that holds the lock.
pub(super) struct Tracer {
    entry: SealedFile,
    identities: Identities,
    trace: RefCell<Trace>,
}

impl Tracer {
    /// Reads what earlier runs left. A trace that does not open is put aside: what it held was told in the journal.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn open(vault: &Vault, unkept: &mut Unkept) -> Result<Rc<Self>, Fault> {
        let entry = vault.entry("trace");
        let trace = unkept.or(entry.get_or_set_aside(), None)?;
        let trace = trace.unwrap_or_default();
        Ok(Rc::new(Self {
            entry,
            identities: Identities::of(vault),
            trace: RefCell::new(trace),
        }))
    }

    /// What is decided on it, in memory alone until `begin` or `end`.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Trace) -> T) -> T {
        act(&mut self.trace.borrow_mut())
    }

    /// Compares the state folder with what it was; makes the file that tells it from a copy where there is none.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn look(&self, state: &Path, seen: TraceSeen) -> Result<bool, Fault> {
        let path = state.join(PLACE_FILE);
        let first = self.with(|trace| trace.place.is_none());
        let found = place(&path);
        let noticed = self.with(|trace| {
            trace.look(TraceSeen {
                place: found,
                ..seen
            })
        });
        if found.is_none() && (first || noticed) {
            make(&path)?;
            self.with(|trace| trace.place = place(&path));
        }
        Ok(noticed)
    }

    /// The run is durable from here on: its number, and that it has begun.
    ///
    /// # Errors
    /// What the file system says; then nothing may be sent under this number.
    pub(super) fn begin(&self, identity: &BoxIdentity, begun: Begun) -> Result<(), Fault> {
        self.with(|trace| trace.begin(begun));
        let sealed = self.entry.sealed(&*self.trace.borrow());
        self.identities.put(identity, [sealed])
    }

    /// The number alone is durable from here on, where there is room for nothing else: central's log has no other run
    /// under it.
    ///
    /// # Errors
    /// What the file system says; then nothing may be sent under this number.
    pub(super) fn number(&self, identity: &BoxIdentity) -> Result<(), Fault> {
        self.identities.overwrite(identity)
    }

    /// Log rows and sessions that this run has sent again.
    pub(super) fn so_far(&self) -> (u64, u64) {
        self.with(|trace| {
            let open = trace.open.as_ref();
            open.map_or((0, 0), |open| (open.logs_doubled, open.sessions_doubled))
        })
    }

    /// So many log rows and sessions will have been sent again by this run: durable before they are.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn doubled(&self, (logs, sessions): (u64, u64)) -> Result<(), Fault> {
        let more = self.with(|trace| {
            let open = trace.open.as_mut()?;
            let more = open.logs_doubled < logs || open.sessions_doubled < sessions;
            (open.logs_doubled, open.sessions_doubled) = (logs, sessions);
            Some(more)
        });
        match more {
            Some(true) => self.write(),
            _ => Ok(()),
        }
    }

    /// The run has its account; `untold`: central has not heard of its end.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn end(&self, report: &Report, untold: bool) -> Result<(), Fault> {
        let ended = self.with(|trace| {
            let open = trace.open.as_ref()?;
            untold.then(|| Ended {
                params: open.params.clone(),
                reason: reason(report),
            })
        });
        self.with(|trace| trace.end(ended));
        self.write()
    }

    /// Writes down what was decided.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn write(&self) -> Result<(), Fault> {
        self.entry.put(&*self.trace.borrow())
    }
}

/// What central is told of a run that could not tell it itself: in words of this box, which never carry central's own.
fn reason(report: &Report) -> String {
    format!(
        "the synchronization ended as {} ({}); its confirmation did not come through",
        report.outcome.word(),
        report.code
    )
}

impl Engine {
    /// What earlier runs and earlier states of the folder left, before a new run begins.
    pub(super) fn look_back(
        &self,
        tracer: &Tracer,
        identity: &BoxIdentity,
        request: &Request,
        unkept: &mut Unkept,
    ) -> Result<(), Fault> {
        let seen = TraceSeen {
            place: None,
            sync_id: identity.sync_id,
            daemon: request.seen,
            now: clock::now().wall,
        };
        let noticed = unkept.or(tracer.look(self.vault.state(), seen), true)?;
        if noticed {
            let restored = tracer.with(|trace| trace.restored);
            let reason = restored.map_or_else(String::new, |restored| restored.sign.cause().en());
            tracing::warn!(
                message_id = event::BOX_RESTORED.id,
                code = %event::BOX_RESTORED.code,
                box_id = %identity.box_id,
                "{reason}; the next synchronization takes a higher number, and what is owed is asked for before it is sent"
            );
        }
        // The run before may have been of another organisation, whose account and history are its own.
        let before = tracer.with(|trace| {
            let open = trace.open.as_ref();
            open.map(|open| open.params.organisation_id.clone())
        });
        let before = self.of_run(before.as_deref());
        let last = before.vault.home_entry("last");
        let last = unkept.or(last.get_or_set_aside::<Report>(), None)?;
        let killed = tracer.with(|trace| trace.bury(last.as_ref()));
        if let Some(killed) = &killed {
            tracing::warn!(
                message_id = event::RUN_KILLED.id,
                code = %event::RUN_KILLED.code,
                box_id = %killed.box_id,
                sync_id = killed.sync_id,
                "synchronization {} left no account: {}",
                killed.sync_id,
                killed.reason
            );
            unkept.or(History::of(&before.vault).append(killed), ())?;
        }
        match noticed || killed.is_some() {
            true => unkept.or(tracer.write(), ()),
            false => Ok(()),
        }
    }

    /// The box as the organisation of an earlier run; one that it has no more counts as this one.
    fn of_run(&self, id: Option<&str>) -> Self {
        let is_own = |one: &Self| id.is_some() && one.organisation_id().as_deref() == id;
        let all = self.organisations().unwrap_or_default();
        all.into_iter().find(is_own).unwrap_or_else(|| self.clone())
    }

    /// The number of this run. One that has to be above all that a later state of this folder may have used is taken by
    /// central's time, which is asked for before anything that carries a number; without an uplink to central it stays to be
    /// raised: central sees no number of this run.
    pub(super) async fn next_number(
        &self,
        tracer: &Tracer,
        identity: &BoxIdentity,
        request: &Request,
        uplink: Option<&Uplink>,
    ) -> Result<u64, Fault> {
        let Some(uplink) = uplink else {
            return Ok(next(identity.sync_id, request.seen, false, None));
        };
        let raise = tracer.with(|trace| trace.is_raising());
        let heard = match raise {
            true => {
                let reply = uplink.call(&Call::versions()).await?;
                let stated = reply.header("date").and_then(uplink::seconds);
                stated.max(Some(clock::now().wall))
            }
            false => None,
        };
        tracer.with(Trace::raised);
        Ok(next(identity.sync_id, request.seen, raise, heard))
    }

    /// Tokens that died early in this run are another box's doing.
    pub(super) fn look_at_tokens(&self, tracer: &Tracer, uplink: &Uplink) {
        if !uplink.is_shared() {
            return;
        }
        let evicted = uplink.evicted();
        tracer.with(|trace| {
            trace.twice = Some(Twice {
                at: clock::now().wall,
                evicted,
            });
        });
        tracing::warn!(
            message_id = event::BOX_TWICE.id,
            code = %event::BOX_TWICE.code,
            "{evicted} tokens died early: another box uses the credentials of this one"
        );
    }

    /// What is to be told of this box beside its last run: it was put back, it runs twice.
    pub fn notices(&self) -> Vec<Finding> {
        let mut notices = read(&self.vault).notices(clock::now().wall);
        let copies = self.copy_standing();
        notices.extend(copies.iter().flat_map(CopyStanding::notices));
        let room = self.room_standing();
        notices.extend(room.iter().flat_map(RoomStanding::notices));
        notices.extend(self.update_notices());
        notices
    }
}

/// What the trace keeps of a run.
pub(super) fn begun(request: &Request, params: &SyncParams) -> Begun {
    Begun {
        params: params.clone(),
        started_at: clock::now().wall,
        data: request.data,
        results: request.results,
        asked: request.asked,
        logs_doubled: 0,
        sessions_doubled: 0,
    }
}

/// What the trace says now, for whoever only looks.
fn read(vault: &Vault) -> Trace {
    let mut trace: Trace = vault
        .entry("trace")
        .get()
        .ok()
        .flatten()
        .unwrap_or_default();
    let found = place(&vault.state().join(PLACE_FILE));
    if trace.place.is_some() && trace.restored.is_none() {
        // What the next run will notice is shown before it.
        trace.look(TraceSeen {
            place: found,
            sync_id: 0,
            daemon: 0,
            now: clock::now().wall,
        });
    }
    trace
}

fn place(path: &Path) -> Option<FileIdentity> {
    let meta = fs::symlink_metadata(path).ok()?;
    let made = meta
        .created()
        .ok()
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok())
        .and_then(|since| u64::try_from(since.as_nanos()).ok());
    Some(FileIdentity {
        inode: meta.ino(),
        made,
        changed: meta.ctime().saturating_mul(1_000_000_000) + meta.ctime_nsec(),
    })
}

fn make(path: &Path) -> Result<(), Fault> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .and_then(|file| file.sync_all())
        .map_err(|error| trouble(path, FileAct::Make, &error))?;
    sync_folder(path)
}
