//! The areas whose causes have a table of their own, and under which name each travels.
//! Never a sentence: those stand in the tables.
//! Called by `cause`.

use serde_json::Value as Json;

use super::argument::Argument;
use super::{
    AnswerCause, ApiCause, CatalogueCause, Cause, ConfigCause, EnrolCause, FileCause, InputCause,
    IntakeCause, ItemCause, NetCause, PackageCause, RunCause, ServiceCause, SiteCause, TlsCause,
};

macro_rules! clones {
    ($($variant:ident $(($($value:ident),+))? $({ $($field:ident),+ })?)+) => {
        /// As a derived one, which is `inline`: ten kilobytes of code in each crate that has a cause.
        impl Clone for Cause {
            fn clone(&self) -> Self {
                match self {
                    $(Self::$variant $(($($value),+))? $({ $($field),+ })? => {
                        Self::$variant $(($(Clone::clone($value)),+))? $({ $($field: Clone::clone($field)),+ })?
                    })+
                }
            }
        }
    };
}

macro_rules! groups {
    ($($variant:ident($type:ident))+) => {
        impl Cause {
            /// The area and its cause, if it is of one.
            pub(super) fn group(&self) -> Option<(&'static str, &dyn Argument)> {
                match self {
                    $(Self::$variant(cause) => Some((stringify!($variant), cause)),)+
                    _ => None,
                }
            }

            /// A cause of an area, as it came.
            pub(super) fn read_group(name: &str, value: &Json) -> Option<Self> {
                match name {
                    $(stringify!($variant) => Argument::read(value).map(Self::$variant),)+
                    _ => None,
                }
            }
        }

        clones! {
            Said(words)
            Ready { organisation, held }
            CentralUnknown
            VersionUnknown
            OrganisationUnknown
            NotEnrolled
            NotEnrolledOwing
            NeverComplete(cause)
            AnswersNotKept(cause)
            OtherOrganisation { held, own }
            NothingToTake { organisation }
            DiskFull
            Packages { held, wanted, lack }
            PackagesAbsent(count)
            ReserveShort
            Lost { items, ids }
            NotTaken(count, age)
            VersionRefused(version)
            ClockBehind
            CatalogueOld(days)
            HeldBack(count)
            Contradicted(count)
            Died(times, cause)
            LastRun(outcome, cause)
            Misconfigured(cause)
            $($variant(cause))+
        }

        $(impl From<$type> for Cause {
            fn from(cause: $type) -> Self {
                Self::$variant(cause)
            }
        })+
    };
}

groups! {
    Net(NetCause)
    Tls(TlsCause)
    Answer(AnswerCause)
    Catalogue(CatalogueCause)
    Item(ItemCause)
    Enrol(EnrolCause)
    Config(ConfigCause)
    Input(InputCause)
    Intake(IntakeCause)
    Package(PackageCause)
    File(FileCause)
    Run(RunCause)
    Service(ServiceCause)
    Api(ApiCause)
    Site(SiteCause)
}
