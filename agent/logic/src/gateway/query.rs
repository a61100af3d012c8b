//! Parameters as PHP reads and writes them: nested keys in brackets, `+` for a blank (protocol 0.4, 4.4).
//! Never more of them, nor deeper, than PHP's own bounds.
//! Called by the routes that take a query or a form.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

/// PHP's `max_input_vars`.
const MAX_INPUT_VARS: usize = 1000;
/// Deeper nesting than any call has is cut off here (PHP: 64).
const DEEPEST: usize = 8;
/// What `urlencode` leaves alone, the blank apart.
const URLENCODE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b' ');

/// One parameter: a text, or others by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Param {
    /// A text.
    Text(String),
    /// An array, in the order in which its keys first came.
    Many(QueryParams),
}

/// Parameters by name, in the order in which the names first came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueryParams(Vec<(String, Param)>);

impl QueryParams {
    /// Reads a query or a form body; what is no text in UTF-8 is replaced, as nothing of the protocol needs it.
    pub fn read(text: &[u8]) -> Self {
        let mut params = Self::default();
        for pair in text
            .split(|byte| *byte == b'&')
            .filter(|pair| !pair.is_empty())
            .take(MAX_INPUT_VARS)
        {
            let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &[][..]),
            };
            let name = decode(name);
            let name = name.trim_start_matches(' ');
            if !name.is_empty() {
                params.insert(name, decode(value));
            }
        }
        params
    }

    /// A parameter by name.
    pub fn get(&self, name: &str) -> Option<&Param> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    /// The text of a parameter; none for an array.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Param::Text(text) => Some(text),
            Param::Many(_) => None,
        }
    }

    /// Puts a text in the place of the name, or at the end.
    pub fn set(&mut self, name: &str, text: String) {
        *self.slot(name) = Param::Text(text);
    }

    /// Puts an array in the place of the name, or at the end.
    pub fn nest(&mut self, name: &str, inner: QueryParams) {
        *self.slot(name) = Param::Many(inner);
    }

    fn slot(&mut self, name: &str) -> &mut Param {
        let at = match self.0.iter().position(|(key, _)| key == name) {
            Some(at) => at,
            None => {
                self.0.push((name.to_owned(), Param::Text(String::new())));
                self.0.len() - 1
            }
        };
        &mut self.0[at].1
    }

    /// `a[b][c]`: an opening bracket without a closing one belongs to the name.
    fn insert(&mut self, name: &str, value: String) {
        let Some((head, mut rest)) = name
            .split_once('[')
            .filter(|(head, rest)| !head.is_empty() && rest.contains(']'))
        else {
            return self.set(&name.replace(['.', ' ', '['], "_"), value);
        };
        let mut at = self.slot(&head.replace(['.', ' '], "_"));
        for _ in 0..DEEPEST {
            let Some((key, behind)) = rest.split_once(']') else {
                break;
            };
            let inner = match at {
                Param::Many(inner) => inner,
                Param::Text(_) => {
                    *at = Param::Many(Self::default());
                    match at {
                        Param::Many(inner) => inner,
                        Param::Text(_) => return,
                    }
                }
            };
            let key = match key {
                "" => Cow::Owned(inner.0.len().to_string()),
                key => Cow::Borrowed(key),
            };
            at = inner.slot(&key);
            match behind.strip_prefix('[') {
                Some(deeper) => rest = deeper,
                None => break,
            }
        }
        *at = Param::Text(value);
    }

    /// `http_build_query`.
    pub fn build(&self) -> String {
        let mut out = String::new();
        for (name, value) in &self.0 {
            write(&mut out, &encode(name), value);
        }
        out
    }
}

fn write(out: &mut String, name: &str, value: &Param) {
    match value {
        Param::Text(text) => {
            if !out.is_empty() {
                out.push('&');
            }
            out.push_str(name);
            out.push('=');
            out.push_str(&encode(text));
        }
        Param::Many(inner) => {
            for (key, value) in &inner.0 {
                write(out, &format!("{name}%5B{}%5D", encode(key)), value);
            }
        }
    }
}

fn decode(text: &[u8]) -> String {
    let blanks: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    percent_decode(&blanks).decode_utf8_lossy().into_owned()
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, URLENCODE)
        .to_string()
        .replace(' ', "+")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn brackets_nest_whether_encoded_or_not() {
        let encoded = QueryParams::read(
            b"type=test-taker&params%5Btao_version%5D=2022.11&params%5Ba%5D%5Bb%5D=x+y",
        );
        let raw =
            QueryParams::read(b"type=test-taker&params[tao_version]=2022.11&params[a][b]=x%20y");
        assert_eq!(encoded, raw);
        let Some(Param::Many(params)) = raw.get("params") else {
            panic!("no array")
        };
        assert_eq!(params.text("tao_version"), Some("2022.11"));
        assert_eq!(params.text("a"), None);
        assert_eq!(
            raw.build(),
            "type=test-taker&params%5Btao_version%5D=2022.11&params%5Ba%5D%5Bb%5D=x+y"
        );
    }

    #[test]
    fn odd_names_are_read_as_php_reads_them() {
        let params = QueryParams::read(b"a[]=1&a[]=2&b.c=3&d[=4&e=1&e=2&[x]=5&&=6");
        let Some(Param::Many(a)) = params.get("a") else {
            panic!("no array")
        };
        assert_eq!((a.text("0"), a.text("1")), (Some("1"), Some("2")));
        assert_eq!(params.text("b_c"), Some("3"));
        assert_eq!(params.text("d_"), Some("4"));
        assert_eq!(params.text("e"), Some("2"));
    }

    #[test]
    fn a_later_text_replaces_an_array_and_the_place_stays() {
        let mut params = QueryParams::read(b"a[x]=1&b=2&a=3");
        assert_eq!(params.build(), "a=3&b=2");
        params.set("a", "~é ".into());
        assert_eq!(params.build(), "a=%7E%C3%A9+&b=2");
    }

    proptest! {
        #[test]
        fn any_query_is_read_and_what_was_built_reads_the_same(text in "[a-c=&%0-9\\[\\]+. ]{0,80}") {
            let read = QueryParams::read(text.as_bytes());
            let again = QueryParams::read(read.build().as_bytes());
            prop_assert_eq!(again.build(), read.build());
        }
    }
}
