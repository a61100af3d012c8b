//! Sends what the box owes: executes the machine of `logic::spool` over the spool and the line.
//! Never decides about an item; writes down what was decided before the machine goes on.
//! Called by `run` for `SpoolCommand::Owed`.

use logic::fault::Fault;
use std::rc::Rc;

use logic::report::OwedCount;
use logic::spool::{
    self, ItemState, LedgerChange, Sending, SpoolCommand, SpoolEnding, SpoolEvent, SpoolPlan,
};
use logic::trace::{Sign, is_unkept};
use tokio::sync::Notify;

use super::encryption::KeyRequest;
use super::progress::RunWatch;
use super::trace::Tracer;
use super::unkept::Unmarked;
use system::clock;
use system::journal::event;
use uplink::Uplink;
use vault::SealedFile;
use vault::spool::Spool;

/// What one pass works with.
pub(super) struct Pass {
    pub(super) spool: Spool,
    pub(super) uplink: Uplink,
    /// Payloads go when central has acknowledged them.
    pub(super) forget: bool,
    /// Remembers that central stores probes.
    pub(super) probe: SealedFile,
    /// Remembers what is sent a second time.
    pub(super) tracer: Rc<Tracer>,
    /// Where it is shown what is waited for.
    pub(super) watch: RunWatch,
    /// Somebody waits from now on.
    pub(super) asked: Notify,
    /// Remembers that a request went without a mark.
    pub(super) unmarked: Unmarked,
    /// What central says of its encryption.
    pub(super) encryption: KeyRequest,
}

impl Pass {
    /// Writes down what was decided. Where that fails, a request without a mark is noted elsewhere before it goes.
    fn keep(&self, changes: Vec<LedgerChange>) -> SpoolEvent {
        let trouble = match self.spool.persist(&changes, self.forget) {
            Ok(moved) => return SpoolEvent::kept(moved, changes),
            Err(trouble) => trouble,
        };
        let sends = changes
            .iter()
            .any(|change| change.state == ItemState::Sending);
        match is_unkept(trouble.code) && !(sends && self.unmarked.note().is_err()) {
            true => SpoolEvent::Unkept(trouble),
            false => SpoolEvent::Persisted(Err(trouble)),
        }
    }
}

/// One pass over the spool: what was done, what is left, and what a person should know, the weightiest first.
pub(super) async fn send(pass: &Pass, plan: SpoolPlan) -> (OwedCount, Vec<Fault>) {
    let standing = pass.encryption.asked(&pass.uplink).await;
    let key = standing.encrypts();
    if let Some(key) = &key
        && let Err(trouble) = pass.spool.enclose(key)
    {
        // Closed in memory when it goes; the next run tries again.
        tracing::warn!(code = %trouble.code, "results could not be encrypted on the disk: {trouble}");
    }
    let rows_key = standing.application_key.as_deref();
    let rows_key = rows_key.filter(|_| standing.is_encrypted());
    let plan = SpoolPlan {
        encrypted: plan.encrypted || standing.is_encrypted(),
        key: standing.current(),
        waits: standing.waits(),
        probe_data: standing.probe(),
        rows_wait: standing.rows_wait(),
        ..plan
    };
    let owed = match pass.spool.owed() {
        Ok(owed) => owed,
        Err(trouble) => return (OwedCount::default(), vec![trouble]),
    };
    let mut sending = Sending::new(plan, owed, clock::now());
    let before = pass.tracer.so_far();
    let mut lost_count = None;
    loop {
        let Some(command) = sending.next() else {
            let Some((at, why)) = sending.due() else {
                return (sending.count(), Vec::new());
            };
            if why == spool::SETTLING {
                pass.watch.does("settling a lost answer of central");
            }
            pass.watch.owed_waits(Some(why));
            let event = tokio::select! {
                () = tokio::time::sleep(at.mono.saturating_sub(clock::now().mono)) => SpoolEvent::Woken,
                () = pass.asked.notified() => SpoolEvent::Asked,
            };
            pass.watch.owed_waits(None);
            sending.handle(event, clock::now());
            continue;
        };
        let event = match command {
            SpoolCommand::Load(keys) => {
                let load = |of| pass.spool.load_enclosed(of, key.as_ref(), rows_key);
                SpoolEvent::Loaded(keys.iter().map(load).collect())
            }
            SpoolCommand::Persist(changes) => pass.keep(changes),
            SpoolCommand::Witness(central) => SpoolEvent::Found(pass.spool.witness(&central)),
            SpoolCommand::Ask(ticket, call) => {
                // A run that is killed from here on has its account from what is written now.
                let (logs, sessions) = sending.doubled();
                let all = (before.0 + logs, before.1 + sessions);
                match pass.tracer.doubled(all) {
                    // What is counted is told in this run's account, unless that is cut off.
                    Err(trouble) if is_unkept(trouble.code) => lost_count = Some(trouble),
                    Err(trouble) => return (sending.count(), vec![trouble]),
                    Ok(()) => {}
                }
                SpoolEvent::Answered(ticket, pass.uplink.call(&call).await)
            }
            SpoolCommand::End(ending) => {
                ended(pass, &ending);
                if ending.probe_stored {
                    // Without this note the next run probes once more, which stores one more row: no worse than now.
                    let _ = pass.probe.put(&false);
                }
                for finding in &ending.findings {
                    tracing::warn!(code = %finding.code, "{finding}");
                }
                let (count, mut told) = ending.told();
                // A file that is lost is told before what comes again with the next run.
                let lost = pass.spool.set_aside_since();
                let lost = lost.into_iter().chain(pass.spool.unread_since());
                let lost = lost.chain(lost_count);
                let first = usize::from(ending.trouble.is_some());
                told.splice(first..first, lost);
                return (count, told);
            }
        };
        sending.handle(event, clock::now());
    }
}

/// What the pass says about the state folder: whether it was put back, and whether all that was owed then is asked for.
fn ended(pass: &Pass, ending: &SpoolEnding) {
    let now = clock::now().wall;
    if ending.unkept {
        // What lies on disk is older than what is known: nothing follows from it.
        // What goes with another organisation may be flying.
        if !ending.flying && !pass.spool.is_part() {
            pass.unmarked.clear();
        }
        return;
    }
    if ending.held_unsent > 0 && !pass.tracer.with(|trace| trace.is_probing()) {
        tracing::warn!(
            message_id = event::BOX_RESTORED.id,
            code = %event::BOX_RESTORED.code,
            "{}",
            Sign::Held.cause()
        );
        pass.tracer.with(|trace| trace.restore(Sign::Held, now));
    }
    if ending.trouble.is_none() && ending.count.results.queued == 0 && !waits_elsewhere(pass) {
        pass.tracer.with(logic::trace::Trace::probed);
    }
}

/// Whether anything that goes with another organisation is still to be sent, or may be.
fn waits_elsewhere(pass: &Pass) -> bool {
    let whole = pass.spool.clone().filtered(None);
    pass.spool.is_part() && whole.tally().map_or(true, |(owed, _)| owed.queued > 0)
}
