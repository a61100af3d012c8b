//! What this box keeps of the other boxes of its room: their sealed copies, a folder of each, below `siblings/` of the state folder.
//! Never opens one, and never removes one but on the word of the box that gave it.
//! Called by `engine::kept`.

use std::path::{Path, PathBuf};

use logic::fault::Fault;
use logic::seal::NameHash;
use system::root::{is_temporary, make_folder, remove_durably, remove_leftover, write_all_durably};

use super::{EXTENSION, listed, named, read_object};
use crate::Vault;

/// The folder of what one sibling gave.
pub struct KeptFolder(PathBuf);

impl Vault {
    /// Where everything that siblings gave lies.
    pub fn siblings(&self) -> PathBuf {
        self.state().join("siblings")
    }

    /// Bytes of everything that siblings gave.
    ///
    /// # Errors
    /// What the file system says.
    pub fn kept_bytes(&self) -> Result<u64, Fault> {
        let mut bytes = 0;
        for folder in listed(&self.siblings())? {
            let files = listed(&folder).unwrap_or_default();
            bytes += files.iter().filter_map(|path| size(path)).sum::<u64>();
        }
        Ok(bytes)
    }

    /// What a sibling of this id gave.
    pub fn kept_of(&self, box_id: &str) -> KeptFolder {
        let name = self.keys().name("sibling", box_id).to_string();
        KeptFolder(self.siblings().join(name))
    }
}

fn size(path: &Path) -> Option<u64> {
    path.symlink_metadata().ok().map(|file| file.len())
}

impl KeptFolder {
    fn path(&self, name: NameHash) -> PathBuf {
        self.0.join(format!("{name}.{EXTENSION}"))
    }

    /// What lies there. What a cut left is removed.
    ///
    /// # Errors
    /// What the file system says.
    pub fn held(&self) -> Result<Vec<NameHash>, Fault> {
        let mut held = Vec::new();
        for path in listed(&self.0)? {
            if path.file_name().is_some_and(is_temporary) {
                remove_leftover(&path);
            }
            held.extend(named(&path));
        }
        Ok(held)
    }

    /// Keeps an object; it is durable when this returns.
    ///
    /// # Errors
    /// What the file system says.
    pub fn keep(&self, name: NameHash, object: Vec<u8>) -> Result<(), Fault> {
        if let Some(all) = self.0.parent() {
            make_folder(all)?;
        }
        make_folder(&self.0)?;
        write_all_durably(&[(self.path(name), object)])
    }

    /// Bytes of an object; `None` where there is none.
    pub fn size(&self, name: NameHash) -> Option<u64> {
        size(&self.path(name))
    }

    /// The bytes of an object; `None` where there is none that can be read.
    pub fn object(&self, name: NameHash) -> Option<Vec<u8>> {
        read_object(&self.path(name)).ok()
    }

    /// Lets an object go, durably; one that is not there has gone.
    ///
    /// # Errors
    /// What the file system says.
    pub fn drop_one(&self, name: NameHash) -> Result<(), Fault> {
        remove_durably(&self.path(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use system::root::{Root, fuse};

    /// Cut before each change of the disk, until no cut comes: what lies there is whole, and the same again brings the rest.
    #[test]
    fn a_cut_leaves_whole_objects_alone() {
        let mut cuts = 0;
        for changes in 1.. {
            let dir = tempfile::tempdir().unwrap();
            let vault = Vault::open(&Root::new(dir.path())).unwrap();
            let folder = vault.kept_of("b");
            let (one, other) = (NameHash([1; 16]), NameHash([2; 16]));
            fuse::set(Some(changes));
            let act = || {
                folder.keep(one, vec![1; 9000])?;
                folder.keep(other, vec![2; 9000])?;
                folder.drop_one(one)
            };
            let done = act();
            let cut = fuse::is_blown();
            fuse::set(None);
            assert_eq!(done.is_err(), cut, "after {changes} changes");
            for name in folder.held().unwrap() {
                let object = folder.object(name).unwrap();
                assert_eq!(object, vec![name.0[0]; 9000], "after {changes} changes");
            }
            act().unwrap();
            assert_eq!(folder.held().unwrap(), [other]);
            assert!(vault.kept_of("c").held().unwrap().is_empty());
            if !cut {
                break;
            }
            cuts = changes;
        }
        assert!(cuts > 5, "{cuts} cuts");
    }
}
