//! The second copies of the box as the configuration has them, how they stand, and adopting those of another box.
//! Never waits for their place where only their standing is asked for: that is a file of /run.
//! Called by whoever lets items in, by the daemon, and by the verbs `status`, `results receipt` and `results adopt`.

use std::fs;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use logic::copies::{CopyStanding, LeavingBox, RoomStanding, adopted};
use logic::fault::{Code, EnrolCause, Fault};
use logic::site::{ObjectFlaw, OrganisationKey, SiteKey};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Engine, site_keys};
use crate::copies::{Copies, CopyFollower};
use system::clock;
use system::root::{Root, read_at_most, write_for_all};
use vault::copies;
use vault::spool::Spool;

/// How the copies of a box stand: those on another device, or those with the boxes of the room.
pub struct StandingFile<T>(PathBuf, PhantomData<T>);

impl StandingFile<CopyStanding> {
    /// That of the other device.
    pub fn of(root: &Root) -> Self {
        Self(root.socket().with_file_name("copies"), PhantomData)
    }
}

impl StandingFile<RoomStanding> {
    /// That of the room.
    pub fn of_room(root: &Root) -> Self {
        Self(root.socket().with_file_name("room"), PhantomData)
    }
}

impl<T: Serialize + DeserializeOwned> StandingFile<T> {
    /// What the daemon saw last.
    pub fn read(&self) -> Option<T> {
        serde_json::from_slice(&read_at_most(&self.0, 64 << 10).ok()?).ok()
    }

    /// Shows it to whoever asks; `None`: there are none.
    pub fn show(&self, standing: Option<&T>) {
        match standing.map(serde_json::to_vec) {
            // Without a folder nobody reads it.
            Some(Ok(text)) => drop(write_for_all(&self.0, &text)),
            _ => drop(fs::remove_file(&self.0)),
        }
    }
}

impl Engine {
    /// The second copies; `None` where none are configured.
    ///
    /// # Errors
    /// `site.no_key`, `site.key_file`, `config.no_organisation`, or what the state folder says.
    pub fn copies(&self) -> Result<Option<Copies>, Fault> {
        let Some(place) = &self.settings.results.copy_to else {
            return Ok(None);
        };
        let first = self.of_first();
        let (mut former, box_id) = first.copy_keys()?;
        let key = former.remove(0);
        Copies::new(&first.vault, place, key, former, &box_id).map(Some)
    }

    /// The keys of what the box leaves elsewhere, the one in force first, and its id; asked of the box as its first organisation.
    pub(super) fn copy_keys(&self) -> Result<(Vec<OrganisationKey>, String), Fault> {
        Ok((self.organisation_keys()?, self.identity()?.box_id))
    }

    /// How the copies with the boxes of the room stand; `None` where there are no other boxes, or no daemon has met them.
    pub fn room_standing(&self) -> Option<RoomStanding> {
        let is_shared = self.settings.site.is_shared();
        is_shared.then(|| StandingFile::of_room(&self.root).read())?
    }

    /// Writes them beside an intake. What keeps them from it is told by the daemon and stands in no intake's way.
    pub fn copy_follower(&self) -> Option<CopyFollower> {
        self.copies().ok().flatten()?.into()
    }

    /// How they stand, as the daemon saw it last; `None` where none are configured, or no daemon has looked.
    pub fn copy_standing(&self) -> Option<CopyStanding> {
        self.settings.results.copy_to.as_ref()?;
        let standing = StandingFile::of(&self.root).read();
        if standing.as_ref().is_some_and(|one| one.trouble.is_some()) {
            return standing;
        }
        match site_keys(&self.settings) {
            Ok(_) => standing,
            // Told also where no daemon has looked yet.
            Err(trouble) => Some(standing.unwrap_or_default().failed(trouble)),
        }
    }

    /// The fingerprint of the site key; `None` where there is none that can be read.
    pub fn site_key(&self) -> Option<String> {
        let keys = site_keys(&self.settings).ok()?;
        keys.first().map(SiteKey::fingerprint)
    }

    /// The keys that open what the boxes of these organisations left: each of the file for each organisation of the box.
    ///
    /// # Errors
    /// As `copies`; `auth.not_enrolled` where what is adopted could not go home.
    pub fn adopting_keys(&self) -> Result<Vec<OrganisationKey>, Fault> {
        for one in self.organisations()? {
            if one.enrolment()?.is_none() {
                return Err(Fault::new(Code::AuthNotEnrolled, EnrolCause::NotEnrolled));
            }
        }
        self.opening_keys()
    }

    /// Lets in what boxes left at a place and had not brought home, each item once (`logic::copies::adopted`).
    ///
    /// # Errors
    /// `adopt.alive` or `adopt.none`, then nothing was let in; as `adopting_keys`; what the file system says.
    pub fn adopt(&self, place: &Path, whose: Whose<'_>) -> Result<Adoption, Fault> {
        let keys = self.adopting_keys()?;
        let (boxes, flawed) = copies::left(place, &keys)?;
        let own = self.identity()?.box_id;
        let now = clock::now().wall;
        let mut adoption = Adoption {
            boxes: Vec::new(),
            flawed,
        };
        let leaving = boxes.iter().map(|((id, handed), left)| LeavingBox {
            id,
            heard_at: left.heard_at,
            own: *id == own,
            handed: *handed,
        });
        let leaving: Vec<LeavingBox<'_>> = leaving.collect();
        let adopted = match whose {
            Whose::Nobodys => vec![false; boxes.len()],
            Whose::Lost { of, force } => adopted(&leaving, now, of, force)?,
        };
        let spool = Spool::open(&self.vault)?;
        for (((box_id, handed), left), is_adopted) in boxes.into_iter().zip(adopted) {
            let (mut items, put_back) = left.items();
            items.sort_by(|a, b| a.order.cmp(&b.order));
            let mut one = AdoptedBox {
                is_adopted,
                handed,
                items: items.len() as u64,
                put_back,
                heard_at: left.heard_at,
                age: now.saturating_sub(left.heard_at).max(0) as u64,
                ..AdoptedBox::default()
            };
            for item in items.into_iter().filter(|_| is_adopted) {
                let body = item.body(&keys);
                let adopted = body.map(|body| spool.adopt(&body, &box_id, item.at));
                match adopted.transpose()?.flatten() {
                    Some(true) => one.new += 1,
                    Some(false) => one.known += 1,
                    None => one.unread += 1,
                }
            }
            adoption.boxes.push(AdoptedBox { box_id, ..one });
        }
        Ok(adoption)
    }
}

/// Whose copies are adopted.
#[derive(Debug, Clone, Copy)]
pub enum Whose<'a> {
    /// It is only looked what is there.
    Nobodys,
    /// Those of boxes that are gone.
    Lost {
        /// Of this box alone.
        of: Option<&'a str>,
        /// Though it was heard of within a day.
        force: bool,
    },
}

impl<'a> Whose<'a> {
    /// The same of this box alone.
    #[must_use]
    pub fn only(self, box_id: &'a str) -> Self {
        match self {
            Self::Lost { force, .. } => Self::Lost {
                of: Some(box_id),
                force,
            },
            Self::Nobodys => self,
        }
    }
}

/// What was found at a place, and what became of it.
pub struct Adoption {
    /// Each box that left something.
    pub boxes: Vec<AdoptedBox>,
    /// Files that are of no use.
    pub flawed: Vec<(PathBuf, ObjectFlaw)>,
}

/// What one box left.
#[derive(Debug, Default)]
pub struct AdoptedBox {
    /// Whose it was.
    pub box_id: String,
    /// When it was heard of last, Unix seconds, and how many seconds ago.
    pub heard_at: i64,
    /// The same in seconds before now.
    pub age: u64,
    /// Its items were let in, as far as they can be; else they were only looked at.
    pub is_adopted: bool,
    /// It handed them over itself.
    pub handed: bool,
    /// Items that may be adopted.
    pub items: u64,
    /// Let in now.
    pub new: u64,
    /// This box has them already, or had.
    pub known: u64,
    /// Of a newer boxsync: they cannot be read.
    pub unread: u64,
    /// Acknowledged before, and put back.
    pub put_back: u64,
}
