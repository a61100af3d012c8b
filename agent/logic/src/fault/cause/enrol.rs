//! What stands in the way of credentials: of getting them, of trying them, of what they are for.
//! Never a secret nor a login.
//! Called by `credentials`, `identity` and `engine`.

use super::Cause;
use super::argument::{Id, sentences};

sentences! {
    /// Of enrolment and credentials.
    EnrolCause {
        RefusedReplacing { why: Box<Cause> } =>
            "{why}; nothing was replaced, the credentials before stay in force",
            "{why} ; rien n’a été remplacé, les identifiants d’avant restent en vigueur";
        RefusedFirst { why: Box<Cause> } => "{why}; nothing was stored", "{why} ; rien n’a été enregistré";
        Untried { why: Box<Cause> } =>
            "the new credentials could not be tried ({why}); nothing was replaced, the credentials before stay in force",
            "les nouveaux identifiants n’ont pas pu être essayés ({why}) ; rien n’a été remplacé, les identifiants d’avant restent en vigueur";
        OtherOrganisation { new: Vec<Id>, own: String } =>
            "these credentials are for organisation {new}, this box is organisation {own}'s: nothing was replaced (`boxsync enroll --add` adds one)",
            "ces identifiants sont pour l’organisation {new}, cette box est de l’organisation {own} : rien n’a été remplacé (`boxsync enroll --add` en ajoute une)";
        WhichOrganisation { ids: Vec<Id> } => "name one organisation with `--organisation ID`; there are: {ids}",
            "nommer une organisation avec `--organisation ID` ; il y a : {ids}";
        FirstOrganisation { id: String } =>
            "{id} is the first organisation of this box, whose files are the box's own: only `boxsync wipe` removes it",
            "{id} est la première organisation de cette box, ses fichiers sont ceux de la box : seul `boxsync wipe` l’enlève";
        OrganisationOwes { id: String, count: u64, first: String } =>
            "{count} items are to go home for organisation {id}: send them with `boxsync sync --results`, or give `--owed {count}` and they go with the credentials of {first}",
            "{count} éléments attendent pour l’organisation {id} : les envoyer avec `boxsync sync --results`, ou donner `--owed {count}` et ils partiront avec les identifiants de {first}";
        NotRemoved => "something else was typed: nothing was removed", "autre chose a été tapé : rien n’a été enlevé";
        UnknownOrganisation { id: String } => "this box is not enrolled for organisation {id}",
            "cette box n’est pas inscrite pour l’organisation {id}";
        NotEnrolled =>
            "this box is not enrolled: run `boxsync enroll --login L --password-file F`, or `boxsync credentials import`",
            "cette box n’est pas inscrite : exécuter `boxsync enroll --login L --password-file F`, ou `boxsync credentials import`";
        NoCredentials => "this box has no credentials for central",
            "cette box n’a pas d’identifiants pour le serveur central";
        NoAnswer { seconds: u64 } => "central did not answer within {seconds} s",
            "le serveur central n’a pas répondu en {seconds} s";
        OfLogin { why: Box<Cause>, path: String } => "{why} (login of {path})", "{why} (login de {path})";
        NoLogin { path: String, line: usize, column: usize } =>
            "{path}: expected {{\"login\": \"…\", \"password\": \"…\"}}; line {line}, column {column} is something else",
            "{path} : {{\"login\": \"…\", \"password\": \"…\"}} est attendu ; ligne {line}, colonne {column}, il y a autre chose";
        StillRefused { why: Box<Cause> } =>
            "{why}; the login that this machine was given is tried again when it changes, or after a day",
            "{why} ; le login donné à cette machine est essayé de nouveau quand il change, ou après un jour";
        NoOrganisation => "enrolment brought no organisation id: set `organisation_id` in section [box] of boxsync.toml",
            "l’inscription n’a apporté aucun identifiant d’organisation : définir `organisation_id` dans la section [box] de boxsync.toml";
        Organisations { ids: Vec<Id> } =>
            "the sync manager belongs to several: {ids}: set `organisation_id` in section [box] of boxsync.toml",
            "le gestionnaire de synchronisation en a plusieurs : {ids} : définir `organisation_id` dans la section [box] de boxsync.toml";
        NoVersion =>
            "the VM version is unknown: os-release has no IMAGE_VERSION; set `tao_version` in section [box] of boxsync.toml",
            "la version de la VM est inconnue : os-release n’a pas d’IMAGE_VERSION ; définir `tao_version` dans la section [box] de boxsync.toml";
    }
}
