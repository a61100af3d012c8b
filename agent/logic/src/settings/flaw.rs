//! What can be wrong with a configuration, each with the place and the nearest right thing.
//! Never repeats a value that may be a secret.
//! Called by the reader of `settings`.

use std::cmp::Ordering;

use super::key::{KEYS, SECTIONS, SettingKey};
use super::value::SettingValue;
use crate::fault::{
    Code, ConfigCause, ConfigFlaw, ConfigFlaws, Fault, InSection, SettingForm, SettingPlace,
};

/// One finding: a stable code and what it is.
pub(super) struct SettingFlaw {
    code: Code,
    flaw: ConfigFlaw,
}

impl SettingFlaw {
    pub(super) fn syntax(place: SettingPlace, message: &str) -> Self {
        let message = message.lines().collect::<Vec<_>>().join("; ");
        let message = message.as_str().into();
        Self {
            code: Code::ConfigSyntax,
            flaw: ConfigFlaw::Syntax { place, message },
        }
    }

    /// A key that is not in the table; `name` has its section where it was written.
    pub(super) fn unknown_key(place: SettingPlace, section: &str, name: &str) -> Self {
        let near = nearest_key(section, name);
        let is_secret = secret(name);
        let name = quoted(name);
        let known = SECTIONS.iter().any(|(known, _)| *known == section);
        Self::unknown(match (is_secret, known) {
            (true, _) => ConfigFlaw::Secret {
                place,
                name,
                within: Some(within(section)),
            },
            (false, true) => ConfigFlaw::UnknownKey {
                place,
                name,
                section: section.to_owned(),
                near: quoted(near.name),
                within: (near.section != section).then(|| within(near.section)),
            },
            (false, false) => ConfigFlaw::KeyOfUnknownSection {
                place,
                section: section.to_owned(),
                name,
                near: quoted(near.name),
                within: within(near.section),
            },
        })
    }

    /// A section without a known name and without keys.
    pub(super) fn unknown_section(place: SettingPlace, section: &str) -> Self {
        let near = nearest(SECTIONS.iter(), |(name, _)| likeness(section, name));
        Self::unknown(ConfigFlaw::UnknownSection {
            place,
            section: section.to_owned(),
            near: near.0.to_owned(),
        })
    }

    /// A key above the first section.
    pub(super) fn without_section(place: SettingPlace, name: &str) -> Self {
        let near = nearest_key("", name);
        Self::unknown(match secret(name) {
            true => ConfigFlaw::Secret {
                place,
                name: quoted(name),
                within: None,
            },
            false => ConfigFlaw::WithoutSection {
                place,
                name: quoted(name),
                near: quoted(near.name),
                within: within(near.section),
            },
        })
    }

    /// A known section that is not a table.
    pub(super) fn not_a_section(place: SettingPlace, section: &str, found: &SettingValue) -> Self {
        Self {
            code: Code::ConfigValue,
            flaw: ConfigFlaw::NotASection {
                place,
                section: section.to_owned(),
                found: found.shown(),
            },
        }
    }

    pub(super) fn unknown_variable(name: &str) -> Self {
        let near = nearest(KEYS.iter(), |key| likeness(name, &key.variable()));
        let name = name.to_owned();
        Self::unknown(match secret(&name) {
            true => ConfigFlaw::Secret {
                place: SettingPlace::Environment,
                name,
                within: None,
            },
            false => ConfigFlaw::UnknownVariable {
                name,
                near: near.variable(),
            },
        })
    }

    pub(super) fn value(
        place: SettingPlace,
        key: &SettingKey,
        expected: SettingForm,
        found: &SettingValue,
    ) -> Self {
        Self {
            code: Code::ConfigValue,
            flaw: ConfigFlaw::Value {
                place,
                section: key.section.to_owned(),
                key: key.name.to_owned(),
                expected,
                found: found.shown(),
                example: key.example.to_owned(),
            },
        }
    }

    fn unknown(flaw: ConfigFlaw) -> Self {
        Self {
            code: Code::ConfigUnknownKey,
            flaw,
        }
    }

    /// All findings as one failure of which a person has to act, exit status 2 (design 4.2); its code is that of the
    /// first.
    pub(super) fn told(flaws: Vec<Self>) -> Option<Fault> {
        let code = flaws.first()?.code;
        let flaws = ConfigFlaws(flaws.into_iter().map(|told| told.flaw).collect());
        Some(Fault::new(code, ConfigCause::Wrong { flaws }))
    }
}

fn within(section: &str) -> InSection {
    InSection::Of {
        section: section.to_owned(),
    }
}

/// A name as it is written in TOML.
fn quoted(name: &str) -> String {
    format!("{name:?}")
}

/// Whether a key asks for a secret itself rather than for the file of one.
fn secret(name: &str) -> bool {
    let last = name.rsplit(['_', '-', '.']).next().unwrap_or(name);
    [
        "password",
        "passwd",
        "pass",
        "secret",
        "passphrase",
        "token",
    ]
    .iter()
    .any(|word| last.eq_ignore_ascii_case(word))
}

/// The most similar key; a name in another section outweighs a dissimilar one in the same.
fn nearest_key(section: &str, name: &str) -> &'static SettingKey {
    nearest(KEYS.iter(), |key| {
        4.0 * likeness(name, key.name) + likeness(section, key.section)
    })
}

fn likeness(written: &str, known: &str) -> f64 {
    strsim::normalized_damerau_levenshtein(&written.to_lowercase(), &known.to_lowercase())
}

/// The first of the best; the tables are never empty.
fn nearest<T>(mut items: impl Iterator<Item = T>, score: impl Fn(&T) -> f64) -> T {
    let first = items.next().expect("the tables of keys are not empty");
    let best = (score(&first), first);
    items
        .fold(best, |best, item| {
            let score = score(&item);
            match score.total_cmp(&best.0) {
                Ordering::Greater => (score, item),
                _ => best,
            }
        })
        .1
}
