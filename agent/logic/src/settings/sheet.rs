//! The configuration on paper: in force with origins, as a documented file, as JSON.
//! Never a secret: no key holds one.
//! Called by `config`, by the manual page boxsync.toml(5) and by the test that holds docs/configuration.md.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json, json};

use super::key::{KEYS, SECTIONS};
use super::{Origin, Settings};

/// Width of a documentation line.
const WIDTH: usize = 96;

/// One key as documents describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyDescription {
    /// Its name in the file.
    pub name: &'static str,
    /// What it does, one sentence or two.
    pub meaning: &'static str,
    /// The default as TOML; none for a key that may be absent.
    pub default: Option<&'static str>,
    /// A legal value as TOML.
    pub example: &'static str,
    /// The environment variable that overrides it.
    pub variable: String,
}

/// The sections in the order of a printed configuration, what each is about, and its keys.
pub fn describe() -> Vec<(&'static str, &'static str, Vec<KeyDescription>)> {
    let keys_of = |section: &str| {
        let keys = KEYS.iter().filter(|key| key.section == section);
        let keys = keys.map(|key| KeyDescription {
            name: key.name,
            meaning: key.doc,
            default: key.default,
            example: key.example,
            variable: key.variable(),
        });
        keys.collect()
    };
    SECTIONS
        .iter()
        .map(|(name, about)| (*name, *about, keys_of(name)))
        .collect()
}

impl Settings {
    /// The configuration in force as TOML, each key with where its value comes from. Reading it again gives the
    /// same settings.
    pub fn explain(&self) -> String {
        let mut out = String::from("# boxsync: the configuration in force\n");
        for (section, _) in SECTIONS {
            let _ = write!(out, "\n[{section}]\n");
            for (key, origin) in KEYS.iter().zip(&self.origins) {
                if key.section != section {
                    continue;
                }
                let name = key.name;
                let _ = match (key.show)(self) {
                    Some(value) => writeln!(out, "{name} = {value}  # {origin}"),
                    None => writeln!(out, "#{name} is not set  # {origin}"),
                };
            }
        }
        out
    }

    /// What somebody set, as TOML: reading it gives the same values. No note of the files, which may hold anything.
    pub fn kept(&self) -> String {
        let mut out = String::from(
            "# boxsync: the last configuration that was good; written by the daemon\n",
        );
        for (section, _) in SECTIONS {
            let set = KEYS.iter().zip(&self.origins);
            let set =
                set.filter(|(key, origin)| key.section == section && **origin != Origin::Default);
            let lines: Vec<String> = set
                .filter_map(|(key, _)| Some(format!("{} = {}\n", key.name, (key.show)(self)?)))
                .collect();
            if !lines.is_empty() {
                let _ = write!(out, "\n[{section}]\n{}", lines.concat());
            }
        }
        out
    }

    /// The configuration in force as one JSON object: `settings.<section>.<key>` with `value` (null when absent) and
    /// `origin`.
    pub fn json(&self) -> Json {
        let mut sections = Map::new();
        for (key, origin) in KEYS.iter().zip(&self.origins) {
            let value = (key.show)(self).map_or(Json::Null, |v| v.json());
            let entry = json!({ "value": value, "origin": origin.to_string() });
            let section = sections
                .entry(key.section)
                .or_insert_with(|| Json::Object(Map::new()));
            section[key.name] = entry;
        }
        json!({ "schema": 1, "settings": sections })
    }

    /// The default file: every key with its meaning and its default, none of them in force.
    pub fn document() -> String {
        let mut out = String::new();
        paragraph(
            &mut out,
            "boxsync: every key, what it means and its default. Remove the # before a key to change it. Files in \
             boxsync.d/*.toml override this one key by key, the environment variable BOXSYNC_<SECTION>_<KEY> overrides \
             both. An empty text takes back a key that has no default. Secrets never stand here.",
        );
        for (section, about) in SECTIONS {
            out.push('\n');
            paragraph(&mut out, about);
            let _ = writeln!(out, "[{section}]");
            for key in KEYS.iter().filter(|key| key.section == section) {
                out.push('\n');
                paragraph(&mut out, key.doc);
                if key.default.is_none() {
                    paragraph(&mut out, "Not set by default; for example:");
                }
                let value = key.default.unwrap_or(key.example);
                let _ = writeln!(out, "#{} = {value}", key.name);
            }
        }
        out
    }
}

/// Text as comment lines of at most `WIDTH` columns.
fn paragraph(out: &mut String, text: &str) {
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            let _ = writeln!(out, "{line}");
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(out, "{line}");
}
