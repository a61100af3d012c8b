//! Text that somebody else wrote: central, a proxy, a caller, whoever named a file or a person.
//! Never shows it as it came: quoted, cut and escaped, or not at all; no C0, C1, ESC, bidi control or line break of it is left.
//! Called by whoever reads such text, and at every edge: terminal, page, JSON, journal, bundle.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// More characters of one text are not shown.
const SHOWN: usize = 160;
/// A longer id is told by its hash in the journal.
const MAX_ID_BYTES: usize = 300;
/// The marks between which outside text stands in a sentence of boxsync: nothing else there may have them, so that an
/// edge that may not carry such text finds it (`without`).
const MARKS: (char, char) = ('“', '”');

/// So begins what a reader of JSON says of a field that is not there.
pub(crate) const MISSING_FIELD: &str = "missing field `";

/// Text from outside. It has no `Display` and no `Serialize`: it can only be asked, or shown `quoted`.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct Outside(String);

impl Outside {
    /// Takes a text in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.0.trim().is_empty()
    }

    /// Whether it begins so: to decide by, never to show.
    pub fn starts_with(&self, text: &str) -> bool {
        self.0.starts_with(text)
    }

    /// Whether this is in it: to decide by, never to show.
    pub fn contains(&self, text: &str) -> bool {
        self.0.contains(text)
    }

    /// For a sentence: between marks, cut, escaped.
    pub fn quoted(&self) -> String {
        quoted(&self.0)
    }
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Outside({} bytes)", self.0.len())
    }
}

/// Outside text for a sentence: `“…”`, cut after 160 characters, escaped.
pub fn quoted(text: &str) -> String {
    let mut out = String::from(MARKS.0);
    let mut chars = text.trim().chars();
    for c in chars.by_ref().take(SHOWN) {
        match c {
            c if c == MARKS.0 || c == MARKS.1 => out.push('"'),
            c => push(c, &mut out),
        }
    }
    if chars.next().is_some() {
        out.push('…');
    }
    out.push(MARKS.1);
    out
}

/// A quotation that another process or an older record made, as `quoted` makes it; `None` where it is none.
pub fn requoted(quotation: &str) -> Option<String> {
    let inner = quotation.strip_prefix(MARKS.0)?.strip_suffix(MARKS.1)?;
    let said = inner.strip_suffix('…').unwrap_or(inner);
    let plain = !inner.contains([MARKS.0, MARKS.1]) && !inner.chars().any(is_unseen);
    // What is escaped takes more room than it had.
    (plain && said.chars().count() <= 10 * SHOWN).then(|| quotation.to_owned())
}

/// The id of a thing for a sentence: as it is where it is made of the characters of a URI, else `quoted`.
pub fn id(text: &str) -> String {
    match is_uri(text) {
        true => text.to_owned(),
        false => quoted(text),
    }
}

/// Several of them.
pub fn ids<T: AsRef<str>>(texts: &[T]) -> String {
    let ids: Vec<_> = texts.iter().map(|text| id(text.as_ref())).collect();
    ids.join(", ")
}

/// What a reader of JSON found, for a sentence: its words may repeat the text that it read.
pub fn json_flaw(error: &serde_json::Error) -> String {
    let told = error.to_string();
    // The names of fields are boxsync's own.
    match told.starts_with(MISSING_FIELD) {
        true => told,
        false => quoted(&told),
    }
}

/// A value for a field of the journal: made of the characters of a URI (RFC 3986 2), else its SHA-256, shortened.
pub fn field(text: &str) -> Cow<'_, str> {
    if text.is_empty() || is_uri(text) {
        return Cow::Borrowed(text);
    }
    let mut hash = String::from("sha256:");
    for byte in &Sha256::digest(text)[..8] {
        let _ = write!(hash, "{byte:02x}");
    }
    Cow::Owned(hash)
}

/// A sentence without the outside text in it: nothing is left between the marks, nor behind a mark that stays open.
pub fn without(sentence: &str) -> String {
    let mut out = String::with_capacity(sentence.len());
    let mut rest = sentence;
    while let Some((own, behind)) = rest.split_once(MARKS.0) {
        out.push_str(own);
        out.extend([MARKS.0, '…', MARKS.1]);
        rest = behind.split_once(MARKS.1).map_or("", |(_, after)| after);
    }
    out + rest
}

/// A text of any origin for one line of an edge: what is not seen, moves the cursor or turns the line is escaped.
pub fn escaped(text: &str) -> Cow<'_, str> {
    escaped_but(text, |_| false)
}

/// The same for text that may have several lines.
pub fn escaped_lines(text: &str) -> Cow<'_, str> {
    escaped_but(text, |c| c == '\n')
}

/// JSON that holds nothing unseen: what is, stands as `\u….`, which means the same (RFC 8259 7).
pub fn json(value: &serde_json::Value) -> String {
    let text = value.to_string();
    if !text.chars().any(is_unseen) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_unseen(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

fn escaped_but(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|c| is_unseen(c) && !stays(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match stays(c) {
            true => out.push(c),
            false => push(c, &mut out),
        }
    }
    Cow::Owned(out)
}

fn push(c: char, out: &mut String) {
    match is_unseen(c) {
        true => out.extend(c.escape_default()),
        false => out.push(c),
    }
}

/// Whether a character is not seen, or moves what is: C0, DEL, C1, line and paragraph separators, bidi controls (UAX 9),
/// zero width, fillers, variation selectors, tags.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a text is made of the characters of a URI alone, and short enough for one.
fn is_uri(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
    !text.is_empty() && text.len() <= MAX_ID_BYTES && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each kind that an edge must not let through.
    const UNSEEN: &str = "\0\u{7}\u{8}\t\n\r\u{1b}\u{7f}\u{85}\u{9b}\u{9d}\u{ad}\u{200b}\u{200d}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\
                          \u{202b}\u{202c}\u{202d}\u{202e}\u{2060}\u{2066}\u{2067}\u{2068}\u{2069}\u{feff}\u{61c}\u{fe0f}\u{e0041}";

    #[test]
    fn nothing_unseen_is_left_at_any_edge() {
        let text = format!("Zoé{UNSEEN}END");
        for told in [quoted(&text), escaped(&text).into_owned(), id(&text)] {
            assert!(!told.chars().any(is_unseen), "{told:?}");
            assert!(
                told.contains("Zoé") && told.contains("\\u{202e}") && told.contains("\\n"),
                "{told}"
            );
        }
        assert_eq!(escaped_lines("a\nb\u{1b}[1m"), "a\nb\\u{1b}[1m");
        let told = json(&serde_json::json!({ "k": text }));
        assert!(!told.chars().any(is_unseen), "{told:?}");
        let read: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!(read["k"], *text, "it means the same");
    }

    #[test]
    fn a_quotation_is_cut_and_closes_only_at_its_end() {
        let long = quoted(&"x".repeat(1000));
        assert_eq!(long.chars().count(), SHOWN + 3);
        assert!(long.ends_with("x…”"));
        assert_eq!(quoted(" he said ”READY“\n"), "“he said \"READY\"”");
        assert_eq!(format!("{:?}", Outside::new("Zoé")), "Outside(4 bytes)");
        for text in [&*long, "“”", "“he said \"READY\"”", &quoted("a\n\u{202e}b")] {
            assert_eq!(requoted(text).as_deref(), Some(text));
        }
        for forged in ["READY", "“a” READY “b”", "“", "“\u{1b}[1m”"] {
            assert_eq!(requoted(forged), None, "{forged:?}");
        }
    }

    #[test]
    fn a_sentence_without_it_has_nothing_of_it() {
        let table = [
            ("plain words", "plain words"),
            ("central says “Zoé”: wait", "central says “…”: wait"),
            ("“a” and “b”", "“…” and “…”"),
            ("cut “Zoé and nothing clos", "cut “…”"),
        ];
        for (sentence, expected) in table {
            assert_eq!(without(sentence), expected);
        }
        let odd = format!("a {} b", quoted("x” Zoé “y"));
        assert_eq!(without(&odd), "a “…” b");
    }

    #[test]
    fn a_field_of_the_journal_is_a_uri_or_a_hash() {
        let uri = "https://central.example/tao.rdf#i4001?x=[1]&y=%20";
        assert_eq!((field(uri), id(uri)), (uri.into(), uri.to_owned()));
        for odd in [
            "Zoé Dupont",
            "a b",
            "x\ny",
            "“",
            "\u{202e}",
            &"x".repeat(301),
        ] {
            let told = field(odd);
            assert!(told.starts_with("sha256:") && told.len() == 23, "{told}");
            assert_eq!(told, field(odd));
        }
        assert_ne!(field("Zoé"), field("Zoe é"));
    }

    #[test]
    fn what_json_repeats_is_quoted() {
        let error = serde_json::from_str::<u8>("\"Zoé\"").unwrap_err();
        assert_eq!(without(&json_flaw(&error)), "“…”");
        #[derive(serde::Deserialize, Debug)]
        struct SampleBody {
            #[serde(rename = "data")]
            _data: u8,
        }
        let error = serde_json::from_str::<SampleBody>("{}").unwrap_err();
        assert!(json_flaw(&error).starts_with("missing field `data`"));
    }
}
