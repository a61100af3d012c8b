//! Why a check was not made.
//! Never a failure: those have a code.
//! Made by `plan`.

crate::sentences! {
    /// Why a check was not made.
    #[derive(Copy, Eq)]
    pub enum SkipReason {
        Offline: "not looked at: --offline", "non examiné : --offline";
        NoCentral: "no central server is configured", "aucun serveur central n’est configuré";
        Loopback:
            "central or its proxy is on this machine: no network is needed",
            "le serveur central ou son proxy est sur cette machine : aucun réseau n’est nécessaire";
        NoTls:
            "central is spoken to without TLS (http://)",
            "le serveur central est joint sans TLS (http://)";
        NoStore: "there is no store yet", "il n’y a pas encore d’index";
        NoSystemd: "systemd does not run this box", "systemd ne fait pas fonctionner cette box";
        Unidentified:
            "organisation or VM version of the box are not known",
            "l’organisation ou la version de la VM de la box ne sont pas connues";
        NoDelivery: "no delivery is known to ask for", "aucune épreuve n’est connue pour la demander";
        NeverMeasured:
            "no synchronization has measured the link yet",
            "aucune synchronisation n’a encore mesuré la liaison";
        NotEncrypted:
            "central is not known to encrypt",
            "le serveur central ne chiffre pas, autant que l’on sache";
        NewBox: "the box is new", "la box est neuve";
        NothingNamed: "the catalogue names no delivery", "le catalogue ne contient aucune épreuve";
    }
}
