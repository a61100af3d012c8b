//! `update`: which image is offered, whether it may be installed or booted now, and that it is.
//! Never verifies or writes an image itself: systemd-sysupdate does.
//! Called by `cli`.

mod install;
mod words;

use clap::Subcommand;
use logic::api::Call;
use logic::fault::{Code, ConfigCause, Fault};
use logic::language::figure::moment;
use logic::language::plain;
use logic::settings::{Settings, Url};
use logic::update::health::BootHealth;
use logic::update::{BEGUN, UpdateHold, UpdateSeen, UpdateStep, step, version};
use logic::words::Outcome;
use serde_json::json;

use super::screen::{Screen, Tone, fold, pairs};
use crate::doctor::standing;
use crate::engine::slots::ImageSlots;
use crate::engine::{Engine, exam, line_to, versions};
use crate::socket::client;
use system::clock::{self, Clock};
use system::root::Root;
use uplink::{Uplink, UplinkConfig};
use words::{UpdateHealth, UpdateHeld, UpdateTerm};

/// What is asked of updates.
#[derive(Debug, Subcommand)]
pub(super) enum UpdateVerb {
    /// Asks the source what it offers, and says whether that may be installed or booted now.
    #[command(
        after_help = "Exit status: 0 it may, or there is nothing newer; 1 held back. A service of systemd that is to ask:\n\n  ExecCondition=/usr/bin/boxsync update check"
    )]
    Check,
    /// Brings what is offered, and installs and boots it as soon as nothing holds it back.
    #[command(
        after_help = "Goes on with what a cut left. Brings also what is still held back, unless an exam runs or no window of [download] is open.\nInstalls by systemd-sysupdate, which verifies the signature, and boots by systemctl reboot: as root.\n\nExit status: 0 done, or there is nothing newer; 1 held back."
    )]
    Install {
        /// Only tells what would be done.
        #[arg(long)]
        dry_run: bool,
    },
    /// Whether the image that runs has shown that it works, since it was booted.
    #[command(
        after_help = "What boot-complete.target requires of a boot that is counted. Exit status: 0 it works; 1 not yet, or not."
    )]
    Health,
    /// What runs and what is installed; asks nobody.
    Status,
}

/// The plan of a staged roll-out, beside the manifest; most sources have none.
const PLAN: &str = "ROLLOUT";
/// A plan has a line a version.
const PLAN_LIMIT: usize = 64 << 10;

/// What a source offers.
#[derive(Default)]
struct ImageOffer {
    manifest: String,
    plan: String,
}

pub(super) fn act(root: &Root, act: &UpdateVerb, screen: &Screen) -> Result<u8, Fault> {
    let (engine, offer) = match act {
        UpdateVerb::Install { dry_run } => return install::act(root, *dry_run, screen),
        UpdateVerb::Health => return health(root, screen),
        UpdateVerb::Status => (super::open(root)?, ImageOffer::default()),
        UpdateVerb::Check => {
            let engine = super::open(root)?;
            let source = source(engine.settings())?;
            let offer = super::runtime(offer(&source, engine.settings()))?;
            (engine, offer)
        }
    };
    let seen = look(root, &engine, &offer)?;
    let step = step(&seen);
    let asked = matches!(act, UpdateVerb::Check);
    if asked {
        engine.keep_renewal(&seen, &step)?;
    }
    tell(&seen, &step, engine.settings(), screen);
    let is_held = matches!(step, UpdateStep::Held { .. });
    Ok(if is_held && asked {
        Outcome::Failed.exit()
    } else {
        0
    })
}

/// What stands before the blessing of a boot: the state opens, and the daemon says how a run ended.
fn health(root: &Root, screen: &Screen) -> Result<u8, Fault> {
    let engine = super::open(root)?;
    let ended = super::runtime(client::ended(root))?;
    let health = BootHealth::of(ended.as_deref(), engine.settings().sync.on_boot);
    match screen.json {
        true => screen.object(json!({ "health": health.word() })),
        false => screen.line_folded(&UpdateHealth::of(health)),
    }
    Ok(match health {
        BootHealth::Works => 0,
        BootHealth::NotYet | BootHealth::Refused => Outcome::Failed.exit(),
    })
}

/// The line to the folder of images.
fn source(settings: &Settings) -> Result<Uplink, Fault> {
    let source = settings.update.source.as_ref();
    let source =
        source.ok_or_else(|| Fault::new(Code::UpdateNoSource, ConfigCause::NoUpdateSource))?;
    let line = UplinkConfig {
        connections: 1,
        // Only central says what time it is: by the hour of a source the box would be booted in an exam.
        time: Clock::new(Clock::shared().estimate()),
        ..line_to(settings, source.clone(), String::new())?
    };
    Uplink::new(line, None)
}

/// What a source offers. Nobody looks here whether it is signed.
async fn offer(source: &Uplink, settings: &Settings) -> Result<ImageOffer, Fault> {
    let unread = |status: u16| {
        let place = settings.update.source.as_ref().map(Url::to_string);
        let place = place.unwrap_or_default();
        Fault::new(
            Code::UpdateSource,
            ConfigCause::NoManifest { place, status },
        )
    };
    let text = |body: &[u8]| String::from_utf8_lossy(body).into_owned();
    let manifest = source.call(&Call::manifest()).await?;
    if manifest.status != 200 {
        return Err(unread(manifest.status));
    }
    let plan = source.call(&Call::beside_manifest(PLAN)).await?;
    let plan = match plan.status {
        200 if plan.body.len() <= PLAN_LIMIT => text(&plan.body),
        404 => String::new(),
        // Without it all boxes would come at once.
        status => return Err(unread(status)),
    };
    let manifest = text(&manifest.body);
    Ok(ImageOffer { manifest, plan })
}

fn look(root: &Root, engine: &Engine, offer: &ImageOffer) -> Result<UpdateSeen, Fault> {
    let settings = engine.settings();
    let slots = ImageSlots::of(root)?;
    let all = engine.organisations()?;
    let now = clock::now().wall;
    // What each organisation's central would take now.
    let could_leave = all.iter().map(standing::take).filter_map(|one| {
        let reached = one
            .last
            .is_some_and(|last| last.outcome != Outcome::Offline);
        one.owed.filter(|_| reached)
    });
    Ok(UpdateSeen {
        running: slots.running,
        installed: slots.entries.installed,
        offered: version::of_manifest(&offer.manifest),
        supported: versions::known(engine.vault(), &engine.version()?)?,
        told: settings.this_box.tao_version.clone(),
        failed: slots.entries.failed,
        unblessed: slots.entries.unblessed,
        slots: slots.places,
        now,
        exam: exam::running(root).map(|left| left.as_secs().max(1)),
        next_start: standing::next_start(&all, now - BEGUN)?,
        quiet_before: settings.update.quiet_before,
        could_leave: could_leave.map(|owed| owed.queued + owed.unconfirmed).sum(),
        window: settings.update_wait(now),
        plan: offer.plan.clone(),
        box_id: engine.box_id().unwrap_or_default(),
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
                    UpdateHold::Share { until: i64::MAX } => UpdateHeld::NoPlan,
                    UpdateHold::Share { until } => UpdateHeld::Share { until: at(until) },
                };
                for line in fold(&screen.told(&why), screen.width.saturating_sub(2)) {
                    screen.line(&format!("  {line}"));
                }
            }
        }
    }
}
