//! Whether new credentials may take the place of those before them.
//! Never lets credentials that were not tried replace others, nor those of another organisation.
//! Called by `engine` when the box is enrolled and when credentials are imported.

use crate::fault::{Code, EnrolCause, Fault, Id};
use crate::words::Outcome;

/// What the box knows of its organisation when new credentials come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KnownOrganisation<'a> {
    /// `organisation_id` of the configuration.
    pub configured: Option<&'a str>,
    /// The organisation whose catalogue the box holds.
    pub catalogue: Option<&'a str>,
    /// What the credentials before were made for; none without any.
    pub before: Option<&'a [&'a str]>,
}

/// What is asked of new credentials beside being good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EnrolWish<'a> {
    /// The organisation is to be added to those of the box.
    pub add: bool,
    /// Which one they are for, of several that they name.
    pub organisation: Option<&'a str>,
}

/// The organisation of the box that new credentials are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialsPlace {
    /// The first; where it was said which of several that is.
    First(Option<String>),
    /// One beside it, held already or new.
    Added(String),
}

impl KnownOrganisation<'_> {
    /// The organisation in force of the first; `None` where nothing tells it.
    fn in_force(&self) -> Option<&str> {
        let configured = self.before.and(self.configured);
        let only = match self.before {
            Some([only]) => Some(*only),
            _ => None,
        };
        self.catalogue.or(configured).or(only)
    }

    /// Whose credentials for these organisations are to be. `added`: those that the box has beside the first.
    ///
    /// | they are for | `add` | |
    /// |---|---|---|
    /// | one that was added before, and the first would not take them | – | that one's |
    /// | what the first takes (`admits`) | no | the first's |
    /// | the first's own organisation, or there is none yet | yes | the first's |
    /// | another one | yes | added |
    /// | another one | no | refused |
    /// | several or none, and it is not said which | yes | asked |
    ///
    /// # Errors
    /// `auth.other_organisation`; `config.no_organisation` where it has to be said which.
    pub fn place(
        &self,
        new: &[&str],
        added: &[&str],
        wish: EnrolWish,
    ) -> Result<CredentialsPlace, Fault> {
        let said = wish.organisation;
        if let Some(said) = said.filter(|said| !new.is_empty() && !new.contains(said)) {
            let cause = EnrolCause::OtherOrganisation {
                new: Id::all(new),
                own: said.to_owned(),
            };
            return Err(Fault::new(Code::AuthOtherOrganisation, cause));
        }
        let named: Vec<&str> = said.map_or_else(|| new.to_vec(), |said| vec![said]);
        let first = || Ok(CredentialsPlace::First(said.map(str::to_owned)));
        let admitted = self.admits(&named);
        let held = added.iter().find(|id| named.contains(id));
        if let Some(held) = held.filter(|_| admitted.is_err() || said.is_some()) {
            return Ok(CredentialsPlace::Added((*held).to_owned()));
        }
        if !wish.add {
            return admitted.and_then(|()| first());
        }
        let which = || {
            let cause = EnrolCause::WhichOrganisation { ids: Id::all(new) };
            Err(Fault::new(Code::ConfigNoOrganisation, cause))
        };
        match (self.in_force(), named.as_slice()) {
            (None, _) if self.before.is_none() => first(),
            (None, _) => Err(Fault::new(
                Code::ConfigNoOrganisation,
                EnrolCause::NoOrganisation,
            )),
            (Some(in_force), named) if named.contains(&in_force) => first(),
            (Some(_), [other]) => Ok(CredentialsPlace::Added((*other).to_owned())),
            (Some(_), _) => which(),
        }
    }

    /// Whether credentials for these organisations may be used on this box; none named means that nobody knows.
    ///
    /// | the new ones name | the box has | |
    /// |---|---|---|
    /// | none | – | yes |
    /// | the organisation in force | – | yes |
    /// | another | nothing yet, neither credentials nor catalogue | yes |
    /// | another | credentials of the same other one, overridden by the configuration | yes |
    /// | another | no credentials, and its catalogue's organisation is configured | yes |
    /// | another | credentials or a catalogue | no |
    ///
    /// # Errors
    /// `auth.other_organisation`.
    pub fn admits(&self, new: &[&str]) -> Result<(), Fault> {
        let Some(in_force) = self.in_force() else {
            return Ok(());
        };
        let same = |before: &[&str]| before.iter().any(|id| new.contains(id));
        let overridden = match self.before {
            Some(before) => same(before),
            None => self.configured == Some(in_force),
        };
        if new.is_empty() || new.contains(&in_force) || overridden {
            return Ok(());
        }
        let cause = EnrolCause::OtherOrganisation {
            new: Id::all(new),
            own: in_force.to_owned(),
        };
        Err(Fault::new(Code::AuthOtherOrganisation, cause))
    }
}

/// What is done with new credentials after they were tried; gives why they are stored untried, if they are.
///
/// | trial | others before | |
/// |---|---|---|
/// | central took them | – | stored |
/// | central does not know them | – | refused |
/// | their user lacks the role | none | stored, and said: central's operator can mend it |
/// | their user lacks the role | yes | refused |
/// | central could not be asked | none | stored, and said |
/// | central could not be asked | yes | refused, unless `insists` |
///
/// # Errors
/// Central's refusal, or `auth.untried`; the credentials before stay in force.
pub fn judge(
    trial: Result<(), Fault>,
    before: bool,
    insists: bool,
) -> Result<Option<Fault>, Fault> {
    match trial {
        Ok(()) => Ok(None),
        Err(trouble) if trouble.code == Code::AuthRole && !before => Ok(Some(trouble)),
        Err(trouble) if trouble.outcome == Outcome::Unauthorized => {
            Err(trouble.because(|why| match before {
                true => EnrolCause::RefusedReplacing { why },
                false => EnrolCause::RefusedFirst { why },
            }))
        }
        Err(trouble) if !before || insists => Ok(Some(trouble)),
        Err(trouble) => {
            let untried = Fault {
                code: Code::AuthUntried,
                ..trouble
            };
            Err(untried.because(|why| EnrolCause::Untried { why }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_worked_or_replaces_nothing_is_stored() {
        let trouble = |code| Fault::new(code, "why");
        let refused = trouble(Code::AuthRefused);
        let role = trouble(Code::AuthRole);
        let offline = trouble(Code::NetDns);
        let page = trouble(Code::CentralMaintenance);
        let table = [
            (Ok(()), false, false, Ok(None)),
            (Ok(()), true, false, Ok(None)),
            (Err(&refused), false, false, Err(Code::AuthRefused)),
            (Err(&refused), true, false, Err(Code::AuthRefused)),
            (Err(&refused), true, true, Err(Code::AuthRefused)),
            (Err(&role), false, false, Ok(Some(Code::AuthRole))),
            (Err(&role), true, false, Err(Code::AuthRole)),
            (Err(&offline), false, false, Ok(Some(Code::NetDns))),
            (Err(&offline), true, false, Err(Code::AuthUntried)),
            (Err(&offline), true, true, Ok(Some(Code::NetDns))),
            (Err(&page), false, false, Ok(Some(Code::CentralMaintenance))),
            (Err(&page), true, false, Err(Code::AuthUntried)),
        ];
        for (trial, before, insists, expected) in table {
            let judged = judge(trial.map_err(Fault::clone), before, insists);
            let codes = match &judged {
                Ok(told) => Ok(told.as_ref().map(|trouble| trouble.code)),
                Err(trouble) => Err(trouble.code),
            };
            assert_eq!(codes, expected, "{trial:?} {before} {insists}");
            if let Err(trouble) = judged {
                assert!(
                    trouble.reason().contains("why") && trouble.reason().contains("nothing was")
                );
            }
        }
    }

    #[test]
    fn another_organisation_is_not_let_onto_a_box_that_has_one() {
        let (a, b): (&[&str], &[&str]) = (&["A"], &["B"]);
        let none = KnownOrganisation::default();
        let table = [
            (none, a, true),
            (
                KnownOrganisation {
                    before: Some(a),
                    ..none
                },
                a,
                true,
            ),
            (
                KnownOrganisation {
                    before: Some(a),
                    ..none
                },
                b,
                false,
            ),
            (
                KnownOrganisation {
                    before: Some(a),
                    ..none
                },
                &["A", "B"],
                true,
            ),
            (
                KnownOrganisation {
                    before: Some(a),
                    ..none
                },
                &[],
                true,
            ),
            (
                KnownOrganisation {
                    before: Some(&["A", "B"]),
                    ..none
                },
                b,
                true,
            ),
            (
                KnownOrganisation {
                    before: Some(&[]),
                    ..none
                },
                b,
                true,
            ),
            // The configuration says which; it may differ from what the sync manager names.
            (
                KnownOrganisation {
                    configured: Some("A"),
                    ..none
                },
                b,
                true,
            ),
            (
                KnownOrganisation {
                    configured: Some("A"),
                    before: Some(a),
                    ..none
                },
                b,
                false,
            ),
            (
                KnownOrganisation {
                    configured: Some("A"),
                    before: Some(b),
                    ..none
                },
                b,
                true,
            ),
            (
                KnownOrganisation {
                    configured: Some("A"),
                    before: Some(&[]),
                    ..none
                },
                b,
                false,
            ),
            // A box without credentials that holds a catalogue, e.g. a copy.
            (
                KnownOrganisation {
                    catalogue: Some("A"),
                    ..none
                },
                b,
                false,
            ),
            (
                KnownOrganisation {
                    catalogue: Some("A"),
                    ..none
                },
                a,
                true,
            ),
            (
                KnownOrganisation {
                    catalogue: Some("A"),
                    configured: Some("A"),
                    ..none
                },
                b,
                true,
            ),
            (
                KnownOrganisation {
                    catalogue: Some("A"),
                    configured: Some("B"),
                    ..none
                },
                b,
                false,
            ),
            (
                KnownOrganisation {
                    catalogue: Some("A"),
                    configured: Some("B"),
                    before: Some(a),
                },
                b,
                false,
            ),
        ];
        for (known, new, admitted) in table {
            let told = known.admits(new);
            assert_eq!(told.is_ok(), admitted, "{known:?} {new:?}");
            if let Err(trouble) = told {
                assert!(trouble.reason().contains('A') && trouble.reason().contains('B'));
            }
        }
    }

    #[test]
    fn new_credentials_are_for_one_organisation_of_the_box() {
        let first = KnownOrganisation {
            before: Some(&["A"]),
            ..KnownOrganisation::default()
        };
        let new = KnownOrganisation::default();
        let unknown = KnownOrganisation {
            before: Some(&[]),
            ..new
        };
        // The configuration makes this box A's, with credentials of a manager of B.
        let forced = KnownOrganisation {
            configured: Some("A"),
            before: Some(&["B"]),
            ..new
        };
        let to_first = Ok(CredentialsPlace::First(None));
        let said = |id: &str| Ok(CredentialsPlace::First(Some(id.to_owned())));
        let to = |id: &str| Ok(CredentialsPlace::Added(id.to_owned()));
        let other = Err(Code::AuthOtherOrganisation);
        let which = Err(Code::ConfigNoOrganisation);
        let none: &[&str] = &[];
        type Row<'a> = (
            KnownOrganisation<'a>,
            &'a [&'a str],
            &'a [&'a str],
            (bool, Option<&'a str>),
            Result<CredentialsPlace, Code>,
        );
        let table: [Row; 22] = [
            // As before there were several.
            (new, &["A"], none, (false, None), to_first.clone()),
            (first, &["A"], none, (false, None), to_first.clone()),
            (first, &["A", "B"], none, (false, None), to_first.clone()),
            (first, none, none, (false, None), to_first.clone()),
            (first, &["B"], none, (false, None), other.clone()),
            // One is added, once it is known which.
            (first, &["B"], none, (true, None), to("B")),
            (forced, &["B"], none, (true, None), to("B")),
            (first, &["A", "B"], none, (true, Some("B")), to("B")),
            (first, &["B", "C"], none, (true, None), which.clone()),
            (first, none, none, (true, None), which.clone()),
            (first, none, none, (true, Some("B")), to("B")),
            (unknown, &["B"], none, (true, None), which.clone()),
            (new, &["A"], none, (true, None), to_first.clone()),
            (first, &["A"], none, (true, None), to_first.clone()),
            // One that was added gets new ones; the first is not touched.
            (first, &["B"], &["B"], (false, None), to("B")),
            (first, &["B"], &["B"], (true, None), to("B")),
            (first, &["A", "B"], &["B"], (false, None), to_first),
            (first, &["A", "B"], &["B"], (false, Some("B")), to("B")),
            (first, &["C"], &["B"], (false, None), other.clone()),
            // Which of several is said.
            (new, &["A", "B"], none, (false, Some("B")), said("B")),
            (first, &["A", "B"], none, (false, Some("A")), said("A")),
            (first, &["A", "B"], none, (false, Some("C")), other),
        ];
        for (known, new, added, (add, organisation), expected) in table {
            let placed = known.place(new, added, EnrolWish { add, organisation });
            let placed = placed.map_err(|trouble| trouble.code);
            assert_eq!(
                placed, expected,
                "{known:?} {new:?} {added:?} {add} {organisation:?}"
            );
        }
    }
}
