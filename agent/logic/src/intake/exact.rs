//! JSON as a caller wrote it: numbers stay the text that they came as, since a double would make other numbers of them.
//! Never takes a number that no double can hold, nor nesting without end: central's PHP would choke on both.
//! Called by the readers of `intake`, which look at it and write it in one form.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::Error as _;
use serde_json::Error;
use serde_json::value::RawValue;

use crate::api::answer::PhpMap as Pairs;

/// As deep as serde_json itself reads.
const DEPTH_LIMIT: usize = 127;

/// A JSON value whose numbers are texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Exact {
    Null,
    Bool(bool),
    /// The token, as it stood in the document.
    Number(String),
    String(String),
    Array(Vec<Exact>),
    Object(ObjectFields),
}

/// The fields of an object; of equal keys the last one counts, as in PHP.
pub(super) type ObjectFields = BTreeMap<String, Exact>;

impl Exact {
    /// Reads a value of a document.
    ///
    /// # Errors
    /// A text that is no UTF-16, a number beyond a double, nesting beyond the limit.
    pub(super) fn read(raw: &RawValue) -> Result<Self, Error> {
        Self::nested(raw, DEPTH_LIMIT)
    }

    fn nested(raw: &RawValue, depth: usize) -> Result<Self, Error> {
        let text = raw.get();
        let deeper = || {
            depth
                .checked_sub(1)
                .ok_or_else(|| Error::custom("recursion limit exceeded"))
        };
        Ok(match text.as_bytes().first() {
            Some(b'{') => {
                let (Pairs(pairs), depth) = (serde_json::from_str(text)?, deeper()?);
                let field = |(key, raw): (std::borrow::Cow<'_, str>, &RawValue)| {
                    Ok((key.into_owned(), Self::nested(raw, depth)?))
                };
                Self::Object(pairs.into_iter().map(field).collect::<Result<_, Error>>()?)
            }
            Some(b'[') => {
                let (list, depth): (Vec<&RawValue>, _) = (serde_json::from_str(text)?, deeper()?);
                let element = |raw| Self::nested(raw, depth);
                Self::Array(list.into_iter().map(element).collect::<Result<_, _>>()?)
            }
            Some(b'"') => Self::String(serde_json::from_str(text)?),
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'n') => Self::Null,
            // Any number of digits may be a double, but "infinite" is none.
            _ if text.parse().is_ok_and(f64::is_finite) => Self::Number(text.to_owned()),
            _ => return Err(Error::custom("number out of range")),
        })
    }

    /// The text, of a text.
    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The fields, of an object.
    pub(super) fn as_object(&self) -> Option<&ObjectFields> {
        match self {
            Self::Object(fields) => Some(fields),
            _ => None,
        }
    }

    /// Whether it is a whole number that fits 64 bits, signed or not.
    pub(super) fn is_whole(&self) -> bool {
        match self {
            // Minus nothing is a double.
            Self::Number(text) if text == "-0" => false,
            Self::Number(text) => text.parse::<u64>().is_ok() || text.parse::<i64>().is_ok(),
            _ => false,
        }
    }

    /// JSON with the keys of every object sorted, without white space: one form for one content.
    pub(super) fn canonical(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out, &str::to_owned);
        out
    }

    /// The same with every number as the double that central's PHP makes of it: equal forms are equal to central.
    pub(super) fn as_doubles(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out, &double);
        out
    }

    fn write(&self, out: &mut Vec<u8>, number: &dyn Fn(&str) -> String) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            Self::Number(text) => out.extend_from_slice(number(text).as_bytes()),
            Self::String(text) => quote(text, out),
            Self::Array(list) => {
                out.push(b'[');
                for (at, value) in list.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    value.write(out, number);
                }
                out.push(b']');
            }
            Self::Object(fields) => {
                out.push(b'{');
                for (at, (key, value)) in fields.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    quote(key, out);
                    out.push(b':');
                    value.write(out, number);
                }
                out.push(b'}');
            }
        }
    }
}

impl From<&str> for Exact {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Exact {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl<T: Into<Self>> From<Option<T>> for Exact {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, T::into)
    }
}

impl<const N: usize> From<[(&str, Exact); N]> for Exact {
    fn from(fields: [(&str, Exact); N]) -> Self {
        let owned = fields.map(|(key, value)| (key.to_owned(), value));
        Self::Object(owned.into())
    }
}

fn double(text: &str) -> String {
    serde_json::from_str::<serde_json::Number>(text)
        .map_or_else(|_| text.to_owned(), |number| number.to_string())
}

fn quote(text: &(impl Serialize + ?Sized), out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a vector takes every text");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value as Json;

    fn form(json: &str) -> Result<String, Error> {
        let raw: &RawValue = serde_json::from_str(json)?;
        Ok(String::from_utf8(Exact::read(raw)?.canonical()).unwrap())
    }

    #[test]
    fn a_number_stays_the_text_that_it_came_as() {
        let long = format!("9{}", "6".repeat(199));
        for number in [
            "0",
            "-0",
            "1.50",
            "1E5",
            "1e-7",
            "0.1",
            "123456789012345678901234567890",
            &long,
        ] {
            assert_eq!(form(number).unwrap(), number);
            let nested = format!("[{{\"d\":{number}}}]");
            assert_eq!(form(&nested).unwrap(), nested);
        }
        for odd in ["1e400", "-1e999999999999"] {
            assert!(form(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn nesting_ends_where_serde_json_ends_it() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for depth in [1, 127, 128, 129, 5_000, 200_000] {
            let text = nested(depth);
            let ours = form(&text).is_ok();
            assert_eq!(ours, serde_json::from_str::<Json>(&text).is_ok(), "{depth}");
        }
    }

    proptest! {
        #[test]
        fn all_but_numbers_read_as_serde_json_reads_them(text in r#"[\[\]{}:,"a-c\\u0-9d.eE+ -]{0,24}"#) {
            let plain = serde_json::from_str::<Json>(&text).ok();
            let ours = form(&text).ok();
            prop_assert_eq!(ours.is_some(), plain.is_some());
            if let Some(ours) = ours {
                prop_assert_eq!(serde_json::from_str::<Json>(&ours).ok(), plain);
                let again = form(&ours).ok();
                prop_assert_eq!(again.as_ref(), Some(&ours));
            }
        }
    }
}
