//! The events worth finding in the journal: one constant MESSAGE_ID each, and the code that leads it.
//! Never changes an id: catalogs and searches of years to come name them.
//! Called by `code` and by the journal; `systemd/events.txt` and both catalogs are the same table, tests compare them.

use super::Code;

macro_rules! events {
    ($($code:ident $id:literal;)*) => {
        impl Code {
            /// The codes that lead an event, in the order of the catalogs.
            pub const EVENTS: &[Self] = &[$(Self::$code,)*];

            /// The `MESSAGE_ID` of the event that it leads: 32 hex digits.
            pub const fn leads(self) -> Option<&'static str> {
                match self {
                    $(Self::$code => Some($id),)*
                    _ => None,
                }
            }
        }
    };
}

events! {
    Ready "a25e88775eae46ca83c1157cdb2c43c3";
    Stopping "df5c4b85bd1545a289238bc21f7bcf78";
    SyncStarted "33606c17c2cc4aad974455065e0dc662";
    SyncFinished "e3a6b133ab2b4c92b25f41db2945730d";
    SyncFailed "1355e5f3b4de4e55a171ae6c8b6c0a1f";
    NetOffline "11cbedf31a464b9ea047f473acb54ae7";
    NetOnline "b8a1ae5e90834b429cc16b727ee7cd97";
    PackageHeld "acd87a26d49e4a848f7a5191a5478c5b";
    PackageDamaged "c31eb182c5054d44bc3716f70ebe0eb6";
    DeletionHeldBack "fc4d9781dab4423b992bf3efc18911e1";
    DiskFull "b6c58aabdd5d4086bb2da85141983384";
    ClockWrong "de997ff003b7466a9e71d018a01daa85";
    StoreRebuilt "7527776f0a09409f8abf64f1b6b289dc";
    CloneFound "b0877c6b413a415caaf03e3823b06afc";
    Enrolled "254a014ae8fb491b978a914a89321f3d";
    AuthRefused "2825ea978ec848afb630d522d9b29c87";
    VersionUnsupported "3766b98533b84e199fc2c686dcf29b16";
    ResultRefused "8e775713a34b4015a2460631c6688bae";
    ResultUnconfirmed "d41ae8cdbe0b48b98a6c1e82acd03974";
    CentralMaintenance "d5c6ad37e3dc486a8174fcf0219aa992";
    CatalogueOtherCentre "ee40b772910e4c00a2d13d804dfe875f";
    KeyWrong "4c376887b9434fceab74e019ccb367d6";
    ConfigWrong "7e25f4774cb8404c87b0233df99489aa";
    CentralWish "6f1c52d04b9d4f0c9a7a5f3be2c8d7e1";
    CentralContradicts "b3c0a6f95d214e7e8f2d9a41c6e07b58";
    RunKilled "a98d4186dc3bbc08fb11ab4d2b928830";
    BoxRestored "012cf7526f52f0098cbc8781ce5bdab5";
    BoxTwice "1cc9880557e6647384bf969b630a78e0";
    DiskFailing "0e7d1f52c4b84c0b9a63f8d2517ae9c4";
    AnswersNotKept "9c41b7e0d35f4a8f86f20c9be1d47a35";
    WorkerDied "5d0f6a3c8e1b4b7d9c2e7f4a61d83b90";
}
