//! What the local API refuses of a request, and why an answer ends early.
//! Never text of a caller that was not quoted.
//! Called by `socket`.

use super::argument::{Id, JsonFlaw, LibraryWords, Quote, sentences};

sentences! {
    /// Of a request to the local API.
    ApiCause {
        NoRoute { path: Id } => "there is no {path}; /v1/openapi.json describes what there is",
            "{path} n’existe pas ; /v1/openapi.json décrit ce qui existe";
        Method { path: Id, method: String } => "{path} is used with {method}", "{path} s’utilise avec {method}";
        NoParameter { name: Quote, known: String } => "unknown parameter {name}, expected {known}",
            "paramètre inconnu {name}, attendu : {known}";
        NoParameters { name: Quote } => "unknown parameter {name}, expected none", "paramètre inconnu {name}, aucun n’est attendu";
        Twice { name: String } => "parameter `{name}` is given twice", "le paramètre `{name}` est donné deux fois";
        Parameter { name: String, flaw: ParameterFlaw } => "parameter `{name}`: {flaw}", "paramètre `{name}` : {flaw}";
        Field { name: String, flaw: ParameterFlaw } => "`{name}`: {flaw}", "`{name}` : {flaw}";
        NotUtf8 => "the request's address is not UTF-8", "l’adresse de la requête n’est pas en UTF-8";
        NoItemId => "the id of the item is missing at the end of the path",
            "l’identifiant de l’élément manque à la fin du chemin";
        NoMemberName => "the path: a delivery or the name of a member is missing",
            "le chemin : une épreuve ou le nom d’un membre manque";
        Body { found: JsonFlaw } => "the body: {found}", "le corps : {found}";
        NoObject => "the body: expected an object", "le corps : un objet est attendu";
        BodyCut { why: LibraryWords } => "the body did not come whole: {why}", "le corps n’est pas arrivé entier : {why}";
        BodyLong { most: u64 } => "the body is longer than {most} bytes", "le corps dépasse {most} octets";
        BodySlow { seconds: u64 } => "the body did not come within {seconds} s", "le corps n’est pas arrivé en {seconds} s";
        DocumentCut => "the document did not come whole", "le document n’est pas arrivé entier";
        Size { size: u64 } => "there are {size} bytes", "il y a {size} octets";
        NotKept { why: LibraryWords } => "the item was not kept: {why}", "l’élément n’a pas été conservé : {why}";
        Unread { why: LibraryWords } => "the accounts were not read: {why}", "les comptes rendus n’ont pas été lus : {why}";
        ReaderGone => "the reader has gone", "le lecteur est parti";
        NoResult { id: Id } => "no result came under {id}", "aucun résultat n’est arrivé sous {id}";
        NoneOf { count: usize, first: Id } => "the box holds none of these {count} entities, the first of which is {first}",
            "la box n’a aucune de ces {count} entités, dont la première est {first}";
        NoLogin => "the box holds no entity with this login", "la box n’a pas d’entité avec cet identifiant de connexion";
        FeedGone { epoch: u64, newest: u64 } =>
            "the feed does not go back that far: read all entities again, then follow epoch {epoch} from {newest}",
            "le flux ne remonte pas si loin : relire toutes les entités, puis suivre l’époque {epoch} à partir de {newest}";
        ChangesGone => "changes of the catalogue cannot be told any more: read all entities again",
            "des changements du catalogue ne peuvent plus être dits : relire toutes les entités";
        EventsGone => "events cannot be told any more: the state follows; read the results again",
            "des événements ne peuvent plus être dits : l’état suit ; relire les résultats";
    }
}

sentences! {
    /// What is wrong with a parameter, or with a field of the body.
    ParameterFlaw {
        Expected { word: String } => "expected {word}", "attendu : {word}";
        OneOf { words: String } => "expected one of {words}", "attendu, l’un de : {words}";
        AtMost { most: usize } => "expected at most {most}", "{most} au plus";
        Range { most: u64 } => "expected 1 to {most}", "attendu : de 1 à {most}";
        Seconds { most: u64 } => "expected seconds from 0s to {most}s", "attendu : des secondes, de 0s à {most}s";
        Number => "expected a whole number", "attendu : un nombre entier";
        Delivery => "expected the URI of a delivery", "attendu : l’URI d’une épreuve";
        Organisation => "expected an organisation of this box", "attendu : une organisation de cette box";
        Edition => "expected 32 digits, as /v1/packages has it", "attendu : 32 chiffres, comme dans /v1/packages";
        Cursor => "expected what an earlier answer gave as `cursor`",
            "attendu : ce qu’une réponse précédente a donné comme `cursor`";
        Beside { other: String } => "give it or {other}, not both", "le donner, ou bien {other}, pas les deux";
        NeedsEpoch =>
            "above 0 it needs `epoch`, for a number alone does not say of which history it is; give the `epoch` that the number came with, or `cursor` in place of both",
            "au-dessus de 0 il lui faut `epoch`, car un nombre seul ne dit pas de quel historique il est ; donner l’`epoch` venu avec lui, ou `cursor` à la place des deux";
        NoTime => "expected more than 0", "attendu : plus de 0";
        PauseTooLong => "a pause lasts 24h at most", "une pause dure 24h au plus";
        NoEnd => "an exam that runs needs more than 0: send it again before it is over",
            "une épreuve en cours demande plus de 0 : le renvoyer avant la fin";
        Name { most: usize } => "expected at most {most} characters without control characters",
            "attendu : {most} caractères au plus, sans caractères de contrôle";
        Uris => "expected URIs as the catalogue has them", "attendu : des URI comme dans le catalogue";
        NoneEnded => "expected none where `active` is false", "attendu : aucune si `active` est false";
        BothMissing { other: String } => "it is missing, and so is `{other}`", "il manque, et `{other}` aussi";
        Longer { most: usize } => "expected at most {most} bytes with those of other names",
            "attendu : {most} octets au plus avec ceux des autres noms";
        OthersRun { count: usize } => "{count} others run already", "{count} autres sont déjà en cours";
    }
}
