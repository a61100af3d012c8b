//! The areas whose causes have a table of their own, and under which name each travels.
//! Never a sentence: those stand in the tables.
//! Called by `cause`.

use serde_json::Value as Json;

use super::argument::Argument;
use super::{
    AnswerCause, ApiCause, CatalogueCause, Cause, ConfigCause, EnrolCause, FileCause, InputCause,
    IntakeCause, ItemCause, NetCause, PackageCause, RunCause, ServiceCause, SiteCause, TlsCause,
};

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
