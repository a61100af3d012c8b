//! What a person is spoken to in: the environment chooses it for the terminal, and for nothing that machines read.
//! Never a look at whole screens: tests/fixtures/screens has them in both languages.
//! Run by `cargo test -p e2e`.

use e2e::{Ran, Running, Site, options};

/// A verb on this box in a locale.
fn spoken(site: &Site, locale: &str, words: &[&str]) -> Ran {
    let mut command = site.command(words);
    command.env("LANG", locale);
    Running::start(command).end()
}

#[test]
fn a_terminal_is_spoken_to_in_french_and_a_machine_in_english() {
    let site = Site::new(options(1, 1, (4_000, 4_000)));
    let french = "fr_FR.UTF-8";
    let table = [
        (&["status"][..], "PAS PRÊTE", "NOT READY"),
        (&["doctor", "--offline"], "Que faire", "What to do"),
        (&["sync"], "n’est pas inscrite", "is not enrolled"),
        (&["results", "retry"], "0 sera réessayé", "0 will be tried"),
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
        // What is free on this machine's disk changes by itself.
        let fields = objects
            .split(',')
            .filter(|field| !field.contains("free_bytes"));
        fields.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(json(french), json("C"));
}
