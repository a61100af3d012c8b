//! Text as macros of man(7): headings, paragraphs, items, text that stands as it is.
//! Never lets a word of the text be read as a macro or an escape.
//! Called by `manual`.

use std::fmt::Write as _;

/// Columns of a line of the source: mandoc warns beyond 80.
const WIDTH: usize = 76;

/// A page in the making.
pub(super) struct Roff(String);

impl Roff {
    /// A page of a title in capitals, its section of the manual and its date (YYYY-MM-DD).
    pub(super) fn new(title: &str, section: u8, date: &str) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        Self(format!(
            ".TH {title} {section} {date} \"boxsync {version}\" \"boxsync\"\n.ad l\n"
        ))
    }

    /// The section NAME, which whatis(1) reads.
    pub(super) fn name(&mut self, name: &str, about: &str) {
        let _ = write!(
            self.0,
            ".SH NAME\n{} \\- {}\n",
            escaped(name),
            escaped(about)
        );
    }

    pub(super) fn section(&mut self, title: &str) {
        let _ = writeln!(self.0, ".SH \"{}\"", escaped(title));
    }

    pub(super) fn subsection(&mut self, title: &str) {
        let _ = writeln!(self.0, ".SS \"{}\"", escaped(title));
    }

    /// A paragraph; what stands between backticks becomes bold.
    pub(super) fn text(&mut self, text: &str) {
        // A heading opens the first paragraph of its own.
        let heading = self
            .0
            .lines()
            .last()
            .is_some_and(|line| line.starts_with(".S"));
        if !heading {
            self.0.push_str(".PP\n");
        }
        self.fill(text);
    }

    /// A term and what it means.
    pub(super) fn item(&mut self, term: &str, meaning: &str) {
        let _ = write!(self.0, ".TP\n\\fB{}\\fR\n", escaped(term));
        self.fill(meaning);
    }

    /// Lines that stay as they are.
    pub(super) fn verbatim(&mut self, text: &str) {
        self.0.push_str(".PP\n.nf\n");
        for line in text.lines() {
            self.0.push_str(&safe(&escaped(line)));
            self.0.push('\n');
        }
        self.0.push_str(".fi\n");
    }

    pub(super) fn end(self) -> String {
        self.0
    }

    fn fill(&mut self, text: &str) {
        let mut line = String::new();
        let mut bold = false;
        for word in text.split_whitespace() {
            let word = emphasised(word, &mut bold);
            if !line.is_empty() && line.len() + 1 + word.len() > WIDTH {
                let _ = writeln!(self.0, "{}", safe(&line));
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word);
        }
        let _ = writeln!(self.0, "{}", safe(&line));
    }
}

/// A word whose backticks are the bold fount's beginning and end.
fn emphasised(word: &str, bold: &mut bool) -> String {
    let mut out = String::new();
    for (at, part) in word.split('`').enumerate() {
        if at > 0 {
            *bold = !*bold;
            out.push_str(if *bold { "\\fB" } else { "\\fR" });
        }
        out.push_str(&escaped(part));
    }
    out
}

/// A line that no formatter takes for a macro.
fn safe(line: &str) -> String {
    match line.starts_with(['.', '\'']) {
        true => format!("\\&{line}"),
        false => line.to_owned(),
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\e"),
            '-' => out.push_str("\\-"),
            '\'' => out.push_str("\\(aq"),
            '"' => out.push_str("\\(dq"),
            '^' => out.push_str("\\(ha"),
            '~' => out.push_str("\\(ti"),
            '`' => out.push_str("\\(ga"),
            ascii if ascii.is_ascii() => out.push(ascii),
            other => {
                let _ = write!(out, "\\[u{:04X}]", u32::from(other));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_never_a_macro_or_an_escape() {
        let mut page = Roff::new("X", 1, "2026-01-01");
        page.text(".SH `a\\b` -x 'y' \"z\" …");
        page.verbatim(".fi\n'br");
        let lines: Vec<&str> = page.0.lines().skip(2).collect();
        let text = "\\&.SH \\fBa\\eb\\fR \\-x \\(aqy\\(aq \\(dqz\\(dq \\[u2026]";
        assert_eq!(
            lines,
            [".PP", text, ".PP", ".nf", "\\&.fi", "\\(aqbr", ".fi"]
        );
    }
}
