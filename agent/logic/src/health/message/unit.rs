//! What is said of the service of systemd.
//! Never a judgement; a word of systemd without a French one stands as it is, as systemctl shows it.
//! Made by `unit`.

use crate::language::{Language, Localized};

crate::sentences! {
    /// What was seen of the service.
    pub enum UnitMessage {
        NoAnswer: "systemctl does not answer", "systemctl ne répond pas";
        LateAnswer: "systemctl does not answer in time", "systemctl ne répond pas à temps";
        NotInstalled: "boxsync is not installed as a service", "boxsync n’est pas installé comme service";
        Masked: "the service is masked", "le service est masqué";
        Unloadable:
            "systemd cannot load the unit of the service",
            "systemd ne peut pas charger l’unité du service";
        UnloadableFor { why: String }:
            "systemd cannot load the unit of the service: {why}",
            "systemd ne peut pas charger l’unité du service : {why}";
        Unreadable { file: String }:
            "{file}: the unit names it, and it cannot be read",
            "{file} : l’unité l’indique, et il est illisible";
        Failed { why: ExitCause }: "the service has failed: {why}", "le service a échoué : {why}";
        Restarts { count: u64 } by count:
            "{count} restart" | "{count} restarts",
            "{count} redémarrage" | "{count} redémarrages";
        RestartedOnce { state: UnitState }:
            "{state}, restarted once since it was started",
            "{state}, redémarré une fois depuis son lancement";
        Restarted { state: UnitState, count: u64 }:
            "{state}, restarted {count} times since it was started",
            "{state}, redémarré {count} fois depuis son lancement";
        EndedWith { why: ExitCause }: "{why}", "{why}";
        WatchedBy { watchdog: Watchdog }: "{watchdog}", "{watchdog}";
        Runs { state: UnitState, watchdog: Watchdog }: "{state}, {watchdog}", "{state}, {watchdog}";
        Down { state: UnitState }: "the service is {state}", "le service est {state}";
        AtBoot { setting: String }: "at boot: {setting}", "au démarrage : {setting}";
    }
}

crate::sentences! {
    /// The watchdog of the service.
    pub enum Watchdog {
        Without: "no watchdog", "sans chien de garde";
        Every { time: String }: "watchdog {time}", "chien de garde {time}";
    }
}

crate::sentences! {
    /// Why the service ended: what systemd itself means by an exit status (systemd.exec(5), "Process Exit Codes"), or its
    /// word for the result.
    pub enum ExitCause {
        NoProgram:
            "its program is missing or is no program",
            "son programme manque ou n’en est pas un";
        NoUser:
            "the user that it runs as does not exist",
            "l’utilisateur sous lequel il s’exécute n’existe pas";
        NoNamespace:
            "a folder that it needs or may not see cannot be set up",
            "un dossier dont il a besoin, ou qu’il ne doit pas voir, ne peut pas être mis en place";
        NoStateFolder:
            "its folder in /var/lib cannot be made",
            "son dossier dans /var/lib ne peut pas être créé";
        NoCredentials:
            "its credentials cannot be read",
            "ses identifiants (credentials) sont illisibles";
        Result { word: String }: "{word}", "{word}";
    }
}

/// `ActiveState` and `SubState` of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitState {
    /// `ActiveState`.
    pub active: String,
    /// `SubState`.
    pub sub: String,
}

impl Localized for UnitState {
    fn localized(&self, language: Language) -> String {
        let Self { active, sub } = self;
        let french = match (active.as_str(), sub.as_str()) {
            _ if language == Language::English => None,
            ("active", "running") => Some("en marche"),
            ("inactive", "dead") => Some("arrêté"),
            ("activating", "auto-restart") => Some("en attente de redémarrage"),
            ("activating", _) => Some("en cours de lancement"),
            ("deactivating", _) => Some("en cours d’arrêt"),
            ("reloading", _) => Some("en train de relire sa configuration"),
            _ => None,
        };
        french.map_or_else(|| format!("{active} ({sub})"), str::to_owned)
    }
}
