//! What keeps the service of systemd from synchronizing by itself.
//! Never the words of systemd: `doctor` shows those.
//! Called by the verbs whose words depend on the service.

use super::argument::sentences;

sentences! {
    /// Of the service.
    ServiceCause {
        Down => "the service does not run: nothing is synchronized by itself",
            "le service ne fonctionne pas : rien ne se synchronise de soi-même";
        Failed => "the service has failed: nothing is synchronized by itself",
            "le service a échoué : rien ne se synchronise de soi-même";
    }
}
