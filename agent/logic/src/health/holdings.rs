//! What the box holds and owes, and what that means: catalogue, packages, results, last runs, the rate of the link.
//! Never reads a file and never repairs anything: the next synchronization does.
//! Called by `seen`.

mod owed;
mod runs;

use serde::{Deserialize, Serialize};

use super::message::{
    ByType, HoldingsMessage, KindCount, Message, Names, PackageFlaw, SkipReason, WireCounts,
};
use super::seen::ReportedFault;
use super::standing::{BoxStanding, DiskRoom, ShownCatalogue, Stock};
use super::{Check, CheckFinding, CheckStatus};
use crate::copies::{CopyStanding, RoomStanding};
use crate::fault::{Area, Code, CodeName, Finding};
use crate::gateway::setup::SetupMismatch;
use crate::language::figure::Bytes;
use crate::package::EditionFinding as Bad;
use crate::report::Report;

fn told_notice(notice: &Finding) -> CheckFinding {
    CheckFinding::warn(&notice.code, ReportedFault::from(notice.clone()))
}

/// What was read of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Holdings {
    /// Where the box stands.
    pub standing: BoxStanding,
    /// How many entities do not open, or why the catalogue cannot be read.
    pub unreadable: Result<u64, ReportedFault>,
    /// The packages, or why they cannot be read.
    pub packages: Result<PackagesOnDisk, ReportedFault>,
    /// Past runs, newest first, or why they cannot be read.
    pub reports: Result<Vec<Report>, ReportedFault>,
    /// Files of the spool that did not open, by name.
    pub aside: Vec<String>,
    /// Rates that are expected of the link, Mbit/s: down, up.
    pub expected: (f64, f64),
    /// What is known of central's encryption.
    #[serde(default)]
    pub encryption: EncryptionStatus,
}

/// What is known of central's encryption, as far as it concerns a person.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EncryptionStatus {
    /// The print of the key that results are encrypted with, while central encrypts.
    pub key: Option<String>,
    /// Why no result may go, though one may be owed only later.
    pub waits: Option<ReportedFault>,
    /// How the TAO behind the gateway differs from central.
    #[serde(default)]
    pub mismatch: Option<SetupMismatch>,
}

/// The packages as they lie on the disk.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PackagesOnDisk {
    /// So many are whole, as far as their descriptions say.
    pub held: u64,
    /// Deliveries of those that are not, each with what was seen.
    pub broken: Vec<(String, PackageFlaw)>,
    /// What no further run mends: of which delivery, and why.
    pub judged: Vec<(Bad, String, ReportedFault)>,
    /// Every byte was read.
    pub deep: bool,
}

impl Holdings {
    /// What it means, check by check.
    pub fn judge(&self) -> Vec<(Check, CheckFinding)> {
        let now = &self.standing;
        let mut found = Vec::new();
        if let Some(Finding { code, cause }) = &now.intake {
            let check = match code.is(Area::State) {
                true => Check::State,
                false => Check::Disk,
            };
            let why = ReportedFault::because(code, cause.clone());
            let summary = HoldingsMessage::AnswersNotKept { why };
            found.push((check, CheckFinding::fail(code, summary)));
        }
        found.push((Check::Catalogue, self.catalogue()));
        let packages = self.packages();
        if let Some((free, reserve)) = now.disk
            && DiskRoom::of(free, reserve) != DiskRoom::Enough
            && packages.code == Code::PackageIncomplete
        {
            let (free, reserve) = (Bytes(free), Bytes(reserve));
            let summary = HoldingsMessage::NoRoom { free, reserve };
            found.push((Check::Disk, CheckFinding::fail(Code::DiskReserve, summary)));
        }
        let told_packages = packages.code.clone();
        found.push((Check::Packages, packages));
        let encryption = self.encryption();
        let told_encryption = encryption.code.clone();
        found.push((Check::Encryption, encryption));
        let reports = match &self.reports {
            Ok(reports) => reports,
            Err(told) => {
                found.extend([Check::Spool, Check::History].map(|check| (check, told.fails())));
                return found;
            }
        };
        let mut spool = self.spool(reports);
        let waits = self.encryption.waits.as_ref();
        if waits.is_some_and(|waits| spool.code == waits.code || spool.code == Code::ResultsStuck) {
            spool = spool.follows(told_encryption.clone());
        }
        let told_intake = now.intake.as_ref().map(|intake| &intake.code);
        let told = [
            Some(&told_packages),
            Some(&told_encryption),
            Some(&spool.code),
            told_intake,
        ];
        let told: Vec<&CodeName> = told.into_iter().flatten().collect();
        let runs = runs::history(reports, &told);
        let copies = now.copies.iter().flat_map(CopyStanding::notices);
        let room = now.room.iter().flat_map(RoomStanding::notices);
        let copies: Vec<Finding> = copies.chain(room).collect();
        let spool = match copies.first() {
            Some(notice) if spool.status == CheckStatus::Pass => {
                told_notice(notice).detail(spool.summary)
            }
            _ => spool,
        };
        found.push((Check::Spool, spool));
        let mut notices = now.notices.iter().filter(|notice| !copies.contains(notice));
        let history = match notices.next() {
            Some(notice) => told_notice(notice).detail(runs.summary),
            None => runs,
        };
        found.push((Check::History, history));
        let (download, upload) = self.expected;
        found.push((Check::Speed, runs::speed(reports, download, upload)));
        found
    }

    fn catalogue(&self) -> CheckFinding {
        match &self.unreadable {
            Err(told) => return told.fails(),
            Ok(0) => {}
            Ok(count) => {
                let summary = HoldingsMessage::UnreadableEntities { count: *count };
                return CheckFinding::fail(Code::StoreDamaged, summary);
            }
        }
        let now = &self.standing;
        let shown = &now.catalogue;
        if shown.complete_at.is_none() {
            return CheckFinding::fail(Code::CatalogueIncomplete, HoldingsMessage::Incomplete);
        }
        let organisation = shown.organisation.clone();
        if let Some(own) = now.other_organisation() {
            let summary = HoldingsMessage::OtherOrganisation {
                held: organisation,
                own: own.to_owned(),
            };
            return CheckFinding::fail(Code::CatalogueOtherOrganisation, summary);
        }
        let finding = if shown.count("delivery") == 0 {
            let summary = HoldingsMessage::NoDelivery { organisation };
            CheckFinding::warn(Code::CatalogueEmpty, summary)
        } else if shown.contradicted > 0 && shown.held_back == shown.taken_back {
            let count = shown.contradicted;
            let summary = HoldingsMessage::Contradicted { count };
            CheckFinding::warn(Code::CentralContradicts, summary)
        } else if shown.held_back > 0 {
            let count = shown.held_back;
            CheckFinding::warn(Code::CatalogueHeldBack, HoldingsMessage::HeldBack { count })
        } else if let Some(days) = now.days_old() {
            CheckFinding::warn(Code::CatalogueOld, HoldingsMessage::Old { days })
        } else {
            CheckFinding::pass(Check::Catalogue, HoldingsMessage::Complete { organisation })
        };
        finding.detail(holds(shown))
    }

    fn packages(&self) -> CheckFinding {
        let packages = match &self.packages {
            Err(told) => return told.fails(),
            Ok(packages) => packages,
        };
        let now = &self.standing;
        if let Some(Finding { code, cause }) = &now.trouble {
            // What could not be counted is not "none".
            return CheckFinding::fail(code, ReportedFault::because(code, cause.clone()));
        }
        let stock = &now.packages;
        if !packages.broken.is_empty() {
            let (count, held) = (packages.broken.len() as u64, packages.held);
            let each = packages.broken.iter().cloned();
            let each =
                each.map(|(delivery, flaw)| HoldingsMessage::DamagedPackage { delivery, flaw });
            let summary = HoldingsMessage::Damaged { count, held };
            return CheckFinding::fail(Code::PackageDamaged, summary).details(each);
        }
        if let Some(finding) = bad_on_central(&packages.judged, stock) {
            return finding;
        }
        let (held, wanted) = (stock.held, stock.wanted);
        let lacking = wanted.saturating_sub(held);
        if wanted == 0 {
            return CheckFinding::skip(Check::Packages, SkipReason::NothingNamed);
        }
        match lacking {
            0 if packages.deep => CheckFinding::pass(
                Check::Packages,
                HoldingsMessage::HeldChecked { held, wanted },
            ),
            0 => CheckFinding::pass(Check::Packages, HoldingsMessage::Held { held, wanted }),
            count if count <= stock.absent && held == 0 => {
                CheckFinding::fail(Code::PackageMissing, HoldingsMessage::Absent { count })
            }
            count if count <= stock.absent => {
                let summary = HoldingsMessage::HeldOthersAbsent { held, wanted };
                CheckFinding::warn(Code::PackageMissing, summary)
            }
            _ => {
                let begun = match stock.coming {
                    0 => HoldingsMessage::NoneBegun,
                    coming => HoldingsMessage::Begun {
                        coming,
                        left: Bytes(stock.bytes_left),
                    },
                };
                let summary = HoldingsMessage::Held { held, wanted };
                CheckFinding::fail(Code::PackageIncomplete, summary).detail(begun)
            }
        }
    }

    fn spool(&self, reports: &[Report]) -> CheckFinding {
        let now = &self.standing;
        if let Some(unread) = &now.unread {
            let told = ReportedFault::because(Code::DiskFailing, unread.cause.clone());
            return CheckFinding::fail(Code::DiskFailing, told);
        }
        let owed = now.owed.unwrap_or_default();
        let mut told = owed::spool(owed, now.held_up.as_ref(), &self.aside, reports, now.now);
        // Whose they are, where that is known beside the names of the files.
        let ids = now.lost.iter().filter(|id| !self.aside.contains(id));
        if told.code == Code::ResultsQuarantined {
            let ids = ids.map(|id| Message::from(Names::of([id])));
            told.detail.splice(0..0, ids);
        }
        told
    }

    /// Whether what is owed could go, before there is any; and the key with which nobody on the box can read it.
    fn encryption(&self) -> CheckFinding {
        let EncryptionStatus {
            key,
            waits,
            mismatch,
        } = &self.encryption;
        match (waits, mismatch, key) {
            (Some(waits), ..) => {
                let now = &self.standing;
                let held_up = now.held_up.as_ref();
                let held_up = held_up.filter(|held_up| held_up.code == waits.code);
                let count = now.owed.unwrap_or_default().waiting;
                let waiting = held_up.map(|_| HoldingsMessage::NotTaken { count });
                CheckFinding::warn(&waits.code, waits.clone()).details(waiting)
            }
            (None, Some(differs), _) => {
                let summary = HoldingsMessage::from(*differs);
                CheckFinding::warn(Code::GatewayEncryption, summary)
            }
            (None, None, Some(key)) => {
                let key = key.clone();
                CheckFinding::pass(Check::Encryption, HoldingsMessage::Enclosed { key })
            }
            (None, None, None) => CheckFinding::skip(Check::Encryption, SkipReason::NotEncrypted),
        }
    }
}

/// What the catalogue holds, keeps and hides.
fn holds(shown: &ShownCatalogue) -> HoldingsMessage {
    let entities = WireCounts(shown.entities.clone());
    let (kept, hidden) = (ByType(shown.kept.clone()), ByType(shown.hidden.clone()));
    match (kept.0.is_empty(), hidden.0.is_empty()) {
        (true, true) => HoldingsMessage::Holds { entities },
        (false, true) => HoldingsMessage::HoldsWithKept { entities, kept },
        (true, false) => HoldingsMessage::HoldsWithHidden { entities, hidden },
        (false, false) => HoldingsMessage::HoldsWithBoth {
            entities,
            kept,
            hidden,
        },
    }
}

/// What no further run mends: the worst kind by its code, each package with its member.
fn bad_on_central(judged: &[(Bad, String, ReportedFault)], stock: &Stock) -> Option<CheckFinding> {
    let kinds = [
        (stock.cached, Bad::Cached),
        (stock.unsupported, Bad::Unsupported),
        (stock.broken, Bad::Damaged),
    ];
    let (count, bad) = kinds.into_iter().find(|(count, _)| *count > 0)?;
    let wanted = stock.wanted;
    let summary = match bad {
        Bad::Cached => HoldingsMessage::Cached { count, wanted },
        Bad::Unsupported => HoldingsMessage::Unchecked { count, wanted },
        _ => HoldingsMessage::DamagedOnCentral { count, wanted },
    };
    let of_it = judged.iter().filter(|(finding, ..)| *finding == bad);
    let each = of_it.map(|(_, delivery, why)| HoldingsMessage::JudgedPackage {
        delivery: delivery.clone(),
        why: why.clone(),
    });
    let code = bad.code().unwrap_or(Code::PackageDamaged);
    Some(CheckFinding::fail(code, summary).details(each))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;
    use crate::health::standing::OwedCounts;
    use crate::language::Localized;
    use crate::words::{Outcome, SyncParams};

    pub(super) fn report(queued: u64, outcome: Outcome) -> Report {
        let params = SyncParams {
            organisation_id: "1".into(),
            sync_id: 4,
            box_id: "b".into(),
            tao_version: "2022.11".into(),
        };
        let mut report = Report::new(&params, 0);
        report.results.queued = queued;
        report.connection.download_mbit_s = 2.0;
        if outcome != Outcome::Finished {
            report.stop(&Fault::new(Code::NetDns, "no address").ending(outcome));
        }
        report
    }

    /// What would hold up a result is told before there is one, and nothing else is hidden by it.
    #[test]
    fn a_central_that_gives_no_key_is_told_before_something_is_owed() {
        let encryption = |key: Option<&str>, code: Option<Code>, mismatch| EncryptionStatus {
            key: key.map(str::to_owned),
            waits: code.map(|code| ReportedFault::new(code, "no key")),
            mismatch,
        };
        let (missing, differs) = (
            Some(Code::CentralKeyMissing),
            Some(SetupMismatch::CentralPlain),
        );
        let (pass, skip, warn) = (CheckStatus::Pass, CheckStatus::Skip, CheckStatus::Warn);
        let table = [
            (
                encryption(None, None, None),
                skip,
                Code::CentralEncrypted,
                "central is not known to encrypt",
            ),
            (
                encryption(Some("1f"), None, None),
                pass,
                Code::CentralEncrypted,
                "results are encrypted with central's public key 1f",
            ),
            (
                encryption(Some("1f"), missing, None),
                warn,
                Code::CentralKeyMissing,
                "no key",
            ),
            (
                encryption(None, missing, differs),
                warn,
                Code::CentralKeyMissing,
                "no key",
            ),
            (
                encryption(None, None, differs),
                warn,
                Code::GatewayEncryption,
                "the TAO on this box has taoEncryption",
            ),
        ];
        for (encryption, status, code, summary) in table {
            let queued = 3;
            let waits = encryption.waits.is_some();
            let holdings = Holdings {
                standing: BoxStanding {
                    owed: Some(OwedCounts {
                        queued,
                        ..OwedCounts::default()
                    }),
                    ..BoxStanding::default()
                },
                unreadable: Ok(0),
                packages: Ok(PackagesOnDisk::default()),
                reports: Ok(vec![report(queued, Outcome::Finished); 3]),
                aside: Vec::new(),
                expected: (0.0, 0.0),
                encryption,
            };
            let judged = holdings.judge();
            let of = |wanted| judged.iter().find(|(check, _)| *check == wanted);
            let (_, told) = of(Check::Encryption).unwrap();
            assert_eq!((told.status, &told.code), (status, &code.into()));
            let english = told.summary.english();
            assert!(english.starts_with(summary), "{english}");
            // Nothing that is owed is hidden by it, unless it is the cause.
            let (_, spool) = of(Check::Spool).unwrap();
            assert_eq!(spool.code, Code::ResultsStuck);
            assert_eq!(spool.follows.is_some(), waits);
        }
    }
}
