//! What central's answers mean, and what comes from somebody else in their place.
//! Never what a body says, but for what is quoted and cut.
//! Called by `api`, `uplink` and the machines that read answers.

use super::Cause;
use super::argument::{Id, JsonFlaw, Quote, Wait, sentences};

sentences! {
    /// What an answer means.
    AnswerCause {
        NoShape { expected: Expected, found: JsonFlaw } => "central answered without {expected}: {found}",
            "le serveur central a répondu sans {expected} : {found}";
        AList { expected: Expected } => "central answered without {expected}: a list",
            "le serveur central a répondu sans {expected} : une liste";
        NextPage { found: Quote } =>
            "the next page of a list was expected at `/taoSync/…/fetchEntityChecksums`, not at {found}",
            "la page suivante d’une liste était attendue à `/taoSync/…/fetchEntityChecksums`, et non à {found}";
        ListEntry { id: Id } => "list entry {id}: expected text in `id` and `checksum`",
            "entrée {id} de la liste : du texte est attendu dans `id` et `checksum`";
        Entity { id: Id, found: JsonFlaw } => "entity {id}: {found}", "entité {id} : {found}";
        SyncUser { found: JsonFlaw } => "the handshake's `syncUser` cannot be read: {found}",
            "`syncUser` de la poignée de main est illisible : {found}";
        Password => "central refused the login or the password",
            "le serveur central a refusé le nom d’utilisateur ou le mot de passe";
        NotSyncManager => "central knows this user, but not as a synchronisation manager (role taoSyncManager)",
            "le serveur central connaît cet utilisateur, mais pas comme gestionnaire de synchronisation (rôle taoSyncManager)";
        RefusedIn200 { says: Option<Says> } => "central refused the request{says}",
            "le serveur central a refusé la requête{says}";
        StatusNot200 { status: u16 } => "central's data has status 200, not {status}",
            "les données du serveur central ont le statut 200, et non {status}";
        NetworkLogin => "the network wants a login first (status 511)",
            "le réseau demande d’abord une connexion (statut 511)";
        Credentials => "central does not accept the credentials of this box",
            "le serveur central n’accepte pas les identifiants de cette box";
        Role => "the credentials lack the role of a synchronisation manager (taoSyncManager)",
            "les identifiants n’ont pas le rôle de gestionnaire de synchronisation (taoSyncManager)";
        NotFound { says: Option<Says> } => "central does not have it{says}", "le serveur central ne l’a pas{says}";
        RequestTooLong => "central's web server takes no request of this size (status 413)",
            "le serveur web du serveur central ne prend pas de requête de cette taille (statut 413)";
        Version { says: Quote } => "central does not support this version: it says {says}",
            "le serveur central n’accepte pas cette version : il dit {says}";
        Rejected => "central failed on the content of the request (status 500 without a body)",
            "le serveur central a échoué sur le contenu de la requête (statut 500 sans corps)";
        FailedMute => "central failed (status 500 without a body)",
            "le serveur central a échoué (statut 500 sans corps)";
        Unavailable { status: u16, says: Option<Says> } => "central is not available (status {status}){says}",
            "le serveur central n’est pas disponible (statut {status}){says}";
        Failed { status: u16, says: Option<Says> } => "central failed (status {status}){says}",
            "le serveur central a échoué (statut {status}){says}";
        Refused { status: u16, says: Option<Says> } => "central refused the request (status {status}){says}",
            "le serveur central a refusé la requête (statut {status}){says}";
        LeftAlone { why: Box<Cause>, wait: Wait } => "{why}; it asks to be left alone for {wait}",
            "{why} ; il demande d’être laissé tranquille pendant {wait}";
        Redirected { status: u16 } => "central redirected to another page (status {status})",
            "le serveur central renvoie à une autre page (statut {status})";
        RedirectedTo { place: Quote, status: u16 } => "central redirected to {place} (status {status})",
            "le serveur central renvoie à {place} (statut {status})";
        Maintenance { status: u16 } => "central says that it is in maintenance (status {status})",
            "le serveur central dit être en maintenance (statut {status})";
        MaintenancePage => "central is in maintenance: it answers a page with status 200 instead of data",
            "le serveur central est en maintenance : il répond par une page au statut 200 au lieu de données";
        Php { kind: String } =>
            "PHP of central writes its messages (\"{kind}\") into the answers: they cannot be read (display_errors is on there)",
            "PHP du serveur central écrit ses messages (« {kind} ») dans les réponses : elles sont illisibles (display_errors y est activé)";
        Page => "a web page came instead of central's data: a proxy, a captive portal or a wrong URL",
            "une page web est venue au lieu des données du serveur central : un proxy, un portail captif ou une URL fausse";
        PageInstead { status: u16 } =>
            "a page with status {status} came instead of central's answer: a proxy, a captive portal or a wrong URL",
            "une page au statut {status} est venue au lieu de la réponse du serveur central : un proxy, un portail captif ou une URL fausse";
        NoSync => "a TAO answers, but there is no synchronisation at this path",
            "un TAO répond, mais il n’y a pas de synchronisation à ce chemin";
        NoCertificate => "the server answers that it was shown no client certificate",
            "le serveur répond qu’aucun certificat client ne lui a été montré";
        NoToken { why: Box<Cause> } => "no token could be fetched: {why}", "aucun jeton n’a pu être obtenu : {why}";
        TokenUrl { url: Id } => "the token URL {url} cannot be used", "l’URL de jeton {url} est inutilisable";
        TokenRequest { url: Id } => "no token request can be made for {url}",
            "aucune demande de jeton ne peut être faite pour {url}";
        TokenCredentials => "credentials refused: central does not know the OAuth key and secret of this box",
            "identifiants refusés : le serveur central ne connaît pas la clé et le secret OAuth de cette box";
        TokenUnsendable => "central issued a token that no header can carry",
            "le serveur central a émis un jeton qu’aucun en-tête ne peut porter";
        TokenStatus { status: u16 } => "central answered with status {status}, which HTTP does not have",
            "le serveur central a répondu avec le statut {status}, que HTTP ne connaît pas";
        NotEnrolled => "this box has no credentials for central: enroll it first",
            "cette box n’a pas d’identifiants pour le serveur central : l’inscrire d’abord";
        TokenShared => "central refuses tokens that it has just issued: another box uses the same OAuth client",
            "le serveur central refuse des jetons qu’il vient d’émettre : une autre box utilise le même client OAuth";
        TokenRefused => "central does not accept the token that it has just issued to this box",
            "le serveur central n’accepte pas le jeton qu’il vient d’émettre pour cette box";
        Unsupported { own: String, known: Vec<Id> } =>
            "central does not support VM version {own} of this box (supported: {known})",
            "le serveur central n’accepte pas la version {own} de la VM de cette box (acceptées : {known})";
        UnsupportedAll { own: String } =>
            "central does not support VM version {own} of this box (supported: none)",
            "le serveur central n’accepte pas la version {own} de la VM de cette box (acceptées : aucune)";
        Unconfirmed { why: Box<Cause> } => "central did not take the confirmation of this run: {why}",
            "le serveur central n’a pas pris la confirmation de cette synchronisation : {why}";
    }
}

sentences! {
    /// What was due.
    Expected {
        Json => "JSON", "JSON";
        Package => "a package", "un paquet";
        Checksums => "a page of checksums (`entities`)", "une page de sommes de contrôle (`entities`)";
        Entities => "a map of entities", "une table d’entités";
        Acknowledgements => "a map of acknowledgements", "une table d’accusés de réception";
        Handshake => "`syncUser` and `oauthInfo`", "`syncUser` et `oauthInfo`";
        Versions => "`data`, a list of supported VM versions", "`data`, une liste de versions de VM acceptées";
        Message => "`message`", "`message`";
        PublicKey => "`require-update` and `public-key`", "`require-update` et `public-key`";
        Token => "`access_token` and `expires`", "`access_token` et `expires`";
    }
}

sentences! {
    /// Central's own words.
    Says {
        Said { words: Quote } => " and says {words}", " et dit {words}";
    }
}
