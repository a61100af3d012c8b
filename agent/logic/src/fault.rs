//! A fault as a value: which of the known codes it is, what failed in words, and what it asks of the one who meets it.
//! Never words for a code: those stand in the tables; and never a comparison of codes by their text.
//! Called by every rule and adapter that can fail, and by whatever tells a fault to somebody.

#[macro_use]
mod local;
#[macro_use]
mod net;
#[macro_use]
mod central;
#[macro_use]
mod data;
#[macro_use]
mod work;
#[macro_use]
mod service;
mod cause;
mod code;
mod event;
mod french;
mod name;
mod record;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use cause::{
    Age, AlertWord, AnswerCause, ApiCause, BusyWith, CaFileFlaw, CatalogueCause, Cause, Causes,
    CertificateFlaw, ConfigCause, ConfigFlaw, ConfigFlaws, ConnectionEnd, CountOf, EnrolCause,
    Expected, FileAct, FileCause, FoundAt, FoundSetting, FoundValue, HandshakeFlaw, Id, InSection,
    InputCause, IntakeCause, IntakeFlaw, IntakeValue, ItemCause, JsonFlaw, KeyLack, Lack,
    LibraryWords, LockHolder, MemberFlaw, NetCause, OsCause, OtherNumber, OwedItems, PackageCause,
    ParameterFlaw, PartFlaw, PayloadFlaw, PresentedName, ProcessEnd, Quote, RunCause, Says, Scheme,
    Sealed, ServiceCause, ServiceLoss, SettingForm, SettingPlace, SilentEngine, SiteCause,
    SizeBounds, TlsCause, Unknown, UtcMinute, Wait, Wording, ZipLack,
};

pub use code::{Area, Code, Sent, nearest, remedy};
pub use name::CodeName;
pub(crate) use record::in_text;
pub use record::{or_none, value};

use crate::words::{FaultClass, Outcome};

/// One failure, told once: what failed on what, how it is classed, and how a run that meets it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(from = "record::FaultRecord", into = "record::FaultRecord")]
#[error("{cause}")]
pub struct Fault {
    /// Which of the known ones.
    pub code: Code,
    /// What failed on what.
    pub cause: Cause,
    /// What it asks of the one who meets it: as the table has it, unless `classed` says otherwise.
    pub class: FaultClass,
    /// How a run ends that cannot get past it: as the table has it, unless `ending` says otherwise.
    pub outcome: Outcome,
    /// Central's wish to be left alone for so long (`Retry-After`, bounded by the parser).
    pub retry_after: Option<Duration>,
    /// Whether the request was sent, where that is known better than by the code: the head of an answer had come, or the
    /// request waited for a token that did not come.
    pub sent: Option<Sent>,
}

/// A code and its cause as records keep them: something that went wrong in a run, or why an item waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "record::FindingRecord", into = "record::FindingRecord")]
pub struct Finding {
    /// Stable and dotted.
    pub code: CodeName,
    /// What was the case.
    pub cause: Cause,
}

impl Finding {
    /// A finding.
    pub fn new(code: impl Into<CodeName>, cause: impl Into<Cause>) -> Self {
        Self {
            code: code.into(),
            cause: cause.into(),
        }
    }

    /// Its cause in English.
    pub fn reason(&self) -> String {
        self.cause.en()
    }
}

impl From<Fault> for Finding {
    fn from(fault: Fault) -> Self {
        Self::new(fault.code, fault.cause)
    }
}

impl Fault {
    /// A failure as the table classes it, without a wish for a wait.
    pub fn new(code: Code, cause: impl Into<Cause>) -> Self {
        Self {
            code,
            cause: cause.into(),
            class: code.class(),
            outcome: code.outcome(),
            retry_after: None,
            sent: None,
        }
    }

    /// What it is, without what it asks for: JSON tells it so.
    pub fn finding(&self) -> Finding {
        Finding::new(self.code, self.cause.clone())
    }

    /// Its cause in English, as JSON, records and the journal have it.
    pub fn reason(&self) -> String {
        self.cause.en()
    }

    /// The same, with a cause that tells more: where, or of what.
    #[must_use]
    pub fn because<C: Into<Cause>>(self, tell: impl FnOnce(Box<Cause>) -> C) -> Self {
        let cause = tell(Box::new(self.cause)).into();
        Self { cause, ..self }
    }

    /// The same, where what is met at this place asks for something else than the code does elsewhere.
    #[must_use]
    pub fn classed(self, class: FaultClass) -> Self {
        Self { class, ..self }
    }

    /// The same, where a run that meets it at this place ends otherwise than the table says.
    #[must_use]
    pub fn ending(self, outcome: Outcome) -> Self {
        Self { outcome, ..self }
    }

    /// The status of an answer of the local API that ends in it (RFC 9110, section 15).
    pub fn status(&self) -> u16 {
        match (self.code.status(), self.class) {
            // An item of a kind that is refused as it is may be refused for want of time, too.
            (Some(422) | None, FaultClass::Retry) => 503,
            (Some(status), _) => status,
            (None, _) => 500,
        }
    }
}
