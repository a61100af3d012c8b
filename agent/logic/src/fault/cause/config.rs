//! What is wrong with the configuration: the key, where it stands, and what was expected.
//! Never a secret that stands there by mistake.
//! Called by `settings` and whatever reads a file that the configuration names.

use super::argument::sentences;

sentences! {
    /// Of the configuration.
    ConfigCause {
        PlainHttp { place: Option<FoundAt>, url: String } =>
            "url in [central]{place}: {url} is plain http: password, results and exams can be read on the way; expected https://",
            "url dans [central]{place} : {url} est en http simple : le mot de passe, les résultats et les examens peuvent être lus en chemin ; https:// est attendu";
    }
}

sentences! {
    /// Where a value comes from.
    FoundAt {
        At { place: String } => " ({place})", " ({place})";
    }
}
