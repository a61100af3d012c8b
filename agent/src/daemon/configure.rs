//! The configuration in force: read again on a signal and before a run, kept while it is good.
//! Never runs on a wrong one: what was in force stays, and the fault is shown.
//! Called by `daemon`.

use logic::fault::Fault;
use logic::schedule::{Policy, RunParts, ScheduleEvent};
use logic::settings::{Settings, SettingsInForce};

use super::{Daemon, event_log};
use system::clock;
use system::journal;

impl Daemon {
    pub(super) fn reload(&mut self, read: &dyn Fn() -> SettingsInForce) {
        self.notifier.reloading(clock::now());
        let read = read();
        if read.fault.is_none() {
            tracing::info!("the configuration was read again");
        }
        self.configured(read);
        self.notifier.ready();
    }

    /// The files are read before a run: a fault that it meets is told, and one that was mended is over.
    pub(super) fn look_again(&mut self, read: &dyn Fn() -> SettingsInForce) {
        let read = read();
        let reason = |fault: &Option<Fault>| fault.as_ref().map(|fault| fault.reason());
        let before = self.shared.fault().map(|fault| fault.reason());
        match read.settings {
            _ if reason(&read.fault) != before => self.configured(read),
            // The workers use it from now on.
            Some(settings) if read.good => self.keep(&settings),
            _ => {}
        }
    }

    /// Keeps a good configuration in a state folder that is open.
    fn keep(&self, settings: &Settings) {
        if settings.central.url.is_none() || self.box_id.is_empty() {
            return;
        }
        // One that cannot be kept is in force all the same.
        if let Err(trouble) = crate::settings::keep(&self.root, settings) {
            journal::trouble(&trouble);
        }
    }

    /// Takes what was read, where it is good; else what was in force stays, and the fault is told.
    pub(super) fn configured(&mut self, read: SettingsInForce) {
        self.shared.faulty(read.fault.clone());
        if let Some(fault) = read.fault {
            journal::trouble(&fault);
            self.waits &= read.settings.is_none();
            event_log::misconfigured(self.waits);
            return;
        }
        let Some(settings) = read.settings else {
            return;
        };
        self.waits = false;
        self.outdated = true;
        self.keep(&settings);
        let policy = policy(&settings);
        self.schedule
            .handle(ScheduleEvent::Policy(policy), clock::now());
        self.gate.configure(&settings);
        self.page.configure(&settings);
        self.siblings.configure(&settings);
        self.shared.configure(settings);
        self.shared.news().any();
    }
}

pub(super) fn policy(settings: &Settings) -> Policy {
    Policy {
        on_boot: settings.sync.on_boot,
        interval: settings.sync.interval,
        parts: RunParts::of(&settings.sync.steps),
    }
}
