//! What a person is spoken to in: the environment chooses it for the terminal, and for nothing that machines read.
//! Never a look at whole screens: tests/fixtures/screens has them in both languages.
//! Run by `cargo test -p e2e`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use e2e::{LIMIT, Ran, Running, Site, options, wait_until};
use nix::sys::signal::Signal;

/// A user that is neither root nor that of the box.
const OTHER: u32 = 65_533;

/// A verb on this box in a locale.
fn spoken(site: &Site, locale: &str, words: &[&str]) -> Ran {
    let mut command = site.command(words);
    command.env("LANG", locale);
    Running::start(command).end()
}

#[test]
fn a_terminal_is_spoken_to_in_french_and_a_machine_in_english() {
    let mut site = Site::new(options(1, 1, (4_000, 4_000)));
    let french = "fr_FR.UTF-8";
    let table = [
        (&["status"][..], "PAS PRÊTE", "NOT READY"),
        (&["doctor", "--offline"], "Que faire", "What to do"),
        (
            &["sync"],
            "synchronisation refusée",
            "synchronization unauthorized",
        ),
        (&["sync"], "n’est pas inscrite", "is not enrolled"),
        (
            &["identity", "gateway"],
            "ces deux commandes",
            "Run these two",
        ),
        (&["results", "retry"], "0 sera réessayé", "0 will be tried"),
        (&["packages", "verify"], "aucun paquet", "no package"),
        (&["history"], "aucune synchronisation", "no synchronization"),
    ];
    for (words, expected, english) in table {
        let told = |locale: &str| {
            let ran = spoken(&site, locale, words);
            (ran.exit, ran.out + &ran.err)
        };
        let ((exit, text), (other, plain)) = (told(french), told("C.UTF-8"));
        assert!(text.contains(expected), "{words:?}: {text}");
        assert!(plain.contains(english), "{words:?}: {plain}");
        assert!(!text.contains(english), "{words:?}: {text}");
        assert_eq!(exit, other, "{words:?}");
    }
    let json = |locale: &str| {
        let objects = spoken(&site, locale, &["status", "--json"]).out
            + &spoken(&site, locale, &["sync", "--json"]).out
            + &spoken(&site, locale, &["results", "retry", "--json"]).out;
        // What is free on this machine's disk changes by itself, and so does the time.
        let own = ["free_bytes", "started_at", "finished_at"];
        let fields = objects
            .split(',')
            .filter(|field| !own.iter().any(|name| field.contains(name)));
        fields.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(json(french), json("C"));
    // Nothing is said of an enrolment that never was.
    site.unset("box", "organisation_id");
    let told = spoken(&site, french, &["identity"]).out;
    assert!(told.contains("inconnue avant l’inscription"), "{told}");
}

/// The verb in French as a user who is neither root nor the box's, with a copy of the binary that this user may run.
fn spoken_to_another(site: &Site, program: &Path, words: &[&str]) -> Ran {
    let own = site.command(words);
    let mut command = Command::new(program);
    command.args(own.get_args()).uid(OTHER).gid(OTHER);
    command.env_clear().env("LANG", "fr_FR.UTF-8");
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    Running::start(command).end()
}

#[test]
fn what_a_verb_refuses_is_said_in_french() {
    let mut site = Site::enrolled(options(1, 1, (4_000, 4_000)));
    let french = |site: &Site, words: &[&str]| {
        let ran = spoken(site, "fr_FR.UTF-8", words);
        (ran.exit, ran.err)
    };
    let table = [
        (&["wipe"][..], "pas de terminal où demander", "input.wipe"),
        (
            &["doctor", "explain", "net.dnz"],
            "le plus proche est net.dns",
            "input.code",
        ),
        (
            &["results", "retry", "kve_1"],
            "rien de kve_1 n’est",
            "results.unknown",
        ),
        (
            &["results", "set-aside", "kve_1"],
            "rien de kve_1 n’est dû",
            "results.unknown",
        ),
        (
            &["results", "release", "kve_1"],
            "rien de kve_1 n’est retenu",
            "results.unknown",
        ),
        (
            &["entities", "--id", "http://x#1"],
            "n’a pas d’entité http://x#1",
            "catalogue.unknown_entity",
        ),
    ];
    for (words, sentence, code) in table {
        let (_, told) = french(&site, words);
        assert!(told.contains(sentence), "{words:?}: {told}");
        assert!(told.contains(&format!("[{code}]")), "{words:?}: {told}");
        // No title with an English sentence in brackets behind it.
        let english = told.replace(" (voir ", "").contains(" (");
        assert!(!english, "{words:?}: {told}");
    }
    site.set("sync", "interval", "\"soon\"");
    let (exit, told) = french(&site, &["sync"]);
    assert_eq!(exit, Some(2), "{told}");
    assert!(told.contains("attendu : une durée"), "{told}");
}

#[test]
fn what_the_service_refuses_is_said_in_french_too() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: another user needs root");
        return;
    }
    let mut site = Site::enrolled(options(1, 1, (4_000, 4_000)));
    site.set("api", "read", &format!("[{OTHER}]"));
    let program = site.path("boxsync");
    fs::copy(site.command(&[]).get_program(), &program).unwrap();
    for path in ["", "boxsync", "run", "run/boxsync", "etc", "etc/boxsync"] {
        let path = site.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if path.exists() {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    let daemon = site.start_daemon();
    let ran = spoken_to_another(&site, &program, &["pause"]);
    assert!(ran.err.contains("[api.role]"), "{}", ran.story());
    let sentence = "cet utilisateur n’a pas le rôle `control`";
    assert!(ran.err.contains(sentence), "{}", ran.story());
    site.set("api", "read", "[]");
    daemon.signal(Signal::SIGHUP);
    wait_until("the other configuration", LIMIT, || {
        let ran = spoken_to_another(&site, &program, &["pause"]);
        ran.err
            .contains("cet utilisateur ne peut pas s’adresser à boxsync")
    });
    daemon.signal(Signal::SIGTERM);
    daemon.end().exits(0);
}

/// A screen as one line.
fn unfolded(screen: &str) -> String {
    screen.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_wrong_with_a_package_is_said_in_french() {
    let site = Site::enrolled(options(1, 1, (300_000, 300_000)));
    let delivery = site.delivery(0);
    let whole = site.central.package(&delivery).unwrap();
    // A byte of a member is another one on central: found twice, and remembered.
    let mut damaged = whole.to_vec();
    damaged[150_000] ^= 0xff;
    for (content, sentence) in [
        (Vec::new(), "a répondu par un paquet vide"),
        (
            b"hello".to_vec(),
            "n’est pas un paquet zip : il ne commence pas",
        ),
        (damaged, "est endommagé"),
    ] {
        site.central.put_package(&delivery, content);
        let told = unfolded(&spoken(&site, "fr_FR.UTF-8", &["sync"]).out);
        assert!(told.contains(sentence), "{sentence}: {told}");
    }
    let doctor = unfolded(&spoken(&site, "fr_FR.UTF-8", &["doctor"]).out);
    assert!(doctor.contains("faux deux fois"), "{doctor}");
}
