//! The manual pages: every verb, option and key is in them.
//! Never part of the product.
//! Run by `cargo test -p agent`.

use clap::CommandFactory;

use super::*;

/// Pages of systemd that ours refer to; everything else would be a dead reference.
const FOREIGN: [&str; 3] = ["journalctl(1)", "systemctl(1)", "systemd-creds(1)"];

fn page(page: ManualPage) -> String {
    roff(page, &super::super::Command::command())
}

fn plain(page: &str) -> String {
    page.replace("\\-", "-")
        .replace("\\fB", "")
        .replace("\\fR", "")
}

/// Every `name(section)` of a text.
fn references(text: &str) -> Vec<String> {
    let words = text.split(|c: char| c.is_whitespace() || ",;:".contains(c));
    words
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| {
            let ends = word.strip_suffix(')').and_then(|word| word.split_once('('));
            ends.is_some_and(|(name, section)| {
                !name.is_empty() && section.parse::<u8>().is_ok_and(|number| number < 9)
            })
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn no_reference_is_dead() {
    let own = ["boxsync(1)", "boxsync.toml(5)", "boxsync-codes(7)"];
    for which in ManualPage::value_variants() {
        let found = references(&plain(&page(*which)));
        assert!(!found.is_empty(), "{which:?}");
        for reference in found {
            let reference = reference.as_str();
            assert!(
                own.contains(&reference) || FOREIGN.contains(&reference),
                "{which:?} refers to {reference}"
            );
        }
    }
}

#[test]
fn the_first_page_has_every_verb_and_no_hidden_one() {
    let text = plain(&page(ManualPage::Verbs));
    let command = super::super::Command::command();
    for verb in command.get_subcommands() {
        let heading = format!(".SS \"boxsync {}", verb.get_name());
        let described = text.lines().any(|line| line.starts_with(&heading));
        assert_eq!(described, !verb.is_hide_set(), "{}", verb.get_name());
    }
    for line in [
        ".SS \"boxsync results submit [--kind KIND] FILES...\"",
        ".SS \"boxsync enroll --login LOGIN --password-file FILE [--add] [--organisation ID]\"",
        ".SS \"boxsync key rotate\"",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[test]
fn the_second_has_every_key_and_the_third_every_code() {
    let text = plain(&page(ManualPage::Settings));
    for (section, _, keys) in settings::describe() {
        assert!(text.contains(&format!(".SH \"[{section}]\"")), "{section}");
        for key in keys {
            assert!(
                text.contains(&format!(".TP\n{}\n", key.name)),
                "{}",
                key.name
            );
            assert!(text.contains(&key.variable), "{}", key.variable);
        }
    }
    let text = plain(&page(ManualPage::Codes));
    for code in Code::ALL {
        let name = code.name();
        assert!(
            text.contains(&format!(
                ".TP
{name}
"
            )),
            "{name}"
        );
    }
}

#[test]
fn the_pages_are_as_old_as_the_release() {
    let changes = include_str!("../../../../CHANGELOG.md");
    let heading = format!("## {} ({RELEASED})", env!("CARGO_PKG_VERSION"));
    assert!(changes.lines().any(|line| line == heading), "{heading}");
    let debian = include_str!("../../../../image/debian/changelog");
    let version = format!("boxsync ({}) ", env!("CARGO_PKG_VERSION"));
    assert!(debian.starts_with(&version), "{version}");
}

/// Skipped, with the reason, where mandoc is missing.
#[test]
fn mandoc_has_nothing_to_say() {
    use std::io::Write;
    use std::process::{Command, Stdio};
    for which in ManualPage::value_variants() {
        let started = Command::new("mandoc")
            .args(["-T", "lint", "-W", "all"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut mandoc) = started else {
            return eprintln!("skipped: mandoc is missing here");
        };
        let mut input = mandoc.stdin.take().unwrap();
        input.write_all(page(*which).as_bytes()).unwrap();
        drop(input);
        let said = mandoc.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&said.stdout).into_owned()
            + &String::from_utf8_lossy(&said.stderr);
        assert_eq!(said, "", "{which:?}");
    }
}
