//! Inflates what the build has deflated: texts that would be a twentieth of the program.
//! Never what came from outside: that is a matter of `logic::inflate`.
//! Called by `socket` and `cli`.

use logic::inflate::{Damaged, Inflate};

/// The text of a `NAME.deflate` of the build (RFC 1951).
pub(crate) fn inflated(deflated: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let fed = Inflate::default().feed(deflated, |part| {
        text.extend_from_slice(part);
        Ok::<_, Damaged>(())
    });
    debug_assert!(fed.is_ok(), "the build deflated it");
    text
}
