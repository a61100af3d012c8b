//! Names the routes of the central and finds the one a path means.
//! Never looks at methods, headers or bodies.
//! Called by `serve` for each request, and by fault rules that name a route.

use serde::{Deserialize, Serialize};

/// What a path means; the names are those of fault rules and of the request log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// `taoOauth/TokenApi/requestToken` (protocol 1.1).
    Token,
    /// `taoSync/HandShake` (protocol 2).
    Handshake,
    /// `taoSync/api/supportedVm` (protocol 4.1).
    SupportedVm,
    /// `taoSync/SynchronisationApi/fetchEntityChecksums` (protocol 5.3).
    Checksums,
    /// `taoSync/SynchronisationApi/fetchEntityDetails` (protocol 5.4).
    Details,
    /// `taoSync/SynchronisationApi/fetchClassDetails` (protocol 5.5).
    Classes,
    /// `taoSync/SynchronisationApi/getDeliveryTest` (protocol 6).
    Package,
    /// `taoSync/SynchronisationApi/confirmSyncFinished` (protocol 9.1).
    Finished,
    /// `taoSync/SynchronisationApi/confirmSyncFailed` (protocol 9.3).
    Failed,
    /// `taoSync/ResultApi/syncResults` (protocol 7).
    Results,
    /// `taoSync/ResultApi/syncDeliveryLogs` (protocol 8.1).
    Logs,
    /// `taoSync/ResultApi/syncLtiUsers` (protocol 8.2).
    LtiUsers,
    /// `taoSync/ResultApi/syncTestSessions` (protocol 8.3).
    Sessions,
    /// `taoClientDiagnostic/CompatibilityChecker/upload` (protocol 10.2).
    Upload,
    /// `taoClientDiagnostic/CompatibilityChecker/whichBrowser` (protocol 10.4).
    WhichBrowser,
    /// Files below `taoClientDiagnostic/views/js/tools/bandwidth/data/` (protocol 10.3).
    Bandwidth,
    /// `taoEncryption/EncryptionApi/updatePublicKey` (protocol 13.5).
    PublicKey,
    /// An action that its REST controller does not have (protocol 0.2).
    UnknownAction,
    /// A controller that its extension does not have.
    UnknownController,
    /// Anything else.
    Unknown,
}

impl Route {
    /// The route of a path below the root URL, without its leading slash.
    pub(crate) fn of(path: &str) -> Self {
        if let Some(file) = path.strip_prefix("taoClientDiagnostic/views/js/tools/bandwidth/data/")
            && !file.contains('/')
        {
            return Self::Bandwidth;
        }
        let path = path.strip_suffix('/').unwrap_or(path);
        match path {
            "taoOauth/TokenApi/requestToken" => Self::Token,
            "taoSync/HandShake" | "taoSync/HandShake/index" => Self::Handshake,
            "taoSync/api/supportedVm" => Self::SupportedVm,
            "taoClientDiagnostic/CompatibilityChecker/upload" => Self::Upload,
            "taoClientDiagnostic/CompatibilityChecker/whichBrowser" => Self::WhichBrowser,
            "taoEncryption/EncryptionApi/updatePublicKey" => Self::PublicKey,
            _ => match path.split_once('/') {
                Some(("taoSync", rest)) => Self::of_sync(rest),
                _ => Self::Unknown,
            },
        }
    }

    fn of_sync(rest: &str) -> Self {
        match rest.split_once('/') {
            Some(("SynchronisationApi", action)) => match action {
                "fetchEntityChecksums" => Self::Checksums,
                "fetchEntityDetails" => Self::Details,
                "fetchClassDetails" => Self::Classes,
                "getDeliveryTest" => Self::Package,
                "confirmSyncFinished" => Self::Finished,
                "confirmSyncFailed" => Self::Failed,
                _ => Self::UnknownAction,
            },
            Some(("ResultApi", action)) => match action {
                "syncResults" => Self::Results,
                "syncDeliveryLogs" => Self::Logs,
                "syncLtiUsers" => Self::LtiUsers,
                "syncTestSessions" => Self::Sessions,
                _ => Self::UnknownAction,
            },
            _ => Self::UnknownController,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_find_their_routes() {
        for (path, route) in [
            ("taoSync/HandShake/", Route::Handshake),
            (
                "taoSync/SynchronisationApi/fetchEntityChecksums/",
                Route::Checksums,
            ),
            ("taoSync/SynchronisationApi/nope", Route::UnknownAction),
            ("taoSync/Nope/index", Route::UnknownController),
            ("/taoSync/HandShake", Route::Unknown),
            (
                "taoClientDiagnostic/views/js/tools/bandwidth/data/x",
                Route::Bandwidth,
            ),
        ] {
            assert_eq!(Route::of(path), route, "{path}");
        }
    }
}
