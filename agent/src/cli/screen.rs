//! What people and machines read: data on stdout, words on stderr, colour and bars only on a terminal.
//! Never prints a person's name unless a verb was asked for entities.
//! Called by every verb.

mod columns;

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::{self, ErrorKind, IsTerminal, Write};

use logic::fault::{Code, CodeName, Fault, OsCause, RunCause};
use logic::language::{Language, Locale, Localized, figure, plain};
use logic::outside;
use logic::phrase;
use logic::words::FaultClass;
use serde_json::{Value as Json, json};

use super::words::Term;
pub(super) use columns::{ListLayout, ListRow, pairs, table, things};

/// No screen is taken for wider than this, nor for narrower.
const WIDEST: usize = 80;
const NARROWEST: usize = 40;

/// The status of a process that SIGPIPE ends, as a shell tells it: 128 + 13.
const PIPE_CLOSED: u8 = 141;
/// The sequences that `paint` writes (ECMA-48 8.3.117); no other text may have them.
const PAINT: [&str; 4] = ["\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"];

/// How this process writes: the one way to stdout.
pub(super) struct Screen {
    /// Machines read stdout.
    pub(super) json: bool,
    /// People watch stderr.
    pub(super) live: bool,
    /// The cursor of stderr may be moved.
    pub(super) moves: bool,
    pub(super) colour: bool,
    /// Columns of a line.
    pub(super) width: usize,
    /// What a person is spoken to in.
    pub(super) language: Language,
    /// Why stdout takes no more.
    fault: RefCell<Option<io::Error>>,
}

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Doubt,
    Bad,
}

impl Screen {
    pub(super) fn new(json: bool) -> Self {
        let live = std::io::stderr().is_terminal();
        // https://no-color.org; a terminal that says that it is dumb has no cursor to move either.
        let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            json,
            live,
            moves: live && !plain,
            colour: io::stdout().is_terminal() && !plain,
            width: columns(io::stdout()),
            language: language(),
            fault: RefCell::default(),
        }
    }

    /// A text in the language of this terminal; blanks that may not break a line are still marked.
    pub(super) fn told(&self, text: &(impl Localized + ?Sized)) -> String {
        text.localized(self.language)
    }

    /// Neither colour nor bars, as in a file.
    #[cfg(test)]
    pub(super) fn plain(width: usize) -> Self {
        Self::spoken(width, Language::English)
    }

    /// The same in a language.
    #[cfg(test)]
    pub(super) fn spoken(width: usize, language: Language) -> Self {
        Self {
            json: false,
            live: false,
            moves: false,
            colour: false,
            width,
            language,
            fault: RefCell::default(),
        }
    }

    /// A line of data for people.
    pub(super) fn line(&self, text: &str) {
        self.data(format!("{}\n", shown(&plain(text))).as_bytes());
    }

    /// Text that boxsync made itself: for people as it is, for machines within an object.
    pub(super) fn text(&self, name: &str, text: &str) {
        match self.json {
            true => self.object(json!({ name: text })),
            false => self.data(text.as_bytes()),
        }
    }

    /// Bytes for stdout. The first that cannot be written are the last that are tried: `end` tells it.
    pub(super) fn data(&self, bytes: &[u8]) {
        if !self.is_closed() {
            let mut out = io::stdout().lock();
            let written = out.write_all(bytes).and_then(|()| out.flush());
            *self.fault.borrow_mut() = written.err();
        }
    }

    /// Whether nobody gets what else is written: a long list may end.
    pub(super) fn is_closed(&self) -> bool {
        self.fault.borrow().is_some()
    }

    /// The exit status: a pipe whose reader has gone ends quietly as SIGPIPE would, other data that were lost are told.
    pub(super) fn end(&self, status: u8) -> u8 {
        let Some(fault) = self.fault.take() else {
            return status;
        };
        if fault.kind() == ErrorKind::BrokenPipe {
            return PIPE_CLOSED;
        }
        let why = OsCause::from(&fault);
        let trouble = Fault::new(Code::OutputFailed, RunCause::OutputFailed { why })
            .classed(FaultClass::Operator);
        self.tell(&trouble);
        status.max(trouble.outcome.exit())
    }

    /// An object for machines; `schema` is added.
    pub(super) fn object(&self, mut object: Json) {
        if let Some(map) = object.as_object_mut() {
            map.entry("schema").or_insert(json!(1));
        }
        self.data(format!("{}\n", outside::json(&object)).as_bytes());
    }

    /// An act without data is done: in words, and for machines as an object too.
    pub(super) fn done(&self, words: &impl Localized) {
        self.say(&self.told(words));
        if self.json {
            self.object(json!({ "outcome": "finished", "code": "ok", "reason": words.english() }));
        }
    }

    /// Words beside the data.
    pub(super) fn say(&self, text: &str) {
        let _ = writeln!(io::stderr(), "{}", shown(&plain(text)));
    }

    /// The same in lines that are no wider than the screen.
    pub(super) fn say_folded(&self, words: &impl Localized) {
        fold(&self.told(words), self.width).for_each(|line| self.say(&line));
    }

    /// Words for stdout, in such lines.
    pub(super) fn line_folded(&self, words: &impl Localized) {
        fold(&self.told(words), self.width).for_each(|line| self.line(&line));
    }

    /// What went wrong, for people; for machines an object too. Whoever watches is told what to do as well.
    pub(super) fn trouble(&self, trouble: &Fault) {
        self.tell(trouble);
        if self.json {
            let mut object = json!(trouble.finding());
            object["outcome"] = trouble.outcome.word().into();
            self.object(object);
        }
    }

    /// What is wrong beside what a verb is asked for, for people.
    pub(super) fn notice(&self, trouble: &Fault) {
        self.tell(trouble);
    }

    fn tell(&self, trouble: &Fault) {
        let code = trouble.code.into();
        let reason = phrase::cause(self.language, Some(&code), &trouble.cause);
        let told = format!("boxsync: {reason} [{code}]");
        if self.live {
            let width = columns(io::stderr());
            for line in told.lines().flat_map(|line| remedied(line, width)) {
                self.say(&line);
            }
            let advice = advice(self.language, &code, width);
            advice.iter().for_each(|line| self.say(line));
        } else {
            self.say(&told);
        }
    }

    /// Text in the colour of its mood, on a terminal.
    pub(super) fn paint(&self, mood: Tone, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match mood {
            Tone::Good => 32,
            Tone::Doubt => 33,
            Tone::Bad => 31,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// A text as it may reach a terminal: of what moves it, only the ends of lines and boxsync's own colours.
fn shown(text: &str) -> Cow<'_, str> {
    let Some((at, paint)) = PAINT
        .iter()
        .filter_map(|paint| Some((text.find(paint)?, paint)))
        .min()
    else {
        return outside::escaped_lines(text);
    };
    let (before, after) = (&text[..at], &text[at + paint.len()..]);
    format!("{}{paint}{}", outside::escaped_lines(before), shown(after)).into()
}

/// The columns of the terminal that a stream leads to.
fn columns(stream: impl std::os::fd::AsFd) -> usize {
    let columns = terminal_size::terminal_size_of(stream).map(|(width, _)| usize::from(width.0));
    columns.unwrap_or(WIDEST).clamp(NARROWEST, WIDEST)
}

/// What the environment says of the language.
fn language() -> Language {
    let of = |name| std::env::var(name).unwrap_or_default();
    Language::of_locale(Locale {
        language: &of("LANGUAGE"),
        lc_all: &of("LC_ALL"),
        lc_messages: &of("LC_MESSAGES"),
        lang: &of("LANG"),
    })
}

/// The one thing to do about a code; a command that does not fit behind the words has a line of its own.
pub(super) fn advice(language: Language, code: &CodeName, width: usize) -> Vec<String> {
    let remedy = phrase::remedy(language, code).into_owned();
    remedied(&Term::Todo { remedy }.localized(language), width)
}

/// A text with commands between backticks: none is broken as long as it fits a line. One that does not has lines of its
/// own, without backticks, that the shell takes for one: so every command can be pasted.
pub(super) fn remedied(text: &str, width: usize) -> Vec<String> {
    let (mut lines, mut before) = (Vec::new(), String::new());
    for (at, part) in text.split('`').enumerate() {
        let fits = part.chars().count() + 3 <= width;
        match at % 2 {
            // What ended the sentence behind such a command is not needed.
            0 if before.is_empty() && at > 0 => before += part.trim_start_matches(['.', ',', ';']),
            0 => before.push_str(part),
            _ if fits => before += &format!("`{}`", part.replace(' ', "\u{a0}")),
            _ => {
                lines.extend(fold(&std::mem::take(&mut before), width));
                lines.extend(continued(part, width));
            }
        }
    }
    lines.extend(fold(&before, width));
    lines
}

/// A command in lines that a shell takes for one.
fn continued(command: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = fold(command, width - 2).collect();
    let last = lines.len().saturating_sub(1);
    for line in &mut lines[..last] {
        line.push_str(" \\");
    }
    lines
}

/// Text in lines of at most `width` characters, broken at blanks but not at U+00A0 or U+202F; a longer word has a line of
/// its own.
pub(super) fn fold(text: &str, width: usize) -> impl Iterator<Item = String> + use<> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text
        .split([' ', '\n', '\t'])
        .filter(|word| !word.is_empty())
    {
        let taken = line.chars().count();
        if taken > 0 && taken + 1 + word.chars().count() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&plain(word));
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines.into_iter()
}

/// At most `width` characters, an ellipsis where something is missing.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// A UTC time as people read it: 2026-11-24 15:30 UTC.
pub(super) fn time(language: Language, wall: i64) -> String {
    figure::moment(language, wall, 0)
}

/// Holds a screen against its file: no line wider than it, none with blanks at its end.
#[cfg(test)]
#[track_caller]
pub(super) fn held(name: &str, lines: &[String], width: usize) {
    let lines: Vec<String> = lines.iter().map(|line| plain(line)).collect();
    let wide: Vec<&String> = lines
        .iter()
        .filter(|line| line.chars().count() > width)
        .collect();
    assert!(wide.is_empty(), "wider than {width}: {wide:#?}");
    assert!(
        lines.iter().all(|line| line.trim_end() == line),
        "{lines:#?}"
    );
    crate::fixture::held(&format!("{name}.txt"), &(lines.join("\n") + "\n"));
}

/// Holds a screen against its files: in both languages, as wide as a terminal, a split one, and the narrowest.
#[cfg(test)]
#[track_caller]
pub(super) fn each(name: &str, lines: impl Fn(&Screen) -> Vec<String>) {
    for language in [Language::English, Language::French] {
        for width in [80, 60, 40] {
            let lines = lines(&Screen::spoken(width, language));
            held(&format!("{name}-{}-{width}", language.tag()), &lines, width);
        }
    }
}

/// The same as a terminal shows it, for its picture.
#[cfg(test)]
#[track_caller]
pub(super) fn coloured(name: &str, lines: impl Fn(&Screen) -> Vec<String>) {
    let colour = Screen {
        colour: true,
        ..Screen::plain(80)
    };
    let lines = lines(&colour).join("\n");
    crate::fixture::held(&format!("{name}.ansi"), &(plain(&lines) + "\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_blanks_that_may_break() {
        let told = fold("one two\u{a0}three four", 10).collect::<Vec<_>>();
        assert_eq!(told, ["one", "two three", "four"]);
        let rows = [
            ("a".to_owned(), "b c".to_owned()),
            ("long".to_owned(), "d".to_owned()),
        ];
        assert_eq!(pairs(&rows, 7), ["a     b", "      c", "long  d"]);
    }

    #[test]
    fn a_command_can_be_pasted_however_narrow_the_screen() {
        let text = "Run `boxsync results retry ID`, or `boxsync enroll --login L --password-file F`. Then look.";
        assert_eq!(
            remedied(text, 34),
            [
                "Run `boxsync results retry ID`, or",
                "boxsync enroll --login L \\",
                "--password-file F",
                "Then look."
            ]
        );
        assert_eq!(
            remedied(text, 80),
            [
                "Run `boxsync results retry ID`, or `boxsync enroll --login L --password-file F`.",
                "Then look."
            ]
        );
    }

    #[test]
    fn an_id_is_never_cut() {
        let row = |id: &str, said: &str| {
            (
                vec!["held".to_owned(), "7 B".to_owned()],
                id.to_owned(),
                said.to_owned(),
            )
        };
        let short = [row("x", ""), row("y", "odd")];
        assert_eq!(
            things(&short, 20),
            ["held  7 B  x", "held  7 B  y", "    odd"]
        );
        let long = [row("x", ""), row("https://central.example/#i1", "")];
        assert_eq!(
            things(&long, 20),
            [
                "held  7 B",
                "    x",
                "held  7 B",
                "    https://central.example/#i1"
            ]
        );
    }

    #[test]
    fn a_long_list_is_laid_out_a_screen_at_a_time_in_the_columns_before() {
        let thing = |nth: usize| {
            let state = if nth == 0 { "unconfirmed" } else { "queued" };
            (
                vec![state.to_owned(), "7 B".to_owned()],
                format!("i{nth}"),
                String::new(),
            )
        };
        let rows: Vec<ListRow> = (0..100).map(thing).collect();
        let mut list = ListLayout::new(80);
        let mut lines = Vec::new();
        for (nth, row) in rows.iter().enumerate() {
            lines.extend(list.push(row.clone()));
            let ready = (nth + 1) / ListLayout::TOGETHER * ListLayout::TOGETHER;
            assert_eq!(lines.len(), ready, "a line that is ready is not held back");
        }
        lines.extend(list.end());
        assert_eq!(lines, things(&rows, 80));
    }

    #[test]
    fn a_table_fits_eighty_columns_and_aligns_numbers() {
        let rows = vec![
            vec!["test-taker".into(), "300".into()],
            vec!["delivery".into(), "7".into()],
            vec!["x".repeat(100)],
            vec!["proctor".into(), "3 new".into()],
        ];
        let lines = table(&rows, 80);
        assert!(lines.iter().all(|line| line.chars().count() <= 80));
        assert!(lines[0].ends_with("  300") && lines[1].ends_with("    7"));
        assert_eq!(lines[3], "proctor     3 new");
    }
}
