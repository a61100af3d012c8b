//! What is owed and leaves on a stick, and what the stick tells of it later: executes `logic::spool::stick` over spool and stick.
//! Never lets an item count as handed over before it lies on the stick, durable and read back.
//! Called by the verb `carry`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

use logic::carry;
use logic::fault::{Code, Fault, SiteCause};
use logic::seal::NameHash;
use logic::site::OrganisationKey;
use logic::spool::{ItemKey, ItemState, Ledger, StayReason, stays_here};
use nix::fcntl::Flock;

use super::Engine;
use system::clock;
use vault::carry::StickFolder;
use vault::handed::{HandedFolder, HandedLook, look};
use vault::spool::Spool;

/// Bytes that an object has beside content and account, at most.
const AROUND: u64 = 64;

/// What was handed over on a stick.
#[derive(Debug, Default)]
pub struct HandedItems {
    /// Items that lie there and stand as handed over.
    pub count: u64,
    /// Why others stay, by their ids.
    pub stays: BTreeMap<StayReason, Vec<String>>,
    /// Items whose content does not open on the box any more.
    pub unread: u64,
}

/// What a stick tells of what this box handed over.
#[derive(Debug, Default)]
pub struct ArrivedItems {
    /// That central has, and stand so from now on.
    pub count: u64,
    /// Still on their way.
    pub carried: u64,
    /// Names of files that were changed, or sealed with a key that is not at hand.
    pub flawed: Vec<String>,
}

impl Engine {
    /// Hands over what goes with this organisation and may leave. `again`: what was handed over before, too.
    ///
    /// # Errors
    /// `site.no_key`, `site.key_file`, `config.no_organisation`; `carry.full`, then nothing is handed over; `carry.medium`, then
    /// what was not reached stays as it is; what the state folder says.
    pub fn hand_over(&self, place: &Path, again: bool) -> Result<HandedItems, Fault> {
        let keys = self.organisation_keys()?;
        let own = self.identity()?.box_id;
        let _claim = claimed(place, &keys)?;
        let path = place.display().to_string();
        let told = |trouble| carry::fault(&path, trouble);
        let spool = Spool::open(&self.vault)?.filtered(self.item_filter(true)?);
        let mut handed = HandedItems::default();
        let mut goes = BTreeSet::new();
        for item in spool.owed()? {
            match stays_here(item.state, again) {
                None => drop(goes.insert(item.key)),
                Some(why) => handed.stays.entry(why).or_default().push(item.key.id),
            }
        }
        let mut leaving = spool.unacknowledged()?;
        leaving.retain(|ledger| goes.contains(&ledger.key));
        let stick = StickFolder::new(place, keys[0].clone());
        let folders = keys.into_iter();
        let folders: Vec<HandedFolder> = folders
            .map(|key| HandedFolder::new(place, key, &own))
            .collect();
        let Some(folder) = folders.first() else {
            return Ok(handed);
        };
        let held = folder.held().map_err(told)?;
        let lacking = leaving.iter().filter(|it| !held.contains(&folder.name(it)));
        let sizes: Vec<u64> = lacking
            .map(|it| {
                let body = it.size + it.to_bytes().len() as u64 + AROUND;
                OrganisationKey::sealed_size(&own, body)
            })
            .collect();
        stick.must_fit(&sizes)?;
        let at = clock::now().wall;
        (handed.count, handed.unread) = folder.hand_over(&spool, leaving, at, &told)?;
        for folder in &folders {
            self.drop_arrived(folder, &spool).map_err(told)?;
        }
        Ok(handed)
    }

    /// Removes what central has from what this box handed over.
    fn drop_arrived(&self, folder: &HandedFolder, spool: &Spool) -> Result<(), Fault> {
        let held = folder.held()?;
        let mut gone = Vec::new();
        if !held.is_empty() {
            spool.each_acknowledged(&mut |ledger| {
                let name = folder.name(&ledger);
                gone.extend(held.contains(&name).then_some(name));
            })?;
        }
        folder.remove(&gone)
    }

    /// Leaves for each box whose items this one took over the list of those that central has. Says for how many boxes one was
    /// written.
    ///
    /// # Errors
    /// As `hand_over`.
    pub fn tell_arrived(&self, place: &Path) -> Result<u64, Fault> {
        let keys = self.organisation_keys()?;
        let _claim = claimed(place, &keys)?;
        let own = self.identity()?.box_id;
        let spool = Spool::open(&self.vault)?;
        let mut lists: BTreeMap<(usize, String), BTreeSet<NameHash>> = BTreeMap::new();
        spool.each_acknowledged(&mut |ledger| {
            for (at, key) in keys.iter().enumerate() {
                if let Some((to, name)) = ledger.handed_by_origin(key) {
                    lists.entry((at, to)).or_default().insert(name);
                }
            }
        })?;
        let (mut count, now) = (0, clock::now().wall);
        for ((at, to), names) in lists {
            let folder = HandedFolder::new(place, keys[at].clone(), &to);
            let left = folder.leave(&own, now, names);
            let path = place.display().to_string();
            count += u64::from(left.map_err(|trouble| carry::fault(&path, trouble))?);
        }
        Ok(count)
    }

    /// Whether anything is handed over and not known to have arrived.
    pub fn has_handed_over(&self) -> bool {
        let carried = Spool::open(&self.vault).and_then(|spool| spool.carried(None));
        carried.is_ok_and(|keys| !keys.is_empty())
    }

    /// What lies at a place of what boxes of these organisations handed over, and of lists of what has arrived.
    ///
    /// # Errors
    /// As `hand_over`; `carry.medium` where there is no folder.
    pub fn look_at_handed(&self, place: &Path) -> Result<HandedLook, Fault> {
        let path = place.display().to_string();
        if !place.is_dir() {
            return Err(Fault::new(Code::CarryMedium, SiteCause::NoStick { path }));
        }
        look(place, &self.opening_keys()?).map_err(|trouble| carry::fault(&path, trouble))
    }

    /// Takes what lists at a place say of what this box handed over: that central has it, item by item and content by content.
    ///
    /// # Errors
    /// As `hand_over`; `carry.medium` where there is no folder.
    pub fn take_arrived(&self, place: &Path) -> Result<ArrivedItems, Fault> {
        let keys = self.organisation_keys()?;
        let _claim = claimed(place, &keys)?;
        let own = self.identity()?.box_id;
        let path = place.display().to_string();
        let told = |trouble| carry::fault(&path, trouble);
        let spool = Spool::open(&self.vault)?;
        let mut carried: Vec<Ledger> = spool.unacknowledged()?;
        carried.retain(|ledger| ledger.state == ItemState::Carried);
        let (mut arrived, mut flawed) = (BTreeSet::new(), Vec::new());
        for key in keys {
            let folder = HandedFolder::new(place, key, &own);
            let (names, odd) = folder.arrived().map_err(told)?;
            let listed = carried.iter().filter(|it| names.contains(&folder.name(it)));
            arrived.extend(listed.map(|it| it.key.clone()));
            flawed.extend(odd.into_iter().map(StickFolder::file_name));
        }
        let arrived: Vec<ItemKey> = arrived.into_iter().collect();
        let forget = self.settings.results.delete_after_send;
        let count = spool.confirm(&arrived, clock::now(), forget)?;
        Ok(ArrivedItems {
            count,
            carried: carried.len() as u64 - count,
            flawed,
        })
    }
}

/// The place, for this process alone: a stick that is not plugged in is told, and no folder is made in its place.
fn claimed(place: &Path, keys: &[OrganisationKey]) -> Result<Option<Flock<File>>, Fault> {
    let key = keys.first().cloned();
    key.map_or(Ok(None), |key| StickFolder::new(place, key).claim())
}
