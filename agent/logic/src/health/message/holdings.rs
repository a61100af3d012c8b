//! What is said of what the box holds and owes.
//! Never a judgement.
//! Made by `holdings`.

use super::{ByType, KindCount, PackageFlaw, WireCounts};
use crate::fault::CodeName;
use crate::gateway::setup::SetupMismatch;
use crate::health::seen::ReportedFault;
use crate::language::figure::{Bytes, Decimal, MegabitRate, Number, Seconds};

crate::sentences! {
    /// What was seen of catalogue, packages, results, runs and the rate of the link.
    pub enum HoldingsMessage {
        AnswersNotKept { why: ReportedFault }:
            "answers of candidates cannot be kept: {why}",
            "les réponses des candidats ne peuvent pas être conservées : {why}";
        NoRoom { free: Bytes, reserve: Bytes }:
            "{free} free, {reserve} kept for results: packages find no room",
            "{free} libres, {reserve} réservés aux résultats : les paquets n’ont pas de place";
        Enclosed { key: String }:
            "results are encrypted with central's public key {key} when they are let in",
            "les résultats sont chiffrés avec la clé publique {key} du serveur central dès leur remise";
        TaoPlain:
            "the TAO on this box has no taoEncryption, and central encrypts: it shows no names; boxsync encrypts its results",
            "le TAO de cette box n’a pas taoEncryption, et le serveur central chiffre : il n’affiche pas les noms ; boxsync chiffre ses résultats";
        CentralPlain:
            "the TAO on this box has taoEncryption, and central does not encrypt: it gets no key, and nobody could read its results",
            "le TAO de cette box a taoEncryption, et le serveur central ne chiffre pas : il n’obtient pas de clé, et personne ne pourrait lire ses résultats";
        UnreadableEntities { count: u64 } by count:
            "{count} entities of the catalogue do not open",
            "{count} entité du catalogue ne s’ouvre pas" | "{count} entités du catalogue ne s’ouvrent pas";
        Incomplete:
            "no synchronization has read the whole catalogue yet",
            "aucune synchronisation n’a encore lu le catalogue entier";
        OtherOrganisation { held: String, own: String }:
            "the catalogue is of organisation {held}, the box belongs to {own}",
            "le catalogue est celui de l’organisation {held}, la box appartient à {own}";
        Complete { organisation: String }:
            "complete, of organisation {organisation}",
            "complet, de l’organisation {organisation}";
        Holds { entities: WireCounts }: "{entities}", "{entities}";
        HoldsWithKept { entities: WireCounts, kept: ByType }:
            "{entities}; held back: {kept}", "{entities} ; retenu : {kept}";
        HoldsWithHidden { entities: WireCounts, hidden: ByType }:
            "{entities}; hidden: {hidden}", "{entities} ; masqué : {hidden}";
        HoldsWithBoth { entities: WireCounts, kept: ByType, hidden: ByType }:
            "{entities}; held back: {kept}; hidden: {hidden}",
            "{entities} ; retenu : {kept} ; masqué : {hidden}";
        NoDelivery { organisation: String }:
            "organisation {organisation} has no delivery",
            "l’organisation {organisation} n’a pas d’épreuve";
        Contradicted { count: u64 } by count:
            "{count} entity changes back and forth on central" | "{count} entities change back and forth on central",
            "{count} entité change sans cesse sur le serveur central" | "{count} entités changent sans cesse sur le serveur central";
        HeldBack { count: u64 } by count:
            "{count} deletion is held back" | "{count} deletions are held back",
            "{count} suppression est retenue" | "{count} suppressions sont retenues";
        Old { days: u64 }: "complete, but {days} days old", "complet, mais vieux de {days} jours";
        Damaged { count: u64, held: u64 } by count:
            "{count} of {held} packages is damaged" | "{count} of {held} packages are damaged",
            "{count} paquet sur {held} est endommagé" | "{count} paquets sur {held} sont endommagés";
        DamagedPackage { delivery: String, flaw: PackageFlaw }: "{delivery}: {flaw}", "{delivery} : {flaw}";
        JudgedPackage { delivery: String, why: ReportedFault }: "{delivery}: {why}", "{delivery} : {why}";
        Cached { count: u64, wanted: u64 } by count:
            "{count} of {wanted} packages comes from a cache as another one" | "{count} of {wanted} packages come from a cache as others",
            "{count} paquet sur {wanted} est remplacé par un autre par un cache" | "{count} paquets sur {wanted} sont remplacés par d’autres par un cache";
        Unchecked { count: u64, wanted: u64 }:
            "{count} of {wanted} packages cannot be checked",
            "paquets impossibles à vérifier : {count} sur {wanted}";
        DamagedOnCentral { count: u64, wanted: u64 } by count:
            "{count} of {wanted} packages is damaged on central" | "{count} of {wanted} packages are damaged on central",
            "{count} paquet sur {wanted} est endommagé sur le serveur central" | "{count} paquets sur {wanted} sont endommagés sur le serveur central";
        Held { held: u64, wanted: u64 }:
            "{held} of {wanted} packages held",
            "paquets présents : {held} sur {wanted}";
        HeldChecked { held: u64, wanted: u64 }:
            "{held} of {wanted} packages held, every byte checked",
            "paquets présents : {held} sur {wanted}, chaque octet vérifié";
        HeldOthersAbsent { held: u64, wanted: u64 }:
            "{held} of {wanted} packages held; central has none for the others",
            "paquets présents : {held} sur {wanted} ; le serveur central n’en a pas pour les autres";
        Absent { count: u64 } by count:
            "central has no package for {count} delivery" | "central has no package for {count} deliveries",
            "le serveur central n’a pas de paquet pour {count} épreuve" | "le serveur central n’a pas de paquet pour {count} épreuves";
        NoneBegun: "none of the others has begun", "aucun des autres n’est commencé";
        Begun { coming: u64, left: Bytes }:
            "{coming} begun, of which {left} are to come",
            "commencés : {coming}, dont {left} restent à venir";
        SpoolUnopened { count: u64 } by count:
            "{count} file of the spool did not open" | "{count} files of the spool did not open",
            "{count} fichier de résultats ne s’est pas ouvert" | "{count} fichiers de résultats ne se sont pas ouverts";
        Refused { items: KindCount }:
            "central did not accept {items}",
            "le serveur central n’a pas accepté {items}";
        Unconfirmed { items: KindCount }:
            "central may or may not have {items}",
            "on ne sait pas si le serveur central a reçu {items}";
        NotTaken { count: u64 } by count:
            "central does not take {count} item for now" | "central does not take {count} items for now",
            "le serveur central ne prend pas {count} élément pour le moment" | "le serveur central ne prend pas {count} éléments pour le moment";
        NothingOwed: "nothing is owed", "rien à envoyer";
        Stuck { items: KindCount } by items:
            "{items} waits although central was reached" | "{items} wait although central was reached",
            "{items} attend bien que le serveur central réponde" | "{items} attendent bien que le serveur central réponde";
        Waits { items: KindCount } by items:
            "{items} waits to be sent" | "{items} wait to be sent",
            "{items} attend son envoi" | "{items} attendent leur envoi";
        Carried { count: u64 } by count:
            "{count} result was handed over in a file, and central has not confirmed it" | "{count} results were handed over in files, and central has not confirmed them",
            "{count} résultat a été confié dans un fichier, et le serveur central ne l’a pas confirmé" | "{count} résultats ont été confiés dans des fichiers, et le serveur central ne les a pas confirmés";
        OldestWaits { age: Seconds }: "the oldest waits since {age}", "le plus ancien attend depuis {age}";
        NeverFinished:
            "no synchronization has finished yet",
            "aucune synchronisation n’a encore abouti";
        Finished { number: String }: "no. {number} finished", "la n° {number} est terminée";
        EndedWith { number: String, code: CodeName }:
            "no. {number} ended with {code}",
            "la n° {number} s’est terminée par {code}";
        InARow { count: u64 }:
            "{count} in a row did not finish",
            "{count} de suite n’ont pas abouti";
        Down { rate: MegabitRate }: "{rate} down", "{rate} descendant";
        DownAndUp { rate: MegabitRate, up: Decimal }: "{rate} down, {up} up", "{rate} descendant, {up} montant";
        Expected { down: Number, up: Number }:
            "expected: {down} Mbit/s down, {up} up",
            "attendu : {down} Mbit/s descendant, {up} montant";
    }
}

impl From<SetupMismatch> for HoldingsMessage {
    fn from(differs: SetupMismatch) -> Self {
        match differs {
            SetupMismatch::TaoPlain => Self::TaoPlain,
            SetupMismatch::CentralPlain => Self::CentralPlain,
        }
    }
}
