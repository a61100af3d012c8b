//! What systemd itself says of the units, the catalog, the account and the folder that are installed with boxsync.
//! Skipped, with the reason on standard error, where systemd's tools are missing.
//! Run by `cargo test -p e2e`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// What the tool says; `None` where there is no such tool.
fn ask(tool: &str, arguments: &[&str]) -> Option<Output> {
    let asked = Command::new(tool)
        .args(arguments)
        .env("SYSTEMD_COLORS", "0")
        .output();
    match asked {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: {tool} is missing here");
            None
        }
        Err(error) => panic!("{tool}: {error}"),
    }
}

#[track_caller]
fn clean(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{errors}{text}");
    // systemd ends well on keys that it does not know: what it says is what counts.
    assert_eq!(errors, "");
    text
}

/// A path unit whose target ends with the service would see the file of the service that ends, start the target anew, and
/// the service with it: `systemctl stop` was cancelled. It stops with the service, and comes back with it.
#[test]
fn a_path_unit_stops_with_the_service_whose_files_it_watches() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../systemd");
    for name in ["boxsync-ready", "boxsync-not-ready"] {
        let lines = |kind: &str| -> Vec<String> {
            let text = fs::read_to_string(folder.join(format!("{name}.{kind}"))).unwrap();
            text.lines().map(str::to_owned).collect()
        };
        let has = |kind: &str, line: &str| lines(kind).iter().any(|one| one == line);
        assert!(has("target", "BindsTo=boxsync.service"), "{name}");
        assert!(has("target", "After=boxsync.service"), "{name}");
        assert!(has("path", "PartOf=boxsync.service"), "{name}");
        let wanted = "WantedBy=multi-user.target boxsync.service";
        assert!(has("path", wanted), "{name}");
    }
}

#[test]
fn every_unit_is_understood_by_systemd() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("boxsync");
    fs::write(&program, "").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    for unit in [
        "systemd/boxsync.service",
        "systemd/boxsync-ready.target",
        "systemd/boxsync-not-ready.target",
        "systemd/boxsync-ready.path",
        "systemd/boxsync-not-ready.path",
        "image/root/usr/lib/systemd/system/boxsync-clock.service",
        "image/root/usr/lib/systemd/system/boxsync-report.service",
    ] {
        // The one thing that may differ from the box: where the program lies.
        let text = fs::read_to_string(source(unit)).unwrap();
        let text = text.replace("/usr/bin/boxsync", program.to_str().unwrap());
        let copy = dir.path().join(Path::new(unit).file_name().unwrap());
        fs::write(&copy, text).unwrap();
        let copy = copy.to_str().unwrap();
        let Some(output) = ask("systemd-analyze", &["verify", "--man=no", copy]) else {
            return;
        };
        clean(&output);
    }
    // It is no empty word: a key that nobody knows is told.
    let wrong = dir.path().join("wrong.service");
    fs::write(
        &wrong,
        "[Service]\nExecStart=/bin/true\nProtectSystems=yes\n",
    )
    .unwrap();
    let output = ask(
        "systemd-analyze",
        &["verify", "--man=no", wrong.to_str().unwrap()],
    );
    assert!(String::from_utf8_lossy(&output.unwrap().stderr).contains("ProtectSystems"));
}

/// The signal of a running exam, and the note of a request without a mark: a program that is replaced finds both.
#[test]
fn what_only_a_boot_may_empty_outlives_a_restart_of_the_service() {
    let text = fs::read_to_string(source("systemd/boxsync.service")).unwrap();
    let has = |line: &str| text.lines().any(|own| own == line);
    assert!(has("RuntimeDirectory=boxsync") && has("RuntimeDirectoryPreserve=restart"));
}

#[test]
fn the_unit_is_exposed_by_at_most_one_and_a_half() {
    let unit = source("systemd/boxsync.service");
    // In tenths; the status says whether it is kept.
    let arguments = [
        "security",
        "--no-pager",
        "--offline=true",
        "--threshold=15",
        unit.to_str().unwrap(),
    ];
    if let Some(output) = ask("systemd-analyze", &arguments) {
        let text = clean(&output);
        assert!(text.contains("Overall exposure level"), "{text}");
    }
}

/// Running time and the signals of an exam are of a boot. With `ProcSubset=pid` the daemon cannot read its id, a verb that
/// is typed can, and each took the other's notes for those of another boot: running time grew by all of the uptime.
#[test]
fn the_service_can_read_the_id_of_its_boot() {
    let unit = fs::read_to_string(source("systemd/boxsync.service")).unwrap();
    let settings = unit.lines().map(str::trim);
    let subsets: Vec<&str> = settings
        .filter_map(|line| line.strip_prefix("ProcSubset="))
        .collect();
    assert!(subsets.iter().all(|subset| *subset == "all"), "{subsets:?}");
    let boot = "/proc/sys/kernel/random/boot_id";
    let hidden = ["InaccessiblePaths=", "TemporaryFileSystem="];
    let hides = |line: &&str| hidden.iter().any(|key| line.starts_with(key));
    let hides: Vec<&str> = unit.lines().filter(hides).collect();
    assert!(
        hides.iter().all(|line| !line.contains("/proc")),
        "{boot}: {hides:?}"
    );
}

#[test]
fn the_journal_finds_an_explanation_for_each_event() {
    let dir = tempfile::tempdir().unwrap();
    let catalogs = dir.path().join("usr/lib/systemd/catalog");
    fs::create_dir_all(&catalogs).unwrap();
    fs::create_dir_all(dir.path().join("var/lib/systemd/catalog")).unwrap();
    for name in ["boxsync.catalog", "boxsync.fr.catalog"] {
        fs::copy(source(&format!("systemd/{name}")), catalogs.join(name)).unwrap();
    }
    let root = format!("--root={}", dir.path().display());
    let Some(output) = ask("journalctl", &[&root, "--update-catalog"]) else {
        return;
    };
    clean(&output);
    let listed = clean(&ask("journalctl", &[&root, "--list-catalog"]).unwrap());
    let mut listed: Vec<&str> = listed.lines().collect();
    let table = fs::read_to_string(source("systemd/events.txt")).unwrap();
    let events = table.lines().filter(|line| !line.starts_with('#'));
    let mut expected: Vec<String> = events
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            format!("{} boxsync: {}", cells[0], cells[2])
        })
        .collect();
    listed.sort_unstable();
    expected.sort_unstable();
    assert_eq!(listed, expected);
    // A locale of that name is all that systemd asks for.
    let locale = dir.path().join("locale");
    fs::create_dir(&locale).unwrap();
    let named = locale.join("fr_LU.UTF-8");
    let arguments = ["-c", "-i", "POSIX", "-f", "UTF-8", named.to_str().unwrap()];
    // It complains of what such a locale leaves out, and makes it.
    if ask("localedef", &arguments).is_none() || !named.exists() {
        eprintln!("skipped: no locale can be made here");
        return;
    }
    let french = Command::new("journalctl")
        .args([&root, "--list-catalog"])
        .envs([
            ("LOCPATH", locale.to_str().unwrap()),
            ("LC_ALL", "fr_LU.UTF-8"),
        ])
        .output()
        .unwrap();
    let french = clean(&french);
    assert_eq!(french.lines().count(), expected.len());
    assert!(french.contains("boxsync: boxsync est prêt"), "{french}");
}

#[test]
fn the_account_and_its_folder_are_made_as_the_unit_expects_them() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("etc")).unwrap();
    let root = format!("--root={}", dir.path().display());
    let account = source("systemd/boxsync.sysusers");
    let account = account.to_str().unwrap();
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: accounts and their folders are made by root alone");
        return;
    }
    let Some(output) = ask("systemd-sysusers", &[&root, account]) else {
        return;
    };
    assert!(output.status.success(), "{output:?}");
    let users = fs::read_to_string(dir.path().join("etc/passwd")).unwrap();
    let entry = users.lines().find(|line| line.starts_with("boxsync:"));
    assert!(entry.is_some_and(|line| line.contains(":/var/lib/boxsync:")));
    let folder = source("systemd/boxsync.tmpfiles");
    let Some(output) = ask(
        "systemd-tmpfiles",
        &[&root, "--create", folder.to_str().unwrap()],
    ) else {
        return;
    };
    clean(&output);
    assert_eq!(e2e::mode(&dir.path().join("var/lib/boxsync")), 0o700);
}
