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
        Organisation { id: String }: "organisation {id}", "organisation {id}";
        Exported: "exported", "export";
        From { from: String, at: String }: "{at}, box {from}", "{at}, box {from}";
        Entities: "entities", "entités";
        AsOf { count: u64, at: String }: "{count}, as central had them {at}",
            "{count}, telles que le serveur central les avait {at}";
        Packages: "packages", "paquets";
        Lacking: "without one", "sans paquet";
        Older: "older ones", "plus anciens";
        Age: "age", "âge";
        State: "state", "état";
        Whole: "whole", "complet";
        Unwhole: "not whole", "incomplet";
        HandedBy { id: String, count: u64, age: Seconds } by count:
            "box {id} handed over {count} item, {age} old" | "box {id} handed over {count} items, the first {age} old",
            "la box {id} a confié {count} élément, d’il y a {age}" | "la box {id} a confié {count} éléments, le premier d’il y a {age}";
        Listed { to: String, from: String, count: u64, age: Seconds } by count:
            "box {from} tells box {to} that central has {count} item; written {age} ago" | "box {from} tells box {to} that central has {count} items; written {age} ago",
            "la box {from} dit à la box {to} que le serveur central a {count} élément ; écrit il y a {age}" | "la box {from} dit à la box {to} que le serveur central a {count} éléments ; écrit il y a {age}";
        NoData: "neither catalogue nor packages lie there", "il n’y a ni catalogue ni paquets";
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
