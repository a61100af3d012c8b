//! What this box keeps of its siblings: taken where it is an object of the site and of who gives it, and where there is room.
//! Never sends any of it: `results adopt BOX-ID` lets it in, on the word of a person.
//! Called by the daemon's door.

use std::sync::{Mutex, PoisonError};

use logic::fault::{Code, Fault, SiteCause};
use logic::seal::NameHash;
use logic::site::{self, ObjectKind, OrganisationKey, SiteKey};

use super::{Adoption, Engine, Whose, site_keys, survey};

/// Objects that are kept of one box, at most.
const KEPT_MOST: usize = 20_000;
/// All objects of all boxes take at most half of `[download] reserve`, and at least this, bytes: whoever has the site's key can say any
/// box id, and the disk is that of this box's exams.
const ALL_LEAST: u64 = 256 << 20;
/// Proofs alone may take so much beside that, bytes.
const PROOFS: u64 = 16 << 20;

/// Bytes of everything that is kept; not known before it was counted once, or after something went.
pub type KeptBytes = Mutex<Option<u64>>;

/// What became of what a sibling gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is durable here.
    Durable,
    /// It is no object of the site under this name, or another box's.
    Foreign,
    /// An older one than what lies here.
    Older,
    /// There is no room for it beside what the box itself needs.
    NoRoom,
}

impl Engine {
    /// The names of what lies here of a sibling.
    ///
    /// # Errors
    /// What the file system says.
    pub fn kept_names(&self, box_id: &str) -> Result<Vec<NameHash>, Fault> {
        self.vault.kept_of(box_id).held()
    }

    /// Keeps an object of a sibling: sealed with the key in force, as all that it gives.
    ///
    /// | It is | Then |
    /// |---|---|
    /// | no object, another box's, or sealed with a former key | `Foreign` |
    /// | a proof, and a newer one lies here | `Older` |
    /// | one more than fits beside what the box needs itself, beside all others, or beside `KEPT_MOST` of that box | `NoRoom` |
    /// | a proof that is longer than what fits | kept within `PROOFS` beside all bounds in bytes: a box that has given all that fits still proves that it lives |
    /// | a proof no longer than the one that lies here | kept, whatever fits |
    /// | another standing of one that lies here, or a proof | counts as none more |
    ///
    /// # Errors
    /// `site.key_file`, or what the file system says.
    pub fn keep(
        &self,
        box_id: &str,
        name: NameHash,
        object: Vec<u8>,
        all: &KeptBytes,
    ) -> Result<Kept, Fault> {
        let keys = self.keys_of(&site_keys(&self.settings)?[..1])?;
        let folder = self.vault.kept_of(box_id);
        let Ok(opened) = site::open(&keys, name, &object) else {
            return Ok(Kept::Foreign);
        };
        if opened.box_id != box_id {
            return Ok(Kept::Foreign);
        }
        let is_proof = opened.kind == ObjectKind::Proof;
        if is_proof {
            let held = folder.object(name);
            let held = held.and_then(|bytes| site::open(&keys, name, &bytes).ok());
            if held.is_some_and(|held| held.generation > opened.generation) {
                return Ok(Kept::Older);
            }
        }
        let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
        // Half of what packages leave free is for what candidates did on this box.
        let reserve = self.settings.download.reserve.bytes() / 2;
        let free = survey::free(self.vault.state()).unwrap_or(0);
        let (bytes, before) = (object.len() as u64, folder.size(name));
        let taken = match *all {
            Some(taken) => taken,
            None => self.vault.kept_bytes()?,
        };
        let after = taken.saturating_sub(before.unwrap_or(0)) + bytes;
        let held = folder.held()?.len();
        let is_one_more = before.is_none() && !is_proof;
        let beside = if is_proof { PROOFS } else { 0 };
        let fits = free + beside >= reserve + bytes && after <= reserve.max(ALL_LEAST) + beside;
        let is_no_longer = is_proof && before.is_some_and(|before| bytes <= before);
        if !(fits || is_no_longer) || (is_one_more && held >= KEPT_MOST) {
            return Ok(Kept::NoRoom);
        }
        *all = None;
        folder.keep(name, object)?;
        *all = Some(after);
        Ok(Kept::Durable)
    }

    /// Lets go what a sibling no longer needs here.
    ///
    /// # Errors
    /// What the file system says.
    pub fn let_go(&self, box_id: &str, name: NameHash, all: &KeptBytes) -> Result<(), Fault> {
        *all.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.vault.kept_of(box_id).drop_one(name)
    }

    /// Lets in what this box keeps of a box of the room, each item once.
    ///
    /// # Errors
    /// As `adopt`; `adopt.none` where it keeps nothing of that box.
    pub fn adopt_kept(&self, box_id: &str, whose: Whose<'_>) -> Result<Adoption, Fault> {
        if self.kept_names(box_id)?.is_empty() {
            let id = box_id.into();
            return Err(Fault::new(Code::AdoptNone, SiteCause::NothingKept { id }));
        }
        self.adopt(&self.vault.siblings(), whose.only(box_id))
    }

    /// The keys of the file, each for each organisation of the box; those in force first.
    pub(super) fn opening_keys(&self) -> Result<Vec<OrganisationKey>, Fault> {
        self.keys_of(&site_keys(&self.settings)?)
    }

    fn keys_of(&self, keys: &[SiteKey]) -> Result<Vec<OrganisationKey>, Fault> {
        let all = self.organisations()?;
        // One that nobody knows the organisation of has no key yet.
        let ids: Vec<String> = all
            .iter()
            .filter_map(|one| one.organisation().ok())
            .collect();
        let of = |key: &SiteKey| ids.iter().map(|id| key.of_organisation(id)).collect();
        Ok(keys.iter().map(of).collect::<Vec<Vec<_>>>().concat())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use logic::settings::Settings;
    use system::root::Root;
    use vault::copies::CopyFolder;

    use super::*;

    #[test]
    fn an_object_is_kept_for_who_made_it_where_it_opens_and_there_is_room() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path());
        let file = dir.path().join("site.key");
        let keys = [1, 3].map(|of| SiteKey::new([of; 32]));
        fs::write(&file, SiteKey::file(&keys)).unwrap();
        let mut settings = Settings::default();
        settings.this_box.organisation_id = Some("1001".into());
        settings.site.key_file = Some(file);
        settings.download.reserve = "0".parse().unwrap();
        let engine = Engine::open(&root, settings.clone()).unwrap();
        let of = |key: u8, box_id: &str| {
            let key = SiteKey::new([key; 32]).of_organisation("1001");
            CopyFolder::new(Path::new(""), key, box_id)
        };
        let name = NameHash([7; 16]);
        let object = |folder: &CopyFolder, kind, generation| {
            let object = folder.object(kind, generation, 5, vec![1; 100]);
            folder.sealed(name, &object)
        };
        let (own, thief) = (of(1, "b"), of(1, "c"));
        let all = KeptBytes::default();
        let keep = |object: Vec<u8>| engine.keep("b", name, object, &all).unwrap();
        assert_eq!(
            keep(object(&of(2, "b"), ObjectKind::Item, 1)),
            Kept::Foreign
        );
        assert_eq!(keep(object(&thief, ObjectKind::Item, 1)), Kept::Foreign);
        let former = of(3, "b");
        assert_eq!(keep(object(&former, ObjectKind::Proof, 9)), Kept::Foreign);
        let whole = object(&own, ObjectKind::Item, 1);
        assert_eq!(keep(whole[..whole.len() - 1].to_vec()), Kept::Foreign);
        let elsewhere = engine.keep("b", NameHash([8; 16]), whole.clone(), &all);
        assert_eq!(elsewhere.unwrap(), Kept::Foreign, "under another name");
        assert_eq!(engine.kept_names("b").unwrap(), []);
        let mut full = settings;
        full.download.reserve = "1000000TiB".parse().unwrap();
        let full = Engine::open(&root, full).unwrap();
        assert_eq!(
            full.keep("b", name, whole.clone(), &all).unwrap(),
            Kept::NoRoom
        );
        // All together take no more, whoever it is said to be of; another standing of one is none more.
        *all.lock().unwrap() = Some(ALL_LEAST);
        assert_eq!(keep(whole.clone()), Kept::NoRoom);
        *all.lock().unwrap() = None;
        assert_eq!(keep(whole.clone()), Kept::Durable);
        let bytes = whole.len() as u64;
        assert_eq!(*all.lock().unwrap(), Some(bytes));
        *all.lock().unwrap() = Some(ALL_LEAST);
        assert_eq!(keep(whole), Kept::Durable);
        // A box that has given all that fits still proves that it lives, also with a longer proof than before.
        let proof = NameHash([9; 16]);
        for length in [100, 100_000] {
            let object = own.object(ObjectKind::Proof, 1, 5, vec![1; length]);
            let object = own.sealed(proof, &object);
            *all.lock().unwrap() = Some(ALL_LEAST);
            let kept = engine.keep("b", proof, object, &all);
            assert_eq!(kept.unwrap(), Kept::Durable, "a proof of {length} bytes");
        }
        // As long as before it is taken whatever has become of the disk; longer ones end somewhere.
        for (length, full_at, expected) in [
            (100_000, u64::MAX / 2, Kept::Durable),
            (200_000, ALL_LEAST + PROOFS, Kept::NoRoom),
        ] {
            let object = own.object(ObjectKind::Proof, 1, 5, vec![1; length]);
            let object = own.sealed(proof, &object);
            *all.lock().unwrap() = Some(full_at);
            let kept = engine.keep("b", proof, object, &all);
            assert_eq!(kept.unwrap(), expected, "a proof of {length} bytes");
        }
        engine.let_go("b", proof, &all).unwrap();
        *all.lock().unwrap() = Some(bytes);
        assert_eq!(engine.kept_names("b").unwrap(), [name]);
        assert_eq!(engine.kept_names("c").unwrap(), []);
        assert_eq!(keep(object(&own, ObjectKind::Proof, 4)), Kept::Durable);
        assert_eq!(keep(object(&own, ObjectKind::Proof, 3)), Kept::Older);
        engine.let_go("c", name, &all).unwrap();
        assert_eq!(engine.kept_names("b").unwrap(), [name], "of another box");
        engine.let_go("b", name, &all).unwrap();
        engine.let_go("b", name, &all).unwrap();
        assert_eq!(engine.kept_names("b").unwrap(), []);
        let none = engine.adopt_kept("b", Whose::Nobodys);
        assert_eq!(none.err().unwrap().code, Code::AdoptNone);
    }
}
