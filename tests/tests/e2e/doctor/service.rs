//! Boxes whose service, unit or configuration is broken: what systemd shows is given by a script, everything else is real.
//! Never asks this machine's systemd.
//! Rows of the table of `doctor`.

use std::fs;

use central::uri;
use e2e::Site;

use super::{BoxMade, Broken, after, at, broken, held, pair, small};

/// A box as its machine's root sees it, in a root folder of its own with a systemctl that tells this.
fn shown(text: &str, network: bool) -> BoxMade {
    let site = held();
    let tools = site.path("tools");
    fs::create_dir(&tools).unwrap();
    fs::write(tools.join("shown"), text).unwrap();
    let space = if network { "" } else { "unshare -n " };
    let script = format!(
        // By a process of its own: what this one writes, another that is started meanwhile may still hold open.
        "cp \"$1\" \"$2/tools/boxsync\"; printf '#!/bin/sh\\ncat /tools/shown\\n' > \"$2/tools/systemctl\"; \
         chmod 755 \"$2/tools/systemctl\"; mount --bind \"$2\" /mnt; mkdir -p /mnt/usr /mnt/proc /mnt/dev /mnt/tmp /mnt/run/systemd/system; \
         for folder in bin sbin lib lib64; do ln -sfn usr/$folder /mnt/$folder; done; \
         mount --rbind /usr /mnt/usr; mount --rbind /proc /mnt/proc; mount --rbind /dev /mnt/dev; \
         export PATH=/tools:/usr/bin:/bin; exec {space}/usr/sbin/chroot /mnt /tools/boxsync doctor --json"
    );
    match site.in_own_mounts(&script) {
        Some(ran) => BoxMade::Ran(ran),
        None => BoxMade::Skipped("a root folder of its own needs root"),
    }
}

fn unit(text: &str) -> BoxMade {
    shown(text, true)
}

/// A drop-in that root reads and the owner of the box does not.
fn unreadable_drop_in() -> BoxMade {
    let site = held();
    let folder = site.path("etc/boxsync/boxsync.d");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("50-site.toml"), "[sync]\nlanes = 2\n").unwrap();
    let script = "mount -t tmpfs -o mode=755 tmpfs /mnt; cp -a \"$2\" /mnt/box; cp \"$1\" /mnt/boxsync; \
                  chmod -R a+rX /mnt/box/etc; chmod 755 /mnt/box /mnt/box/var /mnt/box/var/lib; \
                  chown -R 33:33 /mnt/box/var/lib/boxsync; chmod 600 /mnt/box/etc/boxsync/boxsync.d/50-site.toml; \
                  exec /mnt/boxsync --root /mnt/box doctor --json";
    match site.in_own_mounts(script) {
        Some(ran) => BoxMade::Ran(ran),
        None => BoxMade::Skipped("another user needs root"),
    }
}

fn read_only() -> BoxMade {
    let site = held();
    let script = "mount --bind \"$3\" \"$3\"; mount -o remount,bind,ro \"$3\"; exec \"$1\" --root \"$2\" doctor --json";
    match site.in_own_mounts(script) {
        Some(ran) => BoxMade::Ran(ran),
        None => BoxMade::Skipped("a file system that is read-only needs root and mount namespaces"),
    }
}

/// Credentials that were made on central, for a box to which nobody told its organisation.
fn imported() -> BoxMade {
    let mut site = Site::new(small());
    site.unset("box", "organisation_id");
    let consumer = site.central.add_consumer(true);
    site.import_client(&consumer).exits(0);
    at(site)
}

fn of_two_organisations() -> BoxMade {
    let mut site = Site::new(small());
    site.unset("box", "organisation_id");
    let (login, password) = site.central.manager("1001").unwrap();
    let user = site.central.manager_uri("1001").unwrap();
    assert!(
        site.central
            .set_property(&user, uri::ORGANISATION, &["1001", "2002"])
    );
    site.enroll_as(&login, &password).exits(0);
    at(site)
}

pub(super) fn table() -> Vec<Broken> {
    vec![
        broken("the service is masked", "unit.masked", || {
            unit("LoadState=masked\nActiveState=inactive\nSubState=dead\nUnitFileState=masked\n")
        }),
        broken(
            "a drop-in of the unit has a mistake",
            "unit.unusable",
            || {
                unit(
                    "LoadState=bad-setting\nLoadError=org.freedesktop.systemd1.BadUnitSetting \"Unit boxsync.service has a bad unit file setting.\"\n\
                 ActiveState=inactive\nSubState=dead\nFragmentPath=/lib/systemd/system/boxsync.service\n\
                 DropInPaths=/etc/systemd/system/boxsync.service.d/override.conf\n",
                )
            },
        ),
        broken(
            "a file that the unit names is missing",
            "unit.unreadable",
            || {
                unit(
                    "LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=resources\n\
                 EnvironmentFiles=/etc/default/boxsync (ignore_errors=no)\n",
                )
            },
        ),
        broken(
            "the user of the service does not exist",
            "unit.failed",
            || {
                unit(
                    "LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=exit-code\nExecMainStatus=217\n",
                )
            },
        ),
        broken(
            "the watchdog has given up the service",
            "unit.failed",
            || {
                unit(
                    "LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=watchdog\nNRestarts=5\n",
                )
            },
        ),
        broken("the service was stopped", "unit.down", || {
            unit("LoadState=loaded\nActiveState=inactive\nSubState=dead\nUnitFileState=disabled\n")
        }),
        broken(
            "the service is restarted again and again",
            "unit.restarts",
            || {
                unit(
                    "LoadState=loaded\nActiveState=activating\nSubState=auto-restart\nNRestarts=12\nWatchdogUSec=2min\n",
                )
            },
        ),
        broken(
            "the owner of the box may not read a drop-in",
            "config.file",
            unreadable_drop_in,
        ),
        broken(
            "the volume has become read-only",
            "state.read_only",
            read_only,
        ),
        broken(
            "credentials without an organisation",
            "config.no_organisation",
            imported,
        ),
        broken(
            "the manager belongs to two organisations",
            "config.no_organisation",
            of_two_organisations,
        ),
        pair(
            "a new box on a plain system",
            &["config.no_version", "auth.not_enrolled"],
            || {
                let mut site = Site::new(small());
                site.unset("box", "tao_version");
                at(site)
            },
        ),
        pair(
            "masked, and without a network",
            &["unit.masked", "net.unreachable"],
            || {
                shown(
                    "LoadState=masked\nActiveState=inactive\nSubState=dead\n",
                    false,
                )
            },
        ),
        pair(
            "the key is gone, and central is down",
            &["key.sealed", "net.refused"],
            || {
                after(|site| {
                    fs::remove_file(site.state("boxsync.key")).unwrap();
                    site.central.set_listening(false);
                })
            },
        ),
        pair(
            "a damaged package, and central is down",
            &["net.refused", "package.damaged"],
            || {
                after(|site| {
                    let file = site.files_of("data").remove(0);
                    let mut bytes = fs::read(&file).unwrap();
                    let middle = bytes.len() / 2;
                    bytes[middle] ^= 1;
                    fs::write(&file, bytes).unwrap();
                    site.run(&["packages", "verify"]).exits(1);
                    site.central.set_listening(false);
                })
            },
        ),
        pair(
            "the clocks are three days apart, and the client is revoked",
            &["clock.wrong", "auth.refused"],
            || {
                after(|site| {
                    site.central.set_clock_offset(3 * 86_400 + 600);
                    for consumer in site.central.consumers() {
                        site.central.revoke_consumer(&consumer.key);
                    }
                })
            },
        ),
        pair(
            "a misspelt key, and the index store is damaged",
            &["config.unknown_key", "store.failed"],
            || {
                after(|site| {
                    site.set("sync", "intervall", "\"5m\"");
                    let files = site.files();
                    for file in files.iter().filter(|f| f.starts_with(site.state("index"))) {
                        fs::write(file, [0; 5_000]).unwrap();
                    }
                })
            },
        ),
    ]
}
