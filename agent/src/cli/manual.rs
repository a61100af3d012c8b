//! The manual pages: boxsync(1) from the command line, boxsync.toml(5) from the table of keys, boxsync-codes(7) from
//! the catalogue of codes. Never refers to a page that is neither one of these nor one of systemd's.
//! Called by `man`; the package is built with it.

mod roff;

use clap::{Arg, Command, ValueEnum};
use logic::fault::Code;
use logic::settings;

use roff::Roff;

use super::codes::Explanations;

/// The date of the pages: the day of the release (CHANGELOG.md).
const RELEASED: &str = "2026-11-28";

/// One manual page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ManualPage {
    /// boxsync(1): the verbs.
    #[value(name = "boxsync")]
    Verbs,
    /// boxsync.toml(5): the configuration.
    #[value(name = "boxsync.toml")]
    Settings,
    /// boxsync-codes(7): what each code means, and what to do.
    #[value(name = "boxsync-codes")]
    Codes,
}

/// The page as man(7) macros; every line is at most 80 bytes.
pub(super) fn roff(page: ManualPage, command: &Command) -> String {
    match page {
        ManualPage::Verbs => verbs(command),
        ManualPage::Settings => configuration(),
        ManualPage::Codes => codes(),
    }
}

fn verbs(command: &Command) -> String {
    let mut page = Roff::new("BOXSYNC", 1, RELEASED);
    page.name(
        "boxsync",
        "keeps a test-centre box in step with a TAO central server",
    );
    page.section("SYNOPSIS");
    page.text("`boxsync` [OPTIONS] COMMAND [ARGUMENTS]");
    page.section("DESCRIPTION");
    page.text(
        "boxsync brings the catalogue and the test packages of a TAO central server to this box, and takes the \
         candidates' results home. The service boxsync.service runs it as `boxsync run`; every other command is for \
         a person or a script.",
    );
    page.text(
        "`boxsync status` says whether the box is ready for the exam. `boxsync doctor` says what is wrong, the cause \
         first, and the one thing to do.",
    );
    page.section("OPTIONS");
    options(&mut page, command);
    page.section("COMMANDS");
    for verb in visible(command) {
        describe(&mut page, "boxsync", verb);
    }
    page.section("EXIT STATUS");
    for (status, meaning) in [
        ("0", "All well."),
        ("1", "Something failed or was held back."),
        (
            "2",
            "Usage, configuration, or an input file that is malformed.",
        ),
        ("3", "Not enrolled, or refused by central."),
        ("4", "Central cannot be reached."),
        ("5", "Central does not support the VM version of this box."),
    ] {
        page.item(status, meaning);
    }
    page.section("FILES");
    for (path, meaning) in [
        (
            "/etc/boxsync/boxsync.toml",
            "The configuration: boxsync.toml(5).",
        ),
        (
            "/etc/boxsync/boxsync.d/*.toml",
            "Files that override it key by key, in the order of their names.",
        ),
        (
            "/var/lib/boxsync",
            "What the box holds and owes, sealed. Candidates' results wait here until central has acknowledged them.",
        ),
        ("/run/boxsync/boxsync.sock", "The local API of the service."),
        (
            "/etc/credstore, /etc/credstore.encrypted",
            "Secrets for the service: boxsync.key, boxsync.key.sealed, boxsync.enroll, boxsync.enroll.sealed.",
        ),
    ] {
        page.item(path, meaning);
    }
    page.section("ENVIRONMENT");
    page.item(
        "BOXSYNC_SECTION_KEY",
        "Overrides one key of the configuration, for example `BOXSYNC_SYNC_INTERVAL`: boxsync.toml(5) names them all.",
    );
    page.item(
        "HTTPS_PROXY, NO_PROXY",
        "The proxy to central, where `[central]` proxy is not set.",
    );
    page.item(
        "NO_COLOR",
        "No colour, whatever its value unless it is empty.",
    );
    page.section("SEE ALSO");
    page.text("boxsync.toml(5), boxsync-codes(7), journalctl(1), systemctl(1), systemd-creds(1)");
    page.end()
}

fn visible(command: &Command) -> impl Iterator<Item = &Command> {
    let verbs = command.get_subcommands();
    verbs.filter(|verb| !verb.is_hide_set() && verb.get_name() != "help")
}

/// A verb with what it takes, then the verbs below it.
fn describe(page: &mut Roff, above: &str, verb: &Command) {
    let name = format!("{above} {}", verb.get_name());
    page.subsection(&synopsis(&name, verb));
    if let Some(about) = verb.get_long_about().or_else(|| verb.get_about()) {
        page.text(&sentence(&about.to_string()));
    }
    options(page, verb);
    if let Some(after) = verb.get_after_long_help().or_else(|| verb.get_after_help()) {
        page.verbatim(&after.to_string());
    }
    for below in visible(verb) {
        describe(page, &name, below);
    }
}

fn synopsis(name: &str, verb: &Command) -> String {
    let mut words = vec![name.to_owned()];
    for argument in shown(verb).filter(|argument| !argument.is_global_set()) {
        let many = argument
            .get_num_args()
            .is_some_and(|range| range.max_values() > 1)
            || matches!(argument.get_action(), clap::ArgAction::Append);
        let form = form(argument) + if many { "..." } else { "" };
        words.push(if argument.is_required_set() {
            form
        } else {
            format!("[{form}]")
        });
    }
    words.join(" ")
}

fn shown(command: &Command) -> impl Iterator<Item = &Arg> {
    let arguments = command.get_arguments();
    arguments.filter(|argument| !argument.is_hide_set())
}

/// How an argument is typed: `--type TYPE`, `--json`, `FILE`.
fn form(argument: &Arg) -> String {
    let takes_value = argument.get_action().takes_values();
    let value = argument.get_value_names().unwrap_or_default().join(" ");
    let value = match value.is_empty() {
        true => argument.get_id().as_str().to_uppercase(),
        false => value,
    };
    match argument.get_long() {
        Some(long) if takes_value => format!("--{long} {value}"),
        Some(long) => format!("--{long}"),
        None => value,
    }
}

fn options(page: &mut Roff, command: &Command) {
    for argument in shown(command) {
        let mut meaning = argument
            .get_long_help()
            .or_else(|| argument.get_help())
            .map_or_else(String::new, |help| sentence(&help.to_string()));
        let values: Vec<String> = argument
            .get_possible_values()
            .iter()
            .filter(|value| !value.is_hide_set())
            .map(|value| value.get_name().to_owned())
            .collect();
        let told = values.first().is_some_and(|value| meaning.contains(value));
        let told = told || argument.is_hide_possible_values_set();
        if argument.get_action().takes_values() && !values.is_empty() && !told {
            meaning = format!("{meaning} One of {}.", values.join(", "));
        }
        let defaults = argument.get_default_values().iter();
        let defaults: Vec<_> = defaults.map(|value| value.to_string_lossy()).collect();
        if argument.get_action().takes_values() && !defaults.is_empty() {
            meaning = format!("{meaning} Default: {}.", defaults.join(", "));
        }
        page.item(&form(argument), &meaning);
    }
}

/// clap takes the full stop away from the end of a text.
fn sentence(text: &str) -> String {
    match text.ends_with(['.', '!', '?', '…']) {
        true => text.to_owned(),
        false => format!("{text}."),
    }
}

fn configuration() -> String {
    let mut page = Roff::new("BOXSYNC.TOML", 5, RELEASED);
    page.name("boxsync.toml", "configuration of boxsync");
    page.section("SYNOPSIS");
    page.text("`/etc/boxsync/boxsync.toml`, `/etc/boxsync/boxsync.d/*.toml`");
    page.section("DESCRIPTION");
    page.text(
        "TOML: sections in brackets, below them one key a line. What is not set has its default. The files of \
         boxsync.d override boxsync.toml key by key, in the order of their names; the environment variable of a key \
         overrides both. An empty text takes back a key that has no default. Secrets never stand here: a key names the \
         file that holds one.",
    );
    page.text(
        "A key that is not known is an error. `boxsync config check` tells all mistakes at once, `boxsync config show` \
         what is in force and where each value comes from. The service reads the files again with `systemctl reload \
         boxsync`; where they do not read, the last good configuration stays in force and `boxsync status` says so.",
    );
    page.text(
        "A duration is a number with s, m, h or d (`90s`, `1h30m`), a size a number with kB, MB, GB, KiB, MiB or GiB.",
    );
    for (section, about, keys) in settings::describe() {
        page.section(&format!("[{section}]"));
        page.text(about);
        for key in keys {
            let value = match key.default {
                Some(default) => format!("Default: {default}."),
                None => format!("Not set by default; for example {}.", key.example),
            };
            page.item(
                key.name,
                &format!("{} {value} Environment: {}.", key.meaning, key.variable),
            );
        }
    }
    page.section("FILES");
    page.item(
        "/usr/share/doc/boxsync/reference.toml",
        "Every key with its meaning and its default, as a file of this form.",
    );
    page.section("SEE ALSO");
    page.text("boxsync(1), boxsync-codes(7)");
    page.end()
}

fn codes() -> String {
    let mut page = Roff::new("BOXSYNC-CODES", 7, RELEASED);
    page.name(
        "boxsync-codes",
        "what the codes of boxsync mean, and what to do",
    );
    page.section("DESCRIPTION");
    page.text(
        "Every finding of `boxsync doctor`, every error and every event in the journal has a code. A code never \
         changes its meaning; scripts may rely on it. `boxsync doctor explain CODE` prints one of them. In the journal \
         it is the field CODE: `journalctl -u boxsync CODE=net.dns`.",
    );
    let explanations = Explanations::read();
    let mut area = "";
    for code in Code::ALL {
        let of = code.name().split('.').next().unwrap_or_default();
        if of != area {
            area = of;
            page.section(&format!("CODES OF {}", area.to_uppercase()));
        }
        page.item(
            code.name(),
            &format!(
                "{}. {} To do: {}",
                upper(code.title()),
                explanations.of(*code),
                code.remedy()
            ),
        );
    }
    page.section("SEE ALSO");
    page.text("boxsync(1), boxsync.toml(5), journalctl(1)");
    page.end()
}

/// The title as the beginning of a sentence.
fn upper(title: &str) -> String {
    let mut letters = title.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests;
