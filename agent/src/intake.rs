//! The one way in for what candidates did: validated by `logic::intake`, durable in the spool before anyone hears yes.
//! Never lets in half a document.
//! Called by `results submit`, the local API and the gateway.

use std::sync::{Arc, Mutex, PoisonError};

use crate::copies::CopyFollower;
use logic::entity::EntityType;
use logic::fault::Fault;
use logic::fault::Finding;
use logic::intake::{self, ExecutionState, IntakeItem, ItemKind};
use logic::seal::NameHash;
use logic::settings::ResultsSettings;
use logic::small_map::SmallMap;

use vault::catalogue::{CatalogueStore, FileStamp};
use vault::spool::Spool;
use vault::{Vault, encryption, random_bytes};

/// The way into the spool.
#[derive(Clone)]
pub struct Intake {
    vault: Vault,
    spool: Spool,
    limit: usize,
    /// States in which an execution goes; `None`: it was chosen elsewhere.
    states: Option<Vec<ExecutionState>>,
    /// Writes second copies, where there are any.
    copies: Option<Arc<CopyFollower>>,
}

/// What was let in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Receipt {
    /// Each item's id and whether anything of it was new; all of them are durable.
    pub items: Vec<(String, bool)>,
    /// Ids under which something else had come before: what is new of it is sent, what came before stays.
    pub added: Vec<String>,
    /// What central takes, but somebody should look at.
    pub warnings: Vec<Finding>,
}

impl Intake {
    /// Opens the spool. An execution in another state than `[results] states` waits as open; second copies are written by
    /// `copies`.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(
        vault: &Vault,
        settings: &ResultsSettings,
        copies: Option<CopyFollower>,
    ) -> Result<Self, Fault> {
        Ok(Self {
            vault: vault.clone(),
            spool: Spool::open(vault)?,
            limit: usize::try_from(settings.max_item.bytes()).unwrap_or(usize::MAX),
            states: Some(settings.states.clone()),
            copies: copies.map(Arc::new),
        })
    }

    /// The same for what was chosen elsewhere: it goes in whatever state it is.
    #[must_use]
    pub fn of_any_state(self) -> Self {
        Self {
            states: None,
            ..self
        }
    }

    /// Lets in a document in the shape that central's own route takes.
    ///
    /// # Errors
    /// `intake.*` with the path of the offending field, then nothing was let in; or what the disk says.
    pub fn submit(&self, kind: ItemKind, document: &[u8]) -> Result<Receipt, Fault> {
        let shown = self.shown();
        let known = |kind: EntityType, id: &str| self.knows(&shown, kind, id);
        self.keep(intake::read(kind, document, self.limit, &known)?)
    }

    /// Lets in one item under its id; the same again is answered the same.
    ///
    /// # Errors
    /// As `submit`.
    pub fn put(&self, kind: ItemKind, id: &str, document: &[u8]) -> Result<Receipt, Fault> {
        let shown = self.shown();
        let known = |kind: EntityType, id: &str| self.knows(&shown, kind, id);
        self.keep(intake::read_one(kind, id, document, self.limit, &known)?)
    }

    fn keep(&self, mut read: intake::ParsedDocument) -> Result<Receipt, Fault> {
        self.close(&mut read.items)?;
        let of = |item: &intake::IntakeItem| (item.kind, item.id.clone());
        let names: Vec<(ItemKind, String)> = read.items.iter().map(of).collect();
        let new = self.spool.admit(read.items)?;
        if let Some(copies) = self.copies.as_ref().filter(|_| !names.is_empty()) {
            // It is kept whatever comes of that; what takes longer follows.
            copies.copied_in_time(names.clone());
        }
        let fresh = names.iter().zip(&new).filter(|(_, new)| **new);
        let added = fresh.filter(|((kind, id), _)| self.spool.is_added_to(*kind, id));
        let added = added.map(|((_, id), _)| id.clone()).collect();
        let ids = names.into_iter().map(|(_, id)| id);
        Ok(Receipt {
            added,
            items: ids.zip(new).collect(),
            warnings: read.warnings,
        })
    }

    /// Decides what is open, and closes to the box what an encrypted central wants closed: the plain form is kept nowhere.
    fn close(&self, items: &mut [IntakeItem]) -> Result<(), Fault> {
        let standing = encryption::standing(&self.vault);
        let key = standing.encrypts();
        for item in items.iter_mut() {
            let goes = |state| self.states.as_ref().is_none_or(|s| s.contains(&state));
            item.open = item.execution.is_some_and(|state| !goes(state));
            match (item.kind, &key) {
                (ItemKind::Results, _) if item.enclosure.enclosed => {
                    item.enclosure.key = standing.current();
                }
                (ItemKind::Results, Some(key)) => {
                    let random = random_bytes(key.entropy() * item.parts.len());
                    item.enclose(key, &random)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn knows(&self, shown: &Option<Arc<ShownNames>>, kind: EntityType, id: &str) -> bool {
        let Some(names) = shown.as_ref().and_then(|shown| shown.names.get(&kind)) else {
            return true;
        };
        let name = self.vault.keys().name(kind.word(), id);
        names.binary_search(&name).is_ok()
    }

    /// What candidates did is let in whatever the state of the catalogue: it only feeds warnings. Its edition is read
    /// once, not for every item: with ten thousand test takers that costs more than the disk does.
    fn shown(&self) -> Option<Arc<ShownNames>> {
        static SHOWN: Mutex<Option<Arc<ShownNames>>> = Mutex::new(None);
        let added = self.vault.added_organisations().ok()?.into_iter();
        let homes = added.map(|added| self.vault.of_organisation(&added.id));
        let homes = [self.vault.clone()].into_iter().chain(homes);
        let catalogues = homes.map(|home| CatalogueStore::open(&home).ok());
        let catalogues = catalogues.collect::<Option<Vec<_>>>()?;
        // Taken before the editions are read: if one is replaced in between, all are read once more.
        let stamps = catalogues.iter().map(CatalogueStore::stamp);
        let stamps = stamps.collect::<Option<Vec<_>>>()?;
        let mut held = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().is_none_or(|held| held.stamps != stamps) {
            let mut names = SmallMap::<EntityType, Vec<NameHash>>::new();
            for catalogue in &catalogues {
                for (kind, rows) in catalogue.shown().ok()?.types {
                    if matches!(kind, EntityType::Delivery | EntityType::TestTaker) {
                        names.entry(kind).or_default().extend(rows.keys().copied());
                    }
                }
            }
            names.values_mut().for_each(|names| names.sort_unstable());
            *held = Some(Arc::new(ShownNames { stamps, names }));
        }
        held.clone()
    }
}

/// Names of what the catalogues of all organisations show, in order.
struct ShownNames {
    stamps: Vec<FileStamp>,
    names: SmallMap<EntityType, Vec<NameHash>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use logic::entity::Checksum;
    use logic::settings::Size;
    use system::root::Root;
    use vault::catalogue::{CatalogueRevision, EntityLocation};

    /// A public key of 1024 bits that openssl made; its private half is the reference central's.
    const KEY: &str = "-----BEGIN PUBLIC KEY-----\r\nMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDHEyrEuXwP/xlX1nMUjOkIU1gO\r\nQAfdf3dpJJrUd+iLKj/cXvEqv+eFSUzOQl5OS1CRLcKxdB1c4ILAuGxJOcxKdr2H\r\nVOmeq5FW8ZRk8sVCNl7t4B36lDQugVLTzzUcPkuZcZaltLf/JTae3PD1xojn5FCh\r\nB43n9R89lUBR44TLuwIDAQAB\r\n-----END PUBLIC KEY-----";
    /// What a candidate did, and as it is handed in.
    const ANSWER: &str = "what a candidate did in this exam";
    const HANDED: &str = "d2hhdCBhIGNhbmRpZGF0ZSBkaWQgaW4gdGhpcyBleGFt";

    /// Everything below a folder that opens with the key of the box, and the bytes of what does not.
    fn opened(vault: &Vault, folder: &std::path::Path) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(opened(vault, &path));
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let name = path.file_name().unwrap().as_encoded_bytes();
            for purpose in ["spool", "entry"] {
                found.extend(vault.keys().sealer(purpose).open(name, &bytes));
            }
            found.push(bytes);
        }
        found
    }

    fn open(vault: &Vault) -> Intake {
        let settings = ResultsSettings {
            max_item: Size(1 << 20),
            ..ResultsSettings::default()
        };
        let intake = Intake::open(vault, &settings, None).unwrap();
        intake.of_any_state()
    }

    fn result(id: &str) -> String {
        format!(
            r#"{{"{id}":{{"deliveryId":"d","deliveryExecutionId":"{id}","details":{{"identifier":"{id}","label":"l","test-taker":"t","starttime":null,"finishtime":null,"state":"http://www.tao.lu/Ontologies/TAODelivery.rdf#DeliveryExecutionStatusFinished"}},"variables":[{{"type":"taoResultServer_models_classes_ResponseVariable","callIdItem":"{id}.i.0","callIdTest":null,"test":"t","item":"i","data":{{"identifier":"R","cardinality":"single","baseType":"string","epoch":"0.1 1","candidateResponse":"{HANDED}","correctResponse":null}}}}]}}}}"#
        )
    }

    #[test]
    fn with_the_key_of_the_box_open_no_answer_is_found_before_an_encrypted_central() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open(&Root::new(dir.path())).unwrap();
        let intake = open(&vault);
        let found = || {
            let files = opened(&vault, vault.state());
            let holds = |what: &str| {
                let what = what.as_bytes();
                files
                    .iter()
                    .any(|file| file.windows(what.len()).any(|part| part == what))
            };
            (holds(ANSWER) || holds(HANDED), holds("deliveryExecutionId"))
        };
        intake
            .submit(ItemKind::Results, result("a").as_bytes())
            .unwrap();
        assert_eq!(
            found(),
            (true, true),
            "the search finds what there is to find"
        );
        // The key comes: what waited is closed, what comes later is never written.
        let known = logic::encryption::CentralEncryption {
            mode: logic::encryption::EncryptionMode::Encrypted,
            key: Some(KEY.to_owned()),
            application_key: None,
        };
        encryption::entry(&vault).put(&known).unwrap();
        intake
            .submit(ItemKind::Results, result("b").as_bytes())
            .unwrap();
        assert_eq!(intake.spool.enclose(&known.encrypts().unwrap()).unwrap(), 1);
        assert_eq!(found(), (false, true));
        let again = intake
            .submit(ItemKind::Results, result("b").as_bytes())
            .unwrap();
        assert_eq!(
            again.items,
            [("b".to_owned(), false)],
            "the same is known again"
        );
        let owed = intake.spool.owed().unwrap();
        assert!(
            owed.iter()
                .all(|owed| owed.enclosure.key == known.current())
        );
        for owed in owed {
            let payload = intake.spool.load(&owed.key).unwrap().payload;
            assert!(logic::encryption::is_map(&payload));
        }
    }

    #[test]
    fn a_newer_edition_is_met_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open(&Root::new(dir.path())).unwrap();
        let intake = open(&vault);
        let catalogue = CatalogueStore::open(&vault).unwrap();
        let knows = |id: &str| intake.knows(&intake.shown(), EntityType::TestTaker, id);
        assert!(knows("a"), "nothing is warned of on a new box");
        let mut edition = CatalogueRevision::default();
        for ids in [&["a"][..], &["a", "b"], &["b"]] {
            let before = edition.clone();
            let row = |id: &&str| {
                let row = EntityLocation {
                    checksum: Checksum([0; 16]),
                    segment: 1,
                    offset: 0,
                    length: 0,
                };
                (vault.keys().name(EntityType::TestTaker.word(), id), row)
            };
            let rows = ids.iter().map(row).collect();
            edition.types.insert(EntityType::TestTaker, rows);
            catalogue
                .publish(&before.segments(), &edition, None)
                .unwrap();
            for id in ["a", "b"] {
                assert_eq!(knows(id), ids.contains(&id), "{id} of {ids:?}");
            }
            let untold = intake.knows(&intake.shown(), EntityType::Delivery, "d");
            assert!(untold, "what was never read is not missed");
        }
    }
}
