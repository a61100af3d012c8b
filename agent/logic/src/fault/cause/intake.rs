//! What central could not store of what was handed in: the path of the value, and what is expected there.
//! Never the value itself.
//! Called by `intake` and the command line.

use super::Cause;
use super::argument::{Id, JsonFlaw, sentences};

sentences! {
    /// Of what was handed in.
    IntakeCause {
        OfFile { file: String, why: Box<Cause> } => "{file}: {why}", "{file} : {why}";
        At { path: String, flaw: IntakeFlaw } => "{path}: {flaw}", "{path} : {flaw}";
        NoDocument { found: JsonFlaw } => "expected one JSON document: {found}", "un document JSON est attendu : {found}";
        Nothing => "expected one JSON document, found nothing", "un document JSON est attendu, il n’y a rien";
        TooLong { kind: String, id: Id, bytes: usize, limit: usize } =>
            "{kind}[\"{id}\"] takes {bytes} bytes: expected at most {limit} (`max_item` in section [results])",
            "{kind}[\"{id}\"] prend {bytes} octets : {limit} au plus sont attendus (`max_item` dans la section [results])";
    }
}

sentences! {
    /// What is wrong at a place.
    IntakeFlaw {
        Expected { what: IntakeValue, found: FoundValue } => "expected {what}, found {found}",
            "{what} est attendu, trouvé : {found}";
        Unreadable { what: IntakeValue, found: JsonFlaw } => "expected {what}: {found}", "{what} est attendu : {found}";
        Control { what: IntakeValue } => "expected {what} without control characters",
            "{what} est attendu, sans caractères de contrôle";
        KeyMissing => "expected this key, found none", "cette clé est attendue, elle manque";
        KeyTwice => "expected this key once", "cette clé est attendue une seule fois";
        OtherKey { key: String } => "expected only `{key}` and `sync_params` beside each other",
            "seuls `{key}` et `sync_params` sont attendus côte à côte";
        ExecutionKey => "expected an execution id as key", "un identifiant d’exécution est attendu comme clé";
        RowTwice => "expected an id that no other row of this execution has",
            "un identifiant qu’aucune autre ligne de cette exécution n’a est attendu";
        NoColumn { keys: Vec<String> } => "expected no such key (central has no column for it): a row has {keys}",
            "cette clé n’est pas attendue (le serveur central n’a pas de colonne pour elle) : une ligne a {keys}";
        Boolean => "expected a boolean", "un booléen est attendu";
        Identical { first: usize } => "expected another variable than variables[{first}], found an identical one",
            "une autre variable que variables[{first}] est attendue, une identique est trouvée";
        Nul => "expected a text without NUL (U+0000)", "un texte sans NUL (U+0000) est attendu";
        PlainId => "expected an id that is not empty, without control characters",
            "un identifiant non vide, sans caractères de contrôle, est attendu";
        OtherId { id: Id } => "expected {id}, under which it was put", "{id} est attendu, sous lequel il a été remis";
        RepeatedRow => "an identical row stands above; it was left out",
            "une ligne identique se trouve plus haut ; celle-ci est laissée de côté";
        UnknownEntity { kind: String } => "the box holds no such {kind}", "la box n’a pas ce {kind}";
        CallForm => "not of the form `<execution id>.<item>.<occurrence>`",
            "pas de la forme `<execution id>.<item>.<occurrence>`";
        CallTest => "not the execution id", "ce n’est pas l’identifiant de l’exécution";
        UnknownKey => "central ignores this key; it was left out",
            "le serveur central ignore cette clé ; elle est laissée de côté";
        LongText => "longer than 255 characters: central's storage may refuse it",
            "plus de 255 caractères : le stockage du serveur central peut le refuser";
    }
}

sentences! {
    /// What is expected at a place.
    IntakeValue {
        EncryptedRow => "an encrypted row (a text)", "une ligne chiffrée (un texte)";
        Rows => "a list of log rows", "une liste de lignes de journal";
        Row => "a log row (an object)", "une ligne de journal (un objet)";
        RowId => "a row id (text or whole number)", "un identifiant de ligne (texte ou nombre entier)";
        RowExecution => "the execution id under which the row stands",
            "l’identifiant d’exécution sous lequel se trouve la ligne";
        Event => "an event id", "un identifiant d’événement";
        User => "a user URI", "l’URI d’un utilisateur";
        Seconds => "Unix seconds with or without a fraction", "des secondes Unix, avec ou sans fraction";
        Result => "a result (an object)", "un résultat (un objet)";
        Delivery => "the URI of a delivery", "l’URI d’une épreuve";
        ResultExecution => "the execution id under which the result stands",
            "l’identifiant d’exécution sous lequel se trouve le résultat";
        Variables => "a list of variables", "une liste de variables";
        Object => "an object", "un objet";
        TextOrNull => "a text or null", "un texte ou null";
        TestTaker => "the URI of a test taker", "l’URI d’un candidat";
        State { prefix: String, states: String } => "`{prefix}` followed by one of {states}",
            "`{prefix}` suivi de l’un de {states}";
        Variable => "a variable (an object)", "une variable (un objet)";
        Class =>
            "`taoResultServer_models_classes_` followed by ResponseVariable, OutcomeVariable or TraceVariable",
            "`taoResultServer_models_classes_` suivi de ResponseVariable, OutcomeVariable ou TraceVariable";
        Test => "the identifier of a test", "l’identifiant d’un test";
        CallItem => "`<execution id>.<item>.<occurrence>` or null", "`<execution id>.<item>.<occurrence>` ou null";
        ItemOrNull => "the identifier of an item or null", "l’identifiant d’un item ou null";
        ExecutionOrNull => "the execution id or null", "l’identifiant de l’exécution ou null";
        ExecutionForNull => "the execution id, as `callIdItem` is null",
            "l’identifiant de l’exécution, puisque `callIdItem` est null";
        Identifier => "the identifier of a variable", "l’identifiant d’une variable";
        BaseType => "a base type (a text, for records too)", "un type de base (un texte, pour les records aussi)";
        OneOf { words: String } => "one of {words}", "l’un de {words}";
        Epoch => "`<fraction> <seconds>` as in `0.12345600 1795000000`",
            "`<fraction> <secondes>` comme `0.12345600 1795000000`";
        Text => "a text", "un texte";
        NumberOrNull => "a number or null", "un nombre ou null";
        Base64 => "base64", "du base64";
        ResultMap => "a map of execution id to result", "une table d’identifiants d’exécution et de résultats";
        RowMap => "a map of execution id to log rows", "une table d’identifiants d’exécution et de lignes de journal";
        Executions => "a list of execution ids", "une liste d’identifiants d’exécution";
        Execution => "an execution id", "un identifiant d’exécution";
        Users => "a list of users", "une liste d’utilisateurs";
        LtiUser => "a user (an object)", "un utilisateur (un objet)";
        Id => "an id", "un identifiant";
    }
}

sentences! {
    /// What was found there, by its sort alone.
    FoundValue {
        Null => "null", "null";
        Boolean => "a boolean", "un booléen";
        Number => "a number", "un nombre";
        EmptyText => "an empty text", "un texte vide";
        OtherText => "another text", "un autre texte";
        List => "a list", "une liste";
        Object => "an object", "un objet";
    }
}
