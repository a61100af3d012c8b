//! What is wrong with a command line, in French: clap has its words in English alone.
//! Never decides what is wrong, and never speaks where clap says something that is not known here.
//! Called by `cli`.

use std::num::ParseIntError;

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use logic::fault::Fault;
use logic::language::Language;
use logic::phrase;

/// The message as `clap` renders it, in French; `None` for what has no French.
pub(super) fn french(error: &Error) -> Option<String> {
    let mut told = format!("erreur : {}", mistake(error)?);
    for (kind, before) in [
        (ContextKind::ValidValue, "valeurs possibles"),
        (ContextKind::ValidSubcommand, "commandes"),
    ] {
        if let Some(words) = words(error, kind, ", ") {
            told += &format!("\n  [{before} : {words}]");
        }
    }
    for kind in [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
    ] {
        if let Some(words) = words(error, kind, "', '") {
            told += &format!("\n\n  conseil : ce qui existe et y ressemble : '{words}'");
        }
    }
    if let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) {
        let usage = usage.to_string().replacen("Usage:", "Utilisation :", 1);
        told += &format!("\n\n{usage}");
    }
    told += "\n\nPour en savoir plus, essayer '--help'.";
    Some(told)
}

/// What is wrong.
fn mistake(error: &Error) -> Option<String> {
    let word = |kind| words(error, kind, "\n  ");
    let argument = || word(ContextKind::InvalidArg);
    Some(match error.kind() {
        ErrorKind::UnknownArgument => format!("argument inattendu '{}'", argument()?),
        ErrorKind::InvalidSubcommand => {
            let verb = word(ContextKind::InvalidSubcommand)?;
            format!("commande inconnue '{verb}'")
        }
        ErrorKind::MissingSubcommand => {
            let verb = word(ContextKind::InvalidSubcommand)?;
            format!("'{verb}' demande une commande")
        }
        ErrorKind::MissingRequiredArgument => format!("il manque :\n  {}", argument()?),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            match word(ContextKind::InvalidValue)?.as_str() {
                "" => format!("'{}' demande une valeur", argument()?),
                value => {
                    let argument = argument()?;
                    format!(
                        "valeur '{value}' non valable pour '{argument}'{}",
                        why(error)
                    )
                }
            }
        }
        ErrorKind::TooManyValues => {
            let value = word(ContextKind::InvalidValue)?;
            format!("valeur '{value}' de trop pour '{}'", argument()?)
        }
        ErrorKind::ArgumentConflict => {
            let (argument, other) = (argument()?, word(ContextKind::PriorArg)?);
            match argument == other {
                true => format!("'{argument}' est donné plusieurs fois"),
                false => format!("'{argument}' ne va pas avec :\n  {other}"),
            }
        }
        _ => return None,
    })
}

/// Why a value is none, where boxsync's own reader or the one of numbers says it.
fn why(error: &Error) -> String {
    let Some(source) = std::error::Error::source(error) else {
        return String::new();
    };
    if let Some(fault) = source.downcast_ref::<Fault>() {
        let why = phrase::cause(Language::French, None, &fault.cause);
        return format!(" : {why}");
    }
    match source.is::<ParseIntError>() {
        true => " : un nombre entier est attendu".into(),
        false => String::new(),
    }
}

/// The words of a kind, where there are any.
fn words(error: &Error, kind: ContextKind, between: &str) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(word) => Some(word.clone()),
        ContextValue::Strings(all) if !all.is_empty() => Some(all.join(between)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, FromArgMatches};

    use logic::language::plain;

    use super::super::Command;
    use super::*;

    /// What a command line is refused with, in French; and as clap says it.
    fn refused(line: &[&str]) -> (Option<String>, String) {
        let words = ["boxsync"].iter().chain(line);
        let read = Command::command().try_get_matches_from(words);
        let read = read.and_then(|matches| Command::from_arg_matches(&matches));
        let error = read.unwrap_err();
        (
            french(&error).map(|told| plain(&told)),
            error.render().to_string(),
        )
    }

    #[test]
    fn what_is_wrong_with_a_command_line_is_said_in_french() {
        let table: [(&[&str], &str, &str); 14] = [
            (
                &["frob"],
                "commande inconnue 'frob'",
                "unrecognized subcommand 'frob'",
            ),
            (
                &["sync", "--frob"],
                "argument inattendu '--frob'",
                "unexpected argument '--frob' found",
            ),
            (
                &["history", "--limit"],
                "'--limit <N>' demande une valeur",
                "a value is required for '--limit <N>' but none was supplied",
            ),
            (
                &["history", "--limit", "x"],
                "valeur 'x' non valable pour '--limit <N>' : un nombre entier est attendu",
                "invalid value 'x' for '--limit <N>': invalid digit found in string",
            ),
            (
                &["sync", "--type", "foo"],
                "valeur 'foo' non valable pour '--type <TYPE>'\n  [valeurs possibles : test-center, administrator, proctor, test-taker, eligibility, delivery]",
                "invalid value 'foo' for '--type <TYPE>'\n  [possible values: test-center, administrator, proctor, test-taker, eligibility, delivery]",
            ),
            (
                &["enroll"],
                "il manque :\n  --login <LOGIN>\n  --password-file <FILE>",
                "the following required arguments were not provided:\n  --login <LOGIN>\n  --password-file <FILE>",
            ),
            (
                &["sync", "--now=1"],
                "valeur '1' de trop pour '--now'",
                "unexpected value '1' for '--now' found; no more were expected",
            ),
            (
                &["sync", "--json", "--json"],
                "'--json' est donné plusieurs fois",
                "the argument '--json' cannot be used multiple times",
            ),
            (
                &["sync", "--results", "--data"],
                "'--results' ne va pas avec",
                "the argument '--results' cannot be used with '--data'",
            ),
            (
                &["completions", "zs"],
                "conseil : ce qui existe et y ressemble : 'zsh'",
                "tip: a similar value exists: 'zsh'",
            ),
            (
                &["statu"],
                "conseil : ce qui existe et y ressemble : 'stats', 'status'",
                "tip: some similar subcommands exist: 'stats', 'status'",
            ),
            (
                &["pause", "--for", "soon"],
                "valeur 'soon' non valable pour '--for <TIME>' : attendu : des secondes, ou des nombres entiers avec d, h, m, s dans cet ordre",
                "invalid value 'soon' for '--for <TIME>': expected seconds, or whole numbers with d, h, m, s in this order",
            ),
            (
                &["pause", "--for", "2d"],
                "une pause dure 24h au plus",
                "invalid value '2d' for '--for <TIME>': a pause lasts 24h at most",
            ),
            (
                &["rate", "much"],
                "attendu : une taille : des octets entiers",
                "invalid value 'much' for '<SIZE>': expected a size: whole bytes, or a whole number",
            ),
        ];
        for (line, expected, english) in table {
            let (french, plain) = refused(line);
            let french = french.unwrap_or_else(|| panic!("no French: {plain}"));
            assert!(french.starts_with("erreur : "), "{french}");
            assert!(french.contains(expected), "{french}");
            assert!(french.ends_with("essayer '--help'."), "{french}");
            // What clap says is as it ever was.
            assert!(plain.contains(english), "{plain}");
            assert_eq!(
                plain.contains("Usage: "),
                french.contains("Utilisation : "),
                "{french}"
            );
            for word in ["error", "Usage", "tip:", "values", "expected", "For more"] {
                assert!(!french.contains(word), "{word}: {french}");
            }
        }
    }

    #[test]
    fn help_is_no_mistake() {
        assert_eq!(refused(&["--help"]).0, None);
        assert_eq!(refused(&[]).0, None);
    }
}
