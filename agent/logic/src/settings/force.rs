//! Decides which configuration a process of the daemon works with: the one that was read, or the last one that was good.
//! Never takes half of one: what does not read whole is not in force, and a fault is never silent.
//! Called by whoever reads the files for the daemon and its workers; a command that a person types ends with the fault.
//!
//! | what was read | kept before | in force | fault | kept from now on |
//! |---|---|---|---|---|
//! | names a central | anything | what was read | none | what was read |
//! | names no central | names one | what was kept | `config.no_url` | as before |
//! | names no central | nothing | what was read | none | nothing |
//! | does not read | a good one | what was kept | why | as before |
//! | does not read | nothing | nothing | why | nothing |

use crate::fault::{Code, ConfigCause, Fault};

use super::Settings;

/// The configuration in force, and what is wrong with the files.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingsInForce {
    /// What the process works with; `None`: there never was a good one, and it waits.
    pub settings: Option<Settings>,
    /// What is wrong with the files as they are.
    pub fault: Option<Fault>,
    /// What is in force is to be kept: it was read whole, and it names a central.
    pub good: bool,
}

impl SettingsInForce {
    /// Judges what was `read`; `kept` gives the last good configuration and is asked only where it is needed.
    pub fn of(read: Result<Settings, Fault>, kept: impl FnOnce() -> Option<Settings>) -> Self {
        let last = |fault: Fault, kept: Option<Settings>| Self {
            settings: kept,
            fault: Some(fault),
            good: false,
        };
        let read = match read {
            Ok(read) => read,
            Err(fault) => return last(fault, kept()),
        };
        let Err(fault) = read.central() else {
            return Self {
                settings: Some(read),
                fault: None,
                good: true,
            };
        };
        // A file that a cut left empty reads well, and takes everything away.
        match kept().filter(|kept| kept.central.url.is_some()) {
            Some(kept) => last(fault, Some(kept)),
            None => Self {
                settings: Some(read),
                fault: None,
                good: false,
            },
        }
    }
}

impl SettingsInForce {
    /// What the process works with.
    ///
    /// # Errors
    /// The fault, where there never was a good configuration.
    pub fn settings(self) -> Result<Settings, Fault> {
        let wrong = || Fault::new(Code::ConfigWrong, ConfigCause::NoneInForce);
        match self.settings {
            Some(settings) => Ok(settings),
            None => Err(self.fault.unwrap_or_else(wrong)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Source;

    fn settings(text: &str) -> Result<Settings, Fault> {
        let source = Source {
            name: "boxsync.toml",
            text,
        };
        Settings::read(&[source], std::iter::empty())
    }

    #[test]
    fn the_table_holds() {
        let url = "[central]\nurl = \"https://central.example/\"\n";
        let good = settings(url).unwrap();
        let other = settings(&url.replace("central.example", "other.example")).unwrap();
        let none = Settings::default();
        let wrong = || settings("[sync]\nintervall = 1\n");
        let rows = [
            (Ok(good.clone()), None, Some(&good), None, true),
            (Ok(good.clone()), Some(&other), Some(&good), None, true),
            (
                Ok(none.clone()),
                Some(&good),
                Some(&good),
                Some(Code::ConfigNoUrl),
                false,
            ),
            (Ok(none.clone()), None, Some(&none), None, false),
            (
                wrong(),
                Some(&good),
                Some(&good),
                Some(Code::ConfigUnknownKey),
                false,
            ),
            (wrong(), None, None, Some(Code::ConfigUnknownKey), false),
        ];
        for (read, kept, force, fault, good) in rows {
            let told = SettingsInForce::of(read.clone(), || kept.cloned());
            assert_eq!(told.settings.as_ref(), force, "{read:?} {kept:?}");
            let code = told.fault.map(|fault| fault.code);
            assert_eq!((code, told.good), (fault, good), "{read:?} {kept:?}");
        }
    }

    #[test]
    fn what_is_kept_reads_as_the_same_values_and_holds_no_more() {
        let text = "# a note that is nobody's business\n[central]\nurl = \"https://central.example/\"\n\
                    ca_file = \"/etc/ssl/ça.pem\"\n[download]\nwindows = [\"22:00-06:00\"]\n[box]\nallow_uids = [7]\n";
        let read = settings(text).unwrap();
        let kept = read.kept();
        assert!(
            !kept.contains("note") && !kept.contains("interval"),
            "{kept}"
        );
        let again = settings(&kept).unwrap();
        assert_eq!(again.central, read.central);
        assert_eq!(again.download, read.download);
        assert_eq!(again.this_box, read.this_box);
    }
}
