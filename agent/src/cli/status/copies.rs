//! The rows of `status` about what leaves the box sealed: second copies and the site key.
//! Never looks at the place of the copies: what the daemon saw there is told.
//! Called by `status`.

use logic::health::verdict::BoxStanding;
use logic::language::figure::Seconds;

use super::Rows;

logic::sentences! {
    /// What stands in them.
    enum CopyTerm {
        Copies: "copies", "copies";
        Copied { copied: u64, owed: u64 }: "{copied} of {owed} copied", "{copied} sur {owed} copiés";
        CopiedSince { copied: u64, owed: u64, time: Seconds }:
            "{copied} of {owed} copied, the oldest waits {time}",
            "{copied} sur {owed} copiés, le plus ancien attend depuis {time}";
        SiteKey: "site key", "clé de site";
    }
}

/// How many of what is owed have a copy, and how long the oldest of the others waits for it; the fingerprint of the key.
pub(super) fn rows(rows: &mut Rows, standing: &BoxStanding) {
    if let Some(copies) = &standing.copies {
        let (copied, owed) = (copies.copied, copies.owed);
        let told = match copies.oldest_at {
            Some(at) => {
                let time = Seconds(u64::try_from(standing.now - at).unwrap_or(0));
                CopyTerm::CopiedSince { copied, owed, time }
            }
            None => CopyTerm::Copied { copied, owed },
        };
        rows.add(CopyTerm::Copies, told);
    }
    if let Some(print) = &standing.site_key {
        rows.add(CopyTerm::SiteKey, print.clone());
    }
}
