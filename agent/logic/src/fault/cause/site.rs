//! What stands in the way of what leaves a box sealed: the site key, the place of second copies, adoption.
//! Never a key, and never what a candidate did.
//! Called by `engine` and by the verbs `site` and `results adopt`.

use super::Cause;
use super::argument::sentences;

sentences! {
    /// Of what leaves a box sealed.
    SiteCause {
        NoKeyFile => "no `key_file` is set in section [site] of boxsync.toml",
            "aucun `key_file` n’est défini dans la section [site] de boxsync.toml";
        NoKeyIn { path: String } => "{path}: expected lines `boxsync-site-key-1 …`",
            "{path} : des lignes `boxsync-site-key-1 …` sont attendues";
        Of { path: String, why: Box<Cause> } => "{path}: {why}", "{path} : {why}";
    }
}
