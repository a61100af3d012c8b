//! What a check saw, as a value that is told in either language: one enum an area, each sentence with its French.
//! Never a judgement: what follows from it stands in the areas themselves.
//! Made by `plan`, `seen`, `unit`, `clock`, `way`, `talk` and `holdings`; told by whoever shows a finding.

mod clock;
mod holdings;
mod noun;
mod plan;
mod seen;
mod talk;
mod unit;
mod way;

pub use clock::{ClockMessage, DateSource};
pub use holdings::HoldingsMessage;
pub use noun::{ByType, KindCount, Names, PackageFlaw, WireCounts};
pub use plan::SkipReason;
pub use seen::StateMessage;
pub use talk::{PlainNumber, RangeFlaw, TalkMessage};
pub use unit::{ExitCause, UnitMessage, UnitState, Watchdog};
pub use way::{Peer, WayMessage};

use super::seen::ReportedFault;
use crate::fault::CodeName;
use crate::language::{Language, Localized, typeset};
use crate::phrase;

/// One line of what was seen.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// A check was not made.
    Skipped(SkipReason),
    /// What is told by this code explains it.
    Because(CodeName),
    /// A check, by its code, ended without a result.
    NoResult(CodeName),
    /// A failure in its own words.
    Told(ReportedFault),
    /// Names and identifiers alone.
    Listed(Names),
    /// Of configuration, state folder, key, disk and store.
    State(StateMessage),
    /// Of the service.
    Unit(UnitMessage),
    /// Of the clocks.
    Clock(ClockMessage),
    /// Of the way to central.
    Way(WayMessage),
    /// Of what central says.
    Talk(TalkMessage),
    /// Of what the box holds and owes.
    Holdings(HoldingsMessage),
}

impl Localized for Message {
    fn localized(&self, language: Language) -> String {
        match (self, language) {
            (Self::Skipped(reason), _) => reason.localized(language),
            (Self::Because(code), Language::English) => format!("because of {code}"),
            (Self::Because(code), Language::French) => format!("à cause de {code}"),
            (Self::NoResult(code), Language::English) => format!("{code}: no result"),
            (Self::NoResult(code), Language::French) => {
                typeset(&format!("{code} : pas de résultat"))
            }
            (Self::Told(told), _) => told.localized(language),
            (Self::Listed(names), _) => names.localized(language),
            (Self::State(message), _) => message.localized(language),
            (Self::Unit(message), _) => message.localized(language),
            (Self::Clock(message), _) => message.localized(language),
            (Self::Way(message), _) => message.localized(language),
            (Self::Talk(message), _) => message.localized(language),
            (Self::Holdings(message), _) => message.localized(language),
        }
    }
}

impl Localized for CodeName {
    fn localized(&self, _: Language) -> String {
        self.to_string()
    }
}

impl Localized for ReportedFault {
    fn localized(&self, language: Language) -> String {
        match &self.cause {
            Some(cause) => phrase::cause(language, Some(&self.code), cause),
            None => phrase::text(language, Some(&self.code), &self.reason),
        }
    }
}

impl From<SkipReason> for Message {
    fn from(reason: SkipReason) -> Self {
        Self::Skipped(reason)
    }
}

impl From<ReportedFault> for Message {
    fn from(told: ReportedFault) -> Self {
        Self::Told(told)
    }
}

impl From<&ReportedFault> for Message {
    fn from(told: &ReportedFault) -> Self {
        Self::Told(told.clone())
    }
}

impl From<Names> for Message {
    fn from(names: Names) -> Self {
        Self::Listed(names)
    }
}

impl From<StateMessage> for Message {
    fn from(message: StateMessage) -> Self {
        Self::State(message)
    }
}

impl From<UnitMessage> for Message {
    fn from(message: UnitMessage) -> Self {
        Self::Unit(message)
    }
}

impl From<ClockMessage> for Message {
    fn from(message: ClockMessage) -> Self {
        Self::Clock(message)
    }
}

impl From<WayMessage> for Message {
    fn from(message: WayMessage) -> Self {
        Self::Way(message)
    }
}

impl From<TalkMessage> for Message {
    fn from(message: TalkMessage) -> Self {
        Self::Talk(message)
    }
}

impl From<HoldingsMessage> for Message {
    fn from(message: HoldingsMessage) -> Self {
        Self::Holdings(message)
    }
}
