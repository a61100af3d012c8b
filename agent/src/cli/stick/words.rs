//! What the verb `carry` says.
//! Never decides anything.
//! Called by `cli/stick`.

use logic::language::figure::Seconds;

logic::sentences! {
    /// What `carry export` and `carry show` say.
    pub(super) enum StickTerm {
        Checked { done: String, total: String }: "looking at what lies there: {done} of {total}",
            "examen de ce qui s’y trouve : {done} sur {total}";
        Writes { id: String, bytes: String, kept: String }:
            "organisation {id}: {bytes} to write, {kept} lie there whole",
            "organisation {id} : {bytes} à écrire, {kept} s’y trouvent déjà";
        Written { done: String, total: String }: "written: {done} of {total}", "écrits : {done} sur {total}";
        Of { id: String, from: String, at: String }: "organisation {id}, exported by box {from}, {at}",
            "organisation {id}, exportée par la box {from}, {at}";
        Entities { count: u64, at: String }: "  entities {count}, as central had them {at}",
            "  entités {count}, telles que le serveur central les avait {at}";
        Packages { count: u64, bytes: String }: "  packages {count}, {bytes}", "  paquets {count}, {bytes}";
        Lacking { count: u64 }: "  deliveries without a package: {count}", "  épreuves sans paquet : {count}";
        Old { age: Seconds }: "  age {age}", "  âge {age}";
        Whole: "  whole", "  complet";
        HandedOver { count: u64, path: String } by count:
            "{path}: {count} item handed over" | "{path}: {count} items handed over",
            "{path} : {count} élément confié" | "{path} : {count} éléments confiés";
        ToldBoxes { count: u64 } by count:
            "{count} box is told what has arrived of what it handed over" | "{count} boxes are told what has arrived of what they handed over",
            "{count} box apprend ce qui est arrivé de ce qu’elle a confié" | "{count} box apprennent ce qui est arrivé de ce qu’elles ont confié";
        Arrived { count: u64, carried: u64 }: "central has {count} of what was handed over; on their way: {carried}",
            "le serveur central a {count} des éléments confiés ; en chemin : {carried}";
        Durable { path: String }: "{path} may be unplugged", "{path} peut être débranché";
    }
}
