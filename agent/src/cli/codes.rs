//! `doctor explain`: one code at length, or all of them, a line each.
//! Never words of its own: they stand in the tables of `logic::fault`.
//! Called by `doctor` and `manual`; `docs/codes.md` is the same table, a test compares them.

use logic::fault::{Code, Fault, InputCause, nearest};
use logic::language::{Language, typeset};
use logic::phrase;
use logic::texts::inflated;
use serde_json::{Value as Json, json};

use super::screen::{Screen, advice, fold, pairs};

/// What the codes mean and where they come from: a line each, after its name. As texts they would be a hundredth of the program.
pub(super) struct Explanations(String);

impl Explanations {
    /// As the build deflated them.
    pub(super) fn read() -> Self {
        let deflated = include_bytes!(concat!(env!("OUT_DIR"), "/explanations.txt.deflate"));
        Self(inflated(deflated))
    }

    /// That of one code.
    pub(super) fn of(&self, code: Code) -> &str {
        let mut lines = self.0.lines().filter_map(|line| line.split_once(' '));
        let own = lines.find(|(name, _)| *name == code.name());
        own.map_or("", |(_, text)| text)
    }
}

/// Tells a code at length; without one, what there is.
///
/// # Errors
/// `input.code` for a code that this boxsync does not know, with the one that is written most like it.
pub(super) fn explain(wanted: Option<&str>, screen: &Screen) -> Result<u8, Fault> {
    let Some(wanted) = wanted else {
        return Ok(list(screen));
    };
    let wanted = wanted.trim_matches(['[', ']']);
    let Some(code) = Code::of(wanted) else {
        let (near, wanted) = (nearest(wanted), wanted.into());
        let cause = match near.map(|near| near.to_string()) {
            Some(near) => InputCause::NoCode { wanted, near },
            None => InputCause::UnknownCode { wanted },
        };
        return Err(Fault::new(Code::InputCode, cause));
    };
    if screen.json {
        screen.object(object(code, &Explanations::read()));
        return Ok(0);
    }
    for line in explained(code, screen.language, screen.width) {
        screen.line(&line);
    }
    Ok(0)
}

fn list(screen: &Screen) -> u8 {
    if screen.json {
        let explanations = Explanations::read();
        let object = |code| object(code, &explanations);
        let codes: Vec<_> = sorted().into_iter().map(object).collect();
        screen.object(json!({ "codes": codes }));
    } else {
        for line in listed(screen.language, screen.width) {
            screen.line(&line);
        }
    }
    0
}

fn object(code: Code, explanations: &Explanations) -> Json {
    json!({
        "code": code, "title": code.title(), "text": explanations.of(code), "remedy": code.remedy(),
    })
}

/// By name, as they are looked for.
fn sorted() -> Vec<Code> {
    let mut codes = Code::ALL.to_vec();
    codes.sort_by_key(|code| code.name());
    codes
}

fn listed(language: Language, width: usize) -> Vec<String> {
    let title = |code: Code| phrase::title(language, &code.into()).into_owned();
    let row = |code: Code| (code.name().to_owned(), title(code));
    let rows: Vec<_> = sorted().into_iter().map(row).collect();
    pairs(&rows, width)
}

/// The text at length is English alone: that is said where the rest is not.
fn explained(code: Code, language: Language, width: usize) -> Vec<String> {
    let name = code.into();
    let title = phrase::title(language, &name);
    let explanations = Explanations::read();
    let text = explanations.of(code);
    let (colon, text) = match language {
        Language::English => (":", text.to_owned()),
        Language::French => ("\u{a0}:", typeset(&format!("En anglais : {text}"))),
    };
    let mut lines: Vec<String> = fold(&format!("{code}{colon} {title}"), width).collect();
    lines.push(String::new());
    lines.extend(fold(&text, width));
    lines.push(String::new());
    lines.extend(advice(language, &code.into(), width));
    lines
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use logic::fault::Sent;

    use super::super::screen::each;
    use super::*;

    #[test]
    fn a_code_is_told_at_length() {
        let code = Code::NetTlsIssuer;
        each("explain", |screen| {
            explained(code, screen.language, screen.width)
        });
    }

    #[test]
    fn an_unknown_code_is_a_usage_error_that_names_the_nearest() {
        let trouble = explain(Some("net.dsn"), &Screen::plain(80)).unwrap_err();
        assert_eq!(trouble.code, Code::InputCode);
        assert!(trouble.reason().ends_with("net.dns"));
        let trouble = explain(Some("foo"), &Screen::plain(80)).unwrap_err();
        assert!(trouble.reason().ends_with("behind a message"), "{trouble}");
    }

    #[test]
    fn without_a_code_all_of_them_are_told_a_line_each() {
        let lines = listed(Language::English, 80);
        for code in Code::ALL.iter().copied() {
            let line = lines
                .iter()
                .find(|line| line.split_whitespace().next() == Some(code.name()));
            assert!(line.is_some(), "{code}");
        }
        assert_eq!(explain(None, &Screen::plain(80)), Ok(0));
    }

    /// Written anew like the screens: `BOXSYNC_SNAPSHOTS=1 cargo nextest run -p agent -E 'test(codes)'`.
    #[test]
    fn the_document_of_codes_is_the_table() {
        crate::fixture::held("../../../docs/codes.md", &document());
    }

    /// Made like the document, and deflated by the next build.
    #[test]
    fn the_codes_at_length_are_the_table() {
        let line = |code: Code| format!("{code} {}\n", code.text());
        let all: String = sorted().into_iter().map(line).collect();
        crate::fixture::held("../../../agent/src/cli/explanations.txt", &all);
    }

    fn document() -> String {
        let mut text = String::from(
            "# Codes\n\n\
             Everything that boxsync can tell has a code: in brackets behind a message, as `code` in JSON, as `CODE` in \
             the journal.\n`boxsync doctor explain CODE` says the same. A code stays what it is; new ones are added.\n\n\
             Made from the table in `agent/logic/src/fault/`: \
             `BOXSYNC_SNAPSHOTS=1 cargo nextest run -p agent -E 'test(codes)'`.\n\n\
             Class: `retry` passes by itself, `refresh` asks for another token or edition, `give_up` cannot succeed as it \
             is, `operator`: a person has to act.\nExit status of a run that it ends. HTTP: status of the local API. \
             Event: the `MESSAGE_ID` of the journal.\n",
        );
        for code in sorted() {
            let class = serde_json::to_value(code.class()).unwrap();
            let status = Fault::new(code, "").status();
            writeln!(
                text,
                "\n## {code}: {}\n\n{}\n\n{}\n",
                code.title(),
                code.text(),
                code.remedy()
            )
            .unwrap();
            let mut facts = format!(
                "Class `{}` · exit {} · HTTP {status}",
                class.as_str().unwrap(),
                code.outcome().exit()
            );
            match code.sent() {
                Sent::Unsent => facts += " · the request was surely not sent",
                Sent::Sent => facts += " · the request was answered",
                Sent::Unknown => {}
            }
            if let Some((event, id)) = code.event().and_then(|event| Some((event, event.leads()?)))
            {
                write!(facts, " · event `{event}` {id}").unwrap();
            }
            writeln!(text, "{facts}").unwrap();
        }
        text
    }
}
