//! Reads what the box holds and owes: catalogue, packages, results, last runs, the rate that the link carried.
//! Never repairs anything and never judges: `logic::health::holdings` does.
//! Called by `doctor` in a thread of its own, since disks may be slow.

use logic::fault::{Code, Fault, Finding};
use logic::gateway::setup::mismatch;
use logic::health::holdings::{EncryptionStatus, Holdings, PackagesOnDisk as Lying};
use logic::health::message::PackageFlaw;
use logic::outside;
use logic::package::EditionFinding as Bad;

use super::standing;
use crate::engine::{Engine, content};
use vault::catalogue::CatalogueStore;
use vault::package::PackageStore;
use vault::spool::Spool;

/// So many past runs are looked at.
const RECENT: usize = 20;

/// Looks at everything.
pub(super) fn read(engine: &Engine, deep: bool) -> Holdings {
    let link = &engine.settings().link;
    Holdings {
        standing: standing::take(engine),
        unreadable: unreadable(engine).map_err(Into::into),
        packages: packages(engine, deep).map_err(Into::into),
        reports: standing::reports(engine, RECENT).map_err(Into::into),
        aside: Spool::open(engine.vault()).map_or_else(|_| Vec::new(), |s| s.quarantined()),
        expected: (link.expected_download, link.expected_upload),
        encryption: encryption(engine),
    }
}

fn encryption(engine: &Engine) -> EncryptionStatus {
    let known = vault::encryption::standing(engine.vault());
    EncryptionStatus {
        key: known.fingerprint().map(|key| key.to_string()),
        waits: known.waits().map(Into::into),
        mismatch: mismatch(known.mode, &vault::encryption::tao(engine.vault())),
    }
}

fn unreadable(engine: &Engine) -> Result<u64, Fault> {
    let catalogue = CatalogueStore::open(engine.vault())?;
    let edition = catalogue.shown()?;
    Ok(standing::unreadable_entities(&catalogue, &edition) as u64)
}

fn packages(engine: &Engine, deep: bool) -> Result<Lying, Fault> {
    let packages = PackageStore::open(engine.vault())?;
    let (held, _) = packages.list()?;
    let mut broken = Vec::new();
    for meta in &held {
        if meta.damaged
            && packages
                .judged(&meta.delivery)
                .is_some_and(|j| j.finding == Bad::Cached)
        {
            // It was another delivery's: told as that.
            continue;
        }
        let sound = if meta.damaged {
            Err(PackageFlaw::Known)
        } else if deep {
            whole(&packages, meta)
        } else {
            packages
                .glance(meta)
                .map_err(|trouble| PackageFlaw::Told(trouble.into()))
        };
        if let Err(flaw) = sound {
            broken.push((outside::id(&meta.delivery), flaw));
        }
    }
    let judged = packages.all_judged()?.into_iter().map(|judged| {
        let code = judged.finding.code().unwrap_or(Code::PackageDamaged);
        let why = Finding::new(code, judged.cause).into();
        (judged.finding, outside::id(&judged.delivery), why)
    });
    Ok(Lying {
        held: held.len() as u64,
        broken,
        judged: judged.collect(),
        deep,
    })
}

fn whole(packages: &PackageStore, meta: &vault::package::Meta) -> Result<(), PackageFlaw> {
    let verdict = packages
        .content(meta)
        .and_then(|content| content::verify(&content))
        .map_err(|trouble| PackageFlaw::Told(trouble.into()))?;
    if verdict.clean() {
        return Ok(());
    }
    let members = verdict.bad.len() + verdict.unseen.len();
    Err(PackageFlaw::Members(members as u64))
}
