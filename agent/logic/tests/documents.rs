//! The documents: links and citations lead somewhere, what is made from a table equals it; README and sources stay short.
//! Never judges what a document says.
//! Run by `cargo test -p logic`; `BOXSYNC_SNAPSHOTS=1` writes docs/configuration.md anew.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use logic::settings;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    let whole = repository().join(path);
    fs::read_to_string(&whole).unwrap_or_else(|error| panic!("{}: {error}", whole.display()))
}

/// Files below a folder of the repository whose names end so; neither what is built nor what is hidden.
fn files(folder: &str, endings: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(repository().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = folder.join(&name);
            let kind = entry.file_type().unwrap();
            if kind.is_dir()
                && !["target", "dist"].contains(&name.as_str())
                && !name.starts_with('.')
            {
                folders.push(path);
            } else if kind.is_file() && endings.iter().any(|ending| name.ends_with(ending)) {
                let path = path.to_str().unwrap();
                found.push(path.trim_start_matches("./").to_owned());
            }
        }
    }
    found.sort();
    found
}

fn documents() -> Vec<String> {
    let documents = files(".", &[".md"]);
    let ours = documents
        .into_iter()
        .filter(|path| path.starts_with("docs/") || !path.contains('/'));
    ours.collect()
}

/// The name by which a link finds a heading, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let letters = heading.trim_start_matches('#').trim().chars();
    let kept = letters.filter_map(|letter| match letter {
        ' ' => Some('-'),
        '-' | '_' => Some(letter),
        letter if letter.is_alphanumeric() => Some(letter.to_ascii_lowercase()),
        _ => None,
    });
    kept.collect()
}

/// Lines of a document that stand outside of fenced code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter(|line| line.starts_with('#'));
    headings.map(anchor).collect()
}

/// The targets of `[text](target)`, outside of code.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in prose(text) {
        let plain = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        let mut rest = plain.as_str();
        while let Some(at) = rest.find("](") {
            rest = &rest[at + 2..];
            if let Some(end) = rest.find(')') {
                found.push(rest[..end].to_owned());
            }
        }
    }
    found
}

#[test]
fn every_link_leads_somewhere() {
    let mut dead = Vec::new();
    let mut followed = 0;
    for document in documents() {
        let text = read(&document);
        for link in links(&text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            followed += 1;
            let (path, place) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => repository().join(&document),
                path => repository().join(&document).parent().unwrap().join(path),
            };
            let there = match place {
                "" => target.exists(),
                place => {
                    fs::read_to_string(&target).is_ok_and(|text| anchors(&text).contains(place))
                }
            };
            if !there {
                dead.push(format!("{document}: {link}"));
            }
        }
    }
    assert!(followed > 50, "{followed}");
    assert_eq!(dead, Vec::<String>::new());
}

/// What a text cites after a word: `protocol 7.5`, `design 4.2`, `protocol A.4`; also the second of `protocol 5.3, 5.4`.
fn cited(text: &str, word: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let own = !rest[..at].ends_with(|letter: char| letter.is_alphanumeric());
        rest = &rest[at + word.len()..];
        if !own || !rest.starts_with(' ') {
            continue;
        }
        let mut list = &rest[1..];
        loop {
            let end = list
                .find(|letter: char| !letter.is_ascii_digit() && letter != '.' && letter != 'A')
                .unwrap_or(list.len());
            let number = list[..end].trim_end_matches('.');
            let begins = number.starts_with(|letter: char| letter.is_ascii_digit())
                || number.starts_with("A.");
            if !begins {
                break;
            }
            found.push(number.to_owned());
            let Some(next) = [", ", " and ", " to "]
                .iter()
                .find_map(|and| list[end..].strip_prefix(and))
            else {
                break;
            };
            // Only what looks like a section is one: "design 4.1, 600 lines".
            let section = next
                .split(|letter: char| !letter.is_ascii_digit() && letter != '.')
                .next();
            if !section.is_some_and(|section| section.trim_end_matches('.').contains('.')) {
                break;
            }
            list = next;
        }
    }
    found
}

/// Numbers of the headings of a document: `## 7 Results`, `### 7.5 Idempotence`, `## Appendix A`, `### A.4 States`.
fn sections(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter(|line| line.starts_with('#'));
    let numbers = headings.filter_map(|line| {
        let line = line.trim_start_matches('#').trim();
        let line = line.strip_prefix("Appendix ").unwrap_or(line);
        line.split(' ').next().map(str::to_owned)
    });
    numbers.collect()
}

#[test]
fn every_cited_section_exists() {
    let mut dead = Vec::new();
    for (word, document, least) in [
        ("protocol", "docs/protocol.md", 200),
        ("design", "docs/design.md", 20),
    ] {
        let sections = sections(&read(document));
        let mut count = 0;
        for path in files(
            ".",
            &[".rs", ".md", ".toml", ".catalog", ".service", ".json"],
        ) {
            for number in cited(&read(&path), word) {
                count += 1;
                if !sections.contains(&number) {
                    dead.push(format!("{path}: {word} {number}"));
                }
            }
        }
        assert!(count > least, "{word}: {count}");
    }
    assert_eq!(dead, Vec::<String>::new());
}

#[test]
fn citations_are_found_as_they_are_written() {
    for (text, expected) in [
        ("(protocol 7.5)", &["7.5"][..]),
        ("protocol 0.1, 5.3 and 7.", &["0.1", "5.3"]),
        ("protocol 9.1 to 9.3.", &["9.1", "9.3"]),
        ("protocol A.4", &["A.4"]),
        ("protocol 6; 3 tries", &["6"]),
        ("the protocol itself, RFC 9110 5.5", &[]),
        ("protocol 4.1, 600 lines", &["4.1"]),
    ] {
        assert_eq!(cited(text, "protocol"), expected, "{text}");
    }
}

#[test]
fn every_document_that_a_source_names_exists() {
    let mut dead = Vec::new();
    for path in files(".", &[".rs", ".md", ".toml", ".service"]) {
        let text = read(&path);
        for (at, _) in text.match_indices("docs/") {
            // Not part of a longer path or of an address.
            if text[..at]
                .ends_with(|letter: char| letter.is_alphanumeric() || "/.-".contains(letter))
            {
                continue;
            }
            let named: String = text[at..]
                .chars()
                .take_while(|letter| letter.is_ascii_alphanumeric() || "/.-_".contains(*letter))
                .collect();
            let named = named.trim_end_matches('.');
            // A decision may be cited by its number.
            let number = named
                .strip_prefix("docs/decisions/")
                .filter(|number| !number.is_empty());
            let there = repository().join(named).exists()
                || number.is_some_and(|number| {
                    files("docs/decisions", &[".md"])
                        .iter()
                        .any(|path| path.contains(number))
                });
            if !there {
                dead.push(format!("{path}: {named}"));
            }
        }
    }
    assert_eq!(dead, Vec::<String>::new());
}

/// The most lines of a source (CONTRIBUTING).
const SOURCE_LINES: usize = 600;

#[test]
fn no_source_is_longer_than_the_rule_allows() {
    let sources = files(".", &[".rs"]);
    assert!(sources.len() > 400, "{} sources", sources.len());
    let long: Vec<String> = sources
        .iter()
        .map(|path| (path, read(path).lines().count()))
        .filter(|(_, lines)| *lines > SOURCE_LINES)
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "over {SOURCE_LINES}: {long:#?}");
}

#[test]
fn the_readme_is_short_and_has_its_two_commands() {
    let readme = read("README.md");
    let lines = readme.lines().count();
    assert!(lines <= 120, "{lines} lines");
    for command in ["scripts/demo", "scripts/test"] {
        let stands = readme.lines().any(|line| line.starts_with(command));
        assert!(stands, "{command}");
        assert!(repository().join(command).exists());
    }
    // Without it a box of plain Debian is enrolled and then says `config.no_version`.
    let version = readme.find("tao_version = ").unwrap();
    assert!(version < readme.find("boxsync enroll").unwrap());
}

fn configuration() -> String {
    let mut page = String::from(
        "# Configuration\n\nMade from the table of keys (`logic/src/settings/key.rs`) by a test; do not edit it by hand. On a box: \
         `man boxsync.toml`,\n`boxsync config show` for what is in force. Precedence: the environment, then \
         `/etc/boxsync/boxsync.d/*.toml` in the order of\ntheir names, then `/etc/boxsync/boxsync.toml`, then the default.\n\nA \
         duration is a number with s, m, h or d (`90s`, `1h30m`), a size a number with kB, MB, GB, KiB, MiB or GiB. An empty text\ntakes \
         back a key that has no default. A key that is not known is an error. Secrets never stand here: a key names the file.\n",
    );
    let cell = |text: &str| text.replace('|', "\\|");
    for (section, about, keys) in settings::describe() {
        let _ = write!(
            page,
            "\n## [{section}]\n\n{about}\n\n| Key | Default | Meaning | Environment |\n|---|---|---|---|\n"
        );
        for key in keys {
            let default = match key.default {
                Some(default) => format!("`{}`", cell(default)),
                None => format!("not set; e. g. `{}`", cell(key.example)),
            };
            let _ = writeln!(
                page,
                "| `{}` | {default} | {} | `{}` |",
                key.name,
                cell(key.meaning),
                key.variable
            );
        }
    }
    page
}

#[test]
fn the_configuration_on_paper_is_the_table_of_keys() {
    let path = repository().join("docs/configuration.md");
    let page = configuration();
    if std::env::var_os("BOXSYNC_SNAPSHOTS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let held = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        held == page,
        "docs/configuration.md is not what the table says: BOXSYNC_SNAPSHOTS=1 cargo nextest run -p logic documents"
    );
}
