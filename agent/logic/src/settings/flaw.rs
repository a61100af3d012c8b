//! What can be wrong with a configuration, each with the place and the nearest right thing.
//! Never repeats a value that may be a secret.
//! Called by the reader of `settings`.

use std::cmp::Ordering;

use super::key::{KEYS, SECTIONS, SettingKey};
use super::value::SettingValue;
use crate::fault::{Cause, Code, Fault};

/// One finding: a stable code and a line for a person.
pub(super) struct SettingFlaw {
    code: Code,
    line: String,
}

impl SettingFlaw {
    pub(super) fn syntax(place: &str, message: &str) -> Self {
        let message = message.lines().collect::<Vec<_>>().join("; ");
        Self {
            code: Code::ConfigSyntax,
            line: format!("{place}: not TOML: {message}"),
        }
    }

    /// A key that is not in the table; `name` has its section where it was written.
    pub(super) fn unknown_key(place: &str, section: &str, name: &str) -> Self {
        let near = nearest_key(section, name);
        let line = if secret(name) {
            format!("{place}: {name:?} in [{section}]: {SECRETS}")
        } else if SECTIONS.iter().any(|(s, _)| *s == section) {
            let near = if near.section == section {
                format!("{:?}", near.name)
            } else {
                format!("{:?} in [{}]", near.name, near.section)
            };
            format!("{place}: unknown key {name:?} in [{section}]; the nearest known key is {near}")
        } else {
            format!(
                "{place}: unknown section [{section}] with key {name:?}; the nearest known key is {:?} in [{}]",
                near.name, near.section
            )
        };
        Self::unknown(line)
    }

    /// A section without a known name and without keys.
    pub(super) fn unknown_section(place: &str, section: &str) -> Self {
        let near = nearest(SECTIONS.iter(), |(name, _)| likeness(section, name));
        Self::unknown(format!(
            "{place}: unknown section [{section}]; the nearest known one is [{}]",
            near.0
        ))
    }

    /// A key above the first section.
    pub(super) fn without_section(place: &str, name: &str) -> Self {
        if secret(name) {
            return Self::unknown(format!("{place}: {name:?}: {SECRETS}"));
        }
        let near = nearest_key("", name);
        Self::unknown(format!(
            "{place}: unknown key {name:?} outside of a section; the nearest known key is {:?} in [{}]",
            near.name, near.section
        ))
    }

    /// A known section that is not a table.
    pub(super) fn not_a_section(place: &str, section: &str, found: &SettingValue) -> Self {
        Self {
            code: Code::ConfigValue,
            line: format!(
                "{place}: {section} is a section: expected a line [{section}] and its keys below it, got {}",
                found.shown()
            ),
        }
    }

    pub(super) fn unknown_variable(name: &str) -> Self {
        let line = if secret(&name.to_ascii_lowercase()) {
            format!("environment: {name}: {SECRETS}")
        } else {
            let near = nearest(KEYS.iter(), |key| likeness(name, &key.variable()));
            format!(
                "environment: unknown variable {name}; the nearest known one is {}",
                near.variable()
            )
        };
        Self::unknown(line)
    }

    pub(super) fn value(
        place: &str,
        key: &SettingKey,
        expected: &str,
        found: &SettingValue,
    ) -> Self {
        Self {
            code: Code::ConfigValue,
            line: format!(
                "{place}: [{}] {}: expected {expected}, got {}; for example {} = {}",
                key.section,
                key.name,
                found.shown(),
                key.name,
                key.example
            ),
        }
    }

    fn unknown(line: String) -> Self {
        Self {
            code: Code::ConfigUnknownKey,
            line,
        }
    }

    /// All findings as one failure; its code is that of the first.
    pub(super) fn told(flaws: &[Self]) -> Option<Fault> {
        let lines: Vec<_> = flaws.iter().map(|f| f.line.as_str()).collect();
        flaws.first().map(|f| trouble(f.code, lines.join("\n")))
    }
}

/// A failure of the configuration: a person has to act, exit status 2 (design 4.2).
pub(super) fn trouble(code: Code, cause: impl Into<Cause>) -> Fault {
    Fault::new(code, cause)
}

const SECRETS: &str = "a secret does not belong here. Remove it, then use `boxsync enroll --password-file` or \
                       `boxsync credentials import --secret-file`, a systemd credential, or for a proxy \
                       [central] proxy_password_file";

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
