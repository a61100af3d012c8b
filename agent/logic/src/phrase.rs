//! What faults and accounts still hold as English text, in French; and what a code means in either language.
//! Never guesses: what is not here is named by the title of its code, and its words are marked as English.
//! Called by the edges that speak to a person: `page` and `cli`.

mod advice;

use crate::fault::{Cause, CodeName, Wording};
use crate::language::{Language, typeset};

pub use advice::{remedy, title};

/// A text in a language. In French one that is not here is told by the title of its code, when it has one, and stands
/// behind it in English.
pub fn text(language: Language, code: Option<&CodeName>, english: &str) -> String {
    let told = pieces(language, code, english).into_iter();
    told.map(|piece| match piece {
        Piece::Own(text) => text,
        Piece::Foreign(text) => text.to_owned(),
    })
    .collect()
}

/// A cause; what has no value yet, or comes from an older record, is told as `text` tells it.
pub fn cause(language: Language, code: Option<&CodeName>, cause: &Cause) -> String {
    if language == Language::English {
        return cause.en();
    }
    let words = cause.fr_words().into_iter().map(|words| match words {
        Wording::French(words) => typeset(&words),
        Wording::English(words) => text(language, code, &words),
        Wording::Detail(words) => text(language, None, &words),
    });
    words.collect()
}

/// The same as `text` in its parts, each with its language.
pub fn pieces<'a>(language: Language, code: Option<&CodeName>, english: &'a str) -> Vec<Piece<'a>> {
    match language {
        _ if english.is_empty() => Vec::new(),
        Language::English => vec![Piece::Own(english.to_owned())],
        Language::French => told(code, english),
    }
}

/// A part of a sentence.
#[derive(Debug, PartialEq)]
pub enum Piece<'a> {
    /// In the language that was asked for, or without one: a number, a name, a path.
    Own(String),
    /// English words.
    Foreign(&'a str),
}

fn told<'a>(code: Option<&CodeName>, english: &'a str) -> Vec<Piece<'a>> {
    french(english).unwrap_or_else(|| match code.map(|code| title(Language::French, code)) {
        None => vec![Piece::Foreign(english)],
        Some(title) => vec![
            Piece::Own(format!("{title} (")),
            Piece::Foreign(english),
            Piece::Own(")".into()),
        ],
    })
}

fn french(english: &str) -> Option<Vec<Piece<'_>>> {
    pairs().find_map(|(pattern, french)| Some(placed(&typeset(french), &values(pattern, english)?)))
}

/// Puts values where `{1}`, `{2}` … stand.
fn placed<'a>(french: &str, values: &[&'a str]) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    let mut rest = french;
    while let Some((before, after)) = rest.split_once('{') {
        let (slot, after) = after.split_once('}').unwrap_or((after, ""));
        pieces.push(Piece::Own(before.to_owned()));
        let number = slot.parse::<usize>().unwrap_or(1).saturating_sub(1);
        let value = values.get(number).copied().unwrap_or_default();
        match (self::french(value), has_words(value)) {
            (Some(within), _) => pieces.extend(within),
            (None, true) => pieces.push(Piece::Foreign(value)),
            // A rate has a comma, a version keeps its point.
            (None, false) if french.contains("Mbit/s") => {
                pieces.push(Piece::Own(value.replace('.', ",")));
            }
            (None, false) => pieces.push(Piece::Own(value.to_owned())),
        }
        rest = after;
    }
    pieces.push(Piece::Own(rest.to_owned()));
    pieces
}

/// Whether there is more than a name or a number: words with a blank between.
fn has_words(text: &str) -> bool {
    let word = |word: &str| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        word.len() > 1 && word.bytes().all(|b| b.is_ascii_alphabetic())
    };
    text.split_whitespace().count() > 1 && text.split_whitespace().any(word)
}

/// What stands in the slots of a pattern; `None` when the text is another one.
fn values<'a>(pattern: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let mut parts = pattern.split("{}");
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut values = Vec::new();
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        let at = match (part.is_empty(), last) {
            (true, true) => rest.len(),
            (false, true) => rest.len().checked_sub(part.len())?,
            (_, false) => rest.find(part)?,
        };
        let (value, after) = rest.split_at_checked(at)?;
        rest = after.strip_prefix(part)?;
        values.push(value);
    }
    (rest.is_empty() && values.iter().all(|value| !value.is_empty())).then_some(values)
}

/// A line each: English with `{}` where values stand; French with `{1}`, `{2}` … where they belong. The first that fits
/// counts.
const SENTENCES: &str = include_str!("phrase/sentences.fr");

fn pairs() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = SENTENCES.lines();
    lines.filter_map(|line| line.split_once(" => "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Code, LibraryWords, PackageCause};
    use crate::words::Outcome;

    fn plain(english: &str) -> String {
        text(Language::French, None, english)
    }

    #[test]
    fn slots_hold_what_stands_there() {
        assert_eq!(values("{} of {} held", "5 of 7 held"), Some(vec!["5", "7"]));
        assert_eq!(values("{} of {} held", "5 of 7 held now"), None);
        assert_eq!(values("failed: {}", "failed: a: b"), Some(vec!["a: b"]));
        assert_eq!(values("failed: {}", "failed: "), None);
        assert_eq!(values("é{}", "è"), None);
        assert_eq!(
            cause(
                Language::French,
                None,
                &Cause::LastRun(Outcome::Failed, Box::new("/v: the disk is full".into()))
            ),
            "la dernière synchronisation a échoué\u{a0}: /v\u{a0}: le disque est plein"
        );
        assert_eq!(
            plain("7 of 9 packages held"),
            "paquets présents\u{a0}: 7 sur 9"
        );
    }

    #[test]
    fn what_is_not_known_is_named_by_its_code() {
        assert_eq!(
            pieces(Language::French, None, "odd"),
            [Piece::Foreign("odd")]
        );
        assert_eq!(
            pieces(Language::English, Some(&Code::StoreOpen.into()), "odd"),
            [Piece::Own("odd".into())]
        );
        assert_eq!(
            text(
                Language::French,
                Some(&Code::PackageEmpty.into()),
                "an odd thing"
            ),
            "le serveur central donne un paquet vide (an odd thing)"
        );
        assert_eq!(
            cause(
                Language::French,
                Some(&Code::PackageEmpty.into()),
                &Cause::NeverComplete(Some(Box::new("an odd thing".into())))
            ),
            "le catalogue n’a jamais été complet\u{a0}: le serveur central donne un paquet vide (an odd thing)"
        );
        let dns = Some(Code::NetDns.into());
        let told = "the name c.example has no address: something is odd";
        let told = pieces(Language::French, dns.as_ref(), told);
        assert!(
            told.contains(&Piece::Foreign("something is odd")),
            "{told:?}"
        );
    }

    #[test]
    fn a_detail_in_english_is_not_led_to_twice() {
        let words = LibraryWords::from("its CRC-32 is wrong");
        let told = PackageCause::Zip { flaw: words }.into();
        assert_eq!(
            cause(
                Language::French,
                Some(&Code::PackageEmpty.into()),
                &Cause::NeverComplete(Some(Box::new(told)))
            ),
            "le catalogue n’a jamais été complet\u{a0}: le zip du paquet est inutilisable (its CRC-32 is wrong)"
        );
    }

    #[test]
    fn patterns_and_translations_hold_the_same_values() {
        for (english, french) in pairs() {
            let count = english.matches("{}").count();
            for slot in 1..=count {
                assert!(french.contains(&format!("{{{slot}}}")), "{french}");
            }
            assert_eq!(french.matches('{').count(), count, "{french}");
        }
        let lines = SENTENCES.lines().filter(|line| !line.starts_with("# "));
        assert_eq!(lines.count(), pairs().count());
    }
}
