//! The manual pages: boxsync(1) with all verbs, boxsync.toml(5), boxsync-codes(7), as roff (man(7)).
//! Never names a page that is not made here.
//! Called by `man`.

use std::fmt::Write as _;

use clap::{Command, ValueEnum};
use logic::fault::Code;
use logic::settings::Settings;

/// The pages, by name and section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Page {
    /// boxsync(1): the verbs.
    #[value(name = "boxsync")]
    Verbs,
    /// boxsync.toml(5): the configuration.
    #[value(name = "boxsync.toml")]
    Configuration,
    /// boxsync-codes(7): what stands in brackets behind a message.
    #[value(name = "boxsync-codes")]
    Codes,
}

impl Page {
    pub(super) fn roff(self, mut command: Command) -> String {
        command.build();
        let mut out = String::new();
        match self {
            Self::Verbs => verbs(&command, &mut out),
            Self::Configuration => configuration(&mut out),
            Self::Codes => codes(&mut out),
        }
        let others = [Self::Verbs, Self::Configuration, Self::Codes];
        let others = others.iter().filter(|page| **page != self);
        let named = others.map(|page| {
            let (name, section, _) = page.heading();
            format!(".BR {} ({section})", plain(name))
        });
        let named: Vec<_> = named.collect();
        let _ = writeln!(out, ".SH SEE ALSO\n{}", named.join(" ,\n"));
        out
    }

    fn heading(self) -> (&'static str, u8, &'static str) {
        match self {
            Self::Verbs => (
                "boxsync",
                1,
                "keeps a test-centre box in step with a TAO central server",
            ),
            Self::Configuration => ("boxsync.toml", 5, "the configuration of boxsync"),
            Self::Codes => (
                "boxsync-codes",
                7,
                "what the codes of boxsync mean, and what to do",
            ),
        }
    }

    fn head(self, out: &mut String) {
        let (name, section, what) = self.heading();
        let version = env!("CARGO_PKG_VERSION");
        let _ = writeln!(
            out,
            ".TH {name} {section} \"\" \"boxsync {version}\"\n.SH NAME\n{} \\- {what}",
            plain(name)
        );
    }
}

fn verbs(command: &Command, out: &mut String) {
    Page::Verbs.head(out);
    let _ = writeln!(
        out,
        ".SH SYNOPSIS\n.B boxsync\n[\\fIOPTIONS\\fR] \\fIVERB\\fR\n.SH OPTIONS"
    );
    options(command, out);
    out.push_str(".SH VERBS\n");
    below(command, "boxsync", out);
    literal(&text(command.get_after_help()), out);
    let files = [
        (
            "/etc/boxsync/boxsync.toml, /etc/boxsync/boxsync.d/*.toml",
            "The configuration.",
        ),
        ("/var/lib/boxsync/", "What the box holds and owes, sealed."),
        ("/run/boxsync/boxsync.sock", "The local API."),
    ];
    out.push_str(".SH FILES\n");
    for (path, what) in files {
        let _ = writeln!(out, ".TP\n.I {}\n{what}", plain(path));
    }
}

/// Each verb, and those below it.
fn below(command: &Command, above: &str, out: &mut String) {
    let verbs = command.get_subcommands();
    for verb in verbs.filter(|verb| !verb.is_hide_set() && verb.get_name() != "help") {
        let name = format!("{above} {}", verb.get_name());
        let mut shown = verb.clone().bin_name(name.clone());
        let usage = shown.render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ");
        let _ = writeln!(
            out,
            ".SS {}\n{}",
            plain(&name),
            plain(&text(verb.get_about()))
        );
        literal(usage, out);
        options(verb, out);
        literal(&text(verb.get_after_help()), out);
        below(verb, &name, out);
    }
}

fn options(command: &Command, out: &mut String) {
    let own = command.get_arguments().filter(|option| {
        let id = option.get_id().as_str();
        // Said once, at the top.
        !option.is_hide_set()
            && id != "help"
            && (!option.is_global_set() || command.get_name() == "boxsync")
    });
    for option in own {
        let _ = writeln!(
            out,
            ".TP\n.B {}\n{}",
            plain(&option.to_string()),
            plain(&text(option.get_help()))
        );
    }
}

fn configuration(out: &mut String) {
    Page::Configuration.head(out);
    out.push_str(
        ".SH DESCRIPTION\nTOML in /etc/boxsync/boxsync.toml, then the files of /etc/boxsync/boxsync.d in the order of their\n\
         names, then the environment: BOXSYNC_SECTION_KEY. What follows is every key with its meaning and its default.\n\
         .B boxsync config check\nsays what is wrong,\n.B boxsync config show\nwhat is in force.\n",
    );
    literal(&Settings::document(), out);
}

fn codes(out: &mut String) {
    Page::Codes.head(out);
    out.push_str(".SH DESCRIPTION\nA code stands in brackets behind a message, and in the field CODE of the journal.\n");
    for code in Code::ALL {
        let (name, title) = (plain(code.name()), plain(code.title()));
        let (text, remedy) = (plain(code.text()), plain(code.remedy()));
        let _ = writeln!(
            out,
            ".SS {name}\n{title}.\n.PP\n{text}\n.PP\nWhat to do: {remedy}"
        );
    }
}

fn text(styled: Option<&clap::builder::StyledStr>) -> String {
    styled.map(ToString::to_string).unwrap_or_default()
}

/// Lines as they stand.
fn literal(text: &str, out: &mut String) {
    if !text.trim().is_empty() {
        let _ = writeln!(out, ".PP\n.nf\n{}\n.fi", plain(text.trim_end()));
    }
}

/// Text in which roff sees no request and no escape, in ASCII (groff_char(7)).
fn plain(text: &str) -> String {
    let line = |line: &str| {
        let mut out = String::new();
        if line.starts_with(['.', '\'']) {
            out.push_str("\\&");
        }
        for c in line.chars() {
            match c {
                '\\' => out.push_str("\\e"),
                '-' => out.push_str("\\-"),
                c if c.is_ascii() => out.push(c),
                c => out.push_str(&format!("\\[u{:04X}]", u32::from(c))),
            }
        }
        out
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn each_page_is_whole_and_names_no_page_that_is_not_made() {
        let pages = Page::value_variants();
        let headings: Vec<String> = pages
            .iter()
            .map(|page| format!(".BR {} ({})", plain(page.heading().0), page.heading().1))
            .collect();
        for page in pages {
            let roff = page.roff(crate::cli::Command::command());
            assert!(roff.is_ascii() && roff.starts_with(".TH boxsync"), "{roff}");
            let named = roff.lines().filter(|line| line.starts_with(".BR "));
            let named: Vec<_> = named.map(|line| line.trim_end_matches(" ,")).collect();
            assert_eq!(named.len(), pages.len() - 1);
            for name in named {
                assert!(headings.iter().any(|heading| heading == name), "{name}");
            }
        }
        let verbs = Page::Verbs.roff(crate::cli::Command::command());
        for verb in ["credentials import", "key rotate", "packages export"] {
            assert!(verbs.contains(&format!(".SS boxsync {verb}\n")), "{verbs}");
        }
        let codes = Page::Codes.roff(crate::cli::Command::command());
        let listed = codes.lines().filter(|line| line.starts_with(".SS "));
        assert_eq!(listed.count(), Code::ALL.len());
    }
}
