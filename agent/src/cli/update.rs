//! `update`: which image is offered, and whether it may be installed or booted now.
//! Never fetches, verifies, installs or boots an image: systemd-sysupdate does, and asks `update check` before it does.
//! Called by `cli`.

mod words;

use std::fs;
use std::path::Path;

use clap::Subcommand;
use logic::api::Call;
use logic::fault::{Code, ConfigCause, Fault};
use logic::identity;
use logic::language::figure::moment;
use logic::language::plain;
use logic::settings::{Settings, Url};
use logic::update::slot::{BootEntries, BootEntry, slots};
use logic::update::{BEGUN, UpdateHold, UpdateSeen, UpdateStep, step, version};
use logic::words::Outcome;
use serde_json::json;

use super::screen::{Screen, Tone, fold, pairs};
use crate::doctor::standing;
use crate::engine::{Engine, exam, line_to, versions};
use system::clock;
use system::root::Root;
use uplink::{Uplink, UplinkConfig};
use words::{UpdateHeld, UpdateTerm};

/// What is asked of updates.
#[derive(Debug, Subcommand)]
pub(super) enum UpdateVerb {
    /// Asks the source what it offers, and says whether that may be installed or booted now.
    #[command(
        after_help = "Exit status: 0 it may, or there is nothing newer; 1 held back. A service of systemd that is to ask:\n\n  ExecCondition=/usr/bin/boxsync update check"
    )]
    Check,
    /// What runs and what is installed; asks nobody.
    Status,
}

/// Where systemd-sysupdate lies.
const INSTALLER: &str = "usr/lib/systemd/systemd-sysupdate";
/// Where the labels of partitions lie.
const LABELS: &str = "dev/disk/by-partlabel";
/// Where boot entries lie (UAPI.1, "The Boot Loader Specification").
const ENTRIES: [&str; 6] = [
    "efi/EFI/Linux",
    "boot/EFI/Linux",
    "boot/efi/EFI/Linux",
    "efi/loader/entries",
    "boot/loader/entries",
    "boot/efi/loader/entries",
];

pub(super) fn act(root: &Root, act: &UpdateVerb, screen: &Screen) -> Result<u8, Fault> {
    let engine = super::open(root)?;
    let settings = engine.settings();
    let offered = match act {
        UpdateVerb::Status => Vec::new(),
        UpdateVerb::Check => {
            let source = settings.update.source.as_ref();
            let source = source
                .ok_or_else(|| Fault::new(Code::UpdateNoSource, ConfigCause::NoUpdateSource))?;
            super::runtime(offered(settings, source))?
        }
    };
    let seen = look(root, &engine, offered)?;
    let step = step(&seen);
    tell(&seen, &step, settings, screen);
    let is_held = matches!(step, UpdateStep::Held { .. });
    let asked = matches!(act, UpdateVerb::Check);
    Ok(if is_held && asked {
        Outcome::Failed.exit()
    } else {
        0
    })
}

/// The versions that a source offers: what its manifest names. Nobody looks here whether it is signed.
async fn offered(settings: &Settings, source: &Url) -> Result<Vec<String>, Fault> {
    let line = UplinkConfig {
        connections: 1,
        ..line_to(settings, source.clone(), String::new())?
    };
    let reply = Uplink::new(line, None)?
        .call_as(&Call::manifest(), None)
        .await?;
    if reply.status != 200 {
        let (place, status) = (source.to_string(), reply.status);
        let cause = ConfigCause::NoManifest { place, status };
        return Err(Fault::new(Code::UpdateSource, cause));
    }
    Ok(version::of_manifest(&String::from_utf8_lossy(&reply.body)))
}

/// The names in a folder; none where it cannot be listed.
fn names(folder: &Path) -> Vec<String> {
    let listed = fs::read_dir(folder).into_iter().flatten();
    let names = listed.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.collect()
}

fn look(root: &Root, engine: &Engine, offered: Vec<String>) -> Result<UpdateSeen, Fault> {
    let settings = engine.settings();
    let release = fs::read_to_string(root.os_release()).unwrap_or_default();
    let running = identity::version(None, &release).ok();
    let entries = ENTRIES
        .iter()
        .flat_map(|folder| names(&root.path().join(folder)));
    let entries: Vec<BootEntry> = entries.filter_map(|name| BootEntry::of(&name)).collect();
    let entries = BootEntries::of(&entries, running.as_deref().unwrap_or_default());
    let slots = match root.path().join(INSTALLER).exists() {
        true => slots(names(&root.path().join(LABELS)).iter().map(String::as_str)),
        false => 0,
    };
    let all = engine.organisations()?;
    let now = clock::now().wall;
    let (_, stands, _) = standing::take_worst(&all);
    let reached = stands
        .last
        .as_ref()
        .is_some_and(|last| last.outcome != Outcome::Offline);
    let owed = stands.owed.unwrap_or_default();
    Ok(UpdateSeen {
        installed: entries.installed,
        offered,
        supported: versions::known(engine.vault(), &engine.version()?)?,
        told: settings.this_box.tao_version.clone(),
        failed: entries.failed,
        unblessed: entries.unblessed,
        slots,
        now,
        exam: exam::running(root).map(|left| left.as_secs().max(1)),
        next_start: standing::next_start(&all, now - BEGUN)?,
        quiet_before: settings.update.quiet_before,
        could_leave: if reached {
            owed.queued + owed.unconfirmed
        } else {
            0
        },
        window: settings.update_wait(now),
        running,
    })
}

fn tell(seen: &UpdateSeen, step: &UpdateStep, settings: &Settings, screen: &Screen) {
    let newest = version::newest(seen.offered.iter().map(String::as_str));
    if screen.json {
        let told = serde_json::to_value(step).expect("plain data always serialises");
        screen.object(json!({
            "running": seen.running, "installed": seen.installed, "offered": newest,
            "failed": seen.failed, "blessed": !seen.unblessed, "slots": seen.slots, "step": told,
        }));
        return;
    }
    let told = |term: UpdateTerm| plain(&screen.told(&term));
    let none = || told(UpdateTerm::None);
    let mut rows = vec![
        (
            told(UpdateTerm::Running),
            match &seen.running {
                Some(version) if seen.unblessed => screen.told(&UpdateTerm::Tried {
                    version: version.clone(),
                }),
                Some(version) => version.clone(),
                None => told(UpdateTerm::NoImage),
            },
        ),
        (
            told(UpdateTerm::Installed),
            seen.installed.clone().unwrap_or_else(none),
        ),
        (told(UpdateTerm::Slots), seen.slots.to_string()),
    ];
    if !seen.failed.is_empty() {
        rows.push((told(UpdateTerm::Failed), seen.failed.join(", ")));
    }
    if let Some(newest) = newest {
        rows.push((told(UpdateTerm::Offered), newest.to_owned()));
    }
    for line in pairs(&rows, screen.width) {
        screen.line(&line);
    }
    let at = |at: i64| moment(screen.language, at, settings.download.offset(at).seconds());
    match step {
        UpdateStep::Nothing => screen.line(&screen.told(&UpdateTerm::Nothing)),
        UpdateStep::Install { version } => {
            let version = version.clone();
            screen.line(&screen.paint(Tone::Good, &screen.told(&UpdateTerm::Install { version })));
        }
        UpdateStep::Reboot { version } => {
            let version = version.clone();
            screen.line(&screen.paint(Tone::Good, &screen.told(&UpdateTerm::Reboot { version })));
        }
        UpdateStep::Held { version, by } => {
            let version = version.clone();
            screen.line(&screen.paint(Tone::Bad, &screen.told(&UpdateTerm::Held { version })));
            for hold in by {
                let why = match *hold {
                    UpdateHold::Impossible => UpdateHeld::Impossible,
                    UpdateHold::Failed => UpdateHeld::Failed,
                    UpdateHold::Unsupported => UpdateHeld::Unsupported,
                    UpdateHold::Unblessed => UpdateHeld::Unblessed,
                    UpdateHold::Exam { until } => UpdateHeld::Exam { until: at(until) },
                    UpdateHold::Quiet { start, until } => UpdateHeld::Quiet {
                        start: at(start),
                        until: at(until),
                    },
                    UpdateHold::Owed { items } => UpdateHeld::Owed { items },
                    UpdateHold::Window { until } => UpdateHeld::Window { until: at(until) },
                };
                for line in fold(&screen.told(&why), screen.width.saturating_sub(2)) {
                    screen.line(&format!("  {line}"));
                }
            }
        }
    }
}
