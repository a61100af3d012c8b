//! What is said of configuration, state folder, key, disk and index store.
//! Never a judgement.
//! Made by `seen`.

use crate::language::figure::Bytes;

crate::sentences! {
    /// What was seen of the first layers.
    pub enum StateMessage {
        CentralIs { root: String }: "central is {root}", "le serveur central est {root}";
        SaysDaemon:
            "so says the daemon; whoever runs this command can read it",
            "c’est ce que dit le service ; qui exécute cette commande peut le lire";
        New { path: String }:
            "{path}: empty or missing, the box is new",
            "{path} : vide ou absent, la box est neuve";
        Present { path: String }: "{path}: there", "{path} : présent";
        Writable { path: String, layout: u64 }:
            "{path}: writable, layout {layout}",
            "{path} : inscriptible, format {layout}";
        IdentityDamaged:
            "a copy of the box's identity does not open: the next synchronization writes it anew",
            "une copie de l’identité de la box ne s’ouvre pas : la prochaine synchronisation la réécrit";
        IdentityRewritten:
            "a copy of the box's identity did not open and was written anew",
            "une copie de l’identité de la box ne s’est pas ouverte et a été réécrite";
        Unopened { count: u64 } by count:
            "{count} file of the state folder did not open" | "{count} files of the state folder did not open",
            "{count} fichier du dossier d’état ne s’est pas ouvert" | "{count} fichiers du dossier d’état ne se sont pas ouverts";
        KeyOpens: "the key opens the data", "la clé ouvre les données";
        KeyBeside:
            "the key lies beside the data: it does not protect a stolen disk",
            "la clé est à côté des données : elle ne protège pas un disque volé";
        KeyCredential:
            "the key is a credential of systemd and opens the data",
            "la clé est un « credential » de systemd et ouvre les données";
        Unmeasured { path: String }: "{path}: cannot be measured", "{path} : ne peut pas être mesuré";
        Free { free: Bytes, reserve: Bytes }:
            "{free} free, {reserve} kept for results",
            "{free} libres, {reserve} réservés aux résultats";
        NoInodes:
            "the volume has room, but takes no more files (inodes)",
            "le volume a de la place, mais n’accepte plus de fichiers (inodes)";
        StoreOpens: "opens", "s’ouvre";
        StoreUsed: "in use by a running boxsync", "utilisé par un boxsync en cours";
        StoreDamaged { path: String }:
            "{path}: does not open: it is damaged",
            "{path} : ne s’ouvre pas : il est endommagé";
        StoreLate: "the index store takes long to open", "l’index met longtemps à s’ouvrir";
    }
}
