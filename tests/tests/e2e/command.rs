//! The command line: what it takes, what it prints, how it ends.
//! Never sees the product but as the built binary: central and the files of a box are all else.
//! Run by `cargo test -p e2e`.

use std::fs;

use central::{Kind, Options};
use e2e::{Site, options};

fn tiny() -> Site {
    Site::enrolled(options(3, 2, (4_000, 6_000)))
}

#[test]
fn every_screen_fits_eighty_columns_and_has_no_colour_in_a_file() {
    let site = tiny().held();
    for arguments in [
        &["status"][..],
        &["doctor"],
        &["doctor", "explain", "net.tls_issuer"],
        &["stats"],
        &["history"],
        &["entities"],
        &["packages"],
        &["results"],
        &["identity"],
        &["sync"],
        &["--help"],
        &["doctor", "--help"],
    ] {
        let ran = site.run(arguments).exits(0);
        assert!(!ran.out.contains('\u{1b}'), "{}", ran.story());
        for line in ran.out.lines() {
            // Where packages lie is the machine's affair: its temporary folder may be long.
            let place = line.contains(site.path("").to_str().unwrap());
            assert!(place || line.chars().count() <= 80, "{}", ran.story());
        }
    }
}

#[test]
fn every_verb_speaks_json_with_a_schema() {
    let site = tiny().held();
    let delivery = site.delivery(0);
    for (arguments, keys) in [
        (
            vec!["status"],
            vec![
                "box_id",
                "enrolled",
                "organisation_id",
                "entities",
                "packages",
                "last",
            ],
        ),
        (
            vec!["history"],
            vec!["sync_id", "outcome", "code", "started_at", "finished_at"],
        ),
        (
            vec!["entities"],
            vec!["id", "type", "checksum", "properties"],
        ),
        (
            vec!["entities", "delivery", "--id", &delivery],
            vec!["id", "type", "checksum", "properties"],
        ),
        (
            vec!["packages"],
            vec!["delivery", "bytes", "state", "rebuilt"],
        ),
        (
            vec!["packages", "verify"],
            vec!["delivery", "bytes", "state"],
        ),
        (
            vec!["identity"],
            vec!["box_id", "sync_id", "tao_version", "organisation_id"],
        ),
        (vec!["config", "show"], vec![]),
        (
            vec!["sync"],
            vec![
                "sync_id",
                "outcome",
                "code",
                "reason",
                "box_id",
                "tao_version",
                "organisation_id",
                "started_at",
                "finished_at",
                "entities",
                "packages",
                "results",
                "logs",
                "sessions",
                "connection",
            ],
        ),
    ] {
        let ran = site.run(&[&arguments[..], &["--json"]].concat()).exits(0);
        let objects = ran.objects();
        assert!(!objects.is_empty(), "{}", ran.story());
        for object in objects {
            for key in &keys {
                assert!(
                    object.get(*key).is_some(),
                    "{arguments:?} has no {key}: {object}"
                );
            }
        }
    }
}

#[test]
fn the_account_of_a_run_has_every_counter() {
    let site = tiny();
    let ran = site.sync().exits(0).object();
    for kind in Kind::ALL {
        for word in [
            "created",
            "updated",
            "unchanged",
            "deleted",
            "held_back",
            "failed",
        ] {
            assert!(
                ran["entities"][kind.name()][word].is_u64(),
                "{kind:?} {word}"
            );
        }
    }
    for (part, words) in [
        (
            "packages",
            vec![
                "downloaded",
                "unchanged",
                "failed",
                "bytes_on_wire",
                "bytes_stored",
            ],
        ),
        (
            "results",
            vec![
                "acknowledged",
                "refused",
                "unconfirmed",
                "queued",
                "carried",
                "adopted",
            ],
        ),
        ("logs", vec!["acknowledged", "refused", "queued"]),
        ("sessions", vec!["acknowledged", "refused", "queued"]),
        (
            "connection",
            vec![
                "download_mbit_s",
                "upload_mbit_s",
                "requests",
                "bytes_received",
                "bytes_sent",
            ],
        ),
    ] {
        for word in words {
            assert!(ran[part][word].is_number(), "{part} {word}: {ran}");
        }
    }
    let counters = site.central.counters();
    assert_eq!(ran["connection"]["bytes_received"], counters.bytes_sent);
    assert_eq!(ran["connection"]["bytes_sent"], counters.bytes_received);
}

#[test]
fn words_for_people_fit_80_columns_and_are_never_coloured_in_a_pipe() {
    let site = tiny();
    let delivery = site.delivery(0);
    site.central.remove_package(&delivery);
    for arguments in [
        &["sync"][..],
        &["status"],
        &["history"],
        &["entities"],
        &["packages"],
        &["identity"],
    ] {
        let ran = site.run(arguments);
        assert!(matches!(ran.exit, Some(0 | 1)), "{}", ran.story());
        assert!(!ran.out.is_empty(), "{}", ran.story());
        assert!(
            !ran.out.contains('\x1b') && !ran.err.contains('\x1b'),
            "{}",
            ran.story()
        );
        // Sentences about a finding may be as long as their URI; what stands in columns may not.
        for line in ran
            .out
            .lines()
            .filter(|line| !line.contains("https://central.example"))
        {
            assert!(line.chars().count() <= 80, "{arguments:?}: {line}");
        }
    }
    for verb in [
        "sync",
        "entities",
        "packages",
        "enroll",
        "credentials",
        "config",
        "wipe",
        "history",
    ] {
        let ran = site.run(&[verb, "--help"]).exits(0);
        for line in ran.out.lines() {
            assert!(line.chars().count() <= 80, "{verb} --help: {line}");
        }
    }
}

#[test]
fn progress_in_a_pipe_is_plain_lines_on_stderr() {
    let site = tiny();
    let ran = site.run(&["sync"]).exits(0);
    assert!(!ran.err.contains('\r'), "{}", ran.story());
    assert!(ran.err.lines().count() < 40, "{}", ran.story());
    let ran = site.run(&["sync", "--json"]).exits(0);
    assert_eq!(ran.objects().len(), 1);
}

#[test]
fn usage_errors_are_2() {
    let site = tiny();
    for arguments in [
        &["nonsense"][..],
        &["sync", "--nonsense"],
        &["sync", "--type", "teacher"],
        &["sync", "--results", "--data"],
        &["enroll"],
        &["entities", "teacher"],
        &[],
    ] {
        let ran = site.run(arguments).exits(2);
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "{}", ran.story());
    }
    let ran = site.run(&["sync", "--type", "teacher"]);
    assert!(ran.err.contains("test-taker"), "{}", ran.story());
}

#[test]
fn completions_and_manual_are_there_without_a_box() {
    let site = Site::new(options(1, 1, (4_000, 4_000)));
    fs::remove_file(site.path("etc/boxsync/boxsync.toml")).unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let ran = site.run(&["completions", shell]).exits(0);
        assert!(ran.out.contains("entities"), "{shell}");
    }
    for (page, title, word) in [
        (None, ".TH BOXSYNC 1", "credentials"),
        (Some("boxsync.toml"), ".TH BOXSYNC.TOML 5", "interval"),
        (Some("boxsync-codes"), ".TH BOXSYNC-CODES 7", "net.dns"),
    ] {
        let arguments: Vec<&str> = ["man"].into_iter().chain(page).collect();
        let man = site.run(&arguments).exits(0);
        assert!(
            man.out.starts_with(title) && man.out.contains(word),
            "{}",
            man.out
        );
    }
    site.run(&["--version"]).exits(0);
    site.run(&["--help"]).exits(0);
    assert!(!site.state("").exists(), "nothing was made");
}

#[test]
fn a_configuration_that_is_wrong_is_told_by_file_and_key() {
    let mut site = Site::new(options(1, 1, (4_000, 4_000)));
    for (section, key, value, code, words) in [
        (
            "sync",
            "intervall",
            "\"15m\"",
            "config.unknown_key",
            &["intervall", "interval", "boxsync.toml"][..],
        ),
        (
            "centrall",
            "url",
            "\"http://x/\"",
            "config.unknown_key",
            &["centrall", "central"],
        ),
        (
            "central",
            "url",
            "\"no url\"",
            "config.value",
            &["central", "url"],
        ),
        ("central", "url", "\"ftp://x/\"", "config.value", &["url"]),
        ("central", "url", "7", "config.value", &["url"]),
        (
            "download",
            "reserve",
            "\"1 parsec\"",
            "config.value",
            &["reserve"],
        ),
        (
            "download",
            "reserve",
            "\"-1MiB\"",
            "config.value",
            &["reserve"],
        ),
        (
            "sync",
            "interval",
            "\"soon\"",
            "config.value",
            &["interval"],
        ),
        ("sync", "interval", "\"0s\"", "config.value", &["interval"]),
        (
            "sync",
            "delete_limit",
            "1.5",
            "config.value",
            &["delete_limit"],
        ),
        (
            "box",
            "organisation_id",
            "1001",
            "config.value",
            &["organisation_id"],
        ),
        ("box", "id", "\"with blank\"", "config.value", &["id"]),
    ] {
        let was = fs::read_to_string(site.path("etc/boxsync/boxsync.toml")).unwrap();
        if section == "centrall" {
            let text = format!("{was}[centrall]\nurl = {value}\n");
            fs::write(site.path("etc/boxsync/boxsync.toml"), text).unwrap();
        } else {
            site.set(section, key, value);
        }
        for verb in [&["config", "check"][..], &["sync", "--json"], &["status"]] {
            let ran = site.run(verb).exits(2);
            assert!(ran.err.contains(code), "{section}.{key}: {}", ran.story());
            for word in words {
                assert!(ran.err.contains(word), "{word} in {}", ran.story());
            }
        }
        if section != "centrall" {
            site.unset(section, key);
        }
        fs::write(site.path("etc/boxsync/boxsync.toml"), was).unwrap();
        site.set("central", "url", &format!("\"{}\"", site.central.url()));
        site.set("box", "organisation_id", "\"1001\"");
        site.set("download", "reserve", "\"0\"");
    }
    site.run(&["config", "check"]).exits(0);
    let file = site.path("etc/boxsync/boxsync.toml");
    fs::write(&file, "[central\nurl=").unwrap();
    let ran = site.run(&["sync", "--json"]).exits(2);
    ran.code("config.syntax");
    assert!(ran.err.contains("boxsync.toml"), "{}", ran.story());
    fs::write(&file, [0xff, 0xfe, 0]).unwrap();
    site.run(&["sync", "--json"]).exits(2);
    fs::remove_file(&file).unwrap();
    site.run(&["sync", "--json"]).exits(2).code("config.no_url");
    fs::create_dir(&file).unwrap();
    site.run(&["sync", "--json"]).exits(2).code("config.file");
}

#[test]
fn drop_ins_and_the_environment_override_the_file() {
    let site = tiny();
    fs::create_dir(site.path("etc/boxsync/boxsync.d")).unwrap();
    fs::write(
        site.path("etc/boxsync/boxsync.d/50-version.toml"),
        "[box]\ntao_version = \"9.9\"\n",
    )
    .unwrap();
    assert_eq!(site.sync().exits(5).object()["tao_version"], "9.9");
    let mut command = site.command(&["sync", "--json"]);
    command.env("BOXSYNC_BOX_TAO_VERSION", "2022.11");
    let out = command.output().unwrap();
    assert!(out.status.success(), "{out:?}");
    let ran = site.run(&["config", "show"]).exits(0);
    assert!(
        ran.out.contains("50-version.toml") && ran.out.contains("9.9"),
        "{}",
        ran.out
    );
}

#[test]
fn the_version_of_the_image_counts_when_nothing_is_configured() {
    let mut site = tiny();
    site.unset("box", "tao_version");
    site.sync().exits(2).code("config.no_version");
    fs::write(
        site.path("etc/os-release"),
        "ID=tao\nIMAGE_VERSION=\"2022.11\"\n",
    )
    .unwrap();
    assert_eq!(site.sync().exits(0).object()["tao_version"], "2022.11");
}

#[test]
fn unknown_things_are_told_and_not_invented() {
    let site = tiny().held();
    let ran = site
        .run(&["entities", "--id", "http://nobody", "--json"])
        .exits(1);
    ran.code("catalogue.unknown_entity");
    let file = site.path("out.zip");
    let ran = site
        .run(&[
            "packages",
            "export",
            "http://nobody",
            file.to_str().unwrap(),
            "--json",
        ])
        .exits(1);
    ran.code("package.not_held");
    assert!(!file.exists());
    // An existing file is not overwritten.
    fs::write(&file, "mine").unwrap();
    let ran = site.run(&[
        "packages",
        "export",
        &site.delivery(0),
        file.to_str().unwrap(),
    ]);
    assert_ne!(ran.exit, Some(0));
    assert_eq!(fs::read(&file).unwrap(), b"mine");
}

#[test]
fn no_verb_prints_a_secret() {
    let site = Site::synchronized();
    let manager = site.central.manager("1001").unwrap();
    let secrets: Vec<String> = site
        .central
        .consumers()
        .into_iter()
        .map(|c| c.secret)
        .chain([manager.1])
        .collect();
    for arguments in [
        &["identity"][..],
        &["identity", "--json"],
        &["config", "show", "--json"],
        &["status", "--json"],
        &["history", "--json"],
        &["sync", "--json"],
    ] {
        let ran = site.run(arguments).exits(0);
        for secret in &secrets {
            assert!(
                !ran.out.contains(secret) && !ran.err.contains(secret),
                "{arguments:?}"
            );
        }
    }
    // What people read of an entity hides the password hash.
    let taker = site.ids(Kind::TestTaker)[0].clone();
    let hash = site.central.resource(&taker).unwrap();
    let hash = hash
        .properties
        .iter()
        .find(|p| p.predicate == central::uri::PASSWORD)
        .unwrap();
    let ran = site.run(&["entities", "--id", &taker]).exits(0);
    assert!(
        ran.out.contains(&taker) && !ran.out.contains(&hash.values[0]),
        "{}",
        ran.out
    );
}

#[test]
fn wipe_destroys_everything_and_only_when_it_is_meant() {
    let site = tiny().held();
    site.run(&["wipe"]).exits(2);
    site.run(&["wipe", "--yes", "wrong"]).exits(2);
    assert!(!site.entities().is_empty());
    let id = site.run(&["identity", "--json"]).exits(0).object()["box_id"]
        .as_str()
        .unwrap()
        .to_owned();
    site.run(&["wipe", "--yes", &id]).exits(0);
    assert!(site.files().is_empty(), "{:?}", site.files());
    site.sync().exits(3).code("auth.not_enrolled");
    let other = site.run(&["identity", "--json"]).exits(0).object();
    assert_ne!(other["box_id"], id.as_str());
}

#[test]
fn a_closed_pipe_is_no_panic() {
    let site = Site::enrolled(Options {
        ..options(200, 1, (4_000, 4_000))
    })
    .held();
    let mut command = site.command(&["entities", "--json"]);
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let out = child.wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(!words.contains("panicked"), "{words}");
}

#[test]
fn colour_is_for_terminals_and_for_those_who_want_it() {
    let site = tiny().held();
    let on_a_terminal = |environment: &str| {
        let boxsync = site
            .command(&[])
            .get_program()
            .to_string_lossy()
            .into_owned();
        let root = site.path("");
        let line = format!("{environment} {boxsync} --root {} status", root.display());
        let out = std::process::Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .output();
        out.map(|out| String::from_utf8_lossy(&out.stdout).into_owned())
    };
    let Ok(colourful) = on_a_terminal("") else {
        eprintln!("skipped: a terminal is imitated by `script` of util-linux");
        return;
    };
    assert!(colourful.contains("\x1b[32m"), "{colourful}");
    let plain = on_a_terminal("NO_COLOR=1").unwrap();
    assert!(!plain.contains("\x1b["), "{plain}");
    assert!(plain.contains("packages"), "{plain}");
}
