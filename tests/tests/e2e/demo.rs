//! `scripts/demo`, the first thing that a stranger runs: every step fits a terminal of 24 rows, it goes on where it was
//! killed, and ends with doctor and with what to try next.
//! Never builds anything: `scripts/test` has.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

/// The programs under test in one folder, as the script expects them.
fn programs(folder: &Path) {
    let own = std::env::current_exe().unwrap();
    let central = own.ancestors().nth(2).unwrap().join("central");
    assert!(
        central.is_file(),
        "{} is missing: cargo build --workspace --bins",
        central.display()
    );
    symlink(central, folder.join("central")).unwrap();
    symlink(e2e::binary(), folder.join("boxsync")).unwrap();
}

#[test]
fn every_step_fits_24_rows_and_ends_with_what_to_try_next() {
    let folder = tempfile::tempdir().unwrap();
    programs(folder.path());
    let log = folder.path().join("log");
    let file = fs::File::create(&log).unwrap();
    // As on a terminal: words and data in the order in which they are told.
    let status = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/demo"))
        .env("PROGRAMS", folder.path())
        .stdout(file.try_clone().unwrap())
        .stderr(file)
        .status()
        .unwrap();
    let told = fs::read_to_string(&log).unwrap();
    assert!(status.success(), "{told}");
    let steps: Vec<&str> = told.split("\n\u{1b}[1m== ").skip(1).collect();
    assert!(steps.len() >= 8, "{told}");
    for step in &steps {
        let rows: usize = step.lines().map(|line| 1 + line.chars().count() / 90).sum();
        assert!(rows <= 23, "{rows} rows and one for the prompt: {step}");
    }
    let after = |title: &str| {
        let found = steps.iter().find(|step| step.contains(title));
        *found.unwrap_or_else(|| panic!("{title}: {told}"))
    };
    assert!(after("Killed with SIGKILL").contains("NOT READY"), "{told}");
    assert!(
        after("goes on where it was").contains("packages       1 brought"),
        "{told}"
    );
    assert!(
        after("Central is switched off").contains("[net.refused]"),
        "{told}"
    );
    assert!(
        steps.last().unwrap().starts_with("What to try next"),
        "{told}"
    );
}
