//! In French: what each code means in a few words, and the one thing to do about it.
//! Never a code that no page shows: those of the command line and of the local API are told in English alone.
//! Called by `render` and `phrase`.

use std::borrow::Cow;

use logic::health::catalogue;

use super::words::Language;

/// A line each: code, title, remedy; `=code` for the remedy of another code.
const FRENCH: &str = include_str!("codes.fr");

/// What a code means, in a few words; the code itself when this boxsync does not know it.
pub(super) fn title(language: Language, code: &str) -> Cow<'_, str> {
    match (language, of(code)) {
        (Language::French, Some((title, _))) => set(title).into(),
        _ => catalogue::find(code).map_or(code, |code| code.title).into(),
    }
}

/// The one thing to do about a code, commands between backticks.
pub(super) fn remedy(language: Language, code: &str) -> Cow<'static, str> {
    if language == Language::English {
        return catalogue::remedy(code).into();
    }
    // What helps with a code that is not known is what helps with a service that restarts: the support.
    let (_, remedy) = of(code).or_else(|| of("unit.restarts")).unwrap_or_default();
    let shared = remedy.strip_prefix('=').and_then(of);
    set(shared.map_or(remedy, |(_, remedy)| remedy)).into()
}

/// With the blanks that never break a line before `:`, `;`, `?`, `!` and within « ».
pub(super) fn set(french: &str) -> String {
    let mut out = french.replace("« ", "«\u{a0}");
    for mark in [" :", " ;", " ?", " !", " »"] {
        out = out.replace(mark, &mark.replace(' ', "\u{a0}"));
    }
    out
}

fn of(code: &str) -> Option<(&'static str, &'static str)> {
    rows().find_map(|(known, title, remedy)| (known == code).then_some((title, remedy)))
}

fn rows() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    FRENCH.lines().filter_map(|line| {
        let (code, rest) = line.split_once(" | ")?;
        let (title, remedy) = rest.split_once(" | ")?;
        Some((code, title, remedy))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes of the command line, of the local API and of the journal: no page shows them.
    const ELSEWHERE: &[&str] = &[
        "api.",
        "auth.untried",
        "bundle.",
        "central.wish",
        "clone.",
        "config.wrong",
        "daemon.",
        "deletion.",
        "doctor.offline",
        "feed.",
        "answers.",
        "gateway.",
        "input.",
        "intake.",
        "net.offline",
        "net.online",
        "output.",
        "package.held",
        "package.not_held",
        "page.",
        "result.",
        "results.unknown",
        "catalogue.unknown_entity",
        "sync.started",
        "sync.finished",
        "wipe.",
    ];

    #[test]
    fn every_code_that_a_page_shows_is_told_in_french() {
        let mut told = 0;
        for code in catalogue::all().map(|code| code.code) {
            let shown = !ELSEWHERE.iter().any(|other| code.starts_with(other));
            assert_eq!(of(code).is_some(), shown, "{code}");
            told += usize::from(shown);
        }
        assert_eq!(
            rows().count(),
            told,
            "a code stands twice, or is none any more"
        );
        assert_eq!(FRENCH.lines().count(), told);
    }

    #[test]
    fn both_languages_name_the_same_commands_and_keys() {
        for (code, _, _) in rows() {
            let french = remedy(Language::French, code);
            assert!(!french.is_empty() && !french.starts_with('='), "{code}");
            let english = catalogue::remedy(code);
            let marks = |text: &str| {
                let mut marks: Vec<String> = text
                    .split('`')
                    .skip(1)
                    .step_by(2)
                    .map(str::to_owned)
                    .collect();
                marks.extend(
                    text.split_whitespace()
                        .filter(|word| word.starts_with('['))
                        .map(|word| word.trim_matches(['[', ']', ',', '.', ';']).to_owned()),
                );
                marks
            };
            let (english, french) = (
                marks(english),
                marks(&french.replace("FICHIER", "FILE").replace("\u{a0}", " ")),
            );
            for mark in french.iter().filter(|mark| !mark.starts_with("boxsync")) {
                assert!(
                    english.contains(mark),
                    "{code}: {mark} is not in {english:?}"
                );
            }
        }
    }
}
