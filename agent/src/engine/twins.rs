//! Which deliveries hold the same package, and what was found out about editions.
//! Never decides what follows from it: that is `logic::download`.
//! Called by `download`, which executes it, and by `link`.

use std::collections::{BTreeMap, BTreeSet};

use logic::download::Twin;
use logic::fault::{Cause, Fault};
use logic::package::{EditionFinding, Judged};
use logic::zip::PackageIdentity;

use super::link::Link;
use system::clock;
use vault::package::{Meta, PackageStore};

/// The deliveries by the edition that is held for each: one test may be published twice, and a cache that ignores the
/// query gives one package for all.
#[derive(Debug, Default)]
pub(super) struct Twins(BTreeMap<PackageIdentity, BTreeSet<String>>);

impl Twins {
    /// Reads what is held.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn read(packages: &PackageStore) -> Result<Self, Fault> {
        let mut twins = Self::default();
        for meta in packages.list()?.0.iter().filter(|meta| !meta.damaged) {
            twins.add(meta);
        }
        Ok(twins)
    }

    fn add(&mut self, meta: &Meta) {
        if let Some(edition) = meta.identity() {
            let deliveries = self.0.entry(edition).or_default();
            deliveries.insert(meta.delivery.clone());
        }
    }

    /// A package is nobody's any more: what another delivery has in common with it says nothing.
    pub(super) fn forget(&mut self, delivery: &str) {
        for deliveries in self.0.values_mut() {
            deliveries.remove(delivery);
        }
    }

    /// A package has become visible.
    pub(super) fn held(&mut self, meta: &Meta) {
        self.forget(&meta.delivery);
        self.add(meta);
    }

    /// Other deliveries that hold this edition.
    fn of(&self, edition: PackageIdentity, but: &str) -> Vec<String> {
        let deliveries = self.0.get(&edition).into_iter();
        let others = deliveries.flatten().filter(|delivery| *delivery != but);
        others.cloned().collect()
    }
}

/// Whether the held package needs no look at all: no other delivery holds the same, or central itself has confirmed it.
pub(super) fn is_settled(link: &Link, held: &Meta) -> bool {
    let Some(edition) = held.identity() else {
        return true;
    };
    link.twins.borrow().of(edition, &held.delivery).is_empty() || is_confirmed(link, held)
}

fn is_confirmed(link: &Link, held: &Meta) -> bool {
    let judged = link.packages.judged(&held.delivery);
    judged.is_some_and(|judged| {
        judged.finding == EditionFinding::Confirmed && held.identity() == Some(judged.identity())
    })
}

/// Other deliveries that hold this edition.
pub(super) fn of(link: &Link, edition: PackageIdentity, but: &str) -> Vec<Twin> {
    let others = link.twins.borrow().of(edition, but).into_iter();
    let twin = |delivery: String| {
        let held = link.packages.held(&delivery).ok().flatten();
        let confirmed = held.is_none_or(|meta| is_confirmed(link, &meta));
        Twin {
            delivery,
            confirmed,
        }
    };
    others.map(twin).collect()
}

/// The held package of a delivery is not its own: it is fetched again.
///
/// # Errors
/// What the file system says.
pub(super) fn mark_damaged(link: &Link, delivery: &str) -> Result<(), Fault> {
    if let Some(meta) = link.packages.held(delivery)? {
        link.packages.mark_damaged(&meta)?;
        link.twins.borrow_mut().forget(delivery);
    }
    Ok(())
}

/// Keeps what was found out about an edition.
///
/// # Errors
/// What the file system says.
pub(super) fn judge(
    packages: &PackageStore,
    delivery: &str,
    edition: PackageIdentity,
    finding: EditionFinding,
    cause: Cause,
) -> Result<(), Fault> {
    let judged = Judged {
        delivery: delivery.to_owned(),
        size: edition.size,
        tail: edition.tail,
        finding,
        cause,
        at: clock::now().wall,
    };
    // Found again at every run, where nothing can be done about it: not written again.
    let known = packages.judged(delivery).map(|known| Judged {
        at: judged.at,
        ..known
    });
    if known.as_ref() != Some(&judged) {
        packages.judge(&judged)?;
    }
    Ok(())
}
