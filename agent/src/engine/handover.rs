//! What leaves in a file that a person carries to central, and what central says later of what left.
//! Never writes the file, never sends a result, and never asks anybody at a terminal.
//! Called by the verbs `results export-tao`, `confirm` and `reclaim`.

use std::collections::{BTreeMap, BTreeSet};

use logic::fault::{Code, Fault, ItemCause};
use logic::intake::ItemKind;
use logic::spool::{
    ItemKey, OwedItem, Sending, SpoolCommand, SpoolEvent, SpoolPlan, StayReason, stays,
};
use logic::trace::Trace;
use logic::words::SyncParams;

use super::Engine;
use super::encryption::application_key;
use super::pass::not_enrolled;
use super::unkept::Unmarked;
use system::clock;
use vault::catalogue::CatalogueStore;
use vault::spool::Spool;
use vault::{encryption, random};

/// The spool of one organisation, ready to hand results over.
pub struct Handover {
    spool: Spool,
    plan: SpoolPlan,
    central: logic::encryption::CentralEncryption,
    /// What goes, in the order of the file.
    pub goes: Vec<OwedItem>,
    /// Why the others stay.
    pub stays: BTreeMap<StayReason, Vec<String>>,
    /// Items of other kinds, which the file has no place for.
    pub others: u64,
}

/// What central said of results that were handed over.
#[derive(Debug, Default)]
pub struct CarriedAnswer {
    /// It surely does not have them.
    pub not_arrived: Vec<ItemKey>,
    /// Why it could not be asked, or not to the end.
    pub trouble: Option<Fault>,
}

/// More bytes of contents do not go into one file: a zip, and vfat, end at 4 GiB.
const FILE_LIMIT: u64 = 4_000_000_000;

impl Engine {
    /// What may leave now in a file of this organisation. `again`: what was handed over before, too; `most`: so many.
    ///
    /// # Errors
    /// `config.no_organisation`, `config.no_version`; what keeps encrypted results from going (`central.key_missing`); what
    /// the file system says.
    pub fn handover(&self, again: bool, most: usize) -> Result<Handover, Fault> {
        let params = self.params_without_run(&self.identity()?.box_id)?;
        let (plan, central) = self.carry_plan(params)?;
        if let Some(why) = central.waits() {
            return Err(why);
        }
        if plan.encrypted && plan.key.is_none() {
            return Err(Fault::new(Code::CentralKeyMissing, ItemCause::NoKey));
        }
        let spool = Spool::open(&self.vault)?.filtered(self.item_filter(true)?);
        if let Some(key) = central.encrypts() {
            spool.enclose(&key)?;
        }
        let mut handover = Handover {
            spool,
            plan,
            central,
            goes: Vec::new(),
            stays: BTreeMap::new(),
            others: 0,
        };
        let mut bytes = 0;
        for item in handover.spool.owed()? {
            if item.key.kind != ItemKind::Results {
                handover.others += 1;
                continue;
            }
            let stays = stays(&item, &handover.plan, again).or_else(|| {
                bytes += item.size + 2 * item.key.id.len() as u64 + 64;
                let full = bytes > FILE_LIMIT || handover.goes.len() >= most;
                full.then_some(StayReason::NextFile)
            });
            match stays {
                None => handover.goes.push(item),
                Some(why) => {
                    let ids = handover.stays.entry(why).or_default();
                    ids.push(item.key.id);
                }
            }
        }
        // What central failed at comes last: an import that ends there has taken the others.
        handover.goes.sort_by_key(|item| item.failures > 0);
        Ok(handover)
    }

    /// How results are judged without a run.
    fn carry_plan(
        &self,
        params: SyncParams,
    ) -> Result<(SpoolPlan, logic::encryption::CentralEncryption), Fault> {
        let catalogue = CatalogueStore::open(&self.vault)?;
        let key = application_key(&catalogue, &catalogue.shown()?);
        let keyed = key.is_some();
        let central = encryption::standing(&self.vault).after(None, key);
        let probe = self.vault.entry("probe").get::<bool>().ok().flatten();
        let trace = self.vault.entry("trace").get::<Trace>().ok().flatten();
        let settle = self.settings.results.settle;
        let plan = SpoolPlan {
            settle,
            probe: probe.unwrap_or(true),
            restored: trace.is_some_and(|trace| trace.is_probing()),
            unmarked: Unmarked::of(&self.root).until(settle, clock::now()),
            encrypted: keyed || central.is_encrypted(),
            key: central.current(),
            probe_data: central.probe(),
            asked: true,
            lingers: false,
            ..SpoolPlan::new(params, String::new(), u64::from_le_bytes(random()))
        };
        Ok((plan, central))
    }

    /// Asks central for results that were handed over: what it has is acknowledged when this returns.
    ///
    /// # Errors
    /// What the file system says; that central cannot be asked is no error.
    pub async fn ask_for_carried(&self, keys: &[ItemKey]) -> Result<CarriedAnswer, Fault> {
        let silent = |trouble| {
            Ok(CarriedAnswer {
                trouble: Some(trouble),
                ..CarriedAnswer::default()
            })
        };
        let (Some(enrolment), identity) = (self.enrolment()?, self.identity()?) else {
            return silent(not_enrolled());
        };
        let uplink = match self.uplink(Some((&enrolment, &identity))) {
            Ok(uplink) => uplink,
            Err(trouble) => return silent(trouble),
        };
        let params = self.params_without_run(&identity.box_id)?;
        let (plan, _) = self.carry_plan(params)?;
        let spool = Spool::open(&self.vault)?;
        let forget = self.settings.results.delete_after_send;
        let keys: BTreeSet<&ItemKey> = keys.iter().collect();
        let mut owed = spool.owed()?;
        owed.retain(|item| keys.contains(&item.key));
        let mut machine = Sending::new(plan, owed, clock::now());
        loop {
            let Some(command) = machine.next() else {
                let Some((at, _)) = machine.due() else {
                    return Ok(CarriedAnswer::default());
                };
                tokio::time::sleep(at.mono.saturating_sub(clock::now().mono)).await;
                machine.handle(SpoolEvent::Woken, clock::now());
                continue;
            };
            let event = match command {
                SpoolCommand::Persist(changes) => match spool.persist(&changes, forget) {
                    Ok(moved) => SpoolEvent::kept(moved, changes),
                    Err(trouble) => SpoolEvent::Persisted(Err(trouble)),
                },
                SpoolCommand::Load(keys) => {
                    SpoolEvent::Loaded(keys.iter().map(|key| spool.load(key)).collect())
                }
                SpoolCommand::Witness(_) => SpoolEvent::Found(None),
                // What is to be sent is left to the next synchronization.
                SpoolCommand::Ask(_, call) if call.name != "probe" => {
                    return Ok(CarriedAnswer::default());
                }
                SpoolCommand::Ask(ticket, call) => {
                    SpoolEvent::Answered(ticket, uplink.call(&call).await)
                }
                SpoolCommand::End(ending) => {
                    let first = ending.findings.into_iter().next();
                    return Ok(CarriedAnswer {
                        not_arrived: ending.not_arrived,
                        trouble: ending.trouble.or(first),
                    });
                }
            };
            machine.handle(event, clock::now());
        }
    }
}

impl Handover {
    /// Who hands over, as the manifest says it.
    pub fn params(&self) -> &SyncParams {
        &self.plan.params
    }

    /// The content of one as it goes; `None` where it does not open: it is told and kept aside.
    ///
    /// # Errors
    /// What the disk says.
    pub fn content(&self, item: &OwedItem) -> Result<Option<Vec<u8>>, Fault> {
        let key = self.central.encrypts();
        match self.spool.load_enclosed(&item.key, key.as_ref(), None) {
            Ok(loaded) => Ok(Some(loaded.payload)),
            Err(trouble) if trouble.code == Code::ResultsQuarantined => {
                tracing::error!(code = %trouble.code, "{trouble}");
                Ok(None)
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// The file lies whole where it belongs: what is in it is handed over. Gives of how many that is true.
    ///
    /// # Errors
    /// What the file system says.
    pub fn carried(&self, keys: &[ItemKey]) -> Result<u64, Fault> {
        self.spool.carry(keys, clock::now().wall)
    }
}
