//! `doctor`: what is wrong and the one thing to do.
//! Never exits with anything but 0 (nothing failed) and 1 (something failed).
//! Called by `cli`.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use logic::fault::{Code, Fault, FileAct};
use logic::health::{Finding, Status, worst};
use logic::settings::Settings;
use serde_json::json;

use super::codes;
use super::completions::CodeParser;
use super::screen::{Mood, Screen, fold, pairs};
use crate::bundle;
use crate::doctor::{self, examine};
use crate::root::{Root, trouble};
use crate::socket::client;

/// Lines of a terminal, beside the prompt.
const SCREEN: usize = 23;

/// Options of `doctor`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Options {
    #[command(subcommand)]
    act: Option<Act>,
    /// Speak to nobody: look at the box alone.
    #[arg(long)]
    offline: bool,
    /// Read and check every byte of every package; takes minutes.
    #[arg(long)]
    deep: bool,
    /// Also write a support bundle: everything a supporter needs, no secret, no name.
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Tells at length what a code means and what to do; lists all codes.
    Explain {
        /// As it stands in brackets behind a message: net.dns, auth.refused, …; without one all are listed.
        #[arg(value_parser = CodeParser, hide_possible_values = true)]
        code: Option<String>,
    },
}

/// `settings`: the configuration, or what is wrong with it.
pub(super) fn act(
    root: &Root,
    settings: Result<Settings, Fault>,
    options: Options,
    screen: &Screen,
) -> Result<u8, Fault> {
    if let Some(Act::Explain { code }) = options.act {
        return codes::explain(code.as_deref(), screen);
    }
    let asked = doctor::Options {
        offline: options.offline,
        deep: options.deep,
        daemon: super::runtime(client::in_force(root)),
    };
    // File and journal are opened while root's rights are still there.
    let bundle = options.bundle.as_deref().map(open).transpose()?;
    let journal = bundle
        .as_ref()
        .map_or_else(String::new, |_| bundle::journal());
    let findings = examine(root, settings.clone(), asked);
    if screen.json {
        screen.object(json!({ "checks": findings, "worst": worst(&findings) }));
    } else {
        for line in lines(&findings, screen) {
            screen.line(&line);
        }
    }
    if let (Some(mut file), Some(path)) = (bundle, &options.bundle) {
        let written = bundle::make(root, &settings, &findings, &journal).and_then(|bytes| {
            let kept = file.write_all(&bytes).and_then(|()| file.sync_all());
            kept.map_err(|error| trouble(path, FileAct::Write, &error))
        });
        if let Err(trouble) = written {
            // It is empty; where the folder is root's it stays so.
            let _ = fs::remove_file(path);
            return Err(trouble);
        }
        screen.say(&format!(
            "support bundle: {}, without secrets and names; send this file",
            path.display()
        ));
    }
    Ok(u8::from(worst(&findings) == Status::Fail))
}

/// A new file for the bundle that only its maker reads.
fn open(path: &Path) -> Result<File, Fault> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| Fault {
            code: Code::InputFile,
            ..trouble(path, FileAct::Make, &error)
        })
}

/// First what is broken, each with its remedy; then one line a check.
fn lines(findings: &[Finding], screen: &Screen) -> Vec<String> {
    let mut lines = Vec::new();
    let width = screen.width - 6;
    let told = |status: Status| findings.iter().filter(move |f| f.status == status);
    for finding in told(Status::Fail).chain(told(Status::Warn)) {
        let (mood, word) = match finding.status {
            Status::Fail => (Mood::Bad, "FAIL"),
            _ => (Mood::Doubt, "WARN"),
        };
        let told = format!("{} [{}]", finding.summary, finding.code);
        lines.extend(hung(&screen.paint(mood, word), &told, width));
        for detail in finding.detail.lines().take(5) {
            lines.extend(fold(detail, width).map(|line| format!("      {line}")));
        }
        let remedy = format!("What to do: {}", finding.remedy);
        lines.extend(fold(&remedy, width).map(|line| format!("      {line}")));
        lines.push(String::new());
    }
    let ok = screen.paint(Mood::Good, "ok  ");
    let passed = |finding: &Finding| (finding.code.to_string(), finding.summary.clone());
    let passed: Vec<_> = told(Status::Pass).map(passed).collect();
    let mut sound: Vec<String> = pairs(&passed, width)
        .iter()
        .map(|line| match line.starts_with(' ') {
            true => format!("      {line}"),
            false => format!("{ok}  {line}"),
        })
        .collect();
    let mut skipped: Vec<(&str, Vec<&str>)> = Vec::new();
    for finding in told(Status::Skip) {
        match skipped.iter_mut().find(|(why, _)| *why == finding.summary) {
            Some((_, codes)) => codes.push(finding.code.as_str()),
            None => skipped.push((&finding.summary, vec![finding.code.as_str()])),
        }
    }
    let skipped: Vec<String> = skipped
        .into_iter()
        .flat_map(|(why, codes)| hung("skip", &format!("{}: {why}", codes.join(", ")), width))
        .collect();
    if lines.is_empty() {
        let well = screen.paint(Mood::Good, "Nothing is wrong.");
        return [sound, skipped, vec![String::new(), well]].concat();
    }
    // The cause must not leave the top of the screen: what is sound makes room for it.
    if lines.len() + sound.len() + skipped.len() > SCREEN {
        let codes: Vec<&str> = told(Status::Pass).map(|f| f.code.as_str()).collect();
        sound = hung(&ok, &codes.join(", "), width);
    }
    [lines, sound, skipped].concat()
}

/// Text behind a word, and below itself where it takes more lines.
fn hung(word: &str, text: &str, width: usize) -> Vec<String> {
    let mut head = word;
    fold(text, width)
        .map(|line| format!("{}  {line}", std::mem::replace(&mut head, "    ")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::{coloured, held};
    use logic::health::Check;

    #[test]
    fn the_cause_and_its_remedy_come_first() {
        let findings = [
            Finding::fail(
                Code::NetDns,
                "central.example has no address: no answer within 4 s",
            )
            .detail("name servers: 192.0.2.53"),
            Finding::warn(Code::DiskReserve, "512 MiB free, 1024 MiB kept for results"),
            Finding::pass(Check::Config, "central is https://central.example/"),
            Finding::pass(Check::State, "/var/lib/boxsync: writable, layout 1"),
            Finding::pass(Check::Key, "the key opens the data"),
            Finding::pass(Check::Store, "opens"),
            Finding::pass(Check::Link, "up: eth0"),
            Finding::pass(Check::Address, "192.0.2.17, with a way out"),
            Finding::pass(Check::Clock, "plausible; central's time was not heard"),
            Finding::pass(Check::Catalogue, "complete, of organisation 1001"),
            Finding::pass(Check::Packages, "7 of 7 packages held"),
            Finding::pass(Check::Spool, "nothing is owed"),
            Finding::skip(Check::Connect, "because of net.dns"),
            Finding::skip(Check::Unit, "systemd does not run this box"),
            Finding::skip(Check::Tls, "because of net.dns"),
            Finding::skip(Check::Answer, "because of net.dns"),
            Finding::skip(Check::Token, "because of net.dns"),
            Finding::skip(Check::Role, "because of net.dns"),
            Finding::skip(Check::Version, "because of net.dns"),
        ];
        held("doctor", &lines(&findings, &Screen::plain(80)), 80);
        held("doctor-60", &lines(&findings, &Screen::plain(60)), 60);
        coloured("doctor", |screen| lines(&findings, screen));
        let sound = [Finding::pass(Check::Link, "up: eth0")];
        held("doctor-sound", &lines(&sound, &Screen::plain(80)), 80);
        let more = Finding::fail(
            Code::StoreFailed,
            "/var/lib/boxsync/index: does not open: it is damaged",
        );
        let crowded = [&findings[..], &[more]].concat();
        let crowded = lines(&crowded, &Screen::plain(80));
        assert!(crowded.len() <= SCREEN, "{crowded:#?}");
        held("doctor-crowded", &crowded, 80);
    }
}
