//! Names: no two types of the workspace share one, unless they are the same idea in two layers.
//! Never judges a name by itself, and passes over the associated types that a trait of another crate asks for.
//! Run by `cargo test -p logic`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The same idea on both sides of the wire, which share no code: the product's, and that of the reference central.
const IN_TWO_LAYERS: [&str; 3] = ["Entity", "Fault", "Member"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.file_name().and_then(|name| name.to_str()) {
            Some("target") => {}
            _ if path.is_dir() => sources(&path, found),
            _ if path.extension().is_some_and(|extension| extension == "rs") => found.push(path),
            _ => {}
        }
    }
}

/// The types that a source declares: structs, enums, traits and unions anywhere, aliases outside of `impl` and `trait`.
fn declared(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    for line in source.lines() {
        let code = line.trim_start();
        let code = match code.strip_prefix("pub").map(str::trim_start) {
            Some(rest) => rest.strip_prefix('(').map_or(rest, |rest| {
                rest.split_once(')')
                    .map_or("", |(_, rest)| rest.trim_start())
            }),
            None => code,
        };
        let Some((word, rest)) = code.split_once(' ') else {
            continue;
        };
        let is_alias = word == "type" && !line.starts_with(' ');
        if is_alias || ["struct", "enum", "trait", "union"].contains(&word) {
            let letters = rest.chars();
            let name = letters.take_while(|c| c.is_alphanumeric() || *c == '_');
            names.push(name.collect::<String>());
        }
    }
    names.retain(|name| name.starts_with(|c: char| c.is_ascii_uppercase()));
    names
}

#[test]
fn declarations_are_found_as_they_are_written() {
    let source = "pub(in crate::spool) struct One<T>(T);\n    enum Two {\npub trait Three: Send {\ntype Four = u8;\n    type Item = u8;\n// struct Five\n";
    assert_eq!(declared(source), ["One", "Two", "Three", "Four"]);
}

#[test]
fn no_two_types_share_a_name() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut paths = Vec::new();
    for folder in ["agent", "tests"] {
        sources(&root.join(folder), &mut paths);
    }
    let mut types: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in paths {
        let source = fs::read_to_string(&path).unwrap();
        let place = path.strip_prefix(&root).unwrap().display().to_string();
        for name in declared(&source) {
            types.entry(name).or_default().push(place.clone());
        }
    }
    assert!(types.len() > 800, "{} types", types.len());
    types.retain(|_, places| places.len() > 1);
    let known = |name: &str, places: &[String]| {
        let central = places.iter().filter(|p| p.starts_with("tests/central/"));
        IN_TWO_LAYERS.contains(&name) && places.len() == 2 && central.count() == 1
    };
    types.retain(|name, places| !known(name, places));
    assert!(types.is_empty(), "{types:#?}");
}
