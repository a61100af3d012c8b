//! What stands in the way of what leaves a box sealed: the site key, the place of second copies, adoption.
//! Never a key, and never what a candidate did.
//! Called by `engine` and by the verbs `site` and `results adopt`.

use super::Cause;
use super::OsCause;
use super::argument::{Id, UtcMinute, sentences};

sentences! {
    /// Of what leaves a box sealed.
    SiteCause {
        NoKeyFile => "no `key_file` is set in section [site] of boxsync.toml",
            "aucun `key_file` n’est défini dans la section [site] de boxsync.toml";
        NoKeyIn { path: String } => "{path}: expected lines `boxsync-site-key-1 …`",
            "{path} : des lignes `boxsync-site-key-1 …` sont attendues";
        Listen { at: String, why: OsCause } => "siblings cannot be listened for on {at}: {why}",
            "impossible d’écouter les autres box sur {at} : {why}";
        Unproven { peer: String } => "what answers at {peer} has no key of this site", "ce qui répond à {peer} n’a aucune clé de ce site";
        Cut { peer: String, why: OsCause } => "the link to {peer} failed: {why}", "la liaison avec {peer} a échoué : {why}";
        Answer { peer: String, status: u16 } => "{peer} answered with HTTP {status}", "{peer} a répondu par HTTP {status}";
        Full { peer: String } => "{peer} has no room for more copies of this box", "{peer} n’a plus de place pour les copies de cette box";
        Alone { count: u64 } => "no box of the room takes copies: {count} items lie on this box alone",
            "aucune box de la salle ne prend de copies : {count} éléments ne sont que sur cette box";
        Copies { path: String, why: Box<Cause> } => "second copies in {path}: {why}", "secondes copies dans {path} : {why}";
        Missing { path: String } => "{path}: there is no folder, or it is on the box's own disk",
            "{path} : aucun dossier, ou il est sur le disque de la box";
        Hangs { path: String } => "{path} does not answer", "{path} ne répond pas";
        PutBack { path: String } => "{path}: the copies were put back to an earlier time; they are brought in step",
            "{path} : les copies ont été remises dans un état antérieur ; elles sont remises à jour";
        CopiesChanged { path: String, count: usize, names: Vec<String> } =>
            "{path}: {count} copies did not open and are written anew: {names}",
            "{path} : {count} copies ne s’ouvraient pas et sont refaites : {names}";
        Alive { id: Id, hours: u64 } =>
            "box {id} was heard of {hours} h ago: it may bring its results home itself; `--force --box {id}` adopts them all the same",
            "la box {id} a donné signe de vie il y a {hours} h : elle peut envoyer elle-même ses résultats ; `--force --box {id}` les adopte quand même";
        NothingKept { id: Id } => "this box keeps nothing of box {id}", "cette box ne garde rien de la box {id}";
        NothingOf { id: Id } => "box {id} left nothing in this folder", "la box {id} n’a rien laissé dans ce dossier";
        NothingLeft { path: String } => "{path}: no box of this site left anything", "{path} : aucune box de ce site n’y a rien laissé";
        OtherKey { count: usize, names: Vec<String> } => "{count} files are sealed with another site key: {names}",
            "{count} fichiers sont scellés avec une autre clé de site : {names}";
        Changed { count: usize, names: Vec<String> } => "{count} files were changed and are not used: {names}",
            "{count} fichiers ont été modifiés et ne servent pas : {names}";
        Stick { path: String, why: Box<Cause> } => "{path}: {why}", "{path} : {why}";
        NoStick { path: String } => "{path} is no folder", "{path} n’est pas un dossier";
        NoRoom { path: String, bytes: u64, free: u64 } => "{path}: {bytes} bytes are to be written, and {free} are free; nothing was changed",
            "{path} : {bytes} octets sont à écrire, et {free} sont libres ; rien n’a été modifié";
        NothingCarried { path: String, id: Id } =>
            "{path}: no data of organisation {id} that opens with the site key of this box",
            "{path} : pas de données de l’organisation {id} que la clé de site de cette box ouvre";
        OnlyHanded { path: String, count: u64 } =>
            "{path}: neither catalogue nor packages, but {count} items that other boxes handed over: `boxsync results adopt {path}` takes them",
            "{path} : ni catalogue ni paquets, mais {count} éléments confiés par d’autres box : `boxsync results adopt {path}` les reprend";
        NewerCarried { path: String, at: UtcMinute, own: UtcMinute } =>
            "{path} holds the data of {at}, newer than this box's of {own}; `--older` replaces it all the same",
            "{path} contient les données du {at}, plus récentes que celles de cette box, du {own} ; `--older` les remplace quand même";
        OlderCarried { path: String, at: UtcMinute, own: UtcMinute } =>
            "{path} holds the data of {at}, older than this box's of {own}; `--older` takes it all the same",
            "{path} contient les données du {at}, plus anciennes que celles de cette box, du {own} ; `--older` les prend quand même";
        Carried { path: String, id: Id, at: UtcMinute } => "taken from {path}: exported by box {id}, as central had it {at}",
            "pris de {path} : exporté par la box {id}, tel que le serveur central l’avait le {at}";
        Unready => "this box has no complete catalogue to carry", "cette box n’a pas de catalogue complet à transporter";
        CarriedUnwhole { missing: u64, names: Vec<String> } =>
            "{missing} objects are missing or were changed: {names}", "{missing} objets manquent ou ont été modifiés : {names}";
        OlderPackages { path: String, count: u64, names: Vec<Id> } =>
            "{path} has older packages, which are whole, for {count} of the deliveries: {names}",
            "{path} a des paquets plus anciens, mais complets, pour {count} des épreuves : {names}";
        OlderHeld { count: u64, names: Vec<Id> } =>
            "this box has older packages, which are whole, for {count} of the deliveries: {names}",
            "cette box a des paquets plus anciens, mais complets, pour {count} des épreuves : {names}";
        NotCarried { path: String, count: u64 } => "{path} has no whole package for {count} of the deliveries",
            "{path} n’a pas de paquet complet pour {count} des épreuves";
    }
}
