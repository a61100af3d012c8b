//! What the verbs say that hand results over, confirm them and take them back.
//! Never decides anything.
//! Called by `cli/carry`.

use logic::spool::StayReason;

logic::sentences! {
    /// What `results export-tao`, `confirm` and `reclaim` say.
    pub(super) enum CarryTerm {
        Warning { count: u64 } by count:
            "This writes {count} result of candidates in TAO's own format: not sealed, for anybody to read who finds the file." | "This writes {count} results of candidates in TAO's own format: not sealed, for anybody to read who finds the file.",
            "Ceci écrit {count} résultat de candidats au format de TAO : non scellé, lisible par quiconque trouve le fichier." | "Ceci écrit {count} résultats de candidats au format de TAO : non scellés, lisibles par quiconque trouve le fichier.";
        Whole { count: u64, path: String, bytes: String } by count:
            "{path}: {count} result, {bytes}" | "{path}: {count} results, {bytes}",
            "{path} : {count} résultat, {bytes}" | "{path} : {count} résultats, {bytes}";
        Next:
            "Bring it to central and import it there once (Synchronization, Import Results); keep it until central has them. The box asks by itself when it has a link; without one: `boxsync results confirm --all-of FILE`.",
            "L’apporter au serveur central et l’y importer une fois (Synchronisation, Import Results) ; le garder jusqu’à ce qu’il les ait. La box le demande elle-même quand elle a une liaison ; sinon : `boxsync results confirm --all-of FILE`.";
        Would { count: u64, bytes: String } by count:
            "{count} result would go, {bytes}" | "{count} results would go, {bytes}",
            "{count} résultat partirait, {bytes}" | "{count} résultats partiraient, {bytes}";
        Nothing: "nothing can be handed over: no file was written", "rien ne peut être confié : aucun fichier n’a été écrit";
        Unmarked { count: u64 } by count:
            "{count} of them was sent meanwhile, or could not be marked: the box sends it, too" | "{count} of them were sent meanwhile, or could not be marked: the box sends them, too",
            "{count} a été envoyé entre-temps ou n’a pas pu être marqué : la box l’envoie aussi" | "{count} ont été envoyés entre-temps ou n’ont pas pu être marqués : la box les envoie aussi";
        Others { count: u64 } by count:
            "stays on the box: {count} log, test session or LTI user, for which TAO's format has no place" | "stay on the box: {count} logs, test sessions or LTI users, for which TAO's format has no place",
            "reste sur la box : {count} journal, session de test ou utilisateur LTI, sans place dans le format de TAO" | "restent sur la box : {count} journaux, sessions de test ou utilisateurs LTI, sans place dans le format de TAO";
        Stays { count: u64, why: String }: "on the box stays {count}: {why}", "sur la box reste {count} : {why}";
        InDoubt: "central may have it", "le serveur central l’a peut-être";
        Open: "not finished", "non terminé";
        Refused: "central died of it", "il a fait échouer le serveur central";
        Unreadable: "central could not read it", "le serveur central ne pourrait pas le lire";
        Behind: "a later content, which only goes over a link", "un contenu plus récent, qui ne passe que par une liaison";
        SetAside: "set aside", "mis de côté";
        Carried: "handed over before; `--again` for a lost file", "déjà confié ; `--again` si le fichier est perdu";
        NextFile: "for the next file", "pour le prochain fichier";
        Arrived { count: u64 }: "central has {count}", "le serveur central en a {count}";
        NotArrived { count: u64 }: "central does not have {count}: handed over as before",
            "le serveur central n’en a pas {count} : toujours confiés";
        Unasked { why: String }: "central was not asked: {why}", "le serveur central n’a pas été interrogé : {why}";
        ConfirmWarning { count: u64 } by count:
            "Nobody but you knows whether central has {count} result. Confirmed, the box never sends it." | "Nobody but you knows whether central has {count} results. Confirmed, the box never sends them.",
            "Personne d’autre ne sait si le serveur central a {count} résultat. Confirmé, la box ne l’enverra jamais." | "Personne d’autre ne sait si le serveur central a {count} résultats. Confirmés, la box ne les enverra jamais.";
        TypeConfirm: "Type `confirm` to go on: ", "Taper `confirm` pour continuer : ";
        TypeCount { count: u64 }: "Type their number, `{count}`: ", "Taper leur nombre, `{count}` : ";
        Confirmed { count: u64 }: "{count} confirmed", "confirmés : {count}";
        Reclaimed { count: u64 }: "{count} will be sent by the box; do not import the file any more",
            "{count} seront envoyés par la box ; ne plus importer le fichier";
    }
}

pub(super) fn stays(why: StayReason) -> CarryTerm {
    match why {
        StayReason::InDoubt => CarryTerm::InDoubt,
        StayReason::Open => CarryTerm::Open,
        StayReason::Refused => CarryTerm::Refused,
        StayReason::Unreadable => CarryTerm::Unreadable,
        StayReason::Behind => CarryTerm::Behind,
        StayReason::SetAside => CarryTerm::SetAside,
        StayReason::Carried => CarryTerm::Carried,
        StayReason::NextFile => CarryTerm::NextFile,
    }
}
