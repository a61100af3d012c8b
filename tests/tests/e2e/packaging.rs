//! The Debian package on a system of its own: an overlay over this machine's root, in a namespace that ends with the test.
//! Never installs anything on the machine itself. Skipped, with the reason, where that needs rights or tools that are
//! missing (root, dpkg, overlayfs).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// Makes the system; `on` runs a command in it as an unattended upgrade does: no terminal, nothing to read.
const SYSTEM: &str = r#"
set -u
mount -t tmpfs tmpfs "$HERE/system"
cd "$HERE/system"; mkdir above work root
mount -t overlay overlay -o lowerdir=/,upperdir=above,workdir=work root || exit 77
for of in proc dev; do mount --rbind /$of root/$of; done
cp "$HERE"/*.deb root/
on() { chroot "$HERE/system/root" env DEBIAN_FRONTEND=noninteractive "$@" </dev/null 2>&1; }
# Without flushes and without the index of all manual pages, which would take most of the time.
dpkg_on() { on dpkg --force-unsafe-io --no-triggers "$@"; }
config=$HERE/system/root/etc/boxsync/boxsync.toml
state=$HERE/system/root/var/lib/boxsync
"#;

/// What a script says on such a system; none where there can be none.
fn on_a_system(script: &str) -> Option<String> {
    on_a_system_with(|_| (), script)
}

/// The same, with more in its folder beside the packages.
fn on_a_system_with(more: fn(&Path), script: &str) -> Option<String> {
    let here = tempfile::tempdir().unwrap();
    fs::create_dir(here.path().join("system")).unwrap();
    released(here.path());
    built(here.path());
    more(here.path());
    let ran = Command::new("unshare")
        .args(["--mount", "bash", "-c", &format!("{SYSTEM}{script}")])
        .env("HERE", here.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    let errors = String::from_utf8_lossy(&ran.stderr);
    if matches!(ran.status.code(), Some(1 | 77)) && text.is_empty() {
        eprintln!("skipped: no overlay can be mounted here: {errors}");
        return None;
    }
    assert!(ran.status.success(), "{errors}{text}");
    Some(text)
}

fn run(command: &mut Command) {
    let ran = command.output().unwrap();
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{command:?}: {errors}");
}

/// The package of the release before: its scripts and its conffile as they were, a program that does nothing.
fn released(here: &Path) {
    let stage = here.join("released");
    let put = |from: &str, to: &str, mode: u32| {
        let to = stage.join(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(source(from), &to).unwrap();
        fs::set_permissions(&to, fs::Permissions::from_mode(mode)).unwrap();
    };
    for script in ["postinst", "postrm", "prerm"] {
        let from = format!("tests/fixtures/packaging/released/{script}");
        put(&from, &format!("DEBIAN/{script}"), 0o755);
    }
    put(
        "tests/fixtures/packaging/released/boxsync.toml",
        "etc/boxsync/boxsync.toml",
        0o644,
    );
    for (from, to) in [
        ("boxsync.service", "lib/systemd/system/boxsync.service"),
        ("boxsync.sysusers", "usr/lib/sysusers.d/boxsync.conf"),
        ("boxsync.tmpfiles", "usr/lib/tmpfiles.d/boxsync.conf"),
    ] {
        put(&format!("systemd/{from}"), to, 0o644);
    }
    fs::create_dir_all(stage.join("usr/bin")).unwrap();
    fs::write(stage.join("usr/bin/boxsync"), "#!/bin/sh\n").unwrap();
    fs::write(
        stage.join("DEBIAN/conffiles"),
        "/etc/boxsync/boxsync.toml\n",
    )
    .unwrap();
    let control = "Package: boxsync\nVersion: 0.0.9\nArchitecture: amd64\nMaintainer: x <x@example.org>\n\
        Depends: systemd (>= 252)\nDescription: the release before\n";
    fs::write(stage.join("DEBIAN/control"), control).unwrap();
    run(Command::new("dpkg-deb")
        .args(["--root-owner-group", "-Znone", "--build"])
        .arg(&stage)
        .arg(here.join("before.deb")));
}

/// Today's package, with the binary under test.
fn built(here: &Path) {
    let binary = here.join("boxsync");
    run(Command::new("strip")
        .arg("-o")
        .arg(&binary)
        .arg(e2e::binary()));
    run(Command::new(source("image/deb"))
        .env("BINARY", &binary)
        .env("OUT", here.join("out"))
        .env("COMPRESS", "none")
        .env("SOURCE_DATE_EPOCH", "1790000000"));
    let name = format!("out/boxsync_{}_amd64.deb", env!("CARGO_PKG_VERSION"));
    fs::rename(here.join(name), here.join("now.deb")).unwrap();
}

fn possible() -> bool {
    let root = nix::unistd::geteuid().is_root();
    let dpkg =
        Path::new("/var/lib/dpkg/status").exists() && Path::new("/usr/bin/dpkg-deb").exists();
    if !root || !dpkg {
        eprintln!("skipped: needs root and a Debian system");
    }
    root && dpkg
}

#[test]
fn an_unattended_upgrade_keeps_an_edited_configuration_and_never_asks() {
    if !possible() {
        return;
    }
    let script = r#"
dpkg_on -i before.deb >/dev/null; echo "before: $?"
sed -i 's|^#url = .*|url = "https://central.site.example/"|; s|^#interval = .*|interval = "45m"|' "$config"
cp "$config" edited
dpkg_on -i now.deb >log; echo "upgrade: $?"; cat log >&2
cmp "$config" edited && echo "edited: kept"
on boxsync config show | grep -E '^(url|interval) = '
dpkg_on -i now.deb >/dev/null; echo "again: $?"
cmp "$config" edited && echo "edited: kept again"
ls "$(dirname "$config")"
on dpkg-query -W -f '${Status}\n' boxsync; on systemctl is-enabled boxsync.service
"#;
    let Some(said) = on_a_system(script) else {
        return;
    };
    let expected = "before: 0\nupgrade: 0\nedited: kept\n\
        url = \"https://central.site.example/\"  # /etc/boxsync/boxsync.toml:11\n\
        interval = \"45m\"  # /etc/boxsync/boxsync.toml:61\n\
        again: 0\nedited: kept again\nboxsync.d\nboxsync.toml\ninstall ok installed\nenabled\n";
    assert_eq!(said, expected);
}

#[test]
fn a_configuration_nobody_edited_becomes_the_short_one_once() {
    if !possible() {
        return;
    }
    let script = r#"
dpkg_on -i before.deb >/dev/null; echo "before: $?"
dpkg_on -i now.deb >/dev/null; echo "upgrade: $?"
cat "$config"
stat -c '%a %U' "$config"
echo '[sync]' >>"$config"
dpkg_on -i now.deb >/dev/null; echo "again: $?"
tail -n 1 "$config"
on boxsync config check; echo "check: $?"
for page in 'man1/boxsync.1.gz' 'man5/boxsync.toml.5.gz' 'man7/boxsync-codes.7.gz'; do
  test -s "root/usr/share/man/$page" || echo "no $page"
done
"#;
    let Some(said) = on_a_system(script) else {
        return;
    };
    let template = fs::read_to_string(source("image/debian/boxsync.toml")).unwrap();
    assert!(template.lines().all(|line| line.starts_with('#')));
    let expected = format!("before: 0\nupgrade: 0\n{template}644 root\nagain: 0\n[sync]\n");
    let rest = said.strip_prefix(&expected).unwrap_or_else(|| {
        panic!("{said}");
    });
    // Sound, but for the address of central, which nobody gave.
    assert!(
        rest.contains("config.no_url") && rest.ends_with("check: 2\n"),
        "{rest}"
    );
}

#[test]
fn removal_and_purge_say_what_stays_and_keep_what_is_owed() {
    if !possible() {
        return;
    }
    let script = r#"
dpkg_on -i now.deb >/dev/null; echo "install: $?"
mkdir -p "$state/spool/done" "$state/quarantine" "$state/packages"
touch "$state/spool/owed-1.item" "$state/spool/owed-1.state" "$state/spool/done/sent-1.item" \
  "$state/quarantine/torn-1.item.2" "$state/boxsync.key" "$state/data.key" \
  "$state/packages/a.meta" "$state/packages/a.data" "$state/packages/b.meta" "$state/packages/b.data"
dpkg_on -r boxsync >log; echo "remove: $?"; grep '^boxsync:' log
test -e "$config" && echo "configuration: kept"
dpkg_on -P boxsync >log; echo "purge: $?"; grep '^boxsync:' log
test -e "$(dirname "$config")" || echo "configuration: gone"
(cd "$state" && find . -type f | sort)
dpkg_on -i now.deb >/dev/null; echo "install: $?"; test -e "$config" && echo "configuration: new"
rm -r "$state"
dpkg_on -P boxsync >log; echo "purge: $?"; grep '^boxsync:' log
true
"#;
    let Some(said) = on_a_system(script) else {
        return;
    };
    let stays = "boxsync: kept in /var/lib/boxsync: 2 results, logs or sessions that central has not acknowledged; \
        2 test packages, sealed; 2 key files; the catalogue and the credentials.\n\
        boxsync: install boxsync again to send what is owed (boxsync sync --results). To destroy everything: boxsync wipe \
        before the package is removed; afterwards, as root: rm -r /var/lib/boxsync\n";
    let files = "./boxsync.key\n./data.key\n./packages/a.data\n./packages/a.meta\n\
        ./packages/b.data\n./packages/b.meta\n./quarantine/torn-1.item.2\n./spool/done/sent-1.item\n\
        ./spool/owed-1.item\n./spool/owed-1.state\n";
    let expected = format!(
        "install: 0\nremove: 0\n{stays}configuration: kept\npurge: 0\n{stays}configuration: gone\n{files}\
         install: 0\nconfiguration: new\npurge: 0\n"
    );
    assert_eq!(said, expected);
}

/// Makes the repository out of the package of today, and one with the release before in the same place; a key of its own.
fn repository(here: &Path) {
    let home = here.join("gnupg");
    fs::create_dir(&home).unwrap();
    fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
    let key = "boxsync test <test@example.org>";
    run(Command::new("gpg").env("GNUPGHOME", &home).args([
        "--batch",
        "--quiet",
        "--passphrase",
        "",
        "--quick-generate-key",
        key,
        "ed25519",
        "sign",
        "never",
    ]));
    for (package, name) in [
        ("before.deb", "boxsync_0.0.9_amd64.deb".to_owned()),
        (
            "now.deb",
            format!("boxsync_{}_amd64.deb", env!("CARGO_PKG_VERSION")),
        ),
    ] {
        let folder = here.join("offered").join(package);
        fs::create_dir_all(&folder).unwrap();
        fs::copy(here.join(package), folder.join(name)).unwrap();
        // A release of the same second would be no newer index.
        let time = if package == "now.deb" {
            "1790000060"
        } else {
            "1790000000"
        };
        run(Command::new(source("image/repository"))
            .args(["test@example.org"])
            .arg(here.join("repository"))
            .env("GNUPGHOME", &home)
            .env("PACKAGES", &folder)
            .env("SOURCE_DATE_EPOCH", time));
        if package == "before.deb" {
            run(Command::new("cp")
                .arg("-r")
                .arg(here.join("repository"))
                .arg(here.join("repository-before")));
        }
    }
    run(Command::new("gpgconf")
        .env("GNUPGHOME", &home)
        .args(["--kill", "all"]));
}

#[test]
fn a_signed_repository_installs_upgrades_and_goes_back_and_a_changed_one_is_refused() {
    let tools = ["gpg", "apt-ftparchive"].map(|tool| Path::new("/usr/bin").join(tool));
    if !possible() || !tools.iter().all(|tool| tool.exists()) {
        eprintln!("skipped: needs root, a Debian system, gpg and apt-utils");
        return;
    }
    let script = r#"
cp -r "$HERE/repository-before" root/repository
cp root/repository/boxsync.asc root/etc/apt/keyrings/
echo 'deb [signed-by=/etc/apt/keyrings/boxsync.asc] file:/repository stable main' >root/etc/apt/boxsync.list
apt_on() {
  on apt-get -qq -o Dir::Etc::SourceList=/etc/apt/boxsync.list -o Dir::Etc::SourceParts=- -o APT::Get::List-Cleanup=false \
    -o DPkg::Options::=--force-unsafe-io -o DPkg::Options::=--no-triggers -o Acquire::Languages=none "$@"
}
version() { on dpkg-query -W -f '${Version}\n' boxsync; }
apt_on update; apt_on install -y boxsync >log || cat log; version
rm -r root/repository; cp -r "$HERE/repository" root/repository
apt_on update; apt_on install -y --only-upgrade boxsync >log || cat log; version
apt_on install -y --allow-downgrades boxsync=0.0.9 >log || cat log; version
# A package that was changed on its way, and an index that was.
printf x >>root/repository/pool/main/b/boxsync/boxsync_0.1.0_amd64.deb
apt_on install -y --only-upgrade boxsync >log && echo "a changed package was taken"; version
sed -i 's/^Version: 0.1.0/Version: 0.2.0/' root/repository/dists/stable/main/binary-amd64/Packages
rm root/repository/dists/stable/main/binary-amd64/Packages.gz
sed -i 's/^Date: .*/Date: Mon, 21 Sep 2026 15:00:00 +0000/' root/repository/dists/stable/InRelease
apt_on update >log; grep -q BADSIG log && echo 'a changed index: refused'; on apt-cache policy boxsync | grep -c '0\.2\.0'
true
"#
    .replace("0.1.0", env!("CARGO_PKG_VERSION"))
    ;
    let Some(said) = on_a_system_with(repository, &script) else {
        return;
    };
    let now = env!("CARGO_PKG_VERSION");
    assert_eq!(
        said,
        format!("0.0.9\n{now}\n0.0.9\n0.0.9\na changed index: refused\n0\n")
    );
}
