//! How a synchronization ends before its work is done, and what becomes of the processes of boxsync.
//! Never a name of a library's thread or type.
//! Called by `trace`, `worker`, `daemon` and `engine`.

use super::argument::{LibraryWords, Quote, sentences};
use super::os::OsCause;

sentences! {
    /// Of a run and its process.
    RunCause {
        Killed =>
            "the synchronization was cut off before its end (its process was killed, or the power went); what it brought is kept",
            "la synchronisation a été coupée avant sa fin (son processus a été tué, ou le courant a manqué) ; ce qu’elle a reçu est conservé";
        Stopped =>
            "the synchronization was told to end before its work was done (boxsync or the machine stops); what it brought is kept",
            "la synchronisation a dû finir avant que son travail soit fait (boxsync ou la machine s’arrête) ; ce qu’elle a reçu est conservé";
        WorkerDied { how: ProcessEnd } =>
            "the process of this synchronization {how}; what it brought is kept, the next one goes on from there",
            "le processus de cette synchronisation {how} ; ce qu’il a reçu est conservé, la prochaine continue de là";
        LookDied { how: ProcessEnd } => "the process that looks at the box for the status page {how}",
            "le processus qui regarde la box pour la page d’état {how}";
        ThreadEnded => "a worker thread ended early", "une partie de boxsync s’est arrêtée avant la fin de son travail";
        PackageLost => "a download lost track of its package", "un téléchargement a perdu la trace de son paquet";
        SecretInBundle { what: LibraryWords } => "the bundle was not written: {what} is still in it",
            "le fichier d’assistance n’a pas été écrit : un secret s’y trouve encore ({what})";
        NoSignals { why: OsCause } => "cannot listen to signals: {why}", "impossible de recevoir des signaux : {why}";
        RunsNotWiped { path: String } =>
            "{path}: boxsync is running, nothing was destroyed; stop it first: `systemctl stop boxsync.service`",
            "{path} : boxsync fonctionne, rien n’a été détruit ; l’arrêter d’abord : `systemctl stop boxsync.service`";
        BoxTwice { tokens: u64 } =>
            "another box uses the credentials of this one: {tokens} of its tokens died early in one synchronization",
            "une autre box utilise les identifiants de celle-ci : {tokens} de ses jetons sont morts avant l’heure pendant une synchronisation";
        StateCopied =>
            "the state folder is a copy of the one that was in use: an earlier state was put back, or the box was copied",
            "le dossier d’état est une copie de celui qui servait : un état antérieur a été remis, ou la box a été copiée";
        StateOlder =>
            "the state folder is older than what the daemon has seen: an earlier state was put back",
            "le dossier d’état est plus ancien que ce que le service a vu : un état antérieur a été remis";
        ResultsNeverSent =>
            "central holds results that were never sent from here: an earlier state was put back, the box runs twice, or the disk could not keep that they were sent",
            "le serveur central a des résultats qui ne sont jamais partis d’ici : un état antérieur a été remis, la box fonctionne en double, ou le disque n’a pas pu retenir leur envoi";
        NotTerminated { seconds: u64, who: Vec<SilentEngine> } =>
            "not every delivery engine has ended its executions within {seconds} s: {who}; nothing was forced, and no synchronization was begun",
            "des moteurs d’épreuves n’ont pas terminé leurs passations en {seconds} s : {who} ; rien n’a été forcé, et aucune synchronisation n’a commencé";
        OutputFailed { why: OsCause } => "standard output did not take everything: {why}",
            "la sortie standard n’a pas tout pris : {why}";
    }
}

sentences! {
    /// An engine that was asked to end its executions, by the name of its signal.
    SilentEngine {
        Named { name: Quote, count: u64 } => "{name} ({count} go on)", "{name} ({count} en cours)";
        Unnamed { count: u64 } => "the one without a name ({count} go on)", "celui sans nom ({count} en cours)";
        Untold { name: Quote } => "{name} (it does not tell its executions)", "{name} (il ne dit pas ses passations)";
        UnnamedUntold => "the one without a name (it does not tell its executions)", "celui sans nom (il ne dit pas ses passations)";
    }
}

sentences! {
    /// How a process ended.
    ProcessEnd {
        NotStarted { why: OsCause } => "cannot be started: {why}", "ne peut pas démarrer : {why}";
        NoOutput => "has no standard output", "n’a pas de sortie standard";
        NoOrders { why: OsCause } => "cannot read its orders: {why}", "ne peut pas lire ses ordres : {why}";
        NoSession => "has no session", "n’a pas de session";
        LostDaemon => "lost the daemon", "a perdu le service";
        Lost { why: OsCause } => "was lost: {why}", "a été perdu : {why}";
        Silent { seconds: u64 } => "told nothing within {seconds} s", "n’a rien dit en {seconds} s";
        Still { seconds: u64 } =>
            "made no progress for {seconds} s (it was stopped, or something held it up) and was killed",
            "n’a pas progressé pendant {seconds} s (il était arrêté, ou retenu) et a été tué";
        MemoryLimit => "was ended by SIGKILL: it reached the memory limit of the service (MemoryMax=)",
            "a été arrêté par SIGKILL : il a atteint la limite de mémoire du service (MemoryMax=)";
        KilledOutside => "was ended by SIGKILL from outside: the memory limit of the service was not reached",
            "a été arrêté par SIGKILL de l’extérieur : la limite de mémoire du service n’était pas atteinte";
        Killed => "was ended by SIGKILL: by hand, or since memory ran out",
            "a été arrêté par SIGKILL : à la main, ou parce que la mémoire manquait";
        Signal { name: String } => "was ended by {name}", "a été arrêté par {name}";
        Status { code: i64 } => "ended with status {code} and no account", "s’est terminé avec le statut {code} et sans compte rendu";
        Unknown => "ended without an account", "s’est terminé sans compte rendu";
    }
}
