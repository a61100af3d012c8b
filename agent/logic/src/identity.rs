//! Who this box is to central: its id, the counter of its synchronizations, what enrolment brought (protocol 2, 3).
//! Never forgets a counter: a number that central has seen for a box id is never used again.
//! Called by `engine` and `cli`; kept sealed by `vault`.

use serde::{Deserialize, Serialize};

use crate::entity::{Entity, uri};
use crate::fault::{Code, EnrolCause, Fault, Id};
use crate::fingerprint::Fingerprint;

/// The identity of this box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoxIdentity {
    /// At most 50 characters; made once.
    pub box_id: String,
    /// The number of the last synchronization begun.
    pub sync_id: u64,
    /// What the machine looks like that the id belongs to.
    pub fingerprint: Fingerprint,
    /// The id of the box that this one was copied from, if it was.
    pub copied_from: Option<String>,
}

impl BoxIdentity {
    /// A new identity from 10 random bytes: 20 hex digits.
    pub fn new(random: [u8; 10], fingerprint: Fingerprint) -> Self {
        let box_id = random.iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            box_id,
            sync_id: 0,
            fingerprint,
            copied_from: None,
        }
    }
}

/// Which of two copies counts. Both are written together, and a cut may leave the second one newer: of one box the
/// higher number counts. Another box id is written by a box that found itself copied, or by an earlier boxsync, which
/// knows the first copy alone: then that one counts, and what was cut off is done again.
pub fn newer(first: BoxIdentity, second: BoxIdentity) -> BoxIdentity {
    if second.box_id == first.box_id && second.sync_id > first.sync_id {
        second
    } else {
        first
    }
}

/// What is known of an identity of which no copy opens, from what else names the box: the number and the id of a run.
/// `None` when nothing does.
pub fn recovered(
    seen: &[(u64, &str)],
    configured: Option<&str>,
    fingerprint: Fingerprint,
) -> Option<BoxIdentity> {
    let named = seen.iter().filter(|(_, box_id)| !box_id.is_empty());
    let (sync_id, box_id) = named.max_by_key(|(sync_id, _)| *sync_id)?;
    Some(BoxIdentity {
        box_id: configured.unwrap_or(box_id).to_owned(),
        sync_id: *sync_id,
        fingerprint,
        copied_from: None,
    })
}

/// What enrolment or import brought.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// OAuth client id.
    pub key: String,
    /// OAuth client secret.
    pub secret: String,
    /// Absolute token URL as central stated it.
    pub token_url: String,
    /// The sync manager, password hash included; `None` after an import.
    pub sync_user: Option<Entity>,
    /// Unix seconds.
    pub enrolled_at: i64,
}

impl std::fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "Enrolment({})", self.key)
    }
}

impl Enrolment {
    /// The organisations that the sync manager belongs to.
    pub fn organisations(&self) -> Vec<&str> {
        self.sync_user
            .iter()
            .flat_map(|user| user.properties.values(uri::ORGANISATION))
            .collect()
    }
}

/// The organisation of the box: the configured one, else the only one that enrolment brought, else the one of several
/// that was chosen.
///
/// # Errors
/// `config.no_organisation`, which says why there is none and what to do.
pub fn organisation(
    configured: Option<&str>,
    enrolment: Option<&Enrolment>,
    chosen: impl FnOnce() -> Option<String>,
) -> Result<String, Fault> {
    if let Some(id) = configured {
        return Ok(id.to_owned());
    }
    let ids = enrolment.map(Enrolment::organisations).unwrap_or_default();
    match ids.as_slice() {
        [only] => Ok((*only).to_owned()),
        several => {
            let is_named = |id: &String| several.is_empty() || several.contains(&id.as_str());
            if let Some(chosen) = enrolment.and_then(|_| chosen()).filter(is_named) {
                return Ok(chosen);
            }
            let cause = match several {
                [] => EnrolCause::NoOrganisation,
                several => EnrolCause::Organisations {
                    ids: Id::all(several),
                },
            };
            Err(Fault::new(Code::ConfigNoOrganisation, cause))
        }
    }
}

/// The VM version of the box: the configured one, else `IMAGE_VERSION` of os-release(5).
///
/// # Errors
/// `config.no_version`.
pub fn version(configured: Option<&str>, os_release: &str) -> Result<String, Fault> {
    let image = || {
        let line = os_release
            .lines()
            .find_map(|line| line.trim().strip_prefix("IMAGE_VERSION="))?;
        let version = line.trim().trim_matches(['"', '\'']);
        (!version.is_empty()).then(|| version.to_owned())
    };
    configured
        .map(str::to_owned)
        .or_else(image)
        .ok_or_else(|| Fault::new(Code::ConfigNoVersion, EnrolCause::NoVersion))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::Value;

    fn enrolment(organisations: Value) -> Enrolment {
        let properties = [(uri::ORGANISATION.to_owned(), organisations)]
            .into_iter()
            .collect();
        let user = Entity {
            id: "u".into(),
            checksum: "c".into(),
            properties,
        };
        Enrolment {
            key: "k".into(),
            secret: "s".into(),
            token_url: "t".into(),
            sync_user: Some(user),
            enrolled_at: 0,
        }
    }

    fn held(box_id: &str, sync_id: u64) -> BoxIdentity {
        BoxIdentity {
            box_id: box_id.into(),
            sync_id,
            fingerprint: Fingerprint::default(),
            copied_from: None,
        }
    }

    #[test]
    fn of_two_copies_the_newer_one_counts_and_a_number_never_goes_back() {
        let table = [
            ("the same", ("a", 7), ("a", 7), ("a", 7)),
            (
                "cut before the first was renamed",
                ("a", 7),
                ("a", 8),
                ("a", 8),
            ),
            (
                "written by an earlier boxsync",
                ("a", 9),
                ("a", 7),
                ("a", 9),
            ),
            ("a copied box, cut in between", ("a", 7), ("b", 0), ("a", 7)),
            (
                "a copied box of an earlier boxsync",
                ("b", 0),
                ("a", 7),
                ("b", 0),
            ),
        ];
        for (what, first, second, counts) in table {
            let newer = newer(held(first.0, first.1), held(second.0, second.1));
            assert_eq!((newer.box_id.as_str(), newer.sync_id), counts, "{what}");
        }
    }

    #[test]
    fn a_lost_identity_is_known_from_the_runs_of_the_box() {
        let of = |seen: &[(u64, &str)]| recovered(seen, None, Fingerprint::default());
        assert_eq!(of(&[(7, "a"), (8, "a"), (9, "")]), Some(held("a", 8)));
        assert_eq!(of(&[(0, "")]), None);
        assert_eq!(of(&[]), None);
        let named = recovered(&[(7, "a")], Some("c"), Fingerprint::default());
        assert_eq!(named, Some(held("c", 7)));
    }

    #[test]
    fn the_organisation_is_configured_or_the_only_one() {
        let one = enrolment(Value::One("1001".into()));
        let two = enrolment(Value::Many(["1001", "1002"].iter().collect()));
        assert_eq!(organisation(Some("7"), Some(&one), || None).unwrap(), "7");
        assert_eq!(organisation(None, Some(&one), || None).unwrap(), "1001");
        assert!(
            organisation(None, Some(&two), || None)
                .unwrap_err()
                .reason()
                .contains("1001, 1002")
        );
        assert_eq!(
            organisation(None, None, || None).unwrap_err().code,
            Code::ConfigNoOrganisation
        );
        let chosen = |id: &str, of: &Enrolment| organisation(None, Some(of), || Some(id.into()));
        assert_eq!(chosen("1002", &two).unwrap(), "1002");
        assert_eq!(chosen("1002", &one).unwrap(), "1001");
        // Another manager has taken the place of the one that it was chosen from.
        assert!(chosen("7", &two).is_err());
    }

    #[test]
    fn the_version_is_configured_or_the_image_s() {
        let release = "NAME=x\nIMAGE_VERSION=\"2022.11\"\n";
        assert_eq!(version(None, release).unwrap(), "2022.11");
        assert_eq!(version(Some("3.4"), release).unwrap(), "3.4");
        assert_eq!(
            version(None, "NAME=x").unwrap_err().code,
            Code::ConfigNoVersion
        );
    }
}
