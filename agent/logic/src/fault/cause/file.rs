//! What goes wrong with the box's own files: the disk, the state folder, its keys, its store.
//! Never what a file holds.
//! Called by `root`, `vault` and whatever writes files.

use super::Cause;
use super::argument::{Causes, Id, sentences};
use super::os::OsCause;

sentences! {
    /// Of the box's own files.
    FileCause {
        DiskFull { path: String } => "{path}: the disk is full", "{path} : le disque est plein";
        NoInodes { path: String } => "{path}: the volume has room, but takes no more files (inodes)",
            "{path} : le volume a de la place, mais n’accepte plus de fichiers (inodes)";
        DiskFailing { path: String, why: OsCause } => "{path}: the disk fails: {why}",
            "{path} : le disque est en panne : {why}";
        ReadOnly { path: String, act: FileAct, why: OsCause } =>
            "{path}: cannot {act} (is it read-only, or another user's?): {why}",
            "{path} : {act} impossible (en lecture seule, ou à un autre utilisateur ?) : {why}";
        Failed { path: String, act: FileAct, why: OsCause } => "{path}: cannot {act}: {why}",
            "{path} : {act} impossible : {why}";
        NotReadBack { path: String } =>
            "{path}: what was written does not read back as it was written; the file before it stays",
            "{path} : ce qui a été écrit ne se relit pas tel quel ; le fichier d’avant reste";
        Damaged { path: String, what: Sealed } => "{path}: {what} is damaged or was sealed with another key",
            "{path} : {what} est abîmé ou a été scellé avec une autre clé";
        OtherUser { path: String } => "{path}: this user may not open it", "{path} : cet utilisateur ne peut pas l’ouvrir";
        NoIdentity { path: String, why: OsCause } => "cannot take the identity of the owner of {path}: {why}",
            "impossible de prendre l’identité du propriétaire de {path} : {why}";
        NewerLayout { path: String, layout: u32, known: u32 } =>
            "{path}: the state folder has layout {layout}, this boxsync knows up to {known}: install a newer boxsync",
            "{path} : le dossier d’état a le format {layout}, ce boxsync connaît jusqu’à {known} : installer un boxsync plus récent";
        NoLayout { path: String } => "{path}: expected a number, the version of the layout",
            "{path} : un nombre est attendu, la version du format";
        Busy { holder: LockHolder, path: String } =>
            "{holder} holds {path}: a synchronization or another change is under way, try again when it has ended",
            "{holder} tient {path} : une synchronisation ou un autre changement est en cours, réessayer quand ce sera fini";
        KeysChange { path: String } => "{path}: the key files do not stay as they are put",
            "{path} : les fichiers de clé ne restent pas tels qu’ils sont mis";
        Successor { path: String } => "{path}: cannot be read, and may be the successor of the key in force",
            "{path} : illisible, et c’est peut-être le successeur de la clé en vigueur";
        KeyMalformed { path: String } => "{path}: expected a key of 32 bytes or 64 hex digits",
            "{path} : une clé de 32 octets ou de 64 chiffres hexadécimaux est attendue";
        KeyWrong { key: String, data: String } =>
            "{key}: this key does not open {data}: it is damaged, or the key of another box",
            "{key} : cette clé n’ouvre pas {data} : elle est abîmée, ou celle d’une autre box";
        Wiped { path: String } => "{path}: the box was wiped while this process ran; begin again",
            "{path} : la box a été effacée pendant que ce processus fonctionnait ; recommencer";
        KeyElsewhere { name: String, old: String } =>
            "the envelope key is the credential {name}: replace it there, with the old one as {old}",
            "la clé d’enveloppe est le « credential » {name} : la remplacer là, avec l’ancienne comme {old}";
        SealedFolder { path: String, lack: KeyLack, name: String } =>
            "{path} is sealed and {lack}: run boxsync as its owner, or with the credential {name}",
            "{path} est scellé et {lack} : exécuter boxsync comme son propriétaire, ou avec le « credential » {name}";
        StoreBusy { path: String } => "{path}: another process has the store open",
            "{path} : un autre processus a ouvert l’index";
        StoreUnknown { path: String } =>
            "{path}: whether the store opens cannot be found out: the process that looks cannot be started, was killed, or cannot read the disk",
            "{path} : impossible de savoir si l’index s’ouvre : le processus qui regarde ne démarre pas, a été tué, ou ne peut pas lire le disque";
        StoreRefused { path: String, why: OsCause } => "{path}: the store failed: {why}",
            "{path} : l’index a échoué : {why}";
        StoreFailed { path: String } => "{path}: the store failed: what lies there is damaged",
            "{path} : l’index a échoué : ce qui s’y trouve est abîmé";
        NoRoom { path: String, bytes: u64, reserve: u64, free: u64 } =>
            "{path}: the package takes {bytes} bytes and {reserve} are kept free for results, but only {free} are free",
            "{path} : le paquet prend {bytes} octets et {reserve} sont réservés aux résultats, mais {free} seulement sont libres";
        SetAside { folder: String, names: Vec<String> } =>
            "files of the spool do not open and lie in {folder} now: {names}",
            "des fichiers de résultats ne s’ouvrent pas et sont maintenant dans {folder} : {names}";
        ItemLost { kind: String, id: Id, folder: String } =>
            "{kind} {id} does not open any more and cannot go to central: it lies in {folder} now",
            "{kind} {id} ne s’ouvre plus et ne peut pas partir vers le serveur central : il est maintenant dans {folder}";
        OneUnread { why: Box<Cause> } => "1 file of what is owed cannot be read now, the others go on: {why}",
            "1 fichier de ce qui est dû est illisible pour le moment, les autres continuent : {why}";
        Unread { count: usize, why: Causes } =>
            "{count} files of what is owed cannot be read now, the others go on: {why}",
            "{count} fichiers de ce qui est dû sont illisibles pour le moment, les autres continuent : {why}";
        NoItem { id: Id } => "the spool holds no item {id}", "la box ne doit rien qui s’appelle {id}";
    }
}

sentences! {
    /// What was to be done with a file.
    FileAct {
        Write => "write", "écriture";
        Read => "read", "lecture";
        Remove => "remove", "suppression";
        List => "list", "énumération";
        Open => "open", "ouverture";
        Lock => "lock", "verrouillage";
        Make => "make", "création";
        MakeFolder => "make the folder", "création du dossier";
        MakeSocket => "make the socket", "création du socket";
        Sync => "sync", "synchronisation avec le disque";
        Touch => "touch", "mise à jour";
        TakeSpace => "take space for", "réservation d’espace";
        Shorten => "shorten", "raccourcissement";
        Replace => "replace", "remplacement";
        OpenStore => "open the store", "ouverture de l’index";
        MoveAside => "move aside", "mise à l’écart";
        Move => "move", "déplacement";
        Measure => "measure", "mesure";
        Mark => "mark", "marquage";
        Link => "link", "création d’un lien";
        Destroy => "destroy", "destruction";
    }
}

sentences! {
    /// Which key is not there.
    KeyLack {
        Key => "no key is at hand", "aucune clé n’est là";
        DataKey => "its data key `data.key` is missing", "sa clé de données `data.key` manque";
    }
}

sentences! {
    /// Who holds a lock.
    LockHolder {
        Process { pid: String } => "process {pid}", "le processus {pid}";
        Somebody => "another process", "un autre processus";
    }
}

sentences! {
    /// What is sealed.
    Sealed {
        File => "this file", "ce fichier";
        Item => "an item of the spool", "un élément à envoyer";
        Edition => "the edition of the catalogue", "l’édition du catalogue";
        Description => "the description of a package", "la description d’un paquet";
        Record { index: u64 } => "record {index} of a package", "l’enregistrement {index} d’un paquet";
        Entity { kind: String, name: String } => "the {kind} {name}", "{kind} {name}";
        Short => "a package is shorter than it must be, it", "un paquet est plus court qu’il ne doit l’être, il";
        Account => "the account of an item", "le relevé d’un élément";
        Foreign => "a file that the spool did not write", "un fichier que boxsync n’a pas écrit là";
    }
}
