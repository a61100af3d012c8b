//! Completions in the shells themselves: bash, zsh and fish are asked what they offer for a command line.
//! Never compares scripts. A shell that is missing is skipped, with the reason.
//! Run by `cargo test -p e2e`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use central::Options;
use e2e::{Site, options};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/completions");

/// A shell with the script of the binary under test.
struct Shell {
    name: &'static str,
    folder: tempfile::TempDir,
}

impl Shell {
    /// `None` where the shell is missing.
    fn new(site: &Site, name: &'static str) -> Option<Self> {
        if Command::new(name).arg("--version").output().is_err() {
            eprintln!("skipped: {name} is missing here");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let script = site.run(&["completions", name]).exits(0).out;
        fs::write(folder.path().join("_boxsync"), script).unwrap();
        Some(Self { name, folder })
    }

    /// The words that it offers where the line ends.
    fn offers(&self, line: &str) -> BTreeSet<String> {
        let (folder, fixtures) = (self.folder.path(), Path::new(FIXTURES));
        let mut command = Command::new(self.name);
        match self.name {
            "bash" => command
                .arg(fixtures.join("complete.bash"))
                .arg(folder.join("_boxsync")),
            "zsh" => command
                .arg("-f")
                .arg(fixtures.join("complete.zsh"))
                .arg(folder),
            _ => command
                .args(["--no-config", "-c", "source $argv[1]; complete -C $argv[2]"])
                .arg(folder.join("_boxsync")),
        };
        let command = command.arg(line).current_dir(folder).env("HOME", folder);
        let ran = command.output().unwrap();
        let errors = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{}: {errors}", self.name);
        let words = String::from_utf8_lossy(&ran.stdout).into_owned();
        let words = words.lines().filter_map(|line| line.split('\t').next());
        // bash offers the options of a verb beside its values.
        let words = words.filter(|word| !word.is_empty() && !word.starts_with('-'));
        words.map(str::to_owned).collect()
    }
}

fn set(words: &str) -> BTreeSet<String> {
    words.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn shells_offer_values_and_no_verb_of_the_daemon() {
    let site = Site::new(Options {
        ..options(1, 1, (4_000, 4_000))
    });
    let types = "administrator delivery eligibility proctor test-center test-taker";
    let verbs = "carry clock completions config credentials doctor enroll entities help history identity key man organisation packages pause \
        rate results resume run site speed stats status sync update watch wipe";
    for name in ["bash", "zsh", "fish"] {
        let Some(shell) = Shell::new(&site, name) else {
            continue;
        };
        for (line, expected) in [
            ("boxsync ", verbs),
            ("boxsync st", "stats status"),
            ("boxsync entities ", types),
            ("boxsync sync --type ", types),
            (
                "boxsync results submit --kind ",
                "logs lti-users results sessions",
            ),
            ("boxsync man ", "boxsync boxsync-codes boxsync.toml"),
            ("boxsync completions ", "bash elvish fish powershell zsh"),
            ("boxsync doctor explain net.dn", "net.dns"),
            ("boxsync config ", "check defaults help show"),
        ] {
            assert_eq!(shell.offers(line), set(expected), "{name}: {line:?}");
        }
        let codes = shell.offers("boxsync doctor explain ");
        assert!(codes.len() > 100, "{name}: {codes:?}");
    }
}
