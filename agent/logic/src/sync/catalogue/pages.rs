//! The lists of a run, page by page: what a page leads to, which one is asked for next, and what the end of a list means.
//! Never takes a page out of its order, though one may be asked for before its turn (`sync::read_ahead`).
//! Called by the catalogue phase.

use std::time::Duration;

use super::super::read_ahead::{ListBounds, NextPage, PageReply};
use super::super::{CallPurpose, SyncMachine, ends_run};
use super::{LISTED_AHEAD, about_list};
use crate::api::stranger::Stranger;
use crate::api::{Answered, Call};
use crate::entity::EntityType;
use crate::words::Now;

/// The one list that is long: every other one comes in one page, or changes the rules of paging (protocol 5.3).
const LONG: EntityType = EntityType::TestTaker;

impl super::CatalogueLane {
    /// Something of a list went wrong: in this run each further page waits for the one before.
    pub(in super::super) fn read_no_further_ahead(&mut self) {
        self.ahead.end();
    }
}

impl SyncMachine {
    pub(super) fn open_list(&mut self, kind: EntityType, now: Now) {
        let call = Call::checksums(kind, &self.plan.params);
        self.ask_page(kind, call, now);
    }

    fn ask_page(&mut self, kind: EntityType, call: Call, now: Now) {
        self.catalogue.ahead.asks_named(now);
        self.ask_catalogue(CallPurpose::Page(kind), call);
    }

    /// A page came that was asked for as the page before names it.
    pub(in super::super) fn page(&mut self, kind: EntityType, answered: Answered, now: Now) {
        self.catalogue.calls -= 1;
        let took = self.catalogue.ahead.named_came(now);
        self.listed(kind, PageReply::read(answered), took);
    }

    /// A page came that was asked for ahead.
    pub(in super::super) fn page_ahead(
        &mut self,
        kind: EntityType,
        offset: usize,
        answered: Answered,
        now: Now,
    ) {
        self.catalogue.calls -= 1;
        let (ahead, kinds) = (&mut self.catalogue.ahead, &self.catalogue.kinds);
        let named = |id: &str| {
            let name = (self.plan.hash)(kind, id);
            kinds
                .get(&kind)
                .is_some_and(|kind| kind.manifest.has_named(&name))
        };
        if let Some(listed) = ahead.came(offset, PageReply::read(answered), now, named) {
            self.listed(kind, listed, Duration::ZERO);
        }
    }

    /// A page, in its turn.
    fn listed(&mut self, kind: EntityType, listed: PageReply, took: Duration) {
        let page = match listed.page {
            Ok(page) => page,
            Err(trouble) if ends_run(&trouble) => return self.stop(trouble),
            Err(trouble) if listed.stranger == Some(Stranger::Page) => {
                return self.end_lane(&about_list(kind, trouble));
            }
            // Asked for before the page came.
            _ if self.catalogue.ended => return,
            Err(trouble) => {
                self.report.find(&about_list(kind, trouble));
                self.kind(kind).failed = true;
                return self.close_list(kind);
            }
        };
        let hash = self.plan.hash.clone();
        let in_use = self.catalogue.in_use.of_type(kind, |id| hash(kind, id));
        for (odd, key) in page.odd.iter().zip(&page.doubtful) {
            let manifest = &self.kind(kind).manifest;
            if !(manifest.is_again() && manifest.has_named(&hash(kind, key))) {
                self.fail_entity(kind, odd.clone());
            }
        }
        let state = self.kind(kind);
        let mut turn = state.manifest.page(&page, &in_use, |id| hash(kind, id));
        state.partial.append(&mut turn.wanted);
        let most = match kind == LONG && state.manifest.was_whole() {
            true => self.plan.pages,
            false => 1,
        };
        let count = self.kind(kind).manifest.count();
        if kind == LONG {
            let bounds = ListBounds { count, most };
            let begins = self.catalogue.ahead.turned(&page, &turn, took, bounds);
            if let Some(next) = turn.next.as_ref().filter(|_| begins) {
                self.kind(kind).manifest.mark(next);
            }
        }
        self.fill_batches(kind, false);
        match turn.next.or_else(|| self.again(kind)) {
            Some(next) => self.catalogue.next_page = Some((kind, next)),
            None => self.close_list(kind),
        }
    }

    /// The list has ended. Somebody who is entered while pages come out of their order moves others from a page that is
    /// still to come to one that has come: that something is missing follows only from pages that came one after the
    /// other. Gives the page that such a reading goes on with.
    fn again(&mut self, kind: EntityType) -> Option<String> {
        if kind != LONG || !std::mem::take(&mut self.catalogue.ahead.used) {
            return None;
        }
        let manifest = &mut self.kind(kind).manifest;
        let next = manifest.cut.is_none().then(|| manifest.again())??;
        self.drop_ahead();
        self.catalogue.ahead.end();
        Some(next)
    }

    /// What is read ahead is of no use any more: nobody waits for it.
    pub(super) fn drop_ahead(&mut self) {
        let before = self.pending.len() + self.waiting.len();
        let other = |purpose: &CallPurpose| !matches!(purpose, CallPurpose::Ahead(..));
        self.pending.retain(|_, pending| other(&pending.purpose));
        self.waiting.retain(|(_, pending)| other(&pending.purpose));
        self.catalogue.calls -= before - self.pending.len() - self.waiting.len();
        self.catalogue.ahead.clear();
    }

    /// A list has ended: its last ids become a batch and the next list begins, details still under way or not.
    fn close_list(&mut self, kind: EntityType) {
        self.drop_ahead();
        self.fill_batches(kind, true);
        let organisation = self.plan.params.organisation_id.clone();
        let state = self.kind(kind);
        state.listed = true;
        let end = state.manifest.ended(state.failed, &organisation);
        end.findings
            .iter()
            .for_each(|found| self.report.find(found));
        if end.elsewhere {
            self.catalogue.elsewhere = true;
            self.catalogue.order.clear();
            self.catalogue.batches.clear();
            return;
        }
        self.open_catalogue();
    }

    /// Asks for the next page of the open list, and for those behind it that may be read ahead, when few enough ids wait
    /// for their details. Whether a page that was read ahead was taken instead.
    pub(super) fn turn_page(&mut self, now: Now) -> bool {
        let batches = self.catalogue.batches.iter().map(|(_, ids)| ids.len());
        let partial = self.catalogue.kinds.values().map(|of| of.partial.len());
        if batches.chain(partial).sum::<usize>() >= LISTED_AHEAD {
            return false;
        }
        if let Some((kind, next)) = self.catalogue.next_page.take() {
            match self.catalogue.ahead.take(&next) {
                NextPage::Arrived(listed) => {
                    self.listed(kind, listed, Duration::ZERO);
                    return true;
                }
                NextPage::NotAsked => self.ask_page(kind, Call::next_page(&next), now),
                NextPage::UnderWay => {}
            }
        }
        while let Some((offset, next)) = self.catalogue.ahead.ask(now) {
            self.ask_catalogue(CallPurpose::Ahead(LONG, offset), Call::next_page(&next));
        }
        false
    }
}
