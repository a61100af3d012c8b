//! How a pass over the spool is to be made, and how it ended.
//! Never decides anything itself.
//! Called by `engine`, which makes the plan and reads the ending, and by the machine of `spool`.

use std::time::Duration;

use crate::encryption::KeyPrint;
use crate::fault::Fault;
use crate::intake::ItemKind;
use crate::report::OwedCount;
use crate::spool::ItemKey;
use crate::words::{Now, SyncParams};

/// How a pass over the spool is to be made.
#[derive(Debug, Clone)]
pub struct SpoolPlan {
    /// Parameters of every call.
    pub params: SyncParams,
    /// Results or sessions in one request, at most (`results.chunk_size`, default 10).
    pub chunk: usize,
    /// Payload bytes in one request of several items, at most; below the 1 MiB that nginx takes by default.
    pub chunk_bytes: u64,
    /// Log rows in one request, at most (default 200).
    pub rows: usize,
    /// How long central may still be at a request whose answer was lost (default 60 s).
    pub settle: Duration,
    /// How far apart two convictions must be (`results.refuse_after`, default 1 h).
    pub refuse_after: Duration,
    /// Whether the end of the pass waits for answers that are lost to settle; else the next run asks about them.
    pub lingers: bool,
    /// Whether LTI users are sent at all.
    pub lti_users: bool,
    /// Only items of these kinds go; empty: all. The others stay as they are, and what waits for them waits on.
    pub only: Vec<ItemKind>,
    /// Somebody waits: what is left alone for a while is tried now.
    pub asked: bool,
    /// What is known of central's version; when it changes, refused and unconfirmed items are tried again.
    pub central: String,
    /// Whether the probe may be used: false once it was found to be stored (`SpoolEnding::probe_stored`).
    pub probe: bool,
    /// What is queued may have been sent by another state of this box (an earlier start, a copy): it is asked for before
    /// it is sent, one request a chunk.
    pub probe_first: bool,
    /// The state folder is known to be such a copy: rows and sessions of executions that central knows may be held.
    pub restored: bool,
    /// Until then central may be at a request that went without a mark.
    pub unmarked: Option<Now>,
    /// Central keeps what candidates did encrypted (protocol 13): it may die of every plain result.
    pub encrypted: bool,
    /// The key that central has now: results go encrypted with it, and no others.
    pub key: Option<KeyPrint>,
    /// Why no result may go in this run.
    pub waits: Option<Fault>,
    /// What `data` of a probe is, where central wants it encrypted (protocol 7.5).
    pub probe_data: Option<String>,
    /// Log rows wait for the key that central wants them under.
    pub rows_wait: bool,
    /// Seed of the jitter.
    pub random: u64,
}

impl SpoolPlan {
    /// A plan with the defaults of the configuration.
    pub fn new(params: SyncParams, central: String, random: u64) -> Self {
        Self {
            params,
            chunk: 10,
            chunk_bytes: 900 << 10,
            rows: 200,
            settle: Duration::from_secs(60),
            refuse_after: Duration::from_secs(3600),
            lingers: true,
            lti_users: false,
            only: Vec::new(),
            asked: false,
            central,
            probe: true,
            probe_first: false,
            restored: false,
            unmarked: None,
            encrypted: false,
            key: None,
            waits: None,
            probe_data: None,
            rows_wait: false,
            random,
        }
    }

    /// Whether items of a kind go.
    pub(super) fn sends(&self, kind: ItemKind) -> bool {
        self.only.is_empty() || self.only.contains(&kind)
    }

    /// Until when central may be at a request that went without a mark; `None` when it surely is at none.
    pub(super) fn unmarked_until(&self, now: Now) -> Option<Now> {
        self.unmarked.filter(|until| until.mono > now.mono)
    }

    /// Whether the storage of this central surely fails at a variable that it holds.
    pub(super) fn takes_none_twice(&self) -> bool {
        takes_none_twice(&self.central)
    }
}

/// Whether the storage of a central surely fails at a variable that it holds: taoOutcomeRds does since 6.1 of 2019, older
/// ones store it once more (protocol 7.5, 15.2). Of its own version a central tells the VM versions that it supports,
/// as one text; one that knows a release named by its date is younger than that.
fn takes_none_twice(central: &str) -> bool {
    let dated = |version: &str| {
        let (year, month) = version.split_once('.')?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let month = month.get(..2).filter(|month| digits(month))?;
        let year = Some(year).filter(|year| year.len() == 4 && digits(year))?;
        Some((year.parse::<u32>().ok()?, month.parse::<u32>().ok()?))
    };
    let young = |(year, month)| year >= 2020 && (1..=12).contains(&month);
    central
        .split(", ")
        .any(|version| dated(version).is_some_and(young))
}

/// How the pass ended.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SpoolEnding {
    /// What was done and what is left; fits `sync::Event::Owed`.
    pub count: OwedCount,
    /// What ended it early.
    pub trouble: Option<Fault>,
    /// What a person should know, each once.
    pub findings: Vec<Fault>,
    /// Central stored a probe: it must never be probed again (`SpoolPlan::probe`).
    pub probe_stored: bool,
    /// Results that central holds although no request of this box has carried them.
    pub held_unsent: u64,
    /// Something could not be written down: what lies on disk is older than what is known.
    pub unkept: bool,
    /// Central may still be at a result.
    pub flying: bool,
    /// Handed over, and a sound probe said that central does not have it (yet).
    pub not_arrived: Vec<ItemKey>,
}

impl SpoolEnding {
    /// As `sync::Event::Owed` takes it: what ended the pass, then each finding.
    pub fn told(&self) -> (OwedCount, Vec<Fault>) {
        let told = self.trouble.iter().chain(&self.findings);
        (self.count, told.cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_of_a_young_central_it_is_known_that_it_takes_no_variable_twice() {
        let table = [
            ("2022.11", true),
            ("2020.01", true),
            ("3.3.0-sprint105, 2021.03-dev", true),
            ("3.4.0-sprint130", false),
            ("3.3.0-sprint105, 2019.12", false),
            ("2022", false),
            ("2022.1", false),
            ("2022.13", false),
            ("20221.11", false),
            ("", false),
        ];
        for (central, expected) in table {
            assert_eq!(takes_none_twice(central), expected, "{central}");
        }
    }
}
