//! Every code that boxsync can tell, with a title, what it means at length, and the one thing to do.
//! Never two remedies for one code: whoever stands at the box does one thing and looks again.
//! Called by `doctor`, `doctor explain`, the status page and the journal's catalog.

mod central;
mod data;
mod local;
mod net;
mod service;
mod work;

use std::cmp::Ordering;

/// What one code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// Stable, dotted, lower case.
    pub code: &'static str,
    /// What is the case, in a few words.
    pub title: &'static str,
    /// What it means and where it comes from.
    pub text: &'static str,
    /// The one thing to do, in plain words.
    pub remedy: &'static str,
}

const fn code(
    code: &'static str,
    title: &'static str,
    text: &'static str,
    remedy: &'static str,
) -> Code {
    Code {
        code,
        title,
        text,
        remedy,
    }
}

/// All codes, area by area.
pub fn all() -> impl Iterator<Item = &'static Code> {
    [
        local::CODES,
        net::CODES,
        central::CODES,
        data::CODES,
        work::CODES,
        service::CODES,
    ]
    .into_iter()
    .flatten()
}

/// What a code means.
pub fn find(wanted: &str) -> Option<&'static Code> {
    all().find(|code| code.code == wanted)
}

/// The one thing to do about a code; a code of a newer boxsync gets the general advice.
pub fn remedy(wanted: &str) -> &'static str {
    find(wanted).map_or(
        "Make a support bundle with `boxsync doctor --bundle FILE` and send it to your support.",
        |code| code.remedy,
    )
}

/// The code that is written most like this one, if there is one that is like it at all.
pub fn nearest(written: &str) -> Option<&'static Code> {
    let written = written.to_lowercase();
    let likeness = |code: &Code| strsim::normalized_damerau_levenshtein(&written, code.code);
    let nearest = all().max_by(|a, b| {
        likeness(a)
            .partial_cmp(&likeness(b))
            .unwrap_or(Ordering::Equal)
    })?;
    (likeness(nearest) >= 0.6).then_some(nearest)
}
