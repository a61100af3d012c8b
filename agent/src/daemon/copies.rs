//! Keeps the second copies in step: at the start, when the spool has changed, when the place is back, and hourly.
//! Never holds the loop up: a slow place is worked on beside it, never twice at a time, and one that hangs is told.
//! Called by the daemon's loop whenever it wakes; it says when it wants to be woken.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use logic::copies::{self, CopyStanding};
use logic::fault::{Code, Fault, SiteCause};
use logic::settings::Settings;
use logic::words::Now;

use crate::engine::{Engine, StandingFile};
use system::journal;
use system::root::Root;
use vault::spool::SpoolPrint;

/// How often the place is proven.
const PROVEN_EVERY: Duration = Duration::from_secs(3600);
/// How soon it is tried again where something is not copied.
const AGAIN: Duration = Duration::from_secs(20);
/// A place that has not answered for so long hangs.
const HANGS_AFTER: Duration = Duration::from_secs(60);
/// So often it is looked whether the spool has changed, when nothing else wakes the loop.
const SPOOL_EVERY: Duration = Duration::from_secs(60);
/// The spool is looked at no more often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a pass does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CopyWork {
    /// Whether the place is still there: one that is pulled changes nothing on the box.
    Glance,
    /// What is missing is written.
    Bring,
    /// Every copy is read, too.
    Prove,
}

/// What a pass brought: how the copies stand, and how the spool stood when it began.
type CopyPass = (CopyStanding, Option<SpoolPrint>);

/// The keeper.
pub(super) struct CopyKeeper {
    root: Root,
    file: StandingFile<CopyStanding>,
    /// When the pass under way or the last one began, time since boot.
    begun: Option<Duration>,
    proven: Option<Duration>,
    looked: Option<Duration>,
    /// When the one under way was told to hang.
    hangs: bool,
    /// The place that is kept.
    place: Option<PathBuf>,
    /// A pass is under way there.
    busy: bool,
    done: Arc<Mutex<Option<CopyPass>>>,
    standing: CopyStanding,
    spool: Option<SpoolPrint>,
    told: Option<String>,
}

impl CopyKeeper {
    pub(super) fn new(root: &Root) -> Self {
        Self {
            root: root.clone(),
            file: StandingFile::of(root),
            begun: None,
            proven: None,
            looked: None,
            hangs: false,
            place: None,
            busy: false,
            done: Arc::default(),
            standing: CopyStanding::default(),
            spool: None,
            told: None,
        }
    }

    /// Takes what the last pass brought, and begins another one when it is time. Says whether something is to be shown.
    pub(super) fn turn(&mut self, settings: &Settings, now: Now) -> bool {
        let had = self.place.is_some();
        if self.place != settings.results.copy_to {
            // What is under way at the place before, which may hang, is waited for no more.
            *self = Self {
                place: settings.results.copy_to.clone(),
                ..Self::new(&self.root)
            };
        }
        let Some(place) = &settings.results.copy_to else {
            if had || self.looked.is_none() {
                self.looked = Some(now.mono);
                self.file.show(None);
            }
            return had;
        };
        let mut news = false;
        let done = self
            .done
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some((standing, spool)) = done {
            (self.busy, self.hangs, self.spool) = (false, false, spool);
            news = self.shows(standing);
        }
        let since = |at: Option<Duration>| at.map(|at| now.mono.saturating_sub(at));
        if self.busy {
            if !self.hangs && since(self.begun) >= Some(HANGS_AFTER) {
                self.hangs = true;
                let path = place.display().to_string();
                let trouble = Fault::new(Code::CopiesUnproven, SiteCause::Hangs { path });
                news |= self.shows(self.standing.clone().failed(trouble));
            }
            return news;
        }
        let is_due = |at, every| since(at).is_none_or(|since| since >= every);
        // A full place is proven to be there.
        let is_unproven = |why: &logic::fault::Finding| why.code != Code::CopiesFull;
        let proves = is_due(self.proven, PROVEN_EVERY)
            || self.standing.trouble.as_ref().is_some_and(is_unproven);
        let lacks = self.lacks() && is_due(self.begun, AGAIN);
        let looks = is_due(self.looked, LOOK_EVERY);
        if looks {
            self.looked = Some(now.mono);
        }
        let state = self.root.state();
        let changed = looks
            && self
                .spool
                .as_mut()
                .is_none_or(|spool| spool.has_changed(&state));
        if lacks || is_due(self.proven, PROVEN_EVERY) || changed {
            let work = [CopyWork::Bring, CopyWork::Prove][usize::from(proves)];
            self.begin(settings.clone(), work, now);
        } else if is_due(self.begun, SPOOL_EVERY) {
            self.begin(settings.clone(), CopyWork::Glance, now);
        }
        news
    }

    /// Whether something is not copied, as far as is known.
    fn lacks(&self) -> bool {
        self.standing.trouble.is_some() || self.standing.copied < self.standing.owed
    }

    /// How long until it wants to be woken; `None` where nothing is to be kept.
    pub(super) fn wait(&self, settings: &Settings, now: Now) -> Option<Duration> {
        settings.results.copy_to.as_ref()?;
        Some(match self.lacks() {
            // What it brings is shown soon.
            _ if self.busy => LOOK_EVERY,
            true => {
                let since = self.begun.map(|at| now.mono.saturating_sub(at));
                since.map_or(LOOK_EVERY, |since| {
                    AGAIN.saturating_sub(since).max(LOOK_EVERY)
                })
            }
            false => SPOOL_EVERY,
        })
    }

    fn begin(&mut self, settings: Settings, work: CopyWork, now: Now) {
        self.begun = Some(now.mono);
        let before_glance = self.spool;
        if work == CopyWork::Prove {
            self.proven = Some(now.mono);
        }
        let (root, done, before) = (self.root.clone(), self.done.clone(), self.standing.clone());
        let pass = move || {
            let place = settings.results.copy_to.clone().unwrap_or_default();
            let copies = Engine::open(&root, settings).and_then(|engine| engine.copies());
            let brought = match copies {
                Ok(Some(copies)) => {
                    let changed = SpoolPrint::of(&root.state());
                    match work {
                        CopyWork::Glance => (copies.glance(before), before_glance),
                        _ => (copies.pass(work == CopyWork::Prove, before), Some(changed)),
                    }
                }
                Ok(None) => (before, None),
                Err(trouble) => {
                    let trouble = copies::fault(&place.display().to_string(), trouble);
                    (before.failed(trouble), None)
                }
            };
            *done.lock().unwrap_or_else(PoisonError::into_inner) = Some(brought);
        };
        let begun = std::thread::Builder::new()
            .name("copies".into())
            .spawn(pass);
        self.busy = begun.is_ok();
    }

    /// Shows how they stand, and tells the journal a trouble that is another one than before.
    fn shows(&mut self, standing: CopyStanding) -> bool {
        let finding = standing.notices().next();
        let told = finding.as_ref().map(|finding| finding.code.to_string());
        if told != self.told
            && let Some(finding) = finding
            && let Some(code) = finding.code.known()
        {
            journal::trouble(&Fault::new(code, finding.cause));
        }
        let is_news = told != self.told || standing != self.standing;
        self.told = told;
        if is_news {
            self.file.show(Some(&standing));
            self.standing = standing;
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use logic::site::SiteKey;

    use super::*;

    /// Turns until the pass under way is over.
    fn turned(keeper: &mut CopyKeeper, settings: &Settings, now: Now) {
        keeper.turn(settings, now);
        for _ in 0..1_000 {
            if !keeper.busy {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
            keeper.turn(settings, now);
        }
        panic!("the pass does not end");
    }

    /// A box with a site key that copies to a place.
    fn copying(dir: &Path, place: &Path) -> Settings {
        let key = dir.join("site.key");
        fs::write(&key, SiteKey::file(&[SiteKey::new([1; 32])])).unwrap();
        let mut settings = Settings::default();
        settings.this_box.organisation_id = Some("1001".into());
        settings.site.key_file = Some(key);
        settings.results.copy_to = Some(place.to_owned());
        settings
    }

    fn at(seconds: u64) -> Now {
        Now {
            mono: Duration::from_secs(seconds),
            wall: 1_796_000_000,
        }
    }

    fn place() -> tempfile::TempDir {
        tempfile::TempDir::new_in("/dev/shm").unwrap()
    }

    /// Nobody ends the pass at the former one, as where a mount hangs.
    #[test]
    fn a_place_that_hangs_does_not_hold_up_the_next_one() {
        let (dir, new) = (tempfile::tempdir().unwrap(), place());
        let root = Root::new(dir.path());
        let mut settings = copying(dir.path(), new.path());
        let mut keeper = CopyKeeper::new(&root);
        keeper.place = Some("/media/hangs".into());
        (keeper.busy, keeper.begun) = (true, Some(at(1).mono));
        let never = keeper.done.clone();
        turned(&mut keeper, &settings, at(100));
        assert_eq!(keeper.standing.trouble, None);
        assert!(keeper.standing.proven_at.is_some(), "it is proven at once");
        // It does end, long after: nothing is taken from there.
        *never.lock().unwrap() = Some((CopyStanding::default(), None));
        keeper.turn(&settings, at(101));
        assert!(keeper.standing.proven_at.is_some());
        settings.results.copy_to = None;
        assert!(keeper.turn(&settings, at(102)) && !keeper.turn(&settings, at(103)));
    }

    /// A file that somebody laid into the folder of the box, under a name as ours have.
    #[test]
    fn what_is_foreign_at_the_place_is_told_once() {
        let (dir, place) = (tempfile::tempdir().unwrap(), place());
        let root = Root::new(dir.path());
        let settings = copying(dir.path(), place.path());
        let mut keeper = CopyKeeper::new(&root);
        turned(&mut keeper, &settings, at(100));
        let folder = fs::read_dir(place.path()).unwrap().next().unwrap();
        let folder = folder.unwrap().path();
        let name = |of: u8| format!("{}.bxs", logic::seal::NameHash([of; 16]));
        let odd = |keeper: &CopyKeeper| keeper.standing.odd.is_some();
        let lay = |of| fs::write(folder.join(name(of)), "foreign").unwrap();
        lay(1);
        turned(&mut keeper, &settings, at(4_000));
        assert!(odd(&keeper));
        turned(&mut keeper, &settings, at(8_000));
        assert!(!odd(&keeper), "it lies there as before");
        lay(2);
        turned(&mut keeper, &settings, at(12_000));
        assert!(odd(&keeper));
        // One that was taken away and comes back is told again.
        fs::remove_file(folder.join(name(1))).unwrap();
        turned(&mut keeper, &settings, at(16_000));
        assert!(!odd(&keeper));
        lay(1);
        turned(&mut keeper, &settings, at(20_000));
        assert!(odd(&keeper));
    }

    /// The other device is /dev/shm.
    #[test]
    fn a_place_that_is_pulled_is_told_within_a_minute() {
        let dir = tempfile::tempdir().unwrap();
        let place = place();
        let root = Root::new(dir.path());
        let settings = copying(dir.path(), place.path());
        let mut keeper = CopyKeeper::new(&root);
        turned(&mut keeper, &settings, at(100));
        assert_eq!(keeper.standing.trouble, None);
        assert!(keeper.standing.proven_at.is_some());
        place.close().unwrap();
        turned(&mut keeper, &settings, at(130));
        assert_eq!(keeper.standing.trouble, None, "nobody looked");
        turned(&mut keeper, &settings, at(161));
        let trouble = keeper.standing.trouble.clone();
        assert_eq!(trouble.unwrap().code, Code::CopiesMissing);
    }
}
