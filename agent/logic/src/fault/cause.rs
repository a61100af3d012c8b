//! What is the case, as a value with its arguments: told in English and in French by one table.
//! Never taken apart again: what another process or an older record said in words stays words, and is marked as such.
//! Called by whatever makes a fault and by `health::verdict`; the page, the command line and the journal tell it.

mod answer;
mod api;
mod argument;
mod catalogue;
mod config;
mod enrol;
mod file;
mod groups;
mod input;
mod intake;
mod item;
mod net;
mod os;
mod package;
mod run;
mod service;
mod setting;
mod site;
mod tls;

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use self::argument::{Argument, english, pieces, unmarked};
use crate::outside;
use crate::span;
use crate::words::Outcome;

pub use self::answer::{AnswerCause, Expected, Says};
pub use self::api::{ApiCause, ParameterFlaw};
pub use self::argument::{
    Age, Causes, Id, JsonFlaw, LibraryWords, Quote, UtcMinute, Wait, Wording,
};
pub use self::catalogue::{CatalogueCause, CountOf};
pub use self::config::{ConfigCause, FoundAt};
pub use self::enrol::EnrolCause;
pub use self::file::{FileAct, FileCause, KeyLack, LockHolder, Sealed};
pub use self::input::InputCause;
pub use self::intake::{FoundValue, IntakeCause, IntakeFlaw, IntakeValue};
pub use self::item::{ItemCause, OtherNumber, OwedItems, PayloadFlaw, Unknown};
pub use self::net::{ConnectionEnd, NetCause, Scheme};
pub use self::os::OsCause;
pub use self::package::{MemberFlaw, PackageCause, PartFlaw, ZipLack};
pub use self::run::{ProcessEnd, RunCause, SilentEngine};
pub use self::service::{BusyWith, ServiceCause, ServiceLoss};
pub use self::setting::{
    ConfigFlaw, ConfigFlaws, FoundSetting, InSection, SettingForm, SettingPlace, SizeBounds,
};
pub use self::site::SiteCause;
pub use self::tls::{
    AlertWord, CaFileFlaw, CertificateFlaw, HandshakeFlaw, PresentedName, TlsCause,
};

/// What is the case. In JSON it is its English sentence.
#[derive(Debug, PartialEq, Eq)]
pub enum Cause {
    /// In words: of a library, of an older record, or of what has no values yet.
    Said(String),
    /// The catalogue is complete and every package is there.
    Ready {
        /// Its id.
        organisation: String,
        /// Packages.
        held: u64,
    },
    /// Nothing says where central is.
    CentralUnknown,
    /// Nothing says which VM version the box has.
    VersionUnknown,
    /// Nothing says to which organisation the box belongs.
    OrganisationUnknown,
    /// Nothing was ever brought, for want of credentials.
    NotEnrolled,
    /// What is owed cannot go home for want of credentials.
    NotEnrolledOwing,
    /// No synchronization has read all lists; what the last one died of, if there was one.
    NeverComplete(Option<Box<Cause>>),
    /// A real write failed where answers go.
    AnswersNotKept(Box<Cause>),
    /// The catalogue on the box is not that of its organisation.
    OtherOrganisation {
        /// Of the catalogue.
        held: String,
        /// Of the box.
        own: String,
    },
    /// The catalogue names no delivery.
    NothingToTake {
        /// Its id.
        organisation: String,
    },
    /// No byte is left.
    DiskFull,
    /// Packages are missing.
    Packages {
        /// Whole.
        held: u64,
        /// All of the catalogue.
        wanted: u64,
        /// What is the matter with the others.
        lack: Lack,
    },
    /// Central has no package for so many deliveries.
    PackagesAbsent(u64),
    /// Less disk is free than is reserved.
    ReserveShort,
    /// Items of the spool do not open any more.
    Lost {
        /// How many.
        items: u64,
        /// Whose they are, some of them.
        ids: String,
    },
    /// Items that central does not take for now, and how long the oldest waits, in seconds.
    NotTaken(u64, Option<u64>),
    /// Central's list of VM versions does not name the one of the box.
    VersionRefused(Option<String>),
    /// The clock is behind the time of the box's own catalogue.
    ClockBehind,
    /// The catalogue is so many days old.
    CatalogueOld(i64),
    /// Entities that central no longer names, and that were kept.
    HeldBack(u64),
    /// Entities about which central contradicts itself.
    Contradicted(u64),
    /// The last synchronizations ended before their work was done: how often, and how the last one did.
    Died(u32, Box<Cause>),
    /// How the last synchronization ended, and its reason.
    LastRun(Outcome, Box<Cause>),
    /// The last good configuration is in force, and why.
    Misconfigured(Box<Cause>),
    /// On the way to central.
    Net(NetCause),
    /// In TLS.
    Tls(TlsCause),
    /// What an answer means.
    Answer(AnswerCause),
    /// In the catalogue.
    Catalogue(CatalogueCause),
    /// Of what is owed.
    Item(ItemCause),
    /// Of enrolment and credentials.
    Enrol(EnrolCause),
    /// Of the configuration.
    Config(ConfigCause),
    /// Of what a person typed.
    Input(InputCause),
    /// Of what was handed in.
    Intake(IntakeCause),
    /// Of a package.
    Package(PackageCause),
    /// Of the box’s own files.
    File(FileCause),
    /// Of a run and its process.
    Run(RunCause),
    /// Of the service of systemd.
    Service(ServiceCause),
    /// Of a request to the local API.
    Api(ApiCause),
    /// Of what leaves the box sealed.
    Site(SiteCause),
}

/// What is the matter with the packages that are not held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// They were not brought yet.
    Unbrought,
    /// The reserve for results leaves no room.
    NoRoom,
    /// So many are damaged on the box.
    Damaged(u64),
    /// So many are those of other deliveries, from a cache.
    Cached(u64),
    /// So many have a member that cannot be checked.
    Unchecked(u64),
    /// So many are damaged on central.
    Broken(u64),
}

impl Cause {
    /// What follows behind the sentence.
    fn carried(&self) -> Option<&Self> {
        match self {
            Self::NeverComplete(Some(cause))
            | Self::AnswersNotKept(cause)
            | Self::Died(_, cause)
            | Self::LastRun(_, cause)
            | Self::Misconfigured(cause) => Some(cause),
            _ => None,
        }
    }

    /// The sentence in English.
    pub fn en(&self) -> String {
        let own = self.own_en();
        own + &self.carried().map_or_else(String::new, Self::en)
    }

    /// The sentence in French; what is English in it stands in it unmarked.
    pub fn fr(&self) -> String {
        unmarked(&self.marked())
    }

    /// The sentence in French, in parts: what is English in it is marked.
    pub fn fr_words(&self) -> Vec<Wording> {
        pieces(&self.marked())
    }

    /// Whether nothing but words is known.
    pub fn is_said(&self) -> bool {
        matches!(self, Self::Said(_))
    }

    /// Takes out of it what is not to be shown; then its English words remain.
    pub fn redact(&mut self, clean: impl Fn(&str) -> String) {
        let told = self.en();
        let cleaned = clean(&told);
        if cleaned != told {
            *self = Self::Said(cleaned);
        }
    }

    fn marked(&self) -> String {
        let own = self.own_fr();
        own + &self.carried().map_or_else(String::new, Self::marked)
    }

    /// As another process and a record take it, beside its English sentence; `None` where there is nothing but words.
    pub fn value(&self) -> Option<Json> {
        let (name, group) = self.group()?;
        Some(Json::Array(vec![Json::from(name), group.value()]))
    }

    /// As it came; `None` for what this boxsync does not know.
    pub fn read(value: &Json) -> Option<Self> {
        let [name, group] = value.as_array()?.as_slice() else {
            return None;
        };
        Self::read_group(name.as_str()?, group)
    }

    /// Without what it carries.
    fn own_en(&self) -> String {
        match self {
            Self::Said(words) => outside::escaped_lines(words).into_owned(),
            Self::Ready {
                organisation,
                held: 1,
            } => {
                format!(
                    "the catalogue of organisation {organisation} is complete, 1 package is held"
                )
            }
            Self::Ready { organisation, held } => format!(
                "the catalogue of organisation {organisation} is complete, all {held} packages are held"
            ),
            Self::CentralUnknown => {
                "no central server is configured: set `url` in section [central] of boxsync.toml".into()
            }
            Self::VersionUnknown => {
                "the VM version is unknown: set `tao_version` in section [box] of boxsync.toml".into()
            }
            Self::OrganisationUnknown => {
                "the organisation of the box is unknown: set `organisation_id` in section [box] of boxsync.toml".into()
            }
            Self::NotEnrolled => "the box has no credentials for central".into(),
            Self::NotEnrolledOwing => {
                "the box has no credentials: results cannot go to central".into()
            }
            Self::NeverComplete(Some(_)) => "the catalogue was never complete: ".into(),
            Self::NeverComplete(None) => {
                "the catalogue was never complete: no synchronization has finished yet".into()
            }
            Self::AnswersNotKept(_) => "answers of candidates cannot be kept: ".into(),
            Self::OtherOrganisation { held, own } => {
                format!("the box holds the catalogue of organisation {held}, but belongs to {own}")
            }
            Self::NothingToTake { organisation } => format!(
                "the catalogue of organisation {organisation} names no delivery: there is nothing to take"
            ),
            Self::DiskFull => "the disk is full: answers of candidates cannot be kept".into(),
            Self::Packages { held, wanted, lack } => {
                format!("{held} of {wanted} packages held{}", lack.en())
            }
            Self::PackagesAbsent(1) => "central has no package for 1 delivery".into(),
            Self::PackagesAbsent(count) => {
                format!("central has no package for {count} deliveries")
            }
            Self::ReserveShort => "less disk is free than is kept for results".into(),
            Self::Lost { items: 1, ids } => {
                format!("1 item does not open any more and is lost: {ids}")
            }
            Self::Lost { items, ids } => {
                format!("{items} items do not open any more and are lost: {ids}")
            }
            Self::NotTaken(count, age) => {
                let items = if *count == 1 { "item" } else { "items" };
                let since = age.map(|age| span::print(Duration::from_secs(age)));
                let since = since.map(|age| format!(", the oldest waits since {age}"));
                format!(
                    "central does not take {count} {items} for now{}",
                    since.unwrap_or_default()
                )
            }
            Self::VersionRefused(version) => {
                let version = version.as_deref().unwrap_or("of this box");
                format!(
                    "central does not support VM version {version}: results cannot go to central"
                )
            }
            Self::ClockBehind => {
                "the clock of the box is behind the time of its own catalogue".into()
            }
            Self::CatalogueOld(days) => format!(
                "the catalogue is {days} days old: later changes on central are not on the box"
            ),
            Self::HeldBack(1) => "central no longer names 1 entity, which was kept".into(),
            Self::HeldBack(count) => {
                format!("central no longer names {count} entities, which were kept")
            }
            Self::Contradicted(1) => {
                "central contradicts itself about 1 entity, which is kept as before".into()
            }
            Self::Contradicted(count) => {
                format!(
                    "central contradicts itself about {count} entities, which are kept as before"
                )
            }
            Self::Died(0 | 1, _) => {
                "the last synchronization ended before its work was done: ".into()
            }
            Self::Died(times, _) => {
                format!("{times} synchronizations in a row ended before their work was done: ")
            }
            Self::LastRun(Outcome::Unauthorized, _) => {
                "the last synchronization was refused: ".into()
            }
            Self::LastRun(Outcome::Offline, _) => {
                "the last synchronization did not reach central: ".into()
            }
            Self::LastRun(..) => "the last synchronization failed: ".into(),
            Self::Misconfigured(_) => {
                "the configuration is wrong, the last good one is used: ".into()
            }
            Self::Net(cause) => cause.en(),
            Self::Tls(cause) => cause.en(),
            Self::Answer(cause) => cause.en(),
            Self::Catalogue(cause) => cause.en(),
            Self::Item(cause) => cause.en(),
            Self::Enrol(cause) => cause.en(),
            Self::Config(cause) => cause.en(),
            Self::Input(cause) => cause.en(),
            Self::Intake(cause) => cause.en(),
            Self::Package(cause) => cause.en(),
            Self::File(cause) => cause.en(),
            Self::Run(cause) => cause.en(),
            Self::Service(cause) => cause.en(),
            Self::Api(cause) => cause.en(),
            Self::Site(cause) => cause.en(),
        }
    }

    /// Without what it carries; with marks.
    fn own_fr(&self) -> String {
        match self {
            Self::Said(words) => english(words),
            Self::Ready {
                organisation,
                held: 1,
            } => format!(
                "le catalogue de l’organisation {organisation} est complet et son paquet est présent"
            ),
            Self::Ready { organisation, held } => format!(
                "le catalogue de l’organisation {organisation} est complet et ses {held} paquets sont présents"
            ),
            Self::CentralUnknown => {
                "aucun serveur central n’est configuré : définir `url` dans la section [central] de boxsync.toml".into()
            }
            Self::VersionUnknown => {
                "la version de la VM est inconnue : définir `tao_version` dans la section [box] de boxsync.toml".into()
            }
            Self::OrganisationUnknown => {
                "l’organisation de la box est inconnue : définir `organisation_id` dans la section [box] de boxsync.toml".into()
            }
            Self::NotEnrolled => "la box n’a pas d’identifiants pour le serveur central".into(),
            Self::NotEnrolledOwing => {
                "la box n’a pas d’identifiants : les résultats ne peuvent pas partir vers le serveur central".into()
            }
            Self::NeverComplete(Some(_)) => "le catalogue n’a jamais été complet : ".into(),
            Self::NeverComplete(None) => {
                "le catalogue n’a jamais été complet : aucune synchronisation n’a encore abouti".into()
            }
            Self::AnswersNotKept(_) => {
                "les réponses des candidats ne peuvent pas être conservées : ".into()
            }
            Self::OtherOrganisation { held, own } => format!(
                "la box contient le catalogue de l’organisation {held}, mais appartient à {own}"
            ),
            Self::NothingToTake { organisation } => format!(
                "le catalogue de l’organisation {organisation} ne contient aucune épreuve : il n’y a rien à passer"
            ),
            Self::DiskFull => {
                "le disque est plein : les réponses des candidats ne peuvent pas être conservées".into()
            }
            Self::Packages { held, wanted, lack } => {
                format!("paquets présents : {held} sur {wanted}{}", lack.fr())
            }
            Self::PackagesAbsent(1) => {
                "le serveur central n’a pas de paquet pour 1 épreuve".into()
            }
            Self::PackagesAbsent(count) => {
                format!("le serveur central n’a pas de paquet pour {count} épreuves")
            }
            Self::ReserveShort => {
                "il reste moins de disque que ce qui est réservé aux résultats".into()
            }
            Self::Lost { items: 1, ids } => {
                format!("1 élément ne s’ouvre plus et est perdu : {ids}")
            }
            Self::Lost { items, ids } => {
                format!("{items} éléments ne s’ouvrent plus et sont perdus : {ids}")
            }
            Self::NotTaken(count, age) => {
                let items = if *count == 1 { "élément" } else { "éléments" };
                let since = age.map(|age| format!(" ; le plus ancien attend depuis {}", duree(age)));
                format!(
                    "le serveur central ne prend pas {count} {items} pour le moment{}",
                    since.unwrap_or_default()
                )
            }
            Self::VersionRefused(Some(version)) => format!(
                "le serveur central n’accepte pas la version {version} de la VM : les résultats ne peuvent pas y partir"
            ),
            Self::VersionRefused(None) => {
                "le serveur central n’accepte pas la version de la VM de cette box : les résultats ne peuvent pas y partir".into()
            }
            Self::ClockBehind => {
                "l’horloge de la box retarde sur la date de son propre catalogue".into()
            }
            Self::CatalogueOld(days) => format!(
                "le catalogue a {days} jours : les changements faits depuis sur le serveur central ne sont pas sur la box"
            ),
            Self::HeldBack(1) => {
                "le serveur central ne nomme plus 1 entité, qui a été conservée".into()
            }
            Self::HeldBack(count) => {
                format!("le serveur central ne nomme plus {count} entités, qui ont été conservées")
            }
            Self::Contradicted(1) => {
                "le serveur central se contredit sur 1 entité, qui est conservée comme avant".into()
            }
            Self::Contradicted(count) => format!(
                "le serveur central se contredit sur {count} entités, qui sont conservées comme avant"
            ),
            Self::Died(0 | 1, _) => {
                "la dernière synchronisation s’est arrêtée avant la fin : ".into()
            }
            Self::Died(times, _) => {
                format!("{times} synchronisations de suite se sont arrêtées avant la fin : ")
            }
            Self::LastRun(Outcome::Unauthorized, _) => {
                "la dernière synchronisation a été refusée : ".into()
            }
            Self::LastRun(Outcome::Offline, _) => {
                "la dernière synchronisation n’a pas joint le serveur central : ".into()
            }
            Self::LastRun(..) => "la dernière synchronisation a échoué : ".into(),
            Self::Misconfigured(_) => {
                "la configuration est erronée, la dernière bonne est utilisée : ".into()
            }
            Self::Net(cause) => cause.fr(),
            Self::Tls(cause) => cause.fr(),
            Self::Answer(cause) => cause.fr(),
            Self::Catalogue(cause) => cause.fr(),
            Self::Item(cause) => cause.fr(),
            Self::Enrol(cause) => cause.fr(),
            Self::Config(cause) => cause.fr(),
            Self::Input(cause) => cause.fr(),
            Self::Intake(cause) => cause.fr(),
            Self::Package(cause) => cause.fr(),
            Self::File(cause) => cause.fr(),
            Self::Run(cause) => cause.fr(),
            Self::Service(cause) => cause.fr(),
            Self::Api(cause) => cause.fr(),
            Self::Site(cause) => cause.fr(),
        }
    }
}

impl Lack {
    fn en(self) -> String {
        match self {
            Self::Unbrought => String::new(),
            Self::NoRoom => {
                ": there is no room for the others beside what is kept for results".into()
            }
            Self::Damaged(count) => {
                format!(", {count} damaged: the next synchronization mends that")
            }
            Self::Cached(count) => {
                format!(", {count} come as those of other deliveries from a cache on the way")
            }
            Self::Unchecked(count) => format!(", {count} have a member that cannot be checked"),
            Self::Broken(count) => format!(", {count} are damaged on central"),
        }
    }

    fn fr(self) -> String {
        match self {
            Self::Unbrought => String::new(),
            Self::NoRoom => {
                " ; il n’y a pas de place pour les autres à côté de ce qui est réservé aux résultats".into()
            }
            Self::Damaged(count) => {
                format!(", {count} endommagés : la prochaine synchronisation y remédie")
            }
            Self::Cached(count) => {
                format!(", {count} remplacés par ceux d’autres épreuves par un cache")
            }
            Self::Unchecked(count) => format!(", {count} impossibles à vérifier"),
            Self::Broken(count) => format!(", {count} endommagés sur le serveur central"),
        }
    }
}

/// Seconds in their largest unit.
fn duree(seconds: u64) -> String {
    match seconds {
        86_400.. => format!("{} j", seconds / 86_400),
        3_600.. => format!("{} h", seconds / 3_600),
        60.. => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

impl From<String> for Cause {
    fn from(words: String) -> Self {
        Self::Said(words)
    }
}

impl From<&str> for Cause {
    fn from(words: &str) -> Self {
        Self::Said(words.to_owned())
    }
}

impl From<&String> for Cause {
    fn from(words: &String) -> Self {
        Self::Said(words.clone())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en())
    }
}

impl Serialize for Cause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests;
