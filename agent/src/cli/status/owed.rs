//! The rows of `status` about what is owed, and what of it leaves the box sealed: second copies and the site key.
//! Never looks at the place of the copies: what the daemon saw there is told.
//! Called by `status`.

use logic::health::verdict::{BoxStanding, Kinds};
use logic::language::figure::Seconds;
use logic::language::{Language, Localized};

use super::{Rows, ago};
use crate::cli::words::{self, StatusTerm, Term};

logic::sentences! {
    /// What stands in them.
    enum CopyTerm {
        Copies: "copies", "copies";
        Copied { copied: u64, owed: u64 }: "{copied} of {owed} copied", "{copied} sur {owed} copiés";
        CopiedSince { copied: u64, owed: u64, time: Seconds }:
            "{copied} of {owed} copied, the oldest waits {time}",
            "{copied} sur {owed} copiés, le plus ancien attend depuis {time}";
        Room: "siblings", "autres box";
        SiteKey: "site key", "clé de site";
    }
}

/// How many of what is owed have a copy, and how long the oldest of the others waits for it; the fingerprint of the key.
pub(super) fn rows(rows: &mut Rows, standing: &BoxStanding) {
    let told = |copied: u64, owed: u64, oldest_at: Option<i64>| match oldest_at {
        Some(at) => {
            let time = Seconds(u64::try_from(standing.now - at).unwrap_or(0));
            CopyTerm::CopiedSince { copied, owed, time }
        }
        None => CopyTerm::Copied { copied, owed },
    };
    if let Some(copies) = &standing.copies {
        let told = told(copies.copied, copies.owed, copies.oldest_at);
        rows.add(CopyTerm::Copies, told);
    }
    if let Some(room) = &standing.room {
        rows.add(CopyTerm::Room, told(room.copied, room.owed, room.oldest_at));
    }
    if let Some(print) = &standing.site_key {
        rows.add(CopyTerm::SiteKey, print.clone());
    }
}

/// What is owed, in one line.
pub(super) fn results(standing: &BoxStanding, language: Language) -> String {
    let Some(owed) = &standing.owed else {
        return Term::NotKnownYet.localized(language);
    };
    let of = |kinds: Kinds, count: u64| match kinds == Kinds::default() {
        // The row is of results.
        true => count.to_string(),
        false => words::items(&kinds.each(count), language),
    };
    let mut told = Vec::new();
    if owed.queued > 0 {
        let items = of(owed.queued_kinds, owed.queued);
        told.push(StatusTerm::Waiting { items });
    }
    if owed.refused > 0 {
        let items = of(owed.refused_kinds, owed.refused);
        told.push(StatusTerm::Refused { items });
    }
    if owed.unconfirmed > 0 {
        let items = of(owed.unconfirmed_kinds, owed.unconfirmed);
        told.push(StatusTerm::Unconfirmed { items });
    }
    if owed.open > 0 {
        told.push(StatusTerm::Open { count: owed.open });
    }
    if owed.held > 0 {
        told.push(StatusTerm::HeldItems { count: owed.held });
    }
    if owed.carried > 0 {
        let count = owed.carried;
        let since = ago(language, owed.carried_at, standing.now);
        told.push(StatusTerm::Carried { count, since });
    }
    if owed.set_aside > 0 {
        let count = owed.set_aside;
        told.push(StatusTerm::SetAside { count });
    }
    if owed.lost > 0 {
        told.push(StatusTerm::Lost { count: owed.lost });
    }
    if told.is_empty() {
        told.push(StatusTerm::NothingOwed);
    }
    let told: Vec<String> = told.iter().map(|one| one.localized(language)).collect();
    told.join(", ")
}
