//! What can be wrong with a package: on its way, as a zip, and on the box.
//! Never a name of a file in it that was not quoted.
//! Called by whatever brings, checks and gives packages.

use super::Cause;
use super::argument::{Id, sentences};

sentences! {
    /// Of a package.
    PackageCause {
        Of { delivery: Id, why: Box<Cause> } => "package of {delivery}: {why}", "paquet de {delivery} : {why}";
        NotHeld { delivery: Id } => "the box holds no whole package of {delivery} (see `boxsync packages`)",
            "la box n’a pas de paquet complet de {delivery} (voir `boxsync packages`)";
        Missing =>
            "central has no package for this delivery (it was published before the synchronisation was installed, or its test is gone)",
            "le serveur central n’a pas de paquet pour cette épreuve (elle a été publiée avant l’installation de la synchronisation, ou son test a disparu)";
    }
}
