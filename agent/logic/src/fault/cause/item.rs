//! What becomes of results, logs, sessions and LTI users: why they wait, and what central makes of them.
//! Never what stands in one: its id and its kind alone.
//! Called by `spool` and whatever sends.

use super::Cause;
use super::argument::{Age, Id, JsonFlaw, sentences};

sentences! {
    /// Of what is owed.
    ItemCause {
        Waits { what: Vec<OwedItems>, why: Box<Cause> } => "{what} waits: {why}", "{what} en attente : {why}";
        Wait { what: Vec<OwedItems>, why: Box<Cause> } => "{what} wait: {why}", "{what} en attente : {why}";
        WaitsSince { what: Vec<OwedItems>, why: Box<Cause>, age: Age } => "{what} waits: {why}; the oldest since {age}",
            "{what} en attente : {why} ; le plus ancien depuis {age}";
        WaitSince { what: Vec<OwedItems>, why: Box<Cause>, age: Age } => "{what} wait: {why}; the oldest since {age}",
            "{what} en attente : {why} ; le plus ancien depuis {age}";
        Doubt => "the answer of central was lost, and it is not settled yet whether it holds them",
            "la réponse du serveur central s’est perdue, et on ne sait pas encore s’il les a";
        TooLong { why: Box<Cause>, bytes: u64 } => "{why}; the result takes {bytes} bytes",
            "{why} ; le résultat prend {bytes} octets";
        FailedAlone => "central failed with an error of its own while it was sent alone, and does not hold it",
            "le serveur central a échoué de lui-même alors que c’était envoyé seul, et ne l’a pas";
        Encrypted =>
            "central keeps results encrypted and takes none that is not (status 500 without a body; its deliveries carry a key)",
            "le serveur central garde les résultats chiffrés et n’en prend pas d’autres (statut 500 sans corps ; ses épreuves portent une clé)";
        EnclosedDied =>
            "central died without a word (status 500 without a body) while it was sent alone, and does not hold it; it looks at no content of it",
            "le serveur central est tombé sans un mot (statut 500 sans corps) alors que c’était envoyé seul, et ne l’a pas ; il n’en regarde aucun contenu";
        FormerKey =>
            "it was encrypted with a public key that central no longer has: central would take it and could not read it",
            "chiffré avec une clé publique que le serveur central n’a plus : il le prendrait sans pouvoir le lire";
        NoKey => "central has taoEncryption and no public key: results wait on the box",
            "le serveur central a taoEncryption et pas de clé publique : les résultats attendent sur la box";
        NoKeyForBox => "central is encrypted and refuses its public key to this box (403): results wait on the box",
            "le serveur central chiffre et refuse sa clé publique à cette box (403) : les résultats attendent sur la box";
        NotEnclosed { id: Id, why: String } => "the result of {id} cannot be encrypted: {why}",
            "le résultat de {id} ne peut pas être chiffré : {why}";
        NotStored =>
            "central's storage failed on it (`success` 0), and central holds no complete execution",
            "le stockage du serveur central a échoué dessus (`success` 0), et le serveur central n’a pas l’exécution complète";
        NotNamed => "central's answer does not name the result, and it holds no complete execution",
            "la réponse du serveur central ne nomme pas le résultat, et il n’a pas l’exécution complète";
        ProbeStored => "central stored a probe (event BOXSYNC_PROBE) as a log row; it will not be probed again",
            "le serveur central a enregistré une sonde (événement BOXSYNC_PROBE) comme ligne de journal ; il ne sera plus sondé";
        Unknowable { id: Id, why: Unknown } =>
            "whether central holds the result of {id} cannot be known: {why}. Look for the execution on central; `results retry` asks again, `results export` gives the result to a person",
            "on ne peut pas savoir si le serveur central a le résultat de {id} : {why}. Chercher l’exécution sur le serveur central ; `results retry` demande de nouveau, `results export` donne le résultat à une personne";
        OfResult { id: Id, why: Box<Cause> } => "result of {id}: {why}", "résultat de {id} : {why}";
        OfRow { id: Id, why: Box<Cause> } => "a log row of {id}: {why}", "une ligne de journal de {id} : {why}";
        OfSession { id: Id, why: Box<Cause> } => "session of {id}: {why}", "session de {id} : {why}";
        RowsUnreadable { id: Id } => "the kept rows of {id} cannot be read",
            "les lignes conservées de {id} sont illisibles";
        ResultUnreadable { id: Id, why: PayloadFlaw } => "the kept result of {id} cannot be read: {why}",
            "le résultat conservé de {id} est illisible : {why}";
        NoReceipt { id: Id } =>
            "central took rows of {id} without saying which: whether it holds them cannot be known",
            "le serveur central a pris des lignes de {id} sans dire lesquelles : on ne peut pas savoir s’il les a";
        RowNotStored => "central's storage failed on the row (`success` 0)",
            "le stockage du serveur central a échoué sur la ligne (`success` 0)";
        VariableNotStored => "central's storage failed on a variable (`success` 0) that it never saw",
            "le stockage du serveur central a échoué sur une variable (`success` 0) qu’il n’a jamais vue";
        Unmapped => "central stores rows only once it knows the result of their execution",
            "le serveur central n’enregistre des lignes que lorsqu’il connaît le résultat de leur exécution";
        SickRows =>
            "central stored none of several log rows in a row: it is taken for sick, all stay queued",
            "le serveur central n’a enregistré aucune de plusieurs lignes de journal d’affilée : il est tenu pour malade, toutes restent en attente";
        SickResults =>
            "central does not even take an entry that changes nothing, or stored none of several results that were sent alone: it is taken for sick, all stay queued",
            "le serveur central ne prend même pas une entrée qui ne change rien, ou n’a enregistré aucun de plusieurs résultats envoyés seuls : il est tenu pour malade, tous restent en attente";
        Copied { original: String } =>
            "this box is a copy of {original}, which sends it: `results retry` if it is gone",
            "cette box est une copie de {original}, qui l’envoie : `results retry` si elle n’existe plus";
        NotAccepted { what: OwedItems } => "central did not accept {what}", "le serveur central n’a pas accepté {what}";
        Unconfirmed { what: OwedItems } => "central may or may not have {what}",
            "on ne sait pas si le serveur central a reçu {what}";
        ToSendOne { what: OwedItems } => "{what} is still to go to central",
            "{what} doit encore partir vers le serveur central";
        ToSend { what: OwedItems } => "{what} are still to go to central",
            "{what} doivent encore partir vers le serveur central";
        LaterRows => "some rows are left to a later run", "des lignes restent pour une prochaine synchronisation";
        SessionFailed =>
            "central cannot complete the session: it does not know the execution, cannot open its test, or its storage failed",
            "le serveur central ne peut pas terminer la session : il ne connaît pas l’exécution, ne peut pas ouvrir son test, ou son stockage a échoué";
        NoUsers => "central does not take LTI users", "le serveur central ne prend pas les utilisateurs LTI";
        WipeOfNothing { given: u64 } =>
            "--discard-results {given}: this box owes central nothing; leave the option out. Nothing was destroyed",
            "--discard-results {given} : cette box ne doit rien au serveur central ; ne pas donner l’option. Rien n’a été détruit";
        WipeOwed { given: Option<OtherNumber>, what: Vec<OwedItems>, total: u64 } =>
            "{given}central has not acknowledged {what}; nothing was destroyed. Send them with `boxsync sync --results`, or write each in clear with `boxsync results export ID FILE`; only `--discard-results {total}` destroys them",
            "{given}le serveur central n’a pas confirmé {what} ; rien n’a été détruit. Les envoyer avec `boxsync sync --results`, ou les écrire en clair, un par un, avec `boxsync results export ID FILE` ; seul `--discard-results {total}` les détruit";
        NoneToRetry { ids: Vec<Id> } =>
            "nothing of {ids} is refused, unconfirmed, waiting or set aside (see `boxsync results`)",
            "rien de {ids} n’est refusé, incertain, en attente ou mis de côté (voir `boxsync results`)";
        NoneHeld { ids: Vec<Id> } => "nothing of {ids} is held (see `boxsync results`)",
            "rien de {ids} n’est retenu (voir `boxsync results`)";
        NoneOwed { ids: Vec<Id> } => "nothing of {ids} is owed (see `boxsync results`)",
            "rien de {ids} n’est dû (voir `boxsync results`)";
        NoneCarried => "nothing of it is handed over (see `boxsync results`)",
            "rien n’en est confié (voir `boxsync results`)";
        NotConfirmed => "something else was typed: nothing was confirmed",
            "autre chose a été tapé : rien n’a été confirmé";
        OtherCarried { count: u64 } => "--yes: expected {count}, the number of results to confirm",
            "--yes : le nombre de résultats à confirmer, {count}, est attendu";
        NoSyncExport { path: String } => "{path}: no whole file that `boxsync results export-tao` wrote",
            "{path} : ce n’est pas un fichier entier écrit par `boxsync results export-tao`";
        Superseded => "it was not finished, and a later content of the execution stands for it: it stays and is not sent",
            "ce n’était pas terminé, et un contenu plus récent de l’exécution le remplace : il reste et n’est pas envoyé";
        RefusedParts => "central does not take some of its variables",
            "le serveur central ne prend pas certaines de ses variables";
    }
}

sentences! {
    /// Why nothing is known.
    Unknown {
        OtherProbe => "its answer to the probe is not the one of TAO 2022.11",
            "sa réponse à la sonde n’est pas celle de TAO 2022.11";
        Twice => "it knows the execution, perhaps with fewer variables, and a storage of its age takes a variable twice",
            "il connaît l’exécution, peut-être avec moins de variables, et un stockage de son âge prend une variable deux fois";
    }
}

sentences! {
    /// What was said to be destroyed.
    OtherNumber {
        Given { given: u64 } => "--discard-results {given} is not the number of them: ",
            "--discard-results {given} n’est pas leur nombre : ";
    }
}

sentences! {
    /// What is wrong with a kept payload.
    PayloadFlaw {
        NoJson { found: JsonFlaw } => "{found}", "{found}";
        NoVariable { index: usize } => "it has no variable {index}", "il n’a pas de variable {index}";
    }
}

sentences! {
    /// How many of a kind.
    OwedItems {
        OneResult => "1 result", "1 résultat";
        Results { count: u64 } => "{count} results", "{count} résultats";
        OneLog => "1 log", "1 journal";
        Logs { count: u64 } => "{count} logs", "{count} journaux";
        OneSession => "1 test session", "1 session de test";
        Sessions { count: u64 } => "{count} test sessions", "{count} sessions de test";
        OneUser => "1 LTI user", "1 utilisateur LTI";
        Users { count: u64 } => "{count} LTI users", "{count} utilisateurs LTI";
        OneClosed => "1 item that does not open", "1 élément qui ne s’ouvre pas";
        Closed { count: u64 } => "{count} items that do not open", "{count} éléments qui ne s’ouvrent pas";
    }
}
