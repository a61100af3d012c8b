//! What a code means in a few words, and the one thing to do about it, in a language.
//! Never words of its own: they stand in the tables of `logic::fault`.
//! Called by `phrase` and by the edges.

use std::borrow::Cow;

use crate::fault::{self, Code, CodeName};
use crate::language::{Language, typeset};

/// What a code means, in a few words; the code itself when this boxsync does not know it.
pub fn title(language: Language, code: &CodeName) -> Cow<'_, str> {
    match (language, code) {
        (Language::French, CodeName::Known(code)) => typeset(code.titre()).into(),
        (Language::English, CodeName::Known(code)) => code.title().into(),
        (_, CodeName::Newer(name)) => (&**name).into(),
    }
}

/// The one thing to do about a code, commands between backticks.
pub fn remedy(language: Language, code: &CodeName) -> Cow<'static, str> {
    match language {
        Language::English => fault::remedy(code.known()).into(),
        // What helps with a code that is not known is what helps with a service that restarts: the support.
        Language::French => typeset(code.known().unwrap_or(Code::UnitRestarts).remede()).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_name_the_same_commands_and_keys() {
        for code in Code::ALL.iter().copied() {
            let french = remedy(Language::French, &code.into());
            assert!(!french.is_empty(), "{code}");
            let english = code.remedy();
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
                marks(
                    &french
                        .replace("FICHIER", "FILE")
                        .replace(['\u{a0}', '\u{202f}'], " "),
                ),
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
