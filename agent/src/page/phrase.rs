//! What boxsync says in English elsewhere, in French: reasons of the verdict, remedies, checks, steps of a run.
//! Never guesses: a sentence that is not here is shown as it is and marked as English.
//! Called by `render`.

use super::figure::escape;
use super::words::{Language, put};

/// A sentence of boxsync as HTML: in the language of the page, or marked as English.
pub(super) fn html(language: Language, english: &str) -> String {
    if language == Language::English || english.is_empty() {
        return escape(english);
    }
    match french(english) {
        Some(text) => escape(&text),
        None => format!("<span lang=\"en\">{}</span>", escape(english)),
    }
}

/// The same without markup; a sentence that is not here stays English.
pub(super) fn text(language: Language, english: &str) -> String {
    let french = (language == Language::French)
        .then(|| french(english))
        .flatten();
    french.unwrap_or_else(|| english.to_owned())
}

fn french(english: &str) -> Option<String> {
    PAIRS.iter().find_map(|(pattern, french)| {
        let values = values(pattern, english)?;
        // What follows a colon may be a sentence of boxsync itself.
        let values: Vec<String> = values
            .into_iter()
            .map(|value| match value.contains(' ') {
                true => self::french(value).unwrap_or_else(|| value.to_owned()),
                false => value.to_owned(),
            })
            .collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        Some(put(french, &values))
    })
}

/// What stands in the slots of a pattern; `None` when the text is another one.
fn values<'a>(pattern: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let mut parts = pattern.split("{}");
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut values = Vec::new();
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        let at = match (part.is_empty(), last) {
            (true, true) => rest.len(),
            (false, true) => rest.len().checked_sub(part.len())?,
            (_, false) => rest.find(part)?,
        };
        let (value, after) = rest.split_at_checked(at)?;
        rest = after.strip_prefix(part)?;
        values.push(value);
    }
    (rest.is_empty() && values.iter().all(|value| !value.is_empty())).then_some(values)
}

/// English with `{}` where values stand; French with `{1}`, `{2}` … where they belong. The first that fits counts.
const PAIRS: &[(&str, &str)] = &[
    // The verdict (`logic::health::verdict`).
    (
        "the catalogue of organisation {} is complete, all {} packages are held",
        "le catalogue de l’organisation {1} est complet et tous les {2} paquets sont présents",
    ),
    (
        "the box has no credentials for central",
        "la box n’a pas d’identifiants pour le serveur central",
    ),
    (
        "the catalogue was never complete: no synchronization has finished yet",
        "le catalogue n’a jamais été complet\u{a0}: aucune synchronisation n’a encore abouti",
    ),
    (
        "the catalogue was never complete: {}",
        "le catalogue n’a jamais été complet\u{a0}: {1}",
    ),
    (
        "the box holds the catalogue of organisation {}, but belongs to {}",
        "la box contient le catalogue de l’organisation {1}, mais appartient à {2}",
    ),
    (
        "the catalogue of organisation {} names no delivery: there is nothing to take",
        "le catalogue de l’organisation {1} ne contient aucune épreuve\u{a0}: il n’y a rien à passer",
    ),
    (
        "the disk is full: answers of candidates cannot be kept",
        "le disque est plein\u{a0}: les réponses des candidats ne peuvent pas être conservées",
    ),
    (
        "{} of {} packages held, {} damaged: they are fetched again by the next synchronization",
        "{1} paquets présents sur {2}, {3} endommagés\u{a0}: la prochaine synchronisation les reprend",
    ),
    ("{} of {} packages held", "{1} paquets présents sur {2}"),
    (
        "central has no package for 1 delivery",
        "le serveur central n’a pas de paquet pour 1 épreuve",
    ),
    (
        "central has no package for {} deliveries",
        "le serveur central n’a pas de paquet pour {1} épreuves",
    ),
    (
        "less disk is free than is kept for results",
        "il reste moins de disque que ce qui est réservé aux résultats",
    ),
    (
        "central did not accept 1 result",
        "le serveur central n’a pas accepté 1 résultat",
    ),
    (
        "central did not accept {} results",
        "le serveur central n’a pas accepté {1} résultats",
    ),
    (
        "central may or may not have 1 result",
        "on ne sait pas si le serveur central a reçu 1 résultat",
    ),
    (
        "central may or may not have {} results",
        "on ne sait pas si le serveur central a reçu {1} résultats",
    ),
    (
        "the box has no credentials: results cannot go to central",
        "la box n’a pas d’identifiants\u{a0}: les résultats ne peuvent pas partir vers le serveur central",
    ),
    (
        "central does not support VM version {}: results cannot go to central",
        "le serveur central n’accepte pas la version {1} de la VM\u{a0}: les résultats ne peuvent pas y partir",
    ),
    (
        "the clock of the box is behind the time of its own catalogue",
        "l’horloge de la box retarde sur la date de son propre catalogue",
    ),
    (
        "the catalogue is {} days old: later changes on central are not on the box",
        "le catalogue a {1} jours\u{a0}: les changements faits depuis sur le serveur central ne sont pas sur la box",
    ),
    (
        "central no longer names 1 entity, which were kept",
        "le serveur central ne nomme plus 1 entité, qui a été conservée",
    ),
    (
        "central no longer names {} entities, which were kept",
        "le serveur central ne nomme plus {1} entités, qui ont été conservées",
    ),
    (
        "the last synchronization was refused: {}",
        "la dernière synchronisation a été refusée\u{a0}: {1}",
    ),
    (
        "the last synchronization failed: {}",
        "la dernière synchronisation a échoué\u{a0}: {1}",
    ),
    (
        "1 result is still to go to central",
        "1 résultat doit encore partir vers le serveur central",
    ),
    (
        "{} results are still to go to central",
        "{1} résultats doivent encore partir vers le serveur central",
    ),
    (
        "{} entities of the catalogue do not open",
        "{1} entités du catalogue ne s’ouvrent pas",
    ),
    // Frequent ends of a run.
    ("the name {} has no address", "le nom {1} n’a pas d’adresse"),
    ("{} refused the connection", "{1} a refusé la connexion"),
    // Remedies (`logic::health::catalogue`).
    ("Nothing to do.", "Rien à faire."),
    (
        "Run `boxsync enroll --login L --password-file F`.",
        "Exécuter `boxsync enroll --login L --password-file F`.",
    ),
    (
        "Enroll the box again: `boxsync enroll --login L --password-file F`.",
        "Réinscrire la box\u{a0}: `boxsync enroll --login L --password-file F`.",
    ),
    (
        "Run `boxsync sync` and let it finish.",
        "Exécuter `boxsync sync` et le laisser aboutir.",
    ),
    (
        "Correct `organisation_id`; or, if the box changes its organisation, run `boxsync wipe` first.",
        "Corriger `organisation_id`\u{a0}; ou, si la box change d’organisation, exécuter d’abord `boxsync wipe`.",
    ),
    (
        "Ask the operator of central to publish the tests for this organisation.",
        "Demander à l’exploitant du serveur central de publier les tests de cette organisation.",
    ),
    (
        "Free disk space on the volume of /var/lib/boxsync, or use a larger disk.",
        "Libérer de la place sur le volume de /var/lib/boxsync, ou utiliser un disque plus grand.",
    ),
    (
        "Run `boxsync packages verify`, then `boxsync sync`; if it happens again, replace the disk.",
        "Exécuter `boxsync packages verify`, puis `boxsync sync`\u{a0}; si cela se reproduit, remplacer le disque.",
    ),
    (
        "Ask the operator of central to publish the delivery again.",
        "Demander à l’exploitant du serveur central de publier l’épreuve à nouveau.",
    ),
    (
        "See `boxsync results`, export them with `boxsync results export ID FILE` and send them to your support.",
        "Voir `boxsync results`, les exporter avec `boxsync results export ID FICHIER` et les envoyer à l’assistance.",
    ),
    (
        "Ask the operator of central whether it has them; if not, run `boxsync results retry ID`.",
        "Demander à l’exploitant du serveur central s’il les a\u{a0}; sinon, exécuter `boxsync results retry ID`.",
    ),
    (
        "Install a box image whose version central supports, or ask the operator of central to add this one.",
        "Installer une image dont la version est acceptée par le serveur central, ou demander à son exploitant d’ajouter celle-ci.",
    ),
    (
        "Set the clock: `timedatectl set-time` or NTP; then replace the clock's battery.",
        "Régler l’horloge\u{a0}: `timedatectl set-time` ou NTP\u{a0}; puis remplacer la pile de l’horloge.",
    ),
    (
        "Let the box synchronize its clock (NTP).",
        "Laisser la box régler son horloge (NTP).",
    ),
    (
        "Connect the box to the network and run `boxsync sync`.",
        "Connecter la box au réseau et exécuter `boxsync sync`.",
    ),
    (
        "If central is right, run `boxsync sync --allow-deletes`.",
        "Si le serveur central a raison, exécuter `boxsync sync --allow-deletes`.",
    ),
    (
        "Run `boxsync sync` and look at what it tells.",
        "Exécuter `boxsync sync` et lire ce qu’il dit.",
    ),
    (
        "Connect the box to the network and run `boxsync sync --results`.",
        "Connecter la box au réseau et exécuter `boxsync sync --results`.",
    ),
    (
        "Check the host name in [central] url and the name server in /etc/resolv.conf.",
        "Vérifier le nom d’hôte dans [central] url et le serveur de noms dans /etc/resolv.conf.",
    ),
    (
        "See that the firewall lets the box through to central's port.",
        "Vérifier que le pare-feu laisse passer la box vers le port du serveur central.",
    ),
    (
        "Ask the operator of central whether it is up, and check the port in [central] url.",
        "Demander à l’exploitant du serveur central s’il fonctionne, et vérifier le port dans [central] url.",
    ),
    (
        "Try again later; if it stays, ask the operator of central.",
        "Réessayer plus tard\u{a0}; si cela persiste, s’adresser à l’exploitant du serveur central.",
    ),
    (
        "Put the envelope key of this box back (boxsync.key).",
        "Remettre en place la clé d’enveloppe de cette box (boxsync.key).",
    ),
    (
        "Check the disk, then run `boxsync sync`; what central has is brought again.",
        "Vérifier le disque, puis exécuter `boxsync sync`\u{a0}; ce que le serveur central possède est repris.",
    ),
    (
        "Wait until the running synchronization has ended.",
        "Attendre la fin de la synchronisation en cours.",
    ),
    // The checks by the titles of their codes.
    ("configuration", "configuration"),
    ("state folder", "dossier d’état"),
    ("key of the data", "clé des données"),
    ("disk", "disque"),
    ("index store", "index"),
    ("service", "service"),
    ("network link", "lien réseau"),
    ("address and route", "adresse et route"),
    ("name of central", "nom du serveur central"),
    ("connection", "connexion"),
    ("clock", "horloge"),
    ("TLS and certificate", "TLS et certificat"),
    ("central's answer", "réponse du serveur central"),
    ("credentials", "identifiants"),
    ("role on central", "rôle sur le serveur central"),
    ("VM version", "version de la VM"),
    ("organisation", "organisation"),
    ("catalogue", "catalogue"),
    ("packages", "paquets"),
    ("parts of packages", "parties de paquets"),
    ("results to send", "résultats à envoyer"),
    ("last synchronizations", "dernières synchronisations"),
    ("rate of the link", "débit de la liaison"),
    // Checks that found something.
    ("the box is not enrolled", "la box n’est pas inscrite"),
    (
        "the catalogue is not complete",
        "le catalogue n’est pas complet",
    ),
    ("the catalogue is old", "le catalogue est ancien"),
    ("packages are still missing", "des paquets manquent encore"),
    (
        "a package on the box is damaged",
        "un paquet de la box est endommagé",
    ),
    (
        "central has no package for a delivery",
        "le serveur central n’a pas de paquet pour une épreuve",
    ),
    ("the disk is full", "le disque est plein"),
    (
        "results wait to be sent",
        "des résultats attendent leur envoi",
    ),
    (
        "central does not accept some results",
        "le serveur central n’accepte pas certains résultats",
    ),
    (
        "the last synchronization failed",
        "la dernière synchronisation a échoué",
    ),
    ("deletions are held back", "des suppressions sont retenues"),
    (
        "the key does not open the data",
        "la clé n’ouvre pas les données",
    ),
    ("the box is ready", "la box est prête"),
    (
        "the catalogue is of another organisation",
        "le catalogue est celui d’une autre organisation",
    ),
    (
        "the catalogue names no delivery",
        "le catalogue ne contient aucune épreuve",
    ),
    (
        "the clock is behind a time that has surely passed",
        "l’horloge retarde sur une date certainement passée",
    ),
    (
        "it is not known whether central has some results",
        "on ne sait pas si le serveur central a reçu certains résultats",
    ),
    (
        "central does not support the VM version",
        "le serveur central n’accepte pas la version de la VM",
    ),
    (
        "central refuses the credentials",
        "le serveur central refuse les identifiants",
    ),
    ("the connection was refused", "la connexion a été refusée"),
    (
        "central did not answer in time",
        "le serveur central n’a pas répondu à temps",
    ),
    (
        "a sealed file is damaged",
        "un fichier scellé est endommagé",
    ),
    (
        "another boxsync is at work",
        "un autre boxsync est à l’œuvre",
    ),
    // What a check saw.
    ("not looked at: --offline", "non examiné\u{a0}: sans réseau"),
    ("opens", "s’ouvre"),
    ("nothing is owed", "rien à envoyer"),
    ("no. {} finished", "la n° {1} est terminée"),
    ("the key opens the data", "la clé ouvre les données"),
    (
        "the key lies beside the data: it does not protect a stolen disk",
        "la clé est à côté des données\u{a0}: elle ne protège pas un disque volé",
    ),
    ("there is no store yet", "il n’y a pas encore d’index"),
    (
        "systemd does not run this box",
        "systemd ne fait pas fonctionner cette box",
    ),
    (
        "no synchronization has measured the link yet",
        "aucune synchronisation n’a encore mesuré la liaison",
    ),
    (
        "no synchronization has finished yet",
        "aucune synchronisation n’a encore abouti",
    ),
    (
        "no synchronization has read the whole catalogue yet",
        "aucune synchronisation n’a encore lu tout le catalogue",
    ),
    (
        "no central server is configured",
        "aucun serveur central n’est configuré",
    ),
    (
        "central or its proxy is on this machine: no network is needed",
        "le serveur central ou son proxy est sur cette machine\u{a0}: aucun réseau n’est nécessaire",
    ),
    (
        "in use by a running boxsync",
        "utilisé par un boxsync en cours",
    ),
    (
        "boxsync is not installed as a service",
        "boxsync n’est pas installé comme service",
    ),
    ("the box is new", "la box est neuve"),
    (
        "{} deletions are held back",
        "{1} suppressions sont retenues",
    ),
    (
        "{} results wait to be sent",
        "{1} résultats attendent leur envoi",
    ),
    ("because of {}", "à cause de {1}"),
    // What a run does and waits for (`engine::run`).
    (
        "asking central for its versions",
        "demande des versions au serveur central",
    ),
    ("comparing the catalogue", "comparaison du catalogue"),
    ("bringing the catalogue", "réception du catalogue"),
    ("measuring the link", "mesure de la liaison"),
    ("talking to central", "échange avec le serveur central"),
    ("sending what is owed", "envoi des résultats"),
    ("bringing packages", "réception des paquets"),
    ("confirming to central", "confirmation au serveur central"),
    ("the next attempt", "prochain essai"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use logic::health::{Check, catalogue};

    #[test]
    fn slots_hold_what_stands_there() {
        assert_eq!(values("{} of {} held", "5 of 7 held"), Some(vec!["5", "7"]));
        assert_eq!(values("{} of {} held", "5 of 7 held now"), None);
        assert_eq!(values("failed: {}", "failed: a: b"), Some(vec!["a: b"]));
        assert_eq!(values("failed: {}", "failed: "), None);
        assert_eq!(values("é{}", "è"), None);
        assert_eq!(
            french("the last synchronization failed: the name x.y has no address").as_deref(),
            Some("la dernière synchronisation a échoué\u{a0}: le nom x.y n’a pas d’adresse")
        );
    }

    #[test]
    fn what_is_not_known_is_marked_as_english() {
        assert_eq!(
            html(Language::French, "<odd>"),
            "<span lang=\"en\">&lt;odd&gt;</span>"
        );
        assert_eq!(html(Language::English, "<odd>"), "&lt;odd&gt;");
    }

    #[test]
    fn every_check_has_a_name_in_both_languages() {
        for check in Check::ALL {
            let title = catalogue::find(check.code()).unwrap().title;
            assert!(french(title).is_some(), "{title}");
        }
    }

    #[test]
    fn title_and_remedy_of_every_verdict_are_there_in_both_languages() {
        for code in [
            "ready",
            "auth.not_enrolled",
            "catalogue.incomplete",
            "catalogue.other_organisation",
            "catalogue.empty",
            "catalogue.old",
            "catalogue.held_back",
            "clock.behind",
            "disk.full",
            "disk.reserve",
            "package.damaged",
            "package.missing",
            "package.incomplete",
            "results.refused",
            "results.unconfirmed",
            "results.queued",
            "version.unsupported",
            "sync.failed",
            "auth.refused",
            "net.dns",
            "net.connect",
            "net.refused",
            "net.timeout",
            "clock.skew",
            "key.wrong",
            "store.damaged",
            "state.busy",
        ] {
            let remedy = catalogue::remedy(code);
            assert!(french(remedy).is_some(), "{code}: {remedy}");
            let title = catalogue::find(code).unwrap().title;
            assert!(french(title).is_some(), "{code}: {title}");
        }
    }

    #[test]
    fn patterns_and_translations_hold_the_same_values() {
        for (english, french) in PAIRS {
            let count = english.matches("{}").count();
            for slot in 1..=count {
                assert!(french.contains(&format!("{{{slot}}}")), "{french}");
            }
            assert_eq!(french.matches('{').count(), count, "{french}");
        }
    }
}
