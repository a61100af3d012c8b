//! Keeps the copies with the other boxes of the room in step: at the start, when the spool has changed, and when a box was away.
//! Never holds the loop up: the boxes are asked beside it, never twice at a time.
//! Called by the daemon's loop whenever it wakes; it says when it wants to be woken.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use logic::copies::{MetSibling, RoomStanding};
use logic::settings::Settings;
use logic::words::Now;

use crate::engine::{Engine, StandingFile};
use system::root::Root;
use vault::spool::SpoolPrint;

/// So often it is looked whether the spool has changed.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// However often the spool changes, they are not asked sooner again.
const SOON: Duration = Duration::from_secs(5);
/// Where not all is copied, the boxes are asked again after this.
const AGAIN: Duration = Duration::from_secs(20);
/// So often the boxes are met where nothing has changed.
const MEET_EVERY: Duration = Duration::from_secs(300);
/// So often a proof is left with them, the next time they are asked.
const PROVE_EVERY: Duration = Duration::from_secs(3600);
/// While they are asked, it is looked so often whether that is done.
const DONE_EVERY: Duration = Duration::from_secs(1);

/// How the spool stood when the boxes were asked, and what came of it.
type RoomPass = (RoomStanding, SpoolPrint);

/// The keeper.
pub(super) struct RoomKeeper {
    root: Root,
    file: StandingFile<RoomStanding>,
    /// When they were asked last, when a proof was left, when it was looked; time since boot.
    begun: Option<Duration>,
    proven: Option<Duration>,
    looked: Option<Duration>,
    /// When the network was asked for other boxes.
    looked_around: Option<Duration>,
    busy: bool,
    /// Those that are asked now are left a proof.
    proving: bool,
    done: Arc<Mutex<Option<RoomPass>>>,
    standing: RoomStanding,
    spool: Option<SpoolPrint>,
}

impl RoomKeeper {
    pub(super) fn new(root: &Root) -> Self {
        let file = StandingFile::of_room(root);
        file.show(None);
        Self {
            root: root.clone(),
            file,
            begun: None,
            proven: None,
            looked: None,
            looked_around: None,
            busy: false,
            proving: false,
            done: Arc::default(),
            standing: RoomStanding::default(),
            spool: None,
        }
    }

    /// Takes what they said, and asks them again when it is time. Says whether something is to be shown.
    pub(super) fn turn(&mut self, settings: &Settings, now: Now) -> bool {
        let done = self
            .done
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let mut news = false;
        if let Some((standing, spool)) = done {
            (self.busy, self.spool) = (false, Some(spool));
            let is_left = |one: &MetSibling| one.keeps > 0 && one.trouble.is_none();
            if self.proving && standing.siblings.iter().any(is_left) {
                self.proven = self.begun;
            }
            news = standing != self.standing;
            self.standing = standing;
            self.file.show(Some(&self.standing));
        }
        if !settings.site.is_shared() {
            if self.begun.take().is_some() {
                self.file.show(None);
                return true;
            }
            return news;
        }
        let is_due =
            |at: Option<Duration>, every| at.is_none_or(|at| now.mono.saturating_sub(at) >= every);
        if self.busy || !is_due(self.looked, DONE_EVERY) {
            return news;
        }
        self.looked = Some(now.mono);
        let state = self.root.state();
        let changed = self
            .spool
            .as_mut()
            .is_none_or(|spool| spool.has_changed(&state));
        let lacks = self.standing.copied < self.standing.owed || self.standing.trouble.is_some();
        let changed = changed && is_due(self.begun, SOON);
        if changed || (lacks && is_due(self.begun, AGAIN)) || is_due(self.begun, MEET_EVERY) {
            self.begin(settings.clone(), is_due(self.proven, PROVE_EVERY), now);
        }
        news
    }

    /// How long until it wants to be woken; `None` where there are no other boxes.
    pub(super) fn wait(&self, settings: &Settings) -> Option<Duration> {
        let wait = [LOOK_EVERY, DONE_EVERY][usize::from(self.busy)];
        settings.site.is_shared().then_some(wait)
    }

    fn begin(&mut self, settings: Settings, proves: bool, now: Now) {
        self.begun = Some(now.mono);
        self.proving = proves;
        // Who is there is asked as often as they are met where nothing has changed.
        let looks = self
            .looked_around
            .is_none_or(|at| now.mono.saturating_sub(at) >= MEET_EVERY);
        if looks {
            self.looked_around = Some(now.mono);
        }
        let (root, done, before) = (self.root.clone(), self.done.clone(), self.standing.clone());
        let pass = move || {
            let changed = SpoolPrint::of(&root.state());
            let standing = match Engine::open(&root, settings) {
                Ok(engine) if looks => {
                    engine.look_around();
                    engine.spread(proves, &before)
                }
                Ok(engine) => engine.spread(proves, &before),
                Err(trouble) => RoomStanding {
                    trouble: Some(trouble.into()),
                    ..before
                },
            };
            *done.lock().unwrap_or_else(PoisonError::into_inner) = Some((standing, changed));
        };
        let begun = std::thread::Builder::new().name("room".into()).spawn(pass);
        self.busy = begun.is_ok();
    }
}
