//! One value as it was written, and what each kind of key may make of it.
//! Never knows which key it belongs to; an error is the words for what was expected.
//! Called by the table of keys and by the reader of files and environment.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde_json::Value as Json;
use toml::de::DeValue;

use super::size::{self, Size};
use crate::span;

/// A value of a file or of the environment, or one that is to be shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum SettingValue {
    Flag(bool),
    Whole(i64),
    Fraction(f64),
    Text(String),
    List(Vec<SettingValue>),
    /// Untyped text of an environment variable: the key decides what it is.
    Word(String),
    /// What no key takes, by the name of its kind.
    Other(&'static str),
}

/// What was expected, in words that follow "expected".
pub(super) type Expected = String;

impl SettingValue {
    /// The value of a TOML document.
    pub(super) fn of(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::Boolean(flag) => Self::Flag(*flag),
            DeValue::String(text) => Self::Text(text.to_string()),
            DeValue::Integer(whole) => i64::from_str_radix(whole.as_str(), whole.radix())
                .map_or(Self::Other("a number too large"), Self::Whole),
            DeValue::Float(float) => float
                .as_str()
                .parse()
                .map_or(Self::Other("no number"), Self::Fraction),
            DeValue::Array(list) => {
                Self::List(list.iter().map(|v| Self::of(v.get_ref())).collect())
            }
            DeValue::Datetime(_) => Self::Other("a date or time without quotes"),
            DeValue::Table(_) => Self::Other("a table"),
        }
    }

    pub(super) fn text(text: impl fmt::Display) -> Self {
        Self::Text(text.to_string())
    }

    /// A list of anything that can be printed.
    pub(super) fn texts<T: fmt::Display>(items: &[T]) -> Self {
        Self::List(items.iter().map(Self::text).collect())
    }

    /// An empty text takes back what an earlier source set; only for keys that may be absent.
    pub(super) fn unset(&self) -> bool {
        matches!(self, Self::Text(t) | Self::Word(t) if t.trim().is_empty())
    }

    /// `None` for an empty text, else what `read` makes of the value.
    pub(super) fn optional<T>(
        &self,
        read: impl FnOnce(&Self) -> Result<T, Expected>,
    ) -> Result<Option<T>, Expected> {
        if self.unset() {
            return Ok(None);
        }
        read(self).map(Some)
    }

    pub(super) fn flag(&self) -> Result<bool, Expected> {
        match self {
            Self::Flag(flag) => Ok(*flag),
            Self::Word(text) if text.trim() == "true" => Ok(true),
            Self::Word(text) if text.trim() == "false" => Ok(false),
            _ => Err("true or false, without quotes".to_owned()),
        }
    }

    /// A whole number within bounds, both included.
    pub(super) fn whole<T: TryFrom<i64>>(&self, least: i64, most: i64) -> Result<T, Expected> {
        let number = match self {
            Self::Whole(number) => Some(*number),
            Self::Word(text) => text.trim().parse().ok(),
            _ => None,
        };
        number
            .filter(|n| (least..=most).contains(n))
            .and_then(|n| T::try_from(n).ok())
            .ok_or_else(|| format!("a whole number from {least} to {most}, without quotes"))
    }

    /// A number within bounds, both included.
    pub(super) fn number(&self, least: f64, most: f64) -> Result<f64, Expected> {
        let number = match self {
            Self::Fraction(number) => Some(*number),
            Self::Whole(number) => Some(*number as f64),
            Self::Word(text) => text.trim().parse().ok(),
            _ => None,
        };
        number
            .filter(|n| (least..=most).contains(n))
            .ok_or_else(|| format!("a number from {least} to {most}, without quotes"))
    }

    /// Text, for a key whose text has a form of its own.
    fn words(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Word(text) => Some(text),
            _ => None,
        }
    }

    /// Text read by `read`, which says what it expected.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&str) -> Result<T, Expected>,
    ) -> Result<T, Expected> {
        match self.words() {
            Some(text) => read(text),
            None => Err("a text in quotes".to_owned()),
        }
    }

    /// An amount of bytes within bounds, both included: a number or a text.
    pub(super) fn size(&self, least: u64, most: u64) -> Result<Size, Expected> {
        let size = match self {
            Self::Whole(bytes) => u64::try_from(*bytes).ok().map(Size),
            _ => self.words().and_then(|text| text.parse().ok()),
        };
        size.filter(|s| (least..=most).contains(&s.0))
            .ok_or_else(|| {
                let bound = match (least, most) {
                    (0, u64::MAX) => String::new(),
                    _ => format!(" from {} to {}", Size(least), Size(most)),
                };
                format!("a size{bound}: {}", size::SHAPE)
            })
    }

    /// A time within bounds, both included: seconds or a text.
    pub(super) fn span(&self, least: Duration, most: Duration) -> Result<Duration, Expected> {
        let span = match self {
            Self::Whole(seconds) => u64::try_from(*seconds).ok().map(Duration::from_secs),
            _ => self.words().and_then(|text| span::parse(text).ok()),
        };
        span.filter(|s| (least..=most).contains(s)).ok_or_else(|| {
            let (least, most) = (span::print(least), span::print(most));
            format!("a time from {least} to {most}: {}", span::SHAPE)
        })
    }

    /// An identifier of at most `most` characters; a number is refused, since `007` and `7` are different ids.
    pub(super) fn label(&self, most: usize) -> Result<String, Expected> {
        match self {
            Self::Whole(_) | Self::Fraction(_) => {
                Err("a text: put the number into quotes".to_owned())
            }
            _ => self
                .words()
                .map(str::trim)
                .filter(|t| t.chars().count() <= most && !t.contains(char::is_control))
                .map(str::to_owned)
                .ok_or_else(|| format!("a text of at most {most} characters, in quotes")),
        }
    }

    /// The path of a file; absolute, since the daemon and a shell start in different folders.
    pub(super) fn path(&self) -> Result<PathBuf, Expected> {
        self.words()
            .filter(|t| t.starts_with('/') && !t.contains(char::is_control))
            .map(PathBuf::from)
            .ok_or_else(|| "the absolute path of a file, in quotes".to_owned())
    }

    /// A list; the words of an environment variable are separated by commas.
    pub(super) fn list<T>(
        &self,
        read: impl Fn(&Self) -> Result<T, Expected>,
    ) -> Result<Vec<T>, Expected> {
        let each = |item: &Self| read(item).map_err(|e| format!("a list in which each is {e}"));
        match self {
            Self::List(items) => items.iter().map(each).collect(),
            Self::Word(text) => text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| each(&Self::Word(item.to_owned())))
                .collect(),
            _ => Err("a list in square brackets".to_owned()),
        }
    }

    /// Text parsed by its own type.
    pub(super) fn parse<T: FromStr<Err = Expected>>(&self) -> Result<T, Expected> {
        self.read(|text| text.trim().parse())
    }

    /// As it is shown in a message: short, on one line, and nothing that could hold a password.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Text(text) | Self::Word(text) if text.contains(['@', '?']) => {
                "a text that is not repeated here".to_owned()
            }
            Self::Text(text) | Self::Word(text) if text.chars().count() > 60 => {
                format!("a text of {} characters", text.chars().count())
            }
            Self::List(items) => format!("a list of {}", items.len()),
            Self::Other(kind) => (*kind).to_owned(),
            _ => self.to_string(),
        }
    }

    /// As JSON.
    pub(super) fn json(&self) -> Json {
        match self {
            Self::Flag(flag) => (*flag).into(),
            Self::Whole(number) => (*number).into(),
            Self::Fraction(number) => (*number).into(),
            Self::Text(text) | Self::Word(text) => text.as_str().into(),
            Self::List(items) => items.iter().map(Self::json).collect(),
            Self::Other(_) => Json::Null,
        }
    }
}

impl fmt::Display for SettingValue {
    /// As TOML.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(out, "{flag}"),
            Self::Whole(number) => write!(out, "{number}"),
            Self::Fraction(number) => write!(out, "{number:?}"),
            // A JSON string is a TOML basic string, but for the delete character, which no value may hold.
            Self::Text(text) | Self::Word(text) => write!(out, "{}", Json::from(text.as_str())),
            Self::List(items) => {
                out.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    let comma = if at > 0 { ", " } else { "" };
                    write!(out, "{comma}{item}")?;
                }
                out.write_str("]")
            }
            Self::Other(kind) => out.write_str(kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> SettingValue {
        SettingValue::Word(text.into())
    }

    #[test]
    fn an_environment_variable_becomes_what_its_key_is() {
        assert_eq!(word(" true").flag(), Ok(true));
        assert_eq!(word("7").whole::<u8>(1, 16), Ok(7));
        assert_eq!(word("0.25").number(0.0, 1.0), Ok(0.25));
        assert_eq!(word("8MiB").size(0, u64::MAX), Ok(Size(8 << 20)));
        assert_eq!(
            word("a, b,,").list(|v| v.label(5)),
            Ok(vec!["a".to_owned(), "b".to_owned()])
        );
        assert_eq!(word("").list(|v| v.label(5)), Ok(vec![]));
    }

    #[test]
    fn a_file_must_use_the_right_type() {
        assert!(SettingValue::text("true").flag().is_err());
        assert!(SettingValue::text("7").whole::<u8>(1, 16).is_err());
        assert!(SettingValue::Whole(17).whole::<u8>(1, 16).is_err());
        assert!(SettingValue::Whole(300).whole::<u8>(1, 1000).is_err());
        assert!(SettingValue::Fraction(f64::NAN).number(0.0, 1.0).is_err());
        assert!(SettingValue::Whole(-1).size(0, u64::MAX).is_err());
        assert!(SettingValue::text("ca.pem").path().is_err());
        assert!(SettingValue::text("a").list(|v| v.label(5)).is_err());
    }

    #[test]
    fn a_number_is_no_identifier_and_says_how_to_make_it_one() {
        assert!(
            SettingValue::Whole(1001)
                .label(50)
                .unwrap_err()
                .contains("quotes")
        );
        assert!(
            SettingValue::Fraction(2022.11)
                .label(50)
                .unwrap_err()
                .contains("quotes")
        );
        assert_eq!(
            SettingValue::text("é".repeat(50)).label(50),
            Ok("é".repeat(50))
        );
        assert!(SettingValue::text("é".repeat(51)).label(50).is_err());
        assert!(SettingValue::text("a\nb").label(50).is_err());
    }

    #[test]
    fn messages_do_not_repeat_what_may_be_a_secret() {
        assert!(
            !SettingValue::text("http://a:hunter2@h")
                .shown()
                .contains("hunter2")
        );
        assert_eq!(SettingValue::text("15 minutes").shown(), "\"15 minutes\"");
        assert_eq!(
            SettingValue::text("x".repeat(61)).shown(),
            "a text of 61 characters"
        );
    }
}
