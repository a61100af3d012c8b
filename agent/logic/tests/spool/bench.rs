//! The box around the machine: ledgers and payloads as files would keep them, power that goes at any step, no real time.
//! Never forgets what was persisted; never sleeps.
//! Used by `tests/spool.rs`.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use logic::fault::{Code, Fault};
use logic::intake::{self, ITEM_LIMIT, ItemKind};
use logic::report::OwedCount;
use logic::spool::{
    ItemAdmission, ItemKey, ItemState, Ledger, LedgerChange, Loaded, Others, Sending, SpoolCommand,
    SpoolEnding, SpoolEvent, SpoolPlan,
};
use logic::words::{Now, SyncParams};
use serde_json::{Value as Json, json};

use crate::central::ResultCentral;

/// When the power goes: before a command is done, or after it, before its event is heard.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    /// So many commands after the last cut.
    pub(crate) after: usize,
    /// Whether the command was done; half of a persist otherwise.
    pub(crate) done: bool,
}

/// What becomes of what the machine wants written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Write {
    /// It is durable.
    Kept,
    /// The disk takes nothing.
    Failed,
    /// The disk was full behind the first half.
    Half,
}

/// Steps of a pass between which intake may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PassStep {
    Load,
    Persist,
}

pub(crate) struct Box {
    pub(crate) central: ResultCentral,
    pub(crate) ledgers: BTreeMap<ItemKey, Ledger>,
    pub(crate) payloads: BTreeMap<ItemKey, Vec<u8>>,
    pub(crate) cuts: VecDeque<Cut>,
    /// What becomes of the next writes; then all are kept.
    pub(crate) writes: VecDeque<Write>,
    /// Outside of the folder: a request may have gone without a mark, and since when the next run knows of it.
    unmarked: Option<Option<Now>>,
    /// Writes have failed: from then on a cut is a start that asks first, as every start does.
    failed: bool,
    pub(crate) now: Now,
    pub(crate) plan: SpoolPlan,
    /// What is handed in from now on is not finished.
    pub(crate) open: bool,
    /// Counted over all passes, those that were cut included.
    pub(crate) doubled: u64,
    pub(crate) passes: u64,
    /// The longest list of payloads that was open at once.
    pub(crate) opened: usize,
    /// When everything came, Unix seconds.
    began: i64,
    /// The final content of `e` comes before this step of the next pass.
    pub(crate) final_before: Option<PassStep>,
    /// Everything is handed over before this step of the next pass; the file that it lies in.
    pub(crate) export_before: Option<PassStep>,
    pub(crate) exported: Json,
    /// So many are.
    pub(crate) export_most: usize,
}

impl Box {
    /// What a person does between two steps of a pass.
    fn happens_before(&mut self, step: PassStep) {
        if self.final_before.take_if(|at| *at == step).is_some() {
            self.final_comes();
        }
        if self.export_before.take_if(|at| *at == step).is_some() {
            self.exported = self.export(false, self.export_most);
        }
    }

    /// The final content of `e` comes now, and takes back what no request has carried yet.
    fn final_comes(&mut self) {
        let results = self.ledgers.values_mut();
        for ledger in results.filter(|ledger| ledger.key.kind == ItemKind::Results) {
            ledger.take_back(ItemState::Open);
        }
        let document = serde_json::json!({ "e": result("e", &names(0..4)) });
        self.submit(ItemKind::Results, &document);
    }

    pub(crate) fn new(central: ResultCentral) -> Self {
        let params = SyncParams {
            organisation_id: "1001".into(),
            sync_id: 1,
            box_id: "box".into(),
            tao_version: "2022.11".into(),
        };
        Self {
            central,
            ledgers: BTreeMap::new(),
            payloads: BTreeMap::new(),
            cuts: VecDeque::new(),
            writes: VecDeque::new(),
            unmarked: None,
            failed: false,
            now: Now {
                mono: Duration::from_secs(100),
                wall: 1_795_000_000,
            },
            plan: SpoolPlan::new(params, "2022.11".into(), 7),
            open: false,
            doubled: 0,
            passes: 0,
            opened: 0,
            began: 1_795_000_000,
            final_before: None,
            export_before: None,
            exported: Json::Null,
            export_most: usize::MAX,
        }
    }

    /// As the local API does it: validate, admit, keep.
    pub(crate) fn submit(&mut self, kind: ItemKind, document: &Json) {
        let known = |_: logic::entity::EntityType, _: &str| true;
        let document = document.to_string();
        let intake = intake::read(kind, document.as_bytes(), ITEM_LIMIT, &known).unwrap();
        for mut item in intake.items {
            if self.central.encrypted {
                self.close(&mut item);
            }
            item.open = self.open && kind == ItemKind::Results;
            let same = self.same(kind, &item.id);
            let result = self
                .same(ItemKind::Results, &item.id)
                .last()
                .map(|l| l.content);
            if let ItemAdmission::Fresh(ledger, payload) = Ledger::admit(item, &same, result) {
                self.payloads.insert(ledger.key.clone(), payload);
                self.ledgers.insert(ledger.key.clone(), *ledger);
            }
        }
    }

    /// As intake does it before an encrypted central; the envelope is a word of its own.
    fn close(&self, item: &mut intake::IntakeItem) {
        let mut payload: Json = serde_json::from_slice(&item.payload).unwrap();
        match item.kind {
            ItemKind::Results => {
                let closed = |variable: &Json| {
                    let reference = variable["data"]["identifier"].as_str().unwrap().to_owned();
                    (reference, json!(format!("cipher {variable}")))
                };
                let variables = payload["variables"].as_array().unwrap();
                let map: serde_json::Map<_, _> = variables.iter().map(closed).collect();
                payload["variables"] = map.into();
                item.payload = payload.to_string().into_bytes();
                item.parts = Vec::new();
                item.enclosure = intake::Enclosure {
                    enclosed: true,
                    key: self.plan.key,
                    released: false,
                };
            }
            ItemKind::Logs => {
                item.payload = logic::encryption::log_rows(item.payload.clone(), "key")
            }
            ItemKind::Sessions | ItemKind::LtiUsers => {}
        }
    }

    /// From now on central encrypts, and the box knows its key.
    pub(crate) fn encrypts(&mut self) {
        self.central.encrypted = true;
        self.plan.encrypted = true;
        self.plan.key = Some(logic::encryption::KeyPrint([1; 16]));
        self.plan.probe_data = Some("cHJvYmU=".into());
    }

    /// `results export-tao`: the file is whole before any item is handed over; the power goes after so many of them.
    pub(crate) fn export(&mut self, again: bool, marked: usize) -> Json {
        let mut owed: Vec<_> = self.owed().into_iter().collect();
        owed.retain(|item| item.key.kind == ItemKind::Results);
        owed.retain(|item| logic::spool::stays(item, &self.plan, again).is_none());
        owed.sort_by_key(|item| item.failures > 0);
        let mut file = serde_json::Map::new();
        for item in &owed {
            let content = serde_json::from_slice(&self.payloads[&item.key]).unwrap();
            file.insert(item.key.id.clone(), content);
        }
        for item in owed.iter().take(marked) {
            self.ledgers
                .get_mut(&item.key)
                .unwrap()
                .carry(self.now.wall);
        }
        file.into()
    }

    /// `results reclaim`: a pass asks, and what central does not have goes again.
    pub(crate) fn reclaim(&mut self) {
        let ending = self.pass();
        for key in ending.not_arrived {
            let ledger = self.ledgers.get_mut(&key).unwrap();
            assert!(ledger.reclaim(), "{ledger:?}");
        }
    }

    fn same(&self, kind: ItemKind, id: &str) -> Vec<Ledger> {
        let of = |edition| ItemKey {
            kind,
            id: id.to_owned(),
            edition,
        };
        let editions = self.ledgers.range(of(0)..=of(u32::MAX));
        editions.map(|(_, ledger)| ledger.clone()).collect()
    }

    /// A pass over the spool, begun again after each power cut.
    pub(crate) fn pass(&mut self) -> SpoolEnding {
        loop {
            self.passes += 1;
            self.plan.params.sync_id += 1;
            self.plan.random += 1;
            self.notice();
            if let Some(ending) = self.once() {
                if ending.probe_stored {
                    self.plan.probe = false;
                }
                return ending;
            }
        }
    }

    /// A pass that ends or is cut; the next one is not begun.
    pub(crate) fn until_cut(&mut self) {
        self.notice();
        self.once();
        self.cuts.clear();
        self.plan.probe_first = true;
    }

    /// As the engine does it: what went without a mark before this run may be under way from its begin on.
    fn notice(&mut self) {
        let (now, settle) = (self.now, self.plan.settle);
        let noticed = self.unmarked.map(|since| since.unwrap_or(now));
        let until = noticed.map(|since| since.after(settle));
        self.plan.unmarked = until.filter(|until| until.mono > now.mono);
        self.unmarked = self.plan.unmarked.and(noticed).map(Some);
    }

    fn owed(&self) -> Vec<logic::spool::OwedItem> {
        let mut owed = Vec::new();
        let mut all = self.ledgers.values().cloned().peekable();
        while let Some(first) = all.next() {
            let of = |l: &Ledger| l.key.kind == first.key.kind && l.key.id == first.key.id;
            let mut same = vec![first.clone()];
            while let Some(next) = all.next_if(of) {
                same.push(next);
            }
            let open = same.iter().filter(|l| l.state != ItemState::Acknowledged);
            owed.extend(open.map(|ledger| logic::spool::OwedItem {
                came: self.began,
                ..ledger.owed(&same)
            }));
        }
        owed
    }

    fn once(&mut self) -> Option<SpoolEnding> {
        let mut machine = Sending::new(self.plan.clone(), self.owed(), self.now);
        let mut events = VecDeque::new();
        let mut steps = 0;
        for _ in 0..100_000 {
            while let Some(command) = machine.next() {
                steps += 1;
                let cut = self.cuts.front().copied().filter(|cut| cut.after < steps);
                if cut.is_some_and(|cut| !cut.done) {
                    // Half of what was to be written is written.
                    if let SpoolCommand::Persist(changes) = &command {
                        let half = changes.len() / 2;
                        changes[..half].iter().for_each(|change| self.apply(change));
                    }
                } else if let Some(ending) = self.execute(command, &mut events) {
                    self.count(&ending.count);
                    if ending.unkept {
                        // The daemon remembers it; whoever starts anew asks first anyway.
                        self.plan.probe_first = true;
                        if !ending.flying {
                            self.unmarked = None;
                        }
                    }
                    return Some(ending);
                }
                if cut.is_some() {
                    self.cuts.pop_front();
                    // Whoever starts anew asks first.
                    self.plan.probe_first |= self.failed;
                    self.count(&machine.count());
                    return None;
                }
            }
            match events.pop_front() {
                Some(event) => machine.handle(event, self.now),
                None => {
                    let (at, why) = machine.due().expect("a machine that is not done waits");
                    assert!(!why.is_empty() && at.mono > self.now.mono);
                    self.now = at;
                    self.central.pass(at);
                    machine.handle(SpoolEvent::Woken, at);
                }
            }
        }
        panic!("the pass does not end");
    }

    /// Nothing happens for so long.
    pub(crate) fn rest(&mut self, span: Duration) {
        self.now = self.now.after(span);
    }

    /// Convicts what there is to convict: where no witness was there in the first pass, one is in the second; and once
    /// more `refuse_after` later.
    pub(crate) fn judge(&mut self) -> SpoolEnding {
        self.pass();
        self.rest(Duration::from_secs(60));
        self.pass();
        self.rest(self.plan.refuse_after);
        self.pass()
    }

    fn count(&mut self, count: &OwedCount) {
        self.doubled += count.logs.doubled + count.sessions.doubled;
    }

    fn apply(&mut self, change: &logic::spool::LedgerChange) {
        self.ledgers
            .get_mut(&change.key)
            .expect("only held items change")
            .apply(change);
    }

    fn execute(
        &mut self,
        command: SpoolCommand,
        events: &mut VecDeque<SpoolEvent>,
    ) -> Option<SpoolEnding> {
        match command {
            SpoolCommand::Load(keys) => {
                self.happens_before(PassStep::Load);
                self.opened = self.opened.max(keys.len());
                let load = |key: &ItemKey| {
                    Ok(Loaded {
                        ledger: self.ledgers[key].clone(),
                        payload: self.payloads[key].clone(),
                        others: Others::of(key, &self.same(key.kind, &key.id)),
                    })
                };
                events.push_back(SpoolEvent::Loaded(keys.iter().map(load).collect()));
            }
            SpoolCommand::Persist(changes) => {
                self.happens_before(PassStep::Persist);
                let stale = |change: &&LedgerChange| self.ledgers[&change.key].is_stale(change);
                let stands =
                    |change: &LedgerChange| (change.key.clone(), self.ledgers[&change.key].state);
                let moved: Vec<_> = changes.iter().filter(stale).map(stands).collect();
                if !moved.is_empty() {
                    events.push_back(SpoolEvent::Moved(moved, changes));
                    return None;
                }
                let write = self.writes.pop_front().unwrap_or(Write::Kept);
                let kept = match write {
                    Write::Kept => changes.len(),
                    Write::Half => changes.len() / 2,
                    Write::Failed => 0,
                };
                changes[..kept].iter().for_each(|change| self.apply(change));
                events.push_back(if write == Write::Kept {
                    SpoolEvent::Persisted(Ok(()))
                } else {
                    if changes
                        .iter()
                        .any(|change| change.state == ItemState::Sending)
                    {
                        self.unmarked = Some(None);
                    }
                    self.failed = true;
                    SpoolEvent::Unkept(full())
                });
            }
            SpoolCommand::Ask(ticket, call) => {
                let (answer, took) = self.central.answer(&call, self.now);
                self.now = self.now.after(took);
                events.push_back(SpoolEvent::Answered(ticket, answer));
            }
            SpoolCommand::Witness(central) => {
                let held = |(key, ledger): (&ItemKey, &Ledger)| {
                    let whole =
                        key.kind == ItemKind::Results && ledger.state == ItemState::Acknowledged;
                    let entry = (whole && ledger.central == central)
                        .then(|| logic::spool::witness(&self.payloads[key]))
                        .flatten()?;
                    Some((key.id.clone(), entry))
                };
                events.push_back(SpoolEvent::Found(self.ledgers.iter().find_map(held)));
            }
            SpoolCommand::End(ending) => return Some(*ending),
        }
        None
    }

    pub(crate) fn state(&self, kind: ItemKind, id: &str, edition: u32) -> ItemState {
        self.ledger(kind, id, edition).state
    }

    pub(crate) fn ledger(&self, kind: ItemKind, id: &str, edition: u32) -> &Ledger {
        let id = id.to_owned();
        &self.ledgers[&ItemKey { kind, id, edition }]
    }
}

/// A result with variables of these identifiers.
pub(crate) fn result(id: &str, variables: &[String]) -> Json {
    let variable = |name: &String| {
        json!({
            "type": "taoResultServer_models_classes_OutcomeVariable",
            "callIdItem": format!("{id}.item-1.0"), "callIdTest": null, "test": "t", "item": "i",
            "data": {"identifier": name, "cardinality": "single", "baseType": "float",
                     "epoch": "0.5 1795000300", "normalMinimum": null, "normalMaximum": 1, "value": "MQ=="}
        })
    };
    json!({
        "deliveryId": "d", "deliveryExecutionId": id,
        "details": {"identifier": id, "label": "l", "test-taker": "tt", "starttime": "0.1 1795000000", "finishtime": null,
                    "state": "http://www.tao.lu/Ontologies/TAODelivery.rdf#DeliveryExecutionStatusFinished"},
        "variables": variables.iter().map(variable).collect::<Vec<_>>()
    })
}

/// Log rows of an execution with these ids; `poison` is one that central does not store, or dies of.
pub(crate) fn rows(id: &str, ids: std::ops::Range<usize>, poison: Option<(usize, &str)>) -> Json {
    let row = |at: usize| {
        let event = match poison {
            Some((of, event)) if of == at => event,
            _ => "TEST_AUTHORISE",
        };
        json!({"id": format!("{id}/{at}"), "delivery_execution_id": id, "event_id": event, "data": {"n": at},
               "created_at": "1795000100.1", "created_by": "u"})
    };
    json!({ id: ids.map(row).collect::<Vec<_>>() })
}

/// Names of variables.
pub(crate) fn names(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|at| format!("V{at}")).collect()
}

fn full() -> Fault {
    Fault::new(Code::DiskFull, "the disk is full")
}
