//! What the machine of `spool` commands, and what it is told.
//! Never holds a state of its own.
//! Called by `engine`, which executes the commands.

use super::ledger::{ItemKey, ItemState, Ledger, LedgerChange, Others};
use super::plan::SpoolEnding;
use crate::api::{Answered, Call};
use crate::fault::Fault;

/// Names one call under way.
pub type SpoolTicket = u64;

/// What the engine is to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum SpoolCommand {
    /// Open these items: `SpoolEvent::Loaded` with all of them in this order.
    Load(Vec<ItemKey>),
    /// Apply the changes to the ledgers and make them durable: `SpoolEvent::Persisted`, or `Moved`.
    Persist(Vec<LedgerChange>),
    /// Send a call: `SpoolEvent::Answered` with the same ticket.
    Ask(SpoolTicket, Call),
    /// Find a result that a central of this version acknowledged, and give the entry that `witness` makes of it:
    /// `SpoolEvent::Found`.
    Witness(String),
    /// Nothing more can be done in this run.
    End(Box<SpoolEnding>),
}

/// One opened item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// Its account.
    pub ledger: Ledger,
    /// What intake wrote.
    pub payload: Vec<u8>,
    /// What central holds through the other items of this id.
    pub others: Others,
}

impl SpoolEvent {
    /// Changes are durable, but where these items have moved.
    pub fn kept(moved: Vec<(ItemKey, ItemState)>, changes: Vec<LedgerChange>) -> Self {
        match moved.is_empty() {
            true => Self::Persisted(Ok(())),
            false => Self::Moved(moved, changes),
        }
    }
}

/// What the engine reports.
#[derive(Debug)]
pub enum SpoolEvent {
    /// Items were opened, or could not be.
    Loaded(Vec<Result<Loaded, Fault>>),
    /// Changes are durable, or not.
    Persisted(Result<(), Fault>),
    /// No change was applied: these items stand so by a word that came since (`Ledger::is_stale`). Gives the changes back.
    Moved(Vec<(ItemKey, ItemState)>, Vec<LedgerChange>),
    /// Changes are not durable, but it is noted elsewhere that a request may go without a mark (`SpoolPlan::unmarked`).
    Unkept(Fault),
    /// A call was answered, or failed before there was an answer.
    Answered(SpoolTicket, Answered),
    /// The id and the entry of a witness, if there is one.
    Found(Option<(String, Vec<u8>)>),
    /// Nothing else is left to do in this run: it is not waited for what is not settled yet.
    Hurry,
    /// Somebody waits from now on: the next attempt is made at once.
    Asked,
    /// Time has passed.
    Woken,
}
