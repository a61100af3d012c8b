//! What can be wrong with central's lists and entities.
//! Never a property of an entity: its id, its type and its checksums alone.
//! Called by `sync`.

use super::Cause;
use super::argument::{Id, sentences};

sentences! {
    /// In the catalogue.
    CatalogueCause {
        Endless { kind: String, pages: u64 } => "the list of {kind} did not end after {pages} pages",
            "la liste de {kind} n’a pas fini après {pages} pages";
        NoTestCentre { organisation: String } =>
            "central names no test centre for organisation id {organisation}: is it the right one?",
            "le serveur central ne nomme aucun centre de test pour l’organisation {organisation} : est-ce la bonne ?";
        OtherCentre =>
            "central names another test centre altogether for this organisation id: nothing was changed (a person decides with --allow-deletes)",
            "le serveur central nomme un tout autre centre de test pour cette organisation : rien n’a été changé (une personne décide avec --allow-deletes)";
        NoDetails { id: Id } => "{id}: listed, but central gave no details of it",
            "{id} : dans la liste, mais le serveur central n’en a donné aucun détail";
        Checksum { id: Id, checksum: Id, computed: String } =>
            "{id}: checksum {checksum} does not fit its properties ({computed})",
            "{id} : la somme de contrôle {checksum} ne correspond pas à ses propriétés ({computed})";
        OfType { kind: String, why: Box<Cause> } => "{kind}: {why}", "{kind} : {why}";
        Classes { kind: String, count: usize, why: Box<Cause> } => "{kind} {count} classes: {why}",
            "{kind}, {count} classes : {why}";
        Details { kind: String, why: Box<Cause> } => "{kind} details: {why}",
            "détails de {kind} : {why}";
        List { kind: String, why: Box<Cause> } => "{kind} list: {why}", "liste de {kind} : {why}";
        NoEntity { id: Id } => "the box holds no entity {id}", "la box n’a pas d’entité {id}";
        NoneHidden { id: Id } => "the box holds no hidden entity {id}", "la box n’a pas d’entité masquée {id}";
        Closed { entities: u64 } => "{entities} entities of the catalogue do not open",
            "{entities} entités du catalogue ne s’ouvrent pas";
        HeldBack { what: Vec<CountOf> } =>
            "central no longer names {what}: kept until a second run after 24 hours of running agrees, or until --allow-deletes",
            "le serveur central ne nomme plus {what} : conservé jusqu’à ce qu’une deuxième synchronisation le confirme après 24 heures de marche, ou jusqu’à --allow-deletes";
        InUse { what: Vec<CountOf> } =>
            "changes of {what} wait for the end of the exam that uses them",
            "des modifications de {what} attendent la fin de l’examen qui s’en sert";
        TakenBack { what: Vec<CountOf> } =>
            "central takes back what it said within the last day of {what}: kept as they are until it says the same for long enough, or until --allow-deletes",
            "le serveur central revient sur ce qu’il a dit depuis un jour de {what} : conservé tel quel jusqu’à ce qu’il dise assez longtemps la même chose, ou jusqu’à --allow-deletes";
    }
}

sentences! {
    /// How many of a type, in the words of the wire.
    CountOf {
        Type { count: u64, kind: String } => "{count} {kind}", "{count} {kind}";
    }
}
