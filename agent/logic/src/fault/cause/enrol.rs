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
            "these credentials are for organisation {new}, this box is organisation {own}'s: nothing was replaced",
            "ces identifiants sont pour l’organisation {new}, cette box est de l’organisation {own} : rien n’a été remplacé";
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
