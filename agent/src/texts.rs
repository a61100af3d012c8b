//! What the tables of sentences of this crate say to people, as the build has deflated it.
//! Never a text of its own: the tables stand in the sources, where they are edited.
//! Called by those tables.

use logic::texts::DeflatedTexts;

/// What the tables of this crate say.
pub(crate) static TEXTS: DeflatedTexts =
    DeflatedTexts::new(include_bytes!(concat!(env!("OUT_DIR"), "/texts.deflate")));

/// The first row of each table.
#[allow(
    non_upper_case_globals,
    unreachable_pub,
    reason = "each has the name of its enumeration"
)]
pub(crate) mod rows {
    include!(concat!(env!("OUT_DIR"), "/rows.rs"));
}
