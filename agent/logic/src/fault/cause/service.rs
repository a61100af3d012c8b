//! What keeps the service of systemd from synchronizing by itself, and what it refuses at the local API.
//! Never the words of systemd: `doctor` shows those.
//! Called by the verbs whose words depend on the service, and by `socket`.

use super::argument::{LibraryWords, sentences};
use super::os::OsCause;

sentences! {
    /// Of the service.
    ServiceCause {
        Down => "the service does not run: nothing is synchronized by itself",
            "le service ne fonctionne pas : rien ne se synchronise de soi-même";
        Failed => "the service has failed: nothing is synchronized by itself",
            "le service a échoué : rien ne se synchronise de soi-même";
        Another { path: String } => "{path}: another boxsync is running", "{path} : un autre boxsync fonctionne";
        Stopping => "the daemon is stopping: ask again when it has started",
            "le service s’arrête : redemander quand il aura redémarré";
        Lost { why: ServiceLoss } => "the daemon was lost: {why}; `boxsync status` shows how far it came",
            "le service a été perdu : {why} ; `boxsync status` montre où il en était";
        Silent { seconds: u64 } => "the daemon is there, but did not answer within {seconds} s",
            "le service est là, mais n’a pas répondu en {seconds} s";
        Denied =>
            "this user may not speak with boxsync: name it in section [api], or in allow_uids of section [box]",
            "cet utilisateur ne peut pas s’adresser à boxsync : le nommer dans la section [api], ou dans allow_uids de la section [box]";
        NoRole { role: String } =>
            "this user has no role `{role}` at the local API: name it in `{role}` of section [api]",
            "cet utilisateur n’a pas le rôle `{role}` à l’API locale : le nommer dans `{role}` de la section [api]";
        Busy { with: BusyWith } => "as many {with} as there are places for: ask again in a moment",
            "toutes les places sont prises ({with}) : redemander dans un instant";
    }
}

sentences! {
    /// What takes the places.
    BusyWith {
        Items => "items are being taken", "éléments en cours de remise";
        Orders => "questions and orders are being answered", "questions et ordres en cours";
        Readers => "answers are being read", "réponses en cours de lecture";
        Followers => "events and changes are being followed", "événements et changements suivis";
    }
}

sentences! {
    /// How a service was lost that had been there.
    ServiceLoss {
        Early => "it ended before the synchronization did", "il a fini avant la synchronisation";
        Status { status: u16 } => "it answered with status {status}", "il a répondu par le statut {status}";
        Endless => "it sent an event without an end", "il a envoyé un événement sans fin";
        Connection { why: OsCause } => "{why}", "{why}";
        Answer { words: LibraryWords } => "{words}", "{words}";
    }
}
