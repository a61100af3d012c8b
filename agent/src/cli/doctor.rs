//! `doctor`: what is wrong and the one thing to do.
//! Never exits with anything but 0 (nothing failed) and 1 (something failed).
//! Called by `cli`.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use logic::fault::{Fault, FileAct};
use logic::health::{CheckFinding, CheckStatus, worst};
use logic::language::{Language, plain};
use logic::settings::Settings;
use serde_json::json;

use super::caller::unmade;
use super::codes;
use super::completions::CodeParser;
use super::screen::{Screen, Tone, advice, fold, pairs};
use super::service;
use super::words::{ActTerm, DoctorTerm};
use crate::bundle;
use crate::doctor::{self, examine, examine_added};
use crate::socket::client;
use system::root::{Root, trouble};

/// Lines of a terminal, beside the prompt.
const SCREEN: usize = 23;

/// Options of `doctor`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct DoctorArgs {
    #[command(subcommand)]
    act: Option<DoctorVerb>,
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
enum DoctorVerb {
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
    options: DoctorArgs,
    screen: &Screen,
) -> Result<u8, Fault> {
    if let Some(DoctorVerb::Explain { code }) = options.act {
        return codes::explain(code.as_deref(), screen);
    }
    let daemon = super::runtime(client::in_force(root));
    let asked = doctor::DoctorOptions {
        offline: options.offline,
        deep: options.deep,
        silent: daemon.is_none().then(|| service::silent(root)).flatten(),
        daemon,
        person: true,
        organisation: None,
    };
    // File and journal are opened while root's rights are still there.
    let bundle = options.bundle.as_deref().map(open).transpose()?;
    let journal = bundle
        .as_ref()
        .map_or_else(String::new, |_| bundle::journal());
    let mut findings = examine(root, settings.clone(), asked.clone());
    let added = examine_added(root, &settings, &asked, &findings);
    if screen.json {
        let mut checks: Vec<_> = findings.iter().map(CheckFinding::json).collect();
        for (id, found) in &added {
            checks.extend(found.iter().map(|finding| {
                let mut told = finding.json();
                told["organisation_id"] = json!(id);
                told
            }));
        }
        findings.extend(added.into_iter().flat_map(|(_, found)| found));
        screen.object(json!({ "checks": checks, "worst": worst(&findings) }));
    } else {
        for line in lines(&findings, screen) {
            screen.line(&line);
        }
        for (id, found) in added {
            let ids = id.clone();
            screen.line(&screen.told(&ActTerm::Organisation { ids }));
            for line in lines(&found, screen) {
                screen.line(&line);
            }
            findings.extend(found);
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
        let path = path.display().to_string();
        screen.say(&screen.told(&DoctorTerm::Bundle { path }));
    }
    Ok(u8::from(worst(&findings) == CheckStatus::Fail))
}

/// A new file for the bundle that only its maker reads.
fn open(path: &Path) -> Result<File, Fault> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| unmade(path, &error))
}

/// The words before a finding, as wide as the widest of them in this language.
struct Heads {
    screen_words: [String; 4],
    width: usize,
}

impl Heads {
    fn new(screen: &Screen) -> Self {
        let words = [
            DoctorTerm::Fail,
            DoctorTerm::Warn,
            DoctorTerm::Pass,
            DoctorTerm::Skip,
        ];
        let screen_words = words.map(|word| plain(&screen.told(&word)));
        let width = screen_words.iter().map(|word| word.chars().count()).max();
        Self {
            screen_words,
            width: width.unwrap_or(0),
        }
    }

    /// The word of a status, painted where that says something, and padded.
    fn of(&self, status: CheckStatus, screen: &Screen) -> String {
        let (at, mood) = match status {
            CheckStatus::Fail => (0, Some(Tone::Bad)),
            CheckStatus::Warn => (1, Some(Tone::Doubt)),
            CheckStatus::Pass => (2, Some(Tone::Good)),
            CheckStatus::Skip => (3, None),
        };
        let width = self.width;
        let word = &self.screen_words[at];
        let pad = " ".repeat(width.saturating_sub(word.chars().count()));
        match (status, mood) {
            (CheckStatus::Pass, Some(mood)) => screen.paint(mood, &format!("{word}{pad}")),
            (_, Some(mood)) => screen.paint(mood, word) + &pad,
            (_, None) => format!("{word}{pad}"),
        }
    }

    /// Text behind a word, and below itself where it takes more lines.
    fn hang(&self, word: &str, text: &str, width: usize) -> Vec<String> {
        let mut head = word.to_owned();
        let blank = " ".repeat(self.width);
        fold(text, width)
            .map(|line| format!("{}  {line}", std::mem::replace(&mut head, blank.clone())))
            .collect()
    }
}

/// First what is broken, each with its remedy; then one line a check.
fn lines(findings: &[CheckFinding], screen: &Screen) -> Vec<String> {
    let heads = Heads::new(screen);
    let mut lines = Vec::new();
    let indent = heads.width + 2;
    let width = screen.width - indent;
    let below = " ".repeat(indent);
    let told = |status: CheckStatus| findings.iter().filter(move |f| f.status == status);
    for finding in told(CheckStatus::Fail).chain(told(CheckStatus::Warn)) {
        let word = heads.of(finding.status, screen);
        let summary = format!("{} [{}]", screen.told(&finding.summary), finding.code);
        lines.extend(heads.hang(&word, &summary, width));
        for detail in finding.detail.iter().take(5) {
            let detail = screen.told(detail);
            lines.extend(fold(&detail, width).map(|line| format!("{below}{line}")));
        }
        let advice = advice(screen.language, &finding.code, width);
        lines.extend(advice.iter().map(|line| format!("{below}{line}")));
        lines.push(String::new());
    }
    let passed = |finding: &CheckFinding| (finding.code.to_string(), screen.told(&finding.summary));
    let passed: Vec<_> = told(CheckStatus::Pass).map(passed).collect();
    let ok = heads.of(CheckStatus::Pass, screen);
    let mut sound: Vec<String> = pairs(&passed, width)
        .iter()
        .map(|line| match line.starts_with(' ') {
            true => format!("{below}{line}"),
            false => format!("{ok}  {line}"),
        })
        .collect();
    let mut skipped: Vec<(String, Vec<&str>)> = Vec::new();
    for finding in told(CheckStatus::Skip) {
        let summary = screen.told(&finding.summary);
        match skipped.iter_mut().find(|(why, _)| *why == summary) {
            Some((_, codes)) => codes.push(finding.code.as_str()),
            None => skipped.push((summary, vec![finding.code.as_str()])),
        }
    }
    let skip = heads.of(CheckStatus::Skip, screen);
    let colon = match screen.language {
        Language::English => ":",
        Language::French => "\u{a0}:",
    };
    let skipped: Vec<String> = skipped
        .into_iter()
        .flat_map(|(why, codes)| {
            let text = format!("{}{colon} {why}", codes.join(", "));
            heads.hang(&skip, &text, width)
        })
        .collect();
    if lines.is_empty() {
        let well = screen.paint(Tone::Good, &screen.told(&DoctorTerm::Well));
        return [sound, skipped, vec![String::new(), well]].concat();
    }
    // The cause must not leave the top of the screen: what is sound makes room for it.
    if lines.len() + sound.len() + skipped.len() > SCREEN {
        let codes: Vec<&str> = told(CheckStatus::Pass).map(|f| f.code.as_str()).collect();
        sound = heads.hang(&ok, &codes.join(", "), width);
    }
    [lines, sound, skipped].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::{coloured, each, held};
    use logic::fault::Code;
    use logic::health::clock::ClockReferences;
    use logic::health::holdings::{Holdings, PackagesOnDisk};
    use logic::health::message::{StateMessage, WayMessage};
    use logic::health::seen::{Disk, IndexState, StateFolder, judge};
    use logic::health::verdict::Stock;
    use logic::health::way::{GatewayStation, Interface, Name, Sources, WaySeen};
    use logic::health::{BoxStanding, Check, Facts, Observations};
    use logic::report::Report;
    use logic::resolver::LookupFailure;
    use logic::words::SyncParams;
    use std::net::Ipv4Addr;

    /// The box of the pictures: two packages on their way, and no name server answers (tests/fixtures/standing.json).
    fn half() -> Observations {
        let text = include_str!("../../../tests/fixtures/standing.json");
        let mut standing: BoxStanding = serde_json::from_str(text).unwrap();
        standing.packages = Stock {
            held: 5,
            coming: 2,
            bytes_left: 1_200_000_000,
            ..standing.packages
        };
        let (free, reserve) = standing.disk.unwrap();
        Observations {
            facts: Facts {
                url: true,
                https: true,
                opened: true,
                enrolled: true,
                identified: true,
                deliveries: true,
                store: true,
                runs: true,
                ..Facts::default()
            },
            config: Some(Ok("https://central.example/".into())),
            state: Some(StateFolder::Opened {
                path: "/var/lib/boxsync".into(),
                layout: 1,
                damaged: Vec::new(),
                aside: Vec::new(),
            }),
            key: Some(Ok(true)),
            disk: Some(Disk {
                path: "/var/lib/boxsync".into(),
                free: Some(free),
                reserve,
                takes_files: true,
            }),
            store: Some(IndexState::Opens),
            way: WaySeen {
                interfaces: Some(vec![Interface {
                    name: "eth0".into(),
                    enabled: true,
                    carrier: true,
                    addresses: vec![Ipv4Addr::new(192, 0, 2, 17).into()],
                }]),
                sources: Some(Sources {
                    four: Some(Ipv4Addr::new(192, 0, 2, 17).into()),
                    six: None,
                }),
                gateway: Some(GatewayStation {
                    address: Ipv4Addr::new(192, 0, 2, 1).into(),
                    answers: Some(true),
                }),
                name: Some(Name {
                    host: "central.example".into(),
                    port: 443,
                    servers: vec!["192.0.2.53".into()],
                    answer: Some(Err(LookupFailure::Silent)),
                    ..Name::default()
                }),
                ..WaySeen::default()
            },
            time: Some(ClockReferences {
                over_tls: true,
                system: standing.now,
                floor: standing.now,
                heard: standing.now,
                built: standing.now - 86_400,
                windows: false,
            }),
            holdings: Some(Holdings {
                standing,
                unreadable: Ok(0),
                packages: Ok(PackagesOnDisk {
                    held: 5,
                    ..PackagesOnDisk::default()
                }),
                reports: Ok(vec![failed()]),
                aside: Vec::new(),
                expected: (0.0, 0.0),
                encryption: Default::default(),
            }),
            ..Observations::default()
        }
    }

    /// The last run: it did not reach central.
    fn failed() -> Report {
        let params = SyncParams {
            organisation_id: "1001".into(),
            sync_id: 12,
            box_id: "b".into(),
            tao_version: "2022.11".into(),
        };
        let mut report = Report::new(&params, 0);
        let reason = "the name central.example has no address: no name server answered in time";
        report.stop(&Fault::new(Code::NetDns, reason));
        report
    }

    #[test]
    fn the_cause_and_its_remedy_come_first() {
        let findings = judge(&half());
        each("doctor", |screen| lines(&findings, screen));
        coloured("doctor", |screen| lines(&findings, screen));
        let ip = Ipv4Addr::new(192, 0, 2, 17).into();
        let sound = [CheckFinding::pass(
            Check::Address,
            WayMessage::AddressUsable { ip },
        )];
        held("doctor-sound", &lines(&sound, &Screen::plain(80)), 80);
        let path = "/var/lib/boxsync/index".into();
        let more = CheckFinding::fail(Code::StoreFailed, StateMessage::StoreDamaged { path });
        let crowded = [&findings[..], &[more]].concat();
        for language in [Language::English, Language::French] {
            let crowded = lines(&crowded, &Screen::spoken(80, language));
            assert!(crowded.len() <= SCREEN, "{crowded:#?}");
            held(&format!("doctor-crowded-{}", language.tag()), &crowded, 80);
        }
    }

    #[test]
    fn a_remedy_is_whole_on_the_narrowest_terminal() {
        for language in [Language::English, Language::French] {
            for code in Code::ALL.iter().copied() {
                let told = advice(language, &code.into(), 40 - 8);
                let wide = told.iter().find(|line| line.chars().count() > 40);
                assert_eq!(wide, None, "{code}");
            }
        }
    }
}
