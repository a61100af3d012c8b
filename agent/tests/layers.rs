//! The shape of the code, held by a test: every module of `agent` names only modules of lower layers. What is below them is
//! a crate each (`logic`, `system`, `uplink`, `vault`): there the compiler holds the arrows.
//! Never looks at anything but `crate::` paths in the sources.
//! Run by `cargo test -p agent`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// From the bottom up. Modules of one layer do not name each other.
const LAYERS: [&[&str]; 11] = [
    &["connections", "fixture", "texts"],
    &["copies", "host", "server"],
    &["site"],
    &["engine", "intake", "settings"],
    &["metrics", "worker"],
    &["doctor"],
    &["bundle"],
    &["gateway", "socket"],
    &["page"],
    &["daemon"],
    &["cli"],
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder)
        .expect("the sources are there")
        .filter_map(Result::ok)
    {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The module at the top that a file belongs to.
fn module(relative: &Path) -> String {
    let first = relative.iter().next().expect("a file has a name");
    first.to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// What a source names behind `crate::`, its tests apart.
fn named(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("a source is text");
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let word = |rest: &str| {
        let letters = rest.chars();
        letters
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    code.split("crate::").skip(1).map(word).collect()
}

#[test]
fn every_module_names_only_lower_layers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let rank: BTreeMap<&str, usize> = LAYERS
        .iter()
        .enumerate()
        .flat_map(|(rank, modules)| modules.iter().map(move |module| (*module, rank)))
        .collect();
    let mut paths = Vec::new();
    sources(&root, &mut paths);
    let (mut wrong, mut unknown) = (BTreeSet::new(), BTreeSet::new());
    for path in paths {
        let relative = path.strip_prefix(&root).expect("below the root");
        let module = module(relative);
        if ["lib", "main"].contains(&module.as_str()) {
            continue;
        }
        let Some(own) = rank.get(module.as_str()) else {
            unknown.insert(module);
            continue;
        };
        for named in named(&path) {
            match rank.get(named.as_str()) {
                Some(other) if *other < *own || named == module => {}
                Some(_) => {
                    wrong.insert(format!("{} names crate::{named}", relative.display()));
                }
                None => {}
            }
        }
    }
    assert!(unknown.is_empty(), "modules without a layer: {unknown:?}");
    assert!(wrong.is_empty(), "against the layers: {wrong:#?}");
}

#[test]
fn the_modules_of_logic_have_an_order() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("logic/src");
    let mut paths = Vec::new();
    sources(&root, &mut paths);
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in paths {
        let relative = path.strip_prefix(&root).expect("below the root");
        let module = module(relative);
        let mut others = named(&path);
        others.retain(|other| *other != module);
        names.entry(module).or_default().extend(others);
    }
    assert!(names.len() > 30, "the sources are there");
    // Whatever names nothing that is left comes next; a circle never does.
    let free = |names: &BTreeMap<String, BTreeSet<String>>| {
        let is_free =
            |others: &BTreeSet<String>| others.iter().all(|other| !names.contains_key(other));
        let found = names.iter().find(|(_, others)| is_free(others));
        found.map(|(module, _)| module.clone())
    };
    while let Some(module) = free(&names) {
        names.remove(&module);
    }
    assert!(names.is_empty(), "in a circle, or above one: {names:#?}");
}
