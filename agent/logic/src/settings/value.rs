//! One value as it was written, and what each kind of key may make of it.
//! Never knows which key it belongs to; an error is the words for what was expected.
//! Called by the table of keys and by the reader of files and environment.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde_json::Value as Json;
use toml::de::DeValue;

use super::size::Size;
use crate::fault::{FoundSetting, SettingForm, SizeBounds};
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
    /// What no key takes.
    Other(FoundSetting),
}

impl SettingValue {
    /// The value of a TOML document.
    pub(super) fn of(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::Boolean(flag) => Self::Flag(*flag),
            DeValue::String(text) => Self::Text(text.to_string()),
            DeValue::Integer(whole) => i64::from_str_radix(whole.as_str(), whole.radix())
                .map_or(Self::Other(FoundSetting::TooLarge), Self::Whole),
            DeValue::Float(float) => float
                .as_str()
                .parse()
                .map_or(Self::Other(FoundSetting::NoNumber), Self::Fraction),
            DeValue::Array(list) => {
                Self::List(list.iter().map(|v| Self::of(v.get_ref())).collect())
            }
            DeValue::Datetime(_) => Self::Other(FoundSetting::Date),
            DeValue::Table(_) => Self::Other(FoundSetting::Table),
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
        read: impl FnOnce(&Self) -> Result<T, SettingForm>,
    ) -> Result<Option<T>, SettingForm> {
        if self.unset() {
            return Ok(None);
        }
        read(self).map(Some)
    }

    pub(super) fn flag(&self) -> Result<bool, SettingForm> {
        match self {
            Self::Flag(flag) => Ok(*flag),
            Self::Word(text) if text.trim() == "true" => Ok(true),
            Self::Word(text) if text.trim() == "false" => Ok(false),
            _ => Err(SettingForm::Flag),
        }
    }

    /// A whole number within bounds, both included.
    pub(super) fn whole<T: TryFrom<i64>>(&self, least: i64, most: i64) -> Result<T, SettingForm> {
        let number = match self {
            Self::Whole(number) => Some(*number),
            Self::Word(text) => text.trim().parse().ok(),
            _ => None,
        };
        number
            .filter(|n| (least..=most).contains(n))
            .and_then(|n| T::try_from(n).ok())
            .ok_or(SettingForm::Whole { least, most })
    }

    /// A number within bounds, both included.
    pub(super) fn number(&self, least: f64, most: f64) -> Result<f64, SettingForm> {
        let number = match self {
            Self::Fraction(number) => Some(*number),
            Self::Whole(number) => Some(*number as f64),
            Self::Word(text) => text.trim().parse().ok(),
            _ => None,
        };
        number
            .filter(|n| (least..=most).contains(n))
            .ok_or_else(|| SettingForm::Number {
                least: least.to_string(),
                most: most.to_string(),
            })
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
        read: impl FnOnce(&str) -> Result<T, SettingForm>,
    ) -> Result<T, SettingForm> {
        match self.words() {
            Some(text) => read(text),
            None => Err(SettingForm::Quoted),
        }
    }

    /// An amount of bytes within bounds, both included: a number or a text.
    pub(super) fn size(&self, least: u64, most: u64) -> Result<Size, SettingForm> {
        let size = match self {
            Self::Whole(bytes) => u64::try_from(*bytes).ok().map(Size),
            _ => self.words().and_then(|text| text.parse().ok()),
        };
        size.filter(|s| (least..=most).contains(&s.0))
            .ok_or_else(|| {
                let within = match (least, most) {
                    (0, u64::MAX) => None,
                    _ => Some(SizeBounds::From {
                        least: Size(least).to_string(),
                        most: Size(most).to_string(),
                    }),
                };
                SettingForm::Size { within }
            })
    }

    /// A time within bounds, both included: seconds or a text.
    pub(super) fn span(&self, least: Duration, most: Duration) -> Result<Duration, SettingForm> {
        let span = match self {
            Self::Whole(seconds) => u64::try_from(*seconds).ok().map(Duration::from_secs),
            _ => self.words().and_then(span::parse),
        };
        span.filter(|s| (least..=most).contains(s)).ok_or_else(|| {
            let (least, most) = (span::print(least), span::print(most));
            SettingForm::Time { least, most }
        })
    }

    /// An identifier of at most `most` characters; a number is refused, since `007` and `7` are different ids.
    pub(super) fn label(&self, most: usize) -> Result<String, SettingForm> {
        match self {
            Self::Whole(_) | Self::Fraction(_) => Err(SettingForm::NumberInQuotes),
            _ => self
                .words()
                .map(str::trim)
                .filter(|t| t.chars().count() <= most && !t.contains(char::is_control))
                .map(str::to_owned)
                .ok_or(SettingForm::Label { most }),
        }
    }

    /// The path of a file; absolute, since the daemon and a shell start in different folders.
    pub(super) fn path(&self) -> Result<PathBuf, SettingForm> {
        self.words()
            .filter(|t| t.starts_with('/') && !t.contains(char::is_control))
            .map(PathBuf::from)
            .ok_or(SettingForm::Path)
    }

    /// A list; the words of an environment variable are separated by commas.
    pub(super) fn list<T>(
        &self,
        read: impl Fn(&Self) -> Result<T, SettingForm>,
    ) -> Result<Vec<T>, SettingForm> {
        let each = |item: &Self| {
            read(item).map_err(|form| SettingForm::Each {
                form: Box::new(form),
            })
        };
        match self {
            Self::List(items) => items.iter().map(each).collect(),
            Self::Word(text) => text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| each(&Self::Word(item.to_owned())))
                .collect(),
            _ => Err(SettingForm::List),
        }
    }

    /// Text parsed by its own type.
    pub(super) fn parse<T: FromStr<Err = SettingForm>>(&self) -> Result<T, SettingForm> {
        self.read(|text| text.trim().parse())
    }

    /// As it is shown in a message: short, on one line, and nothing that could hold a password.
    pub(super) fn shown(&self) -> FoundSetting {
        let length = |text: &str| text.chars().count();
        match self {
            Self::Text(text) | Self::Word(text) if text.contains(['@', '?']) => {
                FoundSetting::Unrepeated
            }
            Self::Text(text) | Self::Word(text) if length(text) > 60 => FoundSetting::LongText {
                length: length(text),
            },
            Self::List(items) => FoundSetting::List { items: items.len() },
            Self::Other(kind) => kind.clone(),
            _ => FoundSetting::Toml {
                value: self.to_string(),
            },
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
            // No key has such a value: nothing shows it.
            Self::Other(_) => Ok(()),
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
                .to_string()
                .contains("quotes")
        );
        assert!(
            SettingValue::Fraction(2022.11)
                .label(50)
                .unwrap_err()
                .to_string()
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
        assert_eq!(
            SettingValue::text("http://a:hunter2@h").shown(),
            FoundSetting::Unrepeated
        );
        let value = "\"15 minutes\"".to_owned();
        assert_eq!(
            SettingValue::text("15 minutes").shown(),
            FoundSetting::Toml { value }
        );
        assert_eq!(
            SettingValue::text("x".repeat(61)).shown(),
            FoundSetting::LongText { length: 61 }
        );
    }
}
