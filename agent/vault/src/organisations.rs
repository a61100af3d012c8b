//! Where the files of each organisation lie: those of the first in the state folder itself, those of each further one
//! in a folder of its own below `organisations/`, in the same layout.
//! Never reads an organisation id from a file's name: names are keyed hashes, and the id is sealed.
//! Called by `vault`'s owners through `Vault`, and by `engine`, which enrols and removes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use logic::fault::{Fault, FileAct};
use logic::seal::{NameHash, Sealer};
use serde::{Deserialize, Serialize};

use super::{SealedFile, Vault};
use system::root::{ORGANISATIONS, make_folder, remove_durably, sync_folder, trouble};

/// The file that makes a folder an organisation's: written last, removed first.
pub(super) const ORGANISATION: &str = "organisation";

/// Who an organisation of the box is: kept of each further one, and of the first where it was chosen from several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedOrganisation {
    /// Its id at central (protocol 5.1).
    pub id: String,
    /// When it was added, Unix seconds; the list has this order.
    pub added_at: i64,
}

/// The folder of one organisation; `None`: the state folder itself, of the first one.
#[derive(Debug, Clone, Default)]
pub(super) struct OrganisationHome(Option<(PathBuf, String)>);

impl Vault {
    /// The same state folder, seen as the further organisation of this id; whether there is one is not asked.
    #[must_use]
    pub fn of_organisation(&self, id: &str) -> Self {
        self.at_home(self.keys.name(ORGANISATION, id))
    }

    fn at_home(&self, name: NameHash) -> Self {
        let name = name.to_string();
        let folder = self.state.join(ORGANISATIONS).join(&name);
        Self {
            home: OrganisationHome(Some((folder, name))),
            ..self.clone()
        }
    }

    /// The same state folder, seen as the first organisation.
    #[must_use]
    pub fn of_first(&self) -> Self {
        Self {
            home: OrganisationHome::default(),
            ..self.clone()
        }
    }

    /// Whether this is the first organisation, which lies in the state folder itself.
    pub fn is_first(&self) -> bool {
        self.home.0.is_none()
    }

    /// The folder of the organisation: catalogue, feed, history, index, credentials.
    pub fn home(&self) -> &Path {
        self.home.0.as_ref().map_or(&self.state, |(path, _)| path)
    }

    /// A small sealed file of the organisation; it opens in its own folder alone.
    pub fn home_entry(&self, name: &'static str) -> SealedFile {
        match &self.home.0 {
            None => self.entry(name),
            Some((folder, of)) => {
                let bound = format!("{of}/{name}");
                SealedFile::bound(&self.state, folder.join(name), bound, &self.keys)
            }
        }
    }

    /// Seals and opens the records of one purpose; those of another organisation do not open.
    pub fn home_sealer(&self, purpose: &str) -> Sealer {
        match &self.home.0 {
            None => self.keys.sealer(purpose),
            Some((_, of)) => self.keys.sealer(&format!("{purpose} of {of}")),
        }
    }

    /// The further organisations, in the order in which they were added.
    ///
    /// # Errors
    /// `store.damaged` where one does not say who it is, or what the file system says.
    pub fn added_organisations(&self) -> Result<Vec<AddedOrganisation>, Fault> {
        let folder = self.state.join(ORGANISATIONS);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(trouble(&folder, FileAct::List, &error)),
        };
        let mut added: Vec<AddedOrganisation> = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| trouble(&folder, FileAct::List, &error))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let home = Self {
                home: OrganisationHome(Some((entry.path(), name))),
                ..self.clone()
            };
            // What a cut left of an addition or of a removal has no such file.
            added.extend(home.home_entry(ORGANISATION).get::<AddedOrganisation>()?);
        }
        added.sort_by(|a, b| (a.added_at, &a.id).cmp(&(b.added_at, &b.id)));
        Ok(added)
    }

    /// Which of several organisations this one is, where that was said; of the first.
    ///
    /// # Errors
    /// `store.damaged`, or what the file system says.
    pub fn chosen_organisation(&self) -> Result<Option<String>, Fault> {
        let chosen = self.home_entry(ORGANISATION).get::<AddedOrganisation>()?;
        Ok(chosen.map(|chosen| chosen.id))
    }

    /// Keeps which one it is.
    ///
    /// # Errors
    /// What the file system says.
    pub fn choose_organisation(&self, chosen: &AddedOrganisation) -> Result<(), Fault> {
        self.home_entry(ORGANISATION).put(chosen)
    }

    /// Adds an organisation with its credentials: there is none before all of it is durable. For who holds the lock of
    /// the state folder.
    ///
    /// # Errors
    /// What the file system says; then it was not added.
    pub fn add_organisation<T: Serialize>(
        &self,
        added: &AddedOrganisation,
        credentials: &T,
    ) -> Result<Self, Fault> {
        let home = self.of_organisation(&added.id);
        home.clear()?;
        make_folder(home.home())?;
        for made in [home.home(), &self.state.join(ORGANISATIONS)] {
            sync_folder(made)?;
        }
        home.home_entry("credentials").put(credentials)?;
        home.home_entry(ORGANISATION).put(added)?;
        Ok(home)
    }

    /// Removes a further organisation: it is gone first, then its files. For who holds the lock of the state folder.
    ///
    /// # Errors
    /// What the file system says.
    pub fn remove_organisation(&self, id: &str) -> Result<(), Fault> {
        self.of_organisation(id).clear()
    }

    /// Removes this organisation's folder, the file that makes it one before all others.
    fn clear(&self) -> Result<(), Fault> {
        let Some((folder, _)) = self.home.0.as_ref().filter(|(folder, _)| folder.exists()) else {
            return Ok(());
        };
        remove_durably(&folder.join(ORGANISATION))?;
        fs::remove_dir_all(folder).map_err(|error| trouble(folder, FileAct::Remove, &error))?;
        sync_folder(folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use logic::fault::Code;
    use system::root::fuse;

    fn added(id: &str, added_at: i64) -> AddedOrganisation {
        AddedOrganisation {
            id: id.into(),
            added_at,
        }
    }

    #[test]
    fn each_organisation_has_files_of_its_own_that_open_nowhere_else() {
        let (_dir, vault) = Vault::fresh();
        vault.home_entry("credentials").put(&"first").unwrap();
        assert!(vault.state().join("credentials").is_file());
        let second = vault.add_organisation(&added("B", 2), &"second").unwrap();
        let third = vault.add_organisation(&added("A", 3), &"third").unwrap();
        assert_eq!(
            vault.added_organisations().unwrap(),
            [added("B", 2), added("A", 3)]
        );
        let credentials = |vault: &Vault| vault.home_entry("credentials").get::<String>();
        for (vault, held) in [(&vault, "first"), (&second, "second"), (&third, "third")] {
            assert_eq!(credentials(vault).unwrap().as_deref(), Some(held));
        }
        assert_eq!(
            credentials(&third.of_first()).unwrap().as_deref(),
            Some("first")
        );
        // Neither a file nor a record of one is taken for another's.
        fs::copy(
            second.home().join("credentials"),
            third.home().join("credentials"),
        )
        .unwrap();
        assert_eq!(credentials(&third).unwrap_err().code, Code::StoreDamaged);
        let sealed = second.home_sealer("entity").seal([0; 12], b"", b"x");
        assert!(third.home_sealer("entity").open(b"", &sealed).is_err());
        assert!(vault.home_sealer("entity").open(b"", &sealed).is_err());
        let own = vault.home_sealer("entity").seal([0; 12], b"", b"x");
        assert!(vault.keys().sealer("entity").open(b"", &own).is_ok());
    }

    fn ids(vault: &Vault) -> Vec<String> {
        let added = vault.added_organisations().unwrap();
        added.into_iter().map(|added| added.id).collect()
    }

    /// Does it over and over, cut before each change of the disk, until no cut comes any more; gives how many came.
    fn cut_everywhere(
        prepare: impl Fn(&Vault),
        act: impl Fn(&Vault) -> Result<(), Fault>,
        look: impl Fn(&Vault, bool),
    ) -> u64 {
        for changes in 1.. {
            let (_dir, vault) = Vault::fresh();
            vault.home_entry("credentials").put(&"first").unwrap();
            prepare(&vault);
            fuse::set(Some(changes));
            let done = act(&vault);
            let cut = fuse::is_blown();
            fuse::set(None);
            assert_eq!(done.is_err(), cut, "after {changes} changes");
            look(&vault, cut);
            let first = vault.home_entry("credentials").get::<String>().unwrap();
            assert_eq!(first.as_deref(), Some("first"));
            if !cut {
                return changes - 1;
            }
        }
        0
    }

    #[test]
    fn a_cut_leaves_an_organisation_whole_or_none() {
        let add = |vault: &Vault| vault.add_organisation(&added("B", 1), &"whole").map(|_| ());
        let credentials = |vault: &Vault| {
            let home = vault.of_organisation("B");
            home.home_entry("credentials").get::<String>().unwrap()
        };
        let is_whole = |vault: &Vault| {
            if !ids(vault).is_empty() {
                assert_eq!(ids(vault), ["B"]);
                assert_eq!(credentials(vault).as_deref(), Some("whole"));
            }
        };
        let cuts = cut_everywhere(
            |_| (),
            add,
            |vault, cut| {
                is_whole(vault);
                assert!(cut || ids(vault) == ["B"]);
                // What the cut left is no part of it when it is added again.
                let home = vault.of_organisation("B");
                make_folder(home.home()).unwrap();
                fs::write(home.home().join("last"), "of the try before").unwrap();
                add(vault).unwrap();
                assert_eq!(ids(vault), ["B"]);
                is_whole(vault);
                assert!(!home.home().join("last").exists());
            },
        );
        assert!(cuts >= 4, "{cuts} cuts");
        let cuts = cut_everywhere(
            |vault| add(vault).unwrap(),
            |vault| vault.remove_organisation("B"),
            |vault, cut| {
                is_whole(vault);
                assert!(cut || ids(vault).is_empty());
                vault.remove_organisation("B").unwrap();
                assert!(ids(vault).is_empty());
                assert!(!vault.of_organisation("B").home().exists());
            },
        );
        assert!(cuts >= 2, "{cuts} cuts");
    }

    #[test]
    fn an_organisation_that_does_not_say_who_it_is_is_told() {
        let (_dir, vault) = Vault::fresh();
        let home = vault.add_organisation(&added("B", 1), &"whole").unwrap();
        fs::write(home.home().join(ORGANISATION), "damaged").unwrap();
        let told = vault.added_organisations().unwrap_err();
        assert_eq!(told.code, Code::StoreDamaged);
    }
}
