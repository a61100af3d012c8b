//! What `update` says, in both languages.
//! Never decides anything: `logic::update` does.
//! Called by `update`.

use logic::update::health::BootHealth;

logic::sentences! {
    /// What runs, what is offered, and what follows.
    pub(super) enum UpdateTerm {
        Running: "runs", "en marche";
        Installed: "installed beside it", "installée à côté";
        Slots: "places for images", "emplacements d’images";
        Failed: "tried in vain", "essayées en vain";
        Offered: "offered", "proposée";
        None: "none", "aucune";
        NoImage: "no image with a version (os-release has no IMAGE_VERSION)",
            "aucune image avec une version (os-release n’a pas d’IMAGE_VERSION)";
        Tried { version: String }: "{version}, which is still being tried", "{version}, encore à l’essai";
        Nothing: "Nothing newer than what runs is offered.", "Rien de plus récent que ce qui tourne n’est proposé.";
        Install { version: String }: "{version} may be installed now.", "{version} peut être installée maintenant.";
        Reboot { version: String }: "{version} is installed and may be booted now.",
            "{version} est installée et peut être démarrée maintenant.";
        Brings { version: String }: "bringing {version}", "{version} arrive";
        Brought { version: String }: "{version} is here.", "{version} est arrivée.";
        Installs { version: String }: "installing {version}", "{version} s’installe";
        Boots { version: String }: "booting {version}", "{version} démarre";
        Held { version: String }: "{version} is held back:", "{version} est retenue :";
    }
}

logic::sentences! {
    /// What holds an image back.
    pub(super) enum UpdateHeld {
        Impossible: "there is no second place for an image, or no systemd-sysupdate",
            "il n’y a pas de second emplacement d’image, ou pas de systemd-sysupdate";
        Failed: "it was tried under this number and did not come up", "elle a été essayée sous ce numéro et n’a pas démarré";
        Unsupported: "central does not support this version, as far as it has said",
            "le serveur central n’accepte pas cette version, d’après ce qu’il a dit";
        Unblessed: "the image that runs is still being tried", "l’image en marche est encore à l’essai";
        Exam { until: String }: "an exam runs, until {until} at most", "un examen est en cours, jusqu’à {until} au plus";
        Quiet { start: String, until: String }: "a period begins at {start}; it counts until {until}",
            "une période commence le {start} ; elle compte jusqu’à {until}";
        Owed { items: u64 }: "{items} items that the box owes could leave before",
            "{items} éléments dus pourraient partir avant";
        Share { until: String }: "the roll-out comes to this box at {until}", "le déploiement arrive à cette box le {until}";
        NoPlan: "the plan of its roll-out (ROLLOUT) cannot be read", "le plan de son déploiement (ROLLOUT) est illisible";
        Window { until: String }: "no window is open before {until}", "aucune plage n’est ouverte avant {until}";
    }
}

logic::sentences! {
    /// Whether the image that runs works.
    pub(super) enum UpdateHealth {
        Works: "The image that runs works.", "L’image en marche fonctionne.";
        NotYet: "The image that runs has not shown yet that it works: no run has ended since it was booted.",
            "L’image en marche n’a pas encore montré qu’elle fonctionne : aucune synchronisation ne s’est terminée depuis le démarrage.";
        Refused: "Central does not support the image that runs.", "Le serveur central n’accepte pas l’image en marche.";
    }
}

impl UpdateHealth {
    pub(super) fn of(health: BootHealth) -> Self {
        match health {
            BootHealth::Works => Self::Works,
            BootHealth::NotYet => Self::NotYet,
            BootHealth::Refused => Self::Refused,
        }
    }
}
