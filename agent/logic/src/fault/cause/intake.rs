//! What central could not store of what was handed in: the path of the value, and what is expected there.
//! Never the value itself.
//! Called by `intake` and the command line.

use super::Cause;
use super::argument::sentences;

sentences! {
    /// Of what was handed in.
    IntakeCause {
        OfFile { file: String, why: Box<Cause> } => "{file}: {why}", "{file} : {why}";
    }
}
