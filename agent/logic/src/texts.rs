//! What the tables of codes and of sentences say to people: the build has deflated it, the first who asks has it inflated.
//! Never a text of its own: the tables stand in the sources, where they are edited.
//! Called by those tables; `agent` has one more.

use std::sync::OnceLock;

use crate::inflate::{Damaged, Inflate};

/// Between columns, between rows and before the number of a place, as `build/tables.rs` writes them.
const COLUMN: char = '\u{1f}';
const ROW: char = '\u{1e}';
const PLACE: char = '\u{1a}';

/// What the tables of this crate say.
pub(crate) static TEXTS: DeflatedTexts =
    DeflatedTexts::new(include_bytes!(concat!(env!("OUT_DIR"), "/texts.deflate")));

/// The first row of each table.
#[allow(
    dead_code,
    missing_docs,
    non_upper_case_globals,
    unreachable_pub,
    reason = "each has the name of its enumeration, and some are of tests"
)]
pub(crate) mod rows {
    include!(concat!(env!("OUT_DIR"), "/rows.rs"));
}

/// The text that the build deflated (RFC 1951).
pub fn inflated(deflated: &[u8]) -> String {
    let mut text = Vec::new();
    let fed = Inflate::default().feed(deflated, |part| {
        text.extend_from_slice(part);
        Ok::<_, Damaged>(())
    });
    debug_assert!(fed.is_ok(), "the build deflated it");
    String::from_utf8_lossy(&text).into_owned()
}

/// Rows of texts in their columns.
#[derive(Debug)]
pub struct DeflatedTexts {
    deflated: &'static [u8],
    rows: OnceLock<Vec<&'static str>>,
}

impl DeflatedTexts {
    /// Of what the build wrote.
    pub const fn new(deflated: &'static [u8]) -> Self {
        let rows = OnceLock::new();
        Self { deflated, rows }
    }

    /// A row by its number.
    pub fn row(&self, number: usize) -> TextRow {
        let rows = self.rows.get_or_init(|| {
            let text: &'static str = inflated(self.deflated).leak();
            text.split(ROW).collect()
        });
        TextRow(rows.get(number).copied().unwrap_or_default())
    }
}

/// A row of texts.
#[derive(Debug, Clone, Copy)]
pub struct TextRow(&'static str);

impl TextRow {
    /// One of its texts; empty where there is none.
    pub fn column(self, number: usize) -> &'static str {
        self.0.split(COLUMN).nth(number).unwrap_or_default()
    }

    /// The name of its variant.
    pub fn name(self) -> &'static str {
        self.column(0)
    }

    /// The sentence in English or in French, of several where that is another one.
    pub fn sentence(self, is_french: bool, is_plural: bool) -> &'static str {
        let own = 1 + usize::from(is_french);
        let several = if is_plural { self.column(own + 2) } else { "" };
        match several.is_empty() {
            true => self.column(own),
            false => several,
        }
    }

    /// All of its texts, with the names of the places in braces, as the source has them: for the test of a table.
    pub fn in_source(self, fields: &[&str]) -> Vec<String> {
        let name = |place| fields.get(place).map(|name| format!("{{{name}}}"));
        let texts = self.0.split(COLUMN).filter(|text| !text.is_empty());
        texts
            .map(|text| filled(text, &|place| name(place).unwrap_or_default()))
            .collect()
    }
}

/// A text with values in its places.
pub fn filled(text: &str, value: &dyn Fn(usize) -> String) -> String {
    let mut parts = text.split(PLACE);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, after) = part.split_at_checked(1).unwrap_or_default();
        out += &value(number.parse().unwrap_or_default());
        out += after;
    }
    out
}

/// Whether every single brace of a sentence opens a place by its name alone, as the build numbers them.
pub const fn is_filled_in(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (mut at, mut inside) = (0, false);
    while at < bytes.len() {
        let is_double = at + 1 < bytes.len() && bytes[at] == bytes[at + 1];
        match (bytes[at], inside) {
            (b'{' | b'}', false) if is_double => at += 1,
            (b'{', false) => inside = true,
            (b'}', true) => inside = false,
            (b'{' | b'}', _) | (b':', true) => return false,
            _ => {}
        }
        at += 1;
    }
    !inside
}
