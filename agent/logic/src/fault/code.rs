//! Every code that boxsync can tell, joined from the tables of the areas: what it means, and what follows from it.
//! Never two remedies for one code, and never a code again for something else.
//! Called by whoever makes, compares or explains a fault.

use std::cmp::Ordering;
use std::fmt;

use crate::texts::{TEXTS, rows};
use crate::words::{FaultClass, Outcome};

/// Whether the request of a call that ended in a code had been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// Surely not: the other side never saw it.
    Unsent,
    /// Surely: the other side answered it.
    Sent,
    /// It may be; also of codes that no call ends in, since what is not known proves nothing.
    Unknown,
}

/// The first word of a code, where a decision is made for all of its codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the variants are the words themselves")]
pub enum Area {
    Auth,
    Box,
    Catalogue,
    Central,
    Config,
    Disk,
    Input,
    Intake,
    Key,
    Logs,
    Net,
    Results,
    Sessions,
    State,
    Store,
}

struct CodeRow {
    name: &'static str,
    class: FaultClass,
    outcome: Outcome,
    sent: Sent,
    status: Option<u16>,
    event: Option<Code>,
}

/// One row of a table: `Variant "name" [Class Outcome Sent, status => Event] "title" "text" "remedy";`
macro_rules! codes {
    (; $($code:ident $name:literal
        [$class:ident $outcome:ident $sent:ident $(, $status:literal)? $(=> $event:ident)?]
        $title:literal $text:literal $remedy:literal;)*) => {
        /// What can be told; the name of each is stable, dotted and lower case.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $title] $code,)*
        }

        impl Code {
            /// All of them, area by area.
            pub const ALL: &[Self] = &[$(Self::$code,)*];

            fn row(self) -> &'static CodeRow {
                match self {
                    $(Self::$code => &CodeRow {
                        name: $name,
                        class: FaultClass::$class,
                        outcome: Outcome::$outcome,
                        sent: Sent::$sent,
                        status: codes!(@optional $($status)?),
                        event: codes!(@optional $(Self::$event)?),
                    },)*
                }
            }

            /// What it means and where it comes from. Nothing in the program calls this: it has these texts deflated
            /// (`agent/src/cli/explanations.txt`, which a test makes of them).
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$code => $text,)*
                }
            }
        }

        /// What the build reads of the table (`crate::texts`).
        #[cfg(test)]
        const TOLD: &[[&str; 3]] = &[$([stringify!($code), $title, $remedy],)*];
    };
    (@optional) => { None };
    (@optional $value:expr) => { Some($value) };
}

local_codes! { net_codes central_codes data_codes work_codes service_codes codes ; }

impl Code {
    /// The name, as it is told and stored: `net.dns`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// One of its texts; the columns are those of `build/tables.rs`.
    pub(super) fn told(self, column: usize) -> &'static str {
        TEXTS.row(rows::Code + self as usize).column(column)
    }

    /// What is the case, in a few words.
    pub fn title(self) -> &'static str {
        self.told(1)
    }

    /// The one thing to do, in plain words.
    pub fn remedy(self) -> &'static str {
        self.told(2)
    }

    /// What it asks of the one who meets it.
    pub fn class(self) -> FaultClass {
        self.row().class
    }

    /// How a run ends that cannot get past it.
    pub fn outcome(self) -> Outcome {
        self.row().outcome
    }

    /// Whether the request of a call that ended in it had been sent.
    pub fn sent(self) -> Sent {
        self.row().sent
    }

    /// The status of the local API, where it is not the one of its class.
    pub fn status(self) -> Option<u16> {
        self.row().status
    }

    /// The event of the journal that it belongs to, named by the code that leads it.
    pub fn event(self) -> Option<Self> {
        self.row().event
    }

    /// The code of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }

    /// Whether it is of this area.
    pub fn is(self, area: Area) -> bool {
        area.holds(self.name())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Area {
    /// Whether a code of this name is of the area, known or not.
    pub(super) fn holds(self, name: &str) -> bool {
        let area = match self {
            Self::Auth => "auth",
            Self::Box => "box",
            Self::Catalogue => "catalogue",
            Self::Central => "central",
            Self::Config => "config",
            Self::Disk => "disk",
            Self::Input => "input",
            Self::Intake => "intake",
            Self::Key => "key",
            Self::Logs => "logs",
            Self::Net => "net",
            Self::Results => "results",
            Self::Sessions => "sessions",
            Self::State => "state",
            Self::Store => "store",
        };
        name.split('.').next() == Some(area)
    }
}

/// The one thing to do about a code; a code of a newer boxsync gets the general advice.
pub fn remedy(code: Option<Code>) -> &'static str {
    code.map_or(
        "Make a support bundle with `boxsync doctor --bundle FILE` and send it to your support.",
        Code::remedy,
    )
}

/// The code that is written most like this one, if there is one that is like it at all.
pub fn nearest(written: &str) -> Option<Code> {
    let written = written.to_lowercase();
    let likeness = |code: Code| strsim::normalized_damerau_levenshtein(&written, code.name());
    let nearest = Code::ALL.iter().copied().max_by(|a, b| {
        likeness(*a)
            .partial_cmp(&likeness(*b))
            .unwrap_or(Ordering::Equal)
    })?;
    (likeness(nearest) >= 0.6).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_of_codes_are_those_of_the_source() {
        for (code, told) in Code::ALL.iter().zip(TOLD) {
            assert_eq!([0, 1, 2].map(|column| code.told(column)), *told);
        }
    }
}
