//! What is missing in what a person typed: an option, an answer to a question, a secret.
//! Never what was typed where that may be a secret.
//! Called by the verbs of the command line.

use super::api::ParameterFlaw;
use super::argument::{JsonFlaw, Quote, sentences};
use super::os::OsCause;
use super::setting::SettingForm;

sentences! {
    /// Of what a person typed.
    InputCause {
        NoTerminal { option: String } => "no terminal to ask at: give `{option}`",
            "pas de terminal où demander : donner `{option}`";
        NotWiped => "something else was typed: nothing was destroyed", "autre chose a été tapé : rien n’a été détruit";
        NotTerminated => "something else was typed: nothing was terminated", "autre chose a été tapé : rien n’a été terminé";
        OtherCount { count: u64 } => "expected {count}, the number of executions under way",
            "le nombre de passations en cours, {count}, est attendu";
        NoRun { number: u64 } => "the history has no synchronization {number}", "l’historique n’a pas de synchronisation {number}";
        NotWritten => "nothing was written", "rien n’a été écrit";
        OtherBox { word: String } => "--yes: expected the box id `{word}`",
            "--yes : l’identifiant de la box, `{word}`, est attendu";
        UnknownBox { word: String } => "--yes: expected `{word}`: the box id cannot be read",
            "--yes : `{word}` est attendu : l’identifiant de la box ne peut pas être lu";
        ClientId => "--key: expected the client id that central printed",
            "--key : l’identifiant de client affiché par le serveur central est attendu";
        TokenUrl { expected: SettingForm } => "--token-url: expected {expected}", "--token-url : attendu : {expected}";
        NoCode { wanted: Quote, near: String } => "{wanted} is no code of this boxsync; the nearest one is {near}",
            "{wanted} n’est pas un code de ce boxsync ; le plus proche est {near}";
        UnknownCode { wanted: Quote } => "{wanted} is no code of this boxsync; codes stand in brackets behind a message",
            "{wanted} n’est pas un code de ce boxsync ; les codes sont entre crochets derrière un message";
        NoOrder { found: JsonFlaw } => "standard input: expected an order of the daemon: {found}",
            "entrée standard : un ordre du service est attendu : {found}";
        NoKind { word: Quote } => "no kind of item is called {word}", "aucune sorte d’élément ne s’appelle {word}";
        Unread { why: OsCause } => "standard input cannot be read: {why}",
            "l’entrée standard ne peut pas être lue : {why}";
        Expected { form: SettingForm } => "expected {form}", "attendu : {form}";
        Value { flaw: ParameterFlaw } => "{flaw}", "{flaw}";
        NoSecret => "expected a secret on standard input", "un secret est attendu sur l’entrée standard";
    }
}
