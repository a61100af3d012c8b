//! All verbs, as `--help` names them: a new one is held to the same rules by itself.
//! Never runs the daemon: `run` prints no data.
//! Run by `cargo test -p e2e`.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::Stdio;

use e2e::{LIMIT, Ran, Running, Site, options, wait_until};
use nix::pty::openpty;
use nix::sys::signal::Signal;
use nix::sys::termios::{LocalFlags, tcgetattr};
use serde_json::{Value, json};

use crate::results::{answers, result};

/// Parts of the daemon, which are nobody's verbs.
const PARTS: [&str; 5] = [
    "sync-worker",
    "intake-worker",
    "page-worker",
    "push-worker",
    "probe-store",
];

/// The words of each verb and of each verb below it.
fn verbs(site: &Site, above: &[String]) -> Vec<Vec<String>> {
    let mut line: Vec<&str> = above.iter().map(String::as_str).collect();
    line.push("--help");
    let help = site.run(&line).exits(0).out;
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let named = listed
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|word| !word.is_empty() && *word != "help");
    let mut all = Vec::new();
    for word in named {
        let verb = [above, &[word.to_owned()]].concat();
        all.extend(verbs(site, &verb));
        all.push(verb);
    }
    all
}

/// A box with everything that a verb may show, and a command line for each verb that does something.
struct VerbHouse {
    site: Site,
    lines: BTreeMap<String, Vec<String>>,
}

impl VerbHouse {
    fn new() -> Self {
        let site = Site::enrolled(options(3, 2, (4_000, 6_000))).held();
        let of = |id: &str| json!({ id: result(&site, id, &answers(id, 2)) });
        let document = site.path("one.json");
        fs::write(&document, of("https://x/#1").to_string()).unwrap();
        let path = |name: &str| site.path(name).to_str().unwrap().to_owned();
        fs::create_dir(site.path("stick")).unwrap();
        let submitted = site.run(&["results", "submit", document.to_str().unwrap()]);
        submitted.exits(0);
        let (login, password) = site.central.manager("1001").unwrap();
        let secret = site.secret(&password).to_str().unwrap().to_owned();
        let client = site.central.consumer().unwrap();
        fs::write(site.path("client"), &client.secret).unwrap();
        let id = site.run(&["identity", "--json"]).exits(0).object()["box_id"].clone();
        let token = format!("{}taoOauth/TokenApi/requestToken", site.central.url());
        let table: Vec<(&str, Vec<String>)> = vec![
            ("sync", vec![]),
            ("status", vec![]),
            ("doctor", vec![]),
            ("doctor explain", vec!["net.dns".into()]),
            ("history", vec![]),
            ("stats", vec![]),
            ("entities", vec![]),
            ("packages", vec![]),
            ("packages verify", vec![]),
            ("packages first", vec![site.delivery(0)]),
            ("packages export", vec![site.delivery(0), path("out.zip")]),
            ("pause", vec![]),
            ("resume", vec![]),
            ("rate", vec!["500kB".into()]),
            ("results", vec![]),
            ("results submit", vec![path("one.json")]),
            ("results retry", vec![]),
            ("results set-aside", vec!["https://x/#1".into()]),
            ("results release", vec!["https://x/#1".into()]),
            ("results receipt", vec!["https://x/#1".into()]),
            ("results adopt", vec![path("copies")]),
            ("results export-tao", vec![path("tao.zip"), "--yes".into()]),
            ("results confirm", vec!["https://x/#1".into()]),
            ("results reclaim", vec!["https://x/#1".into()]),
            ("carry", vec![]),
            ("carry export", vec![path("stick")]),
            ("carry import", vec![path("stick")]),
            ("carry show", vec![path("stick")]),
            ("site", vec![]),
            ("site status", vec![]),
            ("site key", vec![]),
            ("site key new", vec![path("new.key")]),
            ("site key import", vec![path("other.key")]),
            (
                "results export",
                vec!["https://x/#1".into(), path("out.json"), "--yes".into()],
            ),
            (
                "enroll",
                vec!["--login".into(), login, "--password-file".into(), secret],
            ),
            ("credentials", vec![]),
            (
                "credentials import",
                vec![
                    "--key".into(),
                    client.key,
                    "--secret-file".into(),
                    path("client"),
                    "--token-url".into(),
                    token,
                ],
            ),
            ("watch", vec![]),
            ("speed", vec![]),
            ("history show", vec!["1".into()]),
            ("history diff", vec![]),
            ("organisation", vec![]),
            ("organisation list", vec![]),
            ("organisation remove", vec!["2002".into(), "--yes".into()]),
            ("identity", vec![]),
            ("identity gateway", vec![]),
            ("config", vec![]),
            ("config check", vec![]),
            ("config show", vec![]),
            ("config defaults", vec![]),
            ("clock", vec![]),
            ("clock show", vec![]),
            ("clock accept", vec![]),
            ("key", vec![]),
            ("key rotate", vec![]),
            ("update", vec![]),
            ("update check", vec![]),
            ("update health", vec![]),
            ("update install", vec![]),
            ("update status", vec![]),
            ("completions", vec!["bash".into()]),
            ("man", vec![]),
            (
                "wipe",
                vec![
                    "--yes".into(),
                    id.as_str().unwrap().to_owned(),
                    "--discard-results".into(),
                    "1".into(),
                ],
            ),
        ];
        let lines = table.into_iter().map(|(verb, more)| {
            let words = verb.split(' ').map(str::to_owned).chain(more);
            (verb.to_owned(), words.collect())
        });
        let lines = lines.collect();
        let mut site = site;
        site.set("gateway", "listen", "\"127.0.0.1:7380\"");
        for key in ["own.key", "other.key"] {
            let file = site.path(key);
            site.run(&["site", "key", "new", file.to_str().unwrap()])
                .exits(0);
        }
        let key = format!("{:?}", site.path("own.key"));
        site.set("site", "key_file", &key);
        Self { site, lines }
    }

    /// Each verb that can be run with its line, `wipe` last.
    fn each(&self) -> Vec<(String, Vec<&str>)> {
        let mut verbs: Vec<String> = verbs(&self.site, &[])
            .iter()
            .map(|verb| verb.join(" "))
            .collect();
        verbs.retain(|verb| verb != "run");
        assert!(verbs.len() > 25, "{verbs:?}");
        verbs.sort_by_key(|verb| (verb == "wipe", verb.clone()));
        let line = |verb: String| {
            let line = self.lines.get(&verb);
            let line =
                line.unwrap_or_else(|| panic!("`{verb}` is new: give it a line in this table"));
            (verb, line.iter().map(String::as_str).collect())
        };
        verbs.into_iter().map(line).collect()
    }

    /// Runs a line with stdout where it is wanted.
    fn run_into(&self, line: &[&str], out: impl Into<Stdio>) -> Ran {
        for name in ["out.zip", "out.json"] {
            let _ = fs::remove_file(self.site.path(name));
        }
        let mut command = self.site.command(line);
        command.stdout(out);
        Running::start(command).end()
    }
}

/// `config`, `key` … alone are usage errors, and the same everywhere.
fn needs_more(verb: &str) -> bool {
    // The box of these tests has one organisation, which cannot be removed.
    let words = [
        "carry",
        "credentials",
        "config",
        "clock",
        "key",
        "organisation",
        "site",
        "update",
    ];
    words.contains(&verb) || verb == "organisation remove"
}

#[test]
fn every_verb_speaks_one_object_a_line() {
    let house = VerbHouse::new();
    for (verb, mut line) in house.each() {
        line.push("--json");
        let ran = house.run_into(&line, Stdio::piped());
        // Something is owed: doctor may warn, status may say BUT; a run sends it. Nothing is held that could be released,
        // and no daemon runs that could be ordered something.
        let status = match verb.as_str() {
            "results release" | "watch" | "pause" | "resume" | "rate" | "packages first" => 1,
            // Nothing was handed over yet, and no other box left copies.
            "results confirm" | "results adopt" => 1,
            // No source of images is configured, and no daemon runs.
            "update check" | "update install" | "update health" => 1,
            verb if needs_more(verb) => 2,
            _ => 0,
        };
        let ran = ran.exits(status);
        assert!(!ran.out.trim().is_empty(), "{}", ran.story());
        for text in ran.out.lines() {
            let object: Value =
                serde_json::from_str(text).unwrap_or_else(|_| panic!("{}", ran.story()));
            assert_eq!(object["schema"], 1, "{}", ran.story());
        }
    }
}

#[test]
fn every_verb_tells_that_its_output_was_lost() {
    let house = VerbHouse::new();
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    for (verb, line) in house.each() {
        if needs_more(&verb) {
            continue;
        }
        let ran = house
            .run_into(&[&line[..], &["--json"]].concat(), full())
            .exits(1);
        assert!(ran.err.contains("[output.failed]"), "{}", ran.story());
        // Verbs that act have no data for people: words go to stderr.
        let plain = [
            "watch",
            "pause",
            "resume",
            "rate",
            "config check",
            "key rotate",
            "results retry",
            "results set-aside",
            "results release",
            "results export",
            "results adopt",
            "update check",
            "update install",
            "results export-tao",
            "results confirm",
            "results reclaim",
            "site key import",
            "site key new",
            "packages export",
            "packages first",
            "enroll",
            "credentials import",
            "wipe",
        ];
        if !plain.contains(&verb.as_str()) {
            let ran = house.run_into(&line, full()).exits(1);
            assert!(ran.err.contains("[output.failed]"), "{}", ran.story());
        }
    }
    for line in [&["--help"][..], &["--version"], &["status", "--help"]] {
        house.run_into(line, full()).exits(1);
    }
}

#[test]
fn every_verb_ends_quietly_when_nobody_reads() {
    let house = VerbHouse::new();
    for (verb, line) in house.each() {
        if needs_more(&verb) {
            continue;
        }
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ran = house
            .run_into(&[&line[..], &["--json"]].concat(), OwnedFd::from(writer))
            .exits(141);
        for word in ["panicked", "output.failed"] {
            assert!(!ran.err.contains(word), "{}", ran.story());
        }
    }
}

#[test]
fn every_usage_error_is_an_object_too() {
    let house = VerbHouse::new();
    let mut lines: Vec<Vec<String>> = verbs(&house.site, &[]);
    lines.extend([vec![], vec!["no-such-verb".into()]]);
    for words in lines {
        let mut line: Vec<&str> = words.iter().map(String::as_str).collect();
        line.extend(["--no-such-option", "--json"]);
        let ran = house.run_into(&line, Stdio::piped()).exits(2);
        assert_eq!(ran.object()["code"], "input.usage", "{}", ran.story());
        line.pop();
        let ran = house.run_into(&line, Stdio::piped()).exits(2);
        assert!(
            ran.out.is_empty() && ran.err.starts_with("error: "),
            "{}",
            ran.story()
        );
    }
}

#[test]
fn parts_of_the_daemon_are_named_to_nobody() {
    let house = VerbHouse::new();
    let mut told = vec![house.run_into(&[], Stdio::piped()).exits(2).err];
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = house
            .run_into(&["completions", shell], Stdio::piped())
            .exits(0)
            .out;
        // The generators for the others know no values.
        for value in ["test-taker", "lti-users"] {
            let told = script.contains(value) || ["elvish", "powershell"].contains(&shell);
            assert!(told, "{shell} completes {value}");
        }
        told.push(script);
    }
    told.push(house.run_into(&["man"], Stdio::piped()).exits(0).out);
    told.push(house.run_into(&["--help"], Stdio::piped()).exits(0).out);
    told.push(house.run_into(&["sink"], Stdio::piped()).exits(2).err);
    for text in told {
        for part in PARTS {
            assert!(!text.contains(part), "{part}: {text}");
        }
    }
    // The daemon still starts them.
    assert!(
        house
            .run_into(&["probe-store", "/nowhere"], Stdio::piped())
            .exit
            .is_some_and(|exit| exit != 2)
    );
}

#[test]
fn a_dumb_terminal_is_neither_coloured_nor_moved() {
    let house = VerbHouse::new();
    let root = house.site.path("");
    let boxsync = house
        .site
        .command(&[])
        .get_program()
        .to_string_lossy()
        .into_owned();
    let on_a_terminal = |environment: &str, verb: &str| {
        let line = format!(
            "{environment} PATH=/usr/bin:/bin {boxsync} --root {} {verb}",
            root.display()
        );
        let out = std::process::Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .output();
        out.ok()
            .map(|out| String::from_utf8_lossy(&out.stdout).into_owned())
    };
    for verb in ["status", "sync", "doctor", "--help"] {
        for environment in ["env -i TERM=dumb", "env -i TERM=xterm NO_COLOR=1"] {
            let Some(told) = on_a_terminal(environment, verb) else {
                eprintln!("SKIPPED: a terminal is imitated by `script` of util-linux");
                return;
            };
            assert!(!told.contains('\u{1b}'), "{environment} {verb}: {told:?}");
            assert!(
                !told.replace("\r\n", "\n").contains('\r'),
                "{environment} {verb}: {told:?}"
            );
        }
        let lively = on_a_terminal("env -i TERM=xterm", verb).unwrap();
        assert!(lively.contains('\u{1b}'), "{verb}: {lively:?}");
    }
}

#[test]
fn history_of_none_is_empty() {
    let house = VerbHouse::new();
    for line in [
        &["history", "--limit", "0"][..],
        &["history", "--limit", "0", "--json"],
    ] {
        let ran = house.run_into(line, Stdio::piped()).exits(0);
        assert!(ran.out.is_empty() && ran.err.is_empty(), "{}", ran.story());
    }
}

#[test]
fn standard_input_is_a_file_too() {
    let house = VerbHouse::new();
    let document =
        json!({ "https://x/#2": result(&house.site, "https://x/#2", &answers("https://x/#2", 2)) });
    fs::write(house.site.path("two.json"), document.to_string()).unwrap();
    let from = |name: &str, line: &[&str]| {
        let mut command = house.site.command(line);
        command.stdin(File::open(house.site.path(name)).unwrap());
        Running::start(command).end()
    };
    let told = from("two.json", &["results", "submit", "-", "--json"])
        .exits(0)
        .object();
    assert_eq!(
        (&told["id"], &told["new"]),
        (&json!("https://x/#2"), &json!(true))
    );
    fs::write(house.site.path("odd.json"), "[").unwrap();
    let told = from("odd.json", &["results", "submit", "-"]).exits(2);
    assert!(told.err.contains("standard input: "), "{}", told.story());
}

#[test]
fn a_mark_of_the_encoding_is_no_part_of_a_secret() {
    let site = Site::new(options(3, 1, (4_000, 6_000)));
    let (login, password) = site.central.manager("1001").unwrap();
    let file = site.path("password");
    let line = [
        "enroll",
        "--login",
        &login,
        "--password-file",
        file.to_str().unwrap(),
    ];
    for text in [
        format!("\u{feff}{password}\r\n"),
        format!("\u{feff}{password}"),
        format!("{password}\n\n"),
    ] {
        fs::write(&file, text).unwrap();
        site.run(&line).exits(0);
        let mut command = site.command(&["enroll", "--login", &login, "--password-file", "-"]);
        command.stdin(File::open(&file).unwrap());
        Running::start(command).end().exits(0);
    }
}

/// Whether a terminal shows what is typed.
fn has_echo(terminal: &OwnedFd) -> bool {
    tcgetattr(terminal)
        .unwrap()
        .local_flags
        .contains(LocalFlags::ECHO)
}

#[test]
fn a_password_is_asked_for_without_an_echo_and_a_signal_brings_it_back() {
    let site = Site::new(options(3, 1, (4_000, 6_000)));
    let (login, password) = site.central.manager("1001").unwrap();
    let asked = || {
        let pty = openpty(None, None).unwrap();
        let mut command = site.command(&["enroll", "--login", &login, "--password-file", "-"]);
        command.stdin(pty.slave.try_clone().unwrap());
        let running = Running::start(command);
        wait_until("the question", LIMIT, || !has_echo(&pty.slave));
        (pty, running)
    };
    let (pty, running) = asked();
    let mut master = File::from(pty.master);
    master
        .write_all(format!("{password}\n").as_bytes())
        .unwrap();
    let ran = running.end().exits(0);
    assert!(ran.err.contains("Password: "), "{}", ran.story());
    assert!(has_echo(&pty.slave));
    let mut shown = [0; 64];
    let n = master.read(&mut shown).unwrap();
    assert_eq!(
        &shown[..n],
        b"\r\n",
        "nothing but the end of the line is echoed"
    );
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let (pty, running) = asked();
        running.signal(signal);
        running.end().was_killed();
        assert!(has_echo(&pty.slave), "{signal}");
    }
}
